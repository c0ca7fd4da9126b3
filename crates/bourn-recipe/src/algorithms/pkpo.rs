//! PKPO (Walder and Karkhanis 2025, arXiv 2505.15201): the gradient of pass@k.
//!
//! A completion is worth what it adds to the best of k, averaged over all subsets of its group; with
//! `leave_one_out_minus_one`, the paper's baseline of lowest variance.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::Pkpo,
    baseline: Baseline::PassAtK,
    loss_type: LossType::Sequence,
    scale_rewards: ScaleRewards::None,
    ..PLAIN
};
