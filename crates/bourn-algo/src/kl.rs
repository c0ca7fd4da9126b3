//! Estimators of KL(π ‖ base) from the log-probs of one sampled token, in nats (Schulman 2020,
//! "Approximating KL divergence").
//!
//! # What the gradient of each is
//!
//! As estimates of the *value* under samples of π, k1 and k3 are unbiased and k2 is close. As
//! *terms of a loss*, where the sample is fixed and the gradient goes through log π, they pull in
//! different directions; in expectation over samples of π:
//!
//! - **k1 has no gradient at all**: ∇k1 = ∇log π, whose expectation is 0. It adds noise and holds
//!   nothing back. Choose it for what it measures, not as a penalty.
//! - **k2 has the gradient of KL(π ‖ base)**, the penalty that most texts mean.
//! - **k3 has the gradient of the other KL(base ‖ π)**; near the base the two agree.
//!
//! (Derived also in arXiv 2510.01555.) The tests below show all three on a small distribution.
//! Samples of an older policy add a bias that no importance weight corrects here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Estimators of KL(π ‖ base) per token (Schulman 2020). `K1` is unbiased, of either sign, and **no
/// penalty when used as a loss** (see the module's page); `K2` is biased as a value, and its gradient
/// is that of KL(π ‖ base); `K3` is unbiased and never negative (DeepSeekMath eq. 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KlEstimator {
    /// log π − log π_base.
    K1,
    /// ½ (log π − log π_base)².
    K2,
    /// exp(log π_base − log π) − 1 − (log π_base − log π).
    K3,
}

impl KlEstimator {
    /// The estimate for one token, in nats.
    pub fn value(self, logp: f64, logp_base: f64) -> f64 {
        match self {
            Self::K1 => kl_k1(logp, logp_base),
            Self::K2 => kl_k2(logp, logp_base),
            Self::K3 => kl_k3(logp, logp_base),
        }
    }

    /// Derivative of the estimate with respect to `logp`.
    pub fn slope(self, logp: f64, logp_base: f64) -> f64 {
        match self {
            Self::K1 => 1.0,
            Self::K2 => logp - logp_base,
            Self::K3 => -(logp_base - logp).exp_m1(),
        }
    }
}

/// log π − log π_base.
pub fn kl_k1(logp: f64, logp_base: f64) -> f64 {
    logp - logp_base
}

/// ½ (log π − log π_base)².
pub fn kl_k2(logp: f64, logp_base: f64) -> f64 {
    0.5 * (logp - logp_base).powi(2)
}

/// exp(x) − 1 − x with x = log π_base − log π.
pub fn kl_k3(logp: f64, logp_base: f64) -> f64 {
    let x = logp_base - logp;
    // exp(x) − 1 loses every digit near x = 0, where a policy that has just left the base is.
    x.exp_m1() - x
}

#[cfg(test)]
#[path = "../tests/unit/kl.rs"]
mod tests;
