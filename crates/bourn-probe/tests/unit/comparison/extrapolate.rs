use super::*;
use crate::StopRule;

fn choose(n: u64, k: u64) -> f64 {
    (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product()
}

/// By hand, to one doubling: P(Binomial(J, ½) ≥ j) with J = 2 is 3/4 and 1/4.
#[test]
fn worked_by_hand() {
    let rule = StopRule { successes: 3, n_max: 64 };
    let check = |outcomes: Result<Outcomes, _>, k, expect: Option<f64>| {
        assert_eq!(doubled(outcomes.unwrap(), k), expect);
    };
    check(Outcomes::stopped(64, 0, rule), 128, Some(0.0));
    check(Outcomes::stopped(64, 1, rule), 128, Some(1.75));
    check(Outcomes::stopped(64, 2, rule), 128, Some(0.75));
    // Stopped: solved, and nothing more to say.
    check(Outcomes::stopped(7, 3, rule), 128, Some(1.0));
    // Within what was drawn, the unbiased estimate.
    check(Outcomes::new(128, 1), 128, Some(1.0));
    check(Outcomes::new(256, 1), 128, Some(0.5));
    // Stopped at the first success: no frequency but 0 is known.
    check(Outcomes::stopped(64, 0, StopRule { successes: 1, n_max: 64 }), 128, None);
    check(Outcomes::new(1, 1), 2, Some(1.0 + tail(10, 0.5, 1)));
}

#[test]
fn tails_are_sums_of_binomials() {
    for n in [1, 2, 7, 10] {
        for c in 0..=n {
            let sum: f64 = (c..=n).map(|j| choose(n, j) * 0.5_f64.powi(n as i32)).sum();
            assert!((tail(n, 0.5, c) - sum).abs() < 1e-14, "{n} {c}");
        }
    }
}

/// Its bias at twice the draws, exactly, over all rates: small against a problem. With all ten
/// frequencies at most 0.02 of a problem; with a stop at 8, seven frequencies, 0.03. That is what
/// smoothing costs, and the docs say so.
#[test]
fn the_bias_is_small_at_every_rate() {
    let n = 64;
    for (rule, most) in [(None, 0.02), (Some(8), 0.03)] {
        let rule = rule.map(|successes| StopRule { successes, n_max: n });
        let mut worst = 0.0_f64;
        for step in 1..400 {
            let p = (f64::from(step) / 400.0).powi(2);
            let mut mean = 0.0;
            for c in 0..=n {
                let mass = choose(n, c) * p.powi(c as i32) * (1.0 - p).powi((n - c) as i32);
                // All with at least the stop contribute 1, whenever they stopped.
                let outcomes = match rule {
                    Some(rule) if c >= rule.successes => {
                        Outcomes::stopped(rule.successes, rule.successes, rule)
                    }
                    Some(rule) => Outcomes::stopped(n, c, rule),
                    None => Outcomes::new(n, c),
                };
                mean += mass * doubled(outcomes.unwrap(), 2 * n).unwrap();
            }
            let truth = 1.0 - (1.0 - p).powi(2 * n as i32);
            worst = worst.max((mean - truth).abs());
        }
        assert!(worst < most, "{rule:?}: {worst}");
    }
}

/// A hundred problems of a rate of one in ten thousand and one solved each time: the fit goes through
/// what was measured. One that it cannot hold (a bimodal population of rates) falls below it, and is
/// not drawn.
#[test]
fn a_curve_never_falls_below_what_was_measured() {
    let k_max = 64;
    let mut drawn = [0, 0];
    for seed in 0..40_u64 {
        // Counts that a Beta with a point at 0 fits now well, now badly.
        let count = |i: u64| match (seed % 4, i % 8) {
            (0, _) => 1 + i % 3,
            (1, r) => {
                if r < 4 {
                    0
                } else {
                    64 - r
                }
            }
            (2, r) => {
                if r == 0 {
                    0
                } else {
                    2 + (i * seed) % 60
                }
            }
            (_, r) => u64::from(r > 0),
        };
        let ids: Vec<String> = (0..48).map(|i| format!("p{i}")).collect();
        let outcomes = |i: usize| Outcomes::new(k_max, count(i as u64)).unwrap();
        let pairs: Vec<Pair<'_>> =
            ids.iter().enumerate().map(|(i, id)| (id, outcomes(i), outcomes(i))).collect();
        let options = CompareOptions { resamples: 100, ..CompareOptions::default() };
        let fits = Fits::new(&pairs, &options);
        let found = extrapolation(&pairs, k_max, &fits, &options);
        let measured = pairs.iter().map(|p| pass_at_k(p.1, k_max).unwrap()).sum::<f64>() / 48.0;
        let falls = fits.base.fit.prior.pass_at_k(2 * k_max) < measured;
        drawn[usize::from(falls)] += 1;
        assert_eq!(found.base.is_empty(), falls, "{seed}");
        assert!(found.base.iter().all(|e| e.value >= measured), "{seed}: {measured} {found:?}");
        assert!(found.base.windows(2).all(|pair| pair[0].value <= pair[1].value));
    }
    // Both kinds are among them, or the test would be of nothing.
    assert!(drawn[0] > 0 && drawn[1] > 0, "{drawn:?}");
}
