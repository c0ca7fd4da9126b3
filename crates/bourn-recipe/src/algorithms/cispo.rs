//! CISPO (MiniMax-M1, arXiv 2506.13585): the importance weight is clipped, never the gradient.
//!
//! sg(clip(r)) A log π over GRPO's advantages, mean over tokens. No lower bound (ε = 1) and an upper
//! one of 5, what TRL recommends: the paper tunes it and does not print it.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::Cispo,
    surrogate: Surrogate::ClippedWeight,
    epsilon: 1.0,
    epsilon_high: 4.0,
    ..PLAIN
};
