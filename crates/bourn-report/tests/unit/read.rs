use std::fs;

use super::*;
use crate::problems::ProblemStatus;
use crate::run_fixture::{RunFixture, has};

#[test]
fn a_run_is_read_as_it_was_written() {
    let run = read_run(&RunFixture::new().path("run")).unwrap();
    assert_eq!((run.seed, run.steps, run.max_steps), (3, 2, 4));
    assert_eq!(run.reward, [(1, 0.25), (2, 0.75)]);
    // 2 s × 500 and 4 s × 58.5 tokens.
    assert_eq!(
        run.cost,
        Some(TrainingCost { tokens: 1234.0, seconds: 6.0, steps: 2, probes: 0.0, base: 0.0 })
    );
    let [set] = &run.sets[..] else { panic!("{:?}", run.sets) };
    assert_eq!((set.name.as_str(), set.has_base, set.checkpoints.len()), ("set", true, 2));
    let problems: Vec<_> =
        set.problems.iter().map(|p| (p.id.as_str(), p.status, p.delta().unwrap())).collect();
    // Correct of four: gained 0 → 3, lost 2 → 0, kept 1 → 4.
    assert_eq!(
        problems,
        [
            ("gained", ProblemStatus::Gained, 0.75),
            ("lost", ProblemStatus::Lost, -0.5),
            ("kept", ProblemStatus::Kept, 0.75)
        ]
    );
}

#[test]
fn what_a_run_lacks_is_said_or_is_an_error_with_its_file() {
    let check = |file: &str, change: &dyn Fn(&Path), parts: &[&str]| {
        let fixture = RunFixture::new();
        change(&fixture.path("run").join(file));
        let error = read_run(&fixture.path("run")).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{file}: {error}");
        }
    };
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    let halve = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    };
    let put = |text: &'static str| move |path: &Path| fs::write(path, text).unwrap();
    check("recipe.toml", &remove, &["holds no run", "recipe.toml"]);
    check("recipe.toml", &put("name = 3"), &["recipe.toml", "string"]);
    check("metrics.jsonl", &remove, &["metrics.jsonl"]);
    check("metrics.jsonl", &put("{\"step\":0}\n{oops\n"), &["metrics.jsonl", "line 2"]);
    check(
        "metrics.jsonl",
        &put("{\"step\":0,\"boundary/../x/problems\":1}\n"),
        &["metrics.jsonl", "../x"],
    );
    check("timing.jsonl", &put("{oops\n"), &["timing.jsonl", "line 1"]);
    check("boundary/step-000000-set.json", &remove, &["step-000000-set.json"]);
    check("boundary/step-000002-set.json", &halve, &["step-000002-set.json", "torn"]);
    let shorter = |path: &Path| {
        let text = fs::read_to_string(path).unwrap().replacen("\"k\":[1,2,4]", "\"k\":[1,2]", 1);
        fs::write(path, text).unwrap();
    };
    check("boundary/step-000002-set.json", &shorter, &["base.pass_at_k", "3 values for 2"]);
    let beyond = |path: &Path| {
        let text = fs::read_to_string(path).unwrap().replacen("0.25", "2.5", 1);
        fs::write(path, text).unwrap();
    };
    check("boundary/step-000002-set.json", &beyond, &["base.pass_at_k", "2.5", "no share"]);
    check("boundary/step-000002-set.draws.jsonl.zst", &remove, &["step-000002-set.draws"]);
    check("boundary/step-000002-set.draws.jsonl.zst", &halve, &["step-000002-set.draws", "torn"]);
    check("boundary/base-set.draws.jsonl.zst", &halve, &["base-set.draws", "torn"]);

    // Without the base's draws, without timing, without probes there is still a page.
    let fixture = RunFixture::new();
    remove(&fixture.path("run/boundary/base-set.draws.jsonl.zst"));
    remove(&fixture.path("run/timing.jsonl"));
    let page = fixture.page(&["run"]);
    has(&page, &["without the base's draws", "not recorded"]);
    assert!(!page.contains("drawn and trained on"));
    fs::write(fixture.path("run/metrics.jsonl"), "{\"step\":1,\"train/reward\":0.5}\n").unwrap();
    has(&fixture.page(&["run"]), &["never probed", "Training reward"]);
    // Files of a probe that the metrics do not know are those of a step to be run again.
    assert!(read_run(&fixture.path("run")).unwrap().sets.is_empty());
}

#[test]
fn older_figures_are_read_under_their_names_and_start_as_one_model() {
    let fixture = RunFixture::new();
    let same = |step: u64, old: bool| {
        let path = fixture.path(&format!("run/boundary/step-{step:06}-set.json"));
        let text = fs::read_to_string(&path).unwrap();
        let [new_names, old_names] =
            [["\"never_solved_again\"", "\"newly_solved\""], ["\"lost\"", "\"gained\""]];
        let text = match old {
            true => text.replace(new_names[0], old_names[0]).replace(new_names[1], old_names[1]),
            false => text,
        };
        fs::write(&path, text).unwrap();
        let run = read_run(&fixture.path("run")).unwrap();
        let probed = run.sets[0].checkpoints.iter().find(|c| c.step == step).unwrap();
        let gone = probed.boundary.solvable.never_solved_again.len();
        assert_eq!(gone, usize::from(step == 2));
        probed.boundary.policy_is_base
    };
    assert_eq!([same(0, false), same(0, true), same(2, true)], [false, true, false]);
    has(
        &fixture.page(&["run"]),
        &["<td>one model</td>", "<b>Policy and base are the same model here"],
    );
}
