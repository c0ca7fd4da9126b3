//! The model that process rewards are read from: what it learns, what it pays, and what a checkpoint
//! keeps of it (PRIME, arXiv 2502.01456). The arithmetic is in `bourn_algo::implicit`.

use std::path::Path;

use bourn_model::transformer::{Trace, Transformer, read_values};
use bourn_model::{ModelConfig, Weights, read_tensors, write_tensors};
use bourn_recipe::{ImplicitReward as Settings, Recipe};
use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Device, Tensor, TensorData};

use crate::error::TrainError;
use crate::experience::{Experience, ImplicitPay};
use crate::loss::{MicroBatch, column, value_of};
use crate::optimizer::{AdamWOptimizer, NamedGradients};
use crate::update::{
    Descent, NonFinite, UpdateError, groups_in, minibatches, pack_rows, problems_of, score_all,
};

const WEIGHTS: &str = "implicit_reward.safetensors";
const OPTIMIZER: &str = "implicit_reward_optimizer.safetensors";

/// What one step did to the model and what the model pays.
#[derive(Clone, Debug, Default)]
pub struct ImplicitReport {
    /// Mean cross-entropy of a completion's verdict, before each update, in nats.
    pub loss: f64,
    /// Share of completions whose verdict the sign of their reward had right, before each update.
    pub accuracy: f64,
    /// Mean gradient norm before clipping, over updates.
    pub grad_norm: f64,
    /// Learning rate of the last update.
    pub lr: f64,
    /// Mean reward of a whole completion, after the updates.
    pub reward: f64,
}

/// The model, its optimiser and what it is held against.
#[derive(Clone)]
pub struct Implicit {
    model: Transformer,
    optimizer: AdamWOptimizer,
    /// The frozen base; the KL penalty's reference may be another one after a reset.
    reference: Transformer,
}

impl Implicit {
    /// The model of a run that has not begun: the base.
    ///
    /// # Errors
    /// The base's weights do not make a model.
    pub fn new(
        recipe: &Recipe,
        config: &ModelConfig,
        base: &Weights,
        device: &Device,
    ) -> Result<Option<Implicit>, TrainError> {
        let Some(settings) = &recipe.implicit_reward else { return Ok(None) };
        let reference = Transformer::from_weights(config, base, &device.clone().inner())?;
        let model = Transformer::from_weights(config, base, device)?
            .with_gradient_checkpointing(recipe.train.gradient_checkpointing);
        let optimizer = AdamWOptimizer::new(&settings.optimizer(&recipe.optimizer));
        Ok(Some(Implicit { model, optimizer, reference }))
    }

    /// Learns from the verdicts of the groups that are kept, one pass in the policy's minibatches;
    /// then fills in what each token of every completion is paid, as the paper's double forward does.
    ///
    /// # Errors
    /// A loss or gradient that is not finite; the update it belongs to is not applied.
    pub fn learn_and_pay(
        &mut self,
        experience: &mut Experience,
        recipe: &Recipe,
        step: u64,
    ) -> Result<(), UpdateError> {
        let Some(settings) = &recipe.implicit_reward else { return Ok(()) };
        let reference = score_all(&self.reference, experience, recipe)?;
        let mut report = self.learn(experience, &reference, settings, recipe, step)?;
        let own = score_all(&self.model, experience, recipe)?;
        let mut sum = 0.0;
        let mut all = Vec::with_capacity(own.len());
        for (own, of) in own.iter().zip(&reference) {
            let rewards =
                bourn_algo::implicit_rewards(own, of, settings.beta).map_err(TrainError::from)?;
            sum += rewards.iter().sum::<f64>();
            all.push(rewards.into_iter().map(|reward| reward as f32).collect());
        }
        report.reward = sum / experience.samples.len().max(1) as f64;
        experience.implicit = Some(ImplicitPay { rewards: all, report });
        Ok(())
    }

    fn learn(
        &mut self,
        experience: &Experience,
        reference: &[Vec<f32>],
        settings: &Settings,
        recipe: &Recipe,
        step: u64,
    ) -> Result<ImplicitReport, UpdateError> {
        let adamw = settings.optimizer(&recipe.optimizer);
        let total = recipe.train.max_steps.saturating_mul(recipe.train.minibatches as u64);
        let mut report = ImplicitReport::default();
        let (mut updates, mut right, mut completions) = (0.0, 0u64, 0u64);
        for groups in minibatches(experience, recipe, step, 0) {
            let mut gradients = NamedGradients::zeros(&self.model);
            for batch in batches(experience, &groups, reference, recipe)? {
                let part = verdict_loss(&self.model, &batch, experience, settings, recipe)?;
                report.loss += part.value;
                right += part.right;
                completions += part.completions;
                gradients.add(&self.model, part.trace, part.loss);
            }
            let what = "the implicit reward model's gradient norm";
            let taken = Descent { settings: &adamw, total, what }.step(
                &mut self.model,
                &mut self.optimizer,
                gradients,
                experience,
                &groups,
            )?;
            report.lr = taken.lr;
            report.grad_norm += taken.grad_norm;
            updates += 1.0;
        }
        report.loss /= f64::max(updates, 1.0);
        report.grad_norm /= f64::max(updates, 1.0);
        report.accuracy = right as f64 / completions.max(1) as f64;
        Ok(report)
    }

