//! Figures of both models at other temperatures.

use serde::{Deserialize, Serialize};

use crate::Estimate;

/// Base and policy at other temperatures than the probe's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Temperatures {
    /// The policy's temperature at which its mean token entropy is the base's, if there is one.
    pub matched: Option<TemperaturePoint>,
    /// Why there is none, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmatched: Option<String>,
    /// The grid that the recipe asks for.
    pub grid: Vec<TemperaturePoint>,
}

/// Both models at one setting. The lists of `base` and `policy` are aligned with
/// [`Boundary::k`](crate::Boundary::k) up to their length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemperaturePoint {
    /// The base's temperature.
    pub base_temperature: f64,
    /// The policy's temperature.
    pub policy_temperature: f64,
    /// The base's mean token entropy there, in nats: over all draws that count at a point of the
    /// grid; over as many of each problem by both models where the entropies were matched.
    pub base_entropy: f64,
    /// The policy's mean token entropy there, in nats, over likewise.
    pub policy_entropy: f64,
    /// pass@k of the base, with its interval.
    pub base: Vec<Estimate>,
    /// pass@k of the policy, with its interval.
    pub policy: Vec<Estimate>,
    /// Policy less base.
    pub delta: Vec<Estimate>,
    /// Draws made for this point.
    pub draws: u64,
}
