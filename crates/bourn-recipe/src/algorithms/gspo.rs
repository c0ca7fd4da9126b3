//! GSPO (Zheng et al. 2025, arXiv 2507.18071): the ratio of a whole completion.
//!
//! s = exp(mean over tokens of log π − log π_old), clipped to (3e-4, 4e-4) around 1: bounds of
//! a mean are that much narrower. The mean over completions of the means over tokens, as in the paper.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::Gspo,
    loss_type: LossType::Grpo,
    ratio_level: RatioLevel::Sequence,
    epsilon: 3e-4,
    epsilon_high: 4e-4,
    ..PLAIN
};
