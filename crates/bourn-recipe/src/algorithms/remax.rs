//! ReMax (Li et al. 2023, arXiv 2310.10505): the greedy completion is the baseline.
//!
//! A_i = r_i − r(greedy completion of the same problem): one more completion a problem and step.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::Remax,
    baseline: Baseline::Greedy,
    loss_type: LossType::Sequence,
    scale_rewards: ScaleRewards::None,
    ..PLAIN
};
