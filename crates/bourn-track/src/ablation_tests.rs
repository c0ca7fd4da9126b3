use bourn_probe::{DrawCounts, RunFigures};

use super::*;

pub(crate) fn sample() -> Ablation {
    let e = |value: f64, half: f64| Estimate { value, ci_low: value - half, ci_high: value + half };
    let s = |mean: f64, half: f64| Spread { mean, least: mean - half, most: mean + half };
    let run = |seed: u64, pass: f64| RunFigures {
        seed,
        policy: vec![pass, pass + 0.5],
        delta_se: 0.7,
        lost: Some([20.0, 0.2, 0.001]),
        gained: Some([0.0, 0.2, 1.0]),
        entropy: Some(0.5),
        tokens: Some(1_000_000.0),
        seconds: Some(60.5),
    };
    let variant = |name: &str, pass: f64| VariantFigures {
        name: name.into(),
        changes: vec![("algorithm.name".into(), "x".into())],
        base: vec![e(0.07, 0.02), e(0.99, 0.01)],
        policy: vec![e(pass, 0.1), e(pass + 0.5, 0.1)],
        change: vec![e(pass - 0.07, 0.1), e(pass - 0.49, 0.1)],
        seed_sd: vec![Some(0.01); 2],
        base_curve: vec![e(0.07, 0.02), e(0.12, 0.02), e(0.99, 0.01)],
        policy_curve: vec![e(pass, 0.1), e(pass + 0.1, 0.1), e(pass + 0.5, 0.1)],
        delta_se: e(0.7, 0.1),
        lost: Some(AgainstNull { found: s(20.0, 5.0), null: 0.25 }),
        gained: None,
        base_entropy: Some(s(1.2, 0.0)),
        entropy: Some(s(0.5, 0.1)),
        tokens: Some(s(1_000_000.0, 0.0)),
        seconds: Some(s(60.5, 2.0)),
        runs: vec![run(1, pass), run(2, pass + 0.01)],
    };
    let difference = |k: u64, p_holm| Difference {
        from: 0,
        of: 1,
        k,
        difference: e(-0.05, 0.04),
        p_value: 0.02,
        p_holm: Some(p_holm),
        seeds: 2,
    };
    Ablation {
        name: "ablate-algorithms".into(),
        set: "heldout".into(),
        confidence: 0.95,
        problems: 96,
        n: DrawCounts { base: [256, 256], policy: [256, 256] },
        k: vec![1, 256],
        curve_k: vec![1, 2, 256],
        variants: vec![variant("GRPO", 0.25), variant("PPO, \"own\" | <b>", 0.2)],
        reference: Some(0),
        differences: vec![difference(1, 0.04), difference(256, 0.04)],
        one_base: true,
    }
}

#[test]
fn the_terminal_shows_figures_differences_and_costs() {
    insta::assert_snapshot!(ablation_table(&sample()));
}

#[test]
fn markdown_and_csv_keep_their_columns() {
    let failed = FailedRun {
        variant: "PPO".into(),
        seed: 3,
        problem: "the loss is NaN".into(),
        log: "logs/x".into(),
    };
    let text = ablation_markdown(&[sample()], &[failed]);
    assert!(text.contains("| PPO, \"own\" \\| <b> | 20.0 [10.0, 30.0]"), "{text}");
    assert!(text.contains("- failed: PPO, seed 3: the loss is NaN"), "{text}");
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    let table: Vec<_> = text.lines().take(5).collect();
    assert!(table.iter().all(|line| bars(line) == bars(table[0])), "{table:#?}");

    for csv in [ablation_csv(&[sample()]), ablation_runs_csv(&[sample()])] {
        let columns = |line: &str| {
            let (mut quoted, mut count) = (false, 1);
            for c in line.chars() {
                match c {
                    '"' => quoted = !quoted,
                    ',' if !quoted => count += 1,
                    _ => {}
                }
            }
            count
        };
        let counts: Vec<usize> = csv.lines().map(columns).collect();
        assert!(counts.iter().all(|&count| count == counts[0]), "{counts:?}\n{csv}");
        assert!(csv.contains("\"PPO, \"\"own\"\" | <b>\""), "{csv}");
    }
}

#[test]
fn one_seed_is_said_and_missing_references_leave_no_table() {
    let mut a = sample();
    a.variants[0].runs.truncate(1);
    a.reference = None;
    assert!(differences(&a).is_none());
    assert!(notes(&a).iter().any(|note| note.contains("1 to 2 seeds")));
    assert!(notes(&a).iter().any(|note| note.contains("nothing about training again")));
}
