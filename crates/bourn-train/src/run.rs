//! The loop: one file, in the order things happen.
//!
//! ```text
//! recipe → tasks → rollout → verify → advantage → loss → update → log
//!                     ↑                              │
//!                     └───────── new weights ────────┘  every N steps: probe, checkpoint
//! ```

mod replay;
mod steps;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use bourn_model::prompt::Prompter;
use bourn_model::transformer::Transformer;
use bourn_model::{Bundle, Weights};
use bourn_probe::{Boundary, Examples};
use bourn_recipe::Recipe;
use bourn_rollout::{RolloutEngine, RolloutError};
use bourn_task::{Problem, Problems};
use bourn_track::{Console, Stage};
use burn::tensor::Device;

use crate::checkpoint::{self, Parts, State};
use crate::critic::Critic;
use crate::error::TrainError;
use crate::experience::Experience;
use crate::implicit::Implicit;
use crate::logbook::{self, Logbook};
use crate::optimizer::AdamWOptimizer;
use crate::probe::{ProbeResult, Prober, check_probe, is_scheduled, read_figures};
use crate::replay::Replay;
use crate::rundir::{self, Claim, Lock, Start};
use crate::side::{Engines, Held, Side};
use crate::update::UpdateReport;
use crate::{base, check_context, engine, memory, origins, prompts};

/// What the command line adds to the recipe.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Where everything the run writes goes.
    pub run_dir: PathBuf,
    /// Continue the run that is there.
    pub resume: bool,
    /// Stop after this many steps in all, without changing the schedule.
    pub max_steps: Option<u64>,
    /// Where pretrained bases and base ledgers are kept for other runs.
    pub cache_dir: PathBuf,
}

/// What a finished run hands back.
pub struct Outcome {
    /// Completed steps.
    pub step: u64,
    /// The figures of the last probe, one for each sampler; empty where the recipe asks for none.
    pub boundaries: Vec<Boundary>,
    /// What was lost and gained, beside `boundaries`; empty where the probe was made before a
    /// resume.
    pub examples: Vec<Examples>,
    /// The last checkpoint.
    pub checkpoint: PathBuf,
    /// TensorBoard's directory, where event files are written.
    pub tensorboard: Option<PathBuf>,
}

/// Trains the policy of `recipe` and probes its boundary. `stop` asks the run to save and leave.
pub fn train(
    recipe: &Recipe,
    options: &RunOptions,
    console: &Console,
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    // Nothing is written before everything that can be wrong with the input has been looked at.
    check_probe(recipe)?;
    let claim = rundir::check(&options.run_dir, recipe, options.resume)?;
    let device = bourn_model::open_device(recipe.device)?.autodiff();
    let problems = bourn_task::load(recipe)?;
    problems.warnings.iter().for_each(|warning| console.warn(warning));
    let mut base = base::obtain(recipe, &device, &options.cache_dir, console, stop)?;
    check_context(recipe, &base.config)?;

    if base.stop_tokens.is_empty() {
        console.warn("the model names no token that ends a text: every completion is truncated");
    }

    let order = Order { recipe, options, console, stop };
    let weights = base.take_weights()?;
    let mut run = Run::new(order, &problems, &base, weights, &device, claim)?;
    run.announce()?;
    let last = last_step(recipe, options);
    run.pretrain_critic(&problems)?;
    let mut progress = run.progress_bar(last);
    loop {
        if run.probe_is_due(last) {
            run.probe()?;
        }
        if run.checkpoint_is_due(last) {
            run.save()?;
        }
        if run.state.step >= last {
            break;
        }
        run.look_if_due(&problems)?;
        let mut experience = run.roll_out(&problems)?;
        run.engine.release();
        run.assign_credit(&mut experience)?;
        let report = run.update(&experience)?;
        run.engine.update_from(&run.policy)?;
        run.state.step += 1;
        run.state.probed = false;
        run.reset_if_due()?;
        run.log(&experience, &report, &mut progress)?;
    }
    progress.finish(format!("{} steps", run.state.step));
    run.finish()
}

/// The number of steps after which this process stops.
fn last_step(recipe: &Recipe, options: &RunOptions) -> u64 {
    options.max_steps.unwrap_or(u64::MAX).min(recipe.train.max_steps)
}

