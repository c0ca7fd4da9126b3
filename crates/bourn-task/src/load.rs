//! From a recipe to its problems: what is trained on, and what is held out for the probe.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bourn_recipe::{
    BenchmarkTask, Columns, CountdownTask, DatasetTask, Measured, Recipe, Task, TaskKind,
};
use bourn_rows::RowError;
use bourn_verify::{JudgeError, Reference};

use crate::benchmark;
use crate::countdown::{Split, generate, prompt};
use crate::dataset::{KeyedProblem, Reader, named, problems};
use crate::problem::{Problem, Problems, Share, render};
use crate::prompt::Prompt;
use crate::rewards::Rewards;
use crate::schedule::{Apportion, Mixture};
use bourn_seed::content_hash;

/// Seed of held-out puzzles: the same for every run, so that runs with different seeds are probed
/// on the same problems and share the base's ledger.
const HELD_OUT_SEED: u64 = 0;

/// Why a recipe's problems cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// Rows that cannot be had.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// A source in which every problem stands twice, with different answers.
    #[error("{source_name}: every text stands there with different answers: {places}")]
    Disagreeing {
        /// The source.
        source_name: String,
        /// Where.
        places: String,
    },
    /// Files that do not hold what the benchmark does.
    #[error("{source_name}: {problem}")]
    Benchmark {
        /// The source.
        source_name: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A verifier that cannot be made ready.
    #[error("{0}")]
    Verifier(#[from] JudgeError),
    /// A file without problems.
    #[error("{}: there is no problem in the file", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A line that is no object with text in it.
    #[error("{}:{line}: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// An object without a column that the recipe names.
    #[error("{}:{line}: there is no column `{column}`; there are {columns}{nearest}: set \
             `{key}`", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// The column asked for.
        column: String,
        /// The columns there are.
        columns: String,
        /// The one with the nearest name, as a remark.
        nearest: String,
        /// The key of the recipe that names it.
        key: &'static str,
    },
    /// A file without a single readable reference.
    #[error("{}: none of {count} references can be read (line {line}: {reason}); {advice}",
             path.display())]
    NoReference {
        /// The file.
        path: PathBuf,
        /// How many were tried.
        count: usize,
        /// The first line tried.
        line: u64,
        /// What was wrong there.
        reason: String,
        /// What to do.
        advice: String,
    },
    /// A task that has nothing left to train on.
    #[error(
        "{task}: no training problem is left besides the held-out ones; add problems or give \
             the task its own `probe_path`"
    )]
    NothingToTrain {
        /// The task's file, or `countdown`.
        task: String,
    },
    /// A recipe whose tasks are all benchmarks.
    #[error(
        "there is nothing to train on: {task} is a benchmark, whose problems are measured and never \
         trained on; add a [[task]] with training problems, or use `bourn probe`"
    )]
    OnlyMeasured {
        /// The first of them.
        task: String,
    },
    /// Fewer training problems than a step takes.
    #[error(
        "{task}: a step takes {wanted} different problems and there are {available}; lower \
             rollout.prompts_per_step or add problems"
    )]
    TooFewProblems {
        /// The task's file, or `countdown`.
        task: String,
        /// Training problems of the task.
        available: usize,
        /// How many a step takes from it.
        wanted: usize,
    },
    /// A weight so small beside the others that its task would never be asked.
    #[error(
        "{task}: its weight gives it less than one prompt in 4096; raise it or remove the task"
    )]
    Weight {
        /// The task's file, or `countdown`.
        task: String,
    },
    /// A countdown dial that no puzzle can be drawn from.
    #[error("countdown: {0}")]
    Dial(String),
    /// A countdown dial with too few puzzles.
    #[error(
        "countdown: {found} distinct {split} puzzles were found where {wanted} are wanted; \
             widen `numbers`, `range`, `target` or `operators`, or ask for fewer"
    )]
    TooFewPuzzles {
        /// `training` or `held-out`.
        split: &'static str,
        /// How many there were.
        found: usize,
        /// How many were asked for.
        wanted: usize,
    },
    /// A countdown dial that gave nothing to demonstrate.
    #[error(
        "countdown: {draws} random expressions gave no training puzzle with a target in \
             range; widen `target`, `range` or `operators`"
    )]
    NoPuzzle {
        /// How many were drawn.
        draws: u32,
    },
}

