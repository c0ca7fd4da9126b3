//! pass@k of problems whose drawing stopped early is exactly unbiased, and files and figures that
//! mix them with problems of fixed n hold together.

mod common;

use std::collections::BTreeMap;

use bourn_probe::{
    Boundary, CompareOptions, DrawCounts, Outcomes, Spending, Spent, StopRule, compare, pass_at_k,
    powers_of_two,
};
use common::uniform;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, ToPrimitive};
use proptest::prelude::*;

fn rule(successes: u64, n_max: u64) -> StopRule {
    StopRule { successes, n_max }
}

fn stopped(n: u64, c: u64, successes: u64, n_max: u64) -> Outcomes {
    Outcomes::stopped(n, c, rule(successes, n_max)).unwrap()
}

/// 1e-12 relative is the stated accuracy.
fn assert_close(got: f64, exact: f64, what: &str) {
    assert!((got - exact).abs() <= 1e-12 * exact, "{what}: {got} is not {exact}");
}

#[test]
fn worked_by_hand() {
    let check = |(n, c, successes, n_max), k, expect: Option<f64>| {
        let got = pass_at_k(stopped(n, c, successes, n_max), k);
        let what = format!("{n} {c} {successes} {n_max} k={k}");
        match (got, expect) {
            (Some(got), Some(expect)) => assert_close(got, expect, &what),
            (got, expect) => assert_eq!(got, expect, "{what}"),
        }
    };
    // The first success ended it on draw 5: the only way is 00001.
    for (k, expect) in [(0, 0.0), (1, 0.0), (4, 0.0), (5, 1.0), (6, 1.0), (9, 1.0)] {
        check((5, 1, 1, 9), k, Some(expect));
    }
    check((5, 1, 1, 9), 10, None);
    check((1, 1, 1, 9), 1, Some(1.0));
    check((1, 1, 1, 1), 1, Some(1.0));
    check((1, 1, 1, 1), 0, Some(0.0));
    // The second success on draw 4: 1001, 0101, 0011.
    for (k, expect) in [(1, 1.0 / 3.0), (2, 2.0 / 3.0), (3, 1.0), (4, 1.0), (8, 1.0)] {
        check((4, 2, 2, 8), k, Some(expect));
    }
    // The same on the last draw that there could be: still the second success, not any 2 of 4.
    check((4, 2, 2, 4), 1, Some(1.0 / 3.0));
    // The third success on draw 6: 1 − C(5−k, 2)/C(5, 2) = 1 − 6/10, 1 − 3/10, 1 − 1/10, 1.
    for (k, expect) in [(1, 0.4), (2, 0.7), (3, 0.9), (4, 1.0), (6, 1.0)] {
        check((6, 3, 3, 64), k, Some(expect));
    }
    // Ended at n_max: as with n fixed.
    for k in 0..=10 {
        check((10, 3, 4, 10), k, pass_at_k(Outcomes::new(10, 3).unwrap(), k));
    }
    check((1024, 0, 8, 1024), 1024, Some(0.0));
    check((1024, 1, 8, 1024), 1024, Some(1.0));
    check((57, 8, 8, 1024), 1, Some(7.0 / 56.0));
    check((57, 8, 8, 1024), 1024, Some(1.0));
    check((57, 8, 8, 1024), 1025, None);
}

/// Every sequence of n_max draws, each stopped by its rule: among those that end alike (which are
/// equally likely, whatever p) the estimate is the share with a success in the first k. So its
/// expectation is the probability of one.
#[test]
fn agrees_with_enumeration_of_every_sequence() {
    for n_max in 1..=11_u64 {
        for successes in 1..=n_max + 1 {
            let rule = rule(successes, n_max);
            // By where they stop: sequences up to the stop, each counted once.
            let mut ways: BTreeMap<(u64, u64), Vec<u64>> = BTreeMap::new();
            for sequence in 0..1_u64 << n_max {
                let draws = (0..n_max).map(|draw| sequence >> draw & 1 == 1);
                let outcomes = Outcomes::cut(draws, rule).unwrap();
                let made = sequence & ((1 << outcomes.n()) - 1);
                let made_so = ways.entry((outcomes.n(), outcomes.c())).or_default();
                if made == sequence {
                    made_so.push(made);
                }
            }
            for ((n, c), sequences) in ways {
                for k in 0..=n_max {
                    let first = (1 << k) - 1;
                    let hit = sequences.iter().filter(|&s| s & first != 0).count();
                    let expect = hit as f64 / sequences.len() as f64;
                    let got = pass_at_k(stopped(n, c, successes, n_max), k).unwrap();
                    assert_close(got, expect, &format!("n={n} c={c} {rule:?} k={k}"));
                }
            }
        }
    }
}