/// What the caller asked for.
#[derive(Clone, Copy)]
struct Order<'a> {
    recipe: &'a Recipe,
    options: &'a RunOptions,
    console: &'a Console,
    stop: &'a AtomicBool,
}

/// What stays the same over the run's probes.
fn prober<'a>(
    order: &Order<'a>,
    base: &'a Bundle,
    prompter: &'a Prompter,
    problems: &'a [Problem],
) -> Prober<'a> {
    let &Order { recipe, options, console, stop } = order;
    let (base, cache_dir) = (Side::new(base, prompter), options.cache_dir.as_path());
    Prober { recipe, problems, base, cache_dir, console, stop, standalone: false }
}

/// Everything that a step reads or changes.
struct Run<'a> {
    recipe: &'a Recipe,
    options: &'a RunOptions,
    console: &'a Console,
    stop: &'a AtomicBool,
    base: &'a Bundle,
    /// What the KL penalty is held against, on the device: the frozen base, until it is reset.
    reference: Option<Transformer>,
    held_out: &'a [Problem],
    prompter: Prompter,
    policy: Transformer,
    optimizer: AdamWOptimizer,
    critic: Option<Critic>,
    /// The model that process rewards are read from, and what it was before the step under way.
    implicit: Option<Implicit>,
    implicit_before: Option<Implicit>,
    engine: Box<dyn RolloutEngine>,
    /// Problems that may be replayed, once they were looked at.
    replay: Option<Replay>,
    logbook: Logbook,
    state: State,
    /// The last probe's figures and texts.
    boundaries: Vec<Boundary>,
    examples: Vec<Examples>,
    /// The state whose checkpoint is on disk.
    saved: Option<State>,
    /// Keeps other processes out of the run directory.
    _lock: Lock,
}

impl<'a> Run<'a> {
    fn new(
        order: Order<'a>,
        problems: &'a Problems,
        base: &'a Bundle,
        weights: Weights,
        device: &Device,
        claim: Claim,
    ) -> Result<Run<'a>, TrainError> {
        let Order { recipe, options, console, stop } = order;
        let prompter = prompts::prompter(recipe, base)?;
        // A prompt that does not fit is found now, not at step 4,000.
        let all: Vec<&Problem> = problems.train.iter().chain(&problems.held_out).collect();
        prompts::encode_prompts(&all, &prompter, recipe)?;
        // Nor is a bad line of the reference file found by the first probe.
        origins::references(recipe, &problems.held_out, &Side::new(base, &prompter))?;
        let mut engine = engine::engine(recipe, &base.config, weights.clone(), device)?;
        let problems_hash = prompts::problems_hash(problems);
        if let Start::Resume(restored) = &claim.start {
            rundir::check_base(restored, base)?;
            rundir::check_problems(restored, &problems_hash)?;
        }
        let (start, lock) = rundir::claim(&options.run_dir, recipe, claim)?;

