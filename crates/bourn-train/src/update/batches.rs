//! Which completions an update reads, in which minibatch and micro batch, and what each weighs.

use bourn_algo::token_weights;
use bourn_recipe::{LossType, Recipe};
use bourn_seed::rng;
use rand::seq::SliceRandom;

use crate::error::TrainError;
use crate::experience::{Experience, Sample};
use crate::loss::{MicroBatch, Witnesses};

/// The groups of each minibatch: an even split of a permutation of those that are trained on, keyed
/// by seed, step and pass.
pub(crate) fn minibatches(
    experience: &Experience,
    recipe: &Recipe,
    step: u64,
    iteration: usize,
) -> Vec<Vec<usize>> {
    let mut groups = experience.kept_groups();
    let count = recipe.train.minibatches;
    if count > 1 {
        groups.shuffle(&mut rng(recipe.seed, "minibatch", &[step, iteration as u64]));
    }
    groups.chunks(groups.len().div_ceil(count).max(1)).map(<[usize]>::to_vec).collect()
}

/// Packs the completions of `groups` that can matter to the gradient.
pub(super) fn micro_batches(
    experience: &Experience,
    groups: &[usize],
    base_logprobs: Option<&[Vec<f32>]>,
    recipe: &Recipe,
) -> Result<Vec<MicroBatch>, TrainError> {
    let algorithm = &recipe.algorithm;
    let mut rows = weighted_rows(experience, groups, recipe)?;
    // Without KL and entropy terms in the loss a completion whose advantages are all zero has a gradient of
    // exactly zero: it has counted in the weights, and takes no forward.
    if algorithm.kl_in_loss() == 0.0 && experience.entropy_coef == 0.0 {
        let speaks = |row: &Row| {
            let sample = &experience.samples[row.index];
            let weights = sample.advantages.iter().chain(&sample.anchors);
            row.likelihood != 0.0 || weights.copied().any(|weight| weight != 0.0)
        };
        rows.retain(speaks);
    }
    let mut batches = pack(experience, &rows, base_logprobs, recipe.train.micro_batch_size);
    if let Some(replay) = &recipe.replay {
        batches.iter_mut().for_each(|batch| batch.set_apart(experience, replay.max_weight));
    }
    Ok(batches)
}

/// A completion in the loss.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Index into the experience.
    pub index: usize,
    /// Weight of each of its tokens in the sum over the whole minibatch.
    pub weight: f64,
    /// Weight of each of its tokens' log-likelihood.
    pub likelihood: f64,
}

/// The completions of `groups` that are in the loss, weighted whatever `micro_batch_size` is.
pub(super) fn weighted_rows(
    experience: &Experience,
    groups: &[usize],
    recipe: &Recipe,
) -> Result<Vec<Row>, TrainError> {
    let members: Vec<usize> = groups.iter().flat_map(|&group| experience.members(group)).collect();
    let sample = |index: usize| &experience.samples[index];
    let lengths: Vec<usize> =
        members.iter().map(|&index| sample(index).completion.tokens.len()).collect();
    let masks = recipe.algorithm.mask_truncated_completions;
    let kept: Vec<bool> =
        members.iter().map(|&index| !(masks && sample(index).truncated())).collect();
    let kind = match recipe.algorithm.loss_type {
        LossType::Grpo => bourn_algo::LossType::Grpo,
        LossType::DrGrpo => bourn_algo::LossType::DrGrpo,
        LossType::Dapo => bourn_algo::LossType::Dapo,
        LossType::Sequence => bourn_algo::LossType::Sequence,
    };
    let weights = token_weights(&lengths, &kept, kind, recipe.rollout.max_completion_length)?;
    let likelihoods = likelihoods(experience, &members, &kept, recipe.algorithm.positive_nll);
    let rows = members.into_iter().zip(weights).zip(likelihoods).zip(kept);
    let rows = rows.filter(|&(_, kept)| kept);
    Ok(rows.map(|(((index, weight), likelihood), _)| Row { index, weight, likelihood }).collect())
}

