use super::*;

const FIXED: StopRule = StopRule { successes: 257, n_max: 256 };

fn all(count: usize, n: u64, c: u64) -> BTreeMap<String, Outcomes> {
    (0..count).map(|i| (i.to_string(), Outcomes::new(n, c).unwrap())).collect()
}

#[test]
fn worked_by_hand() {
    // z: 1.959964 + 0.841621 = 2.801585. All problems alike, 128 of 256: the prior is that all
    // have p = ½, p·q/n = 1/(4·256), √(2/(4·256)/100) = 0.0044194.
    let base = all(100, 256, 128);
    let got = detectable(100, FIXED, Some(&base), &[1, 256, 512], 0.95);
    assert_eq!((got.k.as_slice(), got.losses, got.from_base), (&[1, 256][..], 6, true));
    // 1e-4: the belief's own spread, 1/√10⁴ of p at most, enters p·q squared.
    assert!((got.delta[0] / (2.801_585 * 0.004_419_417) - 1.0).abs() < 1e-4, "{got:?}");
    // Solved in 256 draws, certainly: nothing to tell.
    assert!(got.delta[1] < 1e-9, "{got:?}");
    // At the worst p: ½ for k = 1 (p·q/n); for k = n, q^n(1 − q^n) is at most ¼.
    let worst = detectable(100, FIXED, None, &[1, 256], 0.95);
    assert!(!worst.from_base);
    for (got, expect) in worst.delta.iter().zip([0.004_419_417, (2.0_f64 / 400.0).sqrt()]) {
        // A part in a thousand: the grid's own.
        assert!((got / (2.801_585 * expect) - 1.0).abs() < 1e-3, "{got} {expect}");
    }
    // Half of them known: their variances add.
    let half = detectable(100, FIXED, Some(&all(50, 256, 128)), &[256], 0.95);
    let known = worst.delta[1] * 0.5_f64.sqrt();
    assert!((half.delta[0] / known - 1.0).abs() < 1e-9, "{half:?}");
    assert_eq!(detectable(1, FIXED, None, &[256], 0.95).delta, [1.0], "no more than all");
}

#[test]
fn the_comparison_says_the_same() {
    let rule = StopRule { successes: 4, n_max: 64 };
    let at = |n, c| Outcomes::stopped(n, c, rule).unwrap();
    let base = BTreeMap::from([("a".to_owned(), at(64, 1)), ("b".to_owned(), at(20, 4))]);
    let policy = BTreeMap::from([("a".to_owned(), at(64, 0)), ("b".to_owned(), at(4, 4))]);
    let pairs: Vec<_> = base.iter().map(|(id, &o)| (id, o, policy[id])).collect();
    let k = [1, 8, 64];
    let before = detectable(2, rule, Some(&base), &k, 0.9);
    for (a, b) in before.delta.iter().zip(detectable_here(&pairs, &k, 0.9)) {
        // 1e-12: the same terms in another order.
        assert!((a - b).abs() < 1e-12, "{a} {b}");
    }
}

/// Early stopping can only add noise: the estimate of the full draws is its mean given them.
#[test]
fn stopping_costs_and_huge_rules_are_bounded() {
    let base = all(10, 256, 2);
    let at = |rule| detectable(10, rule, Some(&base), &[1, 16, 256], 0.95).delta;
    let full = at(FIXED);
    let mut last = full.clone();
    for successes in [64, 16, 4, 1] {
        let now = at(StopRule { successes, n_max: 256 });
        for (now, last) in now.iter().zip(&last) {
            assert!(*now >= last * (1.0 - 1e-9) || *now < 1e-6, "{successes}: {now} < {last}");
        }
        last = now;
    }
    // Hoeffding's bound k/n·f(1 − f) is what it says it is, at sizes where both are known.
    let ends = Noise::new((1025, 1024), &[1, 8, 64, 1024]);
    let bound = Noise { key: ends.key, k: ends.k, ends: None };
    for p in [0.001, 0.03, 0.5] {
        for (exact, most) in ends.at(p).iter().zip(bound.at(p)) {
            assert!(*exact <= most * (1.0 + 1e-9) + 1e-15, "p={p}: {exact} > {most}");
        }
    }
    let huge = StopRule { successes: 8, n_max: crate::MAX_DRAWS };
    assert!(detectable(10, huge, None, &[1, 1 << 32], 0.95).delta.iter().all(|d| *d <= 1.0));
}
