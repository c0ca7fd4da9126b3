//! A sweep of two variants for tests, here and of the report.

use bourn_probe::{
    Ablation, AgainstNull, Difference, DrawCounts, Estimate, RunFigures, Spread, VariantFigures,
};

pub(crate) fn sample() -> Ablation {
    let e = |value: f64, half: f64| Estimate { value, ci_low: value - half, ci_high: value + half };
    let s = |mean: f64, half: f64| Spread { mean, least: mean - half, most: mean + half };
    let run = |seed: u64, pass: f64| RunFigures {
        seed,
        policy: vec![pass, pass + 0.5],
        delta_se: 0.7,
        lost_or_nearly: Some([20.0, 0.2, 0.001]),
        new_or_nearly: Some([0.0, 0.2, 1.0]),
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
        lost_or_nearly: Some(AgainstNull { found: s(20.0, 5.0), null: 0.25, p: 0.01 }),
        new_or_nearly: None,
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
