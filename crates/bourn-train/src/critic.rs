//! The value model: what it predicts, and what it is trained towards.

use bourn_model::transformer::{Transformer, read_values};
use bourn_model::{ModelConfig, Weights};
use bourn_recipe::{Critic as Settings, RlStage, Train, Trunk};
use burn::tensor::{Device, Tensor};

use crate::error::TrainError;
use crate::experience::{Experience, ValueEstimates};
use crate::learner::{Descent, Loss, NonFinite, Objective, UpdateError};
use crate::learners::{Companion, Learners};
use crate::loss::{MicroBatch, column, value_of};
use crate::settings::{Batching, Cut};
use crate::update::{groups_in, pack_rows, plan, problems_of};
use crate::world::World;

/// Its name among the learners.
pub(crate) const CRITIC: &str = "critic";
/// Groups of equally many tokens that calibration is measured in.
const BINS: usize = 10;

/// What one step's updates of the value model did.
#[derive(Clone, Debug, Default)]
pub(crate) struct CriticReport {
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

/// Adds the value model of a run that has not begun: a trunk of its own with a head, which starts as the
/// base, or a head on the policy.
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
) -> Result<(), TrainError> {
    let descent =
        Descent::new(&settings.optimizer(rl.optimizer), updates_alone(settings, rl.train));
    let companion = match settings.trunk {
        Trunk::Own => {
            let trunk = Transformer::from_weights(config, base, device)?
                .with_gradient_checkpointing(rl.train.gradient_checkpointing);
            Companion::own(trunk.with_value_head(), descent)
        }
        Trunk::Shared => {
            learners.policy.model = learners.policy.model.clone().with_value_head();
            Companion::Head(Box::new(descent.only(&Transformer::VALUE_HEAD)))
        }
    };
    learners.add(CRITIC, companion);
    Ok(())
}

/// Fills in the values of every trajectory, where there is a value model. Nothing is kept for a way
/// back.
///
/// # Errors
/// A trajectory that cannot be packed.
pub(crate) fn evaluate(
    learners: &Learners,
    experience: &mut Experience,
    cut: Cut,
) -> Result<(), TrainError> {
    let Some(model) = learners.model(CRITIC).map(Transformer::frozen) else { return Ok(()) };
    let all: Vec<usize> = (0..experience.samples.len()).collect();
    let mut before = vec![Vec::new(); all.len()];
    for batch in pack_rows(experience, &all, cut)? {
        let (values, _) = model.values(&batch.packed, batch.positions.clone());
        let values = read_values(&values)?;
        for range in batch.ranges() {
            let row = batch.rows[range.start];
            before[row] = values[range].to_vec();
        }
    }
    experience.values = Some(ValueEstimates { before, targets: Vec::new() });
    Ok(())
}

/// Trains the value model on one step's targets, in the policy's minibatches, and leaves the policy
/// what it is: a model of its own whole, of one that shares its trunk the head alone.
///
/// # Errors
/// A loss or gradient that is not finite; the update it belongs to is not applied.
pub(crate) fn update(
    learners: &mut Learners,
    experience: &Experience,
    settings: &Settings,
    batching: &Batching,
    step: u64,
    world: &dyn World,
) -> Result<CriticReport, UpdateError> {
    let head_alone = learners.get(CRITIC).is_some_and(|companion| companion.descent().is_partial());
    let mut objective = ValueObjective {
        experience,
        settings,
        cut: batching.cut,
        head_alone,
        tally: ValueTally::default(),
    };
    let plan = plan(experience, batching, step, world)?;
    let fit = learners.fit(CRITIC, &plan, &mut objective, world)?;
    let mut report = before(experience);
    report.lr = fit.lr;
    report.grad_norm = Some(fit.mean(fit.grad_norm));
    objective.tally.finish(&mut report, fit.updates as f64);
    Ok(report)
}

/// What a value model is fitted to: the squared distance to its targets.
pub(crate) struct ValueObjective<'e> {
    experience: &'e Experience,
    settings: &'e Settings,
    cut: Cut,
    /// Whether the way back ends at the head.
    head_alone: bool,
    tally: ValueTally,
}

impl Objective for ValueObjective<'_> {
    type Batch = MicroBatch;

    const NORM: &'static str = "the critic's gradient norm";

    fn batches(
        &mut self,
        groups: &[usize],
        world: &dyn World,
    ) -> Result<Vec<MicroBatch>, UpdateError> {
        Ok(value_batches(self.experience, groups, self.cut, world)?)
    }

    fn loss(&mut self, model: &Transformer, batch: &MicroBatch) -> Result<Loss, UpdateError> {
        let positions = batch.positions.clone();
        let (values, trace) = match self.head_alone {
            true => model.values_of_head(&batch.packed, positions),
            false => model.values(&batch.packed, positions),
        };
        let part = value_loss(values, batch, self.experience, self.settings)?;
        self.tally.add(&part);
        Ok(Loss { scalar: part.loss, trace, value: part.value })
    }

    fn problems(&self, groups: &[usize]) -> String {
        problems_of(self.experience, groups)
    }
}

/// Updates that a value model takes without the policy over a whole run: what its schedule is of.
fn updates_alone(settings: &Settings, train: &Train) -> u64 {
    let of = |steps: u64| steps.saturating_mul(train.updates_per_step());
    let steps = match settings.trunk {
        Trunk::Own => train.total_updates(),
        Trunk::Shared => of(settings.critic_warmup.min(train.max_steps)),
    };
    steps.saturating_add(of(settings.pretrain_steps))
}

/// What is known of the values before they are trained.
pub(crate) fn before(experience: &Experience) -> CriticReport {
    let known = experience.values.as_ref();
    let all = |of: fn(&ValueEstimates) -> &Vec<Vec<f32>>| of_all(known.map(of));
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

/// Micro batches of all trajectories of `groups`; each token weighs one over all of the minibatch's.
pub(crate) fn value_batches(
    experience: &Experience,
    groups: &[usize],
    cut: Cut,
    world: &dyn World,
) -> Result<Vec<MicroBatch>, TrainError> {
    let rows: Vec<usize> = groups.iter().flat_map(|&group| experience.members(group)).collect();
    let length = |&index: &usize| experience.samples[index].count() as f64;
    let mut tokens = [rows.iter().map(length).sum::<f64>()];
    world.sum(&mut tokens)?;
    let weight = 1.0 / tokens[0].max(1.0) as f32;
    let mut batches = pack_rows(experience, &rows, cut)?;
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
        let now = read_values(&values.clone().inner())?;
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
#[path = "../tests/unit/critic.rs"]
mod tests;
