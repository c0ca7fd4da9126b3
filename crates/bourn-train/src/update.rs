//! The policy's objective: what a step's experience asks of it, and what its updates did.

mod batches;
mod tally;

use bourn_model::transformer::{Transformer, read_values};
use burn::tensor::Tensor;

use self::batches::micro_batches;
pub(crate) use self::batches::{pack_rows, plan};
use self::tally::Tally;
use crate::critic::{self, CriticReport, ValueTally, value_batches, value_loss};
use crate::error::TrainError;
use crate::experience::Experience;
use crate::learner::{Loss, NonFinite, Objective, UpdateError};
use crate::learners::{Learners, POLICY};
use crate::loss::{LossTerms, MicroBatch, policy_loss, value_of};
use crate::settings::{Batching, PolicyLoss, Scoring};
use crate::world::World;

/// What one step's updates did. Shares and means over tokens are over those that took a forward
/// and backward: not those of truncated completions that are masked, nor, without KL penalty and
/// entropy bonus, those of groups whose advantages are all zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct UpdateReport {
    /// The policy-gradient part of the loss, averaged over updates.
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
    /// `grad_norm` and `trained_tokens`.
    pub replay: Option<ReplayReport>,
    /// The value model's own report, where there is one.
    pub critic: Option<CriticReport>,
}

/// Importance weights of the tokens of witnesses, over all updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ReplayReport {
    /// Their mean, after truncation.
    pub weight: f64,
    /// Share of them that was truncated.
    pub clipped: f64,
}

/// Trains the policy on one step's experience: `num_iterations` passes of `minibatches` updates. The
/// `reference` is asked for log-probs only where the KL penalty is on.
///
/// # Errors
/// A loss or gradient that is not finite; the update it belongs to is not applied.
pub(crate) fn update(
    learners: &mut Learners,
    reference: Option<&Transformer>,
    experience: &Experience,
    settings: PolicyLoss<'_>,
    batching: &Batching,
    step: u64,
    world: &dyn World,
) -> Result<UpdateReport, UpdateError> {
    let mut objective = PolicyObjective::new(reference, experience, settings)?;
    let plan = plan(experience, batching, step, world)?;
    let fit = learners.fit(POLICY, &plan, &mut objective, world)?;
    let mut report = UpdateReport {
        grad_norm: fit.mean(fit.grad_norm),
        lr: fit.lr.unwrap_or(0.0),
        ..UpdateReport::default()
    };
    // Not the recipe's count: a step of few problems has fewer minibatches.
    let updates = fit.updates.max(1) as f64;
    report.critic = settings.shared.map(|_| {
        let mut report = critic::before(experience);
        objective.values.finish(&mut report, updates);
        report
    });
    objective.tally.finish(&mut report, updates, settings.algorithm.kl_coef > 0.0);
    Ok(report)
}

/// The policy's loss over a step's trajectories and, with a value head on the policy, that head's.
pub struct PolicyObjective<'e> {
    experience: &'e Experience,
    /// Log-probs under the KL penalty's reference, `[samples][own]`.
    reference: Option<Vec<Vec<f32>>>,
    settings: PolicyLoss<'e>,
    tally: Tally,
    values: ValueTally,
    /// Minibatches that have begun.
    begun: usize,
}

/// One forward and backward: of the policy, of its value head, or of both where both ask about the same
/// trajectories.
pub struct PolicyForward {
    policy: Option<MicroBatch>,
    valued: Option<MicroBatch>,
}

impl<'e> PolicyObjective<'e> {
    /// The objective of a step.
    ///
    /// # Errors
    /// A trajectory that cannot be packed.
    pub fn new(
        reference: Option<&Transformer>,
        experience: &'e Experience,
        settings: PolicyLoss<'e>,
    ) -> Result<PolicyObjective<'e>, TrainError> {
        // Those that credit was assigned by, where they are there.
        let under = |model| match &experience.reference {
            Some(known) => Ok(known.clone()),
            None => score_all(model, experience, settings.scoring),
        };
        let reference = reference.map(under).transpose()?;
        let (tally, values) = (Tally::default(), ValueTally::default());
        Ok(PolicyObjective { experience, reference, settings, tally, values, begun: 0 })
    }

    fn terms(&self) -> LossTerms<'e> {
        let PolicyLoss { algorithm, witness_weight, .. } = self.settings;
        LossTerms { algorithm, entropy_coef: self.experience.entropy_coef, witness_weight }
    }

    fn non_finite(&self, what: &'static str, value: f64, groups: &[usize]) -> UpdateError {
        let problem = problems_of(self.experience, groups);
        UpdateError::NonFinite(NonFinite { what, value, problem })
    }

    /// The value head's part, as it is added to a loss.
    fn value_part(
        &mut self,
        values: Tensor<1>,
        batch: &MicroBatch,
    ) -> Result<Option<Tensor<1>>, UpdateError> {
        let Some(critic) = self.settings.shared else { return Ok(None) };
        let part = value_loss(values, batch, self.experience, critic)?;
        self.values.add(&part);
        Ok(Some(part.loss.mul_scalar(critic.value_coef)))
    }
}

