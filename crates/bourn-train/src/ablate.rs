//! Sweeps: many runs of `bourn train` beside each other, and what they found.
//!
//! Every run is a process of its own: one that fails takes no other with it, its memory is its own,
//! and it is resumed as any run is. What is shared is done here first, once: the trained base and
//! its draws.

mod children;
mod found;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;

use bourn_recipe::{Recipe, Sweep};
use bourn_seed::canonical;
use bourn_track::{Console, FailedRun};

use self::children::{Child, Ended};
use crate::error::TrainError;
use crate::probe::read_figures;
use crate::standalone::draw_base;
use crate::{base, cache_dir, checkpoint, memory, rundir, sealed};

pub use found::{Found, found};

/// Of the memory that the machine has free, the part that a sweep takes by default.
const SHARE_OF_FREE: f64 = 0.8;

/// What the command line adds to a sweep.
#[derive(Clone, Debug)]
pub struct AblateOptions {
    /// Where runs, tables and the report go.
    pub directory: PathBuf,
    /// Where pretrained bases and their draws are kept.
    pub cache_dir: PathBuf,
    /// The `bourn` binary that makes the runs.
    pub program: PathBuf,
    /// Most runs at once; `None` for one a core.
    pub jobs: Option<usize>,
    /// Bytes that all runs at once are expected to stay below; `None` for most of what is free.
    pub memory: Option<u64>,
}

/// One run of a sweep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AblationJob<'a> {
    pub(crate) variant: usize,
    pub(crate) name: &'a str,
    pub(crate) seed: u64,
    pub(crate) recipe: &'a Recipe,
}

impl AblationJob<'_> {
    fn title(&self) -> String {
        format!("{}, seed {}", self.name, self.seed)
    }

    /// The run directory.
    pub(crate) fn directory(&self, options: &AblateOptions) -> PathBuf {
        options.directory.join("runs").join(&self.recipe.name)
    }

    fn recipe_path(&self, options: &AblateOptions) -> PathBuf {
        options.directory.join("recipes").join(format!("{}.toml", self.recipe.name))
    }

    fn log(&self, options: &AblateOptions) -> PathBuf {
        options.directory.join("logs").join(format!("{}.log", self.recipe.name))
    }

    /// Whether the run's last probe and checkpoint are there.
    fn is_done(&self, options: &AblateOptions) -> bool {
        let (directory, last) = (self.directory(options), self.recipe.train.max_steps);
        checkpoint::list(&directory).is_ok_and(|steps| steps.last() == Some(&last))
            && read_figures(&directory, last, &self.recipe.probe).is_ok()
    }
}

/// All runs of a sweep: one seed of every variant before the next, so that a sweep that is stopped
/// has something to compare.
pub(crate) fn jobs(sweep: &Sweep) -> Vec<AblationJob<'_>> {
    let at = |(seed, &number): (usize, &u64)| {
        sweep.variants.iter().enumerate().map(move |(variant, v)| AblationJob {
            variant,
            name: &v.name,
            seed: number,
            recipe: &v.recipes[seed],
        })
    };
    sweep.seeds.iter().enumerate().flat_map(at).collect()
}

/// Makes the runs of `sweep` that are not done yet, as many at once as cores and memory allow, and
/// returns those that failed. Runs that an earlier call finished are kept, those that it began are
/// gone on with.
///
/// # Errors
/// Before anything runs: a run directory that holds another recipe, a place that cannot be written
/// in, a base that cannot be had. [`TrainError::SweepInterrupted`] once `stop` is raised and the
/// runs have saved.
pub fn ablate(
    sweep: &Sweep,
    options: &AblateOptions,
    console: &Console,
    stop: &AtomicBool,
) -> Result<Vec<FailedRun>, TrainError> {
    sealed::check_writable(&options.directory)?;
    let all = jobs(sweep);
    for job in &all {
        cache_dir::check_for(job.recipe, &options.cache_dir)?;
        crate::check_probe(&job.recipe.probe)?;
        rundir::check_same(&job.directory(options), job.recipe)?;
    }
    let waiting: Vec<AblationJob<'_>> =
        all.iter().copied().filter(|job| !job.is_done(options)).collect();
    if waiting.len() < all.len() {
        let done = all.len() - waiting.len();
        console.line(format!("sweep: {done} of {} runs are done already", all.len()));
    }
    for name in ["runs", "recipes", "logs"] {
        let dir = options.directory.join(name);
        fs::create_dir_all(&dir).map_err(TrainError::io(&dir, "creating the directory"))?;
    }
    prepare(&waiting, all.len(), options, console, stop)?;
    run_all(&waiting, all.len(), options, console, stop)
}

