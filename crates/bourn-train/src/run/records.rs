//! What a run writes, and what it says: its records, probes, checkpoints, and its end.

use std::path::{Path, PathBuf};

use bourn_recipe::{Algorithm, Recipe};
use bourn_rollout::RolloutError;
use bourn_track::{Console, ProgressStage, Written, tags, words};

use super::{Outcome, Run, RunOrder, prober};
use crate::checkpoint::{self, CheckpointParts, State};
use crate::clock;
use crate::error::TrainError;
use crate::experience::Experience;
use crate::forecast::{Kept, RunTimes};
use crate::logbook::{self, Logbook};
use crate::memory;
use crate::probe::{base_file, is_scheduled, read_figures};
use crate::rundir::Lock;
use crate::side::{Engines, Held, Side};
use crate::update::UpdateReport;

/// The records of a run directory, which nobody else writes in.
pub(super) struct Records {
    logbook: Logbook,
    /// Keeps other processes out of the run directory.
    lock: Lock,
    /// What has been said of records that are not as the run wrote them.
    faults: Vec<String>,
}

/// What is known of a run before its records are opened.
pub(super) struct Known {
    /// The step of the checkpoint that it goes on from.
    pub(super) resumed: Option<u64>,
    /// What it had written by then, where the checkpoint says.
    pub(super) written: Option<Written>,
    /// The step whose probe is made again or would not have been made.
    pub(super) anew: Option<u64>,
}

impl Records {
    /// Opens the records of `run_dir`, and says what of them is not as the run wrote it. Everything after
    /// the step that it goes on from is dropped, and what was said of the probe that is made anew.
    pub(super) fn open(
        run_dir: &Path,
        recipe: &Recipe,
        known: Known,
        lock: Lock,
        console: &Console,
    ) -> Result<Records, TrainError> {
        let Known { resumed, mut written, anew } = known;
        if let (Some(written), Some(step)) = (&mut written, anew) {
            written.forget_stop(step);
        }
        let faults = written.as_ref().map_or_else(Vec::new, |written| written.faults(run_dir));
        tell(&faults, console);
        if let Some(step) = anew {
            logbook::drop_probe(run_dir, step)?;
        }
        let logbook = Logbook::open(run_dir, recipe, resumed, written)?;
        if !faults.is_empty() {
            console.line(
                "the run goes on from its checkpoint, which is whole; put back what you have",
            );
        }
        Ok(Records { logbook, lock, faults })
    }

    /// What is not as it was written and has not been said yet.
    fn new_faults(&self, run_dir: &Path) -> Vec<String> {
        let faults = self.logbook.written().faults(run_dir).into_iter();
        faults.filter(|fault| !self.faults.contains(fault)).collect()
    }
}

fn tell(faults: &[String], console: &Console) {
    faults.iter().for_each(|fault| console.warn(format!("the run's records are damaged: {fault}")));
}

