//! The boundary figures against numbers worked by hand, identities and a known population.

mod common;

use std::collections::BTreeMap;

use bourn_probe::{
    Boundary, CompareError, CompareOptions, Outcomes, Standing, accuracies, compare,
    compare_curves, pass_at_k,
};
use common::{outcomes, uniform};
use proptest::prelude::*;

const OPTIONS: CompareOptions =
    CompareOptions { confidence: 0.95, resamples: 1000, seed: 1, look: 1, epsilon: None };

fn figures(base: &[(&str, u64, u64)], policy: &[(&str, u64, u64)]) -> Boundary {
    compare(&outcomes(base), &outcomes(policy), &OPTIONS).unwrap()
}

/// Equal up to the rounding of a mean of a few fractions.
fn assert_close(got: &[f64], expect: &[f64]) {
    assert_eq!(got.len(), expect.len());
    for (got, expect) in got.iter().zip(expect) {
        assert!((got - expect).abs() < 1e-15, "{got} is not {expect}");
    }
}

#[test]
fn worked_by_hand() {
    // pass@2 of 1 in 4 is 1 − C(3,2)/C(4,2) = 1/2; of 2 in 4 it is 5/6; of 3 or 4 it is 1.
    let base = [("a", 4, 1), ("b", 4, 1), ("c", 4, 0), ("d", 4, 2)];
    let policy = [("a", 4, 4), ("b", 4, 0), ("c", 4, 1), ("d", 4, 0)];
    let b = figures(&base, &policy);
    assert_eq!(b.k, [1, 2, 4]);
    assert_close(&b.base.pass_at_k, &[1.0 / 4.0, (0.5 + 0.5 + 5.0 / 6.0) / 4.0, 3.0 / 4.0]);
    assert_close(&b.policy.pass_at_k, &[5.0 / 16.0, 1.5 / 4.0, 2.0 / 4.0]);
    assert_close(&b.delta.pass_at_k, &[1.0 / 16.0, -1.0 / 12.0, -1.0 / 4.0]);
    assert_eq!((b.crossover_k, b.standing()), (Some(2), Standing::Crossover(2)));
    assert_close(&[b.delta_se], &[3.0 / 4.0 - 5.0 / 16.0]);
    assert_eq!(b.solvable.kept, ["a"]);
    assert_eq!(b.solvable.newly_solved, ["c"]);
    assert_eq!(b.solvable.never_solved_again, ["b", "d"]);
    assert!(b.solvable.neither.is_empty());
    assert_eq!((b.problems, b.n.base, b.n.policy), (4, [4, 4], [4, 4]));
    assert_eq!(accuracies(&outcomes(&base)), [0.25, 0.25, 0.0, 0.5]);
    let row = b.rows()[2];
    assert_eq!((row.k, row.base.value, row.policy.value), (4, b.base.pass_at_k[2], 0.5));
    assert_eq!(b.k_max(), 4);
}

#[test]
fn k_stops_at_the_fewest_draws() {
    let b = figures(&[("a", 256, 3), ("b", 1000, 1)], &[("a", 100, 0), ("b", 70, 70)]);
    assert_eq!(b.k, [1, 2, 4, 8, 16, 32, 64]);
    assert_eq!((b.n.base, b.n.policy), ([256, 1000], [70, 100]));
    // Each problem with its own n.
    let at = |n, c| pass_at_k(Outcomes::new(n, c).unwrap(), 64).unwrap();
    assert_close(&b.base.pass_at_k[6..], &[(at(256, 3) + at(1000, 1)) / 2.0]);
}

