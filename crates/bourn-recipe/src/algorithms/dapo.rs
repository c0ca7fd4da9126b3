//! DAPO (Yu et al. 2025, arXiv 2503.14476): four changes to GRPO for long runs.
//!
//! Clip-higher (0.2, 0.28), the mean over tokens, dynamic sampling (groups whose raw verdicts are all
//! equal are replaced, with up to four further batches), and a penalty that grows to 1 over the last
//! fifth of the length. The paper's other remedy for length, `mask_truncated_completions`, is off.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::Dapo,
    epsilon_high: 0.28,
    dynamic_sampling: 4,
    overlong_share: 0.2,
    overlong_penalty: 1.0,
    ..PLAIN
};
