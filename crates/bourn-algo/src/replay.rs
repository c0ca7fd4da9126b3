//! Completions that another model drew, in the policy's loss.

/// The importance weight of a token that another model drew, min(π/π_other, `most`), and whether
/// the bound holds it (truncated importance sampling, Ionides 2008; V-trace's c, arXiv 1802.01561).
///
/// A NaN stays one.
pub fn truncated_weight(logp: f64, other_logp: f64, most: f64) -> (f64, bool) {
    let weight = (logp - other_logp).exp();
    if weight > most { (most, true) } else { (weight, false) }
}

/// The part of such a token in the objective, sg(w) A log π with w the [`truncated_weight`] and sg
/// without a gradient, and its derivative by log π, w A.
pub fn replayed_surrogate(logp: f64, other_logp: f64, advantage: f64, most: f64) -> (f64, f64) {
    let slope = truncated_weight(logp, other_logp, most).0 * advantage;
    (slope * logp, slope)
}

#[cfg(test)]
#[path = "../tests/unit/replay.rs"]
mod tests;
