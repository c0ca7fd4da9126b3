//! KL-Cov (Cui et al. 2025, arXiv 2505.22617): a few tokens that end entropy are held back.
//!
//! The 2e-3 of all tokens with the highest covariance of log-prob and advantage are held near the
//! sampler by a KL penalty of weight 1. It is 0 at ratio 1 and acts from a rollout's second update on.
//! No clip, as in the paper.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::KlCov,
    surrogate: Surrogate::Ratio,
    covariance: Covariance::Kl,
    ..PLAIN
};