/// What a task offers before the held-out set is put together.
struct Candidates {
    name: String,
    train: Vec<KeyedProblem>,
    /// In the order in which they would be held out.
    held_out: Vec<KeyedProblem>,
    /// Are the candidates for the held-out set the training problems themselves?
    shared: bool,
}

/// All problems of a recipe: train and held-out, of every task.
///
/// The probe's problems are dealt out to the tasks by weight. A task without held-out problems of its own
/// holds out the first of its problems by content hash, at most half of them; none, where a benchmark is
/// among the tasks.
///
/// # Errors
/// [`TaskError`]: the file, the line and what to do.
pub fn load(recipe: &Recipe) -> Result<Problems, TaskError> {
    let wanted = recipe.probe.problems;
    let mut warnings = Vec::new();
    let mut candidates = Vec::new();
    for task in &recipe.tasks {
        let rewards = Rewards::of_task(task, recipe.seed)?;
        candidates.push(match &task.kind {
            TaskKind::Countdown(spec) => puzzles(spec, task, &rewards, recipe.seed, wanted)?,
            TaskKind::Dataset(data) => {
                let mut files = files(data, task, &rewards, &mut warnings)?;
                if data.probe.is_none() && has_benchmark(&recipe.tasks) {
                    files.held_out.clear();
                    // What it has of the benchmark's is left out, and said.
                    files.shared = false;
                }
                files
            }
            TaskKind::Benchmark(of) => measured(of, task, &rewards, &mut warnings)?,
        });
    }
    let weights: Vec<f64> = recipe.tasks.iter().map(|task| task.weight).collect();
    let mut forbidden = probed_keys(&candidates);
    let held_out = hold_out(&mut candidates, &weights, wanted, &mut forbidden);
    warnings.extend(too_few(held_out.len(), wanted));
    let trained: Vec<f64> = recipe.tasks.iter().map(Task::trained).collect();
    let (train, train_weight) = training(candidates, &trained, &forbidden, &mut warnings)?;
    if train.is_empty() {
        return Err(TaskError::OnlyMeasured { task: name(&recipe.tasks[0]) });
    }
    let mixture = Mixture::new(&trained);
    for (at, (share, task)) in train_weight.iter().zip(&recipe.tasks).enumerate() {
        let (task, most) = (name(task), mixture.most_in(at, recipe.rollout.prompts_per_step));
        if share.weight > 0.0 && !mixture.includes(at) {
            return Err(TaskError::Weight { task });
        }
        if share.count < most {
            return Err(TaskError::TooFewProblems { task, available: share.count, wanted: most });
        }
    }
    Ok(Problems { train, train_weight, held_out, warnings })
}

/// The held-out problems of a recipe alone, with warnings: those of [`load`], of which this asks
/// for no training problems beside them.
///
/// # Errors
/// As [`load`].
pub fn load_held_out(measured: &Measured<'_>) -> Result<(Vec<Problem>, Vec<String>), TaskError> {
    let wanted = measured.probe.problems;
    let mut warnings = Vec::new();
    let mut candidates = Vec::new();
    for task in measured.tasks {
        let rewards = Rewards::of_task(task, measured.seed)?;
        let held_out = match &task.kind {
            TaskKind::Countdown(spec) => {
                entries(spec, task, &rewards, HELD_OUT_SEED, wanted, Split::HeldOut)?
            }
            TaskKind::Dataset(data) => {
                let source = data.probe.as_ref().unwrap_or(&data.source);
                let mut set = reader(data, task, &rewards).read(source)?;
                warnings.extend(set.findings.warnings());
                if data.probe.is_none() {
                    let part =
                        if has_benchmark(measured.tasks) { 0 } else { set.entries.len() / 2 };
                    set.entries.truncate(part);
                }
                set.entries
            }
            TaskKind::Benchmark(of) => self::measured(of, task, &rewards, &mut warnings)?.held_out,
        };
        let name = name(task);
        candidates.push(Candidates { name, train: Vec::new(), held_out, shared: false });
    }
    let weights: Vec<f64> = measured.tasks.iter().map(|task| task.weight).collect();
    let held_out = hold_out(&mut candidates, &weights, wanted, &mut BTreeSet::new());
    warnings.extend(too_few(held_out.len(), wanted));
    Ok((held_out, warnings))
}

