//! `[model]` as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::defaults;

/// The policy; its frozen copy is the base. Exactly one of `path` and `architecture`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelWritten {
    /// A Hugging Face directory, a hub id, a GGUF file or a run's checkpoint.
    #[schemars(length(min = 1), extend("x-default" = "this or `architecture`"))]
    pub path: Option<String>,
    /// Render each prompt through the model's own chat template.
    #[serde(default)]
    pub chat_template: bool,
    /// System message for the chat template. Where it is empty the template is given none, and may write
    /// one of its own: Qwen2.5's does.
    #[serde(default)]
    pub system_prompt: String,
    /// A fresh model of this shape (Llama family), pretrained by the `[base]` stage.
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
    #[schemars(range(min = 1, max = 1024), extend("x-default" = "`num_heads`"))]
    pub num_kv_heads: Option<usize>,
    /// Width of the SwiGLU hidden layer.
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
