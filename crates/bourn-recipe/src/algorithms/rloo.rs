//! RLOO (Ahmadian et al. 2024, arXiv 2402.14740): the others of the group are the baseline.
//!
//! A_i = r_i − mean of the other rewards = G/(G−1) × the mean-centred reward. The paper has no clip
//! because it makes one update a rollout, where a clip is never met; with more the clip is wanted.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::Rloo,
    baseline: Baseline::LeaveOneOut,
    loss_type: LossType::Sequence,
    scale_rewards: ScaleRewards::None,
    ..PLAIN
};
