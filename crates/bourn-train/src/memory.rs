//! What a run needs: context, cache and memory, known before it begins.

use std::path::Path;

use bourn_model::ModelConfig;
use bourn_recipe::{BaseStage, Device, ModelSource, Recipe, Rollout, Trunk, WeightDtype};
use bourn_rollout::{EngineOptions, Storage};

use crate::base::{MicroBatch, micro_batch_tokens};
use crate::error::TrainError;
use crate::learner::Learner;

const F32: u64 = 4;
/// Code, stacks, tokenizer, problems, logs.
const PROGRAM: u64 = 64 << 20;

/// Prompt and completion must fit the model's context.
///
/// # Errors
/// They do not, with both lengths.
pub fn check_context(rollout: &Rollout, config: &ModelConfig) -> Result<(), TrainError> {
    let needed = rollout.max_prompt_length + rollout.max_completion_length;
    if needed > config.max_position {
        return Err(TrainError::ContextTooShort { needed, context: config.max_position });
    }
    Ok(())
}

/// The engine's settings: rows decoded at once, and a cache that holds them all at full length.
pub fn engine_options(rollout: &Rollout, device: Device, config: &ModelConfig) -> EngineOptions {
    EngineOptions {
        batch_size: rollout.batch_size,
        cache_bytes: full_cache_bytes(rollout, device, config) as usize,
        storage: match rollout.weight_dtype {
            WeightDtype::Float32 => Storage::F32,
            WeightDtype::Bfloat16 => Storage::Bf16,
        },
    }
}

/// Key and value cache of all rows at full length, in bytes.
fn full_cache_bytes(rollout: &Rollout, device: Device, config: &ModelConfig) -> u64 {
    let length = rollout.max_prompt_length + rollout.max_completion_length;
    cache_bytes(device, config, rollout.batch_size, length)
}

/// Key and value cache of `rows` sequences of at most `length` tokens on a device, in bytes.
pub fn cache_bytes(device: Device, config: &ModelConfig, rows: usize, length: usize) -> u64 {
    let bytes = match device.is_cpu() {
        true => bourn_rollout::cache_bytes,
        false => bourn_rollout::device_cache_bytes,
    };
    bytes(config, rows, length)
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
    check_context(&recipe.rollout, &config)?;
    Ok(Some(estimate(recipe, &config)?))
}

/// The most memory that a run is expected to hold, in bytes, part by part: what training takes, or what
/// pretraining its base takes where that is more. The one is over when the other begins.
///
/// # Errors
/// A base without demonstrations.
pub fn estimate(recipe: &Recipe, config: &ModelConfig) -> Result<Vec<(String, u64)>, TrainError> {
    let training = training(recipe, config);
    let Some(stage) = &recipe.base else { return Ok(training) };
    let pretraining = pretraining(recipe, stage, config)?;
    let sum = |parts: &[(String, u64)]| parts.iter().map(|(_, bytes)| bytes).sum::<u64>();
    Ok(if sum(&pretraining) > sum(&training) { pretraining } else { training })
}

/// What pretraining the base takes, part by part.
fn pretraining(
    recipe: &Recipe,
    stage: &BaseStage,
    config: &ModelConfig,
) -> Result<Vec<(String, u64)>, TrainError> {
    let MicroBatch { tokens, scored, length, waiting } = micro_batch_tokens(recipe, stage)?;
    let (weights, moments) = Learner::bytes(config);
    let activations = match recipe.device.is_cpu() {
        true => bourn_model::activation_bytes(config, tokens, scored, false),
        false => bourn_model::composed_bytes(config, tokens, scored, length),
    };
    let others = weights + moments + weights + activations + waiting;
    // What is freed is not at once of use to what is asked for next, and a look at this machine's speed
    // comes before the first step: measured, 5% of 143 MiB and 28% of 50.
    Ok(vec![
        ("weights (base)".into(), weights),
        ("AdamW moments".into(), moments),
        (
            "to pretrain the base: gradients, activations of a micro batch".into(),
            weights + activations + waiting,
        ),
        ("program, and two fifths for the allocator".into(), PROGRAM + others * 2 / 5),
    ])
}

