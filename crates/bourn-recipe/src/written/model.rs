//! `[model]` and `[base]` as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::defaults;
use crate::recipe::Schedule;

/// The policy; its frozen copy is the base. Exactly one of `path` and `architecture`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelWritten {
    /// A Hugging Face directory, a hub id, a GGUF file or a run's checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("x-default" = "this or `architecture`"))]
    pub path: Option<String>,
    /// Render each prompt through the model's own chat template.
    #[serde(default)]
    pub chat_template: bool,
    /// System message for the chat template; empty for none.
    #[serde(default)]
    pub system_prompt: String,
    /// A fresh model of this shape (Llama family), pretrained by the `[base]` stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "this or `path`"))]
    pub architecture: Option<ArchitectureWritten>,
}

/// A fresh model of this shape (Llama family), pretrained by the `[base]` stage.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArchitectureWritten {
    /// Width of the residual stream; a multiple of twice `num_heads`.
    #[schemars(range(min = 2, max = 65_536))]
    pub hidden_size: usize,
    /// Transformer blocks.
    #[schemars(range(min = 1, max = 1024))]
    pub num_layers: usize,
    /// Query heads.
    #[schemars(range(min = 1, max = 1024))]
    pub num_heads: usize,
    /// Key/value heads; divides `num_heads`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024), extend("x-default" = "`num_heads`"))]
    pub num_kv_heads: Option<usize>,
    /// Width of the SwiGLU hidden layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        range(min = 1, max = 262_144),
        extend("x-default" = "8/3 of `hidden_size`, rounded up to a multiple of 32")
    )]
    pub intermediate_size: Option<usize>,
    /// Longest sequence, in tokens.
    #[serde(default = "defaults::max_position")]
    #[schemars(range(min = 2, max = 1_048_576))]
    pub max_position: usize,
    /// RoPE base frequency.
    #[serde(default = "defaults::rope_theta")]
    #[schemars(range(min = 1.0, max = 1e12))]
    pub rope_theta: f64,
    /// Share the embedding with the output head.
    #[serde(default = "defaults::yes")]
    pub tie_embeddings: bool,
}

/// Pretraining of the base on generated demonstrations; required with `model.architecture`, an
/// error with `model.path`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BaseWritten {
    /// Seed of the base's weights and demonstrations; runs with different `seed` share the base.
    #[schemars(range(min = 0, max = 9_223_372_036_854_775_807_u64))]
    pub seed: u64,
    /// Optimiser steps.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub steps: u64,
    /// Demonstrations per step.
    #[schemars(range(min = 1, max = 65_536))]
    pub batch_size: usize,
    /// Peak learning rate.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub lr: f64,
    /// Optimiser updates of linear warmup from 0.
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
    /// Shares of each kind of demonstration: without this table 0.3 correct, 0.55 random, 0.1
    /// misused, 0.05 malformed.
    pub demonstrations: DemonstrationsWritten,
}

impl Default for BaseWritten {
    fn default() -> Self {
        BaseWritten {
            seed: 0,
            steps: 1200,
            batch_size: 128,
            lr: 1e-3,
            warmup_steps: 100,
            schedule: Schedule::Cosine,
            weight_decay: 0.01,
            beta1: 0.9,
            beta2: 0.95,
            eps: 1e-8,
            max_grad_norm: 1.0,
            // Wide support and a low pass@1, as a pretrained prior has: mostly expressions over the
            // right numbers with whatever value they happen to have.
            demonstrations: DemonstrationsWritten {
                correct: 0.3,
                random: 0.55,
                misused: 0.1,
                malformed: 0.05,
            },
        }
    }
}

/// Shares of each kind of demonstration; they sum to 1. Shares that are not written are 0.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DemonstrationsWritten {
    /// An expression that hits the target with each number used once.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub correct: f64,
    /// A random expression over the right numbers, whatever its value.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub random: f64,
    /// An expression that drops, repeats or invents a number.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub misused: f64,
    /// Text that does not parse.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub malformed: f64,
}
