//! A run directory, or that of a probe without a run, read for its report.
//!
//! `metrics.jsonl` is the index: a resumed run drops from it what it will do again, while files
//! that it is about to replace may still lie around. A probe's index is `probe.json`, and it has no
//! metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use bourn_probe::{Boundary, Ledger, read_ledger};
use bourn_track::{MetricsLine, TrackError, Written, file_faults, read_metrics, tags};
use serde::Deserialize;

use crate::check::check;
use crate::error::ReportError;
use crate::probe_file::{PROBE_FILE, ProbeFile};
use crate::problems::{ModelAnswers, ProblemRecord, answers, problems};

const RECIPE: &str = "recipe.toml";
/// Longest recipe that is read.
const MAX_RECIPE_BYTES: u64 = 1 << 20;
/// Largest file of figures that is read: the ids of a million problems.
pub(crate) const MAX_FIGURES_BYTES: u64 = 1 << 26;

/// Everything of a run directory that a report shows.
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// The directory, as it was named.
    pub(crate) path: String,
    /// The recipe's name.
    pub(crate) name: String,
    /// The recipe's seed.
    pub(crate) seed: u64,
    /// Steps that the recipe asks for.
    pub(crate) max_steps: u64,
    /// The resolved recipe, TOML.
    pub(crate) recipe: String,
    /// Steps that the metrics know of.
    pub(crate) steps: u64,
    /// Mean reward by step.
    pub(crate) reward: Vec<(u64, f64)>,
    /// Token entropy of the training draws by step, nats per token.
    pub(crate) entropy: Vec<(u64, f64)>,
    /// What training took; `None` where no step was timed.
    pub(crate) cost: Option<TrainingCost>,
    /// The probed sets, in order of name.
    pub(crate) sets: Vec<SetRecord>,
    /// The two models, where this is a probe and no run.
    pub(crate) probe: Option<ProbeFile>,
    /// What of it is missing or is not as it was written, a sentence each.
    pub(crate) faults: Vec<String>,
}

impl RunRecord {
    /// What of the directory is missing or is not as it was written, a sentence each: as far as a run's
    /// newest checkpoint or a probe's own file knows it.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

/// Where a run's time went: what training took, and beside it the probes and the base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingCost {
    /// Completion tokens drawn and trained on.
    pub tokens: f64,
    /// Seconds.
    pub seconds: f64,
    /// Steps that were timed.
    pub steps: u64,
    /// Seconds that the probes took, with draws of the base that no earlier run had made.
    pub probes: f64,
    /// Seconds that pretraining the base took; 0 where it was in the cache.
    pub base: f64,
}

/// The probes of one set of problems with one sampler.
#[derive(Clone, Debug)]
pub(crate) struct SetRecord {
    /// The set's name.
    pub(crate) name: String,
    /// The figures in order of step, at least one.
    pub(crate) checkpoints: Vec<ProbedStep>,
    /// Every problem at the last checkpoint, those that changed most first.
    pub(crate) problems: Vec<ProblemRecord>,
    /// Whether the run has the base's draws: runs of old versions have not.
    pub(crate) has_base: bool,
}

/// The figures of one probe.
#[derive(Clone, Debug)]
pub(crate) struct ProbedStep {
    /// Completed steps.
    pub(crate) step: u64,
    /// The figures.
    pub(crate) boundary: Boundary,
}

impl SetRecord {
    /// The last probe.
    pub(crate) fn last(&self) -> &ProbedStep {
        self.checkpoints.last().expect("a set is made of at least one checkpoint")
    }
}

/// The keys of a recipe that a report shows by themselves; recipes of other versions may have
/// others.
#[derive(Deserialize)]
struct RecipeKeys {
    name: String,
    seed: u64,
    train: TrainKeys,
}

#[derive(Deserialize)]
struct TrainKeys {
    max_steps: u64,
}

