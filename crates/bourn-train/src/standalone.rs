//! A probe without training: any two models on the problems of a recipe.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use bourn_episode::Inputs;
use bourn_model::Bundle;
use bourn_model::prompt::Prompter;
use bourn_recipe::{Measured, ProbeRecipe, Recipe};
use bourn_report::{PROBE_FILE, ProbeFile, ProbedModel};
use bourn_rollout::RolloutError;
use bourn_task::{Problem, load_held_out};
use bourn_track::{Console, file_hash};

use crate::checkpoint::{self, Restored};
use crate::error::TrainError;
use crate::probe::{Bench, ProbeResult, Prober, check_resamples, extent, store_dir};
use crate::prompts::{check_prompts, encode_until, prompter};
use crate::side::{Engines, Role, Side, engine_of};
use crate::{base, cache_dir, check_context, rundir, sealed};

/// What the command line adds to the recipe.
#[derive(Clone, Debug)]
pub struct ProbeOptions {
    /// Where files are written; `None` for nowhere.
    pub output: Option<PathBuf>,
    /// Where draws and pretrained bases are kept.
    pub cache_dir: PathBuf,
}

/// The two models, and which the policy is of a run's.
pub struct ProbeModels {
    /// The base.
    pub base: Bundle,
    /// The policy.
    pub policy: Bundle,
    /// Completed steps of the policy; 0 where it is not of a run. Its draws are a function of it.
    pub step: u64,
}

/// A probe whose input has been looked at, as far as that needs no model.
pub struct Probing {
    recipe: ProbeRecipe,
    options: ProbeOptions,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

/// Draws what every run that starts from `base` needs: the base's draws, and those of the policy
/// before its first step. What the store has is not drawn again.
///
/// # Errors
/// [`TrainError::ProbeInterrupted`] once `stop` is raised; the draws are kept.
pub(crate) fn draw_base(
    measured: Measured<'_>,
    base: &Bundle,
    cache_dir: &Path,
    console: &Console,
    stop: &AtomicBool,
) -> Result<(), TrainError> {
    let (problems, _) = load_held_out(&measured)?;
    let rollout = measured.rollout;
    let prompter = prompter(measured.model, rollout, base)?;
    let all: Vec<&Problem> = problems.iter().collect();
    check_prompts(&all, &prompter, rollout.max_prompt_length, stop)?;
    check_context(rollout, &base.config)?;
    let side = Side::new(base, &prompter);
    let mut only = engine_of(&measured, &side)?;
    let mut engines = Engines::shared(&mut *only);
    let problems = problems.as_slice();
    let prober =
        Prober { measured, problems, base: side, cache_dir, console, stop, standalone: false };
    let store = prober.store()?;
    let mut bench = Bench { engines: &mut engines, policy: &side, step: 0, store };
    for sampler in &measured.probe.samplers {
        for (role, name) in [(Role::Base, "probe: base"), (Role::Policy, "probe: policy at step 0")]
        {
            let drawn = prober.draws(&mut bench, role, sampler, extent(measured.probe), Some(name));
            drawn.map_err(|error| match error {
                TrainError::Rollout(RolloutError::Interrupted) => {
                    TrainError::ProbeInterrupted { store: store_dir(cache_dir) }
                }
                error => error,
            })?;
        }
    }
    Ok(())
}

impl Probing {
    /// Loads the held-out problems of `recipe` and looks at the place for the files.
    ///
    /// # Errors
    /// Intervals that cannot be made, problems that cannot be loaded, a directory for the files
    /// that holds anything but an earlier probe or cannot be written in.
    pub fn new(recipe: ProbeRecipe, options: ProbeOptions) -> Result<Probing, TrainError> {
        let measured = recipe.measured();
        check_resamples(measured.probe)?;
        bourn_model::open_device(measured.device)?;
        if let Some(output) = &options.output {
            check_output(output)?;
        }
        cache_dir::check(&options.cache_dir)?;
        let (problems, warnings) = load_held_out(&measured)?;
        Ok(Probing { recipe, options, problems, warnings })
    }

