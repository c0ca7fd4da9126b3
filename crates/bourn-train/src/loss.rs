//! The policy-gradient loss of one micro batch, in Burn.
//!
//! The same arithmetic stands in plain numbers in `bourn_algo::loss`, where the tests work it by
//! hand; the test below holds the two together.

use bourn_model::transformer::{Packed, TokenScores};
use bourn_recipe::{Algorithm, KlEstimator, RatioLevel, Surrogate};
use burn::tensor::{Device, Int, Tensor, TensorData};

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
    /// Weight of the anchor to the sampler at each token, `[n]`; empty for none.
    pub anchors: Vec<f32>,
    /// Weight of each token's log-likelihood, whole, `[n]`; empty for none.
    pub likelihoods: Vec<f32>,
    /// The base's witnesses among the completions; none where the policy drew them all. At their
    /// tokens every list above but `weights` is 0.
    pub witnesses: Option<Witnesses>,
    /// Index into the rollout of the completion that each token belongs to, `[n]`.
    pub completions: Vec<usize>,
}

/// Tokens that the frozen base drew.
#[derive(Clone, Debug, Default)]
pub struct Witnesses {
    /// 1 at tokens that the policy drew and 0 at the others, `[n]`.
    pub own: Vec<f32>,
    /// Log-probs of the others under the base, `[n]`; 0 at the policy's own.
    pub base_logprobs: Vec<f32>,
    /// Their advantages, `[n]`; 0 at the policy's own.
    pub advantages: Vec<f32>,
    /// Most that an importance weight may be.
    pub max_weight: f64,
}

impl MicroBatch {
    /// The ranges of tokens that belong to one completion each, in order.
    pub fn rows(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let mut start = 0;
        self.completions.chunk_by(|a, b| a == b).map(move |row| {
            let range = start..start + row.len();
            start = range.end;
            range
        })
    }
}

/// The scalar to differentiate, a `[1]` tensor: the sum over tokens of weight × (KL penalty +
/// anchor − surrogate − entropy bonus) − likelihood weight × log π.
///
/// - Surrogate ([`bourn_recipe::Surrogate`]), of r = π / π_sampler: by default min(r A,
///   clip(r, 1−ε, 1+ε_high) A) (Schulman et al. 2017, eq. 7, with separate clip bounds).
/// - Instead of all this, at a token that the base drew: sg(min(π / π_base, `max_weight`)) A log π,
///   without a gradient through the weight.
/// - Anchor: b (r − 1 − log r), an estimate of KL(sampler ‖ π) that is not negative.
/// - KL penalty, unless it is in the reward: `kl_coef` × the chosen estimator of KL(π ‖ base) (see
///   [`bourn_recipe::KlEstimator`]).
/// - Entropy bonus: `entropy_coef` × H(π(· | prefix)).
pub fn policy_loss(
    scores: TokenScores,
    batch: &MicroBatch,
    algorithm: &Algorithm,
    entropy_coef: f64,
) -> Tensor<1> {
    let device = scores.logprobs.device();
    let vector = |values: &[f32]| column(values, &device);
    let every = scores.logprobs;
    // At a witness's token 0, as in the lists: no term of the policy's own draws is there.
    let own = batch.witnesses.as_ref().map(|witnesses| vector(&witnesses.own));
    let logprobs = match &own {
        Some(own) => every.clone() * own.clone(),
        None => every.clone(),
    };
    let advantages = vector(&batch.advantages);

    let drift = logprobs.clone() - vector(&batch.sampler_logprobs); // log of each token's ratio
    let ratio = match algorithm.ratio_level {
        RatioLevel::Token => drift.clone().exp(),
        RatioLevel::Sequence => row_means(drift.clone(), batch, &device).exp(),
    };
    let (low, high) = (1.0 - algorithm.epsilon, 1.0 + algorithm.epsilon_high);
    let surrogate = match algorithm.surrogate {
        Surrogate::Clip => {
            let clipped = ratio.clone().clamp(low, high);
            (ratio * advantages.clone()).min_pair(clipped * advantages)
        }
        Surrogate::Ratio => ratio * advantages,
        Surrogate::LogProb => logprobs.clone() * advantages,
        Surrogate::ClippedWeight => ratio.clamp(low, high).detach() * advantages * logprobs.clone(),
    };
    let mut token_loss = surrogate.neg();
    if !batch.anchors.is_empty() {
        let anchor = drift.clone().exp() - drift - 1.0;
        token_loss = token_loss + anchor * vector(&batch.anchors);
    }
    let likelihood = (!batch.likelihoods.is_empty())
        .then(|| (logprobs.clone() * vector(&batch.likelihoods)).sum());
    if algorithm.kl_in_loss() > 0.0 {
        let kl = kl_estimate(logprobs, vector(&batch.base_logprobs), algorithm.kl_estimator);
        token_loss = token_loss + kl.mul_scalar(algorithm.kl_in_loss());
    }
    if let Some(entropies) = scores.entropies {
        let entropies = match own {
            Some(own) => entropies * own,
            None => entropies,
        };
        token_loss = token_loss - entropies.mul_scalar(entropy_coef);
    }
    if let Some(witnesses) = &batch.witnesses {
        let drift = every.clone().detach() - vector(&witnesses.base_logprobs);
        let weight = drift.exp().clamp_max(witnesses.max_weight);
        token_loss = token_loss - weight * vector(&witnesses.advantages) * every;
    }
    let loss = (token_loss * vector(&batch.weights)).sum();
    match likelihood {
        Some(likelihood) => loss - likelihood,
        None => loss,
    }
}

/// The mean of `values` over each completion, at each of its tokens, `[n]`.
fn row_means(values: Tensor<1>, batch: &MicroBatch, device: &Device) -> Tensor<1> {
    let count = batch.targets.len();
    let rows: Vec<_> = batch.rows().collect();
    // [rows, n]: the reciprocal of its length where the token is the row's.
    let mut shares = vec![0.0f32; rows.len() * count];
    let mut row_of = Vec::with_capacity(count);
    for (row, range) in rows.iter().enumerate() {
        shares[row * count..][range.clone()].fill((range.len() as f32).recip());
        row_of.extend(std::iter::repeat_n(row as i64, range.len()));
    }
    let shares = Tensor::<2>::from_data(TensorData::new(shares, [rows.len(), count]), device);
    let means = shares.matmul(values.reshape([count, 1])); // [rows, 1]
    let row_of = Tensor::<1, Int>::from_data(TensorData::new(row_of, [count]), device);
    means.select(0, row_of).reshape([count])
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

pub(crate) fn column(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}
