//! The checked recipe: what every other room reads.
//!
//! Every field holds a value that has been validated; none is an `Option` that the trainer must
//! unwrap, except where absence itself means something and says so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use crate::algorithm::{Algorithm, Critic, Schedule};
pub use crate::base::{BaseStage, Demonstrations};
use crate::benchmarks::Benchmark;
pub use crate::device::Device;
pub use crate::environments::EnvironmentKind;
pub use crate::implicit::ImplicitReward;
pub use crate::probing::{Guess, Probe, Sampler, Temperature, WhichProbes};
pub use crate::stages::RlStage;
pub use crate::training::{
    Checkpoint, Log, Optimizer, Pace, Rollout, StopToken, Train, WeightDtype,
};
pub use crate::verifiers::VerifierKind;

/// A whole, validated recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Name of the run (by default the recipe's file stem), and of its default run directory.
    pub name: String,
    /// Seed of the run; every random draw is a function of it and of counters.
    pub seed: u64,
    /// Where tensors live.
    pub device: Device,
    /// The policy; its frozen copy is the base.
    pub model: Model,
    /// Pretraining of the base, present exactly when `model` is an architecture.
    pub base: Option<BaseStage>,
    /// One or more sources of problems.
    pub tasks: Vec<Task>,
    /// How completions are drawn for training.
    pub rollout: Rollout,
    /// The policy-gradient algorithm.
    pub algorithm: Algorithm,
    /// The value model, present exactly when the algorithm's advantages are a critic's.
    pub critic: Option<Critic>,
    /// The model that process rewards are read from, where there are such.
    pub implicit_reward: Option<ImplicitReward>,
    /// AdamW and its schedule.
    pub optimizer: Optimizer,
    /// How many steps, and how a rollout becomes updates.
    pub train: Train,
    /// The boundary probe.
    pub probe: Probe,
    /// Witness replay, where there is any.
    pub replay: Option<Replay>,
    /// When checkpoints are written and how many stay.
    pub checkpoint: Checkpoint,
    /// What is logged.
    pub log: Log,
}

/// A stage of a run. Each begins with the policy that the one before it left, the first with the
/// recipe's model.
#[derive(Clone, Copy, Debug)]
pub enum Stage<'r> {
    /// Pretraining of a fresh architecture on demonstrations.
    Base(&'r BaseStage),
    /// Reinforcement learning with verifiable rewards.
    Rl(RlStage<'r>),
}

impl Recipe {
    /// The stages of a run, in order.
    pub fn stages(&self) -> Vec<Stage<'_>> {
        let mut stages = Vec::new();
        stages.extend(self.base.as_ref().map(Stage::Base));
        stages.push(Stage::Rl(self.rl()));
        stages
    }
}

/// The policy model and how problems are put to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Where the weights come from.
    pub source: ModelSource,
    /// Render each prompt through the model's own chat template.
    pub chat_template: bool,
    /// System message for the chat template. Where it is empty the template is given none, and may write
    /// one of its own: Qwen2.5's does.
    pub system_prompt: String,
}

/// Where the weights come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelSource {
    /// A Hugging Face directory, a hub id, a GGUF file or a run's checkpoint.
    Path(String),
    /// A fresh model of this shape, pretrained by the `[base]` stage.
    Architecture(Architecture),
}

/// Shape of a decoder-only transformer (Llama family: RMSNorm, RoPE, SwiGLU).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Transformer blocks.
    pub num_layers: usize,
    /// Query heads; divides `hidden_size`.
    pub num_heads: usize,
    /// Key/value heads; divides `num_heads`.
    pub num_kv_heads: usize,
    /// Width of the SwiGLU hidden layer.
    pub intermediate_size: usize,
    /// Longest sequence, in tokens.
    pub max_position: usize,
    /// RoPE base frequency.
    pub rope_theta: f64,
    /// Share the embedding with the output head.
    pub tie_embeddings: bool,
}

/// A source of problems with its share of the prompts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Share of training prompts, relative to the other tasks.
    pub weight: f64,
    /// Prompt template: `{prompt}` is replaced by the problem's text.
    pub template: String,
    /// What kind of source it is.
    pub kind: TaskKind,
    /// One or more verifiers of its problems; the first gives the raw verdict.
    pub rewards: Vec<Reward>,
    /// What answers completions of its problems.
    pub environment: EnvironmentKind,
}

impl Task {
    /// Its share of the training prompts: its weight, unless all of it is for the probe.
    pub fn trained(&self) -> f64 {
        if matches!(self.kind, TaskKind::Benchmark(_)) { 0.0 } else { self.weight }
    }
}

/// The kinds of problem source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Generated arithmetic puzzles.
    Countdown(CountdownTask),
    /// Problems out of files.
    Dataset(DatasetTask),
    /// A benchmark, all of it for the probe.
    Benchmark(BenchmarkTask),
}

/// Difficulty dial of the countdown generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CountdownTask {
    /// Fewest and most numbers in a problem (inclusive).
    pub numbers: (usize, usize),
    /// Smallest and largest number (inclusive).
    pub range: (i64, i64),
    /// Smallest and largest target (inclusive).
    pub target: (i64, i64),
    /// Operators an expression may use.
    pub operators: Vec<Operator>,
    /// Distinct training problems to generate.
    pub train_problems: usize,
}

