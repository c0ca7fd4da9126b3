//! `bourn probe`, driven as a user drives it.

mod support;

use std::fs;

use serde_json::Value;
use support::{Place, files, text};

/// A run of two steps, with its checkpoints.
fn trained(extra: &[&str]) -> Place {
    let place = Place::new();
    let run = ["train", "small.toml", "--run-dir", "run", "--set", "train.max_steps=2"];
    let run = [&run[..], &["--set", "checkpoint.interval=1", "--set", "probe.interval=1"]].concat();
    place.ok(&[&run[..], extra].concat());
    place
}

/// A place with the base alone, as the checkpoint of a run of no steps.
fn base_only() -> Place {
    let place = Place::new();
    let run = ["train", "small.toml", "--run-dir", "run", "--max-steps", "0"];
    place.ok(&[&run[..], &["--set", "probe.interval=0"]].concat());
    place
}

fn figures(place: &Place, args: &[&str]) -> Value {
    let out = place.ok(&[&["probe", "--json"], args].concat());
    assert_eq!(out.lines().count(), 1, "{out}");
    serde_json::from_str(&out).unwrap()
}

const BASE: &str = "run/checkpoints/step-000000";
const FIRST: &str = "run/checkpoints/step-000001";
const LAST: &str = "run/checkpoints/step-000002";

#[test]
fn a_run_probed_again_gives_what_it_gave_to_the_byte() {
    let place = trained(&["--set", "probe.temperature={grid=[0.5], match_draws=4}"]);
    let run = ["probe", "--run", "run", "--output", "again", "--full", "-v"];
    let output = place.bourn(&run);
    let (table, said) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert!(table.contains("pass@k on heldout: 6 problems") && table.contains("Δ_SE"), "{table}");
    assert!(said.contains("smallest Δ these draws can show"), "{said}");
    assert!(said.contains("probe: base: ") && said.contains(" 0 made now"), "{said}");
    assert!(table.contains("both at 0.5"), "{table}");
    for name in [
        "step-000002-heldout.json",
        "step-000002-heldout.draws.jsonl.zst",
        "base-heldout.draws.jsonl.zst",
    ] {
        let [own, again] = ["run", "again"]
            .map(|dir| fs::read(place.path(dir).join("boundary").join(name)).unwrap());
        assert!(own == again, "{name} differs");
    }
    assert_eq!(
        fs::read(place.path("run/recipe.toml")).unwrap(),
        fs::read(place.path("again/recipe.toml")).unwrap()
    );
    let about: Value =
        serde_json::from_slice(&fs::read(place.path("again/probe.json")).unwrap()).unwrap();
    assert_eq!((&about["step"], &about["sets"][0]), (&2.into(), &"heldout".into()));

    // Probing there again replaces it; nothing is drawn that was drawn before, the policy's draws
    // included, and the figures are the same.
    let before = files(&place.path("again"));
    let said = text(&place.bourn(&run).stderr);
    // Base and policy, as probed and at 0.5, and the policy at equal entropy if there is one.
    let drawn = said.matches(" draws count").count();
    assert!(drawn >= 4 && said.matches(" 0 made now").count() == drawn, "{said}");
    assert_eq!(files(&place.path("again")), before);

    // An earlier checkpoint, and a report of either.
    let mut at = figures(&place, &["--run", "run", "--checkpoint", "1"]);
    let own = fs::read(place.path("run/boundary/step-000001-heldout.json")).unwrap();
    let own: Value = serde_json::from_slice(&own).unwrap();
    // The run looks at other temperatures after its last step, this command always.
    assert!(at.as_object_mut().unwrap().remove("temperatures").is_some());
    assert_eq!(at, own);
    let report = place.ok(&["report", "again"]);
    let page = fs::read_to_string(place.path(report.trim())).unwrap();
    assert!(
        page.contains("<dt>policy</dt>") && page.contains("bourn probe --base"),
        "not a probe's"
    );
    assert!(!page.contains("Over training"));
    // More draws than the run made: k goes on, and what was drawn is the beginning of it.
    let more = figures(&place, &["--run", "run", "--set", "probe.n_max=16"]);
    assert_eq!(more["k"], serde_json::json!([1, 2, 4, 8, 16]));
}

