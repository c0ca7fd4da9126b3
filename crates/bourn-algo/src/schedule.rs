//! Learning rate and gradient-norm clipping.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use std::f64::consts::PI;

/// What follows the warmup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Stays at `lr`.
    Constant,
    /// Falls linearly to 0, reached just after the last update.
    Linear,
    /// Falls as half a cosine to 0, reached just after the last update.
    Cosine,
}

/// Learning rate of optimiser update `step` (counted from 0) out of `total`.
///
/// - Warmup: update s < `warmup` gets peak · (s + 1) / warmup, so that the first update moves and
///   the last of the warmup is at the peak.
/// - Then the shape, over `total` − `warmup` updates, starting at the peak. A falling shape reaches
///   0 at `step == total`, one past the last update, so that the last one still learns: with
///   `Linear` it gets peak / (total − warmup). From `total` on a falling shape stays at 0.
/// - A warmup as long as the run or longer is cut off by the run's end.
pub fn learning_rate(step: u64, total: u64, peak: f64, warmup: u64, schedule: Schedule) -> f64 {
    if step < warmup {
        // As floats before the addition: step + 1 cannot overflow.
        return peak * ((step as f64 + 1.0) / warmup as f64);
    }
    let progress =
        if step < total { (step - warmup) as f64 / (total - warmup) as f64 } else { 1.0 };
    peak * match schedule {
        Schedule::Constant => 1.0,
        Schedule::Linear => 1.0 - progress,
        Schedule::Cosine => 0.5 * (1.0 + (PI * progress).cos()),
    }
}

/// Factor that brings a gradient of global L2 norm `norm` down to `max_norm`: min(1,
/// max_norm / norm), and 1 where `max_norm` is 0 (no clipping).
///
/// A norm that is not finite gives NaN, so that it cannot pass for a gradient.
pub fn clip_scale(norm: f64, max_norm: f64) -> f64 {
    if !norm.is_finite() {
        f64::NAN
    } else if max_norm > 0.0 && norm > max_norm {
        max_norm / norm
    } else {
        1.0
    }
}

#[cfg(test)]
#[path = "../tests/unit/schedule.rs"]
mod tests;
