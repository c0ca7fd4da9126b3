//! The recipe as its user writes it.
//!
//! These types are the one definition of the keys: their fields, documentation, defaults and ranges
//! give the JSON schema, and the schema gives the check of every file, the nearest names in errors
//! and the reference page. An `Option` is a key whose default depends on other keys, named in
//! `x-default`; `x-hint` is what an error adds when a value is out of range.

mod algorithm;
mod model;
mod probing;
mod replay;
mod sweep;
mod task;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use algorithm::*;
pub(crate) use model::*;
pub(crate) use probing::*;
pub(crate) use replay::*;
pub(crate) use sweep::*;
pub(crate) use task::*;

use crate::recipe::{
    BaseStage, Checkpoint, Device, ImplicitReward, Log, Optimizer, Rollout, Train,
};

/// A recipe: what is trained, on which problems, how, and how its boundary is measured.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "bourn recipe")]
pub(crate) struct Written {
    /// Another recipe, relative to this file, that this one builds on. Tables merge, everything
    /// else (arrays and `[[task]]` lists too) is replaced by what stands here.
    #[schemars(extend("x-default" = "none"))]
    pub extends: Option<String>,
    /// Name of the run and of its default run directory.
    #[schemars(extend("x-default" = "the file's stem"))]
    pub name: Option<String>,
    /// Seed of the run. The same recipe and seed give the same run on the same machine.
    #[serde(default = "defaults::seed")]
    pub seed: u64,
    /// Where the models compute. All but the CPU need a binary that was built with the Cargo
    /// feature of the same name; `wgpu` takes the best adapter that it finds.
    #[serde(default = "defaults::device")]
    pub device: Device,
    /// The policy; its frozen copy is the base. Exactly one of `path` and `architecture`.
    pub model: ModelWritten,
    /// Pretraining of the base on generated demonstrations; required with `model.architecture`,
    /// an error with `model.path`.
    #[schemars(extend("x-default" = "none"))]
    pub base: Option<BaseStage>,
    /// One or more sources of problems.
    #[schemars(length(min = 1, max = 64))]
    pub task: Vec<TaskWritten>,
    /// One or more verifiers, for every task that has none of its own. The first one decides what
    /// counts as correct: the raw verdict. Without any, countdown tasks have countdown and jsonl
    /// tasks math.
    #[schemars(length(min = 1, max = 64), extend("x-default" = "the task's natural verifier"))]
    pub reward: Option<Vec<RewardWritten>>,
    /// How completions are drawn for training: from the full distribution at `temperature`, so the
    /// loss is computed with the log-probs that the tokens were drawn with.
    #[serde(default)]
    pub rollout: Rollout,
    /// The policy-gradient algorithm.
    pub algorithm: AlgorithmWritten,
    /// The value model of algorithms that have one; an error with the others.
    #[schemars(extend("x-default" = "by `algorithm.name`"))]
    pub critic: Option<CriticWritten>,
    /// Implicit process rewards: a model that learns from the verdicts rewards every token. None
    /// without this section.
    #[schemars(extend("x-default" = "none"))]
    pub implicit_reward: Option<ImplicitReward>,
    /// AdamW and its schedule.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// How many steps, and how a rollout becomes updates.
    #[serde(default)]
    pub train: Train,
    /// The boundary probe: the policy and its frozen base on the same held-out problems.
    #[serde(default)]
    pub probe: ProbeWritten,
    /// Witness replay, an experiment: groups of training problems that are being lost get correct
    /// completions that the frozen base drew. The probe's held-out problems are never replayed.
    #[serde(default)]
    pub replay: ReplayWritten,
    /// When checkpoints are written and how many stay.
    #[serde(default)]
    pub checkpoint: Checkpoint,
    /// What is logged.
    #[serde(default)]
    pub log: Log,
}

/// Defaults of keys whose table also has keys without one.
mod defaults {
    use crate::recipe::*;

    pub(super) fn seed() -> u64 {
        1
    }
    pub(super) fn device() -> Device {
        Device::Cpu
    }
    pub(super) fn yes() -> bool {
        true
    }
    pub(super) fn one() -> f64 {
        1.0
    }
    pub(super) fn max_position() -> usize {
        256
    }
    pub(super) fn rope_theta() -> f64 {
        10_000.0
    }
    pub(super) fn template() -> String {
        "{prompt}".to_string()
    }
    pub(super) fn benchmark_template() -> String {
        crate::benchmarks::TEMPLATE.to_string()
    }
    pub(super) fn whole() -> Extract {
        Extract::Whole
    }
}
