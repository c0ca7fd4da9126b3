//! A recipe as what is done by it: what reinforcement learning reads, and what a probe is made with.

use std::path::Path;

use crate::recipe::*;
use crate::{Algorithm, Critic, RecipeError};

/// Reinforcement learning with verifiable rewards: the sections that say how.
#[derive(Clone, Copy, Debug)]
pub struct RlStage<'r> {
    /// How completions are drawn.
    pub rollout: &'r Rollout,
    /// What is made of their rewards.
    pub algorithm: &'r Algorithm,
    /// The value model, where there is one.
    pub critic: Option<&'r Critic>,
    /// The model that process rewards are read from, where there are such.
    pub implicit_reward: Option<&'r ImplicitReward>,
    /// AdamW and its schedule.
    pub optimizer: &'r Optimizer,
    /// Steps and updates.
    pub train: &'r Train,
    /// Witness replay, where there is any.
    pub replay: Option<&'r Replay>,
}

/// What a probe is made with: all that its draws and figures are a function of beside the two models,
/// and nothing of training.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'r> {
    /// Where tensors live.
    pub device: Device,
    /// How problems are put to the models.
    pub model: &'r Model,
    /// The problems.
    pub tasks: &'r [Task],
    /// Lengths, stop strings, how weights are kept.
    pub rollout: &'r Rollout,
    /// The probe itself.
    pub probe: &'r Probe,
    /// Steps after which the run that it belongs to ends.
    pub max_steps: u64,
    /// Seed of the run: of its judges' coins.
    pub seed: u64,
}

impl Recipe {
    /// The sections of its reinforcement learning.
    pub fn rl(&self) -> RlStage<'_> {
        RlStage {
            rollout: &self.rollout,
            algorithm: &self.algorithm,
            critic: self.critic.as_ref(),
            implicit_reward: self.implicit_reward.as_ref(),
            optimizer: &self.optimizer,
            train: &self.train,
            replay: self.replay.as_ref(),
        }
    }

    /// What its probes are made with.
    pub fn measured(&self) -> Measured<'_> {
        Measured {
            device: self.device,
            model: &self.model,
            tasks: &self.tasks,
            rollout: &self.rollout,
            probe: &self.probe,
            max_steps: self.train.max_steps,
            seed: self.seed,
        }
    }
}

/// A recipe that is read for its problems and its probe alone: nothing is trained by it.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeRecipe(Recipe);

impl ProbeRecipe {
    /// The recipe in a file, with overrides, for a probe of `model` in place of its own.
    ///
    /// # Errors
    /// As [`load`](crate::load).
    pub fn load(
        path: &Path,
        model: &str,
        overrides: &[String],
    ) -> Result<ProbeRecipe, RecipeError> {
        let mut recipe = crate::load(path, overrides)?;
        (recipe.model.source, recipe.base) = (ModelSource::Path(model.to_owned()), None);
        Ok(ProbeRecipe(recipe))
    }

    /// What the probe is made with.
    pub fn measured(&self) -> Measured<'_> {
        self.0.measured()
    }

    /// The resolved recipe, as [`Recipe::to_toml`].
    pub fn to_toml(&self) -> String {
        self.0.to_toml()
    }
}

/// The recipe of a run, to probe what it trained.
impl From<Recipe> for ProbeRecipe {
    fn from(recipe: Recipe) -> ProbeRecipe {
        ProbeRecipe(recipe)
    }
}
