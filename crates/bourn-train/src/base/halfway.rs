//! A base whose pretraining was stopped: where it stood, kept beside the finished bases, so that the
//! same command ends in the same bytes as one that was never stopped.

use std::path::{Path, PathBuf};

use bourn_model::{read_tensors, write_tensors};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::learner::Learner;
use crate::sealed;

const WEIGHTS: &str = "weights.safetensors";
const MOMENTS: &str = "moments.safetensors";
const STATE: &str = "halfway.json";

/// What there has to be.
pub(super) const FILES: [&str; 3] = [WEIGHTS, MOMENTS, STATE];

/// How the name of its directory ends.
pub(super) const EXTENSION: &str = "unfinished";

/// How far pretraining has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Halfway {
    /// Completed steps.
    pub(super) step: u64,
    /// One JSON line for each of them.
    pub(super) losses: String,
    /// The running mean of the loss; `None` before the first step.
    pub(super) smoothed: Option<f64>,
    /// Seconds that these steps took.
    pub(super) seconds: f64,
}

/// Where it is kept of the base that will be at `base`.
pub(super) fn path(base: &Path) -> PathBuf {
    base.with_extension(EXTENSION)
}

impl Halfway {
    /// Takes up what was kept of the base at `base`; the beginning, where nothing was.
    ///
    /// # Errors
    /// Names the file that is missing, torn or altered.
    pub(super) fn take_up(base: &Path, learner: &mut Learner) -> Result<Halfway, TrainError> {
        let dir = path(base);
        if !dir.exists() {
            return Ok(Halfway::default());
        }
        let damaged = |file: PathBuf, problem: String| TrainError::CachedBase {
            path: file,
            problem,
            directory: dir.clone(),
        };
        super::look_at(&dir)?;
        let file = dir.join(STATE);
        let state: Halfway = serde_json::from_str(&sealed::read_text(&file)?)
            .map_err(|error| damaged(file, format!("is no state of pretraining ({error})")))?;
        learner.model = learner.model.with_weights(&read_tensors(&dir.join(WEIGHTS))?)?;
        let moments = read_tensors(&dir.join(MOMENTS))?;
        learner.descent.restore(&learner.model, &moments, state.step, 0)?;
        Ok(state)
    }

    /// Keeps it for the next command.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn keep(&self, base: &Path, learner: &Learner) -> Result<PathBuf, TrainError> {
        let target = path(base);
        sealed::write(&target, |dir| {
            write_tensors(&dir.join(WEIGHTS), &learner.model.to_weights()?)?;
            write_tensors(&dir.join(MOMENTS), &learner.descent.moments()?)?;
            let file = dir.join(STATE);
            sealed::write_file(&file, sealed::to_json(&file, self)?.as_bytes())
        })?;
        Ok(target)
    }

    /// Forgets it: the base is there.
    ///
    /// # Errors
    /// A directory that cannot be deleted.
    pub(super) fn forget(base: &Path) -> Result<(), TrainError> {
        sealed::remove(&path(base))
    }
}

#[cfg(test)]
#[path = "../../tests/unit/base/halfway.rs"]
mod tests;
