use std::path::Path;

use super::*;
use crate::forecast::kept::Observed;

fn recipe() -> Recipe {
    let text = "[model]\narchitecture = { hidden_size = 32, num_layers = 2, num_heads = 2 }\n\
                [base]\nsteps = 100\nbatch_size = 10\n[[task]]\nkind = 'countdown'\n\
                [rollout]\nprompts_per_step = 4\nnum_generations = 5\nmax_prompt_length = 16\n\
                max_completion_length = 20\n[algorithm]\nname = 'grpo'\n[train]\nmax_steps = 30\n\
                [probe]\ninterval = 10\nproblems = 8\nn_max = 64\nstop = 0\nscores = 0\n[[probe.sampler]]\ntemperature = 1.0\n";
    bourn_recipe::parse(text, Path::new("x.toml"), &[]).unwrap()
}

fn speeds() -> Speeds {
    Speeds { draw: 100.0, fit: 50.0, prompt: 5.0, completion: Some(10.0), trained: None }
}

/// By hand: 20 completions a step of 10 tokens drawn at 100 a second and, with a fifth of their prompt
/// of 5, fitted at 50; 100 steps of 10 × 15 tokens of pretraining; four probes of 512 draws, the first of both models.
#[test]
fn worked_by_hand() {
    let kept = Kept { speeds: Some(speeds()), observed: Observed::default() };
    let (step, base, probe) = (2.0 + 4.4, 300.0, 51.2);
    let check = |done, expect: f64| {
        let found = forecast(&recipe(), &kept, done).unwrap();
        assert!((found.seconds - expect).abs() < 1e-9, "{found:?} {expect}");
        assert!(!found.at_most);
    };
    check(Done::default(), base + 30.0 * step + 3.0 * probe + 2.0 * probe);
    check(Done { base: true, ..Done::default() }, 30.0 * step + 5.0 * probe);
    check(Done { base: true, base_draws: true, steps: 0 }, 30.0 * step + 3.0 * probe);
    // Resumed behind the probe of step 10 and before that of step 20.
    check(Done { base: true, base_draws: true, steps: 15 }, 15.0 * step + 2.0 * probe);
}

/// A quarter of the completions takes a gradient: of a step's 4.4 seconds of it 1.1 are left.
#[test]
fn what_has_no_advantage_takes_no_gradient() {
    let speeds = Speeds { trained: Some(0.25), ..speeds() };
    let kept = Kept { speeds: Some(speeds), observed: Observed::default() };
    let done = Done { base: true, base_draws: true, steps: 15 };
    let found = forecast(&recipe(), &kept, done).unwrap();
    assert!((found.seconds - 15.0 * (2.0 + 1.1) - 2.0 * 51.2).abs() < 1e-9, "{found:?}");
    // Eight groups of four: one teaches, none does, all do.
    for (trained, expect) in [(4, 1.5 / 9.0), (0, 0.5 / 9.0), (32, 8.5 / 9.0)] {
        let trial = Trial { groups: 8, completions: 32, trained, tokens: 640, seconds: 2.0 };
        let after = speeds.after(trial);
        assert!((after.trained.unwrap() - expect).abs() < 1e-12, "{after:?}");
        assert_eq!((after.draw, after.completion, after.fit), (320.0, Some(20.0), speeds.fit));
    }
}

/// Few problems stop early where n_max is small, and what is scored has a bound: by hand, with the stop
/// at success 2, of 16 draws all, and of 1,000 a fifth and then two fifths, of which 64 wrong ones and
/// the two correct ones are scored under either model at three times the speed of a gradient.
#[test]
fn probes_worked_by_hand() {
    for (n_max, base, policy, scored) in [(16, 16.0, 16.0, 16.0), (1000, 200.0, 400.0, 66.0)] {
        let mut recipe = recipe();
        (recipe.probe.n_max, recipe.probe.stop, recipe.probe.scores) = (n_max, 2, 64);
        let kept = Kept { speeds: Some(speeds()), observed: Observed::default() };
        let seconds = |done| forecast(&recipe, &kept, done).unwrap().seconds;
        let steps = 30.0 * (2.0 + 4.4);
        let probe = |draws: f64, scored: f64| 8.0 * (draws / 10.0 + 2.0 * scored / 15.0);
        let later = seconds(Done { base: true, base_draws: true, steps: 0 }) - steps;
        assert!((later - 3.0 * probe(policy, scored)).abs() < 1e-9, "{later}");
        let first = seconds(Done { base: true, ..Done::default() }) - steps - later;
        assert!((first - probe(2.0 * base, scored)).abs() < 1e-9, "{first}");
    }
}

