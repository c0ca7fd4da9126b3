//! REINFORCE (Williams 1992): the reward itself, or less the step's mean, times ∇log π.
//!
//! A = r − b and the loss is −A log π, summed over a completion's tokens. The sampler is taken to be
//! the policy: with several updates a rollout choose `surrogate = "ratio"` or `"clip"`.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::Reinforce,
    baseline: Baseline::None,
    loss_type: LossType::Sequence,
    scale_rewards: ScaleRewards::None,
    surrogate: Surrogate::LogProb,
    ..PLAIN
};
