//! From experience to new weights: minibatches, micro batches, gradients, one optimiser update
//! per minibatch.

mod batches;
mod tally;

use bourn_algo::{clip_scale, learning_rate};
use bourn_model::transformer::{Transformer, read_values};
use bourn_recipe::{Critic, Optimizer, Recipe, Trunk};

use self::batches::micro_batches;
pub(crate) use self::batches::{minibatches, pack_rows};
use self::tally::Tally;
use crate::critic::{self, CriticReport, ValueTally, value_batches, value_loss};
use crate::error::TrainError;
use crate::experience::Experience;
use crate::loss::{MicroBatch, Objective, policy_loss, value_of};
use crate::optimizer::{AdamWOptimizer, NamedGradients};

/// What one step's updates did. Shares and means over tokens are over those that took a forward
/// and backward: not those of truncated completions that are masked, nor, without KL penalty and
/// entropy bonus, those of groups whose advantages are all zero.
#[derive(Clone, Debug, Default)]
pub struct UpdateReport {
    /// Sum over micro batches of the whole loss, averaged over updates.
    pub loss: f64,
    /// Its policy-gradient part alone, averaged over updates.
    pub pg_loss: f64,
    /// Mean gradient norm before clipping, over updates.
    pub grad_norm: f64,
    /// Learning rate of the last update.
    pub lr: f64,
    /// Share of tokens whose ratio was clipped from below, with a negative advantage.
    pub clip_low: f64,
    /// Share of tokens whose ratio was clipped from above, with a positive advantage.
    pub clip_high: f64,
    /// Mean of log π_sampler − log π over all updates (k1 estimate of KL(sampler ‖ policy)).
    pub ppo_kl: f64,
    /// The same by k3 on the first minibatch, before any update: what sampler and trainer
    /// disagree by.
    pub mismatch_kl: f64,
    /// Largest |ratio − 1| on the first minibatch.
    pub mismatch_ratio: f64,
    /// Mean KL(policy ‖ base) by the recipe's estimator; `None` where the penalty is off.
    pub kl: Option<f64>,
    /// Tokens that took a forward and backward, over all updates.
    pub trained_tokens: u64,
    /// What the base's witnesses weighed, where there were any; no other figure here is of them, but
    /// `loss`, `grad_norm` and `trained_tokens`.
    pub replay: Option<ReplayReport>,
    /// The value model's own report, where there is one.
    pub critic: Option<CriticReport>,
}

/// Importance weights of the tokens of witnesses, over all updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplayReport {
    /// Their mean, after truncation.
    pub weight: f64,
    /// Share of them that was truncated.
    pub clipped: f64,
}

/// What stops being a number, and where; the caller knows the step and the checkpoint.
pub struct NonFinite {
    /// The loss or the gradient norm.
    pub what: &'static str,
    /// Its value.
    pub value: f64,
    /// Id of the problem whose group it was found in.
    pub problem: String,
}

/// Either the trainer's own error or a number that is none.
pub enum UpdateError {
    /// An ordinary error.
    Train(TrainError),
    /// A loss or gradient that is not finite.
    NonFinite(NonFinite),
}

impl From<TrainError> for UpdateError {
    fn from(error: TrainError) -> Self {
        UpdateError::Train(error)
    }
}

/// Trains `policy` on one step's experience: `num_iterations` passes of `minibatches` updates.
/// `base` is asked for log-probs only where the KL penalty is on.
///
/// # Errors
/// A loss or gradient that is not finite; the update it belongs to is not applied.
pub fn update(
    policy: &mut Transformer,
    optimizer: &mut AdamWOptimizer,
    base: Option<&Transformer>,
    experience: &Experience,
    recipe: &Recipe,
    step: u64,
) -> Result<UpdateReport, UpdateError> {
    let mut report = UpdateReport::default();
    let mut tally = Tally::default();
    let taken_before = optimizer.updates();
    let reference = base.map(|base| under_reference(base, experience, recipe)).transpose()?;
    let objective = objective(experience, recipe);
    let shared = recipe.critic.as_ref().filter(|critic| critic.trunk == Trunk::Shared);
    let mut values = ValueTally::default();

    for iteration in 0..recipe.train.num_iterations {
        for (index, groups) in minibatches(experience, recipe, step, iteration).iter().enumerate() {
            let first = iteration == 0 && index == 0;
            let batches = micro_batches(experience, groups, reference.as_deref(), recipe)?;
            let mut on_logprobs = |batch: &MicroBatch, logp: &[f32]| {
                tally.add(batch, logp, &objective, first);
            };
            let (loss, gradients) = gradients_of(
                policy,
                &batches,
                experience,
                groups,
                recipe,
                &mut values,
                &mut on_logprobs,
            )?;
            report.loss += loss;
            let total = recipe.total_updates();
            let taken = Descent { settings: &recipe.optimizer, total, what: "the gradient norm" }
                .step(policy, optimizer, gradients, experience, groups)?;
            report.lr = taken.lr;
            report.grad_norm += taken.grad_norm;
        }
    }
    // Not the recipe's count: a step of few problems has fewer minibatches.
    let updates = (optimizer.updates() - taken_before).max(1) as f64;
    report.loss /= updates;
    report.grad_norm /= updates;
    report.critic = shared.map(|_| {
        let mut report = critic::before(experience);
        values.finish(&mut report, updates);
        report
    });
    tally.finish(&mut report, updates, recipe.algorithm.kl_coef > 0.0);
    Ok(report)
}

