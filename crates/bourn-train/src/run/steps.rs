//! The parts of one step, in the order of the loop: draw, credit, update, reset; and what stands
//! before the first, the pretraining of a value model.

use bourn_algo::shaping::entropy_control;
use bourn_model::transformer::Transformer;
use bourn_recipe::Trunk;
use bourn_task::Problems;

use super::{Run, RunOrder};
use crate::credit;
use crate::critic::{self, CRITIC};
use crate::drawing::{self, DrawBatch};
use crate::error::TrainError;
use crate::experience::Experience;
use crate::implicit::IMPLICIT;
use crate::learner::{NonFinite, UpdateError};
use crate::learners::POLICY;
use crate::settings::{Batching, Credit, Draws, PolicyLoss, Scoring};
use crate::update::{UpdateReport, score_all, update};
use crate::world::World;

impl Run<'_> {
    /// Draws and judges the step's completions: one batch, or with dynamic sampling as many as it
    /// takes to have enough groups that teach. Behind them come the groups of problems that are
    /// replayed.
    pub(super) fn roll_out(&mut self, problems: &Problems) -> Result<Experience, TrainError> {
        self.start_step();
        let credit = Credit::of(self.order.recipe);
        let (step, size) = (self.state.step, self.rl.rollout.num_generations);
        let replayed = self.replay()?;
        let numbered = |batch| DrawBatch { purpose: "train", step, batch, size };
        let mut experience = self.draw(problems, numbered(0))?;
        for batch in 1..=credit.algorithm.dynamic_sampling {
            if credit::teaching_groups(&experience, self.order.world)? >= credit.groups {
                break;
            }
            experience.append(self.draw(problems, numbered(batch))?);
            // Counted for good once the step is done: one that is interrupted here begins anew.
            experience.extra_batches = batch;
        }
        credit::filter(&mut experience, &credit, self.order.world)?;
        if let Some(replayed) = replayed {
            experience.replay(replayed);
        }
        Ok(experience)
    }

    /// Draws this process's share of a batch.
    fn draw(&mut self, problems: &Problems, batch: DrawBatch) -> Result<Experience, TrainError> {
        let RunOrder { recipe, stop, world, .. } = self.order;
        let draws = Draws::of(recipe);
        let place = batch.step + self.state.extra_batches + batch.batch;
        let prompts = problems.step_problems(draws.seed, place, draws.rollout.prompts_per_step);
        let own = &prompts[world.share(prompts.len())];
        let (engine, prompter) = (&mut *self.engine, &self.prompter);
        let drawn = drawing::collect(engine, prompter, own, draws, batch, stop);
        self.together(drawn).map_err(|error| self.or_save(error))
    }

    /// Values, advantages, and the weight of the entropy bonus.
    pub(super) fn assign_credit(&mut self, experience: &mut Experience) -> Result<(), TrainError> {
        let RunOrder { recipe, world, .. } = self.order;
        let (scoring, algorithm) = (Scoring::of(recipe), self.rl.algorithm);
        if let (Some(implicit), Some(settings)) = (&self.implicit, self.rl.implicit_reward) {
            // Kept until the policy is updated too: a step that fails leaves no trace.
            self.learners.remember(&mut self.before, &[IMPLICIT]);
            let (batching, step) = (Batching::of(recipe), self.state.step);
            let learners = &mut self.learners;
            implicit
                .learn_and_pay(learners, experience, settings, scoring, &batching, step, world)
                .map_err(|error| self.undone(error))?;
        }
        critic::evaluate(&self.learners, experience, scoring.cut)?;
        if algorithm.entropy_target > 0.0 {
            (experience.entropy_coef, self.state.entropy_level) = entropy_control(
                mean_entropy(experience, world)?,
                algorithm.entropy_target,
                algorithm.entropy_step,
                self.state.entropy_level,
            );
        }
        if algorithm.kl_in_reward() > 0.0
            && let Some(reference) = &self.reference
        {
            experience.reference = Some(score_all(reference, experience, scoring)?);
        }
        credit::assign(experience, &Credit::of(recipe), self.state.step, world)
    }

    /// Trains the value model on draws of the frozen policy before the first step.
    pub(super) fn pretrain_critic(&mut self, problems: &Problems) -> Result<(), TrainError> {
        let Some(settings) = self.rl.critic else { return Ok(()) };
        let total = settings.pretrain_steps;
        if self.state.step > 0 || self.state.pretrained >= total {
            return Ok(());
        }
        let RunOrder { recipe, console, world, .. } = self.order;
        // No KL in these rewards: the policy is its own reference before the first step.
        let (credit, batching) = (Credit::of(recipe).monte_carlo(), Batching::of(recipe));
        let mut progress = console.stage("critic: pretraining", total, "step");
        while self.state.pretrained < total {
            let (step, size) = (self.state.pretrained, self.rl.rollout.num_generations);
            let batch = DrawBatch { purpose: "critic", step, batch: 0, size };
            let mut experience = self.draw(problems, batch)?;
            self.engine.release();
            critic::evaluate(&self.learners, &mut experience, batching.cut)?;
            credit::assign(&mut experience, &credit, step, world)?;
            self.learners.remember(&mut self.before, &[POLICY, CRITIC]);
            let learners = &mut self.learners;
            let report = critic::update(learners, &experience, settings, &batching, step, world)
                .map_err(|error| self.undone(error))?;
            self.before = Default::default();
            let explained = report.explained.unwrap_or(0.0);
            progress.set_message(format!(
                "value loss {:.4}, explained variance {explained:.3}",
                report.loss
            ));
            self.engine.update_from(&self.learners.policy.model)?;
            self.state.pretrained += 1;
            progress.inc(1);
        }
        progress.finish(format!("{total} rollouts of the frozen policy"));
        Ok(())
    }

    pub(super) fn update(&mut self, experience: &Experience) -> Result<UpdateReport, TrainError> {
        // A step of several updates that fails half-way must leave no trace; a single update that
        // fails has changed nothing, and need not hold the old weights in memory.
        let updates = self.rl.train.num_iterations * self.rl.train.minibatches;
        if updates > 1 || self.rl.critic.is_some() {
            self.learners.remember(&mut self.before, &[POLICY, CRITIC]);
        }
        let report = self.try_update(experience).map_err(|error| self.undone(error))?;
        self.before = Default::default();
        self.state.extra_batches += experience.extra_batches;
        Ok(report)
    }

    fn try_update(&mut self, experience: &Experience) -> Result<UpdateReport, UpdateError> {
        let RunOrder { recipe, world, .. } = self.order;
        let (batching, step) = (Batching::of(recipe), self.state.step);
        let (learners, reference) = (&mut self.learners, self.reference.as_ref());
        let warming = self.rl.critic.is_some_and(|critic| step < critic.critic_warmup);
        let mut report = match warming {
            true => UpdateReport::default(),
            false => {
                let settings = PolicyLoss::of(recipe);
                update(learners, reference, experience, settings, &batching, step, world)?
            }
        };
        // A head on the policy has been trained with it, unless the policy waits.
        if let Some(critic) = self.rl.critic.filter(|own| warming || own.trunk == Trunk::Own) {
            let taken = critic::update(learners, experience, critic, &batching, step, world)?;
            report.critic = Some(taken);
        }
        Ok(report)
    }

    /// Puts back what the step began with; a number that is none becomes an error that names the
    /// checkpoint of that state.
    fn undone(&mut self, error: UpdateError) -> TrainError {
        self.learners.put_back(std::mem::take(&mut self.before));
        match error {
            // Another process is why this step is none.
            UpdateError::Train(error @ (TrainError::Elsewhere | TrainError::World { .. })) => {
                self.or_save(error)
            }
            UpdateError::Train(error) => error,
            UpdateError::NonFinite(NonFinite { what, value, problem }) => match self.save() {
                Ok(checkpoint) => {
                    let step = self.state.step + 1;
                    TrainError::NonFinite { step, what, value, problem, checkpoint }
                }
                Err(error) => error,
            },
        }
    }

    /// Makes the policy the KL penalty's reference and the optimiser forget, where it is time.
    pub(super) fn reset_if_due(&mut self) -> Result<(), TrainError> {
        let interval = self.rl.algorithm.reset_interval;
        if interval == 0 || !self.state.step.is_multiple_of(interval) {
            return Ok(());
        }
        let policy = &mut self.learners.policy;
        policy.descent.reset();
        self.state.reset_at = policy.descent.reset_at();
        if let Some(reference) = &mut self.reference {
            let (weights, device) = (policy.model.to_weights()?, reference.device().clone());
            *reference = Transformer::from_weights(&self.base.config, &weights, &device)?;
        }
        Ok(())
    }
}

/// Mean entropy of the policy over the tokens of a step, in nats.
fn mean_entropy(experience: &Experience, world: &dyn World) -> Result<f64, TrainError> {
    let mut sums = [0.0, 0.0];
    for sample in experience.own() {
        for &entropy in sample.entropies()? {
            sums[0] += f64::from(entropy);
            sums[1] += 1.0;
        }
    }
    world.sum(&mut sums)?;
    Ok(sums[0] / sums[1].max(1.0))
}
