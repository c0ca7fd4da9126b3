use super::*;
use crate::StopRule;

fn stopped(n: u64, c: u64, successes: u64, n_max: u64) -> Outcomes {
    Outcomes::stopped(n, c, StopRule { successes, n_max }).unwrap()
}

#[test]
fn worked_by_hand() {
    let fixed = |n, c| Outcomes::new(n, c).unwrap();
    let check = |outcomes, k, expect: Option<f64>| {
        let got = pass_hat_k(outcomes, k);
        let close = match (got, expect) {
            // 1e-15: at most four roundings.
            (Some(got), Some(expect)) => (got - expect).abs() < 1e-15,
            (got, expect) => got == expect,
        };
        assert!(close, "{outcomes:?} k={k}: {got:?} is not {expect:?}");
    };
    // C(3,2)/C(4,2) = 3/6; fewer correct than k; all correct.
    check(fixed(4, 3), 2, Some(0.5));
    check(fixed(4, 3), 4, Some(0.0));
    check(fixed(4, 4), 4, Some(1.0));
    check(fixed(256, 3), 1, Some(3.0 / 256.0));
    check(fixed(4, 0), 0, Some(1.0));
    check(fixed(4, 4), 5, None);
    // The third success on draw 5: of the C(4,2) = 6 orders of the first four, three begin with
    // a success, one with two and none with three.
    for (k, expect) in [(0, 1.0), (1, 0.5), (2, 1.0 / 6.0), (3, 0.0)] {
        check(stopped(5, 3, 3, 64), k, Some(expect));
    }
    check(stopped(5, 3, 3, 64), 4, None);
    // On draw 3: the one order is 111.
    for k in 0..=3 {
        check(stopped(3, 3, 3, 64), k, Some(1.0));
    }
    check(stopped(1, 1, 1, 9), 1, Some(1.0));
    check(stopped(2, 1, 1, 9), 1, Some(0.0));
    check(stopped(2, 1, 1, 9), 2, None);
    // Ended at n_max: as with n fixed, up to the success that would have ended it.
    check(stopped(10, 3, 4, 10), 2, Some(3.0 / 45.0));
    check(stopped(10, 3, 4, 10), 4, Some(0.0));
    check(stopped(10, 3, 4, 10), 5, None);
    // Out of reach: n fixed.
    check(stopped(4, 4, 9, 4), 4, Some(1.0));
}

/// Every sequence of n_max draws: among those that end alike, the share whose first k are
/// correct; and over all ends, weighted by their probability, p^k.
#[test]
fn agrees_with_enumeration_of_every_sequence() {
    for n_max in 1..=9_u64 {
        for successes in 1..=n_max + 1 {
            let rule = StopRule { successes, n_max };
            let mut ways: BTreeMap<(u64, u64), Vec<u64>> = BTreeMap::new();
            for sequence in 0..1_u64 << n_max {
                let draws = (0..n_max).map(|draw| sequence >> draw & 1 == 1);
                let outcomes = Outcomes::cut(draws, rule).unwrap();
                if sequence & ((1 << outcomes.n()) - 1) == sequence {
                    ways.entry((outcomes.n(), outcomes.c())).or_default().push(sequence);
                }
            }
            for k in 0..=n_max.min(successes) {
                let mut expectation = 0.0;
                for ((n, c), sequences) in &ways {
                    let first = (1_u64 << k) - 1;
                    let hit = sequences.iter().filter(|&s| s & first == first).count();
                    let expect = hit as f64 / sequences.len() as f64;
                    let got = pass_hat_k(stopped(*n, *c, successes, n_max), k).unwrap();
                    let what = format!("n={n} c={c} {rule:?} k={k}: {got} is not {expect}");
                    assert!((got - expect).abs() <= 1e-12 * expect, "{what}");
                    let each = 0.7_f64.powi(*c as i32) * 0.3_f64.powi((n - c) as i32);
                    expectation += got * each * sequences.len() as f64;
                }
                // 1e-12: sums of at most 512 products.
                assert!((expectation - 0.7_f64.powi(k as i32)).abs() < 1e-12, "{rule:?} {k}");
            }
        }
    }
}