/// What is always there while a policy is trained, and the larger of what drawing takes and what an
/// update takes. Neither is there with the other.
fn training(recipe: &Recipe, config: &ModelConfig) -> Vec<(String, u64)> {
    let parameters = config.parameters() * F32;
    // A base that is large is read again by each probe; what the KL penalty is held against stays.
    let held = recipe.algorithm.kl_coef > 0.0 || parameters < bourn_model::KEPT_BELOW as u64;
    let length = (recipe.rollout.max_prompt_length + recipe.rollout.max_completion_length) as u64;
    // No prompt shared: completions of one prompt hold its rows once.
    let tokens = recipe.train.micro_batch_size as u64 * length;
    let scored = recipe.train.micro_batch_size as u64 * recipe.rollout.max_completion_length as u64;
    let learners = learners(recipe, config);
    let sum = |of: fn(&LearnerShare) -> u64| learners.iter().map(of).sum::<u64>();
    let mut models = vec![if held { "policy, frozen base" } else { "policy" }];
    models.extend(learners.iter().map(|share| share.name).filter(|name| !name.is_empty()));
    let models = models.join(", ");
    let on_cpu = recipe.device.is_cpu();
    let activations = match on_cpu {
        true => bourn_model::activation_bytes(
            config,
            tokens,
            scored,
            recipe.train.gradient_checkpointing,
        ),
        false => bourn_model::composed_bytes(config, tokens, scored, length),
    };
    // Norms and biases, which are not rounded, are too few to matter.
    let packed = match recipe.rollout.weight_dtype {
        WeightDtype::Float32 => parameters,
        WeightDtype::Bfloat16 => parameters / 2,
    };
    let drawing = packed
        + full_cache_bytes(&recipe.rollout, recipe.device, config)
        + bourn_rollout::working_bytes(config);
    // On another device the engine keeps its weights.
    let updating = (1 + !on_cpu as u64) * parameters + sum(|share| share.kept) + activations;
    let larger = match drawing > updating {
        true => "to draw: packed weights, KV cache, activations",
        false => "to update: gradients, activations of a micro batch",
    };
    let weights = held as u64 * parameters + sum(|share| share.weights);
    let moments = sum(|share| share.moments);
    let passing = drawing.max(updating);
    vec![
        (format!("weights ({models})"), weights),
        ("AdamW moments".into(), moments),
        (larger.into(), passing),
        // What is freed is not at once of use to what is asked for next: the allocator keeps it.
        (
            "program, and a tenth for the allocator".into(),
            PROGRAM + (weights + moments + passing) / 10,
        ),
    ]
}

/// What a learner holds, in bytes.
struct LearnerShare {
    /// As the announcement calls it; empty for the policy, which it names first.
    name: &'static str,
    weights: u64,
    moments: u64,
    /// What a step that may fail half-way keeps of it while it is updated.
    kept: u64,
}

/// What each learner of a run holds.
fn learners(recipe: &Recipe, config: &ModelConfig) -> Vec<LearnerShare> {
    let (weights, moments) = Learner::bytes(config);
    // A step of several updates keeps what it began with, in case one of them fails.
    let several =
        recipe.train.num_iterations * recipe.train.minibatches > 1 || recipe.critic.is_some();
    let kept = if several { weights + moments } else { 0 };
    let mut shares = vec![LearnerShare { name: "", weights, moments, kept }];
    // A value model of its own; a head on the policy is too small to matter.
    if recipe.critic.as_ref().is_some_and(|critic| critic.trunk == Trunk::Own) {
        shares.push(LearnerShare { name: "critic", weights, moments, kept });
    }
    // An implicit reward model and the base that it is held against. It and its moments are there
    // twice within a step, which must leave no trace if it fails; its gradients are gone when the
    // policy's come.
    if recipe.implicit_reward.is_some() {
        let (weights, moments) = (3 * weights, 2 * moments);
        shares.push(LearnerShare { name: "implicit reward", weights, moments, kept: 0 });
    }
    shares
}

/// [`estimate`] as a run says it before its first step.
///
/// # Errors
/// As [`estimate`].
pub(crate) fn announcement(recipe: &Recipe, config: &ModelConfig) -> Result<String, TrainError> {
    let parts = estimate(recipe, config)?;
    let total = parts.iter().map(|(_, bytes)| bytes).sum();
    let parts: Vec<String> =
        parts.iter().map(|(part, bytes)| format!("{part} {}", mebibytes(*bytes))).collect();
    Ok(format!("memory: at most about {} ({})", mebibytes(total), parts.join("; ")))
}

/// `123 MiB`.
pub fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// The most memory that this process has held, in bytes, where the system says.
pub fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
#[path = "../tests/unit/memory.rs"]
mod tests;