    /// Draws from both models and compares them, once for each sampler of the recipe, and writes
    /// the files. Each model reads the problems through its own tokenizer and template.
    ///
    /// # Errors
    /// [`TrainError::ProbeInterrupted`] once `stop` is raised; the draws are kept.
    pub fn run(
        &self,
        models: &ProbeModels,
        console: &Console,
        stop: &AtomicBool,
    ) -> Result<Vec<ProbeResult>, TrainError> {
        self.warnings.iter().for_each(|warning| console.warn(warning));
        let ProbeModels { base, policy, step } = models;
        let measured = self.recipe.measured();
        let prompter = |model| self.prompter(model, console, stop);
        let prompters = [prompter(base)?, prompter(policy)?];
        let [reads_base, reads_policy] = &prompters;
        self.tell_differences(reads_base, reads_policy, console)?;

        let (base_side, policy_side) =
            (Side::new(base, reads_base), Side::new(policy, reads_policy));
        let mut first = engine_of(&measured, &base_side)?;
        let mut second = match base.config == policy.config {
            true => None,
            false => Some(engine_of(&measured, &policy_side)?),
        };
        let mut engines = match &mut second {
            None => Engines::shared(&mut *first),
            Some(second) => Engines::apart(&mut *first, &mut **second),
        };
        let prober = Prober {
            measured,
            problems: &self.problems,
            base: base_side,
            cache_dir: &self.options.cache_dir,
            console,
            stop,
            standalone: true,
        };
        let results =
            prober.announce().and_then(|()| prober.run(&mut engines, &policy_side, *step));
        let results = results.map_err(|error| match error {
            TrainError::Rollout(RolloutError::Interrupted) => {
                TrainError::ProbeInterrupted { store: store_dir(&self.options.cache_dir) }
            }
            error => error,
        })?;
        if let Some(output) = &self.options.output {
            let write =
                |result: &ProbeResult| prober.write(output, *step, &policy_side, result, false);
            self.write(output, models, &results, &write)?;
        }
        Ok(results)
    }

    /// How a model reads the problems, once it is known that they fit it.
    fn prompter(
        &self,
        model: &Bundle,
        console: &Console,
        stop: &AtomicBool,
    ) -> Result<Prompter, TrainError> {
        let Measured { model: asked, rollout, .. } = self.recipe.measured();
        let prompter = prompter(asked, rollout, model)?;
        let problems: Vec<&Problem> = self.problems.iter().collect();
        let prompts = encode_until(&problems, &prompter, rollout.max_prompt_length, stop)?;
        let prompt = prompts.iter().map(Inputs::len).max().unwrap_or(0);
        let (completion, context) = (rollout.max_completion_length, model.config.max_position);
        if prompt + completion > context {
            let model = model.source.clone();
            return Err(TrainError::ProbeContext { model, prompt, completion, context });
        }
        if prompter.stop_tokens().is_empty() && prompter.stop_strings().is_none() {
            console.warn(format!(
                "{} names no token that ends a text: every completion is truncated",
                model.source
            ));
        }
        Ok(prompter)
    }

    /// Says where the two models do not read the same.
    fn tell_differences(
        &self,
        base: &Prompter,
        policy: &Prompter,
        console: &Console,
    ) -> Result<(), TrainError> {
        let mut differing = 0;
        for problem in &self.problems {
            differing +=
                usize::from(base.render(&problem.prompt)? != policy.render(&problem.prompt)?);
        }
        if differing > 0 {
            console.line(format!(
                "probe: {differing} of {} prompts differ between the models: each has the problem \
                 in its own chat template",
                self.problems.len()
            ));
        }
        if base.tokenizer().to_json() != policy.tokenizer().to_json() {
            console.line(format!(
                "probe: the models' tokenizers differ: each reads and writes with its own, and \
                 {} tokens of a completion are not as much text of one as of the other",
                self.recipe.measured().rollout.max_completion_length
            ));
        }
        Ok(())
    }