/// Its expectation is p^k by dynamic programming over the stopping region: `open[c]` is the
/// probability that n draws were made, c of them correct, and no end yet. To 1e-12: every p is a
/// binary fraction, so that only the sums are rounded.
#[test]
fn expectation_is_the_truth() {
    for (n_max, rs) in [(32, &[1, 2, 3, 8, 32, 33][..]), (1024, &[1, 4, 8, 16, 1025])] {
        for &successes in rs {
            for p in [1.0 / 128.0, 0.125, 0.5, 0.875, 1023.0 / 1024.0] {
                let ks: Vec<u64> = powers_of_two(n_max.min(successes));
                let mut sums = vec![0.0; ks.len()];
                let mut end = |n, c, weight: f64| {
                    for (sum, &k) in sums.iter_mut().zip(&ks) {
                        let outcomes = stopped(n, c, successes, n_max);
                        *sum += weight * pass_hat_k(outcomes, k).unwrap();
                    }
                };
                let mut open = vec![0.0; successes as usize];
                open[0] = 1.0;
                for n in 1..=n_max {
                    if n >= successes {
                        end(n, successes, open[successes as usize - 1] * p);
                    }
                    for c in (1..open.len()).rev() {
                        open[c] = open[c] * (1.0 - p) + open[c - 1] * p;
                    }
                    open[0] *= 1.0 - p;
                }
                for (c, &weight) in (0..=n_max).zip(&open) {
                    end(n_max, c, weight);
                }
                for (sum, &k) in sums.iter().zip(&ks) {
                    let truth = p.powi(k as i32);
                    let what = format!("r={successes} n_max={n_max} p={p} k={k}");
                    assert!((sum - truth).abs() < 1e-12, "{what}: {sum} is not {truth}");
                }
            }
        }
    }
}

#[test]
fn the_largest_counts_are_quick() {
    let n = crate::MAX_DRAWS;
    for c in powers_of_two(n) {
        for k in powers_of_two(n) {
            let got = pass_hat_k(Outcomes::new(n, c).unwrap(), k).unwrap();
            assert!((0.0..=1.0).contains(&got), "{c} {k}: {got}");
        }
    }
    // Factors above ½ leave the least number above 0 as it is: billions of steps with no end of theirs.
    for (c, k) in [(n / 4 * 3, n / 4), (n / 16 * 9, n / 2), (n / 2 + 1, n / 3)] {
        assert_eq!(pass_hat_k(Outcomes::new(n, c).unwrap(), k), Some(0.0));
    }
    // One wrong of n: the k hold it with probability k/n. 1e-12: the stated accuracy.
    let got = pass_hat_k(Outcomes::new(65_536, 65_535).unwrap(), 16_384).unwrap();
    assert!((got - 0.75).abs() < 1e-12, "{got}");
}

#[test]
fn over_problems() {
    let side = |list: &[Outcomes]| -> BTreeMap<String, Outcomes> {
        list.iter().enumerate().map(|(i, &o)| (i.to_string(), o)).collect()
    };
    let fixed = |n, c| Outcomes::new(n, c).unwrap();
    let options = CompareOptions::default();
    // Three successes are the most that one rule allows: k = 1, 2.
    let base = side(&[fixed(8, 4), stopped(5, 3, 3, 64)]);
    let policy = side(&[fixed(8, 8), fixed(16, 16)]);
    let got = pass_hat(&base, &policy, &options);
    assert_eq!(got.iter().map(|row| row.k).collect::<Vec<_>>(), [1, 2]);
    // C(4,2)/C(8,2) = 6/28 and 1/6.
    let expect = (6.0 / 28.0 + 1.0 / 6.0) / 2.0;
    assert!((got[1].base.value - expect).abs() < 1e-15);
    assert_eq!(got[0].base.value, 0.5);
    assert_eq!(got[1].policy.value, 1.0);
    // All problems agree: 1 − 0.025^(1/2) below 1.
    assert!((got[1].policy.ci_low - 0.025_f64.sqrt()).abs() < 1e-15);
    assert!((got[1].delta.value - (1.0 - expect)).abs() < 1e-15);
    assert!(got[1].delta.ci_low <= got[1].delta.value);
    assert!(pass_hat(&side(&[]), &side(&[]), &options).is_empty());
}
