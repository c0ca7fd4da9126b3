//! Checkpoints: a Hugging Face directory with the optimiser and the counters beside the weights.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bourn_model::transformer::Transformer;
use bourn_model::{Bundle, Weights, read_tensors, write_tensors};
use bourn_track::{WRITTEN, Written};
use serde::{Deserialize, Serialize};

use crate::critic::CRITIC;
use crate::error::TrainError;
use crate::implicit::IMPLICIT;
use crate::learners::{Learners, POLICY, moments_file};
use crate::replay::Look;
use crate::sealed::{self, Contents};

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

/// A checkpoint whose files are those that it states, to the bit.
pub(crate) struct Checked {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its counters.
    pub(crate) state: State,
    /// What the run had written; `None` in checkpoints that were written without it.
    pub(crate) written: Option<Written>,
    contents: Contents,
}

/// A restored run.
pub struct Restored {
    /// The policy's bundle: configuration, weights, tokenizer.
    pub policy: Bundle,
    /// Its counters.
    pub state: State,
    /// Where it was read.
    pub path: PathBuf,
    /// What the run had written; `None` in checkpoints that were written without it.
    pub(crate) written: Option<Written>,
    contents: Contents,
}

/// Name of the directory of a run's checkpoints.
pub(crate) const DIRECTORY: &str = "checkpoints";

/// Where a run's checkpoints are.
pub fn directory(run_dir: &Path) -> PathBuf {
    run_dir.join(DIRECTORY)
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
    /// What the run has written.
    pub written: &'a Written,
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
    let CheckpointParts { base, learners, reference, written } = parts;
    let target = path(run_dir, state.step);
    // A run directory that has vanished is not made anew.
    sealed::make_dir(&directory(run_dir))?;
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
        let path = dir.join(WRITTEN);
        let text = written.to_json().map_err(TrainError::io(&path, "encoding the file"))?;
        sealed::write_file(&path, text.as_bytes())?;
        sealed::write_file(&dir.join(STATE), sealed::to_json(&dir.join(STATE), state)?.as_bytes())
    })?;
    prune(run_dir, state.step, keep_last)?;
    Ok(target)
}

/// Deletes all checkpoints but the newest `keep_last` (0 keeps all) and that of `step`.
///
/// # Errors
/// One that cannot be deleted.
pub(crate) fn prune(run_dir: &Path, step: u64, keep_last: usize) -> Result<(), TrainError> {
    let steps = list(run_dir)?;
    let surplus = if keep_last == 0 { 0 } else { steps.len().saturating_sub(keep_last) };
    let old = steps.into_iter().take(surplus).filter(|&old| old != step);
    old.into_iter().try_for_each(|old| sealed::remove(&path(run_dir, old)))
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

/// Whether the newest checkpoint of `run_dir` says of which recipe the run is.
pub(crate) fn tells_recipe(run_dir: &Path) -> bool {
    let newest = list(run_dir).ok().and_then(|mut steps| steps.pop());
    newest.is_some_and(|step| path(run_dir, step).join(WRITTEN).exists())
}

/// Checks the newest checkpoint of `run_dir`; `None` where there is none.
///
/// # Errors
/// Names the file that is missing, torn, altered or not of the checkpoint, which is never loaded.
pub(crate) fn check_newest(run_dir: &Path) -> Result<Option<Checked>, TrainError> {
    list(run_dir)?.pop().map(|step| check(run_dir, step)).transpose()
}

/// Opens the checkpoint of `run_dir` at `step`.
///
/// # Errors
/// Names the file that is missing, torn, altered or not of the checkpoint; one that is not there is
/// missing its manifest.
pub fn open(run_dir: &Path, step: u64) -> Result<Restored, TrainError> {
    check(run_dir, step)?.open()
}

fn check(run_dir: &Path, step: u64) -> Result<Checked, TrainError> {
    let path = path(run_dir, step);
    let [config, weights, tokenizer] = bourn_model::FILES;
    let moments = moments_file(POLICY);
    let contents = sealed::verify(&path, &[config, weights, tokenizer, &moments, STATE])?;
    let state_path = path.join(STATE);
    let text = sealed::read_text(&state_path)?;
    let fault = |problem| TrainError::Checkpoint { path: state_path.clone(), problem };
    let state: State = serde_json::from_str(&text)
        .map_err(|error| fault(format!("is not a state of this version ({error})")))?;
    if (state.version, state.step) != (VERSION, step) {
        let found = format!("version {} and step {}", state.version, state.step);
        return Err(fault(format!("is of {found}, not of version {VERSION} and step {step}")));
    }
    let written_path = path.join(WRITTEN);
    let fault = |problem| TrainError::Checkpoint { path: written_path.clone(), problem };
    let written =
        match (contents.has(WRITTEN), contents.sized) {
            (true, _) => Some(Written::read(&written_path).map_err(|error| {
                fault(format!("does not say what the run had written ({error})"))
            })?),
            // Every version that writes sizes writes it.
            (false, true) => {
                return Err(fault("is missing, and so is its entry in the manifest".into()));
            }
            (false, false) => None,
        };
    Ok(Checked { path, state, written, contents })
}

impl Checked {
    /// Opens it.
    ///
    /// # Errors
    /// What is no model.
    pub(crate) fn open(self) -> Result<Restored, TrainError> {
        let Checked { path, state, written, contents } = self;
        let policy = bourn_model::open_path(&path)?;
        Ok(Restored { policy, state, path, written, contents })
    }
}

impl Restored {
    /// The weights of the KL penalty's reference, which is `held` by the recipe, where the checkpoint has
    /// one of its own: after a reset.
    ///
    /// # Errors
    /// It should have one and has not; the file cannot be read.
    pub(crate) fn reference(&self, held: bool) -> Result<Option<Weights>, TrainError> {
        let path = self.path.join(REFERENCE);
        match (held && self.state.reset_at > 0, self.contents.has(REFERENCE)) {
            (false, _) => Ok(None),
            (true, true) => Ok(Some(read_tensors(&path)?)),
            (true, false) => {
                let problem = "is missing, and so is its entry in the manifest".into();
                Err(TrainError::Checkpoint { path, problem })
            }
        }
    }
}