        let mut optimizer = AdamWOptimizer::new(&recipe.optimizer);
        let mut reference_weights = None;
        let mut implicit = Implicit::new(recipe, &base.config, &weights, device)?;
        let (policy, critic, state, resumed) = match start {
            Start::Fresh => {
                if options.resume {
                    console.line("there is no checkpoint to resume from: starting over");
                }
                let mut policy = Transformer::from_weights(&base.config, &weights, device)?
                    .with_gradient_checkpointing(recipe.train.gradient_checkpointing);
                let critic = Critic::new(recipe, &base.config, &weights, &mut policy, device)?;
                (policy, critic, State::new(&base.weights_hash, &problems_hash), None)
            }
            Start::Resume(restored) => {
                let policy_weights = &restored.policy.weights()?;
                let mut policy = Transformer::from_weights(&base.config, policy_weights, device)?
                    .with_gradient_checkpointing(recipe.train.gradient_checkpointing);
                let (path, state) = (&restored.path, restored.state);
                let mut critic = Critic::new(recipe, &base.config, &weights, &mut policy, device)?;
                if let Some(critic) = &mut critic {
                    critic.restore(path, &mut policy, state.critic_updates)?;
                }
                if let Some(implicit) = &mut implicit {
                    implicit.restore(path, recipe, state.implicit_updates)?;
                }
                reference_weights = checkpoint::reference(path)?;
                checkpoint::restore_optimizer(path, &policy, &mut optimizer, &state)?;
                console.line(format!("resuming at step {} from {}", state.step, path.display()));
                engine.load(policy_weights)?;
                let step = state.step;
                // The metrics become those of a run that was never stopped.
                let goes_on = step < last_step(recipe, options);
                if !state.probed || (goes_on && !is_scheduled(recipe, step)) {
                    logbook::drop_probe(&options.run_dir, step)?;
                }
                (policy, critic, state, Some(step))
            }
        };
        let logbook = Logbook::open(&options.run_dir, recipe, resumed)?;
        let reference = match recipe.algorithm.kl_coef > 0.0 {
            true => {
                let device = device.clone().inner();
                let weights = reference_weights.as_ref().unwrap_or(&weights);
                Some(Transformer::from_weights(&base.config, weights, &device)?)
            }
            false => None,
        };
        Ok(Run {
            recipe,
            options,
            console,
            stop,
            base,
            reference,
            held_out: &problems.held_out,
            prompter,
            policy,
            optimizer,
            critic,
            implicit,
            implicit_before: None,
            engine,
            replay: None,
            logbook,
            saved: resumed.map(|_| state.clone()),
            _lock: lock,
            state,
            boundaries: Vec::new(),
            examples: Vec::new(),
        })
    }

    fn order(&self) -> Order<'a> {
        let &Run { recipe, options, console, stop, .. } = self;
        Order { recipe, options, console, stop }
    }

    /// Says what memory the run may take and, before a new run's first step, what its probes will be
    /// able to show.
    fn announce(&self) -> Result<(), TrainError> {
        self.console.line(memory::announcement(self.recipe, &self.base.config));
        match self.recipe.probe.interval > 0 && self.state.step == 0 && !self.state.probed {
            true => prober(&self.order(), self.base, &self.prompter, self.held_out).announce(),
            false => Ok(()),
        }
    }

    fn progress_bar(&self, last: u64) -> Stage {
        let interval = self.recipe.log.console_interval;
        let stage = self.console.stage("train", last, "step");
        stage.lines_every(interval).start_at(self.state.step)
    }

    fn probe_is_due(&self, last: u64) -> bool {
        let step = self.state.step;
        let wanted = self.recipe.probe.interval > 0 && !self.state.probed;
        wanted && (step >= last || is_scheduled(self.recipe, step))
    }

    fn checkpoint_is_due(&self, last: u64) -> bool {
        let (step, interval) = (self.state.step, self.recipe.checkpoint.interval);
        let due = step >= last || (interval > 0 && step > 0 && step % interval == 0);
        // A checkpoint left by an interrupted probe is written again once the probe is done.
        let saved = |saved: &State| saved.step == step && saved.probed == self.state.probed;
        let stale = self.saved.as_ref().is_some_and(|saved| saved.step == step);
        (due || stale) && !self.saved.as_ref().is_some_and(saved)
    }

    /// Measures the boundary at this step: files, metrics, TensorBoard.
    fn probe(&mut self) -> Result<(), TrainError> {
        let weights = self.policy.to_weights()?;
        let hash = bourn_model::weights_hash(&weights);
        let policy = Side {
            config: &self.base.config,
            weights: Held::Here(&weights),
            hash: &hash,
            prompter: &self.prompter,
        };
        let step = self.state.step;
        let prober = prober(&self.order(), self.base, &self.prompter, self.held_out);
        let results = prober.run(&mut Engines::shared(&mut *self.engine), &policy, step);
        let results = match results {
            Ok(results) => results,
            Err(error) => return Err(self.or_save(error)),
        };
        self.logbook.layout(step, &results)?;
        for result in &results {
            prober.write(&self.options.run_dir, step, &policy, result)?;
            self.logbook.probe(step, result)?;
            self.console.line(format!("step {step}: {}", summary(result)));
        }
        self.state.probed = true;
        (self.boundaries, self.examples) =
            results.into_iter().map(|result| (result.boundary, result.examples)).unzip();
        Ok(())
    }

    /// Writes the checkpoint of this state, unless it is on disk: what is there is not put at risk.
    fn save(&mut self) -> Result<PathBuf, TrainError> {
        self.logbook.sync()?;
        self.state.updates = self.optimizer.updates();
        self.state.critic_updates = self.critic.as_ref().map_or(0, Critic::updates);
        self.state.implicit_updates = self.implicit.as_ref().map_or(0, Implicit::updates);
        if self.saved.as_ref() == Some(&self.state) {
            return Ok(checkpoint::path(&self.options.run_dir, self.state.step));
        }
        let keep = self.recipe.checkpoint.keep_last;
        let was_reset = self.state.reset_at > 0;
        let parts = Parts {
            base: self.base,
            policy: &self.policy,
            optimizer: &self.optimizer,
            critic: self.critic.as_ref(),
            implicit: self.implicit.as_ref(),
            reference: self.reference.as_ref().filter(|_| was_reset),
        };
        let path = checkpoint::save(&self.options.run_dir, parts, &self.state, keep)?;
        self.saved = Some(self.state.clone());
        Ok(path)
    }

    fn log(
        &mut self,
        experience: &Experience,
        report: &UpdateReport,
        progress: &mut Stage,
    ) -> Result<(), TrainError> {
        let line = self.logbook.step(self.state.step, experience, report, self.recipe)?;
        progress.set_message(line);
        progress.inc(1);
        Ok(())
    }

    /// An interruption becomes a checkpoint and a message, a policy that draws nothing finite a
    /// message that names the last good checkpoint; a base that can no longer be read, a judge or an
    /// environment that fails costs no step; other errors pass.
    fn or_save(&mut self, error: TrainError) -> TrainError {
        let step = self.state.step;
        match error {
            TrainError::Rollout(RolloutError::Interrupted) => match self.save() {
                Ok(checkpoint) => TrainError::Interrupted { step, checkpoint },
                Err(error) => error,
            },
            TrainError::Rollout(error @ RolloutError::NonFinite { .. }) if step > 0 => {
                let path = |saved: &State| checkpoint::path(&self.options.run_dir, saved.step);
                let last = self.saved.as_ref().map(|saved| path(saved).display().to_string());
                let checkpoint = last.unwrap_or_else(|| "none".into());
                TrainError::Diverged { step, problem: error.to_string(), checkpoint }
            }
            // What judges or answers may be outside this process, and what it fails with is not the
            // policy's fault.
            error @ (TrainError::Model(_)
            | TrainError::Judge { .. }
            | TrainError::Environment(_)
            | TrainError::NoVerdict) => match self.save() {
                Ok(checkpoint) => {
                    self.console.line(format!("step {step} is saved in {}", checkpoint.display()));
                    error
                }
                Err(error) => error,
            },
            error => error,
        }
    }

    fn finish(mut self) -> Result<Outcome, TrainError> {
        if let Some(peak) = memory::peak() {
            self.console.line(format!("memory: {} at the peak", memory::mebibytes(peak)));
        }
        self.logbook.sync()?;
        let step = self.state.step;
        if self.boundaries.is_empty() && self.state.probed {
            self.boundaries = read_figures(&self.options.run_dir, step, self.recipe)?;
        }
        Ok(Outcome {
            step,
            boundaries: self.boundaries,
            examples: self.examples,
            checkpoint: checkpoint::path(&self.options.run_dir, step),
            tensorboard: self.logbook.tensorboard(),
        })
    }
}

/// One line about a probe.
fn summary(result: &ProbeResult) -> String {
    let figures = &result.boundary;
    let percent = |values: &[f64], index: usize| 100.0 * values[index];
    let last = figures.k.len() - 1;
    format!(
        "{}: pass@1 {:.1}% (base {:.1}%), pass@{} {:.1}% (base {:.1}%), lost {}, gained {}",
        result.set,
        percent(&figures.policy.pass_at_k, 0),
        percent(&figures.base.pass_at_k, 0),
        figures.k[last],
        percent(&figures.policy.pass_at_k, last),
        percent(&figures.base.pass_at_k, last),
        figures.solvable.lost.len(),
        figures.solvable.gained.len(),
    )
}
