//! A tiny model for the tests of this module's parts.

use bourn_model::{Family, HostTensor, ModelConfig, Rope, Weights};
use rand::Rng;

/// Random weights of a model of two layers with grouped heads, a vocabulary that is no whole number of
/// the sampler's blocks, and its shape.
pub(crate) fn tiny() -> (Weights, ModelConfig) {
    let config = ModelConfig {
        family: Family::Llama,
        vocab_size: 300,
        hidden_size: 16,
        intermediate_size: 24,
        num_layers: 2,
        num_heads: 4,
        num_kv_heads: 2,
        head_dim: 4,
        max_position: 1 << 20,
        rope: Rope { theta: 10_000.0, scaling: None },
        rms_norm_eps: 1e-5,
        tie_embeddings: true,
        qkv_bias: false,
        qk_norm: false,
        output_bias: false,
        mlp_bias: false,
        sliding: None,
    };
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let mut random = bourn_seed::rng(1, &name, &[]);
        let count = shape.iter().product::<usize>();
        let data = (0..count).map(|_| random.random_range(-0.5_f32..0.5)).collect();
        (name, HostTensor { shape, data })
    };
    (config.expected_tensors().into_iter().map(tensor).collect(), config)
}
