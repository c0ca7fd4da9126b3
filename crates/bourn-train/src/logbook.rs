//! Everything a run records: the metrics file, TensorBoard, the line beside the progress bar.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bourn_probe::powers_of_two;
use bourn_recipe::{Algorithm, ModelSource, Recipe, TaskKind};
use bourn_track::{Board, HParam, MetricsFile, Written, boundary_scalars, samples, tags};
use serde::Serialize;

use crate::clock;
use crate::error::TrainError;
use crate::experience::Experience;
use crate::metrics::{drawn_tokens, step_metrics};
use crate::probe::ProbeResult;
use crate::update::UpdateReport;
use crate::{rundir, sealed};

/// Name of the metrics file in the run directory.
const METRICS: &str = "metrics.jsonl";

/// The open files of a run's records.
pub(crate) struct Logbook {
    metrics: MetricsFile,
    written: Written,
    board: Option<Board>,
    tensorboard: PathBuf,
    max_steps: u64,
    has_layout: bool,
    step_started: Instant,
}

impl Logbook {
    /// Opens the records of `run_dir`; with `resumed`, everything after that step is dropped, and
    /// `written` is what the run had written by then, where that is known.
    pub(crate) fn open(
        run_dir: &Path,
        recipe: &Recipe,
        resumed: Option<u64>,
        written: Option<Written>,
    ) -> Result<Logbook, TrainError> {
        let path = run_dir.join(METRICS);
        let metrics = match resumed {
            Some(step) => {
                if !path.exists() {
                    // What was in it is missing, which has been said; the run goes on.
                    sealed::write_file(&path, b"")?;
                }
                MetricsFile::resume(&path, step)?
            }
            None => MetricsFile::create(&path)?,
        };
        let written = match (resumed, written) {
            (_, Some(written)) => written,
            (Some(step), None) => {
                let recipe = sealed::read_text(&run_dir.join(rundir::RECIPE))?;
                Written::found(run_dir, recipe, step)?
            }
            (None, None) => Written::new(recipe.to_toml()),
        };
        let tensorboard = run_dir.join("tensorboard");
        let board = if recipe.log.tensorboard {
            let mut board = Board::create(&tensorboard, resumed.map(|step| step + 1))?;
            if resumed.is_none() {
                board.text("recipe", 0, &format!("```toml\n{}\n```", recipe.to_toml()))?;
                board.start_session(&hparams(recipe), most_tries(recipe))?;
            }
            Some(board)
        } else {
            None
        };
        Ok(Logbook {
            metrics,
            written,
            board,
            tensorboard,
            max_steps: recipe.train.max_steps,
            has_layout: false,
            step_started: clock::now(),
        })
    }

    /// Starts the clock of a step.
    pub(crate) fn start_step(&mut self) {
        self.step_started = clock::now();
    }

    /// Records a step and returns the line that stands beside the progress bar.
    pub(crate) fn step(
        &mut self,
        step: u64,
        experience: &Experience,
        report: &UpdateReport,
        algorithm: &Algorithm,
        replays: bool,
    ) -> Result<String, TrainError> {
        let mut values = step_metrics(experience, report, algorithm, replays)?;
        let seconds = self.step_started.elapsed().as_secs_f64();
        let tokens = drawn_tokens(experience) as f64;
        values.insert(tags::STEP_TIME.into(), seconds);
        values.insert(tags::TOKENS_PER_SECOND.into(), tokens / seconds.max(f64::MIN_POSITIVE));
        self.append(step, &values, false)?;
        if let Some(board) = &mut self.board {
            board.step(step, &values)?;
        }
        Ok(format!("reward {:.3}, entropy {:.3}", values[tags::REWARD], values[tags::ENTROPY]))
    }

    /// Records what something took.
    pub(crate) fn seconds(&mut self, step: u64, tag: &str, seconds: f64) -> Result<(), TrainError> {
        self.append(step, &BTreeMap::from([(tag.to_owned(), seconds)]), false)
    }

    fn append(
        &mut self,
        step: u64,
        values: &BTreeMap<String, f64>,
        at_stop: bool,
    ) -> Result<(), TrainError> {
        if let Some(line) = self.metrics.append(step, values)? {
            self.written.line(step, &line, at_stop);
        }
        Ok(())
    }

    /// What the run has written so far, in this process and those before it.
    pub(crate) fn written(&self) -> &Written {
        &self.written
    }

    /// Takes down files of `boundary/` that were written.
    pub(crate) fn files(&mut self, run_dir: &Path, names: &[String]) -> Result<(), TrainError> {
        Ok(names.iter().try_for_each(|name| self.written.file(run_dir, name))?)
    }

    /// Tells TensorBoard, once in a process, which figures of these probes share charts.
    pub(crate) fn layout(&mut self, step: u64, results: &[ProbeResult]) -> Result<(), TrainError> {
        if let Some(board) = self.board.as_mut().filter(|_| !self.has_layout) {
            let sets: Vec<_> = results.iter().map(|r| (r.set.as_str(), &r.boundary)).collect();
            board.layout(step, &sets)?;
            self.has_layout = true;
        }
        Ok(())
    }

