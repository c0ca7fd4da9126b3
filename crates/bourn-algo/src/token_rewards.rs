//! Rewards of single tokens, and what is still to come of them.

use crate::AlgoError;
use crate::error::check_length;
use crate::kl::KlEstimator;

/// −coef × the estimate of KL(π ‖ base) at each token, from its log-probs under the sampler π that
/// drew it and under the base, in nats: the KL penalty as a reward.
///
/// The gradient of E[Σ r − coef · KL] is E[(Σ r − coef Σ k1) ∇log π]: with k1 and draws of π itself
/// this reward is exact. With another estimator k the part E[∇k] is missing, and the penalty is
/// another one (verl offers them all the same; the tests show the difference).
///
/// # Errors
/// The lists differ in length.
pub fn kl_rewards(
    logprobs: &[f32],
    base: &[f32],
    coef: f64,
    estimator: KlEstimator,
) -> Result<Vec<f64>, AlgoError> {
    check_length("base", base.len(), logprobs.len(), "token")?;
    let pairs = logprobs.iter().zip(base);
    let of = |(&own, &base): (&f32, &f32)| estimator.value(f64::from(own), f64::from(base));
    Ok(pairs.map(|pair| -coef * of(pair)).collect())
}

/// The sum of each token's reward and of all after it: what the token can still have caused.
pub fn returns(rewards: &[f64]) -> Vec<f64> {
    let mut returns = rewards.to_vec();
    for t in (1..returns.len()).rev() {
        returns[t - 1] += returns[t];
    }
    returns
}

#[cfg(test)]
#[path = "../tests/unit/token_rewards.rs"]
mod tests;
