//! PSR (Zhu et al. 2025, arXiv 2506.01347): only correct completions are reinforced.
//!
//! A = 1 for a correct completion and 0 for any other.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::Psr,
    baseline: Baseline::Verdict,
    scale_rewards: ScaleRewards::None,
    negative_weight: 0.0,
    ..PLAIN
};