    /// Records a probe; `at_stop` where it is made because the run stops here.
    pub(crate) fn probe(
        &mut self,
        step: u64,
        result: &ProbeResult,
        at_stop: bool,
    ) -> Result<(), TrainError> {
        let accuracies = |ledger: &bourn_probe::Ledger| bourn_probe::accuracies(&ledger.outcomes());
        let (set, figures) = (&result.set, &result.boundary);
        self.append(step, &boundary_scalars(set, figures), at_stop)?;
        if let Some(board) = &mut self.board {
            let (base, policy) = (accuracies(&result.base), accuracies(&result.policy));
            let page = samples(figures, &result.examples, &result.policy);
            board.text(&format!("samples/{set}"), step, &page)?;
            board.probe(step, set, figures, &base, &policy)?;
        }
        Ok(())
    }

    /// Hands everything to the disk.
    pub(crate) fn sync(&mut self) -> Result<(), TrainError> {
        self.metrics.sync()?;
        if let Some(board) = &mut self.board {
            board.sync()?;
        }
        Ok(())
    }

    /// Tells TensorBoard, after the last step of the recipe, that the run is complete.
    pub(crate) fn finish(&mut self, step: u64) -> Result<(), TrainError> {
        if let Some(board) = self.board.as_mut().filter(|_| step >= self.max_steps) {
            board.end_session(step)?;
        }
        self.sync()
    }

    /// TensorBoard's directory, where event files are written.
    pub(crate) fn tensorboard(&self) -> Option<PathBuf> {
        self.board.is_some().then(|| self.tensorboard.clone())
    }
}

/// By what a run differs from others of a sweep, for TensorBoard's HParams tab: the same names whatever
/// the recipe, because the tab takes those of one run for all.
fn hparams(recipe: &Recipe) -> Vec<(&'static str, HParam)> {
    let Recipe { algorithm, rollout, optimizer, .. } = recipe;
    let model = match &recipe.model.source {
        ModelSource::Path(path) => path.clone(),
        ModelSource::Architecture(a) => format!("{} layers of {}", a.num_layers, a.hidden_size),
    };
    let task = |kind: &TaskKind| match kind {
        TaskKind::Countdown(_) => "countdown".to_owned(),
        TaskKind::Dataset(task) => {
            let path = task.source.path.trim_end_matches('/');
            path.rsplit('/').next().unwrap_or(path).to_owned()
        }
        TaskKind::Benchmark(task) => task.benchmark.facts().name.to_owned(),
    };
    let tasks: Vec<String> = recipe.tasks.iter().map(|of| task(&of.kind)).collect();
    let (text, number) = (HParam::Text, HParam::Number);
    // The first five are shown at first.
    vec![
        ("algorithm", text(algorithm.name.name().to_owned())),
        ("loss_type", text(spelled(algorithm.loss_type))),
        ("lr", number(optimizer.lr)),
        ("kl_coef", number(algorithm.kl_coef)),
        ("seed", number(recipe.seed as f64)),
        ("num_generations", number(rollout.num_generations as f64)),
        ("prompts_per_step", number(rollout.prompts_per_step as f64)),
        ("entropy_coef", number(algorithm.entropy_coef)),
        ("epsilon_high", number(algorithm.epsilon_high)),
        ("temperature", number(rollout.temperature)),
        ("max_steps", number(recipe.train.max_steps as f64)),
        ("model", text(model)),
        ("task", text(tasks.join(", "))),
        ("name", text(recipe.name.clone())),
    ]
}

/// A choice as the recipe writes it.
fn spelled(choice: impl Serialize) -> String {
    let value = serde_json::to_value(choice).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// The largest k of the run's probes, where it has any.
fn most_tries(recipe: &Recipe) -> Option<u64> {
    let probes = recipe.probe.interval > 0;
    probes.then(|| powers_of_two(recipe.probe.n_max as u64).last().copied()).flatten()
}

/// Takes the boundary figures of `step` out of the metrics file before a resume: where the probe
/// of that step is to be made again, or a run that does not stop there would not have made it.
pub(crate) fn drop_probe(run_dir: &Path, step: u64) -> Result<(), TrainError> {
    let path = run_dir.join(METRICS);
    if !path.exists() {
        return Ok(());
    }
    let text = sealed::read_text(&path)?;
    let goes = |line: &str| {
        // A line that a killed process left unfinished is left to `MetricsFile::resume`.
        let fields: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(line).unwrap_or_default();
        fields.get("step").and_then(serde_json::Value::as_u64) == Some(step)
            && fields.keys().any(|tag| tag.starts_with("boundary/"))
    };
    let kept: String = text.split_inclusive('\n').filter(|line| !goes(line)).collect();
    match kept.len() == text.len() {
        true => Ok(()),
        false => sealed::replace_file(&path, kept.as_bytes()),
    }
}

#[cfg(test)]
#[path = "../tests/unit/logbook.rs"]
mod tests;
