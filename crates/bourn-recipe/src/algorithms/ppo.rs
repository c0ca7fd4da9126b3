//! PPO (Schulman et al. 2017, arXiv 1707.06347) with a value model.
//!
//! Advantages by GAE from a critic, centred and scaled over the step's tokens. γ = 1 and λ = 1 for
//! policy and value, which verifiable rewards at the end of a completion ask for; see `[critic]`.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::Ppo,
    baseline: Baseline::Critic,
    scale_rewards: ScaleRewards::Advantages,
    ..PLAIN
};

pub(super) const CRITIC: Critic = PLAIN_CRITIC;
