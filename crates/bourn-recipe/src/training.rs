//! `[rollout]`, `[optimizer]`, `[train]`, `[checkpoint]` and `[log]`: what is written is what is
//! checked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::algorithm::Schedule;

/// How completions are drawn for training: from the full distribution at `temperature`, so the loss
/// is computed with the log-probs that the tokens were drawn with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rollout {
    /// Problems per step.
    #[schemars(range(min = 1, max = 65_536))]
    pub prompts_per_step: usize,
    /// Completions per problem (the group).
    #[schemars(
        range(min = 2, max = 65_536),
        extend("x-hint" = "a group of one has no baseline but itself")
    )]
    pub num_generations: usize,
    /// Longest prompt, in tokens; a longer one is an error that names the problem.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub max_prompt_length: usize,
    /// Longest completion, in tokens.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub max_completion_length: usize,
    /// Softmax temperature of sampler, loss and entropy.
    #[schemars(
        range(min = 0.01, max = 100.0),
        extend(
            "x-hint" = "greedy decoding (0) would make all completions of a group the same"
        )
    )]
    pub temperature: f64,
    /// Texts that end a completion, here and in probes, beside the model's stop tokens: it ends with
    /// the first token after which its own text, without the prompt's, has one of them. All of its
    /// text is judged and trained on, the stop string included. A special token of the tokenizer, such
    /// as `<|im_end|>`, has no text there: its own text here ends a completion with that token.
    #[schemars(length(max = 16), inner(length(min = 1, max = 64)), extend("uniqueItems" = true))]
    pub stop_strings: Vec<String>,
    /// Tokens that end a completion, here and in probes, beside the model's own: each the text of one
    /// token of the tokenizer, or an id.
    #[schemars(length(max = 16), extend("uniqueItems" = true))]
    pub stop_tokens: Vec<StopToken>,
    /// Rows decoded at once; changes memory and speed only.
    #[schemars(range(min = 1, max = 65_536))]
    pub batch_size: usize,
    /// How the matrices that completions are drawn with are kept, here and in probes: as the
    /// trainer has them, or rounded to bfloat16 in half the memory. Arithmetic is in float32 either
    /// way. With bfloat16 completions come from the rounded policy, and its log-probs are the old
    /// ones in the loss's ratio. Other devices than the CPU have float32 alone.
    pub weight_dtype: WeightDtype,
}

impl Default for Rollout {
    fn default() -> Self {
        Rollout {
            prompts_per_step: 32,
            num_generations: 16,
            max_prompt_length: 256,
            max_completion_length: 256,
            temperature: 1.0,
            stop_strings: Vec::new(),
            stop_tokens: Vec::new(),
            batch_size: 256,
            weight_dtype: WeightDtype::Float32,
        }
    }
}

/// A token, by its text or by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum StopToken {
    /// The text of one token, as the tokenizer spells it or as it is read.
    Text(#[schemars(length(min = 1, max = 256))] String),
    /// An id of the model's vocabulary.
    Id(#[schemars(range(min = 0, max = 16_777_215))] u32),
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Optimizer {
    /// Peak learning rate.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub lr: f64,
    /// Steps of linear warmup from 0, in optimiser updates.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub warmup_steps: u64,
    /// What follows the warmup.
    pub schedule: Schedule,
    /// Decoupled weight decay.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub weight_decay: f64,
    /// Decay of the first moment.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub beta1: f64,
    /// Decay of the second moment.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub beta2: f64,
    /// Added to the denominator.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0))]
    pub eps: f64,
    /// Global gradient-norm clip; 0 for none.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub max_grad_norm: f64,
}

impl Default for Optimizer {
    fn default() -> Self {
        Optimizer {
            lr: 1e-6,
            warmup_steps: 0,
            schedule: Schedule::Constant,
            weight_decay: 0.0,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            max_grad_norm: 1.0,
        }
    }
}

/// How many steps, and how a rollout becomes updates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Train {
    /// Steps; each draws completions and trains on them.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub max_steps: u64,
    /// Passes over each rollout (μ of GRPO).
    #[schemars(range(min = 1, max = 1000))]
    pub num_iterations: usize,
    /// Optimiser updates per pass (a count); divides `rollout.prompts_per_step`, so that groups
    /// stay whole.
    #[schemars(range(min = 1, max = 65_536))]
    pub minibatches: usize,
    /// Completions per forward and backward; changes memory and nothing else.
    #[schemars(range(min = 1, max = 4_194_304))]
    pub micro_batch_size: usize,
    /// Keep only what enters a layer, and compute the rest again in the backward pass: less memory
    /// for a third more work; changes no number. Only on the CPU.
    pub gradient_checkpointing: bool,
}

impl Default for Train {
    fn default() -> Self {
        Train {
            max_steps: 100,
            num_iterations: 1,
            minibatches: 1,
            micro_batch_size: 32,
            gradient_checkpointing: false,
        }
    }
}

/// When checkpoints are written and how many stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Checkpoint {
    /// Every this many steps, and at the last; 0 for the last only.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub interval: u64,
    /// How many of the newest to keep; 0 for all.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub keep_last: usize,
}

impl Default for Checkpoint {
    fn default() -> Self {
        Checkpoint { interval: 50, keep_last: 2 }
    }
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// Write TensorBoard event files.
    pub tensorboard: bool,
    /// Print a line every this many steps where there is no terminal.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub console_interval: u64,
}

impl Default for Log {
    fn default() -> Self {
        Log { tensorboard: true, console_interval: 1 }
    }
}

/// At what pace a model learns: the keys that every section with an AdamW has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Peak learning rate.
    pub lr: f64,
    /// Updates of linear warmup from 0.
    pub warmup_steps: u64,
    /// What follows the warmup.
    pub schedule: Schedule,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Global gradient-norm clip; 0 for none.
    pub max_grad_norm: f64,
}

impl Pace {
    /// Learning rate of update `update` (from 0) of `total`.
    pub fn lr_at(&self, update: u64, total: u64) -> f64 {
        bourn_algo::learning_rate(update, total, self.lr, self.warmup_steps, self.schedule)
    }
}

/// The keys of [`Pace`] stand flat in their sections, each with its own defaults and reasons.
macro_rules! paced {
    ($($section:ty),*) => {$(
        impl $section {
            /// The pace that the section sets.
            pub fn pace(&self) -> Pace {
                let &Self { lr, warmup_steps, schedule, weight_decay, max_grad_norm, .. } = self;
                Pace { lr, warmup_steps, schedule, weight_decay, max_grad_norm }
            }
        }
    )*};
}
paced!(Optimizer, crate::BaseStage, crate::Critic, crate::ImplicitReward);

impl Train {
    /// Optimiser updates made of one rollout.
    pub fn updates_per_step(&self) -> u64 {
        (self.num_iterations as u64).saturating_mul(self.minibatches as u64)
    }

    /// Optimiser updates of the whole run; what learning-rate schedules end at.
    pub fn total_updates(&self) -> u64 {
        self.max_steps.saturating_mul(self.updates_per_step())
    }
}

impl Optimizer {
    /// The same moments at another pace: what a second model learns by.
    pub(crate) fn at_pace(&self, pace: Pace) -> Optimizer {
        let Pace { lr, warmup_steps, schedule, weight_decay, max_grad_norm } = pace;
        Optimizer { lr, warmup_steps, schedule, weight_decay, max_grad_norm, ..self.clone() }
    }
}
