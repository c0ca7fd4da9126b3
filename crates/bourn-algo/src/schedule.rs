//! Learning rate and gradient-norm clipping.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use std::f64::consts::PI;

/// What follows the warmup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Stays at `lr`.
    Constant,
    /// Falls linearly to 0, reached just after the last update.
    Linear,
    /// Falls as half a cosine to 0, reached just after the last update.
    Cosine,
}

/// Learning rate of optimiser update `step` (counted from 0) out of `total`.
///
/// - Warmup: update s < `warmup` gets peak · (s + 1) / warmup, so that the first update moves and
///   the last of the warmup is at the peak.
/// - Then the shape, over `total` − `warmup` updates, starting at the peak. A falling shape reaches
///   0 at `step == total`, one past the last update, so that the last one still learns: with
///   `Linear` it gets peak / (total − warmup). From `total` on a falling shape stays at 0.
/// - A warmup as long as the run or longer is cut off by the run's end.
pub fn learning_rate(step: u64, total: u64, peak: f64, warmup: u64, schedule: Schedule) -> f64 {
    if step < warmup {
        // As floats before the addition: step + 1 cannot overflow.
        return peak * ((step as f64 + 1.0) / warmup as f64);
    }
    let progress =
        if step < total { (step - warmup) as f64 / (total - warmup) as f64 } else { 1.0 };
    peak * match schedule {
        Schedule::Constant => 1.0,
        Schedule::Linear => 1.0 - progress,
        Schedule::Cosine => 0.5 * (1.0 + (PI * progress).cos()),
    }
}

/// Factor that brings a gradient of global L2 norm `norm` down to `max_norm`: min(1,
/// max_norm / norm), and 1 where `max_norm` is 0 (no clipping).
///
/// A norm that is not finite gives NaN, so that it cannot pass for a gradient.
pub fn clip_scale(norm: f64, max_norm: f64) -> f64 {
    if !norm.is_finite() {
        f64::NAN
    } else if max_norm > 0.0 && norm > max_norm {
        max_norm / norm
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(shape: Schedule, total: u64, warmup: u64, expect: &[f64]) {
        for (step, expect) in (0u64..).zip(expect) {
            let rate = learning_rate(step, total, 8.0, warmup, shape);
            // cos(π/2) and cos(π) are off by an ulp of 1, times half the peak.
            assert!((rate - expect).abs() <= 4.0 * f64::EPSILON, "step {step}: {rate}");
        }
    }

    #[test]
    fn worked_by_hand() {
        check(Schedule::Constant, 4, 0, &[8.0, 8.0, 8.0, 8.0, 8.0]);
        check(Schedule::Constant, 4, 4, &[2.0, 4.0, 6.0, 8.0, 8.0]);
        check(Schedule::Linear, 4, 0, &[8.0, 6.0, 4.0, 2.0, 0.0, 0.0]);
        check(Schedule::Linear, 6, 2, &[4.0, 8.0, 8.0, 6.0, 4.0, 2.0, 0.0, 0.0]);
        // ½(1 + cos): at 0, ⅓, ½, ⅔ and 1 of the way it is 1, ¾, ½, ¼ and 0.
        check(Schedule::Cosine, 3, 0, &[8.0, 6.0, 2.0, 0.0, 0.0]);
        check(Schedule::Cosine, 3, 1, &[8.0, 8.0, 4.0, 0.0]);
        // A warmup longer than the run, and runs of no update.
        check(Schedule::Linear, 2, 4, &[2.0, 4.0, 6.0, 8.0, 0.0]);
        check(Schedule::Cosine, 0, 0, &[0.0]);
        check(Schedule::Constant, 0, 0, &[8.0]);
    }

    #[test]
    fn clip_scale_worked_by_hand() {
        for (norm, max_norm, expect) in
            [(4.0, 1.0, 0.25), (1.0, 1.0, 1.0), (0.5, 1.0, 1.0), (0.0, 1.0, 1.0), (9.0, 0.0, 1.0)]
        {
            assert_eq!(clip_scale(norm, max_norm), expect, "{norm} {max_norm}");
        }
        for norm in [f64::NAN, f64::INFINITY] {
            assert!(clip_scale(norm, 1.0).is_nan() && clip_scale(norm, 0.0).is_nan());
        }
    }

    proptest! {
        #[test]
        fn rises_then_falls_within_bounds(total in 1u64..50, warmup in 0u64..60) {
            for shape in [Schedule::Constant, Schedule::Linear, Schedule::Cosine] {
                let rates: Vec<f64> =
                    (0..total).map(|step| learning_rate(step, total, 0.3, warmup, shape)).collect();
                prop_assert!(rates.iter().all(|&rate| rate > 0.0 && rate <= 0.3));
                let peak = rates.len().min(warmup as usize);
                prop_assert!(rates[..peak].is_sorted());
                prop_assert!(rates[peak..].is_sorted_by(|a, b| a >= b));
            }
        }

        #[test]
        fn any_input_gives_a_number(step: u64, total: u64, warmup: u64) {
            for shape in [Schedule::Constant, Schedule::Linear, Schedule::Cosine] {
                let rate = learning_rate(step, total, 1.0, warmup, shape);
                prop_assert!((0.0..=1.0).contains(&rate));
            }
        }

        #[test]
        fn a_clipped_norm_is_the_bound(norm in 0.0f64..1e6, max_norm in 1e-3f64..1e3) {
            let clipped = norm * clip_scale(norm, max_norm);
            // One division and one product.
            prop_assert!((clipped - norm.min(max_norm)).abs() <= 2.0 * f64::EPSILON * max_norm);
        }
    }
}
