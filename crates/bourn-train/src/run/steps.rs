//! The parts of one step, in the order of the loop: draw, credit, update, reset; and what stands
//! before the first, the pretraining of a value model.

use bourn_algo::shaping::entropy_control;
use bourn_model::transformer::Transformer;
use bourn_task::Problems;

use super::Run;
use crate::credit;
use crate::critic::Critic;
use crate::drawing::{self, Draws};
use crate::error::TrainError;
use crate::experience::Experience;
use crate::update::{NonFinite, UpdateError, UpdateReport, score_all, update};

impl Run<'_> {
    /// Draws and judges the step's completions: one batch, or with dynamic sampling as many as it
    /// takes to have enough groups that teach. Behind them come the groups of problems that are
    /// replayed.
    pub(super) fn roll_out(&mut self, problems: &Problems) -> Result<Experience, TrainError> {
        self.logbook.start_step();
        let (step, wanted) = (self.state.step, self.recipe.rollout.prompts_per_step);
        let size = self.recipe.rollout.num_generations;
        let replayed = self.replay()?;
        let draws = |batch| Draws { purpose: "train", step, batch, size };
        let mut experience = self.draw(problems, draws(0))?;
        for batch in 1..=self.recipe.algorithm.dynamic_sampling {
            if credit::teaching_groups(&experience) >= wanted {
                break;
            }
            experience.append(self.draw(problems, draws(batch))?);
            // Counted for good once the step is done: one that is interrupted here begins anew.
            experience.extra_batches = batch;
        }
        credit::filter(&mut experience, self.recipe);
        if let Some(replayed) = replayed {
            experience.replay(replayed);
        }
        Ok(experience)
    }

    fn draw(&mut self, problems: &Problems, draws: Draws) -> Result<Experience, TrainError> {
        let (recipe, stop) = (self.recipe, self.stop);
        let place = draws.step + self.state.extra_batches + draws.batch;
        let prompts = problems.step_problems(recipe.seed, place, recipe.rollout.prompts_per_step);
        let (engine, prompter) = (&mut *self.engine, &self.prompter);
        let drawn = drawing::collect(engine, prompter, &prompts, recipe, draws, stop);
        drawn.map_err(|error| self.or_save(error))
    }

    /// Values, advantages, and the weight of the entropy bonus.
    pub(super) fn assign_credit(&mut self, experience: &mut Experience) -> Result<(), TrainError> {
        // Kept until the policy is updated too: a step that fails leaves no trace.
        self.implicit_before = self.implicit.clone();
        if let Some(implicit) = &mut self.implicit
            && let Err(error) = implicit.learn_and_pay(experience, self.recipe, self.state.step)
        {
            self.implicit = self.implicit_before.take();
            return Err(self.saved_before(error));
        }
        let (recipe, algorithm) = (self.recipe, &self.recipe.algorithm);
        if let Some(critic) = &self.critic {
            critic.evaluate(&self.policy, experience, recipe)?;
        }
        if algorithm.entropy_target > 0.0 {
            (experience.entropy_coef, self.state.entropy_level) = entropy_control(
                mean_entropy(experience)?,
                algorithm.entropy_target,
                algorithm.entropy_step,
                self.state.entropy_level,
            );
        }
        if algorithm.kl_in_reward() > 0.0
            && let Some(reference) = &self.reference
        {
            experience.reference = Some(score_all(reference, experience, recipe)?);
        }
        credit::assign(experience, recipe, self.state.step)
    }

    /// Trains the value model on draws of the frozen policy before the first step.
    pub(super) fn pretrain_critic(&mut self, problems: &Problems) -> Result<(), TrainError> {
        let Some(settings) = self.recipe.critic.as_ref() else { return Ok(()) };
        let total = settings.pretrain_steps;
        if self.state.step > 0 || self.state.pretrained >= total {
            return Ok(());
        }
        // No KL in these rewards: the policy is its own reference before the first step.
        // Monte Carlo: what the completions were worth, whatever the values say.
        let mut recipe = self.recipe.clone();
        recipe.critic = Some(bourn_recipe::Critic { lambda_value: 1.0, ..settings.clone() });
        let mut progress = self.console.stage("critic: pretraining", total, "step");
        while self.state.pretrained < total {
            let step = self.state.pretrained;
            let size = recipe.rollout.num_generations;
            let draws = Draws { purpose: "critic", step, batch: 0, size };
            let mut experience = self.draw(problems, draws)?;
            self.engine.release();
            if let Some(critic) = &mut self.critic {
                critic.evaluate(&self.policy, &mut experience, &recipe)?;
                credit::assign(&mut experience, &recipe, step)?;
                let before = (critic.clone(), self.policy.clone());
                let report = match critic.update(&mut self.policy, &experience, &recipe, step) {
                    Ok(report) => report,
                    Err(error) => {
                        (*critic, self.policy) = before;
                        return Err(self.saved_before(error));
                    }
                };
                let explained = report.explained.unwrap_or(0.0);
                progress.set_message(format!(
                    "value loss {:.4}, explained variance {explained:.3}",
                    report.loss
                ));
            }
            self.engine.update_from(&self.policy)?;
            self.state.pretrained += 1;
            progress.inc(1);
        }
        progress.finish(format!("{total} rollouts of the frozen policy"));
        Ok(())
    }

    pub(super) fn update(&mut self, experience: &Experience) -> Result<UpdateReport, TrainError> {
        // A step of several updates that fails half-way must leave no trace; a single update that
        // fails has changed nothing, and need not hold the old weights in memory.
        let updates = self.recipe.train.num_iterations * self.recipe.train.minibatches;
        let several = updates > 1 || self.critic.is_some();
        let before =
            several.then(|| (self.policy.clone(), self.optimizer.clone(), self.critic.clone()));
        let report = self.try_update(experience).map_err(|error| {
            if let (UpdateError::NonFinite(_), Some(before)) = (&error, before) {
                (self.policy, self.optimizer, self.critic) = before;
            }
            if let Some(before) = self.implicit_before.take() {
                self.implicit = Some(before);
            }
            self.saved_before(error)
        })?;
        self.implicit_before = None;
        self.state.extra_batches += experience.extra_batches;
        Ok(report)
    }

    fn try_update(&mut self, experience: &Experience) -> Result<UpdateReport, UpdateError> {
        let (recipe, step) = (self.recipe, self.state.step);
        let (policy, optimizer) = (&mut self.policy, &mut self.optimizer);
        let warming = recipe.critic.as_ref().is_some_and(|critic| step < critic.critic_warmup);
        let mut report = match warming {
            true => UpdateReport::default(),
            false => update(policy, optimizer, self.reference.as_ref(), experience, recipe, step)?,
        };
        // A head on the policy has been trained with it, unless the policy waits.
        if let Some(critic) = &mut self.critic
            && (warming || matches!(critic, Critic::Own(_)))
        {
            report.critic = Some(critic.update(policy, experience, recipe, step)?);
        }
        Ok(report)
    }

    /// A number that is none, as an error that names the checkpoint of the state before it.
    fn saved_before(&mut self, error: UpdateError) -> TrainError {
        match error {
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
        let interval = self.recipe.algorithm.reset_interval;
        if interval == 0 || !self.state.step.is_multiple_of(interval) {
            return Ok(());
        }
        self.optimizer.reset();
        self.state.reset_at = self.optimizer.reset_at();
        if let Some(reference) = &mut self.reference {
            let (weights, device) = (self.policy.to_weights()?, reference.device().clone());
            *reference = Transformer::from_weights(&self.base.config, &weights, &device)?;
        }
        Ok(())
    }
}

/// Mean entropy of the policy over the tokens of a step, in nats.
fn mean_entropy(experience: &Experience) -> Result<f64, TrainError> {
    let (mut sum, mut count) = (0.0, 0usize);
    for sample in experience.own() {
        for &entropy in sample.entropies()? {
            sum += f64::from(entropy);
            count += 1;
        }
    }
    Ok(sum / count.max(1) as f64)
}