impl Objective for PolicyObjective<'_> {
    type Batch = PolicyForward;

    const NORM: &'static str = "the gradient norm";

    fn batches(
        &mut self,
        groups: &[usize],
        world: &dyn World,
    ) -> Result<Vec<PolicyForward>, UpdateError> {
        self.begun += 1;
        let (experience, settings) = (self.experience, &self.settings);
        let batches =
            micro_batches(experience, groups, self.reference.as_deref(), settings, world)?;
        let valued = match settings.shared {
            Some(_) => value_batches(experience, groups, settings.scoring.cut, world)?,
            None => Vec::new(),
        };
        let mut valued = valued.into_iter().peekable();
        let mut asked = Vec::with_capacity(batches.len());
        for batch in batches {
            // One forward for policy and value, where both ask about the same completions.
            let valued = valued.next_if(|valued| valued.rows == batch.rows);
            asked.push(PolicyForward { policy: Some(batch), valued });
        }
        asked.extend(valued.map(|batch| PolicyForward { policy: None, valued: Some(batch) }));
        Ok(asked)
    }

    fn loss(&mut self, model: &Transformer, asked: &PolicyForward) -> Result<Loss, UpdateError> {
        let Some(batch) = &asked.policy else {
            let batch = asked.valued.as_ref().ok_or(TrainError::Unknown { what: "values" })?;
            let (values, trace) = model.values(&batch.packed, batch.positions.clone());
            let part = self.value_part(values, batch)?;
            let scalar = part.ok_or(TrainError::Unknown { what: "values" })?;
            return Ok(Loss { scalar, trace, value: 0.0 });
        };
        let temperature = self.settings.scoring.temperature;
        let with_entropy = self.experience.entropy_coef > 0.0;
        let (packed, positions) = (&batch.packed, batch.positions.clone());
        let (targets, valued) = (&batch.targets, asked.valued.as_ref());
        let (scores, values, trace) = if valued.is_some() {
            let (scores, values, trace) =
                model.score_with_values(packed, positions, targets, temperature, with_entropy);
            (scores, Some(values), trace)
        } else {
            let (scores, trace) =
                model.score(packed, positions, targets, temperature, with_entropy);
            (scores, None, trace)
        };
        let logprobs = read_values(&scores.logprobs.clone().inner())?;
        if let Some(token) = logprobs.iter().position(|value| !value.is_finite()) {
            let group = self.experience.samples[batch.rows[token]].trajectory.group;
            return Err(self.non_finite("a log-prob", f64::from(logprobs[token]), &[group]));
        }
        let terms = self.terms();
        let mut scalar = policy_loss(scores, batch, &terms);
        let value = value_of(&scalar)?;
        if !value.is_finite() {
            return Err(self.non_finite("the loss", value, &groups_in(batch, self.experience)));
        }
        self.tally.add(batch, &logprobs, &terms, self.begun == 1);
        if let Some((valued, values)) = valued.zip(values)
            && let Some(part) = self.value_part(values, valued)?
        {
            scalar = scalar + part;
        }
        Ok(Loss { scalar, trace, value })
    }

    fn problems(&self, groups: &[usize]) -> String {
        problems_of(self.experience, groups)
    }
}

/// Log-probs of every trajectory under `model`, `[samples][own]`.
///
/// # Errors
/// A trajectory that cannot be packed; a device that gives no values back.
pub(crate) fn score_all(
    model: &Transformer,
    experience: &Experience,
    scoring: Scoring,
) -> Result<Vec<Vec<f32>>, TrainError> {
    let mut scored = vec![Vec::new(); experience.samples.len()];
    let all: Vec<usize> = (0..experience.samples.len()).collect();
    for batch in pack_rows(experience, &all, scoring.cut)? {
        let positions = batch.positions.clone();
        let (scores, _) =
            model.score(&batch.packed, positions, &batch.targets, scoring.temperature, false);
        let logprobs = read_values(&scores.logprobs)?;
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

/// The ids of these groups' problems, for an error.
pub(crate) fn problems_of(experience: &Experience, groups: &[usize]) -> String {
    let mut groups = groups.to_vec();
    groups.sort_unstable();
    groups.dedup();
    let ids: Vec<&str> = groups.iter().map(|&group| experience.problems[group].as_str()).collect();
    ids.join(", ")
}

#[cfg(test)]
#[path = "../tests/unit/update.rs"]
mod tests;
