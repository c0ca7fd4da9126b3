//! Figures of pass@k beyond the draws that were made.

use serde::{Deserialize, Serialize};

use crate::Estimate;

/// pass@k beyond the draws that were made. Extrapolation: as good as the prior's tail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extrapolation {
    /// Powers of two beyond k_max.
    pub k: Vec<u64>,
    /// The base's, from its prior's fit; intervals are over refits. Empty where the fit falls below
    /// what was measured at k_max.
    pub base: Vec<Estimate>,
    /// The policy's, likewise.
    pub policy: Vec<Estimate>,
    /// pass@2n by Good–Toulmin, which knows no prior.
    pub good_toulmin: Option<GoodToulmin>,
}

/// Good–Toulmin's estimate of pass@2n.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GoodToulmin {
    /// Twice k_max.
    pub k: u64,
    /// Of the base.
    pub base: Estimate,
    /// Of the policy.
    pub policy: Estimate,
}
