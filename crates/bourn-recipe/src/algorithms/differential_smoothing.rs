//! Differential smoothing (Gai et al. 2025, arXiv 2511.19942) on GRPO.
//!
//! A correct completion's advantage less γ log π(y) of the whole completion (eq. 6), so that rare ways
//! of being right count for more; what is wrong is left alone unless `smoothing_negative` is set. The
//! paper tunes γ for each model; 0.01 is a start.

use super::*;

pub(super) const SETTINGS: Algorithm =
    Algorithm { name: AlgorithmName::DifferentialSmoothing, smoothing_positive: 0.01, ..PLAIN };
