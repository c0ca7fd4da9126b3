//! NSR (Zhu et al. 2025, arXiv 2506.01347): only wrong completions are penalised.
//!
//! A = 0 for a correct completion and −1 for any other: what is wrong loses probability to whatever
//! the policy thought likely beside it.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::Nsr,
    baseline: Baseline::Verdict,
    scale_rewards: ScaleRewards::None,
    positive_weight: 0.0,
    ..PLAIN
};
