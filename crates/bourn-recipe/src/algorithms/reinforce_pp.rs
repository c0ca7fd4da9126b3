//! REINFORCE++ (Hu et al. 2025, arXiv 2501.03262): advantages normalised over the whole step.
//!
//! A = (r − b) / std of all r − b, where b is the step's mean, or the group's (REINFORCE++-baseline,
//! `baseline = "group"`); PPO's clip. With `kl_in = "reward"` A is a token's own return, with the
//! paper's KL at each token.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::ReinforcePp,
    baseline: Baseline::Batch,
    scale_rewards: ScaleRewards::Advantages,
    ..PLAIN
};
