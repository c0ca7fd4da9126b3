//! Checkpoints: a Hugging Face directory with the optimiser and the counters beside the weights.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bourn_model::transformer::Transformer;
use bourn_model::{Bundle, Weights, read_tensors, write_tensors};
use serde::{Deserialize, Serialize};

use crate::critic::CRITIC;
use crate::error::TrainError;
use crate::implicit::IMPLICIT;
use crate::learners::{Learners, POLICY};
use crate::replay::Look;
use crate::sealed;

const REFERENCE: &str = "reference.safetensors";
const STATE: &str = "state.json";
/// Version of the counters' format that is written and read.
const VERSION: u32 = 1;

/// Counters of a run. With the recipe and the weights they determine everything that follows:
/// random draws are functions of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Version of this format.
    pub version: u32,
    /// Completed steps.
    pub step: u64,
    /// Optimiser updates taken.
    pub updates: u64,
    /// Whether the probe of `step` is done (and its files written).
    pub probed: bool,
    /// Content hash of the frozen base's weights.
    pub base: String,
    /// Hash of the ids of all problems; empty in checkpoints that were written without it.
    #[serde(default)]
    pub problems: String,
    /// Batches that steps have drawn beyond their first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub extra_batches: u64,
    /// Rises less falls of the entropy bonus's weight.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub entropy_level: u64,
    /// Optimiser updates taken when its moments, and the reference, last started anew.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reset_at: u64,
    /// Rollouts that the value model was trained on before the first step.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pretrained: u64,
    /// Updates of a value model of its own.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub critic_updates: u64,
    /// The last looks at the problems that may be replayed, the older first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<Look>,
    /// Updates of the implicit reward model.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub implicit_updates: u64,
    /// Updates of any other learner, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub learners: BTreeMap<String, u64>,
}

/// Counters that stand at 0 are not written: a run that does not use them has the checkpoints of a
/// version that did not know them.
fn is_zero(counter: &u64) -> bool {
    *counter == 0
}

impl State {
    /// The state of a run that has not begun, on a base with this content hash and on problems
    /// with this [`problems_hash`](crate::prompts::problems_hash).
    pub fn new(base: &str, problems: &str) -> State {
        let (base, problems) = (base.to_owned(), problems.to_owned());
        State {
            version: VERSION,
            step: 0,
            updates: 0,
            probed: false,
            base,
            problems,
            extra_batches: 0,
            entropy_level: 0,
            reset_at: 0,
            pretrained: 0,
            critic_updates: 0,
            looks: Vec::new(),
            implicit_updates: 0,
            learners: BTreeMap::new(),
        }
    }

    /// Updates that the learner of this name has taken.
    pub(crate) fn updates_of(&self, name: &str) -> u64 {
        match name {
            POLICY => self.updates,
            CRITIC => self.critic_updates,
            IMPLICIT => self.implicit_updates,
            name => self.learners.get(name).copied().unwrap_or(0),
        }
    }

    /// Sets [`State::updates_of`].
    pub(crate) fn set_updates(&mut self, name: &str, updates: u64) {
        match name {
            POLICY => self.updates = updates,
            CRITIC => self.critic_updates = updates,
            IMPLICIT => self.implicit_updates = updates,
            name => {
                self.learners.insert(name.to_owned(), updates);
            }
        }
    }
}

/// A restored run.
pub struct Restored {
    /// The policy's bundle: configuration, weights, tokenizer.
    pub policy: Bundle,
    /// Its counters.
    pub state: State,
    /// Where it was read.
    pub path: PathBuf,
}

/// Where a run's checkpoints are.
pub fn directory(run_dir: &Path) -> PathBuf {
    run_dir.join("checkpoints")
}

/// The directory of the checkpoint at `step`.
pub fn path(run_dir: &Path, step: u64) -> PathBuf {
    directory(run_dir).join(format!("step-{step:06}"))
}

/// Everything that a checkpoint is made of, but its counters.
#[derive(Clone, Copy)]
pub(crate) struct CheckpointParts<'a> {
    /// The frozen base, whose tokenizer and configuration are the policy's.
    pub base: &'a Bundle,
    /// The policy, and what else is fitted.
    pub learners: &'a Learners,
    /// The KL penalty's reference, where it is no longer the base.
    pub reference: Option<&'a Transformer>,
}

