//! What is known of a problem's success probability, for the noise of its draws.

use crate::{Outcomes, pass_at_k};

/// A Beta distribution over a success probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Belief {
    /// First parameter: successes.
    pub(crate) a: f64,
    /// Second parameter: failures.
    pub(crate) b: f64,
}

impl Belief {
    /// The Beta distribution whose first two moments are those of these problems' success
    /// probabilities, estimated without bias under any rule: mean pass@1 is E p, and
    /// 2·pass@1 − pass@2 is E p². Jeffreys' (½, ½) where pass@1 is 0 or 1, or no problem has two
    /// draws.
    ///
    /// It serves to say how noisy draws are, not which problems can be solved: a moment fit suffices
    /// and cannot fail.
    pub(crate) fn fitted(outcomes: impl Iterator<Item = Outcomes>) -> Self {
        let (mut first, mut second, mut problems) = (0.0, 0.0, 0.0);
        for (one, two) in outcomes.filter_map(|o| Some((pass_at_k(o, 1)?, pass_at_k(o, 2)?))) {
            first += one;
            second += 2.0 * one - two;
            problems += 1.0;
        }
        let (mean, square) = (first / problems, second / problems);
        // NaN of no problems.
        if !(mean > 0.0 && mean < 1.0) {
            return Self { a: 0.5, b: 0.5 };
        }
        // Of Beta(a, b): mean·(1 − mean)/variance − 1 = a + b. Between all problems alike and every
        // probability 0 or 1, which noise can make of the moments.
        let ratio = mean * (1.0 - mean) / (square - mean * mean).max(1e-12) - 1.0;
        let size = ratio.clamp(0.01, 1e4);
        Self { a: mean * size, b: (1.0 - mean) * size }
    }

    /// This belief after a problem's outcomes; the kernel p^c·(1−p)^(n−c) is the same under any rule.
    pub(crate) fn after(self, outcomes: Outcomes) -> Self {
        let (n, c) = (outcomes.n() as f64, outcomes.c() as f64);
        Self { a: self.a + c, b: self.b + n - c }
    }

    /// The variance over the belief of 1 − (1−p)^k, for each of `ks` in rising order.
    pub(crate) fn truth_variances(self, ks: &[u64]) -> Vec<f64> {
        // E (1−p)^m = Π over i < m of (b + i)/(a + b + i).
        let mut wanted: Vec<u64> = ks.iter().flat_map(|&k| [k, 2 * k]).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let (mut missed, mut moment, mut done) = (Vec::with_capacity(wanted.len()), 1.0, 0);
        for &m in &wanted {
            for i in done..m {
                moment *= (self.b + i as f64) / (self.a + self.b + i as f64);
            }
            done = m;
            missed.push(moment);
        }
        let at = |m: u64| wanted.binary_search(&m).map_or(f64::NAN, |i| missed[i]);
        ks.iter().map(|&k| (at(2 * k) - at(k).powi(2)).max(0.0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StopRule;

    #[test]
    fn moments_worked_by_hand() {
        let fixed = |n, c| Outcomes::new(n, c).unwrap();
        // pass@1 = ½, ¼ and pass@2 = 5/6, ½: E p = 3/8, E p² = ((1 − 5/6) + (½ − ½))/2 = 1/12. The
        // variance, 1/12 − 9/64, is negative: all alike.
        let alike = Belief::fitted([fixed(4, 2), fixed(4, 1)].into_iter());
        assert!((alike.a - 3750.0).abs() < 1e-9 && (alike.b - 6250.0).abs() < 1e-9, "{alike:?}");
        // p = 1 and 0, and between them 2 of 4: E p = ½, E p² = (1 + 0 + 1/6)/3 = 7/18, variance
        // 5/36, a + b = ¼/(5/36) − 1 = 0.8.
        let got = Belief::fitted([fixed(4, 4), fixed(4, 0), fixed(4, 2)].into_iter());
        assert!((got.a - 0.4).abs() < 1e-12 && (got.b - 0.4).abs() < 1e-12, "{got:?}");
        for none in [vec![], vec![fixed(4, 0)], vec![fixed(4, 4)], vec![fixed(1, 1), fixed(1, 0)]] {
            assert_eq!(Belief::fitted(none.into_iter()), Belief { a: 0.5, b: 0.5 });
        }
        let rule = StopRule { successes: 2, n_max: 9 };
        let after = got.after(Outcomes::stopped(5, 2, rule).unwrap());
        assert!((after.a - 2.4).abs() < 1e-12 && (after.b - 3.4).abs() < 1e-12);
    }

    #[test]
    fn variances_of_the_truth() {
        // k = 1: Beta(2, 3) has variance 6/(25·6) = 1/25. k = 2 by midpoints of the density
        // 12·p·(1−p)²: f = 1 − (1−p)².
        let belief = Belief { a: 2.0, b: 3.0 };
        let got = belief.truth_variances(&[1, 2]);
        assert!((got[0] - 0.04).abs() < 1e-15, "{got:?}");
        let moment = |power: i32| {
            let at = |i: i32| {
                let p = (f64::from(i) + 0.5) / 1e5;
                12.0 * p * (1.0 - p).powi(2) * (1.0 - (1.0 - p).powi(2)).powi(power) / 1e5
            };
            (0..100_000).map(at).sum::<f64>()
        };
        // 1e-9: the midpoint rule's error at 10⁵ points.
        assert!((got[1] - (moment(2) - moment(1).powi(2))).abs() < 1e-9, "{got:?}");
    }
}