    /// Updates that the model has taken.
    pub fn updates(&self) -> u64 {
        self.optimizer.updates()
    }

    /// Writes what [`Implicit::restore`] reads into a checkpoint's directory.
    pub fn save(&self, dir: &Path) -> Result<(), TrainError> {
        write_tensors(&dir.join(WEIGHTS), &self.model.to_weights()?)?;
        Ok(write_tensors(&dir.join(OPTIMIZER), &self.optimizer.to_weights()?)?)
    }

    /// Restores the model of a checkpoint after `updates` updates.
    ///
    /// # Errors
    /// Names the tensor that is missing or misshapen.
    pub fn restore(&mut self, dir: &Path, recipe: &Recipe, updates: u64) -> Result<(), TrainError> {
        let weights = read_tensors(&dir.join(WEIGHTS))?;
        let (config, device) = (self.model.config(), self.model.device());
        self.model = Transformer::from_weights(config, &weights, device)?
            .with_gradient_checkpointing(recipe.train.gradient_checkpointing);
        let moments = read_tensors(&dir.join(OPTIMIZER))?;
        self.optimizer.restore(&self.model, &moments, updates, 0)
    }
}

/// Micro batches of all trajectories of `groups` that were drawn, each of which weighs one over their
/// number.
fn batches(
    experience: &Experience,
    groups: &[usize],
    reference: &[Vec<f32>],
    recipe: &Recipe,
) -> Result<Vec<MicroBatch>, TrainError> {
    let members = groups.iter().flat_map(|&group| experience.members(group));
    let rows: Vec<usize> = members.filter(|&i| experience.samples[i].is_credited()).collect();
    let weight = 1.0 / rows.len().max(1) as f32;
    let mut batches = pack_rows(experience, &rows, recipe.train.micro_batch_size)?;
    for batch in &mut batches {
        batch.weights.fill(weight);
        let rows: Vec<usize> = batch.ranges().map(|range| batch.rows[range.start]).collect();
        let reference = rows.iter().flat_map(|&index| &reference[index]);
        batch.reference_logprobs = reference.copied().collect();
    }
    Ok(batches)
}

/// The loss of one micro batch.
struct VerdictLoss {
    /// The scalar to differentiate: the weighted sum of −log σ(± β Σ_t log π_φ/π_ref).
    loss: Tensor<1>,
    /// The way back to the parameters.
    trace: Trace,
    /// Its value.
    value: f64,
    /// Completions whose reward has the sign of their verdict; a reward of 0 says wrong.
    right: u64,
    completions: u64,
}

/// See [`bourn_algo::implicit_loss`], its plain twin.
///
/// # Errors
/// A loss that is not finite.
fn verdict_loss(
    model: &Transformer,
    batch: &MicroBatch,
    experience: &Experience,
    settings: &Settings,
    recipe: &Recipe,
) -> Result<VerdictLoss, UpdateError> {
    let temperature = recipe.rollout.temperature;
    let positions = batch.positions.clone();
    let (scores, trace) = model.score(&batch.packed, positions, &batch.targets, temperature, false);
    let device = scores.logprobs.device();
    let rows: Vec<_> = batch.ranges().collect();
    let count = batch.targets.len();
    let ratio = scores.logprobs - column(&batch.reference_logprobs, &device); // [n]
    // [rows, n]: β where the token is the row's.
    let mut members = vec![0.0f32; rows.len() * count];
    let (mut signs, mut weights) = (Vec::new(), Vec::new());
    for (index, row) in rows.iter().enumerate() {
        members[index * count..][row.clone()].fill(settings.beta as f32);
        let correct = experience.samples[batch.rows[row.start]].correct();
        signs.push(if correct { 1.0 } else { -1.0 });
        weights.push(batch.weights[row.start]);
    }
    let members = Tensor::<2>::from_data(TensorData::new(members, [rows.len(), count]), &device);
    let rewards = members.matmul(ratio.reshape([count, 1])).reshape([rows.len()]); // [rows]
    let read = read_values(&rewards.clone().inner()).map_err(TrainError::from)?;
    let right = read.iter().zip(&signs).filter(|&(&reward, &sign)| (reward > 0.0) == (sign > 0.0));
    let right = right.count() as u64;
    let loss = (log_sigmoid(rewards * column(&signs, &device)) * column(&weights, &device)).sum();
    let loss = loss.neg();
    let value = value_of(&loss)?;
    if !value.is_finite() {
        return Err(UpdateError::NonFinite(NonFinite {
            what: "the implicit reward model's loss",
            value,
            problem: problems_of(experience, &groups_in(batch, experience)),
        }));
    }
    Ok(VerdictLoss { loss, trace, value, right, completions: rows.len() as u64 })
}

#[cfg(test)]
#[path = "implicit_tests.rs"]
mod tests;