#[test]
fn degenerate_sets() {
    // One problem agrees with itself: the bootstrap sees no variation, and the exact bound of one
    // value stands in, 1 − 0.025 = 0.975 of the way to either end of the range.
    let one = figures(&[("a", 2, 1)], &[("a", 2, 0)]);
    assert_close(&one.base.pass_at_k, &[0.5, 1.0]);
    assert_close(&one.base.ci_low, &[0.5 - 0.975 * 0.5, 0.025]);
    assert_close(&one.base.ci_high, &[0.5 + 0.975 * 0.5, 1.0]);
    assert_close(&one.delta.ci_low, &[-0.5 - 0.975 * 0.5, -1.0]);
    assert_close(&one.delta.ci_high, &[-0.5 + 0.975 * 1.5, -1.0 + 0.975 * 2.0]);
    assert_eq!(one.standing(), Standing::BaseAhead);
    assert_close(&[one.delta_se, one.delta_se_ci_low], &[1.0, 1.0 - 0.975 * 2.0]);
    assert_eq!(one.delta_se_ci_high, 1.0);
    // One draw: one k.
    let single = figures(&[("a", 1, 1), ("b", 1, 0)], &[("a", 1, 0), ("b", 1, 1)]);
    assert_eq!((single.k.as_slice(), single.standing()), (&[1][..], Standing::Level));
    // All solved always, none solved ever.
    let many: Vec<String> = (0..100).map(|i| i.to_string()).collect();
    let all = |c| many.iter().map(|id| (id.as_str(), 8, c)).collect::<Vec<_>>();
    let b = figures(&all(8), &all(0));
    // Exact bounds for 100 that agree: 0.025^(1/100) is 3.6% below 1. Twice that for differences,
    // which can be off by 2.
    let edge = 0.025_f64.powf(0.01);
    assert_close(&b.base.ci_low, &[edge; 4]);
    assert_eq!(b.base.ci_high, [1.0; 4]);
    assert_eq!(b.policy.ci_low, [0.0; 4]);
    assert_close(&b.policy.ci_high, &[1.0 - edge; 4]);
    assert_close(&b.delta.ci_high, &[-1.0 + 2.0 * (1.0 - edge); 4]);
    assert_eq!((b.delta.ci_low, b.delta_se_ci_high), (vec![-1.0; 4], 1.0));
    assert_eq!((b.solvable.never_solved_again.len(), b.crossover_k), (100, None));
}

#[test]
fn errors_say_what_to_do() {
    let check = |base: &[_], policy: &[_], options: CompareOptions, expect: &str| {
        let error = compare(&outcomes(base), &outcomes(policy), &options).unwrap_err();
        assert_eq!(error.to_string(), expect);
    };
    let one = [("a", 2, 1)];
    check(&[], &[], OPTIONS, "there are no problems to compare");
    check(
        &[("a", 1, 0), ("b", 1, 0), ("c", 1, 0), ("d", 1, 0), ("z", 1, 0)],
        &[("a", 1, 0), ("x", 1, 0)],
        OPTIONS,
        "base and policy must have the same problems: 4 (b, c, d, …) only in the base, \
         1 (x) only in the policy",
    );
    check(
        &one,
        &[],
        OPTIONS,
        "base and policy must have the same problems: 1 (a) only in the base, \
         0 only in the policy",
    );
    check(
        &one,
        &one,
        CompareOptions { look: 0, ..OPTIONS },
        "look 0: looks at the same problems are counted from 1",
    );
    for confidence in [0.0, 1.0, 95.0, f64::NAN] {
        let error =
            compare(&outcomes(&one), &outcomes(&one), &CompareOptions { confidence, ..OPTIONS });
        assert!(matches!(error, Err(CompareError::Confidence(_))), "{confidence}");
    }
    check(
        &one,
        &one,
        CompareOptions { resamples: 38, ..OPTIONS },
        "38 resamples: a 0.95 interval takes between 39 and 100000",
    );
    check(
        &one,
        &one,
        CompareOptions { resamples: usize::MAX, ..OPTIONS },
        "18446744073709551615 resamples: a 0.95 interval takes between 39 and 100000",
    );
}

#[test]
fn the_json_object() {
    let base = [("a", 4, 1), ("b", 4, 0)];
    let b = figures(&base, &[("a", 4, 4), ("b", 4, 1)]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&b).unwrap());
    let back: Boundary = serde_json::from_str(&serde_json::to_string(&b).unwrap()).unwrap();
    assert_eq!(back, b);
}

