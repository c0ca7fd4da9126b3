//! Which tokens of a step are trained on, and which are held back: by entropy, or by covariance.

use crate::AlgoError;
use crate::error::check_length;

/// The tokens whose entropy is among the highest `share` of all (arXiv 2506.01939: the "forking"
/// fifth): those at or above the ⌈share · n⌉-th largest. Equal entropies are taken together.
pub fn top_entropy(entropies: &[f32], share: f64) -> Vec<bool> {
    let count = (share * entropies.len() as f64).ceil() as usize;
    if count >= entropies.len() {
        return vec![true; entropies.len()];
    }
    if count == 0 {
        return vec![false; entropies.len()];
    }
    let mut sorted = entropies.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let threshold = sorted[count - 1];
    entropies.iter().map(|&entropy| entropy >= threshold).collect()
}

/// (log π − mean log π)(A − mean A) of every token (arXiv 2505.22617, eq. 10): its part of the
/// covariance that drives entropy down.
///
/// # Errors
/// The lists differ in length.
pub fn covariances(logprobs: &[f32], advantages: &[f32]) -> Result<Vec<f64>, AlgoError> {
    check_length("advantages", advantages.len(), logprobs.len(), "token")?;
    let (logp_mean, a_mean) = (crate::group::mean(logprobs), crate::group::mean(advantages));
    let pairs = logprobs.iter().zip(advantages);
    let of = |(&logp, &a): (&f32, &f32)| (f64::from(logp) - logp_mean) * (f64::from(a) - a_mean);
    Ok(pairs.map(of).collect())
}

/// Tokens whose covariance lies strictly between `low` and `high`: Clip-Cov draws from these.
pub fn covariance_band(covariances: &[f64], low: f64, high: f64) -> Vec<usize> {
    let inside = |&(_, &covariance): &(usize, &f64)| covariance > low && covariance < high;
    covariances.iter().enumerate().filter(inside).map(|(token, _)| token).collect()
}

/// The `count` tokens of the highest covariance, earlier ones first among equals: KL-Cov's.
pub fn top_covariance(covariances: &[f64], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..covariances.len()).collect();
    order.sort_by(|&a, &b| covariances[b].total_cmp(&covariances[a]).then(a.cmp(&b)));
    order.truncate(count);
    order
}

/// How many of `tokens` a share of them is: at least one, so that a small step is not left out.
pub fn share_of(tokens: usize, share: f64) -> usize {
    ((share * tokens as f64) as usize).max(1).min(tokens)
}

#[cfg(test)]
#[path = "../tests/unit/tokens.rs"]
mod tests;
