//! The shape of a model, checked, for the families bourn runs.

use std::path::Path;

use bourn_recipe::Architecture;
use serde::Serialize;

use crate::{ModelError, Rope};

/// A family of decoder-only transformers; all share RMSNorm, RoPE and SwiGLU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Llama 2 and 3.x, SmolLM2: no biases, unless they ask for them.
    Llama,
    /// Qwen2 and Qwen2.5: biases on the query, key and value projections.
    Qwen2,
    /// Qwen3: RMSNorm on each head's queries and keys.
    Qwen3,
}

impl Family {
    /// The name in `model_type` and in GGUF's `general.architecture`.
    pub fn name(self) -> &'static str {
        match self {
            Family::Llama => "llama",
            Family::Qwen2 => "qwen2",
            Family::Qwen3 => "qwen3",
        }
    }

    /// Those that bourn runs.
    pub(crate) const ALL: [Family; 3] = [Family::Llama, Family::Qwen2, Family::Qwen3];

    /// The family of this name, if bourn runs it.
    pub(crate) fn from_name(name: &str) -> Option<Family> {
        Family::ALL.into_iter().find(|family| family.name() == name)
    }
}

/// Attention of some layers over a window: token *i* sees tokens *i* − `window` + 1 to *i*.
///
/// bourn computes no such mask. A sequence of at most `window` tokens loses nothing to it, so that the
/// model is exact with `window` as its longest sequence, which [`ModelConfig::max_position`] then is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SlidingWindow {
    /// Tokens that are seen, the own one included.
    pub window: usize,
    /// Of each layer, whether it has the window.
    pub layers: Vec<bool>,
    /// The longest sequence that the model itself has, in tokens; more than `window`.
    pub max_position: usize,
}

/// A checked model configuration: every size is positive and bounded, heads divide, and nothing
/// that bourn does not compute is asked for.
///
/// Its canonical JSON is a part of ledgers' keys: a new field is left out of it where it has its
/// default.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelConfig {
    /// Which family.
    pub family: Family,
    /// Rows of the embedding; at least the tokenizer's vocabulary.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the SwiGLU hidden layer.
    pub intermediate_size: usize,
    /// Transformer blocks.
    pub num_layers: usize,
    /// Query heads.
    pub num_heads: usize,
    /// Key/value heads; divides `num_heads`.
    pub num_kv_heads: usize,
    /// Width of one head; even. `num_heads * head_dim` need not be `hidden_size`.
    pub head_dim: usize,
    /// Longest sequence, in tokens.
    pub max_position: usize,
    /// Rotary position embedding.
    pub rope: Rope,
    /// Added to the mean square under RMSNorm's root.
    pub rms_norm_eps: f64,
    /// Share the embedding with the output head; `lm_head.weight` is then absent.
    pub tie_embeddings: bool,
    /// Biases on the query, key and value projections (Qwen2; others where they ask for them).
    pub qkv_bias: bool,
    /// RMSNorm on each head's queries and keys (Qwen3).
    pub qk_norm: bool,
    /// A bias on attention's output projection (`attention_bias` of Llama and Qwen3).
    #[serde(skip_serializing_if = "is_default")]
    pub output_bias: bool,
    /// Biases on the three projections of the SwiGLU (`mlp_bias` of Llama).
    #[serde(skip_serializing_if = "is_default")]
    pub mlp_bias: bool,
    /// Layers that see no more than a window, where sequences could be longer.
    #[serde(skip_serializing_if = "is_default")]
    pub sliding: Option<SlidingWindow>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl ModelConfig {
    /// The Llama-family model of a recipe's `[model] architecture`, over `vocab_size` tokens.
    ///
    /// # Errors
    /// A shape that no model can have, with the key.
    pub fn from_architecture(a: &Architecture, vocab_size: usize) -> Result<Self, ModelError> {
        let head_dim = a.hidden_size.checked_div(a.num_heads).unwrap_or(0);
        let config = ModelConfig {
            family: Family::Llama,
            vocab_size,
            hidden_size: a.hidden_size,
            intermediate_size: a.intermediate_size,
            num_layers: a.num_layers,
            num_heads: a.num_heads,
            num_kv_heads: a.num_kv_heads,
            head_dim,
            max_position: a.max_position,
            rope: Rope { theta: a.rope_theta, scaling: None },
            rms_norm_eps: 1e-5,
            tie_embeddings: a.tie_embeddings,
            qkv_bias: false,
            qk_norm: false,
            output_bias: false,
            mlp_bias: false,
            sliding: None,
        };
        let checked = if head_dim * a.num_heads == a.hidden_size {
            config.check()
        } else {
            Err(("num_attention_heads", format!("must divide hidden_size = {}", a.hidden_size)))
        };
        let place = Path::new("model.architecture");
        checked.map_err(|(key, message)| ModelError::key(place, key, message))?;
        Ok(config)
    }

    /// Bounds and divisibility; the key at fault by its Hugging Face name.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        // The bounds are an order of magnitude above any model published, and keep every product
        // of sizes below far inside u64.
        for (key, value, most) in [
            ("vocab_size", self.vocab_size, 1 << 24),
            ("hidden_size", self.hidden_size, 1 << 17),
            ("intermediate_size", self.intermediate_size, 1 << 20),
            ("num_hidden_layers", self.num_layers, 1 << 10),
            ("num_attention_heads", self.num_heads, 1 << 10),
            ("num_key_value_heads", self.num_kv_heads, 1 << 10),
            ("head_dim", self.head_dim, 1 << 10),
            ("max_position_embeddings", self.max_position, 1 << 26),
        ] {
            if value == 0 || value > most {
                return Err((key, format!("{value} is out of range; it must be 1 to {most}")));
            }
        }
        if !self.num_heads.is_multiple_of(self.num_kv_heads) {
            let message = format!(
                "{} must divide num_attention_heads = {}",
                self.num_kv_heads, self.num_heads
            );
            return Err(("num_key_value_heads", message));
        }
        if !self.head_dim.is_multiple_of(2) {
            let message =
                format!("{} is odd; RoPE rotates pairs, so it must be even", self.head_dim);
            return Err(("head_dim", message));
        }
        // `contains` is false for NaN, so one test refuses it too.
        if !(1e-12..=1.0).contains(&self.rms_norm_eps) {
            let message = format!("{} is not between 1e-12 and 1", self.rms_norm_eps);
            return Err(("rms_norm_eps", message));
        }
        self.rope.check()
    }

    /// Number of trainable parameters; a tied embedding counts once.
    pub fn parameters(&self) -> u64 {
        let count = |shape: &Vec<usize>| shape.iter().map(|&d| d as u64).product::<u64>();
        self.expected_tensors().iter().map(|(_, shape)| count(shape)).sum()
    }
}
