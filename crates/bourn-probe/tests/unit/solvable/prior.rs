use proptest::prelude::*;

use super::*;
use crate::StopRule;
use crate::synthetic::{draw, rates, stream};

fn fitted(outcomes: &[Outcomes]) -> FittedPrior {
    FittedPrior::new(&DistinctCounts::of(outcomes.iter().copied()))
}

/// The written-out derivatives are those of the value.
#[test]
fn derivatives_are_finite_differences() {
    let pairs = [(1, 0), (1, 1), (64, 0), (64, 3), (64, 64), (1000, 0), (57, 8), (9000, 30)];
    let weights = [1.0, 2.0, 5.0, 1.0, 2.0, 7.0, 3.0, 1.0];
    for point in [[-2.0, -1.0, 1.0], [0.5, 0.3, -2.0], [3.0, -3.0, 6.0], [-6.0, 2.0, 2.5]] {
        let here = local(&pairs, &weights, point);
        let moved = |i: usize, by: f64| {
            let mut point = point;
            point[i] += by;
            local(&pairs, &weights, point)
        };
        // Central differences at 10⁻⁴: an error of 10⁻⁸ of the third derivative, beside rounding
        // of the value (10⁻¹³ of 10³) over 10⁻⁴.
        let step = 1e-4;
        for i in 0..3 {
            let (up, down) = (moved(i, step), moved(i, -step));
            let slope = (up.value - down.value) / (2.0 * step);
            let close = |a: f64, b: f64| (a - b).abs() < 1e-5 * (1.0 + a.abs());
            assert!(close(here.gradient[i], slope), "{point:?} {i}: {:?} {slope}", here.gradient);
            for (cell, (row, column)) in here.second.iter().zip(TRIANGLE) {
                if row == i {
                    let bend = (up.gradient[column] - down.gradient[column]) / (2.0 * step);
                    assert!(close(*cell, bend), "{point:?} {row} {column}: {cell} {bend}");
                }
            }
        }
        // The value less the penalty is the log-likelihood.
        let prior = Prior::at(point);
        let bare = here.value - penalty(point, prior.zero, prior.alpha, prior.beta).value;
        let expect = log_likelihood(&prior, &pairs, &weights);
        assert!((bare - expect).abs() < 1e-9 * expect.abs(), "{bare} {expect}");
    }
}

/// The fit is where the truth is, to five of its own asymptotic standard errors (the inverse of
/// the curvature at the fit), whether draws stop early or not.
#[test]
fn known_parameters_are_recovered() {
    let cases = [(0.3, 0.6, 3.0), (0.05, 0.25, 40.0), (0.6, 2.0, 1.0), (0.2, 0.5, 300.0)];
    for (case, (zero, a, b)) in cases.into_iter().enumerate() {
        for (n, stop) in [(256, None), (4096, Some(8))] {
            let mut rng = stream("recover", case as u64);
            let rates = rates(zero, a, b, 20_000, &mut rng);
            let counts = DistinctCounts::of(draw(&rates, n, stop, &mut rng).into_iter());
            let fit = FittedPrior::new(&counts);
            let found = fit.modes[0];
            let curvature = local(&counts.pairs, &counts.weights(), found).second;
            let truth = [(zero / (1.0 - zero)).ln(), a.ln(), b.ln()];
            for i in 0..3 {
                let mut unit = [0.0; 3];
                unit[i] = 1.0;
                let error = solve(&curvature, 0.0, unit).unwrap()[i].sqrt();
                let off = (found[i] - truth[i]).abs();
                assert!(off < 5.0 * error, "{case} {stop:?} {i}: {found:?}, ± {error}");
                // So that the five errors say something. Not of the mass at 0: where α is small,
                // a Beta near 0 looks the same, and the data cannot tell.
                assert!(i == 0 || error < 0.25, "{case} {stop:?} {i}: {error}");
            }
        }
    }
}

/// No other point of a grid around it is better.
#[test]
fn the_fit_is_the_best_point() {
    let mut rng = stream("best", 0);
    let rates = rates(0.3, 0.3, 8.0, 100, &mut rng);
    let counts = DistinctCounts::of(draw(&rates, 64, None, &mut rng).into_iter());
    let fit = FittedPrior::new(&counts);
    let weights = counts.weights();
    let best = local(&counts.pairs, &weights, fit.modes[0]).value;
    for i in 0..24 {
        for j in 0..24 {
            for k in 0..24 {
                let at = [i, j, k].map(|g| -8.0 + 16.0 * f64::from(g) / 23.0);
                let value = local(&counts.pairs, &weights, at).value;
                assert!(value <= best + 1e-9, "{at:?}: {value} above {best}");
            }
        }
    }
}

/// The same counts, however the draws ended: the same fit to the last bit.
#[test]
fn stopping_does_not_enter() {
    let fixed = [(57, 8), (1024, 3), (1024, 0), (8, 8)];
    let rule = StopRule { successes: 8, n_max: 1024 };
    let stopped = fixed.map(|(n, c)| Outcomes::stopped(n, c, rule).unwrap());
    let fixed = fixed.map(|(n, c)| Outcomes::new(n, c).unwrap());
    assert_eq!(fitted(&fixed).prior, fitted(&stopped).prior);
}

#[test]
fn degenerate_data_give_sensible_priors() {
    let fit = |list: &[(u64, u64)]| {
        let outcomes: Vec<_> = list.iter().map(|&(n, c)| Outcomes::new(n, c).unwrap()).collect();
        fitted(&outcomes)
    };
    // All solved always: another problem almost surely too.
    let prior = fit(&[(256, 256); 50]).prior;
    assert!(prior.pass_at_k(1) > 0.97 && prior.zero < 0.02, "{prior:?}");
    // None solved: another problem hardly.
    let prior = fit(&[(256, 0); 50]).prior;
    assert!(prior.pass_at_k(256) < 0.05, "{prior:?}");
    // All equal: narrow, around it.
    let prior = fit(&[(256, 64); 50]).prior;
    let (mean, sum) = (prior.alpha / (prior.alpha + prior.beta), prior.alpha + prior.beta);
    assert!((mean - 0.25).abs() < 0.01 && sum > 500.0 && prior.zero < 0.02, "{prior:?}");
    // One problem tells its own rate and little else.
    for (n, c) in [(1, 0), (1, 1), (64, 7), (crate::MAX_DRAWS, 3)] {
        let fit = fit(&[(n, c)]);
        assert!(fit.log_likelihood.is_finite(), "{n} {c}");
        assert!((0.01..0.99).contains(&fit.prior.zero), "{n} {c} {:?}", fit.prior);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_fit_is_finite(
        list in prop::collection::vec((1_u64..5000, 0_u64..5000), 1..30), huge in any::<bool>()
    ) {
        let scale = if huge { 800_000 } else { 1 };
        let counts = list.iter().map(|&(n, c)| Outcomes::new(n * scale, c % (n + 1)).unwrap());
        let FittedPrior { prior, log_likelihood, .. } = FittedPrior::new(&DistinctCounts::of(counts));
        prop_assert!(prior.zero > 0.0 && prior.zero < 1.0, "{prior:?}");
        prop_assert!(prior.alpha > 0.0 && prior.alpha.is_finite(), "{prior:?}");
        prop_assert!(prior.beta > 0.0 && prior.beta.is_finite(), "{prior:?}");
        prop_assert!(log_likelihood.is_finite());
        for k in [1, 1024, 1 << 40] {
            prop_assert!((0.0..=1.0).contains(&prior.pass_at_k(k)));
        }
    }
}
