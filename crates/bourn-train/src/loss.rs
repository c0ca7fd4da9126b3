//! The policy-gradient loss of one micro batch, in Burn.
//!
//! The same arithmetic stands in plain numbers in `bourn_algo::loss`, where the tests work it by
//! hand; the test below holds the two together.

use bourn_episode::Source;
use bourn_model::transformer::{Packed, TokenScores, read_values};
use bourn_recipe::{Algorithm, KlEstimator, RatioLevel, Surrogate};
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::error::TrainError;

/// A micro batch: trajectories packed one after the other, and one entry per own token, `[n]`. A part
/// of the loss that no token weighs anything in is not computed.
#[derive(Clone, Debug, Default)]
pub(crate) struct MicroBatch {
    /// Every row, with all of its tokens.
    pub packed: Packed,
    /// Packed index of the token before each own token.
    pub positions: Vec<i64>,
    /// The own tokens.
    pub targets: Vec<u32>,
    /// Who wrote each.
    pub sources: Vec<Source>,
    /// Log-probs under what drew them; 0 where nobody knows.
    pub drawn_logprobs: Vec<f32>,
    /// Log-probs under the KL penalty's reference; empty where that penalty is off.
    pub reference_logprobs: Vec<f32>,
    /// Weight of each token in the sum over the whole minibatch.
    pub weights: Vec<f32>,
    /// Advantage of each token.
    pub rl: Vec<f32>,
    /// Weight of each token's log-likelihood, whole.
    pub ce: Vec<f32>,
    /// Weight of the KL to the reference at each token.
    pub kl: Vec<f32>,
    /// Weight of the anchor to what drew each token.
    pub anchor: Vec<f32>,
    /// Index into the experience of the trajectory that each token belongs to.
    pub rows: Vec<usize>,
}

impl MicroBatch {
    /// The ranges of tokens that belong to one trajectory each, in order.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let mut start = 0;
        self.rows.chunk_by(|a, b| a == b).map(move |row| {
            let range = start..start + row.len();
            start = range.end;
            range
        })
    }

    /// Whether any token is of this source.
    fn has(&self, source: Source) -> bool {
        self.sources.contains(&source)
    }

    /// `values` at the tokens of one source, 0 at the others.
    fn of(&self, source: Source, values: &[f32]) -> Vec<f32> {
        let pairs = values.iter().zip(&self.sources);
        pairs.map(|(&value, &of)| if of == source { value } else { 0.0 }).collect()
    }
}

/// What the loss of a step is made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LossTerms<'a> {
    /// Surrogate, ratio, clip and KL estimator.
    pub algorithm: &'a Algorithm,
    /// Weight of the entropy bonus.
    pub entropy_coef: f64,
    /// Most that the importance weight of a witness may be.
    pub witness_weight: f64,
}

/// The scalar to differentiate, a `[1]` tensor: the sum over tokens of weight × (kl × KL +
/// anchor × A − surrogate(rl) − entropy bonus) − ce × log π.
///
/// - Surrogate ([`bourn_recipe::Surrogate`]), of r = π / π_sampler: by default min(r A,
///   clip(r, 1−ε, 1+ε_high) A) (Schulman et al. 2017, eq. 7, with separate clip bounds).
/// - Instead of it, at a token that the frozen base drew: sg(min(π / π_base, `witness_weight`)) A log π,
///   without a gradient through the weight.
/// - Anchor: r − 1 − log r, an estimate of KL(sampler ‖ π) that is not negative.
/// - KL: the chosen estimator of KL(π ‖ reference) (see [`bourn_recipe::KlEstimator`]).
/// - Entropy bonus: `entropy_coef` × H(π(· | prefix)), at tokens that the policy drew.
pub(crate) fn policy_loss(
    scores: TokenScores,
    batch: &MicroBatch,
    terms: &LossTerms<'_>,
) -> Tensor<1> {
    let algorithm = terms.algorithm;
    let device = scores.logprobs.device();
    let vector = |values: &[f32]| column(values, &device);
    let any = |weights: &[f32]| weights.iter().any(|&weight| weight != 0.0);
    // What the ratio to the sampler is about are the policy's own draws. Where others stand beside
    // them they are 0 here, as in the lists: no term of the policy's draws is at their tokens.
    let mixed = batch.sources.iter().any(|&source| source != Source::Policy);
    let policys = |values: &[f32]| match mixed {
        true => vector(&batch.of(Source::Policy, values)),
        false => vector(values),
    };
    let every = scores.logprobs;
    let own = mixed.then(|| policys(&vec![1.0; batch.sources.len()]));
    let only = |values: Tensor<1>| match &own {
        Some(own) => values * own.clone(),
        None => values,
    };
    let logprobs = only(every.clone());
    let advantages = policys(&batch.rl);

    let drift = logprobs.clone() - policys(&batch.drawn_logprobs); // log of each token's ratio
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
    if any(&batch.anchor) {
        let anchor = drift.clone().exp() - drift - 1.0;
        token_loss = token_loss + anchor * vector(&batch.anchor);
    }
    let likelihood = any(&batch.ce).then(|| (every.clone() * vector(&batch.ce)).sum());
    if any(&batch.kl) {
        let reference = policys(&batch.reference_logprobs);
        let kl = kl_estimate(logprobs, reference, algorithm.kl_estimator);
        token_loss = token_loss + kl * vector(&batch.kl);
    }
    if let Some(entropies) = scores.entropies {
        token_loss = token_loss - only(entropies).mul_scalar(terms.entropy_coef);
    }
    if batch.has(Source::Witness) {
        let witnesses = |values: &[f32]| vector(&batch.of(Source::Witness, values));
        let drift = every.clone().detach() - witnesses(&batch.drawn_logprobs);
        let weight = drift.exp().clamp_max(terms.witness_weight);
        token_loss = token_loss - weight * witnesses(&batch.rl) * every;
    }
    let loss = (token_loss * vector(&batch.weights)).sum();
    match likelihood {
        Some(likelihood) => loss - likelihood,
        None => loss,
    }
}

/// The mean of `values` over each trajectory, at each of its tokens, `[n]`.
fn row_means(values: Tensor<1>, batch: &MicroBatch, device: &Device) -> Tensor<1> {
    let count = batch.targets.len();
    let rows: Vec<_> = batch.ranges().collect();
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

/// The value of a loss.
///
/// # Errors
/// The device does not give it back.
pub(crate) fn value_of(loss: &Tensor<1>) -> Result<f64, TrainError> {
    // The sum of the one value that there is.
    Ok(read_values(&loss.clone().inner())?.into_iter().map(f64::from).sum())
}
