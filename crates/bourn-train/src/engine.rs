//! The one place where the engine is made that draws: for training, for probes, for the command line.
//! Everything else knows it by its traits, [`Rollouts`](bourn_rollout::Rollouts) and
//! [`HoldWeights`](bourn_rollout::HoldWeights).

use bourn_model::{ModelConfig, Weights};
use bourn_recipe::Recipe;
use bourn_rollout::{Engine, EngineOptions, RolloutEngine};
use burn::tensor::Device;

use crate::engine_options;
use crate::error::TrainError;

/// The engine that draws as `recipe` asks, with these weights.
///
/// # Errors
/// The weights are not those of the configuration.
pub fn engine(
    recipe: &Recipe,
    config: &ModelConfig,
    weights: Weights,
    device: &Device,
) -> Result<Box<dyn RolloutEngine>, TrainError> {
    open(config, weights, &engine_options(recipe, config), device)
}

/// An engine that draws, with these weights.
///
/// # Errors
/// The weights are not those of the configuration, or an option is out of range.
pub fn open(
    config: &ModelConfig,
    weights: Weights,
    options: &EngineOptions,
    device: &Device,
) -> Result<Box<dyn RolloutEngine>, TrainError> {
    Ok(Box::new(Engine::open(config, weights, options, device)?))
}
