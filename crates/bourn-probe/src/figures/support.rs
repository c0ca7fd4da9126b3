//! Support figures of the literature.

use serde::{Deserialize, Serialize};

use crate::Estimate;

/// Support figures of the literature under their own names; `None` where one would divide by 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Support {
    /// Support retention rate (arXiv 2507.14843): kept / (kept + lost).
    pub srr: Option<Estimate>,
    /// Net discovery rate (same): gained / (kept + gained).
    pub ndr: Option<Estimate>,
    /// Support dynamic score (same): harmonic mean of SRR and NDR.
    pub sds: Option<Estimate>,
    /// Net support change rate (same): (gained − lost) / (kept + gained + lost).
    pub nscr: Option<Estimate>,
    /// Share of problems with success probability at least τ (arXiv 2510.08325).
    pub cover: Vec<Cover>,
    /// Probability that all of k draws are correct, mean over problems (pass^k; arXiv 2406.12045).
    pub pass_hat_k: Vec<PassHatK>,
}

/// Cover@τ of both models.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cover {
    /// The threshold.
    pub tau: f64,
    /// Of the base.
    pub base: Estimate,
    /// Of the policy.
    pub policy: Estimate,
    /// Policy less base.
    pub delta: Estimate,
}

/// pass^k of both models.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PassHatK {
    /// Draws that must all be correct.
    pub k: u64,
    /// Of the base.
    pub base: Estimate,
    /// Of the policy.
    pub policy: Estimate,
    /// Policy less base.
    pub delta: Estimate,
}
