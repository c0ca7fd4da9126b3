//! The exact McNemar test of lost against gained problems.

use crate::figures::McNemar;

/// The exact two-sided McNemar test: of the problems that one model only solved, how likely is a
/// split at least this uneven if either were equally likely to be that model (a binomial with
/// probability ½; McNemar 1947, exact form). p = 1 where there are none, and never above 1.
///
/// "Solved" is at least once in the model's own n_max draws. Where these differ between the models
/// the one with more draws is favoured, and a small p-value may say no more than that.
pub(crate) fn mcnemar(lost: u64, gained: u64) -> McNemar {
    McNemar { never_solved_again: lost, newly_solved: gained, p_value: two_sided(lost, gained) }
}

/// min(1, 2·P(X ≤ min(a, b))) for X ~ binomial(a + b, ½).
fn two_sided(a: u64, b: u64) -> f64 {
    let (few, all) = (a.min(b), a + b);
    // The largest term, C(all, few)/2^all, in logarithms: 2^all overflows from 1,024 problems on.
    let choose: f64 = (0..few).map(|i| ((all - i) as f64 / (i + 1) as f64).ln()).sum();
    let largest = (choose - all as f64 * std::f64::consts::LN_2).exp();
    // The terms below it, each a share of the last.
    let (mut term, mut sum) = (1.0, 1.0);
    for i in (1..=few).rev() {
        term *= i as f64 / (all - i + 1) as f64;
        sum += term;
        if term < sum * 1e-18 {
            break;
        }
    }
    (2.0 * largest * sum).min(1.0)
}

/// The fewest lost problems, with none gained, that the exact test calls significant at this
/// confidence: the least m with 2·2^−m ≤ 1 − confidence.
pub(crate) fn fewest_one_sided(confidence: f64) -> u64 {
    // Less a part in 10⁹: 1 − 0.75 and the like are not exact in binary.
    let needed = (2.0 / (1.0 - confidence)).log2() * (1.0 - 1e-9);
    // At least 1: a test without a problem says nothing. At most 2⁻⁵³ away from 1, so below 60.
    needed.ceil().max(1.0) as u64
}

#[cfg(test)]
#[path = "../../tests/unit/statistics/mcnemar.rs"]
mod tests;
