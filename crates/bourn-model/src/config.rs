//! The shape of a model, checked, for the families bourn runs.

use std::path::Path;

use bourn_recipe::Architecture;
use serde::Serialize;

use crate::ModelError;

/// A family of decoder-only transformers; all share RMSNorm, RoPE and SwiGLU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Llama 2 and 3.x, SmolLM2: no biases.
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

/// Rotary position embedding, over the whole head, rotate-half.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rope {
    /// Base of the geometric series of wavelengths.
    pub theta: f64,
    /// Llama 3.x's stretching of the long wavelengths, if any.
    pub scaling: Option<Llama3Scaling>,
}

/// Llama 3.x's RoPE scaling: wavelengths above `original_max_position / low_freq_factor` are
/// stretched by `factor`, those below `original_max_position / high_freq_factor` are left alone,
/// and the frequencies between are interpolated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Llama3Scaling {
    /// How far the long wavelengths are stretched.
    pub factor: f64,
    /// See the type.
    pub low_freq_factor: f64,
    /// See the type; greater than `low_freq_factor`.
    pub high_freq_factor: f64,
    /// Longest sequence of the original training, in tokens.
    pub original_max_position: usize,
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
    /// Biases on the query, key and value projections (Qwen2).
    pub qkv_bias: bool,
    /// RMSNorm on each head's queries and keys (Qwen3).
    pub qk_norm: bool,
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
        if !(1.0..=1e12).contains(&self.rope.theta) {
            return Err(("rope_theta", format!("{} is not between 1 and 1e12", self.rope.theta)));
        }
        if !(1e-12..=1.0).contains(&self.rms_norm_eps) {
            let message = format!("{} is not between 1e-12 and 1", self.rms_norm_eps);
            return Err(("rms_norm_eps", message));
        }
        let Some(s) = &self.rope.scaling else { return Ok(()) };
        if !(1.0..=1e6).contains(&s.factor) {
            return Err(("rope_scaling.factor", format!("{} is not between 1 and 1e6", s.factor)));
        }
        let ordered = s.low_freq_factor > 0.0 && s.high_freq_factor > s.low_freq_factor;
        if !ordered || !s.high_freq_factor.is_finite() {
            let (high, low) = (s.high_freq_factor, s.low_freq_factor);
            let message = format!("{high} must be greater than low_freq_factor = {low} > 0");
            return Err(("rope_scaling.high_freq_factor", message));
        }
        if s.original_max_position == 0 || s.original_max_position > 1 << 26 {
            let message = format!("{} is not between 1 and 2^26", s.original_max_position);
            return Err(("rope_scaling.original_max_position_embeddings", message));
        }
        Ok(())
    }

    /// RoPE's angle per position for each of the `head_dim / 2` pairs, in radians, longest
    /// wavelength last; scaled as Llama 3.x does where the model asks for it.
    pub fn inverse_frequencies(&self) -> Vec<f32> {
        (0..self.head_dim / 2)
            .map(|pair| {
                let exponent = 2.0 * pair as f64 / self.head_dim as f64;
                let frequency = self.rope.theta.powf(-exponent);
                let scale = self.rope.scaling.as_ref().map_or(1.0, |s| s.stretch(frequency));
                (frequency / scale) as f32
            })
            .collect()
    }

    /// Number of trainable parameters; a tied embedding counts once.
    pub fn parameters(&self) -> u64 {
        let count = |shape: &Vec<usize>| shape.iter().map(|&d| d as u64).product::<u64>();
        self.expected_tensors().iter().map(|(_, shape)| count(shape)).sum()
    }
}

impl Llama3Scaling {
    /// What a frequency (radians per position) is divided by: 1 for short wavelengths, `factor`
    /// for long ones, and between them such that the frequency is interpolated linearly in
    /// `original_max_position / wavelength` (Llama 3.1's reference implementation).
    pub(crate) fn stretch(&self, frequency: f64) -> f64 {
        let wavelength = 2.0 * std::f64::consts::PI / frequency;
        let turns = self.original_max_position as f64 / wavelength;
        let share = (turns - self.low_freq_factor) / (self.high_freq_factor - self.low_freq_factor);
        let share = share.clamp(0.0, 1.0);
        1.0 / ((1.0 - share) / self.factor + share)
    }
}
