use super::*;

/// The probability of each (n, c) at which the rule stops, draw by draw.
fn walked(rule: StopRule, p: f64) -> Vec<((u64, u64), f64)> {
    let mut open = vec![(0_u64, 1.0)];
    let mut ends = Vec::new();
    for n in 1..=rule.n_max {
        let mut next: Vec<(u64, f64)> = Vec::new();
        for (c, weight) in open {
            for (c, weight) in [(c, weight * (1.0 - p)), (c + 1, weight * p)] {
                if c == rule.successes || n == rule.n_max {
                    match ends.iter_mut().find(|(end, _)| *end == (n, c)) {
                        Some((_, sum)) => *sum += weight,
                        None => ends.push(((n, c), weight)),
                    }
                } else {
                    match next.iter_mut().find(|(count, _)| *count == c) {
                        Some((_, sum)) => *sum += weight,
                        None => next.push((c, weight)),
                    }
                }
            }
        }
        open = next;
    }
    ends
}

#[test]
fn probabilities_and_variances_agree_with_walking_the_draws() {
    for n_max in [1, 2, 7, 40] {
        for successes in [1, 2, 3, 8, n_max, n_max + 1] {
            let rule = StopRule { successes, n_max };
            let ks: Vec<u64> = (1..=n_max).collect();
            let ends = Ends::new((successes.min(n_max + 1), n_max), &ks).unwrap();
            for p in [0.001, 0.07, 0.5, 0.93] {
                let probabilities = ends.probabilities(Law::Known(p));
                let walked = walked(rule, p);
                assert_eq!(walked.len(), probabilities.len());
                for (end, probability) in (0..).zip(&probabilities) {
                    let here = ends.outcomes(end);
                    let at = |((n, c), _): &&((u64, u64), f64)| (*n, *c) == (here.n(), here.c());
                    let (_, expect) = walked.iter().find(at).unwrap();
                    // 1e-12: at most 40 ratios and sums, each rounded.
                    assert!((probability - expect).abs() < 1e-12, "{rule:?} p={p} {here:?}");
                }
                for (i, (variance, &k)) in
                    ends.variances(&probabilities).iter().zip(&ks).enumerate()
                {
                    let mean: f64 = (0..probabilities.len())
                        .map(|end| probabilities[end] * ends.row(end)[i])
                        .sum();
                    let truth = 1.0 - (1.0 - p).powi(k as i32);
                    assert!((mean - truth).abs() < 1e-12, "unbiased: {rule:?} p={p} k={k}");
                    let expect: f64 = walked
                        .iter()
                        .map(|&((n, c), weight)| {
                            let outcomes = Outcomes::stopped(n, c, rule).unwrap();
                            weight * (pass_at_k(outcomes, k).unwrap() - truth).powi(2)
                        })
                        .sum();
                    assert!((variance - expect).abs() < 1e-12, "{rule:?} p={p} k={k}");
                }
            }
        }
    }
}

#[test]
fn variance_worked_by_hand() {
    // n fixed, k = 1: p·q/n. At k = n: 1{solved}, q^n·(1 − q^n).
    let ends = Ends::new((1025, 1024), &[1, 1024]).unwrap();
    let p: f64 = 0.002;
    let missed = (1.0 - p).powi(1024);
    let got = ends.variances(&ends.probabilities(Law::Known(p)));
    // 1e-13: sums of a thousand terms below 1.
    assert!((got[0] - p * (1.0 - p) / 1024.0).abs() < 1e-13, "{got:?}");
    assert!((got[1] - missed * (1.0 - missed)).abs() < 1e-13, "{got:?}");
}

/// Under a belief: the mean over p of what is known at each p, by the midpoint rule over
/// Beta(2, 3), whose density is 12·p·(1−p)².
#[test]
fn beliefs_are_means_over_the_probability() {
    const POINTS: u32 = 4000;
    for (successes, n_max) in [(3, 20), (21, 20), (1, 5)] {
        let ks = [1, 2, 5];
        let ends = Ends::new((successes, n_max), &ks).unwrap();
        let belief = Belief { a: 2.0, b: 3.0 };
        let believed = ends.probabilities(Law::Believed(belief));
        let mut mean = vec![0.0; believed.len()];
        let mut variances = [0.0; 3];
        for point in 0..POINTS {
            let p = (f64::from(point) + 0.5) / f64::from(POINTS);
            let weight = 12.0 * p * (1.0 - p).powi(2) / f64::from(POINTS);
            let known = ends.probabilities(Law::Known(p));
            mean.iter_mut().zip(&known).for_each(|(mean, x)| *mean += weight * x);
            let here = ends.variances(&known);
            variances.iter_mut().zip(here).for_each(|(sum, v)| *sum += weight * v);
        }
        // 1e-6: the midpoint rule's error at 4,000 points, of order 1/4000².
        for (got, expect) in believed.iter().zip(&mean) {
            assert!((got - expect).abs() < 1e-6, "r={successes}: {got} is not {expect}");
        }
        let [noise, all] = ends.noise(belief, &ks, &believed);
        for i in 0..3 {
            assert!((noise[i] - variances[i]).abs() < 1e-6, "r={successes}: {noise:?}");
            assert!(all[i] > noise[i]);
        }
    }
}

#[test]
fn large_rules_keep_their_sums() {
    for successes in [1, 8, 300, 65_537] {
        let ends = Ends::new((successes, MAX_LISTED), &[1, 65_536]).unwrap();
        for p in [1e-7, 1.0 / 65_536.0, 0.01, 0.5, 0.9999] {
            let probabilities = ends.probabilities(Law::Known(p));
            let mean: f64 =
                probabilities.iter().enumerate().map(|(end, w)| w * ends.row(end)[0]).sum();
            // 1e-10: 65,536 ratios of relative rounding 1e-16 each, from the mode outwards.
            assert!((mean - p).abs() < 1e-10 * p, "r={successes} p={p}: {mean}");
        }
    }
    assert!(Ends::new((8, MAX_LISTED + 1), &[1]).is_none());
}

#[test]
fn quantiles_are_equally_likely() {
    let ends = Ends::quantiles(&[0.25, 0.0, 0.5, 0.25]);
    let count = |end| ends.iter().filter(|&&e| e == end).count();
    assert_eq!([0, 1, 2, 3].map(count), [16, 0, 32, 16]);
    assert_eq!(Ends::quantiles(&[1.0 - 1e-9]), [0; REDRAWS]);
}
