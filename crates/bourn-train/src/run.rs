//! The loop: one file, in the order things happen.
//!
//! ```text
//! recipe → tasks → rollout → verify → advantage → loss → update → log
//!                     ↑                              │
//!                     └───────── new weights ────────┘  every N steps: probe, checkpoint
//! ```

mod beginning;
mod records;
mod replay;
mod steps;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use bourn_model::prompt::Prompter;
use bourn_model::transformer::Transformer;
use bourn_model::{Bundle, Weights};
use bourn_probe::{Boundary, Examples};
use bourn_recipe::{Recipe, RlStage, Stage};
use bourn_rollout::RolloutEngine;
use bourn_task::{Problem, Problems};
use bourn_track::{Console, ProgressStage};
use burn::tensor::Device;

use self::records::{Known, Records};
use crate::announce::{self, Beginning};
use crate::checkpoint::State;
use crate::error::TrainError;
use crate::forecast::{Done, Kept, forecast};
use crate::implicit::Implicit;
use crate::learner::{Descent, Learner};
use crate::learners::{Before, Learners};
use crate::probe::{Prober, check_probe, is_scheduled};
use crate::replay::WitnessReplay;
use crate::rundir::{self, Claim, Claimed, RunStart};
use crate::side::Side;
use crate::world::{Alone, World, together};
use crate::{base, cache_dir, check_context, critic, engine, engine_options, origins, prompts};

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
///
/// # Errors
/// Whatever is wrong with the input, before anything is written; afterwards what fails, with the last
/// good state on disk where there is one.
pub fn train(
    recipe: &Recipe,
    options: &RunOptions,
    console: &Console,
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    train_in(&Alone, recipe, options, console, stop)
}

/// [`train`], as one of the processes of a world.
///
/// # Errors
/// As [`train`]; another process that failed.
pub fn train_in(
    world: &dyn World,
    recipe: &Recipe,
    options: &RunOptions,
    console: &Console,
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    let quiet = Console::with_writer(Box::new(std::io::sink()));
    let console = if world.writes() { console } else { &quiet };
    let order = RunOrder { recipe, options, console, stop, world };
    if world.size() > 1 && recipe.replay.is_some() {
        let problem = "witness replay looks at problems in one process alone".to_owned();
        return Err(TrainError::World { problem });
    }
    // Nothing is written before everything that can be wrong with the input has been looked at.
    check_probe(&recipe.probe)?;
    let claim = rundir::look(world, &options.run_dir, recipe, options.resume)?;
    let cache = world.writes().then(|| cache_dir::check_for(recipe, &options.cache_dir));
    together(world, cache.transpose())?;
    let device = bourn_model::open_device(recipe.device)?.autodiff();
    let problems = bourn_task::load(recipe)?;
    problems.warnings.iter().for_each(|warning| console.warn(warning));
    let mut claim = Some(claim);
    let (mut policy, mut base_seconds, mut outcome) = (base::open(recipe)?, None, None);
    // A base that is to be made takes a while: what a run is, is said before it.
    let told = world.writes() && base::is_to_be_made(recipe, &options.cache_dir);
    if told {
        order.tell_before_the_base(&problems, &device)?;
    }
    // Every stage begins with what the one before it left.
    for stage in recipe.stages() {
        match stage {
            Stage::Base(stage) => {
                let made = base::pretrained(&order, stage, &device)?;
                (policy, base_seconds) = (Some(made.base), made.seconds);
            }
            Stage::Rl(rl) => {
                let (Some(base), Some(claim)) = (&mut policy, claim.take()) else {
                    return Err(TrainError::NoDemonstrations);
                };
                outcome =
                    Some(reinforce(order, rl, &problems, base, base_seconds, &device, claim)?);
            }
        }
    }
    outcome.ok_or(TrainError::NoDemonstrations)
}

