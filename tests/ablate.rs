//! `bourn ablate`, driven as a user drives it.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use support::{Place, assert_same_run, text};

/// Two variants that train and one that cannot.
const SWEEP: &str = r#"
recipe = "small.toml"
seeds = [1, 2]
k = [1, 64]
[set]
train.max_steps = 2
[[variant]]
name = "GRPO"
[[variant]]
name = "RLOO++"
set.algorithm.name = "rloo"
[[variant]]
name = "too short"
set.rollout.max_prompt_length = 4
"#;

fn place(sweep: &str) -> Place {
    let place = Place::new();
    fs::write(place.path("sweep.toml"), sweep).unwrap();
    place
}

fn without_failure() -> String {
    SWEEP[..SWEEP.rfind("[[variant]]").unwrap()].to_owned()
}

#[test]
fn what_fails_is_reported_and_stops_nothing_else() {
    let place = place(SWEEP);
    let first = place.bourn(&["ablate", "sweep.toml", "-v"]);
    let (table, log) = (text(&first.stdout), text(&first.stderr));
    assert!(!first.status.success(), "{log}");
    assert!(log.contains("2 of the runs failed; the same command tries them again"), "{log}");
    assert!(log.contains("too short, seed 1: problem"), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    // The base is trained once, and its draws made once.
    assert_eq!(log.matches("base: kept in").count(), 1, "{log}");
    for part in ["pass@1 %", "pass@8 %", "base", "GRPO", "RLOO++", "less GRPO", "1, 2"] {
        assert!(table.contains(part), "{part}:\n{table}");
    }
    assert!(!table.contains("too short"), "{table}");

    let sweep = place.path("runs/sweep");
    for file in ["table.md", "table.csv", "runs.csv", "report.html", "ablation.json"] {
        assert!(sweep.join(file).is_file(), "{file}");
    }
    let page = fs::read_to_string(sweep.join("report.html")).unwrap();
    assert!(
        page.contains("Failed runs") && page.contains("too short"),
        "the page lacks the failure"
    );
    let csv = fs::read_to_string(sweep.join("runs.csv")).unwrap();
    assert_eq!(csv.lines().count(), 5, "{csv}");
    assert!(fs::read_to_string(sweep.join("logs/grpo-seed-1.log")).unwrap().contains("pass@k"));

    // The figures of the table are those of the runs.
    let json: Value =
        serde_json::from_str(&fs::read_to_string(sweep.join("ablation.json")).unwrap()).unwrap();
    let seeds = json[0]["variants"][0]["runs"].as_array().unwrap();
    let mut mean = 0.0;
    for run in seeds {
        let figures =
            sweep.join(format!("runs/grpo-seed-{}/boundary/step-000002-heldout.json", run["seed"]));
        let figures: Value = serde_json::from_str(&fs::read_to_string(figures).unwrap()).unwrap();
        let own = figures["policy"]["pass_at_k"][0].as_f64().unwrap();
        assert!((run["policy"][0].as_f64().unwrap() - own).abs() < 1e-12);
        mean += own / seeds.len() as f64;
    }
    let shown = json[0]["variants"][0]["policy"][0]["value"].as_f64().unwrap();
    assert!((shown - mean).abs() < 1e-12, "{shown} {mean}");

    // What is done is not done again.
    let again = place.fails(&["ablate", "sweep.toml"]);
    assert!(again.contains("sweep: 4 of 6 runs are done already"), "{again}");
    // No machine has so many cores.
    let bounded = place.fails(&["ablate", "sweep.toml", "--jobs", "1024"]);
    assert!(bounded.contains("--jobs 1024 asks for more runs at once than there are cores"));
    // Without the variant that cannot train, there is nothing left to do.
    fs::write(place.path("sweep.toml"), without_failure()).unwrap();
    let done = place.ok(&["ablate", "sweep.toml"]);
    assert!(done.contains("RLOO++"), "{done}");
    let tables = place.ok(&["ablate", "sweep.toml", "--tables", "--json"]);
    let tables: Value = serde_json::from_str(&tables).unwrap();
    assert_eq!(tables, json);
    // A sweep that changed says so before it trains anything.
    fs::write(
        place.path("sweep.toml"),
        without_failure().replace("max_steps = 2", "max_steps = 3"),
    )
    .unwrap();
    let changed = place.fails(&["ablate", "sweep.toml"]);
    assert!(changed.contains("max_steps") && changed.contains("runs/sweep/runs/grpo-seed-1"));
}

#[test]
fn a_sweep_goes_on_where_it_was_stopped_and_ends_as_if_it_never_was() {
    let sweep = without_failure().replace("max_steps = 2", "max_steps = 40");
    let place = place(&sweep);
    place.ok(&["ablate", "sweep.toml", "--run-dir", "whole", "--jobs", "1"]);

    let mut child = place
        .command(&["ablate", "sweep.toml", "--run-dir", "parts", "--jobs", "2"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let begun = place.path("parts/runs/grpo-seed-1/checkpoints/step-000002");
    while !begun.exists() {
        assert!(child.try_wait().unwrap().is_none(), "the sweep ended before it was stopped");
        std::thread::park_timeout(Duration::from_millis(2));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let stopped = child.wait_with_output().unwrap();
    let log = text(&stopped.stderr);
    assert_eq!(stopped.status.code(), Some(130), "{log}");
    assert!(log.contains("the same command goes on from here"), "{log}");

    place.ok(&["ablate", "sweep.toml", "--run-dir", "parts", "--jobs", "2", "--memory", "4"]);
    for run in ["grpo-seed-1", "grpo-seed-2", "rloopp-seed-1", "rloopp-seed-2"] {
        let at = |dir: &str| place.path(&format!("{dir}/runs/{run}"));
        // A run that was stopped between two checkpoints has left one where it stood.
        for entry in fs::read_dir(at("parts").join("checkpoints")).unwrap() {
            let left = entry.unwrap();
            if !at("whole").join("checkpoints").join(left.file_name()).exists() {
                fs::remove_dir_all(left.path()).unwrap();
            }
        }
        assert_same_run(&at("whole"), &at("parts"));
    }
    let figures = |dir: &str| -> Value {
        let path = place.path(dir).join("ablation.json");
        let text = fs::read_to_string(path).unwrap();
        // Seconds are of the day.
        let mut json: Value = serde_json::from_str(&text).unwrap();
        forget(&mut json, "seconds");
        json
    };
    assert_eq!(figures("whole"), figures("parts"));
}

fn forget(json: &mut Value, key: &str) {
    match json {
        Value::Object(object) => {
            object.remove(key);
            object.values_mut().for_each(|value| forget(value, key));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| forget(value, key)),
        _ => {}
    }
}

#[test]
fn a_dry_run_lists_the_runs_and_writes_nothing_and_mistakes_are_named() {
    let place = place(SWEEP);
    let plan = place.ok(&["ablate", "sweep.toml", "--dry-run"]);
    assert!(plan.contains("3 variants x 2 seeds = 6"), "{plan}");
    assert!(plan.contains("algorithm.name = rloo"), "{plan}");
    assert!(plan.contains("one run after the other"), "{plan}");
    assert!(!place.path("runs").exists());
    fs::write(place.path("bad.toml"), SWEEP.replace("\"rloo\"", "\"rlooo\"")).unwrap();
    let bad = place.fails(&["ablate", "bad.toml"]);
    assert!(bad.contains("bad.toml:11:") && bad.contains("variant `RLOO++`"), "{bad}");
    let memory = place.fails(&["ablate", "sweep.toml", "--memory", "none"]);
    assert!(memory.contains("give a number of GiB"), "{memory}");
    let none = place.fails(&["ablate", "sweep.toml", "--tables", "--dry-run"]);
    assert!(none.contains("cannot be used with"), "{none}");
}

#[test]
fn every_shipped_sweep_is_a_sweep() {
    let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    let mut found = 0;
    for entry in fs::read_dir(recipes).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("ablate-") {
            let sweep = bourn_recipe::load_sweep(&path).unwrap();
            assert!(sweep.seeds.len() >= 3, "{}", path.display());
            found += 1;
        }
    }
    assert_eq!(found, 6);
}
