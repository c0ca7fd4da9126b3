//! What a verifier's reward becomes before its baseline, or an advantage after it. Filters and
//! verdicts never see any of it.

use crate::error::check_length;
use crate::{AlgoError, Groups};

/// The penalty of a completion of `length` tokens that comes near `longest` (DAPO,
/// arXiv 2503.14476, eq. 13): 0 up to `longest` − `buffer`, then along a line to −1 at `longest`.
///
/// Without a buffer there is no penalty.
pub fn overlong_penalty(length: usize, longest: usize, buffer: f64) -> f64 {
    if buffer <= 0.0 {
        return 0.0;
    }
    // Less the buffer last, so that it is −1 to the bit at the limit.
    ((longest as f64 - length as f64 - buffer) / buffer).clamp(-1.0, 0.0)
}

/// Multiplies the rewards of correct completions by 1 − β (G − rank) / G, where rank counts the
/// completions of the group that are likelier, so that the likeliest gets the least (unlikeliness
/// reward, arXiv 2506.02355).
///
/// `logprobs` are log-probs of whole completions under the sampler. Equally likely completions
/// share the mean of their ranks.
///
/// # Errors
/// The lists differ in length, or are not those of the groups.
pub fn unlikeliness(
    rewards: &mut [f32],
    correct: &[bool],
    logprobs: &[f64],
    groups: &Groups,
    beta: f64,
) -> Result<(), AlgoError> {
    check_length("correct", correct.len(), rewards.len(), "completion")?;
    check_length("logprobs", logprobs.len(), rewards.len(), "completion")?;
    groups.check(rewards.len())?;
    for range in groups.ranges() {
        let others = &logprobs[range.clone()];
        for index in range.filter(|&index| correct[index]) {
            let own = logprobs[index];
            let likelier = others.iter().filter(|&&other| other > own).count() as f64;
            let equal = others.iter().filter(|&&other| other == own).count() as f64;
            let rank = likelier + (equal - 1.0) / 2.0;
            let size = others.len() as f64;
            let reward = f64::from(rewards[index]);
            rewards[index] = (reward * (1.0 - beta * (size - rank) / size)) as f32;
        }
    }
    Ok(())
}

/// Differential smoothing (arXiv 2511.19942, eq. 6): a correct completion's advantage less
/// `positive` · log π(y), which favours the rare among the correct; any other's plus
/// `negative` · log π(y), which does not spread the wrong.
///
/// `logprobs` are log-probs of whole completions under the sampler, in nats.
///
/// # Errors
/// The lists differ in length.
pub fn differential_smoothing(
    advantages: &mut [f32],
    correct: &[bool],
    logprobs: &[f64],
    positive: f64,
    negative: f64,
) -> Result<(), AlgoError> {
    check_length("correct", correct.len(), advantages.len(), "completion")?;
    check_length("logprobs", logprobs.len(), advantages.len(), "completion")?;
    for ((advantage, &correct), logprob) in advantages.iter_mut().zip(correct).zip(logprobs) {
        let change = if correct { -positive * logprob } else { negative * logprob };
        *advantage = (f64::from(*advantage) + change) as f32;
    }
    Ok(())
}

/// Whether a group teaches: some of its completions are correct and some are not (DAPO's dynamic
/// sampling, eq. 11). It reads raw verdicts, whatever the rewards are.
pub fn teaches(correct: &[bool]) -> bool {
    correct.iter().any(|&other| other != correct[0])
}

/// Weight of the entropy bonus under control: it rises by `delta` after a step whose entropy was
/// below `target` and falls by it otherwise, and acts only below the target (arXiv 2505.22312).
///
/// `level` counts rises less falls and is what a checkpoint keeps; returns the weight of this step
/// and the level of the next.
pub fn entropy_control(entropy: f64, target: f64, delta: f64, level: u64) -> (f64, u64) {
    if entropy < target {
        (level as f64 * delta, level + 1)
    } else {
        (0.0, level.saturating_sub(1))
    }
}

#[cfg(test)]
#[path = "../tests/unit/shaping.rs"]
mod tests;
