//! The checked recipe: what every other room reads.
//!
//! Every field holds a value that has been validated; none is an `Option` that the trainer must
//! unwrap, except where absence itself means something and says so.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::algorithm::{Algorithm, Critic, ImplicitReward};
pub use crate::device::Device;
pub use crate::environments::Environment;
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

/// The policy model and how problems are put to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Where the weights come from.
    pub source: ModelSource,
    /// Render each prompt through the model's own chat template.
    pub chat_template: bool,
    /// System message for the chat template; empty for none.
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

/// Pretraining of the base on generated demonstrations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaseStage {
    /// Seed of the base's weights and demonstrations. It is not the run's: runs with different
    /// seeds start from the same base, and share its draws.
    pub seed: u64,
    /// Optimiser steps.
    pub steps: u64,
    /// Demonstrations per step.
    pub batch_size: usize,
    /// AdamW and its schedule (the same keys as `[optimizer]`).
    pub optimizer: Optimizer,
    /// What the demonstrations are.
    pub demonstrations: Demonstrations,
}

/// Shares of each kind of demonstration; they sum to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demonstrations {
    /// An expression that hits the target with each number used once.
    pub correct: f64,
    /// A random expression over the right numbers, whatever its value.
    pub random: f64,
    /// An expression that drops, repeats or invents a number.
    pub misused: f64,
    /// Text that does not parse.
    pub malformed: f64,
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
    pub environment: Environment,
}

/// The kinds of problem source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Generated arithmetic puzzles.
    Countdown(CountdownTask),
    /// A JSONL file, or a JSON file that holds one array.
    Jsonl(JsonlTask),
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

/// A data set in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JsonlTask {
    /// Training problems.
    pub path: PathBuf,
    /// Held-out problems for the probe; when absent, they are split off `path` by content hash.
    pub probe_path: Option<PathBuf>,
    /// Column that holds the problem's text.
    pub prompt_column: String,
    /// Column that holds the reference answer (text or number).
    pub answer_column: String,
    /// How the gold answer is read out of the answer column.
    pub answer_format: Extract,
    /// Read at most this many problems of each file; 0 for all.
    pub max_problems: usize,
}

/// How an answer is found in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Extract {
    /// What follows the last `####`.
    Hash,
    /// The last balanced `\boxed{…}`.
    Boxed,
    /// The last number in the text.
    LastNumber,
    /// The whole text.
    Whole,
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
            pattern: String::new(),
            choices: 26,
            command: Vec::new(),
            workers: 1,
            timeout: 10.0,
            threshold: 1.0,
        }
    }
}

/// How completions are drawn for training. The full distribution at `temperature` is sampled, so
/// that the sampler's log-probs are the loss's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// Problems per step.
    pub prompts_per_step: usize,
    /// Completions per problem (the group).
    pub num_generations: usize,
    /// Longest prompt, in tokens; a longer one is an error that names the problem.
    pub max_prompt_length: usize,
    /// Longest completion, in tokens.
    pub max_completion_length: usize,
    /// Softmax temperature of sampler, loss and entropy.
    pub temperature: f64,
    /// Texts that end a completion, of training and probes; none for stop tokens alone.
    pub stop_strings: Vec<String>,
    /// Rows decoded at once; changes memory and speed only.
    pub batch_size: usize,
    /// How what draws, and scores for probes, keeps the model's matrices.
    pub weight_dtype: WeightDtype,
}

/// How the model's matrices are kept where completions are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WeightDtype {
    /// As the trainer has them.
    Float32,
    /// Rounded to 8 bits of precision, in half the memory.
    Bfloat16,
}

/// AdamW and its schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Optimizer {
    /// Peak learning rate.
    pub lr: f64,
    /// Optimiser updates of linear warmup from 0.
    pub warmup_steps: u64,
    /// What follows the warmup.
    pub schedule: Schedule,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// Global gradient-norm clip; 0 for none.
    pub max_grad_norm: f64,
}

