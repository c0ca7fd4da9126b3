//! pass@k beyond the draws that were made.

use crate::figures::{Extrapolation, GoodToulmin};
use crate::solvable::prior::Prior;
use crate::solvable::solvability::{Fits, Pair};
use crate::statistics::bootstrap::{BootstrapTable, interval, percentile_interval};
use crate::{CompareOptions, Estimate, Outcomes, pass_at_k};

/// Doublings of k_max that the prior is asked for.
const DOUBLINGS: u32 = 4;
/// Most frequencies that Good–Toulmin's series uses.
const FREQUENCIES: u64 = 10;

/// The prior's mean pass@k at 2, 4, 8 and 16 times k_max, with percentile intervals over refits to
/// resamples of the problems, and Good–Toulmin's estimate at twice k_max.
///
/// pass@k never falls as k grows: a fit that falls below what was measured at k_max is refuted by the
/// draws, and there is no curve of it.
pub(crate) fn extrapolation(
    pairs: &[Pair<'_>],
    k_max: u64,
    fits: &Fits,
    options: &CompareOptions,
) -> Extrapolation {
    let k: Vec<u64> = (1..=DOUBLINGS).map(|doubling| k_max << doubling).collect();
    let measured = |side: usize| {
        let at_k_max = |pair: &Pair<'_>| pass_at_k([pair.1, pair.2][side], k_max);
        let sum: Option<f64> = pairs.iter().map(at_k_max).sum();
        sum.map(|sum| sum / pairs.len() as f64)
    };
    let curve = |fit: &Prior, side: usize| -> Vec<Estimate> {
        let refuted = |measured: f64| fit.pass_at_k(2 * k_max) < measured;
        if measured(side).is_none_or(refuted) {
            return Vec::new();
        }
        let at = |&k: &u64| {
            let values = fits.refits.iter().map(|priors| priors[side].pass_at_k(k)).collect();
            let value = fit.pass_at_k(k);
            let (ci_low, ci_high) =
                percentile_interval(values, options.confidence).unwrap_or((value, value));
            Estimate { value, ci_low, ci_high }
        };
        k.iter().map(at).collect()
    };
    Extrapolation {
        base: curve(&fits.base.fit.prior, 0),
        policy: curve(&fits.policy.fit.prior, 1),
        good_toulmin: good_toulmin(pairs, k_max, options),
        k,
    }
}

/// Good–Toulmin's estimate of pass@2·k_max of both models; `None` where some problem's drawing
/// ended at its first success and so tells no frequency apart.
fn good_toulmin(pairs: &[Pair<'_>], k_max: u64, options: &CompareOptions) -> Option<GoodToulmin> {
    let k = 2 * k_max;
    let problems = pairs.len();
    let mut table = BootstrapTable::new(4, problems);
    for (_, base, policy) in pairs {
        let pair = [doubled(*base, k)?, doubled(*policy, k)?];
        let now = |outcomes: Outcomes| pass_at_k(outcomes, k_max);
        table.push([pair[0], pair[1], now(*base)?, now(*policy)?]);
    }
    let (point, resampled) = (table.sums(), table.resampled_sums(options.seed, options.resamples));
    let estimate = |side: usize| {
        // An alternating series can leave the range that the truth is in.
        let mean = |sums: &[f64]| {
            let [mean, now] = [sums[side], sums[side + 2]].map(|sum| sum / problems as f64);
            mean.clamp(now.min(1.0), 1.0)
        };
        let value = mean(&point);
        let values = resampled.iter().map(|sums| mean(sums)).collect();
        // All solved already, so that no resample could have shown less; or all alike.
        let solved = table.agreed(|row| row[side + 2]).filter(|now| now.low == 1.0);
        let agreed = solved.or_else(|| table.agreed(|row| row[side]).map(|_| value.into()));
        let ends = interval(values, agreed, problems, (0.0, 1.0), options.confidence);
        Estimate { value, ci_low: ends.low, ci_high: ends.high }
    };
    Some(GoodToulmin { k, base: estimate(0), policy: estimate(1) })
}

/// A problem's part in the estimate of pass@k, k at most twice its n_max and more than it.
///
/// Solved or not in its n_max draws, and in the (k − n_max) = t·n_max draws after: Good and Toulmin
/// (1956) sum −(−t)^j over problems with j successes, whose mean is P(not solved, then solved) for
/// draws that are Poisson. The series ends at J = 10, or at the last frequency below the stop (a
/// problem that stopped has at least `stop` successes and contributes nothing new), smoothed as by
/// Euler's transformation: term j times P(Binomial(J, 1/(1 + t)) ≥ j) (Efron and Thisted 1976,
/// section 5). Where k is within n_max, the unbiased estimate.
fn doubled(outcomes: Outcomes, k: u64) -> Option<f64> {
    if let Some(known) = pass_at_k(outcomes, k) {
        return Some(known);
    }
    let (n_max, c) = (outcomes.n_max(), outcomes.c());
    let below_stop = outcomes.rule().map_or(u64::MAX, |rule| rule.successes - 1);
    let terms = below_stop.min(FREQUENCIES);
    if terms == 0 {
        return None;
    }
    let solved = f64::from(u8::from(outcomes.solved()));
    if c == 0 || c > terms {
        return Some(solved);
    }
    let t = (k - n_max) as f64 / n_max as f64;
    // t is at most 1: k is at most twice the least n_max.
    let sign = if c % 2 == 1 { 1.0 } else { -1.0 };
    Some(solved + sign * t.powi(c as i32) * tail(terms, 1.0 / (1.0 + t), c))
}

/// P(Binomial(n, p) ≥ c) for a handful of draws.
fn tail(n: u64, p: f64, c: u64) -> f64 {
    let mut term = (1.0 - p).powi(n as i32);
    let mut sum = 0.0;
    for j in 0..=n {
        if j >= c {
            sum += term;
        }
        term *= (n - j) as f64 / (j + 1) as f64 * p / (1.0 - p);
    }
    sum
}

#[cfg(test)]
#[path = "../../tests/unit/comparison/extrapolate.rs"]
mod tests;
