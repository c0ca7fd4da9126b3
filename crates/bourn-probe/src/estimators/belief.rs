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
#[path = "../../tests/unit/estimators/belief.rs"]
mod tests;
