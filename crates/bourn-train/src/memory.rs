//! What a run needs: context, cache and memory, known before it begins.

use std::path::Path;

use bourn_model::ModelConfig;
use bourn_recipe::{Critic, ModelSource, Recipe, Trunk, WeightDtype};
use bourn_rollout::{EngineOptions, Storage};

use crate::error::TrainError;

const F32: u64 = 4;
/// Logits that are in memory at once; see `bourn_model`'s fused head.
const LOGITS: u64 = 1 << 24;

/// Prompt and completion must fit the model's context.
pub fn check_context(recipe: &Recipe, config: &ModelConfig) -> Result<(), TrainError> {
    let needed = recipe.rollout.max_prompt_length + recipe.rollout.max_completion_length;
    if needed > config.max_position {
        return Err(TrainError::ContextTooShort { needed, context: config.max_position });
    }
    Ok(())
}

/// The engine's settings for a recipe: rows decoded at once, and a cache that holds them all at
/// full length.
pub fn engine_options(recipe: &Recipe, config: &ModelConfig) -> EngineOptions {
    EngineOptions {
        batch_size: recipe.rollout.batch_size,
        cache_bytes: cache_bytes(recipe, config) as usize,
        storage: match recipe.rollout.weight_dtype {
            WeightDtype::Float32 => Storage::F32,
            WeightDtype::Bfloat16 => Storage::Bf16,
        },
    }
}

/// Key and value cache of all rows at full length, in bytes; see [`bourn_rollout::cache_bytes`].
pub fn cache_bytes(recipe: &Recipe, config: &ModelConfig) -> u64 {
    let length = recipe.rollout.max_prompt_length + recipe.rollout.max_completion_length;
    bourn_rollout::cache_bytes(config, recipe.rollout.batch_size, length)
}

/// [`estimate`] before a run: for an architecture (the vocabulary of its character tokenizer is
/// small enough not to matter), and for a model on this machine. `None` for a model that is
/// elsewhere: nothing is downloaded to answer a question.
///
/// # Errors
/// The model is here and cannot be opened.
pub fn preview(recipe: &Recipe) -> Result<Option<Vec<(String, u64)>>, TrainError> {
    let config = match &recipe.model.source {
        ModelSource::Architecture(architecture) => {
            ModelConfig::from_architecture(architecture, 64)?
        }
        ModelSource::Path(path) if Path::new(path).exists() => bourn_model::open(path)?.config,
        ModelSource::Path(_) => return Ok(None),
    };
    check_context(recipe, &config)?;
    Ok(Some(estimate(recipe, &config)))
}

/// Memory that training is expected to hold at its peak, in bytes, part by part: weights, their
/// gradients and moments, the cache, and the activations of one micro batch.
pub fn estimate(recipe: &Recipe, config: &ModelConfig) -> Vec<(String, u64)> {
    let parameters = config.parameters() * F32;
    let reference = if recipe.algorithm.kl_coef > 0.0 { 2 } else { 1 };
    let length = (recipe.rollout.max_prompt_length + recipe.rollout.max_completion_length) as u64;
    // No prompt shared: completions of one prompt hold its rows once.
    let tokens = recipe.train.micro_batch_size as u64 * length;
    let scored = recipe.train.micro_batch_size as u64 * recipe.rollout.max_completion_length as u64;
    // A value model of its own: its weights, and gradients and moments like the policy's.
    let own = |critic: &Critic| critic.trunk == Trunk::Own;
    let critic = recipe.critic.as_ref().is_some_and(own) as u64;
    // An implicit reward model and the base that it is held against. It and its moments are there
    // twice within a step, which must leave no trace if it fails; its gradients are gone when the
    // policy's come.
    let implicit = recipe.implicit_reward.is_some() as u64;
    // Norms and biases, which stay as they are, are too few to matter.
    let saved = match recipe.rollout.weight_dtype {
        WeightDtype::Float32 => 0,
        WeightDtype::Bfloat16 => parameters / 2,
    };
    let mut models = "policy, frozen base, engine".to_owned();
    models += if critic == 1 { ", critic" } else { "" };
    models += if implicit == 1 { ", implicit reward" } else { "" };
    vec![
        (
            format!("weights ({models})"),
            (2 + reference + critic + 3 * implicit) * parameters - saved,
        ),
        // The copy that the engine packs is made when the gradients are gone.
        ("gradients and AdamW moments".into(), (3 * (1 + critic) + 4 * implicit) * parameters),
        ("KV cache".into(), cache_bytes(recipe, config)),
        (
            "activations of a micro batch, at most".into(),
            activation_bytes(config, tokens, scored, recipe.train.gradient_checkpointing),
        ),
    ]
}

/// Bytes of the fused pass over packed tokens, some of them scored, with every buffer of
/// `bourn_model`'s fused pass counted: what the layers keep, what one of them needs on the way back,
/// and the head.
fn activation_bytes(config: &ModelConfig, tokens: u64, scored: u64, checkpoints: bool) -> u64 {
    let (hidden, wide) = (config.hidden_size as u64, config.intermediate_size as u64);
    let q = (config.num_heads * config.head_dim) as u64;
    let qkv = q + 2 * (config.num_kv_heads * config.head_dim) as u64;
    let raw = if config.qk_norm { qkv } else { 0 };
    // Beside its input: queries, keys and values, mixed values, the stream between the halves, gates
    // and ups.
    let inside = raw + qkv + q + hidden + 2 * wide;
    let kept = if checkpoints { hidden } else { hidden + inside };
    // The stream and its gradient, normed rows and theirs, the gradient of `qkv` by head and by row
    // or the product of the gates, and the rows that a product packs.
    let passing = 4 * hidden + (2 * qkv).max(wide) + wide.max(q);
    let layers = config.num_layers as u64 * kept + if checkpoints { inside } else { 0 };
    let logits = scored.saturating_mul(config.vocab_size as u64).min(LOGITS);
    F32 * (tokens * (layers + passing) + scored * 3 * hidden + logits)
}
