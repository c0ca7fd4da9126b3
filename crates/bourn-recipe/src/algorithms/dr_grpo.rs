//! Dr. GRPO (Liu et al. 2025, arXiv 2503.20783): GRPO without its two biases.
//!
//! A_i = r_i − mean of its group, undivided, and tokens summed over a constant: neither the spread of
//! a problem's rewards nor a completion's length weighs its gradient.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::DrGrpo,
    loss_type: LossType::DrGrpo,
    scale_rewards: ScaleRewards::None,
    ..PLAIN
};
