//! The inference on the paired difference: identities, and intervals that hold the truth of a known
//! population (a fast subset of the ground-truth bench, `examples/ground_truth`).

mod common;

use std::collections::BTreeMap;

use bourn_probe::figures::{Interval, Paired};
use bourn_probe::{Boundary, CompareOptions, Outcomes, StopRule, compare_curves, detectable};
use common::uniform;
use proptest::prelude::*;

const OPTIONS: CompareOptions =
    CompareOptions { confidence: 0.9, resamples: 199, seed: 3, look: 1, epsilon: None };

type Side = BTreeMap<String, Outcomes>;

fn paired(base: &Side, policy: &Side, options: &CompareOptions) -> (Boundary, Paired) {
    let mut boundary = compare_curves(base, policy, options).unwrap();
    let paired = boundary.paired.take().unwrap();
    (boundary, paired)
}

fn fixed(counts: &[(u64, u64)]) -> Side {
    let one =
        |(i, &(n, c)): (usize, &(u64, u64))| (format!("{i:03}"), Outcomes::new(n, c).unwrap());
    counts.iter().enumerate().map(one).collect()
}

/// Outcomes of 100 problems with success probability uᵖᵒʷᵉʳ, u uniform on 0..1 and the same for
/// both models; `salt` tells one model's draws from another's.
fn side(replication: u64, power: i32, salt: u64, rule: StopRule) -> Side {
    let one = |i: u64| {
        let id = format!("{i:03}");
        let p = uniform(replication, &id, 0).powi(power);
        let draws = (1..=rule.n_max).map(|draw| uniform(replication, &id, salt + draw) < p);
        let outcomes = Outcomes::cut(draws, rule).unwrap();
        (id, outcomes)
    };
    (0..100).map(one).collect()
}

/// E[1 − (1 − uᵖᵒʷᵉʳ)^k] by the midpoint rule: error below 1e-8 of a smooth integrand.
fn truth(power: i32, k: u64) -> f64 {
    let points = 100_000;
    let at =
        |i| 1.0 - (1.0 - ((f64::from(i) + 0.5) / f64::from(points)).powi(power)).powi(k as i32);
    (0..points).map(at).sum::<f64>() / f64::from(points)
}

/// 90% intervals of 300 replications, stopped at success 4 of at most 64 draws. A count of
/// intervals that hold is binomial with a standard error of 1.7 points at 90%. Accepted are 88% less
/// five of these (the target's lower end; chance goes below once in 10⁶) up to 92% and five more,
/// which is all; for the band, whose estimated deviations are known to make it narrow, from 85%.
/// The any-time interval holds at least what it says at its first look, 95%, less five.
#[test]
fn intervals_hold_the_truth() {
    const REPLICATIONS: u64 = 300;
    let rule = StopRule { successes: 4, n_max: 64 };
    let truths: Vec<f64> = (0..7).map(|bit| truth(4, 1 << bit) - truth(3, 1 << bit)).collect();
    let base_truths: Vec<f64> = (0..7).map(|bit| truth(3, 1 << bit)).collect();
    let mut held: BTreeMap<String, u64> = BTreeMap::new();
    for replication in 0..REPLICATIONS {
        let (b, p) =
            paired(&side(replication, 3, 0, rule), &side(replication, 4, 64, rule), &OPTIONS);
        let mut check = |what: &str, holds| {
            *held.entry(what.to_owned()).or_default() += u64::from(holds);
        };
        let at = |interval: &Interval, truth: f64| interval.low <= truth && truth <= interval.high;
        for (name, i) in [("k = 1", 0), ("k = 8", 3), ("k = 64", 6)] {
            let bootstrap = Interval { low: b.delta.ci_low[i], high: b.delta.ci_high[i] };
            check(&format!("delta {name}"), at(&bootstrap, truths[i]));
            check(&format!("nested {name}"), at(&p.delta_nested[i], truths[i]));
            check(&format!("anytime {name}"), at(&p.delta_anytime[i], truths[i]));
        }
        let all = |band: &[Interval], truths: &[f64]| {
            band.iter().zip(truths).all(|(interval, truth)| at(interval, *truth))
        };
        check("band delta", all(&p.delta_band, &truths));
        check("band base", all(&p.base_band, &base_truths));
    }
    for (what, held) in held {
        let least = match what.split(' ').next().unwrap() {
            "anytime" => 0.95,
            "band" => 0.85,
            _ => 0.88,
        };
        let n = REPLICATIONS as f64;
        let bound = n * least - 5.0 * (n * least * (1.0 - least)).sqrt();
        assert!(held as f64 > bound, "{what}: {held} of {REPLICATIONS} is not {bound}");
    }
}