/// The gradient of one minibatch's loss, without an update: what the tests take apart.
pub fn minibatch_gradient(
    policy: &Transformer,
    base: Option<&Transformer>,
    experience: &Experience,
    recipe: &Recipe,
) -> Result<(f64, NamedGradients), UpdateError> {
    let reference = base.map(|base| under_reference(base, experience, recipe)).transpose()?;
    let groups: Vec<usize> = (0..experience.problems.len()).collect();
    let batches = micro_batches(experience, &groups, reference.as_deref(), recipe)?;
    let mut values = ValueTally::default();
    gradients_of(policy, &batches, experience, &groups, recipe, &mut values, &mut |_, _| ())
}

/// The policy's loss over the micro batches of one minibatch, and the gradient of that and of the
/// value loss of a head on the policy.
fn gradients_of(
    policy: &Transformer,
    batches: &[MicroBatch],
    experience: &Experience,
    groups: &[usize],
    recipe: &Recipe,
    values: &mut ValueTally,
    on_logprobs: &mut dyn FnMut(&MicroBatch, &[f32]),
) -> Result<(f64, NamedGradients), UpdateError> {
    let mut gradients = NamedGradients::zeros(policy);
    let mut loss = 0.0;
    let shared = recipe.critic.as_ref().filter(|critic| critic.trunk == Trunk::Shared);
    let valued = shared.map(|_| value_batches(experience, groups, recipe)).transpose()?;
    let mut valued = valued.unwrap_or_default().into_iter().peekable();
    for batch in batches {
        // One forward for policy and value, where both ask about the same completions.
        let same = valued.next_if(|valued| valued.rows == batch.rows);
        let both = shared.zip(same);
        let both = both.map(|(critic, batch)| Valued { critic, batch, tally: &mut *values });
        loss +=
            accumulate(policy, batch, both, experience, recipe, &mut gradients, &mut *on_logprobs)?;
    }
    if let Some(critic) = shared {
        for batch in valued {
            let (read, trace) = policy.values(&batch.packed, batch.positions.clone());
            let part = value_loss(read, &batch, experience, critic)?;
            values.add(&part);
            gradients.add(policy, trace, part.loss.mul_scalar(critic.value_coef));
        }
    }
    Ok((loss, gradients))
}

/// How a model is taken down its gradient: clipped, at the pace of its schedule.
pub(crate) struct Descent<'a> {
    pub settings: &'a Optimizer,
    /// Updates that the schedule is for.
    pub total: u64,
    /// What the gradient norm is called where it is no number.
    pub what: &'static str,
}

/// An update that was taken.
pub(crate) struct Taken {
    pub lr: f64,
    /// Before clipping.
    pub grad_norm: f64,
}

impl Descent<'_> {
    /// One update of `model` by the gradient of `groups`.
    ///
    /// # Errors
    /// The gradient's norm is not finite; nothing has changed.
    pub(crate) fn step(
        &self,
        model: &mut Transformer,
        optimizer: &mut AdamWOptimizer,
        mut gradients: NamedGradients,
        experience: &Experience,
        groups: &[usize],
    ) -> Result<Taken, UpdateError> {
        let grad_norm = gradients.norm()?;
        if !grad_norm.is_finite() {
            let problem = problems_of(experience, groups);
            let (what, value) = (self.what, grad_norm);
            return Err(UpdateError::NonFinite(NonFinite { what, value, problem }));
        }
        let scale = clip_scale(grad_norm, self.settings.max_grad_norm);
        if scale < 1.0 {
            gradients.scale(scale);
        }
        let lr = scheduled_lr(self.settings, optimizer.updates(), self.total);
        optimizer.step(model, gradients, lr);
        Ok(Taken { lr, grad_norm })
    }
}

/// The learning rate of update number `update` (0-based) of `total`.
pub fn scheduled_lr(settings: &Optimizer, update: u64, total: u64) -> f64 {
    learning_rate(update, total, settings.lr, settings.warmup_steps, settings.schedule)
}