#[test]
fn two_checkpoints_are_probed_as_any_two_models() {
    let place = trained(&["--set", "probe.interval=0"]);
    let models = ["--base", FIRST, "--policy", LAST];
    let task = ["--task", "small.toml", "--output", "out"];
    let boundary = figures(&place, &[&models[..], &task].concat());
    assert_eq!(boundary["problems"], 6);
    assert_eq!(boundary["set"], "heldout");
    assert_eq!(boundary["paired"]["look"], 1);
    // Nor has a run looked that does not probe.
    assert_eq!(figures(&place, &["--run", "run"])["paired"]["look"], 1);
    let resolved = fs::read_to_string(place.path("out/recipe.toml")).unwrap();
    assert!(resolved.contains(&format!("path = \"{FIRST}\"")) && !resolved.contains("[base]"));
    // The recipe that was written does it again.
    let task = ["--task", "out/recipe.toml"];
    assert_eq!(figures(&place, &[&models[..], &task].concat()), boundary);
    // Two samplers: an object for each, one a line.
    let two = "probe.sampler=[{temperature=1.0}, {temperature=0.5}]";
    let args = [&["probe", "--json"][..], &models, &task, &["--set", two]].concat();
    let out = place.ok(&args);
    let sets: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        sets.iter().map(|set| set["set"].as_str().unwrap()).collect::<Vec<_>>(),
        ["heldout-t1-p1", "heldout-t0.5-p1"]
    );
    assert_eq!(sets[0]["policy"], boundary["policy"]);
}

#[test]
fn tasks_of_the_command_line() {
    let place = base_only();
    let models = ["--base", BASE, "--policy", BASE];
    let set = ["--set", "rollout.max_completion_length=8", "--set", "probe.n_max=4"];
    let sampler = ["--set", "probe.sampler=[{temperature=1.0}]"];
    let short = ["--task", "countdown", "--set", "probe.problems=3", "--set", "task.0.numbers=2"];
    let range = ["--set", "task.0.range=[1, 9]", "--set", "task.0.target=[1, 81]"];
    let boundary = figures(&place, &[&models[..], &short, &range, &set, &sampler].concat());
    assert_eq!(
        (&boundary["problems"], &boundary["n"]["base"]),
        (&3.into(), &serde_json::json!([4, 4]))
    );

    let lines = "{\"q\":\"1 1 -> 2:\",\"a\":\"1+1\"}\n{\"q\":\"2 3 -> 6:\",\"a\":\"2*3\"}\n";
    fs::write(place.path("own.jsonl"), lines).unwrap();
    let columns = ["--task", "own.jsonl", "--prompt-column", "q", "--answer-column", "a"];
    let verifier = ["--verifier", "exact", "--set", "probe.problems=2"];
    let args = [&models[..], &columns, &verifier, &set, &sampler].concat();
    assert_eq!(figures(&place, &args)["problems"], 2, "all of a file's problems are for the probe");

    let fails = |args: &[&[&str]], parts: &[&str]| {
        let args = [&["probe"][..], &set, &args.concat()].concat();
        let error = place.fails(&args);
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?}: {error}");
    };
    fails(&[&models, &["--task", "own.jsonl"]], &["own.jsonl:1", "question", "`a`", "`q`"]);
    fails(
        &[&models, &columns, &["--verifier", "countdown"]],
        &["--task own.jsonl", "cannot judge"],
    );
    fails(&[&models, &columns, &["--verifier", "oracle"]], &["oracle", "math"]);
    fails(&[&models, &["--task", "nowhere.jsonl"]], &["nowhere.jsonl"]);
    fails(&[&models, &["--task", "nowhere.toml"]], &["nowhere.toml"]);
    fails(
        &[&models, &["--task", "small.toml", "--verifier", "exact"]],
        &["small.toml is a recipe"],
    );
    fails(&[&["--base", "nowhere", "--policy", BASE], &short, &range], &["nowhere"]);
    fails(
        &[&["--base", BASE, "--policy", "run"], &short, &range],
        &["is a run, not a model", BASE],
    );
    fails(&[&["--base", BASE, "--policy", BASE]], &["--task"]);
    fails(&[], &["--run"]);
    fails(&[&["--run", "nowhere"]], &["nowhere holds no run"]);
    fails(&[&["--run", "run", "--checkpoint", "7"]], &["no checkpoint at step 7", "steps 0"]);
    fails(
        &[&models, &short, &["--set", "rollout.max_completion_length=64"]],
        &[BASE, "64", "context is 48"],
    );
    let samples = ["--set", "probe.resamples=100", "--set", "probe.confidence=0.999"];
    fails(&[&models, &short, &samples], &["probe.resamples"]);
    // The base of the run is not the one its recipe gives now.
    fails(&[&["--run", "run", "--set", "base.steps=1"]], &["was started from a base"]);

    // A place that is in use is refused before anything is drawn, and left as it was.
    let before = files(&place.path("run"));
    fails(&[&models, &short, &range, &["--output", "run"]], &["run holds something", "--output"]);
    fails(&[&models, &short, &range, &["--output", "own.jsonl"]], &["own.jsonl"]);
    assert_eq!(files(&place.path("run")), before);
}

