//! Everything a run records: the metrics file, TensorBoard, the line beside the progress bar.

use std::path::{Path, PathBuf};
use std::time::Instant;

use bourn_recipe::Recipe;
use bourn_track::{EventWriter, MetricsFile, boundary_scalars, tags, write_boundary};

use crate::error::TrainError;
use crate::experience::Experience;
use crate::metrics::{drawn_tokens, step_metrics};
use crate::probe::ProbeResult;
use crate::update::UpdateReport;

/// The open files of a run's records.
pub struct Logbook {
    metrics: MetricsFile,
    events: Option<EventWriter>,
    tensorboard: PathBuf,
    step_started: Instant,
}

impl Logbook {
    /// Opens the records of `run_dir`; with `resumed`, everything after that step is dropped.
    pub fn open(
        run_dir: &Path,
        recipe: &Recipe,
        resumed: Option<u64>,
    ) -> Result<Logbook, TrainError> {
        let path = run_dir.join("metrics.jsonl");
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
        Ok(Logbook { metrics, events, tensorboard, step_started: now() })
    }

    /// Starts the clock of a step.
    pub fn start_step(&mut self) {
        self.step_started = now();
    }

    /// Records a step and returns the line that stands beside the progress bar.
    pub fn step(
        &mut self,
        step: u64,
        experience: &Experience,
        report: &UpdateReport,
        recipe: &Recipe,
    ) -> Result<String, TrainError> {
        let mut values = step_metrics(experience, report, recipe)?;
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

    /// Records a probe.
    pub fn probe(&mut self, step: u64, result: &ProbeResult) -> Result<(), TrainError> {
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
    pub fn sync(&mut self) -> Result<(), TrainError> {
        self.metrics.sync()?;
        if let Some(events) = &mut self.events {
            events.sync()?;
        }
        Ok(())
    }

    /// TensorBoard's directory, where event files are written.
    pub fn tensorboard(&self) -> Option<PathBuf> {
        self.events.is_some().then(|| self.tensorboard.clone())
    }
}

/// The clock that times steps; nothing but `timing.jsonl` and TensorBoard sees it.
fn now() -> Instant {
    Instant::now()
}