/// Reads the run in `dir`.
///
/// # Errors
/// Names the file that is missing, torn or not what a run writes.
pub fn read_run(dir: &Path) -> Result<RunRecord, ReportError> {
    let recipe = recipe(dir)?;
    let keys: RecipeKeys = toml::from_str(&recipe).map_err(|error| ReportError::Recipe {
        path: dir.join(RECIPE),
        problem: error.message().to_owned(),
    })?;

    let RunIndex { metrics, sets, probe } = index(dir)?;
    let series = |tag: &str| {
        let value = |line: &MetricsLine| Some((line.step, *line.values.get(tag)?));
        metrics.iter().filter_map(value).filter(|(_, value)| value.is_finite()).collect()
    };
    let sets = sets
        .into_iter()
        .map(|(set, steps)| read_set(&dir.join("boundary"), set, &steps, probe.is_none()))
        .collect::<Result<_, _>>()?;
    Ok(RunRecord {
        path: dir.display().to_string(),
        name: keys.name,
        seed: keys.seed,
        max_steps: keys.train.max_steps,
        recipe,
        steps: metrics.iter().map(|line| line.step).max().unwrap_or(0),
        reward: series(tags::REWARD),
        entropy: series(tags::ENTROPY),
        cost: read_cost(&dir.join("timing.jsonl"))?,
        sets,
        faults: faults(dir, probe.as_ref()),
        probe,
    })
}

fn faults(dir: &Path, probe: Option<&ProbeFile>) -> Vec<String> {
    if let Some(probe) = probe {
        return file_faults(dir, &probe.files);
    }
    match Written::newest(dir) {
        Ok(written) => written.map_or_else(Vec::new, |written| written.faults(dir)),
        Err(error) => vec![format!("what the run wrote is not known: {error}")],
    }
}

/// The resolved recipe of what is in `dir`; where it is gone, as the newest checkpoint has it.
fn recipe(dir: &Path) -> Result<String, ReportError> {
    let path = dir.join(RECIPE);
    if path.exists() {
        return read_text(&path, MAX_RECIPE_BYTES);
    }
    match Written::newest(dir) {
        Ok(Some(written)) => Ok(written.recipe().to_owned()),
        _ => Err(ReportError::NotARun { path: dir.to_path_buf() }),
    }
}

/// What a directory holds.
struct RunIndex {
    metrics: Vec<MetricsLine>,
    /// Which sets were probed, after which steps.
    sets: BTreeMap<String, BTreeSet<u64>>,
    probe: Option<ProbeFile>,
}

fn index(dir: &Path) -> Result<RunIndex, ReportError> {
    if let Some(probe) = ProbeFile::read(dir)? {
        let sets = probe.sets.iter().map(|set| (set.clone(), BTreeSet::from([probe.step])));
        let sets = inside(&dir.join(PROBE_FILE), sets.collect())?;
        return Ok(RunIndex { metrics: Vec::new(), sets, probe: Some(probe) });
    }
    let path = dir.join("metrics.jsonl");
    let metrics = read_metrics(&path)?;
    let sets = inside(&path, probed(&metrics))?;
    Ok(RunIndex { metrics, sets, probe: None })
}

/// Which sets the metrics know of, after which steps.
fn probed(metrics: &[MetricsLine]) -> BTreeMap<String, BTreeSet<u64>> {
    let mut sets: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for line in metrics {
        let set =
            |tag: &String| Some(tag.strip_prefix("boundary/")?.strip_suffix("/problems")?.into());
        for set in line.values.keys().filter_map(set) {
            sets.entry(set).or_default().insert(line.step);
        }
    }
    sets
}

/// The sets, none of whose names, which become part of a file's name, leads out of the directory.
fn inside<T>(path: &Path, sets: BTreeMap<String, T>) -> Result<BTreeMap<String, T>, ReportError> {
    match sets.keys().find(|set| set.contains(['/', '\\', '\0'])) {
        Some(set) => Err(ReportError::SetName { path: path.to_path_buf(), set: set.clone() }),
        None => Ok(sets),
    }
}

/// The probes of one set; `of_run` where they are of a run, whose policy was its base at step 0.
fn read_set(
    dir: &Path,
    name: String,
    steps: &BTreeSet<u64>,
    of_run: bool,
) -> Result<SetRecord, ReportError> {
    let mut checkpoints = Vec::new();
    for &step in steps {
        let boundary =
            read_figures(dir.join(format!("step-{step:06}-{name}.json")), of_run && step == 0)?;
        checkpoints.push(ProbedStep { step, boundary });
    }
    let last = checkpoints.last().expect("a probed set has a step");

    let path = dir.join(format!("base-{name}.draws.jsonl.zst"));
    let has_base = path.exists();
    // One after the other: a ledger with its texts may be large, what is kept of it is not.
    let base = if has_base { sides(&path)? } else { BTreeMap::new() };
    let policy = sides(&dir.join(format!("step-{:06}-{name}.draws.jsonl.zst", last.step)))?;
    let problems = problems(&last.boundary, base, policy);
    Ok(SetRecord { name, problems, has_base, checkpoints })
}

