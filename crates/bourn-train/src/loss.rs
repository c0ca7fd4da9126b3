//! The policy-gradient loss of one micro batch, in Burn.
//!
//! The same arithmetic stands in plain numbers in `bourn_algo::loss`, where the tests work it by
//! hand; the test below holds the two together.

use bourn_model::transformer::{Packed, TokenScores};
use bourn_recipe::{Algorithm, KlEstimator};
use burn::tensor::{Device, Tensor, TensorData};

/// A micro batch: completions packed with their prompts, and one entry per completion token.
#[derive(Clone, Debug, Default)]
pub struct MicroBatch {
    /// Prompt and completion of every row.
    pub packed: Packed,
    /// Packed index of the token before each completion token, `[n]`.
    pub positions: Vec<i64>,
    /// The completion tokens, `[n]`.
    pub targets: Vec<u32>,
    /// Log-probs under the sampler that drew them, `[n]`.
    pub sampler_logprobs: Vec<f32>,
    /// Log-probs under the frozen base, `[n]`; empty where the KL penalty is off.
    pub base_logprobs: Vec<f32>,
    /// Advantage of each token, `[n]`.
    pub advantages: Vec<f32>,
    /// Weight of each token in the sum over the whole minibatch, `[n]`.
    pub weights: Vec<f32>,
    /// Index into the rollout of the completion that each token belongs to, `[n]`.
    pub completions: Vec<usize>,
}

/// The scalar to differentiate, a `[1]` tensor: the sum over tokens of weight × (clipped
/// surrogate + KL penalty − entropy bonus).
///
/// - Surrogate (Schulman et al. 2017, eq. 7, with separate clip bounds): −min(r A,
///   clip(r, 1−ε, 1+ε_high) A), where r = π / π_sampler.
/// - KL penalty: `kl_coef` × the chosen estimator of KL(π ‖ base) (see
///   [`bourn_recipe::KlEstimator`]).
/// - Entropy bonus: `entropy_coef` × H(π(· | prefix)).
pub fn policy_loss(scores: TokenScores, batch: &MicroBatch, algorithm: &Algorithm) -> Tensor<1> {
    let device = scores.logprobs.device();
    let vector = |values: &[f32]| column(values, &device);
    let logprobs = scores.logprobs;
    let advantages = vector(&batch.advantages);

    let ratio = (logprobs.clone() - vector(&batch.sampler_logprobs)).exp();
    let clipped = ratio.clone().clamp(1.0 - algorithm.epsilon, 1.0 + algorithm.epsilon_high);
    let surrogate = (ratio * advantages.clone()).min_pair(clipped * advantages);
    let mut token_loss = surrogate.neg();
    if algorithm.kl_coef > 0.0 {
        let kl = kl_estimate(logprobs, vector(&batch.base_logprobs), algorithm.kl_estimator);
        token_loss = token_loss + kl.mul_scalar(algorithm.kl_coef);
    }
    if let Some(entropies) = scores.entropies {
        token_loss = token_loss - entropies.mul_scalar(algorithm.entropy_coef);
    }
    (token_loss * vector(&batch.weights)).sum()
}

/// Per-token estimators of KL(π ‖ base) (Schulman 2020).
fn kl_estimate(logprobs: Tensor<1>, base: Tensor<1>, estimator: KlEstimator) -> Tensor<1> {
    let log_ratio = base - logprobs; // log π_base − log π
    match estimator {
        KlEstimator::K1 => log_ratio.neg(),
        KlEstimator::K2 => log_ratio.square().mul_scalar(0.5),
        KlEstimator::K3 => log_ratio.clone().exp() - log_ratio - 1.0,
    }
}

fn column(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}