/// Whether a benchmark says what is measured: then a data set without held-out problems of its own is
/// all for training.
fn has_benchmark(tasks: &[Task]) -> bool {
    tasks.iter().any(|task| matches!(task.kind, TaskKind::Benchmark(_)))
}

/// The warning that fewer problems could be held out than are wanted.
fn too_few(held_out: usize, wanted: usize) -> Option<String> {
    (held_out < wanted).then(|| {
        let found = problems(held_out);
        format!(
            "the probe has {found} where probe.problems asks for {wanted}: there are no more to \
             hold out"
        )
    })
}

fn name(task: &Task) -> String {
    match &task.kind {
        TaskKind::Countdown(_) => "countdown".to_string(),
        TaskKind::Dataset(data) => data.source.path.clone(),
        TaskKind::Benchmark(of) => of.benchmark.facts().name.to_owned(),
    }
}

fn puzzles(
    spec: &CountdownTask,
    task: &Task,
    rewards: &Rewards,
    seed: u64,
    held_out: usize,
) -> Result<Candidates, TaskError> {
    Ok(Candidates {
        name: name(task),
        train: entries(spec, task, rewards, seed, spec.train_problems, Split::Train)?,
        held_out: entries(spec, task, rewards, HELD_OUT_SEED, held_out, Split::HeldOut)?,
        shared: false,
    })
}

fn entries(
    spec: &CountdownTask,
    task: &Task,
    rewards: &Rewards,
    seed: u64,
    count: usize,
    split: Split,
) -> Result<Vec<KeyedProblem>, TaskError> {
    let puzzles = generate(spec, seed, count, split)?;
    let entry = |puzzle| {
        let text = prompt(&puzzle);
        let key = content_hash(&[b"countdown", text.as_bytes()]);
        let reference = Reference::Countdown(puzzle);
        let (shown, origin) = (render(&task.template, &text), "countdown".to_string());
        let put = Prompt { text: shown, messages: Vec::new(), content: text };
        let problem = Problem::new(put, reference, origin, rewards);
        KeyedProblem { key, alike: key, problem }
    };
    Ok(puzzles.into_iter().map(entry).collect())
}

/// How a data set's sources are read.
pub(crate) fn reader<'a>(
    data: &'a DatasetTask,
    task: &'a Task,
    rewards: &'a Rewards,
) -> Reader<'a> {
    let layouts = std::slice::from_ref(&data.columns);
    Reader { layouts, task, rewards, most: data.max_problems, compared: false }
}

fn files(
    data: &DatasetTask,
    task: &Task,
    rewards: &Rewards,
    warnings: &mut Vec<String>,
) -> Result<Candidates, TaskError> {
    let reader = reader(data, task, rewards);
    let set = reader.read(&data.source)?;
    warnings.extend(set.findings.warnings());
    let name = named(&data.source);
    let mut candidates =
        Candidates { name, train: set.entries, held_out: Vec::new(), shared: true };
    match &data.probe {
        Some(source) => {
            let probe = reader.read(source)?;
            warnings.extend(probe.findings.warnings());
            candidates.held_out = probe.entries;
            candidates.shared = false;
        }
        None => {
            let half = candidates.train.len() / 2;
            candidates.held_out = candidates.train[..half].to_vec();
        }
    }
    Ok(candidates)
}

