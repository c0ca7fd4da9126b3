//! `bourn report`, driven as a user drives it, on a run of the real binary.

mod support;

use std::fs;

use serde_json::Value;
use support::Place;

#[test]
fn a_report_shows_the_figures_of_its_run() {
    let place = Place::new();
    place.ok(&["train", "small.toml", "--run-dir", "run"]);
    let written = place.ok(&["report", "run"]);
    assert_eq!(written.trim(), "run/report.html");
    let page = fs::read_to_string(place.path("run/report.html")).unwrap();

    let figures = fs::read_to_string(place.path("run/boundary/step-000004-heldout.json")).unwrap();
    let figures: Value = serde_json::from_str(&figures).unwrap();
    // Rounded first, half up: 6.25% is shown as 6.3%.
    let first = |side: &str| (1e3 * figures[side]["pass_at_k"][0].as_f64().unwrap()).round() / 10.0;
    let pair = format!("<strong>{:.1} → {:.1}%</strong>", first("base"), first("policy"));
    assert!(page.contains(&pair), "the page lacks {pair}");
    for step in [0, 2, 4] {
        assert!(page.contains(&format!("data-step=\"{step}\"")), "the page lacks step {step}");
    }
    // Every held-out problem with the draws of both models, which are in the run directory.
    assert_eq!(page.matches(" data-order=").count(), 6);
    assert!(page.contains("<small>/8</small>") && !page.contains("not recorded"));
    assert!(!page.contains("http://") && !page.contains("https://"));

    // Again, and of two runs.
    place.ok(&["report", "run"]);
    place.ok(&["train", "small.toml", "--run-dir", "other", "--set", "seed=8"]);
    place.ok(&["report", "run", "other", "--output", "both.html"]);
    let both = fs::read_to_string(place.path("both.html")).unwrap();
    assert!(both.contains("<a href=\"#run0\">run</a>") && both.contains(">other</a>"));

    // The page of hard problems: with every problem hard, those that a model solved.
    let written = place.ok(&["report", "run", "--hard", "hard.html", "--below", "1"]);
    assert_eq!(written, "run/report.html\nhard.html\n");
    let hard = fs::read_to_string(place.path("hard.html")).unwrap();
    let base = &figures["solvable"];
    let solved = ["kept", "newly_solved", "never_solved_again"]
        .map(|set| base[set].as_array().unwrap().len());
    // A problem with all draws right under both is not below 1; none of this small run is.
    assert_eq!(hard.matches("<article").count(), solved.iter().sum::<usize>());
    assert!(!hard.contains("http://") && !hard.contains("https://"));

    // The run can still be resumed with the report in it.
    place.ok(&["train", "small.toml", "--run-dir", "run", "--resume"]);
}

#[test]
fn what_is_no_run_or_no_report_is_refused() {
    let place = Place::new();
    let error = place.fails(&["report"]);
    assert!(error.contains("RUN"), "{error}");
    let error = place.fails(&["report", "nowhere"]);
    assert!(error.contains("nowhere") && error.contains("recipe.toml"), "{error}");

    place.ok(&["train", "small.toml", "--run-dir", "run", "--max-steps", "0"]);
    fs::write(place.path("mine.html"), "mine").unwrap();
    let error = place.fails(&["report", "run", "--output", "mine.html"]);
    assert!(error.contains("mine.html") && error.contains("--output"), "{error}");
    assert_eq!(fs::read_to_string(place.path("mine.html")).unwrap(), "mine");

    let error = place.fails(&["report", "run", "--hard", "hard.html", "--below", "5"]);
    assert!(error.contains("5 is no share"), "{error}");
    let error = place.fails(&["report", "run", "--hard", "run/report.html"]);
    assert!(error.contains("--hard") && error.contains("two files"), "{error}");

    let draws = place.path("run/boundary/base-heldout.draws.jsonl.zst");
    let bytes = fs::read(&draws).unwrap();
    fs::write(&draws, &bytes[..bytes.len() / 2]).unwrap();
    let error = place.fails(&["report", "run"]);
    assert!(error.contains("base-heldout.draws.jsonl.zst"), "{error}");
    assert!(!place.path("run/report.html").exists());
}
