//! Witness replay in the loop: when the watched problems are looked at, and what a step takes.

use bourn_task::Problems;

use super::{Run, prober};
use crate::error::TrainError;
use crate::experience::Experience;
use crate::probe::Bench;
use crate::replay::{Look, WitnessReplay, watched};
use crate::settings::Draws;
use crate::side::{Engines, Held, Side};

impl Run<'_> {
    /// Looks at the watched problems, where it is time, and finds those that are being lost.
    pub(super) fn look_if_due(&mut self, problems: &Problems) -> Result<(), TrainError> {
        let Some(settings) = self.rl.replay else { return Ok(()) };
        let (step, last) = (self.state.step, self.state.looks.last().map(|look| look.step));
        // A run that was interrupted after its look has it already.
        let due = step > 0 && step.is_multiple_of(settings.interval) && last != Some(step);
        // Before the first look nothing is known, and a resumed run has to find out again.
        if !due && (last.is_none() || self.replay.is_some()) {
            return Ok(());
        }
        self.look(problems, due).map_err(|error| self.or_save(error))
    }

    fn look(&mut self, problems: &Problems, due: bool) -> Result<(), TrainError> {
        let Some(settings) = self.rl.replay else { return Ok(()) };
        let known = self.replay.take();
        let watched = match &known {
            Some(replay) => replay.watched().to_vec(),
            None => watched(self.order.recipe.probe.seed, settings, problems),
        };
        let prober = prober(&self.order, self.base, &self.prompter, &watched);
        let weights = self.learners.policy.model.to_weights()?;
        let hash = bourn_model::weights_hash(&weights);
        let (config, prompter) = (&self.base.config, &self.prompter);
        let policy = Side { config, weights: Held::Here(&weights), hash: &hash, prompter };
        let mut engines = Engines::shared(&mut *self.engine);
        let (engines, policy, step) = (&mut engines, &policy, self.state.step);
        let mut bench = Bench { engines, policy, step, store: prober.store()? };
        let mut replay = match known {
            Some(replay) => replay,
            None => WitnessReplay::open(&prober, &mut bench, settings)?,
        };
        if due {
            let look: Look = WitnessReplay::look(&prober, &mut bench, settings)?;
            self.state.looks.push(look);
            let surplus = self.state.looks.len().saturating_sub(2);
            self.state.looks.drain(..surplus);
        }
        replay.judge(&self.state.looks, settings);
        if due {
            self.order.console.detail(format!(
                "step {step}: replay: {} of {} watched problems are being lost",
                replay.endangered(),
                replay.watched().len()
            ));
        }
        self.replay = Some(replay);
        Ok(())
    }

    /// Draws the groups of problems that are being lost, with witnesses in them; `None` where there
    /// is no such problem.
    pub(super) fn replay(&mut self) -> Result<Option<Experience>, TrainError> {
        let (Some(settings), Some(replay)) = (self.rl.replay, &self.replay) else {
            return Ok(None);
        };
        let prober = prober(&self.order, self.base, &self.prompter, replay.watched());
        let draws = Draws::of(self.order.recipe);
        let drawn = replay.draw(&prober, &mut *self.engine, draws, settings, self.state.step);
        drawn.map_err(|error| self.or_save(error))
    }
}
