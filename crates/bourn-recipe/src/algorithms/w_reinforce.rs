//! W-REINFORCE (Zhu et al. 2025, arXiv 2506.01347): penalise fully, reinforce a little.
//!
//! A = 0.1 for a correct completion and −1 for any other: λ PSR + NSR with the paper's λ.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::WReinforce,
    baseline: Baseline::Verdict,
    scale_rewards: ScaleRewards::None,
    positive_weight: 0.1,
    ..PLAIN
};
