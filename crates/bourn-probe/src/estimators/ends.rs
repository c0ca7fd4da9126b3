//! Where a problem's drawing can end under its rule, how likely each end is, and what the estimator
//! says there: the exact distribution of the estimate at a success probability.

use rayon::prelude::*;

use crate::estimators::belief::Belief;
use crate::{Outcomes, StopRule, pass_at_k};

/// Largest n_max whose ends are listed; their number is about n_max, and so is the work.
pub(crate) const MAX_LISTED: u64 = 1 << 16;

/// Equally likely ends that stand for a problem's distribution over all of them.
pub(crate) const REDRAWS: usize = 64;

/// The ends of a rule, from the luckiest to the unluckiest, with the estimates of pass@k at each.
pub(crate) struct Ends {
    /// Above n_max where n is fixed.
    successes: u64,
    n_max: u64,
    width: usize,
    /// One row of `width` estimates an end.
    rows: Vec<f64>,
}

/// What tells the ends of one problem from those of another: successes (above n_max where n is
/// fixed) and n_max.
pub(crate) type EndsKey = (u64, u64);

/// The key of the problem's rule; a fixed n is a rule whose successes are out of reach.
pub(crate) fn key(outcomes: Outcomes) -> EndsKey {
    let n_max = outcomes.n_max();
    (outcomes.rule().map_or(n_max + 1, |rule| rule.successes.min(n_max + 1)), n_max)
}

/// How draws come out.
#[derive(Clone, Copy)]
pub(crate) enum Law {
    /// Each is correct with this probability, strictly between 0 and 1.
    Known(f64),
    /// With a probability of which only this is believed (it may be an outcome's).
    Believed(Belief),
}

impl Law {
    /// How much less likely c correct and w + 1 wrong draws are, in a given order, than c and w.
    fn another_wrong(self, c: f64, w: f64) -> f64 {
        match self {
            Self::Known(p) => 1.0 - p,
            Self::Believed(Belief { a, b }) => (b + w) / (a + b + c + w),
        }
    }

    /// The same of c − 1 correct and w + 1 wrong draws against c and w.
    fn wrong_for_correct(self, c: f64, w: f64) -> f64 {
        match self {
            Self::Known(p) => (1.0 - p) / p,
            Self::Believed(Belief { a, b }) => (b + w) / (a + c - 1.0),
        }
    }
}

impl Ends {
    /// The ends of this rule, with the estimates at each of `ks`, all at most n_max; `None` above
    /// [`MAX_LISTED`].
    pub(crate) fn new((successes, n_max): EndsKey, ks: &[u64]) -> Option<Self> {
        if n_max > MAX_LISTED {
            return None;
        }
        let mut ends = Self { successes, n_max, width: ks.len(), rows: Vec::new() };
        ends.rows = (0..ends.len())
            .into_par_iter()
            .flat_map_iter(|end| {
                let outcomes = ends.outcomes(end);
                ks.iter().map(move |&k| pass_at_k(outcomes, k).unwrap_or(f64::NAN))
            })
            .collect();
        Some(ends)
    }

    /// How many ends are success number `successes`: on draws successes..=n_max.
    fn by_success(&self) -> u64 {
        (self.n_max + 1).saturating_sub(self.successes)
    }

    /// How many ends there are: by success, and at n_max with fewer successes (or any, if fixed).
    fn len(&self) -> u64 {
        self.by_success() + self.successes
    }

    /// The end with this number: by success on an ever later draw, then at n_max with ever fewer
    /// correct.
    fn outcomes(&self, end: u64) -> Outcomes {
        let rule = StopRule { successes: self.successes, n_max: self.n_max };
        let (n, c) = match end.checked_sub(self.by_success()) {
            None => (self.successes + end, self.successes),
            Some(past) => (self.n_max, self.successes - 1 - past),
        };
        Outcomes::stopped(n, c, rule).expect("n and c are an end of the rule")
    }