/// A difference of the size that was given before the draws is found with 80% power, by the test
/// that it is given for: of these problems' difference against the noise of the draws.
#[test]
fn the_detectable_difference_is_found() {
    const REPLICATIONS: u64 = 1000;
    const PROBLEMS: u64 = 60;
    let rule = StopRule { successes: 4, n_max: 64 };
    // Base outcomes of success probability 1/10: 6.4 of 64 draws, told by a base of many draws.
    let told: Side =
        (0..PROBLEMS).map(|i| (i.to_string(), Outcomes::new(10_000, 1000).unwrap())).collect();
    let smallest = detectable(PROBLEMS as usize, rule, Some(&told), &[1], 0.95).delta[0];
    let draw = |replication: u64, p: f64, salt: u64| -> f64 {
        let one = |i: u64| {
            let id = i.to_string();
            let draws = (1..=rule.n_max).map(|draw| uniform(replication, &id, salt + draw) < p);
            bourn_probe::pass_at_k(Outcomes::cut(draws, rule).unwrap(), 1).unwrap()
        };
        (0..PROBLEMS).map(one).sum::<f64>() / PROBLEMS as f64
    };
    // z₀.₉₇₅/(z₀.₉₇₅ + z₀.₈) of it is where the two-sided test rejects.
    let critical = smallest * 1.959_964 / (1.959_964 + 0.841_621);
    let found = |difference: f64| {
        let hits = (0..REPLICATIONS).filter(|&replication| {
            let delta = draw(replication, 0.1 + difference, 1000) - draw(replication, 0.1, 0);
            delta.abs() > critical
        });
        hits.count() as f64 / REPLICATIONS as f64
    };
    // Standard errors 0.7 and 1.3 points: five of each, and for the power 4 points more, since at
    // the higher rate the policy's draws are noisier than the base's, by which 2·Var understates.
    let (null, power) = (found(0.0), found(smallest));
    assert!((null - 0.05).abs() < 0.035, "false alarms {null}");
    assert!((power - 0.8).abs() < 0.065 + 0.04, "power {power}");
}

/// A problem-only bootstrap already holds the draws' noise: the nested one is no wider where there is
/// variation between problems to take it from, and where there is none it shows the draws' own.
#[test]
fn nested_counts_the_draws_once() {
    let rule = StopRule { successes: 65, n_max: 64 };
    let options = CompareOptions { resamples: 1999, ..OPTIONS };
    let (b, p) = paired(&side(1, 3, 0, rule), &side(1, 1, 64, rule), &options);
    for i in 0..b.k.len() {
        let nested = p.delta_nested[i].high - p.delta_nested[i].low;
        let plain = b.delta.ci_high[i] - b.delta.ci_low[i];
        // Twice-counted noise would be √2 at k = 1 of problems alike. A width from 1,999 resamples
        // has a relative standard error of 2.6%: four of that for the ratio of two.
        assert!((nested / plain - 1.0).abs() < 0.15, "k={}: {nested} vs {plain}", b.k[i]);
    }
    // All problems alike and no difference seen: the plain bootstrap is a point (the exact bound
    // stands in), the draws alone vary by √(2·¼/64/100) = 0.0088 each way at k = 1.
    let half = fixed(&[(64, 32); 100]);
    let (_, p) = paired(&half, &half, &options);
    let width = p.delta_nested[0].high - p.delta_nested[0].low;
    let expect = 2.0 * 1.644_854 * (0.5_f64 / 64.0 / 100.0).sqrt();
    // 10%: four standard errors of a width from 1,999 resamples.
    assert!((width / expect - 1.0).abs() < 0.1, "{width} vs {expect}");
}

