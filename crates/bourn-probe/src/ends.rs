//! Where a problem's drawing can end under its rule, how likely each end is, and what the estimator
//! says there: the exact distribution of the estimate at a success probability.

use rayon::prelude::*;

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

/// The success probability that stands for what is known of a problem: (c + ½)/(n + 1), the mean of
/// Jeffreys' posterior under any rule, in the open interval 0..1. So a problem that was never
/// solved is not taken for one that cannot be.
pub(crate) fn rate(outcomes: Outcomes) -> f64 {
    (outcomes.c() as f64 + 0.5) / (outcomes.n() as f64 + 1.0)
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

    /// P(end + 1)/P(end) at success probability p = 1 − q. An end by success on draw N has
    /// probability C(N−1, r−1)·p^r·q^(N−r), one at n_max C(n_max, c)·p^c·q^(n_max−c).
    fn ratio(&self, end: u64, p: f64) -> f64 {
        let (r, n) = (self.successes as f64, self.n_max as f64);
        let q = 1.0 - p;
        let by_success = self.by_success();
        if end + 1 < by_success {
            let draw = r + end as f64;
            q * draw / (draw - r + 1.0)
        } else if end + 1 == by_success {
            q / p * n / (n - r + 1.0)
        } else {
            let c = r - 1.0 - (end - by_success) as f64;
            q / p * c / (n - c + 1.0)
        }
    }

    /// The probability of each end at success probability `p` strictly between 0 and 1.
    ///
    /// From the likeliest end outwards by [`ratio`](Self::ratio), then scaled to sum to 1, so that
    /// none overflows and only what cannot matter underflows.
    pub(crate) fn probabilities(&self, p: f64) -> Vec<f64> {
        let last = self.len() - 1;
        // ln P(end) − ln P(0), kept as mantissa and logarithm to save the logarithms.
        let (mut weight, mut scale, mut likeliest) = (1.0_f64, 0.0, (0, 0.0));
        for end in 0..last {
            weight *= self.ratio(end, p);
            if !(1e-100..1e100).contains(&weight) {
                scale += weight.ln();
                weight = 1.0;
            }
            // Compared at the few ends where the weights turn: where the ratio falls below 1.
            if end + 1 == last || self.ratio(end + 1, p) < 1.0 {
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
            weights[end as usize + 1] = weights[end as usize] * self.ratio(end, p);
        }
        for end in (0..start).rev() {
            weights[end as usize] = weights[end as usize + 1] / self.ratio(end, p);
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
mod tests {
    use super::*;

    /// The probability of each (n, c) at which the rule stops, draw by draw.
    fn walked(rule: StopRule, p: f64) -> Vec<((u64, u64), f64)> {
        let mut open = vec![(0_u64, 1.0)];
        let mut ends = Vec::new();
        for n in 1..=rule.n_max {
            let mut next: Vec<(u64, f64)> = Vec::new();
            for (c, weight) in open {
                for (c, weight) in [(c, weight * (1.0 - p)), (c + 1, weight * p)] {
                    if c == rule.successes || n == rule.n_max {
                        match ends.iter_mut().find(|(end, _)| *end == (n, c)) {
                            Some((_, sum)) => *sum += weight,
                            None => ends.push(((n, c), weight)),
                        }
                    } else {
                        match next.iter_mut().find(|(count, _)| *count == c) {
                            Some((_, sum)) => *sum += weight,
                            None => next.push((c, weight)),
                        }
                    }
                }
            }
            open = next;
        }
        ends
    }

    #[test]
    fn probabilities_and_variances_agree_with_walking_the_draws() {
        for n_max in [1, 2, 7, 40] {
            for successes in [1, 2, 3, 8, n_max, n_max + 1] {
                let rule = StopRule { successes, n_max };
                let ks: Vec<u64> = (1..=n_max).collect();
                let ends = Ends::new((successes.min(n_max + 1), n_max), &ks).unwrap();
                for p in [0.001, 0.07, 0.5, 0.93] {
                    let probabilities = ends.probabilities(p);
                    let walked = walked(rule, p);
                    assert_eq!(walked.len(), probabilities.len());
                    for (end, probability) in (0..).zip(&probabilities) {
                        let here = ends.outcomes(end);
                        let at =
                            |((n, c), _): &&((u64, u64), f64)| (*n, *c) == (here.n(), here.c());
                        let (_, expect) = walked.iter().find(at).unwrap();
                        // 1e-12: at most 40 ratios and sums, each rounded.
                        assert!((probability - expect).abs() < 1e-12, "{rule:?} p={p} {here:?}");
                    }
                    for (i, (variance, &k)) in
                        ends.variances(&probabilities).iter().zip(&ks).enumerate()
                    {
                        let mean: f64 = (0..probabilities.len())
                            .map(|end| probabilities[end] * ends.row(end)[i])
                            .sum();
                        let truth = 1.0 - (1.0 - p).powi(k as i32);
                        assert!((mean - truth).abs() < 1e-12, "unbiased: {rule:?} p={p} k={k}");
                        let expect: f64 = walked
                            .iter()
                            .map(|&((n, c), weight)| {
                                let outcomes = Outcomes::stopped(n, c, rule).unwrap();
                                weight * (pass_at_k(outcomes, k).unwrap() - truth).powi(2)
                            })
                            .sum();
                        assert!((variance - expect).abs() < 1e-12, "{rule:?} p={p} k={k}");
                    }
                }
            }
        }
    }

    #[test]
    fn variance_worked_by_hand() {
        // n fixed, k = 1: p·q/n. At k = n: 1{solved}, q^n·(1 − q^n).
        let ends = Ends::new((1025, 1024), &[1, 1024]).unwrap();
        let p: f64 = 0.002;
        let missed = (1.0 - p).powi(1024);
        let got = ends.variances(&ends.probabilities(p));
        // 1e-13: sums of a thousand terms below 1.
        assert!((got[0] - p * (1.0 - p) / 1024.0).abs() < 1e-13, "{got:?}");
        assert!((got[1] - missed * (1.0 - missed)).abs() < 1e-13, "{got:?}");
    }

    #[test]
    fn large_rules_keep_their_sums() {
        for successes in [1, 8, 300, 65_537] {
            let ends = Ends::new((successes, MAX_LISTED), &[1, 65_536]).unwrap();
            for p in [1e-7, 1.0 / 65_536.0, 0.01, 0.5, 0.9999] {
                let probabilities = ends.probabilities(p);
                let mean: f64 =
                    probabilities.iter().enumerate().map(|(end, w)| w * ends.row(end)[0]).sum();
                // 1e-10: 65,536 ratios of relative rounding 1e-16 each, from the mode outwards.
                assert!((mean - p).abs() < 1e-10 * p, "r={successes} p={p}: {mean}");
            }
        }
        assert!(Ends::new((8, MAX_LISTED + 1), &[1]).is_none());
    }

    #[test]
    fn quantiles_are_equally_likely() {
        let ends = Ends::quantiles(&[0.25, 0.0, 0.5, 0.25]);
        let count = |end| ends.iter().filter(|&&e| e == end).count();
        assert_eq!([0, 1, 2, 3].map(count), [16, 0, 32, 16]);
        assert_eq!(Ends::quantiles(&[1.0 - 1e-9]), [0; REDRAWS]);
    }
}
