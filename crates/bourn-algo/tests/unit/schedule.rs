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