/// `coef` over the tokens of all correct completions, for each of these, and 0 for the others.
fn likelihoods(experience: &Experience, members: &[usize], kept: &[bool], coef: f64) -> Vec<f64> {
    let counts = |index: usize, kept: bool| {
        let sample = &experience.samples[index];
        kept && sample.correct() && !sample.witness
    };
    let correct = || members.iter().zip(kept).map(|(&index, &kept)| counts(index, kept));
    let length = |&index: &usize| experience.samples[index].completion.tokens.len();
    let tokens: usize =
        members.iter().zip(correct()).filter(|&(_, correct)| correct).map(|(i, _)| length(i)).sum();
    let weight = coef / tokens.max(1) as f64;
    correct().map(|correct| if correct { weight } else { 0.0 }).collect()
}

/// Packs rows into micro batches of at most `size` completions.
pub(super) fn pack(
    experience: &Experience,
    rows: &[Row],
    base_logprobs: Option<&[Vec<f32>]>,
    size: usize,
) -> Vec<MicroBatch> {
    let likelihood = rows.iter().any(|row| row.likelihood != 0.0);
    let anchors = rows.iter().any(|row| !experience.samples[row.index].anchors.is_empty());
    let pack = |rows: &[Row]| {
        let mut batch = MicroBatch::default();
        for &Row { index, weight, likelihood: own } in rows {
            let sample = &experience.samples[index];
            let count = sample.completion.tokens.len();
            batch.push_row(&experience.prompts[sample.group], sample, index, weight as f32);
            if let Some(base) = base_logprobs {
                batch.base_logprobs.extend(&base[index]);
            }
            if likelihood {
                batch.likelihoods.extend(std::iter::repeat_n(own as f32, count));
            }
            if anchors {
                // A witness has none, and stands for a zero at each token.
                batch.anchors.extend(&sample.anchors);
                batch.anchors.resize(batch.targets.len(), 0.0);
            }
        }
        batch
    };
    rows.chunks(size.max(1)).map(pack).collect()
}

/// These completions of the experience, packed to be scored; they weigh nothing.
pub(crate) fn pack_rows(
    experience: &Experience,
    indices: &[usize],
    size: usize,
) -> Vec<MicroBatch> {
    let row = |&index: &usize| Row { index, weight: 0.0, likelihood: 0.0 };
    pack(experience, &indices.iter().map(row).collect::<Vec<_>>(), None, size)
}

impl MicroBatch {
    /// Appends prompt and completion of `sample`, number `index` of the experience.
    fn push_row(&mut self, prompt: &[u32], sample: &Sample, index: usize, weight: f32) {
        let completion = &sample.completion;
        let count = completion.tokens.len();
        let positions = self.packed.push_completion(prompt, &completion.tokens);
        self.positions.extend(positions.map(|position| position as i64));
        self.targets.extend(&completion.tokens);
        self.sampler_logprobs.extend(&completion.logprobs);
        self.advantages.extend(&sample.advantages);
        self.weights.extend(std::iter::repeat_n(weight, count));
        self.completions.extend(std::iter::repeat_n(index, count));
    }

    /// Moves what the loss reads of witnesses out of the lists of the policy's own draws.
    fn set_apart(&mut self, experience: &Experience, max_weight: f64) {
        let witness = |&index: &usize| experience.samples[index].witness;
        if !self.completions.iter().any(witness) {
            return;
        }
        let count = self.targets.len();
        let mut apart = Witnesses {
            own: vec![1.0; count],
            base_logprobs: vec![0.0; count],
            advantages: vec![0.0; count],
            max_weight,
        };
        for token in (0..count).filter(|&token| witness(&self.completions[token])) {
            apart.own[token] = 0.0;
            apart.base_logprobs[token] = std::mem::take(&mut self.sampler_logprobs[token]);
            apart.advantages[token] = std::mem::take(&mut self.advantages[token]);
            // The KL penalty's reference may be another model than the base that drew.
            self.base_logprobs.iter_mut().skip(token).take(1).for_each(|logprob| *logprob = 0.0);
        }
        self.witnesses = Some(apart);
    }
}
