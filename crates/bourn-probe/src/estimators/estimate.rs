//! The unbiased estimator of pass@k.

use crate::Outcomes;

/// Unbiased estimate of the probability that at least one of `k` fresh draws is correct; `None`
/// where k is more than the problem's [`n_max`](Outcomes::n_max) (its n, where that was fixed),
/// because nothing unbiased can be said beyond.
///
/// With n fixed, or where n_max draws came to an end before the successes did:
/// 1 − C(n−c, k)/C(n, k) (Chen et al. 2021, arXiv 2107.03374, eq. 1). Where success number r ended
/// the drawing on draw n: 1 − C(n−1−k, r−1)/C(n−1, r−1), and 1 where n−1−k < r−1. Both are the share,
/// among the orders in which such draws can come, of those with a success in the first k, which is
/// what makes them unbiased (Girshick, Mosteller and Savage 1946). Hence with r = 1, where there is
/// one order only, the estimate is 0 for k < n and 1 from there.
///
/// Accurate to 1e-12 relative at every n up to 65,536 (small values too, which 1 − product would
/// round away). With n fixed: exactly c/n at k = 1, exactly 1 where fewer than k draws were wrong,
/// exactly 0 at c = 0 and at k = 0.
pub fn pass_at_k(outcomes: Outcomes, k: u64) -> Option<f64> {
    if k > outcomes.n_max() {
        return None;
    }
    let (n, c) = (outcomes.n(), outcomes.c());
    // The success that ended it was bound to come last: only the draws before it were in any order.
    // No underflow: it was one of c, which is at most n.
    Some(if outcomes.ended_by_success() { hit(n - 1, c - 1, k) } else { hit(n, c, k) })
}

/// 1 − C(n−c, k)/C(n, k) for c ≤ n, where k > n counts as a hit: the probability that k of n
/// things, taken without replacement, hold one of c.
fn hit(n: u64, c: u64, k: u64) -> f64 {
    if c + k > n {
        return 1.0;
    }
    // "k draws without replacement hit one of c" is symmetric in c and k: walk the shorter.
    let (steps, marked) = if c < k { (c, k) } else { (k, c) };
    // P(hit) = Σⱼ P(the first hit is at step j). Every term is positive, so nothing cancels, which
    // 1 − Π would do at small values. The walk ends once the rest cannot change the sum: after
    // O(√n) steps, because marked ≥ steps.
    let mut missed = 1.0_f64;
    let mut hit = 0.0_f64;
    for step in 0..steps {
        // Exact conversions: n ≤ 2³². `left > marked` holds because marked + steps ≤ n.
        let left = (n - step) as f64;
        let marked = marked as f64;
        hit += missed * (marked / left);
        missed *= (left - marked) / left;
        if missed < hit * 1e-18 {
            break;
        }
    }
    hit.min(1.0)
}

/// The powers of two 1, 2, 4, … that are at most `n`; empty at n = 0.
pub fn powers_of_two(n: u64) -> Vec<u64> {
    (0..u64::BITS).map(|bit| 1_u64 << bit).take_while(|&k| k <= n).collect()
}

#[cfg(test)]
#[path = "../../tests/unit/estimators/estimate.rs"]
mod tests;
