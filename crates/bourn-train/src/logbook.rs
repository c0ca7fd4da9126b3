//! Everything a run records: the metrics file, TensorBoard, the line beside the progress bar.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bourn_recipe::{Algorithm, Recipe};
use bourn_track::{EventWriter, MetricsFile, boundary_scalars, tags, write_boundary, write_layout};

use crate::clock;
use crate::error::TrainError;
use crate::experience::Experience;
use crate::metrics::{drawn_tokens, step_metrics};
use crate::probe::ProbeResult;
use crate::sealed;
use crate::update::UpdateReport;

/// Name of the metrics file in the run directory.
const METRICS: &str = "metrics.jsonl";

/// The open files of a run's records.
pub(crate) struct Logbook {
    metrics: MetricsFile,
    events: Option<EventWriter>,
    tensorboard: PathBuf,
    has_layout: bool,
    step_started: Instant,
}

impl Logbook {
    /// Opens the records of `run_dir`; with `resumed`, everything after that step is dropped.
    pub(crate) fn open(
        run_dir: &Path,
        recipe: &Recipe,
        resumed: Option<u64>,
    ) -> Result<Logbook, TrainError> {
        let path = run_dir.join(METRICS);
        let metrics = match resumed {
            Some(step) if path.exists() => MetricsFile::resume(&path, step)?,
            _ => MetricsFile::create(&path)?,
        };
        let tensorboard = run_dir.join("tensorboard");
        let events = if recipe.log.tensorboard {
            let mut events = EventWriter::create(&tensorboard, resumed.map(|step| step + 1))?;
            if resumed.is_none() {
                let toml = recipe.to_toml();
                events.text("recipe", 0, &format!("```toml\n{toml}\n```"))?;
            }
            Some(events)
        } else {
            None
        };
        Ok(Logbook { metrics, events, tensorboard, has_layout: false, step_started: clock::now() })
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
        self.metrics.append(step, &values)?;
        if let Some(events) = &mut self.events {
            for (tag, &value) in &values {
                events.scalar(tag, step, value)?;
            }
            events.flush()?;
        }
        Ok(format!("reward {:.3}, entropy {:.3}", values[tags::REWARD], values[tags::ENTROPY]))
    }

    /// Records what something took.
    pub(crate) fn seconds(&mut self, step: u64, tag: &str, seconds: f64) -> Result<(), TrainError> {
        Ok(self.metrics.append(step, &BTreeMap::from([(tag.to_owned(), seconds)]))?)
    }

    /// Tells TensorBoard, once in a process, which figures of these probes share charts.
    pub(crate) fn layout(&mut self, step: u64, results: &[ProbeResult]) -> Result<(), TrainError> {
        if let Some(events) = self.events.as_mut().filter(|_| !self.has_layout) {
            let sets: Vec<_> = results.iter().map(|r| (r.set.as_str(), &r.boundary)).collect();
            write_layout(events, step, &sets)?;
            self.has_layout = true;
        }
        Ok(())
    }

    /// Records a probe.
    pub(crate) fn probe(&mut self, step: u64, result: &ProbeResult) -> Result<(), TrainError> {
        let accuracies = |ledger: &bourn_probe::Ledger| bourn_probe::accuracies(&ledger.outcomes());
        let figures = boundary_scalars(&result.set, &result.boundary);
        self.metrics.append(step, &figures)?;
        if let Some(events) = &mut self.events {
            let (base, policy) = (accuracies(&result.base), accuracies(&result.policy));
            write_boundary(events, step, &result.set, &result.boundary, &base, &policy)?;
        }
        Ok(())
    }

    /// Hands everything to the disk.
    pub(crate) fn sync(&mut self) -> Result<(), TrainError> {
        self.metrics.sync()?;
        if let Some(events) = &mut self.events {
            events.sync()?;
        }
        Ok(())
    }

    /// TensorBoard's directory, where event files are written.
    pub(crate) fn tensorboard(&self) -> Option<PathBuf> {
        self.events.is_some().then(|| self.tensorboard.clone())
    }
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
