//! The one place where the engine is made that draws: for training, for probes, for the command line.
//! Everything else knows it by its traits, [`Rollouts`](bourn_rollout::Rollouts) and
//! [`HoldWeights`](bourn_rollout::HoldWeights).

use bourn_model::{ModelConfig, Weights};
use bourn_rollout::{Engine, EngineOptions, RolloutEngine};
use burn::tensor::Device;

use crate::error::TrainError;

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
