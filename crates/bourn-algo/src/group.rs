//! The group baseline: a completion's advantage is its reward less the mean of its group.
//!
//! Rewards of a step stand in one list, group after group.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AlgoError, Groups};

/// Added to the standard deviation that divides advantages.
///
/// It decides nothing where rewards differ as 0 and 1 do; it keeps a group whose rewards differ by
/// rounding alone from being blown up to advantages of ±1. The value is TRL's.
pub(crate) const STD_EPSILON: f64 = 1e-4;

/// What mean-centred rewards are divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScaleRewards {
    /// The standard deviation of the group's rewards (DeepSeekMath, arXiv 2402.03300, §4.1.2).
    Group,
    /// The standard deviation of the whole step's rewards.
    Batch,
    /// The standard deviation of the whole step's advantages (REINFORCE++, arXiv 2501.03262); a
    /// critic's are centred too.
    Advantages,
    /// Nothing (Dr. GRPO, arXiv 2503.20783: no bias towards problems of low variance).
    None,
}

/// Advantage of every completion of a step: (reward − mean of its group) / (std + 1e-4), or the
/// numerator alone with [`ScaleRewards::None`].
///
/// The standard deviation is the sample's (divisor n − 1), as TRL and `torch.std` have it; the
/// paper writes `std` without saying which. A group of one completion has advantage 0. A group of
/// equal rewards has advantages of exactly 0.
///
/// # Errors
/// No rewards, rewards that are not those of the groups, or a reward that is not finite.
pub fn group_advantages(
    rewards: &[f32],
    groups: &Groups,
    scale: ScaleRewards,
) -> Result<Vec<f32>, AlgoError> {
    check_rewards(rewards, groups)?;
    let of_group = |own: &[f32]| {
        let mean = mean(own);
        own.iter().map(|&reward| f64::from(reward) - mean).collect::<Vec<_>>()
    };
    let centred: Vec<f64> = groups.slices(rewards).flat_map(of_group).collect();
    let scales = scaled_by(rewards, &centred, groups, scale);
    Ok(centred.iter().zip(scales).map(|(&value, scale)| (value / scale) as f32).collect())
}

/// Whole groups of finite rewards, of at most half the largest f32, so that a difference of two
/// cannot overflow.
pub(crate) fn check_rewards(rewards: &[f32], groups: &Groups) -> Result<(), AlgoError> {
    groups.check(rewards.len())?;
    let taken = |reward: &f32| reward.abs() <= f32::MAX / 2.0;
    match rewards.iter().position(|reward| !taken(reward)) {
        Some(index) => Err(AlgoError::Reward { index, value: rewards[index] }),
        None => Ok(()),
    }
}

/// What the centred reward of each completion is divided by.
pub(crate) fn scaled_by(
    rewards: &[f32],
    centred: &[f64],
    groups: &Groups,
    scale: ScaleRewards,
) -> Vec<f64> {
    let all = |divisor| vec![divisor; rewards.len()];
    match scale {
        ScaleRewards::Group => {
            let of_group =
                |own: &[f32]| std::iter::repeat_n(sample_std(own) + STD_EPSILON, own.len());
            groups.slices(rewards).flat_map(of_group).collect()
        }
        ScaleRewards::Batch => all(sample_std(rewards) + STD_EPSILON),
        ScaleRewards::Advantages => all(std(centred.iter().copied()) + STD_EPSILON),
        ScaleRewards::None => all(1.0),
    }
}

/// Share of groups whose rewards are all equal, from 0 to 1 (`train/frac_reward_zero_std`).
///
/// # Errors
/// No rewards, or not those of the groups.
pub fn frac_reward_zero_std(rewards: &[f32], groups: &Groups) -> Result<f64, AlgoError> {
    groups.check(rewards.len())?;
    let equal = |rewards: &&[f32]| rewards.iter().all(|&reward| reward == rewards[0]);
    let count = groups.slices(rewards).filter(equal).count();
    Ok(count as f64 / groups.len() as f64)
}

pub(crate) fn mean(values: &[f32]) -> f64 {
    values.iter().copied().map(f64::from).sum::<f64>() / values.len() as f64
}

/// Standard deviation with divisor n − 1; 0 for fewer than two values.
pub fn sample_std(values: &[f32]) -> f64 {
    std(values.iter().copied().map(f64::from))
}

/// [`sample_std`] of f64 values.
pub(crate) fn std(values: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let count = values.len();
    if count < 2 {
        return 0.0;
    }
    let mean = values.clone().sum::<f64>() / count as f64;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    (squares / (count - 1) as f64).sqrt()
}

#[cfg(test)]
#[path = "../tests/unit/group.rs"]
mod tests;