/// The example of `docs/formats.md` is what these outcomes give.
#[test]
fn the_documented_object() {
    let page = include_str!("../../../docs/formats.md");
    let from = page.find("    {\n      \"k\"").unwrap();
    let length = page[from..].find("\n    }\n").unwrap() + "\n    }".len();
    let documented: Boundary = serde_json::from_str(&page[from..from + length]).unwrap();
    // What `bourn compare` resamples by default.
    let options = CompareOptions { resamples: 2000, ..OPTIONS };
    let base = outcomes(&[("a", 4, 1), ("b", 4, 0)]);
    let policy = outcomes(&[("a", 4, 4), ("b", 4, 1)]);
    let boundary = compare(&base, &policy, &options).unwrap();
    // The parts have pages of their own.
    let parts = Boundary {
        paired: None,
        solvability: None,
        support: None,
        extrapolation: None,
        ..boundary
    };
    assert_eq!(documented, parts);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn identities(counts in prop::collection::vec((0_u64..=16, 0_u64..=16), 1..40)) {
        let side = |pick: fn(&(u64, u64)) -> u64| -> BTreeMap<String, Outcomes> {
            let one = |(i, pair): (usize, &(u64, u64))| {
                (format!("{i:02}"), Outcomes::new(16, pick(pair)).unwrap())
            };
            counts.iter().enumerate().map(one).collect()
        };
        let (base, policy) = (side(|p| p.0), side(|p| p.1));
        let options = CompareOptions { resamples: 60, ..OPTIONS };
        let b = compare_curves(&base, &policy, &options).unwrap();
        let swapped = compare_curves(&policy, &base, &options).unwrap();
        prop_assert_eq!(&b.base, &swapped.policy);
        prop_assert_eq!(&b.solvable.never_solved_again, &swapped.solvable.newly_solved);
        for i in 0..b.k.len() {
            prop_assert_eq!(b.delta.ci_low[i], -swapped.delta.ci_high[i]);
            prop_assert_eq!(b.delta.ci_high[i], -swapped.delta.ci_low[i]);
            prop_assert_eq!(b.delta.pass_at_k[i], b.policy.pass_at_k[i] - b.base.pass_at_k[i]);
            prop_assert!(b.base.ci_low[i] <= b.base.ci_high[i]);
            // Curves rise with k, to the estimator's stated rounding.
            if i > 0 {
                prop_assert!(b.base.pass_at_k[i] >= b.base.pass_at_k[i - 1] - 1e-12);
            }
        }
        let sets = &b.solvable;
        prop_assert_eq!(
            sets.kept.len() + sets.newly_solved.len() + sets.never_solved_again.len() + sets.neither.len(),
            counts.len()
        );
        // At k = n, pass@k is the share solved.
        let solved = (sets.kept.len() + sets.never_solved_again.len()) as f64 / counts.len() as f64;
        prop_assert_eq!(b.base.pass_at_k[4], solved, "zeros and ones add exactly");
        // A model against itself: no difference.
        let same = compare_curves(&base, &base, &options).unwrap();
        // In no resample: what is left is the exact bound of so many problems that agree.
        let bound = 1.0 - 0.025_f64.powf(1.0 / counts.len() as f64);
        for (low, high) in same.delta.ci_low.iter().zip(&same.delta.ci_high) {
            // 1e-15: one power, against a logarithm and an exponential.
            prop_assert!(*low == -high && (high - bound).abs() < 1e-15);
        }
        prop_assert_eq!(same.standing(), Standing::Level);
    }
}

#[test]
fn a_thousand_problems_and_resamples() {
    let side = |seed| -> BTreeMap<String, Outcomes> {
        let one = |i: u64| {
            let id = format!("{i}");
            let c = (1024.0 * uniform(seed, &id, 0).powi(3)) as u64;
            (id, Outcomes::new(1024, c).unwrap())
        };
        (0..1000).map(one).collect()
    };
    let (base, policy) = (side(1), side(2));
    let b = compare(&base, &policy, &OPTIONS).unwrap();
    assert_eq!(b.k.len(), 11);
    assert_eq!(b, compare(&base, &policy, &OPTIONS).unwrap(), "bit for bit");
    let other = compare(&base, &policy, &CompareOptions { seed: 2, ..OPTIONS }).unwrap();
    assert_eq!(b.base.pass_at_k, other.base.pass_at_k);
    assert_ne!(b.base.ci_low, other.base.ci_low);
}

