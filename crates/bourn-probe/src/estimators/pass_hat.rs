//! pass^k: the probability that all of k draws are correct.

use std::collections::BTreeMap;

use crate::comparison::compare::CompareOptions;
use crate::figures::PassHatK;
use crate::statistics::bootstrap::{BootstrapTable, interval};
use crate::{Estimate, Outcomes, powers_of_two};

/// Unbiased estimate of the probability that `k` fresh draws are all correct (pass^k of τ-bench,
/// arXiv 2406.12045); `None` where k is more than the draws or the successes that there could be.
///
/// With n fixed, or where n_max draws came to an end before the successes did: C(c, k)/C(n, k).
/// Where success number r ended the drawing on draw n: C(r−1, k)/C(n−1, k) for k < r, and at k = r
/// whether the first r draws were all correct, n = r. Both are the share, among the orders in which
/// such draws can come, of those whose first k are correct (Girshick, Mosteller and Savage 1946).
/// For k above r every order has stopped before it can show k successes, so that no share of orders
/// tells; nor does any other estimate that stays within 0..=1.
///
/// Accurate to 1e-12 relative at n up to 65,536; exactly c/n at k = 1 with n fixed.
pub(crate) fn pass_hat_k(outcomes: Outcomes, k: u64) -> Option<f64> {
    if k > most(outcomes) {
        return None;
    }
    let (n, c) = (outcomes.n(), outcomes.c());
    Some(match outcomes.ended_by_success() {
        // One order only: n successes.
        true if n == c => 1.0,
        // The last of c successes was bound to come last: only the draws before it had an order,
        // and c of them cannot be correct.
        true => all_correct(n - 1, c - 1, k),
        false => all_correct(n, c, k),
    })
}

/// The largest k at which pass^k can be estimated: n where it was fixed, else the least of the
/// rule's successes and draws.
fn most(outcomes: Outcomes) -> u64 {
    outcomes.rule().map_or(outcomes.n(), |rule| rule.successes.min(rule.n_max))
}

/// C(c, k)/C(n, k): the probability that k of n things, taken without replacement, are all among c.
fn all_correct(n: u64, c: u64, k: u64) -> f64 {
    if k > c {
        return 0.0;
    }
    // C(c, k)/C(n, k) = C(n−k, n−c)/C(n, n−c): that the k hold none of the n − c others is
    // symmetric in the two. Walk the shorter; exact conversions, n ≤ 2³².
    let (steps, others) = if k <= n - c { (k, n - c) } else { (n - c, k) };
    let mut share = 1.0_f64;
    for step in 0..steps {
        share *= (n - others - step) as f64 / (n - step) as f64;
        // Where both are large the product underflows in O(√n) steps: below the normal numbers, where a
        // factor above ½ is rounded to 1, so that 0 itself might be never reached.
        if share < f64::MIN_POSITIVE {
            return 0.0;
        }
    }
    share
}

/// pass^k of both models and their difference, means over problems with intervals, at the powers of
/// two up to the largest k that every problem of both allows; empty if there are no problems.
///
/// The same resamples of problems as [`compare`](crate::compare()); `base` and `policy` have the
/// same ids, and other problems are left out.
pub(crate) fn pass_hat(
    base: &BTreeMap<String, Outcomes>,
    policy: &BTreeMap<String, Outcomes>,
    options: &CompareOptions,
) -> Vec<PassHatK> {
    let pairs: Vec<[Outcomes; 2]> =
        base.iter().filter_map(|(id, &base)| Some([base, *policy.get(id)?])).collect();
    let limit = pairs.iter().flatten().map(|&o| most(o)).min().unwrap_or(0);
    let ks = powers_of_two(limit);
    if ks.is_empty() {
        return Vec::new();
    }
    // base, policy and their difference at each k.
    let mut table = BootstrapTable::new(3 * ks.len(), pairs.len());
    for pair in &pairs {
        table.push(ks.iter().flat_map(|&k| {
            // `pass_hat_k` has a value: k is at most every problem's limit.
            let [base, policy] = pair.map(|o| pass_hat_k(o, k).unwrap_or(f64::NAN));
            [base, policy, policy - base]
        }));
    }
    let problems = pairs.len();
    let sums = table.sums();
    let resampled = table.resampled_sums(options.seed, options.resamples);
    let estimate = |column: usize, least: f64| {
        let values = resampled.iter().map(|sums| sums[column] / problems as f64).collect();
        let agreed = table.agreed(|row| row[column]);
        let ends = interval(values, agreed, problems, (least, 1.0), options.confidence);
        Estimate { value: sums[column] / problems as f64, ci_low: ends.low, ci_high: ends.high }
    };
    let row = |(i, &k): (usize, &u64)| PassHatK {
        k,
        base: estimate(3 * i, 0.0),
        policy: estimate(3 * i + 1, 0.0),
        delta: estimate(3 * i + 2, -1.0),
    };
    ks.iter().enumerate().map(row).collect()
}

#[cfg(test)]
#[path = "../../tests/unit/estimators/pass_hat.rs"]
mod tests;
