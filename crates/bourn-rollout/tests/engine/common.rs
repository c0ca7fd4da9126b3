//! Models, requests and calls that the tests share.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use bourn_model::{
    Family, HostTensor, Llama3Scaling, ModelConfig, Rope, RopeScaling, StopStrings, Tokenizer,
    Weights, YarnScaling,
};
use bourn_rollout::{
    Completion, Engine, EngineOptions, Finish, Inputs, Progress, Request, RolloutError, Rollouts,
    Sampling, ScoreItem, Scored, Storage,
};
use burn::tensor::Device;
use rand::Rng;

/// Every feature of the families at least once.
pub(crate) fn configs() -> Vec<ModelConfig> {
    let llama = ModelConfig {
        family: Family::Llama,
        vocab_size: 61,
        hidden_size: 24,
        intermediate_size: 40,
        num_layers: 2,
        num_heads: 3,
        num_kv_heads: 3,
        head_dim: 8,
        max_position: 2048,
        rope: Rope { theta: 10_000.0, scaling: None },
        rms_norm_eps: 1e-5,
        tie_embeddings: true,
        qkv_bias: false,
        qk_norm: false,
        output_bias: false,
        mlp_bias: false,
        sliding: None,
    };
    let scaling = Llama3Scaling {
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position: 16,
    };
    let stretched = ModelConfig {
        num_heads: 4,
        num_kv_heads: 2,
        head_dim: 6,
        rope: Rope { theta: 500_000.0, scaling: Some(RopeScaling::Llama3(scaling)) },
        tie_embeddings: false,
        ..llama.clone()
    };
    // Seven query heads a key/value head: more than a tile of the attention kernel.
    let qwen2 = ModelConfig {
        family: Family::Qwen2,
        vocab_size: 300,
        num_heads: 14,
        num_kv_heads: 2,
        head_dim: 4,
        qkv_bias: true,
        ..llama.clone()
    };
    let qwen3 = ModelConfig {
        family: Family::Qwen3,
        num_heads: 4,
        num_kv_heads: 2,
        head_dim: 34,
        qk_norm: true,
        tie_embeddings: false,
        ..llama.clone()
    };
    let yarn = YarnScaling {
        factor: 4.0,
        original_max_position: 16,
        beta_fast: 32.0,
        beta_slow: 1.0,
        attention_factor: 1.2,
        truncate: true,
    };
    let biased = ModelConfig {
        vocab_size: 300,
        num_kv_heads: 1,
        rope: Rope { theta: 100.0, scaling: Some(RopeScaling::Yarn(yarn)) },
        qkv_bias: true,
        output_bias: true,
        mlp_bias: true,
        ..llama.clone()
    };
    vec![llama, stretched, qwen2, qwen3, biased]
}

/// Weights large enough that a mistake anywhere shows in the logits.
pub(crate) fn random_weights(config: &ModelConfig, seed: u64) -> Weights {
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let mut random = bourn_seed::rng(seed, &name, &[]);
        let spread = 1.7 / (shape[shape.len() - 1] as f32).sqrt();
        let mut value = || match name.as_str() {
            name if name.ends_with("norm.weight") => random.random_range(0.5_f32..1.5),
            "model.embed_tokens.weight" => random.random_range(-1.0_f32..1.0),
            name if name.ends_with("bias") => random.random_range(-0.5_f32..0.5),
            _ => random.random_range(-spread..spread),
        };
        let data = (0..shape.iter().product()).map(|_| value()).collect();
        (name, HostTensor { shape, data })
    };
    config.expected_tensors().into_iter().map(tensor).collect()
}

pub(crate) fn engine(config: &ModelConfig, batch_size: usize, cache_bytes: usize) -> Engine {
    let options = EngineOptions { batch_size, cache_bytes, storage: Storage::F32 };
    Engine::new(config, &random_weights(config, 1), &options).unwrap()
}

/// An engine that keeps matrices rounded.
pub(crate) fn rounded_engine(config: &ModelConfig, weights: &Weights) -> Engine {
    let options = EngineOptions { batch_size: 5, cache_bytes: AMPLE, storage: Storage::Bf16 };
    Engine::new(config, weights, &options).unwrap()
}

pub(crate) const AMPLE: usize = 1 << 30;

pub(crate) fn sampling(max_tokens: usize) -> Sampling {
    Sampling { seed: 7, purpose: "test".to_owned(), step: 3, ..Sampling::new(max_tokens) }
}