/// The stage of reinforcement learning, on a base that is frozen where the policy begins.
fn reinforce(
    order: RunOrder<'_>,
    rl: RlStage<'_>,
    problems: &Problems,
    base: &mut Bundle,
    base_seconds: Option<f64>,
    device: &Device,
    claim: Claim,
) -> Result<Outcome, TrainError> {
    check_context(rl.rollout, &base.config)?;
    let ends = &rl.rollout;
    if base.stop_tokens.is_empty() && ends.stop_tokens.is_empty() && ends.stop_strings.is_empty() {
        let told = "the model names no token that ends a text: every completion is truncated";
        order.console.warn(told);
    }
    let weights = base.take_weights()?;
    let mut run = Run::new(order, rl, problems, base, weights, device, claim)?;
    if base_seconds.is_none() {
        run.tell_beginning(problems)?;
    }
    run.announce()?;
    run.note_base(base_seconds)?;
    let last = last_step(order.recipe, order.options);
    run.pretrain_critic(problems)?;
    let mut progress = run.progress_bar(last);
    loop {
        if run.probe_is_due(last) {
            run.probe()?;
        }
        if run.checkpoint_is_due(last) {
            run.checkpoint()?;
        }
        if run.state.step >= last {
            break;
        }
        run.look_if_due(problems)?;
        let mut experience = run.roll_out(problems)?;
        run.engine.release();
        run.assign_credit(&mut experience)?;
        let report = run.update(&experience)?;
        run.engine.update_from(&run.learners.policy.model)?;
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

/// What the caller asked for, and with whom it is done.
#[derive(Clone, Copy)]
pub(crate) struct RunOrder<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) options: &'a RunOptions,
    pub(crate) console: &'a Console,
    pub(crate) stop: &'a AtomicBool,
    pub(crate) world: &'a dyn World,
}

impl RunOrder<'_> {
    /// Says what the run is before its base is made.
    fn tell_before_the_base(&self, problems: &Problems, device: &Device) -> Result<(), TrainError> {
        let (recipe, cache_dir) = (self.recipe, &self.options.cache_dir);
        let Some(stage) = &recipe.base else { return Ok(()) };
        let path = Kept::path(cache_dir, recipe);
        let (mut kept, done) = (Kept::read(&path), Done::default());
        let sketch = base::sketch(recipe, stage)?;
        if forecast(recipe, &kept, done).is_none() {
            kept.speeds = sketch.speeds(recipe, device, self.stop)?;
            kept.write(&path);
        }
        let forecast = forecast(recipe, &kept, done);
        let beginning = Beginning { config: &sketch.config, to_be_made: true, forecast };
        announce::beginning(self, problems, &beginning)
    }
}

/// What stays the same over the run's probes.
fn prober<'a>(
    order: &RunOrder<'a>,
    base: &'a Bundle,
    prompter: &'a Prompter,
    problems: &'a [Problem],
) -> Prober<'a> {
    let &RunOrder { recipe, options, console, stop, .. } = order;
    let (base, cache_dir) = (Side::new(base, prompter), options.cache_dir.as_path());
    let measured = recipe.measured();
    Prober { measured, problems, base, cache_dir, console, stop, standalone: false }
}

/// Everything that a step reads or changes.
struct Run<'a> {
    order: RunOrder<'a>,
    rl: RlStage<'a>,
    base: &'a Bundle,
    held_out: &'a [Problem],
    prompter: Prompter,
    learners: Learners,
    /// Learners as they were before the step under way.
    before: Before,
    /// What the KL penalty is held against, on the device: the frozen base, until it is reset.
    reference: Option<Transformer>,
    /// What process rewards are held against.
    implicit: Option<Implicit>,
    engine: Box<dyn RolloutEngine>,
    /// Problems that may be replayed, once they were looked at.
    replay: Option<WitnessReplay>,
    /// What is written, by the process that writes.
    records: Option<Records>,
    state: State,
    /// The last probe's figures and texts.
    boundaries: Vec<Boundary>,
    examples: Vec<Examples>,
    /// The state whose checkpoint is on disk.
    saved: Option<State>,
    /// Whether this process draws the base for its first probe.
    drew_base: bool,
}

impl<'a> Run<'a> {
    fn new(
        order: RunOrder<'a>,
        rl: RlStage<'a>,
        problems: &'a Problems,
        base: &'a Bundle,
        weights: Weights,
        device: &Device,
        claim: Claim,
    ) -> Result<Run<'a>, TrainError> {
        let RunOrder { recipe, options, console, world, .. } = order;
        let (config, rollout) = (&base.config, rl.rollout);
        let prompter = prompts::prompter(&recipe.model, rollout, base)?;
        // A prompt that does not fit is found now, not at step 4,000.
        let all: Vec<&Problem> = problems.train.iter().chain(&problems.held_out).collect();
        prompts::check_prompts(&all, &prompter, rollout.max_prompt_length, order.stop)?;
        // Nor is a bad line of the reference file found by the first probe.
        let side = Side::new(base, &prompter);
        origins::references(&recipe.measured(), &problems.held_out, &side)?;
        let engine_options = engine_options(rollout, recipe.device, config);
        let mut engine = engine::open(config, weights.clone(), &engine_options, device)?;
        let problems_hash = prompts::problems_hash(problems);
        if let RunStart::Resume(restored) = &claim.start {
            rundir::check_base(restored, base)?;
            rundir::check_problems(restored, &problems_hash)?;
        }
        let Claimed { start, lock, told } = rundir::claim(world, &options.run_dir, recipe, claim)?;
        told.iter().for_each(|told| console.warn(told));

