//! GRPO with the unlikeliness reward (He et al. 2025, arXiv 2506.02355).
//!
//! A correct completion's reward is multiplied by 1 − β (G − rank)/G, rank counting the likelier ones
//! of its group; β = 0.25. The paper adds more updates a rollout: `train.num_iterations`.

use super::*;

pub(super) const SETTINGS: Algorithm =
    Algorithm { name: AlgorithmName::Unlikeliness, unlikeliness: 0.25, ..PLAIN };
