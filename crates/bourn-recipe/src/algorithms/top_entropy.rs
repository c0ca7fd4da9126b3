//! The 80/20 rule (Wang et al. 2025, arXiv 2506.01939): only forking tokens are trained on.
//!
//! DAPO, with an advantage for the fifth of the step's tokens that had the highest entropy when they
//! were drawn, and none for the others, which still count in the mean.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::TopEntropy,
    epsilon_high: 0.28,
    dynamic_sampling: 4,
    overlong_share: 0.2,
    overlong_penalty: 1.0,
    top_entropy_share: 0.2,
    ..PLAIN
};
