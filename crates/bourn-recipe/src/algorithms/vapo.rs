//! VAPO (Yue et al. 2025, arXiv 2504.05118): VC-PPO with what long completions need.
//!
//! Length-adaptive λ = 1 − 1/(0.05 · length) for the policy, clip-higher, the mean over tokens, and
//! 0.1 times the negative log-likelihood of correct completions.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::Vapo,
    baseline: Baseline::Critic,
    scale_rewards: ScaleRewards::Advantages,
    epsilon_high: 0.28,
    positive_nll: 0.1,
    ..PLAIN
};

pub(super) const CRITIC: Critic =
    Critic { length_adaptive: 0.05, lambda_policy: 0.95, pretrain_steps: 50, ..PLAIN_CRITIC };