/// Writes the checkpoint of `state.step` and deletes all but the newest `keep_last` (0 keeps all).
///
/// # Errors
/// A file that cannot be written, or an old checkpoint that cannot be deleted; a half-written one is never
/// taken for a checkpoint.
pub(crate) fn save(
    run_dir: &Path,
    parts: CheckpointParts<'_>,
    state: &State,
    keep_last: usize,
) -> Result<PathBuf, TrainError> {
    let CheckpointParts { base, learners, reference } = parts;
    let target = path(run_dir, state.step);
    sealed::write(&target, |dir| {
        bourn_model::save(
            dir,
            &base.config,
            &learners.policy.model.to_weights()?,
            &base.tokenizer,
            &base.stop_tokens,
            base.chat_template.as_ref(),
        )?;
        learners.save(dir)?;
        if let Some(reference) = reference {
            write_tensors(&dir.join(REFERENCE), &reference.to_weights()?)?;
        }
        sealed::write_file(&dir.join(STATE), sealed::to_json(&dir.join(STATE), state)?.as_bytes())
    })?;
    let steps = list(run_dir)?;
    let surplus = if keep_last == 0 { 0 } else { steps.len().saturating_sub(keep_last) };
    for &old in steps.iter().take(surplus).filter(|&&step| step != state.step) {
        let old = path(run_dir, old);
        fs::remove_dir_all(&old).map_err(TrainError::io(&old, "deleting an old checkpoint"))?;
    }
    Ok(target)
}

/// Steps that `run_dir` has checkpoints of, oldest first.
///
/// # Errors
/// The directory cannot be listed.
pub fn list(run_dir: &Path) -> Result<Vec<u64>, TrainError> {
    let dir = directory(run_dir);
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let mut steps = Vec::new();
    for entry in fs::read_dir(&dir).map_err(TrainError::io(&dir, "listing the checkpoints"))? {
        let entry = entry.map_err(TrainError::io(&dir, "listing the checkpoints"))?;
        let name = entry.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix("step-"));
        let step = digits.and_then(|digits| digits.parse::<u64>().ok());
        // A name that is not spelt as ours (`step-7`) is somebody else's directory.
        steps.extend(step.filter(|&step| path(run_dir, step).file_name() == Some(&name)));
    }
    steps.sort_unstable();
    Ok(steps)
}

/// Opens the newest checkpoint of `run_dir`, or `None` where there is none.
///
/// # Errors
/// Names the file that is missing, torn or altered; such a checkpoint is never loaded.
pub fn restore(run_dir: &Path) -> Result<Option<Restored>, TrainError> {
    list(run_dir)?.pop().map(|step| open(run_dir, step)).transpose()
}

/// Opens the checkpoint of `run_dir` at `step`.
///
/// # Errors
/// As [`restore`]; a checkpoint that is not there is missing its manifest.
pub fn open(run_dir: &Path, step: u64) -> Result<Restored, TrainError> {
    let path = path(run_dir, step);
    sealed::verify(&path)?;
    let state_path = path.join(STATE);
    let text = sealed::read_text(&state_path)?;
    let fault = |problem| TrainError::Checkpoint { path: state_path.clone(), problem };
    let state: State = serde_json::from_str(&text)
        .map_err(|error| fault(format!("is not a state of this version ({error})")))?;
    if (state.version, state.step) != (VERSION, step) {
        let found = format!("version {} and step {}", state.version, state.step);
        return Err(fault(format!("is of {found}, not of version {VERSION} and step {step}")));
    }
    let policy = bourn_model::open(&path.to_string_lossy())?;
    Ok(Restored { policy, state, path })
}

/// The weights of the KL penalty's reference, where a checkpoint has one of its own.
///
/// # Errors
/// The file cannot be read.
pub fn reference(path: &Path) -> Result<Option<Weights>, TrainError> {
    let path = path.join(REFERENCE);
    if path.exists() { Ok(Some(read_tensors(&path)?)) } else { Ok(None) }
}