/// The ledgers of a set at its last probe.
pub(crate) struct ProbeLedgers {
    pub(crate) set: String,
    pub(crate) step: u64,
    /// `None` where the run was recorded without it.
    pub(crate) base: Option<Ledger>,
    pub(crate) policy: Ledger,
}

/// Both ledgers of every probed set of the run in `dir`, at its last probe, in order of name.
pub(crate) fn read_ledgers(dir: &Path) -> Result<Vec<ProbeLedgers>, ReportError> {
    recipe(dir)?;
    let (sets, dir) = (index(dir)?.sets, dir.join("boundary"));
    let read = |(set, steps): (String, BTreeSet<u64>)| {
        let step = steps.last().copied().expect("a probed set has a step");
        let base = dir.join(format!("base-{set}.draws.jsonl.zst"));
        let base = base.exists().then(|| read_ledger(&base)).transpose()?.map(|(_, base)| base);
        let policy = dir.join(format!("step-{step:06}-{set}.draws.jsonl.zst"));
        Ok(ProbeLedgers { set, step, base, policy: read_ledger(&policy)?.1 })
    };
    sets.into_iter().map(read).collect()
}

fn sides(path: &Path) -> Result<BTreeMap<String, ModelAnswers>, ReportError> {
    let (_, ledger) = read_ledger(path)?;
    Ok(ledger.entries().map(|(id, entry)| (id.to_owned(), answers(entry))).collect())
}

/// The figures in a file. Older ones do not say where policy and base are one model; they have sets of
/// other names, by which they are known.
fn read_figures(path: PathBuf, at_start: bool) -> Result<Boundary, ReportError> {
    let text = read_text(&path, MAX_FIGURES_BYTES)?;
    let parsed = serde_json::from_str::<Boundary>(&text).map_err(|error| error.to_string());
    match parsed.and_then(|figures| check(&figures).map(|()| figures)) {
        Ok(mut figures) => {
            figures.policy_is_base |= at_start && !text.contains("\"never_solved_again\"");
            Ok(figures)
        }
        Err(problem) => Err(ReportError::Figures { path, problem }),
    }
}

/// Where the time of a run went, from its file of times at `path`; `None` where nothing was timed.
///
/// # Errors
/// Names the line that is torn.
pub fn read_cost(path: &Path) -> Result<Option<TrainingCost>, ReportError> {
    let lines = match read_metrics(path) {
        Ok(lines) => lines,
        // A run of no steps has no such file.
        Err(TrackError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let mut cost = TrainingCost { tokens: 0.0, seconds: 0.0, steps: 0, probes: 0.0, base: 0.0 };
    for line in &lines {
        let at = |tag| line.values.get(tag).copied().filter(|value: &f64| value.is_finite());
        cost.probes += at(tags::PROBE_SECONDS).unwrap_or(0.0);
        cost.base += at(tags::BASE_SECONDS).unwrap_or(0.0);
        let (Some(seconds), Some(rate)) = (at(tags::STEP_TIME), at(tags::TOKENS_PER_SECOND)) else {
            continue;
        };
        cost.seconds += seconds;
        // A whole number again: the file has the rate only.
        cost.tokens += (rate * seconds).round();
        cost.steps += 1;
    }
    let timed = cost.steps > 0 || cost.probes > 0.0 || cost.base > 0.0;
    Ok(timed.then_some(cost))
}

pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, ReportError> {
    let file = bourn_foreign::open(path).map_err(ReportError::io("read", path))?;
    let mut text = String::new();
    let read = file.take(limit + 1).read_to_string(&mut text);
    match read.map_err(ReportError::io("read", path))? as u64 > limit {
        true => Err(ReportError::TooLarge { path: path.to_path_buf(), limit }),
        false => Ok(text),
    }
}

#[cfg(test)]
#[path = "../tests/unit/read.rs"]
mod tests;