        let first = match &start {
            RunStart::Fresh => None,
            RunStart::Resume(restored) => Some(restored.policy.weights()?),
        };
        let policy =
            Transformer::from_weights(config, first.as_deref().unwrap_or(&weights), device)?
                .with_gradient_checkpointing(rl.train.gradient_checkpointing);
        let descent = Descent::new(rl.optimizer, rl.train.total_updates());
        let mut learners = Learners::new(Learner::new(policy, descent));
        if let Some(settings) = rl.critic {
            critic::add(&mut learners, settings, &rl, config, &weights, device)?;
        }
        let add = |settings| Implicit::add(&mut learners, settings, &rl, config, &weights, device);
        let implicit = rl.implicit_reward.map(add).transpose()?;
        let mut reference_weights = None;
        let (state, resumed, written) = match &start {
            RunStart::Fresh => {
                if options.resume {
                    console.line("there is no checkpoint to resume from: starting over");
                }
                (State::new(&base.weights_hash, &problems_hash), None, None)
            }
            RunStart::Resume(restored) => {
                let (path, state) = (&restored.path, restored.state.clone());
                learners.restore(path, &state)?;
                reference_weights = restored.reference(rl.algorithm.kl_coef > 0.0)?;
                console.line(format!("resuming at step {} from {}", state.step, path.display()));
                if let Some(weights) = &first {
                    engine.load(weights)?;
                }
                let step = state.step;
                (state, Some(step), restored.written.clone())
            }
        };
        // The metrics become those of a run that was never stopped.
        let goes_on = state.step < last_step(recipe, options);
        let anew = resumed
            .filter(|&step| !state.probed || (goes_on && !is_scheduled(&recipe.measured(), step)));
        let known = Known { resumed, written, anew };
        let open = |lock| Records::open(&options.run_dir, recipe, known, lock, console);
        let records = lock.map(open).transpose()?;
        let reference = match rl.algorithm.kl_coef > 0.0 {
            true => {
                let device = device.clone().inner();
                let weights = reference_weights.as_ref().unwrap_or(&weights);
                Some(Transformer::from_weights(config, weights, &device)?)
            }
            false => None,
        };
        Ok(Run {
            order,
            rl,
            base,
            held_out: &problems.held_out,
            prompter,
            learners,
            before: Before::default(),
            reference,
            implicit,
            engine,
            replay: None,
            records,
            saved: resumed.map(|_| state.clone()),
            state,
            boundaries: Vec::new(),
            examples: Vec::new(),
            drew_base: true,
        })
    }

    fn progress_bar(&self, last: u64) -> ProgressStage {
        let interval = self.order.recipe.log.console_interval;
        let stage = self.order.console.stage("train", last, "step");
        stage.lines_every(interval).start_at(self.state.step)
    }

    fn probe_is_due(&self, last: u64) -> bool {
        let step = self.state.step;
        let wanted = self.order.recipe.probe.interval > 0 && !self.state.probed;
        wanted && (step >= last || is_scheduled(&self.order.recipe.measured(), step))
    }

    fn checkpoint_is_due(&self, last: u64) -> bool {
        let (step, interval) = (self.state.step, self.order.recipe.checkpoint.interval);
        let due = step >= last || (interval > 0 && step > 0 && step % interval == 0);
        // A checkpoint left by an interrupted probe is written again once the probe is done.
        let saved = |saved: &State| saved.step == step && saved.probed == self.state.probed;
        let stale = self.saved.as_ref().is_some_and(|saved| saved.step == step);
        (due || stale) && !self.saved.as_ref().is_some_and(saved)
    }

    /// What this process did, as all agree on it.
    fn together<T>(&self, own: Result<T, TrainError>) -> Result<T, TrainError> {
        together(self.order.world, own)
    }
}