#[test]
fn what_an_earlier_run_took_is_believed() {
    let observed =
        Observed { base: Some(1.0), step: Some(2.0), first_probe: Some(3.0), probe: Some(4.0) };
    for speeds in [None, Some(speeds())] {
        let kept = Kept { speeds, observed };
        let found = forecast(&recipe(), &kept, Done::default()).unwrap();
        assert_eq!(found, Forecast { seconds: 1.0 + 60.0 + 3.0 + 12.0, at_most: false });
    }
    assert_eq!(forecast(&recipe(), &Kept::default(), Done::default()), None);
}

#[test]
fn without_a_length_it_is_an_upper_bound() {
    let speeds = Speeds { completion: None, ..speeds() };
    let kept = Kept { speeds: Some(speeds), observed: Observed::default() };
    let found =
        forecast(&recipe(), &kept, Done { base: true, base_draws: true, steps: 0 }).unwrap();
    assert!(found.at_most && found.to_string().starts_with("at most about "), "{found}");
    // 20 completions of 20 tokens at 100 a second, and of 21 at 50.
    assert!((found.seconds - 30.0 * (4.0 + 8.4) - 3.0 * 102.4).abs() < 1e-9, "{found:?}");
}

#[test]
fn no_more_digits_than_a_forecast_has() {
    let check = |seconds, expect: &str| {
        assert_eq!(Forecast { seconds, at_most: false }.to_string(), expect);
    };
    check(3.0, "about 5 s");
    check(61.0, "about 65 s");
    check(242.0, "about 4 min");
    check(280.0, "about 4.7 min");
    check(1560.0, "about 26 min");
    check(9000.0, "about 2.5 h");
    check(400_000.0, "about 4.6 days");
}

/// Two recipes of one shape share what is known, of two shapes they do not; it survives the disk.
#[test]
fn what_is_kept_is_of_a_shape() {
    let dir = tempfile::tempdir().unwrap();
    let path = |overrides: &[&str]| {
        let overrides: Vec<String> = overrides.iter().map(|text| text.to_string()).collect();
        let text = recipe().to_toml();
        let recipe = bourn_recipe::parse(&text, Path::new("x.toml"), &overrides).unwrap();
        Kept::path(dir.path(), &recipe)
    };
    let own = path(&[]);
    assert_eq!(path(&["seed=3", "train.max_steps=7", "checkpoint.interval=3"]), own);
    assert_ne!(path(&["rollout.num_generations=6"]), own);
    assert_ne!(path(&["model.architecture.num_layers=3"]), own);

    assert_eq!(Kept::read(&own), Kept::default());
    let mut kept = Kept { speeds: Some(speeds()), observed: Observed::default() };
    let times = RunTimes {
        base: Some(9.0),
        steps: vec![1.0, 3.0],
        probes: vec![(0, 8.0), (10, 4.0), (20, 6.0)],
    };
    kept.observe(&times, true);
    let observed =
        Observed { base: Some(9.0), step: Some(2.0), first_probe: Some(8.0), probe: Some(5.0) };
    assert_eq!(kept.observed, observed);
    // A run that found the base's draws says nothing of what they take.
    kept.observe(&RunTimes { probes: vec![(0, 0.1)], ..RunTimes::default() }, false);
    assert_eq!(kept.observed, observed);
    kept.write(&own);
    assert_eq!(Kept::read(&own), kept);
    std::fs::write(&own, "{").unwrap();
    assert_eq!(Kept::read(&own), Kept::default());
    // Where nothing can be kept, nothing fails.
    kept.write(&own.join("below/a/file"));
}
