//! What is said before the first step: what the run is, about how long it will take, what its probes
//! will be able to show.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bourn_recipe::Recipe;
use bourn_task::{Problem, Problems};

use super::{Run, RunOrder, prober};
use crate::announce::{self, Beginning};
use crate::clock;
use crate::credit;
use crate::drawing::{self, DrawBatch};
use crate::error::TrainError;
use crate::forecast::{Done, Kept, Speeds, Subject, Trial, forecast, groups, measure, rows};
use crate::learner::Learner;
use crate::settings::{Credit, Draws};
use crate::world::Alone;
use crate::{memory, prompts};

/// Seconds after which a trial is broken off, and how often that is looked at.
const LONGEST_TRIAL: f64 = 20.0;
const LOOK: Duration = Duration::from_millis(50);

impl Run<'_> {
    /// Says what the run is and how long it will take.
    pub(super) fn tell_beginning(&mut self, problems: &Problems) -> Result<(), TrainError> {
        let (order, base) = (self.order, self.base);
        if self.records.is_none() {
            return Ok(());
        }
        let done = Done {
            base: true,
            base_draws: prober(&order, base, &self.prompter, self.held_out).has_base_draws()?,
            steps: self.state.step,
        };
        let path = Kept::path(&order.options.cache_dir, order.recipe);
        let mut kept = Kept::read(&path);
        if forecast(order.recipe, &kept, done).is_none() {
            kept.speeds = self.speeds(problems)?;
            kept.write(&path);
        }
        self.drew_base = !done.base_draws;
        let forecast = forecast(order.recipe, &kept, done);
        let beginning = Beginning { config: &base.config, to_be_made: false, forecast };
        announce::beginning(&order, problems, &beginning)
    }

    /// How fast this machine draws and fits with the policy, on problems of the run.
    fn speeds(&mut self, problems: &Problems) -> Result<Option<Speeds>, TrainError> {
        let (recipe, rollout) = (self.order.recipe, self.rl.rollout);
        let some: Vec<&Problem> = problems.train.iter().take(groups(recipe)).collect();
        let prompts = prompts::encode_prompts(&some, &self.prompter, rollout.max_prompt_length)?;
        let subject = Subject {
            prompts: &prompts,
            sampling: drawing::training_sampling(rollout, recipe.seed, &self.prompter, 0),
            rows: rows(recipe),
            micro_batch_size: self.rl.train.micro_batch_size,
            completion: None,
        };
        let Learner { model, descent } = &self.learners.policy;
        let found = measure(&subject, &mut *self.engine, model, descent, self.order.stop)?;
        let trial = found.and_then(|_| self.trial(&some));
        Ok(found.map(|speeds| trial.map_or(speeds, |trial| speeds.after(trial))))
    }

    /// Groups that are drawn and judged as a step's, and count for nothing: most may have no advantages,
    /// and then take no gradient. `None` where everything is trained on, where that takes long, and where
    /// a judge is asked outside this process, whose answers are not for a guess at a time.
    fn trial(&mut self, problems: &[&Problem]) -> Option<Trial> {
        let RunOrder { recipe, stop, .. } = self.order;
        let outside = |problem: &&Problem| problem.rewards.iter().any(|paid| paid.judge.waits());
        if trains_on_all(recipe) || problems.iter().any(outside) {
            return None;
        }
        let size = self.rl.rollout.num_generations;
        let batch = DrawBatch { purpose: "forecast", step: 0, batch: 0, size };
        let (engine, prompter) = (&mut *self.engine, &self.prompter);
        let (over, done) = (AtomicBool::new(false), AtomicBool::new(false));
        let started = clock::now();
        let drawn = thread::scope(|scope| {
            scope.spawn(|| {
                // It ends by itself too, should the drawing never come to say that it is done.
                while !done.load(Ordering::Relaxed) && !over.load(Ordering::Relaxed) {
                    let late = started.elapsed().as_secs_f64() > LONGEST_TRIAL;
                    over.store(late || stop.load(Ordering::Relaxed), Ordering::Relaxed);
                    thread::sleep(LOOK);
                }
            });
            let drawn =
                drawing::collect(engine, prompter, problems, Draws::of(recipe), batch, &over);
            done.store(true, Ordering::Relaxed);
            drawn
        });
        // What goes wrong here goes wrong in the first step, which says so.
        let mut experience = drawn.ok()?;
        let seconds = started.elapsed().as_secs_f64();
        credit::assign(&mut experience, &Credit::of(recipe), 0, &Alone).ok()?;
        let samples = &experience.samples;
        Some(Trial {
            groups: problems.len(),
            completions: samples.len(),
            trained: samples.iter().filter(|sample| sample.signals.speaks()).count(),
            tokens: samples.iter().map(|sample| sample.trajectory.count()).sum(),
            seconds,
        })
    }

    /// Says what memory the run may take and, before a new run's first step, what its probes will be
    /// able to show.
    pub(super) fn announce(&self) -> Result<(), TrainError> {
        let RunOrder { recipe, console, .. } = self.order;
        console.detail(memory::announcement(recipe, &self.base.config)?);
        match recipe.probe.interval > 0 && self.state.step == 0 && !self.state.probed {
            true => prober(&self.order, self.base, &self.prompter, self.held_out).announce(),
            false => Ok(()),
        }
    }
}

/// Whether completions without advantages take a gradient too, or there is more to a step than its
/// first draws.
fn trains_on_all(recipe: &Recipe) -> bool {
    let algorithm = &recipe.algorithm;
    let everywhere = [algorithm.kl_coef, algorithm.entropy_coef, algorithm.entropy_target];
    recipe.critic.is_some()
        || recipe.implicit_reward.is_some()
        || algorithm.dynamic_sampling > 0
        || everywhere.iter().any(|&weight| weight != 0.0)
}
