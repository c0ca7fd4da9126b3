//! Clip-Cov (Cui et al. 2025, arXiv 2505.22617): GRPO without a few tokens that end entropy.
//!
//! Of the tokens whose covariance of log-prob and advantage lies in (1, 5), some at random, 2e-4 of
//! all, take no gradient. Covariances are those of the rollout, before its first update.

use super::*;

pub(super) const SETTINGS: Algorithm = Algorithm {
    name: AlgorithmName::ClipCov,
    covariance: Covariance::Clip,
    covariance_share: 2e-4,
    ..PLAIN
};