impl Run<'_> {
    /// Starts the clock of a step.
    pub(super) fn start_step(&mut self) {
        if let Some(records) = &mut self.records {
            records.logbook.start_step();
        }
    }

    /// Records what pretraining the base took, where it was done now.
    pub(super) fn note_base(&mut self, seconds: Option<f64>) -> Result<(), TrainError> {
        match (&mut self.records, seconds) {
            (Some(records), Some(seconds)) => {
                records.logbook.seconds(self.state.step, tags::BASE_SECONDS, seconds)
            }
            _ => Ok(()),
        }
    }

    /// Measures the boundary at this step: files, metrics, TensorBoard. One process does.
    pub(super) fn probe(&mut self) -> Result<(), TrainError> {
        let probed = match self.records.is_some() {
            true => self.measure(),
            false => Ok(()),
        };
        let probed = self.or_gone(probed);
        self.together(probed).map_err(|error| self.or_save(error))?;
        self.state.probed = true;
        Ok(())
    }

    /// What cannot be written may be so because the run directory is not there any more.
    fn or_gone<T>(&self, done: Result<T, TrainError>) -> Result<T, TrainError> {
        let records = self.records.as_ref().filter(|_| done.is_err());
        records.map_or(Ok(()), |records| records.lock.check()).and(done)
    }

    fn measure(&mut self) -> Result<(), TrainError> {
        let weights = self.learners.policy.model.to_weights()?;
        let hash = bourn_model::weights_hash(&weights);
        let policy = Side {
            config: &self.base.config,
            weights: Held::Here(&weights),
            hash: &hash,
            prompter: &self.prompter,
        };
        let (step, run_dir) = (self.state.step, &self.order.options.run_dir);
        let started = clock::now();
        let prober = prober(&self.order, self.base, &self.prompter, self.held_out);
        let results = prober.run(&mut Engines::shared(&mut *self.engine), &policy, step)?;
        let Some(Records { logbook, lock, .. }) = &mut self.records else { return Ok(()) };
        lock.check()?;
        let at_stop = !is_scheduled(&self.order.recipe.measured(), step);
        logbook.layout(step, &results)?;
        for result in &results {
            let has_base = logbook.written().is_intact(run_dir, &base_file(&result.set));
            let files = prober.write(run_dir, step, &policy, result, has_base)?;
            logbook.files(run_dir, &files)?;
            logbook.probe(step, result, at_stop)?;
            let several =
                if results.len() > 1 { format!("  {}", result.set) } else { String::new() };
            self.order.console.line(words::probe_line(step, &result.boundary) + &several);
        }
        logbook.seconds(step, tags::PROBE_SECONDS, started.elapsed().as_secs_f64())?;
        (self.boundaries, self.examples) =
            results.into_iter().map(|result| (result.boundary, result.examples)).unzip();
        Ok(())
    }

    /// Writes the checkpoint of this state, unless it is on disk: what is there is not put at risk.
    pub(super) fn save(&mut self) -> Result<PathBuf, TrainError> {
        if let Some(Records { logbook, lock, .. }) = &mut self.records {
            lock.check()?;
            logbook.sync()?;
        }
        self.learners.count(&mut self.state);
        let RunOrder { recipe, options, .. } = self.order;
        if self.saved.as_ref() == Some(&self.state) {
            return Ok(checkpoint::path(&options.run_dir, self.state.step));
        }
        let path = match &self.records {
            Some(records) => {
                let was_reset = self.state.reset_at > 0;
                let parts = CheckpointParts {
                    base: self.base,
                    learners: &self.learners,
                    reference: self.reference.as_ref().filter(|_| was_reset),
                    written: records.logbook.written(),
                };
                let keep = recipe.checkpoint.keep_last;
                checkpoint::save(&options.run_dir, parts, &self.state, keep)?
            }
            None => checkpoint::path(&options.run_dir, self.state.step),
        };
        self.saved = Some(self.state.clone());
        Ok(path)
    }

    /// [`Run::save`], as all agree on it.
    pub(super) fn checkpoint(&mut self) -> Result<(), TrainError> {
        let saved = self.save();
        self.together(self.or_gone(saved)).map(drop)
    }

    pub(super) fn log(
        &mut self,
        experience: &Experience,
        report: &UpdateReport,
        progress: &mut ProgressStage,
    ) -> Result<(), TrainError> {
        let (algorithm, replays): (&Algorithm, bool) =
            (self.rl.algorithm, self.rl.replay.is_some());
        let step = self.state.step;
        let mut write = |records: &mut Records| {
            records.lock.check()?;
            records.logbook.step(step, experience, report, algorithm, replays)
        };
        let written = self.records.as_mut().map(&mut write).transpose();
        let written = self.or_gone(written);
        if let Some(line) = self.together(written)? {
            progress.set_message(line);
        }
        progress.inc(1);
        Ok(())
    }

    /// An interruption becomes a checkpoint and a message, a policy that draws nothing finite a
    /// message that names the last good checkpoint; a base that can no longer be read, a judge or an
    /// environment that fails costs no step; other errors pass.
    pub(super) fn or_save(&mut self, error: TrainError) -> TrainError {
        let step = self.state.step;
        match error {
            TrainError::Rollout(RolloutError::Interrupted) => match self.save() {
                Ok(checkpoint) => TrainError::Interrupted { step, checkpoint },
                Err(error) => error,
            },
            TrainError::Rollout(error @ RolloutError::NonFinite { .. }) if step > 0 => {
                let path =
                    |saved: &State| checkpoint::path(&self.order.options.run_dir, saved.step);
                let last = self.saved.as_ref().map(|saved| path(saved).display().to_string());
                let checkpoint = last.unwrap_or_else(|| "none".into());
                TrainError::Diverged { step, problem: error.to_string(), checkpoint }
            }
            // What judges or answers may be outside this process, as the others are, and what it fails
            // with is not the policy's fault.
            error @ (TrainError::Model(_)
            | TrainError::Elsewhere
            | TrainError::World { .. }
            | TrainError::Judge { .. }
            | TrainError::Environment(_)
            | TrainError::NoVerdict) => match self.save() {
                Ok(checkpoint) => {
                    self.order
                        .console
                        .line(format!("step {step} is saved in {}", checkpoint.display()));
                    error
                }
                Err(error) => error,
            },
            error => error,
        }
    }

    pub(super) fn finish(mut self) -> Result<Outcome, TrainError> {
        let RunOrder { recipe, options, console, .. } = self.order;
        if let Some(peak) = memory::peak() {
            console.detail(format!("memory: {} at the peak", memory::mebibytes(peak)));
        }
        let step = self.state.step;
        let mut tensorboard = None;
        if let Some(records) = &mut self.records {
            records.lock.check()?;
            records.logbook.finish(step)?;
            tensorboard = records.logbook.tensorboard();
            tell(&records.new_faults(&options.run_dir), console);
            let path = Kept::path(&options.cache_dir, recipe);
            let mut kept = Kept::read(&path);
            kept.observe(&RunTimes::read(&options.run_dir.join("timing.jsonl")), self.drew_base);
            kept.write(&path);
        }
        if self.records.is_some() && self.boundaries.is_empty() && self.state.probed {
            self.boundaries = read_figures(&options.run_dir, step, &recipe.probe)?;
        }
        Ok(Outcome {
            step,
            boundaries: self.boundaries,
            examples: self.examples,
            checkpoint: checkpoint::path(&options.run_dir, step),
            tensorboard,
        })
    }
}
