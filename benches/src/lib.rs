//! What the benches share: model shapes, weights without meaning, sampling without an end.
//!
//! The programs are `bourn-bench` (bourn's side of `peers/run.py`) and `scaling`; the micro benches
//! stand in `micro`. **Nothing here is part of bourn**: no crate depends on this one.

use std::collections::BTreeSet;

use bourn_model::{Family, HostTensor, ModelConfig, Rope, Weights};
use bourn_rollout::Sampling;
use rand::Rng;

/// The numbers that make a Llama shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Transformer blocks.
    pub layers: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Query heads.
    pub heads: usize,
    /// Key/value heads.
    pub kv_heads: usize,
    /// Width of the SwiGLU layer.
    pub intermediate: usize,
    /// Tokens of the vocabulary.
    pub vocab: usize,
}

impl Shape {
    /// The small model of the comparison with peers: 4.9 M parameters.
    pub const TINY: Shape =
        Shape { layers: 6, hidden: 256, heads: 4, kv_heads: 4, intermediate: 704, vocab: 512 };
    /// SmolLM2-135M.
    pub const SMOLLM2: Shape =
        Shape { layers: 30, hidden: 576, heads: 9, kv_heads: 3, intermediate: 1536, vocab: 49152 };

    /// The configuration of a model of this shape for sequences of at most `max_position` tokens.
    pub fn config(self, max_position: usize) -> ModelConfig {
        ModelConfig {
            family: Family::Llama,
            vocab_size: self.vocab,
            hidden_size: self.hidden,
            intermediate_size: self.intermediate,
            num_layers: self.layers,
            num_heads: self.heads,
            num_kv_heads: self.kv_heads,
            head_dim: self.hidden / self.heads,
            max_position,
            rope: Rope { theta: 10_000.0, scaling: None },
            rms_norm_eps: 1e-5,
            tie_embeddings: true,
            qkv_bias: false,
            qk_norm: false,
            output_bias: false,
            mlp_bias: false,
            sliding: None,
        }
    }
}

/// Weights without meaning, the same each time: norms 1, everything else uniform.
pub fn random_weights(config: &ModelConfig) -> Weights {
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let mut random = bourn_seed::rng(1, &name, &[]);
        let norm = name.ends_with("norm.weight");
        let mut value = || if norm { 1.0 } else { random.random_range(-0.05_f32..0.05) };
        let data = (0..shape.iter().product()).map(|_| value()).collect();
        (name, HostTensor { shape, data })
    };
    config.expected_tensors().into_iter().map(tensor).collect()
}

/// Numbers in -0.5..0.5, the same each time.
pub fn values(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7919 % 1009) as f32 / 1009.0 - 0.5).collect()
}

/// `count` token ids below `vocab`, the same each time and other ones for another `stream`.
pub fn token_ids(count: usize, vocab: usize, stream: u64) -> Vec<u32> {
    let mut random = bourn_seed::rng(1, "bench tokens", &[stream]);
    (0..count).map(|_| random.random_range(0..vocab as u32)).collect()
}

/// The whole distribution at temperature 1, up to `max_tokens`; `stop_tokens` may be empty.
pub fn sampling(max_tokens: usize, stop_tokens: BTreeSet<u32>) -> Sampling {
    Sampling { stop_tokens, seed: 1, purpose: "bench".into(), ..Sampling::new(max_tokens) }
}
