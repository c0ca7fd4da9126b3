//! Success probabilities from the draws of both models: multiple importance sampling with the
//! balance heuristic (Veach and Guibas 1995, section 3.1).

use super::trace::{ModelDraws, ProblemTrace, ScoredCompletion};
use crate::figures::{Pooled, PooledRate};

/// Standard errors that the sum of the weights may be away from 1.
const CONSISTENT: f64 = 3.0;
/// What rounding may add to that: log-probs are sums of 32-bit floats.
const ROUNDING: f64 = 1e-6;
/// A half success and a half failure more than the draws show (Jeffreys' prior): what no model drew
/// has left no weight to see, so that without it a rate of which nothing was drawn would come with
/// no variance at all.
const UNSEEN: f64 = 0.5;

/// The pooled estimate of one model's success probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimated {
    /// Unbiased where both numbers of draws were fixed; may exceed 1.
    pub rate: f64,
    /// Its variance, estimated within each model's draws.
    pub variance: f64,
    /// Draws of the model's own that would be worth as much.
    pub ess: f64,
    /// Whether it is worth more than the model's own draws and its weights add up.
    pub used: bool,
}

/// The pooled estimates of every problem.
pub(super) fn pooled(traces: &[ProblemTrace]) -> Pooled {
    let problems: Vec<PooledRate> = traces
        .iter()
        .map(|trace| {
            let [base, policy] = estimates(&trace.base, &trace.policy);
            PooledRate {
                id: trace.id.clone(),
                base: base.rate.min(1.0),
                base_ess: base.ess,
                base_used: base.used,
                policy: policy.rate.min(1.0),
                policy_ess: policy.ess,
                policy_used: policy.used,
            }
        })
        .collect();
    Pooled {
        base_used: problems.iter().filter(|p| p.base_used).count() as u64,
        policy_used: problems.iter().filter(|p| p.policy_used).count() as u64,
        problems,
    }
}

/// The estimates for base and policy from the draws of both.
pub(super) fn estimates(base: &ModelDraws, policy: &ModelDraws) -> [Estimated; 2] {
    let sides = [base, policy];
    let draws = sides.map(counted);
    [0, 1].map(|target| {
        let sums = [0, 1].map(|drawer| sums(sides[drawer], drawer, target, draws));
        estimated(sums, draws, target)
    })
}

/// Draws that enter. The success that ended a drawing was bound to be one, so that it is left out:
/// of the others, (r − 1)/(n − 1) were correct, which is unbiased where r/n is not (Haldane 1945).
fn counted(side: &ModelDraws) -> f64 {
    // Exact conversion: counts are at most 2³².
    (side.draws - u64::from(side.ended_by.is_some())) as f64
}

/// Sums over one model's draws of the weights for one target.
#[derive(Clone, Copy, Debug, Default)]
struct WeightSums {
    /// Of correct draws: weight, and its square.
    correct: [f64; 2],
    /// Of the sampled wrong draws: weight, and its square.
    wrong: [f64; 2],
    /// Sampled wrong draws.
    sampled: f64,
    /// All wrong draws.
    wrong_draws: f64,
}

fn sums(side: &ModelDraws, drawer: usize, target: usize, draws: [f64; 2]) -> WeightSums {
    let mut sums = WeightSums::default();
    for (place, c) in side.completions.iter().enumerate() {
        let cut = u64::from(side.ended_by == Some(place));
        let count = (c.count - cut) as f64;
        let Some(weight) = weight(c, drawer, target, draws) else {
            sums.wrong_draws += if c.correct { 0.0 } else { count };
            continue;
        };
        if c.correct {
            sums.correct[0] += count * weight;
            sums.correct[1] += count * weight * weight;
        } else {
            let sampled = c.sampled as f64;
            sums.wrong[0] += sampled * weight;
            sums.wrong[1] += sampled * weight * weight;
            sums.sampled += sampled;
            sums.wrong_draws += count;
        }
    }
    sums
}

/// q_t(x) / (n_b q_b(x) + n_p q_p(x)), between 0 and 1/n_t; `None` if x was not scored elsewhere.
fn weight(c: &ScoredCompletion, drawer: usize, target: usize, draws: [f64; 2]) -> Option<f64> {
    let other = c.other?.sampled_logprob;
    let mut logs = [other; 2];
    logs[drawer] = c.own.sampled_logprob;
    let Some(of_target) = logs[target] else { return Some(0.0) };
    // Ratios, since the probabilities themselves may be too small for a float.
    let share = |model: usize| match logs[model] {
        Some(log) if draws[model] > 0.0 => draws[model] * (log - of_target).exp(),
        _ => 0.0,
    };
    Some((share(0) + share(1)).recip())
}

fn estimated(sums: [WeightSums; 2], draws: [f64; 2], target: usize) -> Estimated {
    let rate = sums[0].correct[0] + sums[1].correct[0];
    let variance = (sums.iter().zip(draws))
        .map(|(s, draws)| spread(s.correct[0], s.correct[1], draws))
        .sum::<f64>();
    let own = draws[target];
    if own == 0.0 {
        return Estimated { rate, variance, ess: 0.0, used: false };
    }
    let smoothed = (rate.min(1.0) + UNSEEN / own) / (1.0 + 2.0 * UNSEEN / own);
    let ess = smoothed * (1.0 - smoothed) / (variance + UNSEEN / (own * own));
    Estimated { rate, variance, ess, used: ess > own && adds_up(sums, draws) }
}

/// n times the variance of n values of which the sum and the sum of squares are known: the variance
/// of their sum. Of a single value the square, which is at least that.
fn spread(sum: f64, squares: f64, n: f64) -> f64 {
    if n > 1.0 { ((squares - sum * sum / n) * n / (n - 1.0)).max(0.0) } else { squares }
}

/// Whether the weights of all draws, correct and wrong, add up to 1 within their error, as they do
/// in expectation: they would not if the scores were not those of the models that drew.
fn adds_up(sums: [WeightSums; 2], draws: [f64; 2]) -> bool {
    let (mut total, mut variance) = (0.0, 0.0);
    for (s, n) in sums.iter().zip(draws) {
        // The sampled wrong draws stand for all wrong ones.
        let scale = if s.sampled > 0.0 { s.wrong_draws / s.sampled } else { 0.0 };
        let [sum, squares] = [0, 1].map(|i| s.correct[i] + scale * s.wrong[i]);
        total += sum;
        variance += spread(sum, squares, n);
        // What the sample adds: the variance of the sum of all, estimated from a part of them.
        let unsampled = (scale - 1.0).max(0.0);
        variance += scale * unsampled * spread(s.wrong[0], s.wrong[1], s.sampled);
    }
    (total - 1.0).abs() <= CONSISTENT * variance.sqrt() + ROUNDING
}
