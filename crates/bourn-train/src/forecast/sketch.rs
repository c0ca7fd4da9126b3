//! A model of some shape with weights that mean nothing, for measuring how fast this machine is with it
//! where the model is not made yet, or should not be read for a question.

use std::sync::atomic::AtomicBool;

use bourn_episode::Inputs;
use bourn_model::transformer::Transformer;
use bourn_model::{HostTensor, ModelConfig, Weights};
use bourn_recipe::Recipe;
use bourn_rollout::Sampling;
use burn::tensor::Device;

use super::{Speeds, Subject, measure};
use crate::error::TrainError;
use crate::learner::Descent;
use crate::{engine, engine_options};

/// Parameters above which fewer layers are measured than there are.
const MOST_PARAMETERS: u64 = 150_000_000;
/// Longest completion that is drawn: the time of a token hardly depends on it.
const DRAWN: usize = 24;
/// Most rows that are drawn at once.
const ROWS: usize = 512;

/// What is to be measured of a recipe.
pub(crate) struct Sketch {
    /// The model's shape.
    pub config: ModelConfig,
    /// Some prompts, at least one.
    pub prompts: Vec<Inputs>,
    /// Mean length of a completion in tokens, where it is known.
    pub completion: Option<f64>,
}

impl Sketch {
    /// How fast this machine is with it; `None` once `stop` is raised.
    ///
    /// # Errors
    /// As drawing and fitting.
    pub(crate) fn speeds(
        &self,
        recipe: &Recipe,
        device: &Device,
        stop: &AtomicBool,
    ) -> Result<Option<Speeds>, TrainError> {
        let Sketch { config, prompts, completion } = self;
        let small = reduced(config);
        let slower = products(config) / products(&small);
        let weights = weights(&small);
        let options = engine_options(&recipe.rollout, recipe.device, &small);
        let mut engine = engine::open(&small, weights.clone(), &options, device)?;
        let model = Transformer::from_weights(&small, &weights, device)?
            .with_gradient_checkpointing(recipe.train.gradient_checkpointing);
        drop(weights);
        let subject = Subject {
            prompts,
            sampling: Sampling::new(recipe.rollout.max_completion_length.min(DRAWN)),
            rows: rows(recipe),
            micro_batch_size: recipe.train.micro_batch_size,
            completion: *completion,
        };
        let descent = Descent::new(&recipe.optimizer, 1);
        let found = measure(&subject, &mut *engine, &model, &descent, stop)?;
        Ok(found.map(|found| Speeds {
            draw: found.draw / slower,
            fit: found.fit / slower,
            ..found
        }))
    }
}

/// Rows that training draws at once, as far as they are measured.
pub(crate) fn rows(recipe: &Recipe) -> usize {
    let step = recipe.rollout.prompts_per_step * recipe.rollout.num_generations;
    recipe.rollout.batch_size.min(step).min(ROWS)
}

/// Prompts that so many rows are of.
pub(crate) fn groups(recipe: &Recipe) -> usize {
    rows(recipe).div_ceil(recipe.rollout.num_generations)
}

/// The shape with as many layers as are measured.
fn reduced(config: &ModelConfig) -> ModelConfig {
    let mut small = config.clone();
    while small.num_layers > 1 && small.parameters() > MOST_PARAMETERS {
        small.num_layers -= 1;
    }
    small
}

/// Parameters that a token is multiplied with: all but an embedding that is not the head too.
fn products(config: &ModelConfig) -> f64 {
    let embedding = (config.vocab_size * config.hidden_size) as u64;
    let looked_up = if config.tie_embeddings { 0 } else { embedding };
    (config.parameters() - looked_up) as f64
}

/// Small weights that are not all alike.
fn weights(config: &ModelConfig) -> Weights {
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let count: usize = shape.iter().product();
        let value = |i: usize| ((i * 7919 % 251) as f32 - 125.0) * 2e-4;
        let data: Vec<f32> = match shape.len() {
            1 => vec![1.0; count],
            _ => (0..count).map(value).collect(),
        };
        (name, HostTensor { shape, data: data.into() })
    };
    config.expected_tensors().into_iter().map(tensor).collect()
}