/// A tokenizer of a vocabulary of up to 1,024 pieces, each five letters of four.
pub(crate) fn tokenizer(vocab: usize) -> Tokenizer {
    let letter = |code: usize, place: u32| ['a', 'b', 'c', 'd'][code / 4_usize.pow(place) % 4];
    // An odd factor, so that neighbouring ids have nothing in common and each its own piece.
    let piece = |id: usize| (0..5).map(|place| letter(id * 7919 % 1024, place)).collect::<String>();
    let pieces: Vec<String> = (0..vocab).map(|id| format!("\"{}\": {id}", piece(id))).collect();
    let json = format!(
        "{{\"version\": \"1.0\", \"truncation\": null, \"padding\": null, \"added_tokens\": [], \
         \"normalizer\": null, \"pre_tokenizer\": null, \"post_processor\": null, \
         \"decoder\": {{\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"trim_offsets\": true, \
         \"use_regex\": true}}, \
         \"model\": {{\"type\": \"BPE\", \"vocab\": {{{}}}, \"merges\": []}}}}",
        pieces.join(", ")
    );
    Tokenizer::from_json(json.as_bytes(), "test").unwrap()
}

/// Sampling that ends a completion with the first token after which its text has `string`.
pub(crate) fn stopping_at(string: &str, vocab: usize, sampling: Sampling) -> Sampling {
    let stops = StopStrings::new(Arc::new(tokenizer(vocab)), vec![string.to_owned()]).unwrap();
    Sampling { stop_strings: Some(Arc::new(stops)), ..sampling }
}

/// These tokens as what a model reads.
pub(crate) fn ids(tokens: &[u32]) -> Inputs {
    tokens.to_vec().into()
}

pub(crate) fn prompt(seed: u64, length: usize, vocab: usize) -> Inputs {
    tokens(seed, length, vocab).into()
}

pub(crate) fn tokens(seed: u64, length: usize, vocab: usize) -> Vec<u32> {
    let mut random = bourn_seed::rng(seed, "prompt", &[length as u64]);
    (0..length).map(|_| random.random_range(0..vocab as u32)).collect()
}

/// Entropies, which bourn's engines always give.
pub(crate) fn given(entropies: &Option<Vec<f32>>) -> &[f32] {
    entropies.as_ref().unwrap()
}

pub(crate) fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

pub(crate) fn generate(
    engine: &mut Engine,
    requests: &[Request<'_>],
    sampling: &Sampling,
) -> Result<Vec<Vec<Completion>>, RolloutError> {
    bourn_rollout::generate(engine, requests, sampling, &mut go_on)
}

pub(crate) fn score(
    engine: &mut Engine,
    items: &[ScoreItem<'_>],
    temperature: f64,
) -> Result<Vec<Scored>, RolloutError> {
    engine.score(items, &Sampling::whole(temperature)?, &mut go_on)
}

/// What a completion is, to the bit, by (stream, sample index).
pub(crate) type ByIndex = BTreeMap<(String, u64), (Vec<u32>, Vec<u32>, bool)>;

pub(crate) fn by_index(requests: &[Request<'_>], completions: &[Vec<Completion>]) -> ByIndex {
    assert_eq!(requests.len(), completions.len());
    let mut all = BTreeMap::new();
    for (request, completions) in requests.iter().zip(completions) {
        assert_eq!(completions.len() as u64, request.count);
        for (i, c) in completions.iter().enumerate() {
            let numbers = [&c.logprobs, &c.sampled_logprobs, c.entropies.as_ref().unwrap()];
            let bits = numbers.iter().flat_map(|x| x.iter().map(|x| x.to_bits())).collect();
            let key = (request.stream.to_owned(), request.first + i as u64);
            let value = (c.tokens.clone(), bits, c.finish == Finish::Stop);
            assert_eq!(all.insert(key, value), None);
        }
    }
    all
}

/// An engine composed of Burn's operations, on the CPU, of the weights that [`engine`] has.
pub(crate) fn device_engine(config: &ModelConfig, batch_size: usize, cache_bytes: usize) -> Engine {
    let options = EngineOptions { batch_size, cache_bytes, storage: Storage::F32 };
    Engine::on_device(config, &random_weights(config, 1), &options, &Device::flex()).unwrap()
}
