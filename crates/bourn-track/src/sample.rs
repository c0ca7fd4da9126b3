//! Boundary figures to draw and to tabulate in tests and in the example: a policy that is ahead
//! at small k and behind at large k.

use bourn_probe::{Boundary, Curve, DrawCounts, EntropyPair, Solvable};

/// Nine values of k, 96 problems, a crossover at 16.
pub fn boundary() -> Boundary {
    let base = [0.092, 0.168, 0.287, 0.449, 0.632, 0.794, 0.906, 0.969, 0.9896];
    let policy = [0.257, 0.331, 0.394, 0.449, 0.495, 0.533, 0.566, 0.597, 0.625];
    let delta: Vec<f64> = base.iter().zip(policy).map(|(b, p)| p - b).collect();
    Boundary {
        k: (0..9).map(|i| 1 << i).collect(),
        base: curve(&base, 0.03, 0.0, 1.0),
        policy: curve(&policy, 0.07, 0.0, 1.0),
        delta: curve(&delta, 0.08, -1.0, 1.0),
        crossover_k: Some(16),
        delta_se: 0.9896 - 0.257,
        delta_se_ci_low: 0.6501,
        delta_se_ci_high: 0.8149,
        solvable: Solvable {
            kept: ids("kept", 60),
            gained: vec![],
            lost: ids("lost", 35),
            neither: ids("neither", 1),
        },
        problems: 96,
        n: DrawCounts { base: [256, 256], policy: [256, 256] },
        draws: None,
        confidence: 0.95,
        resamples: 2000,
        entropy: Some(EntropyPair {
            base: 0.512,
            base_ci_low: 0.498,
            base_ci_high: 0.527,
            policy: 0.19,
            policy_ci_low: 0.181,
            policy_ci_high: 0.2,
        }),
        sampler: Some("temperature 0.6, top_p 0.95".to_string()),
        set: Some("countdown".to_string()),
        paired: None,
        solvability: None,
        support: None,
        extrapolation: None,
        origins: None,
        temperatures: None,
    }
}

fn curve(values: &[f64], half: f64, low: f64, high: f64) -> Curve {
    Curve {
        pass_at_k: values.to_vec(),
        ci_low: values.iter().map(|v| (v - half).clamp(low, high)).collect(),
        ci_high: values.iter().map(|v| (v + half).clamp(low, high)).collect(),
    }
}

fn ids(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{name}-{i:02}")).collect()
}