impl Optimizer {
    /// The same moments at another pace: what a second model learns by.
    pub(crate) fn at_pace(
        &self,
        lr: f64,
        warmup_steps: u64,
        schedule: Schedule,
        weight_decay: f64,
        max_grad_norm: f64,
    ) -> Optimizer {
        Optimizer { lr, warmup_steps, schedule, weight_decay, max_grad_norm, ..self.clone() }
    }
}

/// Learning-rate schedule after the warmup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Stays at `lr`.
    Constant,
    /// Falls linearly to 0, reached just after the last update.
    Linear,
    /// Falls as half a cosine to 0, reached just after the last update.
    Cosine,
}

/// How many steps, and how a rollout becomes updates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Train {
    /// Rollout steps.
    pub max_steps: u64,
    /// Passes over each rollout (μ of GRPO).
    pub num_iterations: usize,
    /// Optimiser updates per pass; groups are split evenly among them.
    pub minibatches: usize,
    /// Completions per forward and backward; changes memory and nothing else.
    pub micro_batch_size: usize,
    /// Whether layers are computed again on the way back instead of kept; changes memory and speed
    /// only.
    pub gradient_checkpointing: bool,
}

/// The boundary probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Probe every this many steps (and at step 0 and the last); 0 for never.
    pub interval: u64,
    /// Held-out problems.
    pub problems: usize,
    /// Most draws per problem, of policy and base each.
    pub n_max: usize,
    /// Correct draws that end a problem's drawing before `n_max`; 0 for never.
    pub stop: usize,
    /// One or more samplers; figures of each are kept apart.
    pub samplers: Vec<Sampler>,
    /// Confidence of the intervals, for example 0.95.
    pub confidence: f64,
    /// Bootstrap resamples over problems.
    pub resamples: usize,
    /// Seed of the probe's draws and resamples. It is not the run's: runs with different seeds
    /// share the base's draws.
    pub seed: u64,
    /// Most completions that are scored of a class that need not be scored whole, per problem and
    /// model; 0 for no scoring.
    pub scores: usize,
    /// Solutions to hold against what the models draw: a JSONL file.
    pub references: Option<PathBuf>,
    /// Answers of the base without reasoning, as a control.
    pub guess: Option<Guess>,
    /// Both models at other temperatures.
    pub temperature: Option<Temperature>,
}

/// How the base guesses, without reasoning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guess {
    /// What the completion begins with, after the prompt.
    pub suffix: String,
    /// Draws per problem.
    pub n: usize,
    /// Longest guess, in tokens, without the suffix.
    pub max_completion_length: usize,
}

/// Both models at other temperatures than the samplers', whose other settings stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Temperature {
    /// Whether the policy's temperature of the base's entropy is looked for.
    pub matched: bool,
    /// Temperatures at which both are compared too, all different.
    pub grid: Vec<f64>,
    /// Most draws per problem at each temperature, at most those of the probe.
    pub n_max: usize,
    /// Correct draws that end a problem's drawing before `n_max`; 0 for never.
    pub stop: usize,
    /// Draws per problem at each temperature that the search tries.
    pub match_draws: usize,
    /// Which probes of a run do this.
    pub every: WhichProbes,
}

/// Which probes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhichProbes {
    /// The one after the last step of the recipe.
    Last,
    /// Every probe.
    Probe,
}

/// How the probe draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sampler {
    /// Softmax temperature.
    pub temperature: f64,
    /// Keep the smallest set of tokens with this much probability; 1 for all.
    pub top_p: f64,
    /// Keep this many of the likeliest tokens; 0 for all.
    pub top_k: usize,
    /// Drop tokens below this share of the likeliest one's probability; 0 for none.
    pub min_p: f64,
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

/// When checkpoints are written and how many stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Every this many steps (and at the last); 0 for the last only.
    pub interval: u64,
    /// How many of the newest to keep; 0 for all.
    pub keep_last: usize,
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Log {
    /// Write TensorBoard event files.
    pub tensorboard: bool,
    /// Print a line every this many steps where there is no terminal.
    pub console_interval: u64,
}
