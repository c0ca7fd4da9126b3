//! Implicit process rewards (PRIME: Cui et al. 2025, arXiv 2502.01456): a language model φ that is
//! trained to tell right completions from wrong ones by its log-ratio to a reference, and whose
//! ratio at each token is then that token's reward.
//!
//! With r_φ(y_t) = β (log π_φ(y_t | y_<t) − log π_ref(y_t | y_<t)) and r_φ(y) = Σ_t r_φ(y_t):
//!
//! ```text
//! loss      −log σ(r_φ(y)) of a right completion, −log σ(−r_φ(y)) of a wrong one
//! advantage Σ_{s ≥ t} [ r_φ(y_s) − mean over the others of their mean token reward ]
//! ```

use crate::AlgoError;
use crate::error::check_length;
use crate::token_rewards::returns;

/// β (log π_φ − log π_ref) of each token.
///
/// # Errors
/// The lists differ in length.
pub fn implicit_rewards(own: &[f32], reference: &[f32], beta: f64) -> Result<Vec<f64>, AlgoError> {
    check_length("reference", reference.len(), own.len(), "token")?;
    let pairs = own.iter().zip(reference);
    Ok(pairs.map(|(&own, &of)| beta * (f64::from(own) - f64::from(of))).collect())
}

/// Cross-entropy of one completion whose token rewards sum to `sum`, in nats, and its derivative
/// with respect to `sum`: σ(sum) less 1 for a right completion, less 0 for a wrong one.
pub fn implicit_loss(sum: f64, correct: bool) -> (f64, f64) {
    let towards = if correct { sum } else { -sum };
    // log(1 + exp(−x)) without overflow.
    let loss = (-towards.abs()).exp().ln_1p() + (-towards).max(0.0);
    let probability = 1.0 / (1.0 + (-sum).exp());
    (loss, probability - f64::from(u8::from(correct)))
}

/// Advantage of every token of one group: returns of its rewards, each less the mean over the
/// group's other completions of their mean token reward. A completion without tokens has a mean of
/// 0.
///
/// # Errors
/// A group of one.
pub fn implicit_advantages(group: &[&[f64]]) -> Result<Vec<Vec<f64>>, AlgoError> {
    if group.len() < 2 {
        return Err(AlgoError::NoOthers);
    }
    let mean = |own: &&[f64]| own.iter().sum::<f64>() / own.len().max(1) as f64;
    let means: Vec<f64> = group.iter().map(mean).collect();
    let of = |(index, own): (usize, &&[f64])| {
        let others = means.iter().enumerate().filter(|&(other, _)| other != index);
        let baseline = others.map(|(_, mean)| mean).sum::<f64>() / (means.len() - 1) as f64;
        returns(&own.iter().map(|reward| reward - baseline).collect::<Vec<_>>())
    };
    Ok(group.iter().enumerate().map(of).collect())
}

#[cfg(test)]
#[path = "../tests/unit/implicit.rs"]
mod tests;