/// The trained bases and their draws, once for all runs that share them.
fn prepare(
    waiting: &[AblationJob<'_>],
    all: usize,
    options: &AblateOptions,
    console: &Console,
    stop: &AtomicBool,
) -> Result<(), TrainError> {
    let mut seen = BTreeSet::new();
    for job in waiting {
        let recipe = job.recipe;
        let device = bourn_model::open_device(recipe.device)?.autodiff();
        let judged: Vec<_> = recipe.tasks.iter().map(|task| task.rewards.first()).collect();
        let sources: Vec<_> =
            recipe.tasks.iter().map(|task| (task.weight, &task.template, &task.kind)).collect();
        let rollout = &recipe.rollout;
        let shared = canonical(&(
            (&recipe.model, recipe.base_key(), recipe.device, sources, judged),
            (rollout.max_completion_length, &rollout.stop_strings, &rollout.stop_tokens),
            rollout.weight_dtype,
            &recipe.probe,
        ));
        if !seen.insert(shared) {
            continue;
        }
        let made =
            base::obtain(recipe, &device, &options.cache_dir, console, stop).and_then(|base| {
                draw_base(recipe.measured(), &base, &options.cache_dir, console, stop)
            });
        match made {
            Err(_) if stop.load(Ordering::Relaxed) => {
                let done = all - waiting.len();
                return Err(TrainError::SweepInterrupted { done, total: all });
            }
            // The runs will fail with it one by one; those of other bases go on.
            Err(error) => console.warn(format!("the base of {}: {error}", job.title())),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Lets the runs through, as many at once as fit.
fn run_all(
    waiting: &[AblationJob<'_>],
    total: usize,
    options: &AblateOptions,
    console: &Console,
    stop: &AtomicBool,
) -> Result<Vec<FailedRun>, TrainError> {
    let cores = available_parallelism().map_or(1, usize::from);
    let most = options.jobs.unwrap_or(cores).clamp(1, waiting.len().max(1));
    let threads = (cores / most).max(1);
    let limit = options.memory.or_else(free_memory);
    let mut queue: Vec<(AblationJob<'_>, u64)> = Vec::new();
    for &job in waiting.iter().rev() {
        // A model that cannot be opened is for its run to report.
        let parts = memory::preview(job.recipe).ok().flatten().unwrap_or_default();
        queue.push((job, parts.iter().map(|(_, bytes)| bytes).sum()));
    }
    let mut stage = console.stage("sweep", total as u64, "run");
    stage.inc((total - waiting.len()) as u64);
    let (mut running, mut failed): (Vec<(Child, AblationJob<'_>, u64)>, Vec<FailedRun>) =
        (Vec::new(), Vec::new());
    loop {
        let stopping = stop.load(Ordering::Relaxed);
        while let Some(&(job, bytes)) = queue.last().filter(|_| !stopping && running.len() < most) {
            let taken: u64 = running.iter().map(|(.., bytes)| bytes).sum();
            let fits = limit.is_none_or(|limit| taken.saturating_add(bytes) <= limit);
            if !fits && !running.is_empty() {
                break;
            }
            if !fits {
                console.warn(format!(
                    "{}: is expected to take {} MiB, more than the limit: it runs alone",
                    job.title(),
                    bytes >> 20
                ));
            }
            queue.pop();
            running.push((start(&job, threads, options)?, job, bytes));
        }
        if running.is_empty() {
            break;
        }
        if stopping {
            running.iter_mut().for_each(|(child, ..)| child.interrupt());
        }
        let names: Vec<String> = running.iter().map(|(_, job, _)| job.title()).collect();
        stage.set_message(names.join("; "));
        children::pause();
        let mut still = Vec::new();
        for (mut child, job, bytes) in running {
            match child.ended(&job.log(options)) {
                None => still.push((child, job, bytes)),
                Some(ended) => {
                    stage.inc(1);
                    settle(&job, ended, options, console, &mut failed);
                }
            }
        }
        running = still;
    }
    match stop.load(Ordering::Relaxed) {
        true => {
            let done = jobs_done(waiting, options) + total - waiting.len();
            Err(TrainError::SweepInterrupted { done, total })
        }
        false => {
            stage.finish(format!("{} of {total} runs done", total - failed.len()));
            Ok(failed)
        }
    }
}

fn jobs_done(waiting: &[AblationJob<'_>], options: &AblateOptions) -> usize {
    waiting.iter().filter(|job| job.is_done(options)).count()
}

/// Says what became of a run.
fn settle(
    job: &AblationJob<'_>,
    ended: Ended,
    options: &AblateOptions,
    console: &Console,
    failed: &mut Vec<FailedRun>,
) {
    let problem = match ended {
        Ended::Done if job.is_done(options) => {
            let figures = read_figures(
                &job.directory(options),
                job.recipe.train.max_steps,
                &job.recipe.probe,
            );
            let line = figures.ok().and_then(|figures| Some(found::line(figures.first()?)));
            console.line(format!("{}: {}", job.title(), line.unwrap_or_default()));
            return;
        }
        // It saved and left because it was asked to.
        Ended::Interrupted => return,
        Ended::Done => "ended without its last probe".to_owned(),
        Ended::Failed(problem) => problem,
    };
    let log = job.log(options).display().to_string();
    console.warn(format!("{} failed: {problem} (all of it in {log})", job.title()));
    failed.push(FailedRun { variant: job.name.to_owned(), seed: job.seed, problem, log });
}

/// Begins a run, or goes on with it.
fn start(
    job: &AblationJob<'_>,
    threads: usize,
    options: &AblateOptions,
) -> Result<Child, TrainError> {
    let recipe = job.recipe_path(options);
    sealed::replace_file(&recipe, job.recipe.to_toml().as_bytes())?;
    let directory = job.directory(options);
    let resume = rundir::is_begun(&directory);
    Child::start(&children::ChildOrder {
        program: &options.program,
        recipe: &recipe,
        directory: &directory,
        resume,
        threads,
        cache_dir: &options.cache_dir,
        log: &job.log(options),
    })
}

/// Most of the memory that the machine has free now; `None` where the system does not say.
fn free_memory() -> Option<u64> {
    let text = fs::read_to_string(Path::new("/proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some((kibibytes as f64 * 1024.0 * SHARE_OF_FREE) as u64)
}