#[test]
fn models_with_different_tokenizers_answer_the_same_problems() {
    let place = base_only();
    // Another puzzle's prompts have other characters, and so another vocabulary and embedding.
    let other = fs::read_to_string(place.path("small.toml")).unwrap();
    let other = other
        .replace("hidden_size = 32", "hidden_size = 16")
        .replace("numbers = 2", "numbers = 2\ntemplate = \"Q {prompt}\"");
    fs::write(place.path("other.toml"), other).unwrap();
    let train = ["train", "other.toml", "--run-dir", "other", "--max-steps", "0"];
    place.ok(&[&train[..], &["--set", "probe.interval=0", "--set", "base.steps=40"]].concat());
    let policy = "other/checkpoints/step-000000";
    let args = ["probe", "--base", BASE, "--policy", policy, "--task", "small.toml", "--json"];
    let output = place.bourn(&args);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("the models' tokenizers differ"), "{said}");
    assert!(said.contains("where answers came from is left out"), "{said}");
    assert!(!said.contains("prompts differ"), "both read the plain text: {said}");
    let apart: Value = serde_json::from_slice(&output.stdout).unwrap();
    // The base's draws are those that it makes beside itself, in one engine.
    let same = figures(&place, &["--base", BASE, "--policy", BASE, "--task", "small.toml"]);
    assert_eq!(apart["base"], same["base"]);
    assert!(apart["origins"].is_null() && same["origins"].is_object());
    assert_ne!(apart["policy"], same["policy"]);
    // And the other way round, the policy of before as the base.
    let args = ["--base", policy, "--policy", policy, "--task", "small.toml"];
    assert_eq!(figures(&place, &args)["problems"], 6);
}