/// How a benchmark's source is read.
pub(crate) fn benchmark_reader<'a>(
    layouts: &'a [Columns],
    task: &'a Task,
    rewards: &'a Rewards,
) -> Reader<'a> {
    Reader { layouts, task, rewards, most: 0, compared: true }
}

/// A benchmark's problems, none of which is trained on.
fn measured(
    of: &BenchmarkTask,
    task: &Task,
    rewards: &Rewards,
    warnings: &mut Vec<String>,
) -> Result<Candidates, TaskError> {
    let layouts: Vec<_> = of.benchmark.facts().layouts().collect();
    let set = benchmark_reader(&layouts, task, rewards).read(&of.source)?;
    warnings.extend(set.findings.warnings());
    benchmark::check(of, &set)?;
    Ok(Candidates { name: name(task), train: Vec::new(), held_out: set.entries, shared: false })
}

/// Keys of everything in files that are for the probe alone: none of it is trained on, however
/// few of its problems the probe takes.
fn probed_keys(candidates: &[Candidates]) -> BTreeSet<u64> {
    let alone = candidates.iter().filter(|task| !task.shared);
    alone.flat_map(|task| task.held_out.iter().map(|entry| entry.key)).collect()
}

/// Deals `wanted` held-out problems to the tasks by weight; adds their keys to `forbidden`.
fn hold_out(
    candidates: &mut [Candidates],
    weights: &[f64],
    wanted: usize,
    forbidden: &mut BTreeSet<u64>,
) -> Vec<Problem> {
    let mut ids = BTreeSet::new();
    let mut queues: Vec<_> = candidates
        .iter_mut()
        .map(|task| std::mem::take(&mut task.held_out).into_iter().peekable())
        .collect();
    let mut apportion = Apportion::new(weights);
    let mut held_out = Vec::new();
    while held_out.len() < wanted {
        let usable: Vec<bool> = queues.iter_mut().map(|queue| queue.peek().is_some()).collect();
        let Some(task) = apportion.next(&usable) else { break };
        let Some(entry) = queues[task].next() else { break };
        forbidden.insert(entry.key);
        // Two tasks may name one file: a problem is probed once.
        if ids.insert(entry.problem.id.clone()) {
            held_out.push(entry.problem);
        }
    }
    held_out
}

/// The training problems of every task, without what is held out and without repeats.
fn training(
    candidates: Vec<Candidates>,
    weights: &[f64],
    forbidden: &BTreeSet<u64>,
    warnings: &mut Vec<String>,
) -> Result<(Vec<Problem>, Vec<Share>), TaskError> {
    let mut ids = BTreeSet::new();
    let mut train: Vec<Problem> = Vec::new();
    let mut shares = Vec::new();
    for (task, &weight) in candidates.into_iter().zip(weights) {
        let first = train.len();
        let (mut probed, mut repeated) = (0, 0);
        for entry in task.train {
            if forbidden.contains(&entry.key) {
                probed += 1;
            } else if ids.insert(entry.problem.id.clone()) {
                train.push(entry.problem);
            } else {
                repeated += 1;
            }
        }
        if probed > 0 && !task.shared {
            warnings.push(format!(
                "{}: {} left out of training, because the probe has them",
                task.name,
                problems(probed),
            ));
        }
        if repeated > 0 {
            warnings.push(format!(
                "{}: {} left out, because an earlier task has them",
                task.name,
                problems(repeated),
            ));
        }
        if train.len() == first && weight > 0.0 {
            return Err(TaskError::NothingToTrain { task: task.name });
        }
        train[first..].sort_by(|a, b| a.id.cmp(&b.id));
        shares.push(Share { first, count: train.len() - first, weight });
    }
    Ok((train, shares))
}
