//! Correct completions of one model as witnesses of what the other can do.
//!
//! A completion is one outcome of a sampler, and distinct completions are disjoint outcomes: their
//! probabilities add up, and the sum over any set of correct ones is at most the probability of a
//! correct draw. That holds of completions cut at the token budget too: the product of their tokens'
//! probabilities is that of drawing just these tokens up to the budget.

use super::interval::{NOTHING, Resampling};
use super::trace::{ModelDraws, ProblemTrace, ScoredCompletion};
use crate::figures::{Discoveries, Discovery, WitnessMass, Witnesses};

/// The base's correct completions under the policy.
pub(super) fn witnesses(traces: &[ProblemTrace], resampling: &Resampling) -> Witnesses {
    let masses: Vec<WitnessMass> = traces
        .iter()
        .map(|trace| WitnessMass {
            id: trace.id.clone(),
            count: correct(&trace.base).count() as u64,
            base: mass(correct(&trace.base).map(|c| Some(c.own))),
            policy: mass(correct(&trace.base).map(|c| c.other)),
        })
        .collect();
    Witnesses {
        count: masses.iter().map(|mass| mass.count).sum(),
        base_mass: resampling.mean(masses.iter().map(|mass| mass.base)),
        policy_mass: resampling.mean(masses.iter().map(|mass| mass.policy)),
        problems: masses.into_iter().filter(|mass| mass.count > 0).collect(),
    }
}

/// The policy's correct completions under the base.
pub(super) fn discoveries(
    traces: &[ProblemTrace],
    nucleus: bool,
    resampling: &Resampling,
) -> Discoveries {
    let found: Vec<(Discovery, [f64; 2])> = traces.iter().map(discovery).collect();
    let outside = found.iter().map(|&(_, [outside, draws])| (outside, draws));
    Discoveries {
        count: found.iter().map(|(discovery, _)| discovery.count).sum(),
        base_mass: resampling.mean(found.iter().map(|(discovery, _)| discovery.base)),
        outside: nucleus.then(|| resampling.ratio(outside, |share| share).unwrap_or(NOTHING)),
        problems: found.into_iter().map(|(d, _)| d).filter(|d| d.count > 0).collect(),
    }
}

/// One problem's, with its correct draws: how many are outside, and how many there are.
fn discovery(trace: &ProblemTrace) -> (Discovery, [f64; 2]) {
    let draws: u64 = correct(&trace.policy).map(|c| c.count).sum();
    // Where the first token outside is, and how many draws have it there.
    let mut places: Vec<(u32, u64)> =
        correct(&trace.policy).filter_map(|c| Some((c.other?.outside?, c.count))).collect();
    places.sort_unstable();
    let outside: u64 = places.iter().map(|&(_, count)| count).sum();
    // Exact conversions: counts are at most 2³².
    let (outside, draws) = (outside as f64, draws as f64);
    let discovery = Discovery {
        id: trace.id.clone(),
        count: correct(&trace.policy).count() as u64,
        base: mass(correct(&trace.policy).map(|c| c.other)),
        outside: if draws > 0.0 { outside / draws } else { 0.0 },
        first_outside: median(&places),
    };
    (discovery, [outside, draws])
}

fn correct(side: &ModelDraws) -> impl Iterator<Item = &ScoredCompletion> {
    side.completions.iter().filter(|c| c.correct)
}

/// The summed probability; a completion outside the nucleus has none. Cut at 1, which rounding of
/// the log-probs (sums of 32-bit floats) may exceed.
fn mass(scores: impl Iterator<Item = Option<crate::Score>>) -> f64 {
    let probability = |score: crate::Score| score.sampled_logprob.map_or(0.0, f64::exp);
    let sum = scores.flatten().fold(0.0, |sum, score| sum + probability(score));
    sum.min(1.0)
}

/// The lower median of values with counts, in rising order; `None` of none.
fn median(values: &[(u32, u64)]) -> Option<u64> {
    let total: u64 = values.iter().map(|&(_, count)| count).sum();
    let mut before = 0;
    for &(value, count) in values {
        before += count;
        if 2 * before >= total {
            return Some(u64::from(value));
        }
    }
    None
}
