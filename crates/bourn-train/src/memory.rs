//! What a run needs: context, cache and memory, known before it begins.

use std::path::Path;

use bourn_model::ModelConfig;
use bourn_recipe::{Critic, ModelSource, Recipe, Trunk};
use bourn_rollout::EngineOptions;

use crate::error::TrainError;

const F32: u64 = 4;

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
    let rows = recipe.train.micro_batch_size as u64;
    let hidden = config.hidden_size as u64;
    // Floats that autodiff keeps of one token in one block, counted over the composed
    // operations of `bourn_model::ops`: about 20 of the residual width, 5 of the SwiGLU width,
    // and 4 rows of attention scores per head.
    let block = 20 * hidden + 5 * config.intermediate_size as u64;
    let scores = 4 * config.num_heads as u64 * length;
    let tokens = rows * length;
    let head = 3 * rows * recipe.rollout.max_completion_length as u64 * config.vocab_size as u64;
    // A value model of its own: its weights, and gradients and moments like the policy's.
    let own = |critic: &Critic| critic.trunk == Trunk::Own;
    let critic = recipe.critic.as_ref().is_some_and(own) as u64;
    let models = if critic == 1 {
        "policy, frozen base, engine, critic"
    } else {
        "policy, frozen base, engine"
    };
    vec![
        (format!("weights ({models})"), (2 + reference + critic) * parameters),
        ("gradients and AdamW moments".into(), 4 * (1 + critic) * parameters),
        ("KV cache".into(), cache_bytes(recipe, config)),
        (
            "activations of a micro batch, at most".into(),
            F32 * (tokens * config.num_layers as u64 * (block + scores) + head),
        ),
    ]
}