/// An arithmetic operator of countdown expressions.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Operator {
    /// `+`
    #[serde(rename = "+")]
    Add,
    /// `-`
    #[serde(rename = "-")]
    Sub,
    /// `*`
    #[serde(rename = "*")]
    Mul,
    /// `/` (exact rational division)
    #[serde(rename = "/")]
    Div,
}

/// Files as a recipe names them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataSource {
    /// A file, a pattern of file names, a directory with a data set in it, or a hub's.
    pub path: String,
    /// Of a directory or a hub's data set, which configuration.
    pub config: Option<String>,
    /// Of a directory or a hub's data set, which split.
    pub split: Option<String>,
}

impl DataSource {
    /// Files that need no choice.
    pub fn new(path: &str) -> DataSource {
        DataSource { path: path.to_owned(), config: None, split: None }
    }
}

/// A data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatasetTask {
    /// Training problems.
    pub source: DataSource,
    /// Held-out problems for the probe; when absent, they are split off `source` by content hash.
    pub probe: Option<DataSource>,
    /// Where problem and answer stand.
    pub columns: Columns,
    /// Read at most this many problems of each source; 0 for all.
    pub max_problems: usize,
}

/// Where in a row a problem and its answer stand. A column may be inside another (`a.b`), and `a|b` is
/// the first that there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// The problem's text, or its messages.
    pub prompt: String,
    /// The reference answer: text, a number, or a list of either, any of which is right.
    pub answer: String,
    /// How the answer is read out of its column.
    pub answer_format: Extract,
}

/// A benchmark's problems.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkTask {
    /// Which.
    pub benchmark: Benchmark,
    /// Its files; by default the hub's.
    pub source: DataSource,
    /// Whether other problems than the benchmark's are let through.
    pub changed: bool,
}

/// How an answer is found in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Extract {
    /// What follows the last `####`.
    Hash,
    /// The last `\boxed{…}`; where it is not closed, there is no answer.
    Boxed,
    /// The last box; without one what follows the last `####`, without that the last `<answer>`, then the
    /// last "answer is", then the last number.
    Answer,
    /// The last number in the text.
    LastNumber,
    /// The whole text.
    Whole,
}

impl Extract {
    /// Every way, in the order of the reference page.
    pub const ALL: [Extract; 5] =
        [Extract::Hash, Extract::Boxed, Extract::Answer, Extract::LastNumber, Extract::Whole];

    /// The name as a recipe has it.
    pub fn name(self) -> &'static str {
        match self {
            Extract::Hash => "hash",
            Extract::Boxed => "boxed",
            Extract::Answer => "answer",
            Extract::LastNumber => "last_number",
            Extract::Whole => "whole",
        }
    }
}

/// A verifier and its weight in the reward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reward {
    /// Which verifier.
    pub verifier: VerifierKind,
    /// How the completion's answer is found (maths and exact verifiers).
    pub extract: Extract,
    /// Weight of this verifier's 0/1 in the reward.
    pub weight: f64,
    /// What all steps of a completion together are worth, from this much to minus it; 0 for none.
    pub step_weight: f64,
    /// Whether its verdict is only held against the first's, and pays nothing.
    pub second_opinion: bool,
    /// What the regex verifier looks for.
    pub pattern: String,
    /// How many letters the choice verifier knows, from A on.
    pub choices: usize,
    /// Program and arguments of the command verifier.
    pub command: Vec<String>,
    /// How many processes of it there are.
    pub workers: usize,
    /// Seconds that it may take for one completion.
    pub timeout: f64,
    /// The score from which on it finds a completion correct.
    pub threshold: f64,
}

impl Reward {
    /// The verifier as it is without any key, with a weight of 1.
    pub fn new(verifier: VerifierKind) -> Reward {
        let extract = verifier.facts().extract.unwrap_or(Extract::Whole);
        Reward {
            verifier,
            extract,
            weight: 1.0,
            step_weight: 0.0,
            second_opinion: false,
            pattern: String::new(),
            choices: 26,
            command: Vec::new(),
            workers: 1,
            timeout: 10.0,
            threshold: 1.0,
        }
    }
}

/// Witness replay: training problems that are being lost get correct draws of the base in their
/// groups. An experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// Share of a replayed group that the base drew; above 0 and below 1.
    pub share: f64,
    /// Least probability of being lost of a problem that is replayed.
    pub threshold: f64,
    /// Looks at the watched problems are this many steps apart.
    pub interval: u64,
    /// Training problems that are watched.
    pub problems: usize,
    /// Most draws of each at a look, and of the base once.
    pub n_max: usize,
    /// Most replayed groups of a step.
    pub groups: usize,
    /// Most that the importance weight of a token may be.
    pub max_weight: f64,
}

impl Replay {
    /// Completions of a group of `num_generations` that the base drew: at least one, and not all.
    pub fn witnesses(&self, num_generations: usize) -> usize {
        let share = (self.share * num_generations as f64).round() as usize;
        share.clamp(1, num_generations.saturating_sub(1).max(1))
    }
}