#[test]
fn other_temperatures() {
    let place = base_only();
    let probe = |temperature: &str| {
        let set = format!("probe.temperature={temperature}");
        let args = ["probe", "--base", BASE, "--policy", BASE, "--task", "small.toml", "--json"];
        let problems = ["-v", "--set", "probe.problems=10", "--set", &set];
        let output = place.bourn(&[&args[..], &problems].concat());
        let said = text(&output.stderr);
        assert!(output.status.success(), "{said}");
        (serde_json::from_slice::<Value>(&output.stdout).unwrap(), said)
    };
    // The sampler's own temperature is 1. At it the grid gives the probe's figures to the bit, with
    // the probe's own rule (the same draws) and without a rule, whose draws begin as those do.
    let (whole, said) = probe("{grid=[0.5, 1.0], match_draws=32}");
    let own = &whole["temperatures"]["grid"][1];
    let line = |said: &str| said.lines().filter(|line| line.contains("temperature 1:")).count();
    assert_eq!(line(&said), 0, "drawn again: {said}");
    for side in ["base", "policy", "delta"] {
        let curve = |list: &Value, key: &str| -> Vec<f64> {
            list.as_array().unwrap().iter().map(|e| e[key].as_f64().unwrap()).collect()
        };
        for (here, there) in [("value", "pass_at_k"), ("ci_low", "ci_low"), ("ci_high", "ci_high")]
        {
            let list: Vec<f64> = serde_json::from_value(whole[side][there].clone()).unwrap();
            assert_eq!(curve(&own[side], here), list, "{side} {here}");
        }
    }
    assert_eq!(own["base_entropy"], whole["entropy"]["base"]);
    assert_eq!(own["policy_entropy"], whole["entropy"]["policy"]);
    // Colder draws are less uncertain.
    let cold = &whole["temperatures"]["grid"][0];
    let nats = |point: &Value, side: &str| point[side].as_f64().unwrap();
    assert!(nats(cold, "base_entropy") < nats(own, "base_entropy"), "{cold}");
    assert!(nats(cold, "policy_entropy") < nats(own, "policy_entropy"), "{cold}");

    // A base against itself: the entropies agree within the tolerance that is said, which is a
    // quarter of a standard error or a thousandth of a nat, and the temperature is nearly its own:
    // what is left is the noise of the two sets of draws, a standard error or three of entropy.
    let matched = &whole["temperatures"]["matched"];
    let said = said.lines().find(|line| line.contains("equal entropy: policy")).unwrap();
    let number = |after: &str| -> f64 {
        let rest = said.split(after).nth(1).unwrap();
        let digits: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        digits.parse().unwrap()
    };
    let (tolerance, error) = (number("within "), number("standard error "));
    let gap = nats(matched, "policy_entropy") - nats(matched, "base_entropy");
    // Half a unit of the last digit that is printed.
    assert!(gap.abs() <= tolerance + 5e-5, "{gap} {said}");
    assert_eq!(matched["base_temperature"], 1.0);
    let slope = (nats(own, "policy_entropy") - nats(cold, "policy_entropy")) / 0.5;
    let temperature = nats(matched, "policy_temperature");
    assert!((temperature - 1.0).abs() <= 4.0 * error / slope, "{temperature} {slope} {said}");

    // Fewer draws end the curve earlier; the search may be left out; a second time is the same.
    let (few, said) = probe("{match=false, grid=[1.0], n_max=4, stop=0}");
    let grid = &few["temperatures"]["grid"][0];
    assert_eq!(grid["base"].as_array().unwrap().len(), 3);
    assert_eq!(grid["draws"], 2 * 4 * 10);
    assert_eq!(few["temperatures"]["matched"], Value::Null);
    assert_eq!(line(&said), 2, "{said}");
    assert_eq!(probe("{grid=[0.5, 1.0], match_draws=32}").0, whole);
}

#[test]
fn ctrl_c_keeps_the_draws_and_says_where() {
    let place = base_only();
    let models = ["probe", "--base", BASE, "--policy", BASE, "--task", "small.toml"];
    let whole = place.ok(&[&models[..], &["--json"]].concat());
    fs::remove_dir_all(place.path("cache/ledgers")).unwrap();
    // Draws enough for hours, so that the signal comes before their end.
    let hours = ["--output", "out", "--set", "probe.stop=0", "--set", "probe.n_max=1048576", "-v"];
    let args = [&models[..], &hours].concat();
    let (code, rest) = place.signalled(&args, "smallest Δ", "-INT");
    assert_eq!(code, Some(130), "{rest}");
    assert!(rest.contains("interrupted; what was drawn is kept in"), "{rest}");
    assert!(rest.contains("cache/ledgers") && !rest.contains("panicked"), "{rest}");
    assert!(!place.path("out").exists(), "half a probe was written");
    assert_eq!(place.ok(&[&models[..], &["--json"]].concat()), whole, "what was kept is right");
}
