//! ProRL (Liu et al. 2025, arXiv 2505.24864): DAPO that can go on for long.
//!
//! Clip-higher (0.2, 0.4), dynamic sampling, a KL penalty, and every 200 steps the reference becomes
//! the policy and the optimiser forgets. The paper resets by hand when validation stalls.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::Prorl,
    epsilon_high: 0.4,
    dynamic_sampling: 4,
    kl_coef: 1e-3,
    reset_interval: 200,
    ..PLAIN
};