    /// P(end + 1)/P(end). At success probability p = 1 − q an end by success on draw N has
    /// probability C(N−1, r−1)·p^r·q^(N−r), one at n_max C(n_max, c)·p^c·q^(n_max−c); where p is
    /// only believed, their means over the belief.
    fn ratio(&self, end: u64, law: Law) -> f64 {
        let (r, n) = (self.successes as f64, self.n_max as f64);
        let by_success = self.by_success();
        if end + 1 < by_success {
            let (draw, wrong) = (r + end as f64, end as f64);
            law.another_wrong(r, wrong) * draw / (wrong + 1.0)
        } else if end + 1 == by_success {
            law.wrong_for_correct(r, n - r) * n / (n - r + 1.0)
        } else {
            let c = r - 1.0 - (end - by_success) as f64;
            law.wrong_for_correct(c, n - c) * c / (n - c + 1.0)
        }
    }

    /// The probability of each end.
    ///
    /// From the likeliest end outwards by [`ratio`](Self::ratio), then scaled to sum to 1, so that
    /// none overflows and only what cannot matter underflows.
    pub(crate) fn probabilities(&self, law: Law) -> Vec<f64> {
        let last = self.len() - 1;
        // ln P(end) − ln P(0), kept as mantissa and logarithm to save the logarithms.
        let (mut weight, mut scale, mut likeliest) = (1.0_f64, 0.0, (0, 0.0));
        for end in 0..last {
            weight *= self.ratio(end, law);
            if !(1e-100..1e100).contains(&weight) {
                scale += weight.ln();
                weight = 1.0;
            }
            // Compared at the few ends where the weights turn: where the ratio falls below 1.
            if end + 1 == last || self.ratio(end + 1, law) < 1.0 {
                let height = scale + weight.ln();
                if height > likeliest.1 {
                    likeliest = (end + 1, height);
                }
            }
        }
        let start = likeliest.0;
        let mut weights = vec![0.0; last as usize + 1];
        weights[start as usize] = 1.0;
        for end in start..last {
            weights[end as usize + 1] = weights[end as usize] * self.ratio(end, law);
        }
        for end in (0..start).rev() {
            weights[end as usize] = weights[end as usize + 1] / self.ratio(end, law);
        }
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        weights
    }

    /// The estimates at one end.
    pub(crate) fn row(&self, end: usize) -> &[f64] {
        &self.rows[end * self.width..][..self.width]
    }

    /// The variance of the estimate at each k under these probabilities of the ends.
    pub(crate) fn variances(&self, probabilities: &[f64]) -> Vec<f64> {
        let likely = || probabilities.iter().enumerate().filter(|(_, weight)| **weight > 0.0);
        let mut means = vec![0.0; self.width];
        for (end, weight) in likely() {
            means.iter_mut().zip(self.row(end)).for_each(|(mean, value)| *mean += weight * value);
        }
        // About the mean, not by squares: where nearly all ends agree the rest must not cancel.
        let mut variances = vec![0.0; self.width];
        for (end, weight) in likely() {
            for ((variance, mean), value) in variances.iter_mut().zip(&means).zip(self.row(end)) {
                *variance += weight * (value - mean).powi(2);
            }
        }
        variances
    }

    /// The mean over a belief of the variance of the estimate at each of `ks`, by the law of total
    /// variance: that under the belief, less that of the truth itself. Also returns the former.
    pub(crate) fn noise(&self, belief: Belief, ks: &[u64], believed: &[f64]) -> [Vec<f64>; 2] {
        let all = self.variances(believed);
        let truth = belief.truth_variances(ks);
        let noise = all.iter().zip(truth).map(|(all, truth)| (all - truth).max(0.0)).collect();
        [noise, all]
    }

    /// [`REDRAWS`] equally likely ends: the distribution's quantiles at (j + ½)/REDRAWS.
    pub(crate) fn quantiles(probabilities: &[f64]) -> Vec<u32> {
        let mut ends = Vec::with_capacity(REDRAWS);
        let mut below = 0.0;
        for (end, weight) in probabilities.iter().enumerate() {
            below += weight;
            while ends.len() < REDRAWS && (ends.len() as f64 + 0.5) / (REDRAWS as f64) < below {
                ends.push(end as u32);
            }
        }
        // Rounding may leave the sum of all just below the last quantile.
        ends.resize(REDRAWS, probabilities.len() as u32 - 1);
        ends
    }
}

#[cfg(test)]
#[path = "../../tests/unit/estimators/ends.rs"]
mod tests;