#[test]
fn one_sided_losses_and_their_test() {
    // Seven problems lost of twenty, none gained: 2·2⁻⁷.
    let base = fixed(&[(32, 4); 20]);
    let counts: Vec<(u64, u64)> = (0..20).map(|i| (32, if i < 7 { 0 } else { 4 })).collect();
    let (b, p) = paired(&base, &fixed(&counts), &OPTIONS);
    assert_eq!((p.mcnemar.never_solved_again, p.mcnemar.newly_solved, p.look), (7, 0, 1));
    // 1e-12: a handful of roundings.
    assert!((p.mcnemar.p_value - 2.0_f64.powi(-6)).abs() < 1e-12, "{:?}", p.mcnemar);
    // The policy is ahead nowhere: no resample crosses.
    let crossover = &p.crossover;
    assert_eq!((crossover.low, crossover.high, crossover.share), (None, None, 0.0));
    assert!(p.delta_band.last().unwrap().high < 0.0);
    assert_eq!(b.solvable.never_solved_again.len(), 7);
    // Better at one draw, lost at 32: the curves cross in nearly every resample.
    let better: Vec<(u64, u64)> = (0..20).map(|i| (32, if i < 7 { 0 } else { 30 })).collect();
    let (b, p) = paired(&base, &fixed(&better), &OPTIONS);
    let (low, high) = (p.crossover.low.unwrap(), p.crossover.high.unwrap());
    let here = b.crossover_k.unwrap();
    assert!(low <= here && here <= high && p.crossover.share > 0.99, "{:?}", p.crossover);
}

#[test]
fn every_look_is_wider_than_the_last() {
    let rule = StopRule { successes: 4, n_max: 64 };
    let (base, policy) = (side(1, 3, 0, rule), side(1, 4, 64, rule));
    let width = |look| {
        let (b, p) = paired(&base, &policy, &CompareOptions { look, ..OPTIONS });
        assert_eq!(p.look, look);
        for (interval, delta) in p.delta_anytime.iter().zip(&b.delta.pass_at_k) {
            assert!(-1.0 <= interval.low && interval.low <= *delta, "{interval:?} {delta}");
            assert!(*delta <= interval.high && interval.high <= 1.0, "{interval:?} {delta}");
        }
        p.delta_anytime.iter().map(|interval| interval.high - interval.low).sum::<f64>()
    };
    let widths = [1, 2, 10, 1000].map(width);
    assert!(widths.is_sorted_by(|a, b| a < b), "{widths:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..Default::default() })]

    /// Changing places of base and policy negates and swaps what is said of the difference.
    #[test]
    fn identities(counts in prop::collection::vec((0_u64..=16, 0_u64..=16), 1..30)) {
        let side = |pick: fn(&(u64, u64)) -> u64| {
            fixed(&counts.iter().map(|pair| (16, pick(pair))).collect::<Vec<_>>())
        };
        let (base, policy) = (side(|p| p.0), side(|p| p.1));
        let (b, p) = paired(&base, &policy, &OPTIONS);
        let (_, swapped) = paired(&policy, &base, &OPTIONS);
        prop_assert_eq!(&p.base_band, &swapped.policy_band);
        prop_assert_eq!(p.mcnemar.p_value, swapped.mcnemar.p_value);
        prop_assert_eq!(p.mcnemar.never_solved_again, swapped.mcnemar.newly_solved);
        for i in 0..b.k.len() {
            // 1e-9: the bisections of the any-time interval, and sums in another order.
            for (a, b) in [
                (p.delta_band[i], swapped.delta_band[i]),
                (p.delta_anytime[i], swapped.delta_anytime[i]),
            ] {
                prop_assert!((a.low + b.high).abs() < 1e-9 && (a.high + b.low).abs() < 1e-9);
            }
            for (interval, least) in [
                (p.base_band[i], 0.0), (p.policy_band[i], 0.0), (p.delta_band[i], -1.0),
                (p.delta_nested[i], -1.0), (p.delta_anytime[i], -1.0),
            ] {
                prop_assert!(least <= interval.low && interval.low <= interval.high);
                prop_assert!(interval.high <= 1.0);
            }
            // A band holds the curve itself.
            let (band, delta) = (p.delta_band[i], b.delta.pass_at_k[i]);
            prop_assert!(band.low <= delta + 1e-12 && delta <= band.high + 1e-12);
            prop_assert!((0.0..=1.0).contains(&p.detectable[i]));
        }
    }
}