/// ln of the probability that a binomial(trials, p) count is at most `most`.
fn ln_binomial_cdf(trials: u64, p: f64, most: u64) -> f64 {
    let mut ln_term = trials as f64 * (-p).ln_1p();
    let mut terms = vec![ln_term];
    for i in 0..most {
        ln_term += ((trials - i) as f64 / (i + 1) as f64).ln() + (p / (1.0 - p)).ln();
        terms.push(ln_term);
    }
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + terms.iter().map(|t| (t - largest).exp()).sum::<f64>().ln()
}

/// 90% intervals hold the truth of a known population about 90 times in 100.
///
/// Problems have success probability u³ for the base and u⁴ for the policy with u uniform on 0..1,
/// so that E[1 − (1 − uᵐ)^k] is the truth. The count that holds it in fixed-seed replications
/// is binomial. The test rejects only what coverage of at least 0.88 (nominal, less what percentile
/// intervals of 100 problems are known to lose) or at most 0.92 would do once in 10⁶ times.
#[test]
fn intervals_cover_the_truth() {
    const REPLICATIONS: u64 = 500;
    const PROBLEMS: u64 = 100;
    const DRAWS: u64 = 64;
    let options =
        CompareOptions { confidence: 0.9, resamples: 399, seed: 3, look: 1, epsilon: None };
    // E over u by the midpoint rule: error below 1e-8 with 10⁵ points of a smooth integrand.
    let truth = |power: i32, k: u64| {
        let points = 100_000;
        let at =
            |i| 1.0 - (1.0 - ((f64::from(i) + 0.5) / f64::from(points)).powi(power)).powi(k as i32);
        (0..points).map(at).sum::<f64>() / f64::from(points)
    };
    let mut held: BTreeMap<(&str, u64), u64> = BTreeMap::new();
    for replication in 0..REPLICATIONS {
        let side = |power: i32, salt: u64| -> BTreeMap<String, Outcomes> {
            let one = |i: u64| {
                let id = i.to_string();
                let p = uniform(replication, &id, 0).powi(power);
                let hit = |draw| u64::from(uniform(replication, &id, salt + draw) < p);
                (id.clone(), Outcomes::new(DRAWS, (1..=DRAWS).map(hit).sum()).unwrap())
            };
            (0..PROBLEMS).map(one).collect()
        };
        let b = compare_curves(&side(3, 0), &side(4, DRAWS), &options).unwrap();
        let mut check = |what, k, ci: (f64, f64), truth: f64| {
            *held.entry((what, k)).or_default() += u64::from(ci.0 <= truth && truth <= ci.1);
        };
        for (i, &k) in b.k.iter().enumerate().filter(|(_, k)| [1, 8, 64].contains(*k)) {
            check("base", k, (b.base.ci_low[i], b.base.ci_high[i]), truth(3, k));
            let difference = truth(4, k) - truth(3, k);
            check("delta", k, (b.delta.ci_low[i], b.delta.ci_high[i]), difference);
        }
        let delta_se = truth(3, DRAWS) - truth(4, 1);
        check("delta_se", DRAWS, (b.delta_se_ci_low, b.delta_se_ci_high), delta_se);
    }
    let rare = 1e-6_f64.ln();
    for ((what, k), held) in held {
        let too_few = ln_binomial_cdf(REPLICATIONS, 0.88, held) < rare;
        let too_many = ln_binomial_cdf(REPLICATIONS, 1.0 - 0.92, REPLICATIONS - held) < rare;
        println!("{what} k={k}: {held} of {REPLICATIONS}");
        assert!(!too_few && !too_many, "{what} k={k}: {held} of {REPLICATIONS} intervals hold");
    }
}
