//! The model that process rewards are read from: what it learns, and what it pays (PRIME, arXiv
//! 2502.01456). The arithmetic is in `bourn_algo::implicit`.

use bourn_model::transformer::{Trace, Transformer, read_values};
use bourn_model::{ModelConfig, Weights};
use bourn_recipe::{ImplicitReward as Settings, RlStage};
use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Device, Tensor, TensorData};

use crate::error::TrainError;
use crate::experience::{Experience, ImplicitPay};
use crate::learner::{Descent, Loss, NonFinite, Objective, UpdateError};
use crate::learners::{Companion, Learners};
use crate::loss::{MicroBatch, column, value_of};
use crate::settings::{Batching, Cut, Scoring};
use crate::update::{groups_in, pack_rows, plan, problems_of, score_all};
use crate::world::World;

/// Its name among the learners.
pub(crate) const IMPLICIT: &str = "implicit_reward";

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

/// What the model is held against: the frozen base; the KL penalty's reference may be another one after
/// a reset.
pub(crate) struct Implicit {
    reference: Transformer,
}

impl Implicit {
    /// Adds the model of a run that has not begun, which is the base, to the learners.
    ///
    /// # Errors
    /// The base's weights do not make a model.
    pub(crate) fn add(
        learners: &mut Learners,
        settings: &Settings,
        rl: &RlStage<'_>,
        config: &ModelConfig,
        base: &Weights,
        device: &Device,
    ) -> Result<Implicit, TrainError> {
        let reference = Transformer::from_weights(config, base, &device.clone().inner())?;
        let model = Transformer::from_weights(config, base, device)?
            .with_gradient_checkpointing(rl.train.gradient_checkpointing);
        let total = rl.train.max_steps.saturating_mul(rl.train.minibatches as u64);
        let descent = Descent::new(&settings.optimizer(rl.optimizer), total);
        learners.add(IMPLICIT, Companion::own(model, descent));
        Ok(Implicit { reference })
    }

    /// Has the model learn from the verdicts of the groups that are kept, one pass in the policy's
    /// minibatches; then fills in what each token of every completion is paid, as the paper's double
    /// forward does.
    ///
    /// # Errors
    /// A loss or gradient that is not finite; the update it belongs to is not applied.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn learn_and_pay(
        &self,
        learners: &mut Learners,
        experience: &mut Experience,
        settings: &Settings,
        scoring: Scoring,
        batching: &Batching,
        step: u64,
        world: &dyn World,
    ) -> Result<(), UpdateError> {
        let reference = score_all(&self.reference, experience, scoring)?;
        let plan = plan(experience, &batching.once(), step, world)?;
        let mut objective = VerdictObjective::new(experience, &reference, settings, scoring);
        let fit = learners.fit(IMPLICIT, &plan, &mut objective, world)?;
        let mut report = ImplicitReport {
            loss: fit.mean(objective.loss),
            accuracy: objective.right as f64 / objective.completions.max(1) as f64,
            grad_norm: fit.mean(fit.grad_norm),
            lr: fit.lr.unwrap_or(0.0),
            ..ImplicitReport::default()
        };
        let model = learners.model(IMPLICIT).ok_or(TrainError::Unknown { what: "rewards" })?;
        let own = score_all(model, experience, scoring)?;
        let mut sum = 0.0;
        let mut all = Vec::with_capacity(own.len());
        for (own, of) in own.iter().zip(&reference) {
            let rewards = bourn_algo::implicit_rewards(own, of, settings.beta)?;
            sum += rewards.iter().sum::<f64>();
            all.push(rewards.into_iter().map(|reward| reward as f32).collect());
        }
        report.reward = sum / experience.samples.len().max(1) as f64;
        experience.implicit = Some(ImplicitPay { rewards: all, report });
        Ok(())
    }
}

/// What the model is fitted to: the verdicts, which it tells by how much likelier a completion is to it
/// than to its reference.
pub(crate) struct VerdictObjective<'e> {
    experience: &'e Experience,
    /// Log-probs under the reference, `[samples][own]`.
    reference: &'e [Vec<f32>],
    settings: &'e Settings,
    scoring: Scoring,
    /// Over the micro batches of all updates, in their order.
    loss: f64,
    right: u64,
    completions: u64,
}

impl<'e> VerdictObjective<'e> {
    /// The objective of a step.
    pub(crate) fn new(
        experience: &'e Experience,
        reference: &'e [Vec<f32>],
        settings: &'e Settings,
        scoring: Scoring,
    ) -> VerdictObjective<'e> {
        VerdictObjective {
            experience,
            reference,
            settings,
            scoring,
            loss: 0.0,
            right: 0,
            completions: 0,
        }
    }
}

impl Objective for VerdictObjective<'_> {
    type Batch = MicroBatch;

    const NORM: &'static str = "the implicit reward model's gradient norm";

    fn batches(
        &mut self,
        groups: &[usize],
        world: &dyn World,
    ) -> Result<Vec<MicroBatch>, UpdateError> {
        Ok(batches(self.experience, groups, self.reference, self.scoring.cut, world)?)
    }

    fn loss(&mut self, model: &Transformer, batch: &MicroBatch) -> Result<Loss, UpdateError> {
        let temperature = self.scoring.temperature;
        let part = verdict_loss(model, batch, self.experience, self.settings, temperature)?;
        self.loss += part.value;
        self.right += part.right;
        self.completions += part.completions;
        Ok(Loss { scalar: part.loss, trace: part.trace, value: part.value })
    }

    fn problems(&self, groups: &[usize]) -> String {
        problems_of(self.experience, groups)
    }
}

/// Micro batches of all trajectories of `groups` that were drawn, each of which weighs one over their
/// number.
fn batches(
    experience: &Experience,
    groups: &[usize],
    reference: &[Vec<f32>],
    cut: Cut,
    world: &dyn World,
) -> Result<Vec<MicroBatch>, TrainError> {
    let members = groups.iter().flat_map(|&group| experience.members(group));
    let rows: Vec<usize> = members.filter(|&i| experience.samples[i].is_credited()).collect();
    let mut count = [rows.len() as f64];
    world.sum(&mut count)?;
    let weight = 1.0 / count[0].max(1.0) as f32;
    let mut batches = pack_rows(experience, &rows, cut)?;
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
    temperature: f64,
) -> Result<VerdictLoss, UpdateError> {
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
    let read = read_values(&rewards.clone().inner())?;
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
#[path = "../tests/unit/implicit.rs"]
mod tests;
