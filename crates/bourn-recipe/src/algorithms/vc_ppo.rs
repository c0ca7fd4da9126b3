//! VC-PPO (Yuan et al. 2025, arXiv 2503.01491): PPO whose value model is trained first.
//!
//! Value pretraining on the frozen policy with Monte Carlo targets, then λ = 1 for the value and 0.95
//! for the policy (decoupled GAE).

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::VcPpo,
    baseline: Baseline::Critic,
    scale_rewards: ScaleRewards::Advantages,
    ..PLAIN
};

pub(super) const CRITIC: Critic =
    Critic { lambda_policy: 0.95, pretrain_steps: 50, ..PLAIN_CRITIC };
