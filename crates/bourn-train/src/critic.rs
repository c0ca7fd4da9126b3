//! The value model: what it predicts, what it is trained towards, and what a checkpoint keeps of it.

use std::path::Path;

use bourn_model::transformer::{Trace, Transformer, read_values};
use bourn_model::{ModelConfig, Weights, read_tensors, write_tensors};
use bourn_recipe::{Critic as Settings, Recipe, Trunk};
use burn::tensor::{Device, Tensor};

use crate::error::TrainError;
use crate::experience::{Experience, Values};
use crate::loss::{MicroBatch, column, value_of};
use crate::optimizer::{AdamWOptimizer, NamedGradients};
use crate::update::{
    Descent, NonFinite, UpdateError, groups_in, minibatches, pack_rows, problems_of,
};

const WEIGHTS: &str = "critic.safetensors";
const OPTIMIZER: &str = "critic_optimizer.safetensors";
/// Groups of equally many tokens that calibration is measured in.
const BINS: usize = 10;

/// What one step's updates of the value model did.
#[derive(Clone, Debug, Default)]
pub struct CriticReport {
    /// Mean value loss, over updates.
    pub loss: f64,
    /// Share of tokens whose value was held by the clip.
    pub clipped: f64,
    /// Share of the targets' variance that the values had explained before the updates; `None`
    /// where the targets do not vary.
    pub explained: Option<f64>,
    /// How far the values were from their targets, on average over groups of like values.
    pub calibration: f64,
    /// Mean value before the updates.
    pub value: f64,
    /// Mean target.
    pub target: f64,
    /// Mean gradient norm before clipping; `None` where the value is trained with the policy.
    pub grad_norm: Option<f64>,
    /// Learning rate of the last update; `None` where the value is trained with the policy.
    pub lr: Option<f64>,
}

/// The value model of a run.
#[derive(Clone)]
pub enum Critic {
    /// A trunk of its own, with its head and optimiser.
    Own(Box<(Transformer, AdamWOptimizer)>),
    /// A head on the policy, trained with it; and the optimiser of the head alone, for as long as the
    /// policy waits.
    Shared(Box<AdamWOptimizer>),
}

impl Critic {
    /// The value model of a run that has not begun; with a shared trunk `policy` gets its head.
    ///
    /// # Errors
    /// The base's weights do not make a model.
    pub fn new(
        recipe: &Recipe,
        config: &ModelConfig,
        base: &Weights,
        policy: &mut Transformer,
        device: &Device,
    ) -> Result<Option<Critic>, TrainError> {
        let Some(settings) = &recipe.critic else { return Ok(None) };
        let optimizer = AdamWOptimizer::new(&settings.optimizer(&recipe.optimizer));
        Ok(Some(match settings.trunk {
            Trunk::Own => {
                let trunk = Transformer::from_weights(config, base, device)?
                    .with_gradient_checkpointing(recipe.train.gradient_checkpointing);
                Critic::Own(Box::new((trunk.with_value_head(), optimizer)))
            }
            Trunk::Shared => {
                *policy = policy.clone().with_value_head();
                Critic::Shared(Box::new(optimizer))
            }
        }))
    }

    /// Fills in the values of every trajectory. Nothing is kept for a way back.
    ///
    /// # Errors
    /// A trajectory that cannot be packed.
    pub fn evaluate(
        &self,
        policy: &Transformer,
        experience: &mut Experience,
        recipe: &Recipe,
    ) -> Result<(), TrainError> {
        let model = match self {
            Critic::Own(own) => own.0.frozen(),
            Critic::Shared(_) => policy.frozen(),
        };
        let all: Vec<usize> = (0..experience.samples.len()).collect();
        let mut before = vec![Vec::new(); all.len()];
        for batch in pack_rows(experience, &all, recipe.train.micro_batch_size)? {
            let (values, _) = model.values(&batch.packed, batch.positions.clone());
            let values = read_values(&values).map_err(TrainError::from)?;
            for range in batch.ranges() {
                let row = batch.rows[range.start];
                before[row] = values[range].to_vec();
            }
        }
        experience.values = Some(Values { before, targets: Vec::new() });
        Ok(())
    }

