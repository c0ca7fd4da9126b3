//! From rewards to one advantage a completion: every baseline of the field.
//!
//! Rewards of a step stand in one list, group after group.

use crate::group::{ScaleRewards, check_rewards, group_advantages, mean, scaled_by};
use crate::{AlgoError, Groups};

/// What a completion's reward is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RewardBaseline<'a> {
    /// Nothing: the advantage is the reward (Williams 1992).
    None,
    /// The mean over all rewards of the step.
    Batch,
    /// The mean of its group, itself included (GRPO, arXiv 2402.03300).
    Group,
    /// The mean of the others of its group (RLOO, arXiv 2402.14740).
    LeaveOneOut,
    /// The reward of the greedy completion of its problem, one for each group (ReMax,
    /// arXiv 2310.10505).
    Greedy(&'a [f32]),
}

/// Advantage of every completion of a step: (reward − baseline) / scale.
///
/// With [`RewardBaseline::Group`] it is [`group_advantages`], to the bit. Otherwise [`ScaleRewards::Group`] and
/// [`ScaleRewards::Batch`] divide by the same standard deviations of the *rewards*, and
/// [`ScaleRewards::Advantages`] by that of the numerators.
///
/// # Errors
/// As [`group_advantages`]; for [`RewardBaseline::LeaveOneOut`] groups of one, for
/// [`RewardBaseline::Greedy`] another number of rewards than there are groups.
pub fn advantages(
    rewards: &[f32],
    groups: &Groups,
    baseline: RewardBaseline<'_>,
    scale: ScaleRewards,
) -> Result<Vec<f32>, AlgoError> {
    if baseline == RewardBaseline::Group {
        return group_advantages(rewards, groups, scale);
    }
    check_rewards(rewards, groups)?;
    let centred = centred(rewards, groups, baseline)?;
    let scales = scaled_by(rewards, &centred, groups, scale);
    Ok(centred.iter().zip(scales).map(|(&value, scale)| (value / scale) as f32).collect())
}

fn centred(
    rewards: &[f32],
    groups: &Groups,
    baseline: RewardBaseline<'_>,
) -> Result<Vec<f64>, AlgoError> {
    let less = |baseline: f64| move |&reward: &f32| f64::from(reward) - baseline;
    Ok(match baseline {
        RewardBaseline::None => rewards.iter().map(less(0.0)).collect(),
        RewardBaseline::Batch => rewards.iter().map(less(mean(rewards))).collect(),
        RewardBaseline::Group => {
            groups.slices(rewards).flat_map(|own| own.iter().map(less(mean(own)))).collect()
        }
        RewardBaseline::LeaveOneOut if groups.ranges().any(|range| range.len() < 2) => {
            return Err(AlgoError::NoOthers);
        }
        RewardBaseline::LeaveOneOut => {
            // r_i − (Σ − r_i)/(G−1) = G/(G−1) · (r_i − mean): equal rewards give exact zeros.
            let of_group = |own: &[f32]| {
                let factor = own.len() as f64 / (own.len() - 1) as f64;
                let mean = mean(own);
                own.iter().map(|&reward| factor * (f64::from(reward) - mean)).collect::<Vec<_>>()
            };
            groups.slices(rewards).flat_map(of_group).collect()
        }
        RewardBaseline::Greedy(greedy) => {
            crate::error::check_length("greedy", greedy.len(), groups.len(), "group")?;
            let pairs = groups.slices(rewards).zip(greedy);
            pairs.flat_map(|(own, &greedy)| own.iter().map(less(f64::from(greedy)))).collect()
        }
    })
}

/// Positive and negative sample reinforcement (arXiv 2506.01347): `positive` for a correct
/// completion and −`negative` for any other, by the raw verdict.
///
/// (1, 0) is PSR, (0, 1) is NSR, (0.1, 1) is the paper's W-REINFORCE.
pub fn signed_advantages(correct: &[bool], positive: f64, negative: f64) -> Vec<f32> {
    let of = |&correct: &bool| if correct { positive as f32 } else { (0.0 - negative) as f32 };
    correct.iter().map(of).collect()
}

#[cfg(test)]
#[path = "../tests/unit/baseline.rs"]
mod tests;