/// Σ over all ends of P(end)·estimate(end), for each k, by dynamic programming over the stopping
/// region: `open[c]` is the probability that n draws were made, c of them correct, and no end yet.
fn expectations(rule: StopRule, p: f64, ks: &[u64]) -> Vec<f64> {
    let StopRule { successes, n_max } = rule;
    let mut sums = vec![0.0; ks.len()];
    let mut total = 0.0;
    let mut end = |n, c, weight: f64| {
        total += weight;
        for (sum, &k) in sums.iter_mut().zip(ks) {
            *sum += weight * pass_at_k(stopped(n, c, successes, n_max), k).unwrap();
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
    assert!((total - 1.0).abs() < 1e-12, "{rule:?} p={p}: the ends have probability {total}");
    sums
}

/// The expectation of the estimate is 1 − (1−p)^k, to 1e-12: every p is a binary fraction, so that
/// p and 1 − p are exact, and what is left is the rounding of the sums.
#[test]
fn expectation_is_the_truth() {
    let check = |rule: StopRule, p: f64, ks: &[u64]| {
        for (mean, &k) in expectations(rule, p, ks).into_iter().zip(ks) {
            let truth = -(k as f64 * (-p).ln_1p()).exp_m1();
            assert!((mean - truth).abs() < 1e-12, "{rule:?} p={p} k={k}: {mean} vs {truth}");
        }
    };
    for n_max in [1, 2, 3, 7, 32, 256, 1024] {
        let mut ks = powers_of_two(n_max);
        ks.extend([0, n_max / 3, n_max - 1, n_max]);
        for successes in [1, 2, 3, 8, 20, n_max, n_max + 1] {
            for p in [1.0 / 4096.0, 1.0 / 128.0, 0.125, 0.5, 0.875, 1023.0 / 1024.0] {
                check(rule(successes, n_max), p, &ks);
            }
        }
    }
    for p in [1.0 / 65_536.0, 1.0 / 4096.0, 1.0 / 64.0] {
        check(rule(8, 65_536), p, &[1, 16, 256, 5000, 65_535, 65_536]);
    }
}

/// The fixed-n estimator on the same stopped draws is not: what the test above is worth.
#[test]
fn the_usual_estimator_would_be_biased() {
    // First success of at most 2 draws at p = 1/2: 1 of 1 (1/2), 1 of 2 (1/4), 0 of 2 (1/4).
    let usual = |n, c| pass_at_k(Outcomes::new(n, c).unwrap(), 1).unwrap();
    assert_eq!(0.5 * usual(1, 1) + 0.25 * usual(2, 1) + 0.25 * usual(2, 0), 0.625);
    assert_eq!(expectations(rule(1, 2), 0.5, &[1]), [0.5]);
}

/// 1 − C(n−1−k, r−1)/C(n−1, r−1) in exact rationals, straight from the definition of C.
fn exact(n: u64, r: u64, k: u64) -> f64 {
    let choose = |n: u64, k: u64| {
        let k = if k > n { return BigInt::ZERO } else { k.min(n - k) };
        (0..k).fold(BigInt::one(), |acc, i| acc * (n - i) / (i + 1))
    };
    let missed = match (n - 1).checked_sub(k) {
        Some(left) => choose(left, r - 1),
        None => BigInt::ZERO,
    };
    (BigRational::one() - BigRational::new(missed, choose(n - 1, r - 1))).to_f64().unwrap()
}

#[test]
fn agrees_with_exact_rationals() {
    let mut cases = Vec::new();
    for n in [1, 2, 9, 57, 300, 1024] {
        for r in [1, 2, 3, 8, n / 2, n - 1, n] {
            let ks = powers_of_two(1024).into_iter().chain([3, n - 1, n, n + 1 - r]);
            cases.extend(ks.filter(|&k| k <= 1024).map(|k| (n, r, k, 1024)));
        }
    }
    for n in [8, 100, 5000, 40_001, 65_535, 65_536] {
        for r in [1, 2, 8] {
            cases.extend([1, 2, 256, 8192, 65_528, 65_536].map(|k| (n, r, k, 65_536)));
        }
    }
    cases.extend([(60_000, 1000, 40, 65_536), (65_536, 300, 1024, 65_536)]);
    for (n, r, k, n_max) in cases.into_iter().filter(|&(n, r, ..)| (1..=n).contains(&r)) {
        let got = pass_at_k(stopped(n, r, r, n_max), k).unwrap();
        assert_close(got, exact(n, r, k), &format!("n={n} r={r} k={k}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn curves_rise_to_whether_it_was_solved(
        seed in any::<u64>(), p in 0.0..1.0_f64, successes in 1_u64..20, n_max in 1_u64..200,
    ) {
        let draws = (0..n_max).map(|draw| uniform(seed, "", draw) < p);
        let outcomes = Outcomes::cut(draws.clone(), rule(successes, n_max)).unwrap();
        let at = |k| pass_at_k(outcomes, k).unwrap();
        prop_assert_eq!(at(0), 0.0);
        prop_assert_eq!(at(n_max), f64::from(u8::from(outcomes.solved())));
        for k in 1..=n_max {
            prop_assert!((0.0..=1.0).contains(&at(k)));
            // 1e-12 relative is the stated accuracy of each side.
            prop_assert!(at(k) >= at(k - 1) * (1.0 - 2e-12));
        }
        // Stopping loses no problem, and a rule out of reach changes nothing.
        let all = Outcomes::new(n_max, draws.clone().map(u64::from).sum()).unwrap();
        prop_assert_eq!(outcomes.solved(), all.solved());
        let free = Outcomes::cut(draws, rule(n_max + 1, n_max)).unwrap();
        prop_assert_eq!((free.n(), free.c()), (all.n(), all.c()));
        for k in 0..=n_max {
            prop_assert_eq!(pass_at_k(free, k), pass_at_k(all, k));
        }
    }
}

const OPTIONS: CompareOptions =
    CompareOptions { confidence: 0.95, resamples: 200, seed: 1, look: 1, epsilon: None };

fn figures(base: &[(&str, Outcomes)], policy: &[(&str, Outcomes)]) -> Boundary {
    let side = |list: &[(&str, Outcomes)]| list.iter().map(|&(id, o)| (id.to_owned(), o)).collect();
    compare(&side(base), &side(policy), &OPTIONS).unwrap()
}

/// The same outcomes as the files of the command's own test.
#[test]
fn mixed_figures_worked_by_hand() {
    let fixed = |n, c| Outcomes::new(n, c).unwrap();
    let b = figures(
        // pass@1, 2, 4: ¼ ½ 1; 0 0 0; the first success on draw 2, 0 1 1; 1 1 1.
        &[("a", fixed(4, 1)), ("b", fixed(4, 0)), ("c", stopped(2, 1, 1, 4)), ("d", fixed(4, 4))],
        // The second success on draw 3, ½ 1 1; one in 4, ¼ ½ 1; the first on draw 1, 1 1 1; 0 0 0.
        &[
            ("a", stopped(3, 2, 2, 4)),
            ("b", stopped(4, 1, 2, 4)),
            ("c", stopped(1, 1, 1, 4)),
            ("d", fixed(4, 0)),
        ],
    );
    assert_eq!(b.k, [1, 2, 4]);
    assert_eq!(b.base.pass_at_k, [0.3125, 0.625, 0.75]);
    assert_eq!(b.policy.pass_at_k, [0.4375, 0.625, 0.75]);
    assert_eq!((b.delta_se, b.crossover_k), (0.3125, None));
    let sets = [
        &b.solvable.kept,
        &b.solvable.newly_solved,
        &b.solvable.never_solved_again,
        &b.solvable.neither,
    ];
    assert_eq!(sets.map(|ids| ids.concat()), ["ac", "b", "d", ""]);
    assert_eq!(b.n, DrawCounts { base: [4, 4], policy: [4, 4] });
    let base = Spent { spent: 14, full: 16, saved: 2 };
    let policy = Spent { spent: 12, full: 16, saved: 4 };
    assert_eq!(b.draws, Some(Spending { base, policy }));
}

#[test]
fn k_runs_to_the_least_n_max() {
    let fixed = |n, c| Outcomes::new(n, c).unwrap();
    // 3 draws made, but 1,024 allowed: the fixed 100 bound k.
    let b = figures(&[("a", stopped(3, 2, 2, 1024))], &[("a", fixed(100, 5))]);
    assert_eq!((b.k_max(), b.n.base, b.n.policy), (64, [1024, 1024], [100, 100]));
    let b = figures(&[("a", stopped(3, 2, 2, 16))], &[("a", fixed(100, 5))]);
    assert_eq!((b.k_max(), b.n.base, b.n.policy), (16, [16, 16], [100, 100]));
    // Nothing had a rule: nothing to say of it.
    assert_eq!(figures(&[("a", fixed(2, 1))], &[("a", fixed(2, 1))]).draws, None);
    // A rule that saved nothing is told.
    let b = figures(&[("a", stopped(4, 1, 2, 4))], &[("a", fixed(4, 1))]);
    let all = Spent { spent: 4, full: 4, saved: 0 };
    assert_eq!(b.draws, Some(Spending { base: all, policy: all }));
    assert_eq!(b.delta.pass_at_k, [0.0; 3], "ended at n_max, it is a fixed n");
    let back: Boundary = serde_json::from_str(&serde_json::to_string(&b).unwrap()).unwrap();
    assert_eq!(back, b);
}
