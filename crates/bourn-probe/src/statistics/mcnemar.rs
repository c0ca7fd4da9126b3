//! The exact McNemar test of lost against gained problems.

use crate::figures::McNemar;

/// The exact two-sided McNemar test: of the problems that one model only solved, how likely is a
/// split at least this uneven if either were equally likely to be that model (a binomial with
/// probability ½; McNemar 1947, exact form). p = 1 where there are none, and never above 1.
///
/// "Solved" is at least once in the model's own n_max draws. Where these differ between the models
/// the one with more draws is favoured, and a small p-value may say no more than that.
pub(crate) fn mcnemar(lost: u64, gained: u64) -> McNemar {
    McNemar { lost, gained, p_value: two_sided(lost, gained) }
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
mod tests {
    use super::*;

    fn assert_close(got: f64, expect: f64) {
        // 1e-12 relative: logarithms of counts below 10⁴ carry 1e-16 each.
        assert!((got - expect).abs() <= 1e-12 * expect, "{got} is not {expect}");
    }

    #[test]
    fn worked_by_hand() {
        assert_eq!(two_sided(0, 0), 1.0);
        assert_eq!(two_sided(1, 0), 1.0);
        assert_close(two_sided(4, 0), 0.125);
        assert_close(two_sided(0, 6), 1.0 / 32.0);
        // 2·(1 + 7)/2⁷ and 2·(1 + 10 + 45)/2¹⁰.
        assert_close(two_sided(6, 1), 0.125);
        assert_close(two_sided(2, 8), 112.0 / 1024.0);
        // An even split is no evidence at all.
        assert_eq!(two_sided(50, 50), 1.0);
        assert_eq!(mcnemar(3, 9).p_value, mcnemar(9, 3).p_value);
    }

    /// Every one of 2^all equally likely splits, counted.
    #[test]
    fn agrees_with_enumeration() {
        for all in 1..=16_u64 {
            for few in 0..=all / 2 {
                let extreme = (0..1_u64 << all)
                    .filter(|split| {
                        let ones = u64::from(split.count_ones());
                        ones.min(all - ones) <= few
                    })
                    .count();
                assert_close(two_sided(few, all - few), extreme as f64 / (1_u64 << all) as f64);
            }
        }
    }

    #[test]
    fn many_problems() {
        // One-sided 5,000 of 5,000: 2^−4999 is 0 in a float. 4,900 of 10,000: by the normal
        // approximation with continuity, 2·Φ(−1.99) = 0.0466; its error is of order 1/10,000.
        assert_eq!(two_sided(0, 5000), 0.0);
        let normal = 2.0 * crate::statistics::normal::distribution(-1.99);
        assert!((two_sided(4900, 5100) - normal).abs() < 1e-4);
    }

    #[test]
    fn fewest() {
        for (confidence, expect) in [(0.95, 6), (0.9, 5), (0.99, 8), (0.75, 3), (0.5, 2)] {
            let m = fewest_one_sided(confidence);
            assert_eq!(m, expect, "{confidence}");
            // 1e-9: as the function allows for.
            assert!(two_sided(m, 0) <= (1.0 - confidence) * (1.0 + 1e-9));
            assert!(two_sided(m - 1, 0) > 1.0 - confidence);
        }
    }
}