    /// Writes the resolved recipe, the figures and draws by `write`, and last what the directory
    /// is: one without that was not finished.
    fn write(
        &self,
        output: &Path,
        models: &ProbeModels,
        results: &[ProbeResult],
        write: &dyn Fn(&ProbeResult) -> Result<Vec<String>, TrainError>,
    ) -> Result<(), TrainError> {
        check_output(output)?;
        fs::create_dir_all(output).map_err(TrainError::io(output, "creating the directory"))?;
        sealed::settle(output)?;
        let about = output.join(PROBE_FILE);
        if about.exists() {
            fs::remove_file(&about).map_err(TrainError::io(&about, "clearing an old probe"))?;
        }
        let figures = output.join("boundary");
        if figures.exists() {
            fs::remove_dir_all(&figures)
                .map_err(TrainError::io(&figures, "clearing an old probe"))?;
        }
        sealed::replace_file(&output.join(rundir::RECIPE), self.recipe.to_toml().as_bytes())?;
        let mut names = vec![rundir::RECIPE.to_owned()];
        for result in results {
            names.extend(write(result)?.into_iter().map(|name| format!("boundary/{name}")));
        }
        let hash = |name: String| {
            let path = output.join(&name);
            let hash = file_hash(&path).map_err(TrainError::io(&path, "reading the file"))?;
            Ok((name, hash))
        };
        let files = names.into_iter().map(hash).collect::<Result<_, TrainError>>()?;
        let model = |bundle: &Bundle| ProbedModel {
            source: bundle.source.clone(),
            weights: bundle.weights_hash.clone(),
        };
        let file = ProbeFile::new(
            models.step,
            results.iter().map(|result| result.set.clone()).collect(),
            model(&models.base),
            model(&models.policy),
            files,
        );
        sealed::replace_file(&about, sealed::to_json(&about, &file)?.as_bytes())
    }
}

/// A place for a probe's files: empty, an earlier probe, or what was left of one that was killed
/// while it wrote. A run is none: it has a lock file.
fn check_output(path: &Path) -> Result<(), TrainError> {
    let in_use = || TrainError::OutputInUse { path: path.into() };
    if path.exists() && !path.is_dir() {
        return Err(in_use());
    }
    if path.is_dir() && !path.join(PROBE_FILE).is_file() {
        let entries = fs::read_dir(path).map_err(TrainError::io(path, "listing the directory"))?;
        for entry in entries {
            let name = entry.map_err(TrainError::io(path, "listing the directory"))?.file_name();
            let left = |name: &str| sealed::is_unfinished(name) || name.starts_with(".report-");
            let left = name.to_str().is_some_and(left);
            // A page that was made of it, whole or not, is in nobody's way.
            let ours = [rundir::RECIPE, "boundary", "report.html"];
            if !left && !ours.iter().any(|ours| name == *ours) {
                return Err(in_use());
            }
        }
    }
    sealed::check_writable(path)
}

/// The resolved recipe of the run in `run_dir` with these overrides.
fn recipe_of_run(run_dir: &Path, overrides: &[String]) -> Result<Recipe, ProbeOfRunError> {
    let path = run_dir.join(rundir::RECIPE);
    if !path.is_file() {
        let path = run_dir.to_path_buf();
        let error = match checkpoint::tells_recipe(run_dir) {
            true => rundir::RunDirError::RecipeGone { path }.into(),
            false => TrainError::NoRun { path },
        };
        return Err(error.into());
    }
    Ok(bourn_recipe::load(&path, overrides)?)
}

/// Why a run's checkpoint cannot be probed: its recipe with the overrides, or anything else.
#[derive(Debug, thiserror::Error)]
pub enum ProbeOfRunError {
    /// The recipe.
    #[error(transparent)]
    Recipe(#[from] bourn_recipe::RecipeError),
    /// Anything else.
    #[error(transparent)]
    Train(#[from] TrainError),
}

/// The probe of a run's checkpoint (the last, if `step` is `None`) against the run's base: its
/// recipe with `overrides`, and both models. What the overrides leave as it was gives the draws and
/// figures of the run's own probe, to the bit.
///
/// # Errors
/// The directory holds no run or no such checkpoint; the recipe gives another base than the run's.
pub fn probe_of_run(
    run_dir: &Path,
    step: Option<u64>,
    overrides: &[String],
    options: ProbeOptions,
    console: &Console,
    stop: &AtomicBool,
) -> Result<(Probing, ProbeModels), ProbeOfRunError> {
    let recipe = recipe_of_run(run_dir, overrides)?;
    let step = choose(run_dir, step)?;
    let cache_dir = options.cache_dir.clone();
    let probing = Probing::new(recipe.clone().into(), options)?;
    let restored: Restored = checkpoint::open(run_dir, step)?;
    if let Some(fault) = rundir::recipe_fault(run_dir, &restored)? {
        console.warn(fault);
    }
    let device = bourn_model::open_device(recipe.device).map_err(TrainError::from)?.autodiff();
    let base = base::obtain(&recipe, &device, &cache_dir, console, stop)?;
    rundir::check_base(&restored, &base)?;
    Ok((probing, ProbeModels { base, policy: restored.policy, step }))
}

/// The checkpoint that was asked for, or the last.
fn choose(run_dir: &Path, asked: Option<u64>) -> Result<u64, TrainError> {
    let there = checkpoint::list(run_dir)?;
    let missing = |asked: String, there: String| TrainError::NoCheckpoint {
        path: run_dir.into(),
        asked,
        there,
    };
    let Some(&last) = there.last() else {
        let hint = "resume the run until it writes one (checkpoint.interval)";
        return Err(missing("yet".into(), hint.into()));
    };
    match asked {
        Some(step) if !there.contains(&step) => {
            let steps: Vec<String> = there.iter().map(u64::to_string).collect();
            let hint = format!("there are those at steps {}", steps.join(", "));
            Err(missing(format!("at step {step}"), hint))
        }
        Some(step) => Ok(step),
        None => Ok(last),
    }
}