    /// Trains the value model on one step's targets, in the policy's minibatches, and leaves the
    /// policy what it is: a model of its own whole, of one that shares its trunk the head alone.
    ///
    /// # Errors
    /// A loss or gradient that is not finite; the update it belongs to is not applied.
    pub fn update(
        &mut self,
        policy: &mut Transformer,
        experience: &Experience,
        recipe: &Recipe,
        step: u64,
    ) -> Result<CriticReport, UpdateError> {
        let mut report = before(experience);
        let Some(settings) = &recipe.critic else { return Ok(report) };
        let adamw = settings.optimizer(&recipe.optimizer);
        let total = updates_alone(settings, recipe);
        let (model, optimizer, head_alone) = match self {
            Critic::Own(own) => (&mut own.0, &mut own.1, false),
            Critic::Shared(optimizer) => (policy, &mut **optimizer, true),
        };
        let mut tally = ValueTally::default();
        let (mut updates, mut norms) = (0.0, 0.0);
        for iteration in 0..recipe.train.num_iterations {
            for groups in minibatches(experience, recipe, step, iteration) {
                let mut gradients = match head_alone {
                    true => NamedGradients::zeros_of(model, &Transformer::VALUE_HEAD),
                    false => NamedGradients::zeros(model),
                };
                for batch in value_batches(experience, &groups, recipe)? {
                    let (values, trace) = values_under(model, &batch, head_alone);
                    let part = value_loss(values, &batch, experience, settings)?;
                    tally.add(&part);
                    gradients.add(model, trace, part.loss);
                }
                let what = "the critic's gradient norm";
                let taken = Descent { settings: &adamw, total, what }
                    .step(model, optimizer, gradients, experience, &groups)?;
                report.lr = Some(taken.lr);
                norms += taken.grad_norm;
                updates += 1.0;
            }
        }
        report.grad_norm = Some(norms / f64::max(updates, 1.0));
        tally.finish(&mut report, updates);
        Ok(report)
    }

    /// Updates that the value model has taken without the policy.
    pub fn updates(&self) -> u64 {
        match self {
            Critic::Own(own) => own.1.updates(),
            Critic::Shared(optimizer) => optimizer.updates(),
        }
    }

    /// Writes what [`Critic::restore`] reads into a checkpoint's directory.
    pub fn save(&self, dir: &Path, policy: &Transformer) -> Result<(), TrainError> {
        match self {
            Critic::Own(own) => {
                let (model, optimizer) = &**own;
                let mut weights: Weights = model.to_weights()?;
                weights.extend(model.value_head()?);
                write_tensors(&dir.join(WEIGHTS), &weights)?;
                write_tensors(&dir.join(OPTIMIZER), &optimizer.to_weights()?)?;
            }
            Critic::Shared(optimizer) => {
                write_tensors(&dir.join(WEIGHTS), &policy.value_head()?)?;
                write_tensors(&dir.join(OPTIMIZER), &optimizer.to_weights()?)?;
            }
        }
        Ok(())
    }

    /// Restores the value model of a checkpoint; with a shared trunk, `policy`'s head.
    ///
    /// # Errors
    /// Names the tensor that is missing or misshapen.
    pub fn restore(
        &mut self,
        dir: &Path,
        policy: &mut Transformer,
        updates: u64,
    ) -> Result<(), TrainError> {
        let weights = read_tensors(&dir.join(WEIGHTS))?;
        match self {
            Critic::Own(own) => {
                let (model, optimizer) = &mut **own;
                let mut restored =
                    Transformer::from_weights(model.config(), &weights, model.device())?
                        .with_gradient_checkpointing(model.checkpoints_gradients());
                restored.set_value_head(&weights)?;
                *model = restored;
                optimizer.restore(model, &read_tensors(&dir.join(OPTIMIZER))?, updates, 0)
            }
            Critic::Shared(optimizer) => {
                policy.set_value_head(&weights)?;
                if updates == 0 {
                    return Ok(());
                }
                let moments = read_tensors(&dir.join(OPTIMIZER))?;
                optimizer.restore_of(policy, &Transformer::VALUE_HEAD, &moments, updates, 0)
            }
        }
    }
}

/// Updates that a value model takes without the policy over a whole run: what its schedule is of.
fn updates_alone(settings: &Settings, recipe: &Recipe) -> u64 {
    let of = |steps: u64| steps.saturating_mul(recipe.updates_per_step());
    let steps = match settings.trunk {
        Trunk::Own => recipe.total_updates(),
        Trunk::Shared => of(settings.critic_warmup.min(recipe.train.max_steps)),
    };
    steps.saturating_add(of(settings.pretrain_steps))
}

/// The values of a micro batch, and the way back to all parameters or to those of the head alone.
fn values_under(model: &Transformer, batch: &MicroBatch, head_alone: bool) -> (Tensor<1>, Trace) {
    let positions = batch.positions.clone();
    match head_alone {
        true => model.values_of_head(&batch.packed, positions),
        false => model.values(&batch.packed, positions),
    }
}