/// A value loss that goes with a policy's: of the same completions, read by a head on the policy.
struct Valued<'a> {
    critic: &'a Critic,
    batch: MicroBatch,
    tally: &'a mut ValueTally,
}

/// Forward, check, backward, add. Returns the policy's loss.
fn accumulate(
    policy: &Transformer,
    batch: &MicroBatch,
    valued: Option<Valued<'_>>,
    experience: &Experience,
    recipe: &Recipe,
    gradients: &mut NamedGradients,
    on_logprobs: &mut dyn FnMut(&MicroBatch, &[f32]),
) -> Result<f64, UpdateError> {
    let temperature = recipe.rollout.temperature;
    let with_entropy = experience.entropy_coef > 0.0;
    let (packed, positions, targets) = (&batch.packed, batch.positions.clone(), &batch.targets);
    let (scores, values, trace) = if valued.is_some() {
        let (scores, values, trace) =
            policy.score_with_values(packed, positions, targets, temperature, with_entropy);
        (scores, Some(values), trace)
    } else {
        let (scores, trace) = policy.score(packed, positions, targets, temperature, with_entropy);
        (scores, None, trace)
    };
    let logprobs = read_values(&scores.logprobs.clone().inner()).map_err(TrainError::from)?;
    if let Some(token) = logprobs.iter().position(|value| !value.is_finite()) {
        let sample = &experience.samples[batch.rows[token]];
        return Err(UpdateError::NonFinite(NonFinite {
            what: "a log-prob",
            value: f64::from(logprobs[token]),
            problem: experience.problems[sample.trajectory.group].clone(),
        }));
    }
    let mut loss = policy_loss(scores, batch, &objective(experience, recipe));
    let value = value_of(&loss)?;
    if !value.is_finite() {
        return Err(UpdateError::NonFinite(NonFinite {
            what: "the loss",
            value,
            problem: problems_of(experience, &groups_in(batch, experience)),
        }));
    }
    on_logprobs(batch, &logprobs);
    if let Some((Valued { critic, batch, tally }, values)) = valued.zip(values) {
        let part = value_loss(values, &batch, experience, critic)?;
        tally.add(&part);
        loss = loss + part.loss.mul_scalar(critic.value_coef);
    }
    gradients.add(policy, trace, loss);
    Ok(value)
}

/// What the loss of this step is made with.
fn objective<'r>(experience: &Experience, recipe: &'r Recipe) -> Objective<'r> {
    // Without replay there is no witness that it could weigh.
    let witness_weight = recipe.replay.as_ref().map_or(1.0, |replay| replay.max_weight);
    let entropy_coef = experience.entropy_coef;
    Objective { algorithm: &recipe.algorithm, entropy_coef, witness_weight }
}

/// Log-probs of every trajectory under the reference, `[samples][own]`: those that credit was assigned
/// by, where they are there.
fn under_reference(
    base: &Transformer,
    experience: &Experience,
    recipe: &Recipe,
) -> Result<Vec<Vec<f32>>, TrainError> {
    match &experience.reference {
        Some(known) => Ok(known.clone()),
        None => score_all(base, experience, recipe),
    }
}

/// Log-probs of every trajectory under `model`, `[samples][own]`.
pub(crate) fn score_all(
    model: &Transformer,
    experience: &Experience,
    recipe: &Recipe,
) -> Result<Vec<Vec<f32>>, TrainError> {
    let mut scored = vec![Vec::new(); experience.samples.len()];
    let all: Vec<usize> = (0..experience.samples.len()).collect();
    for batch in pack_rows(experience, &all, recipe.train.micro_batch_size)? {
        let temperature = recipe.rollout.temperature;
        let positions = batch.positions.clone();
        let (scores, _) = model.score(&batch.packed, positions, &batch.targets, temperature, false);
        let logprobs = read_values(&scores.logprobs).map_err(TrainError::from)?;
        for range in batch.ranges() {
            let row = batch.rows[range.start];
            scored[row] = logprobs[range].to_vec();
        }
    }
    Ok(scored)
}

/// The groups of a micro batch's trajectories.
pub(crate) fn groups_in(batch: &MicroBatch, experience: &Experience) -> Vec<usize> {
    batch.rows.iter().map(|&index| experience.samples[index].trajectory.group).collect()
}

pub(crate) fn problems_of(experience: &Experience, groups: &[usize]) -> String {
    let mut groups = groups.to_vec();
    groups.sort_unstable();
    groups.dedup();
    let ids: Vec<&str> = groups.iter().map(|&group| experience.problems[group].as_str()).collect();
    ids.join(", ")
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