/// What is known of the values before they are trained.
pub fn before(experience: &Experience) -> CriticReport {
    let known = experience.values.as_ref();
    let all = |of: fn(&Values) -> &Vec<Vec<f32>>| of_all(known.map(of));
    let (values, targets) = (all(|values| &values.before), all(|values| &values.targets));
    let mean = |values: &[f32]| {
        values.iter().copied().map(f64::from).sum::<f64>() / values.len().max(1) as f64
    };
    CriticReport {
        explained: bourn_algo::explained_variance(&values, &targets),
        calibration: bourn_algo::calibration_error(&values, &targets, BINS),
        value: mean(&values),
        target: mean(&targets),
        ..CriticReport::default()
    }
}

/// One list of all trajectories' values.
fn of_all(values: Option<&Vec<Vec<f32>>>) -> Vec<f32> {
    values.into_iter().flatten().flatten().copied().collect()
}

/// Micro batches of all trajectories of `groups`; each token weighs one over all of theirs.
pub(crate) fn value_batches(
    experience: &Experience,
    groups: &[usize],
    recipe: &Recipe,
) -> Result<Vec<MicroBatch>, TrainError> {
    let rows: Vec<usize> = groups.iter().flat_map(|&group| experience.members(group)).collect();
    let length = |&index: &usize| experience.samples[index].count();
    let weight = 1.0 / rows.iter().map(length).sum::<usize>().max(1) as f32;
    let mut batches = pack_rows(experience, &rows, recipe.train.micro_batch_size)?;
    batches.iter_mut().for_each(|batch| batch.weights.fill(weight));
    Ok(batches)
}

/// The value loss of one micro batch.
pub(crate) struct ValueLoss {
    /// The scalar to differentiate: the weighted sum of ½ max((V − R)², (V_clipped − R)²).
    pub loss: Tensor<1>,
    /// Its value.
    pub value: f64,
    /// Tokens.
    pub tokens: u64,
    /// Of them, those whose clipped error was the larger.
    pub clipped: u64,
}

/// Sums over the micro batches of a step.
#[derive(Default)]
pub(crate) struct ValueTally {
    loss: f64,
    tokens: u64,
    clipped: u64,
}

impl ValueTally {
    pub(crate) fn add(&mut self, part: &ValueLoss) {
        self.loss += part.value;
        self.tokens += part.tokens;
        self.clipped += part.clipped;
    }

    /// Fills in what the sums say of so many updates.
    pub(crate) fn finish(self, report: &mut CriticReport, updates: f64) {
        report.loss = self.loss / f64::max(updates, 1.0);
        report.clipped = self.clipped as f64 / self.tokens.max(1) as f64;
    }
}

/// The loss of a micro batch's `values`, `[n]`. See [`bourn_algo::value_loss`], its plain twin.
///
/// # Errors
/// A loss that is not finite.
pub(crate) fn value_loss(
    values: Tensor<1>,
    batch: &MicroBatch,
    experience: &Experience,
    settings: &Settings,
) -> Result<ValueLoss, UpdateError> {
    let device = values.device();
    let known = experience.values.as_ref();
    let known = known.ok_or(TrainError::Unknown { what: "values" })?;
    let (mut old, mut targets) = (Vec::new(), Vec::new());
    for range in batch.ranges() {
        let row = batch.rows[range.start];
        old.extend(&known.before[row]);
        targets.extend(&known.targets[row]);
    }
    let target = column(&targets, &device);
    let mut squares = (values.clone() - target.clone()).square();
    let mut clipped = 0;
    if settings.value_clip > 0.0 {
        let clip = settings.value_clip;
        let now = read_values(&values.clone().inner()).map_err(TrainError::from)?;
        let twin = |((&now, &old), &target): ((&f32, &f32), &f32)| {
            bourn_algo::value_loss(f64::from(now), f64::from(old), f64::from(target), clip).1
        };
        clipped = now.iter().zip(&old).zip(&targets).filter(|&all| twin(all)).count() as u64;
        let before = column(&old, &device);
        let held = (values - before.clone()).clamp(-clip, clip) + before;
        squares = squares.max_pair((held - target).square());
    }
    let loss = (squares * column(&batch.weights, &device)).sum().mul_scalar(0.5);
    let value = value_of(&loss)?;
    if !value.is_finite() {
        return Err(UpdateError::NonFinite(NonFinite {
            what: "the value loss",
            value,
            problem: problems_of(experience, &groups_in(batch, experience)),
        }));
    }
    Ok(ValueLoss { loss, value, tokens: targets.len() as u64, clipped })
}

#[cfg(test)]
#[path = "critic_tests.rs"]
mod tests;
