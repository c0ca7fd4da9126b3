//! The two models of a probe, and the engines that draw from them.

use std::borrow::Cow;

use bourn_model::prompt::Prompter;
use bourn_model::{Bundle, ModelConfig, ModelError, Weights};
use bourn_recipe::Measured;
use bourn_rollout::RolloutEngine;

use crate::error::TrainError;
use crate::{engine, engine_options};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The frozen base.
    Base,
    /// The policy.
    Policy,
}

impl Role {
    /// `base` or `policy`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Base => "base",
            Role::Policy => "policy",
        }
    }
}

/// A model as a probe knows it.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    /// Its shape.
    pub config: &'a ModelConfig,
    /// Where its weights are.
    pub weights: Held<'a>,
    /// Their content hash.
    pub hash: &'a str,
    /// Renders prompts and reads completions with the model's own tokenizer and template.
    pub prompter: &'a Prompter,
}

/// Where a model's weights are.
#[derive(Clone, Copy)]
pub(crate) enum Held<'a> {
    /// In memory.
    Here(&'a Weights),
    /// In memory or in the files of what was opened.
    By(&'a Bundle),
}

impl<'a> Held<'a> {
    /// The weights, read where they are not in memory.
    pub(crate) fn weights(&self) -> Result<Cow<'a, Weights>, ModelError> {
        match self {
            Held::Here(weights) => Ok(Cow::Borrowed(weights)),
            Held::By(bundle) => bundle.weights(),
        }
    }
}

impl<'a> Side<'a> {
    /// A model that was opened.
    pub(crate) fn new(bundle: &'a Bundle, prompter: &'a Prompter) -> Side<'a> {
        let Bundle { config, weights_hash, .. } = bundle;
        Side { config, weights: Held::By(bundle), hash: weights_hash, prompter }
    }

    /// Whether token ids mean the same to both models.
    pub(crate) fn reads_as(&self, other: &Side<'_>) -> bool {
        std::ptr::eq(self.prompter, other.prompter)
            || (self.config.vocab_size == other.config.vocab_size
                && self.prompter.tokenizer().to_json() == other.prompter.tokenizer().to_json())
    }
}

/// What draws from base and policy.
pub(crate) struct Engines<'e> {
    first: &'e mut dyn RolloutEngine,
    /// The policy's, where it has one of its own.
    second: Option<&'e mut dyn RolloutEngine>,
    /// Whose weights `first` has, as far as is known.
    loaded: Option<Role>,
}

impl<'e> Engines<'e> {
    /// One engine for two models of one shape; which weights it has is not known.
    pub(crate) fn shared(engine: &'e mut dyn RolloutEngine) -> Engines<'e> {
        Engines { first: engine, second: None, loaded: None }
    }

    /// An engine for each, with its weights.
    pub(crate) fn apart(
        base: &'e mut dyn RolloutEngine,
        policy: &'e mut dyn RolloutEngine,
    ) -> Engines<'e> {
        Engines { first: base, second: Some(policy), loaded: Some(Role::Base) }
    }

    /// Whether they score completions that they did not draw.
    pub(crate) fn can_score(&self) -> bool {
        let second = self.second.as_ref().is_none_or(|engine| engine.capabilities().scores);
        second && self.first.capabilities().scores
    }

    /// The engine of a model, with its weights.
    pub(crate) fn of(
        &mut self,
        role: Role,
        side: &Side<'_>,
    ) -> Result<&mut dyn RolloutEngine, TrainError> {
        if let (Role::Policy, Some(engine)) = (role, &mut self.second) {
            return Ok(&mut **engine);
        }
        if self.loaded != Some(role) {
            match side.weights {
                Held::Here(weights) => self.first.load(weights)?,
                Held::By(bundle) => {
                    // What is read takes the place of what is packed.
                    self.loaded = None;
                    self.first.release();
                    match bundle.weights()? {
                        Cow::Borrowed(weights) => self.first.load(weights)?,
                        Cow::Owned(weights) => self.first.refill(weights)?,
                    }
                }
            }
            self.loaded = Some(role);
        }
        Ok(self.first)
    }
}

/// The engine of one model, sized as a recipe says.
pub(crate) fn engine_of(
    measured: &Measured<'_>,
    side: &Side<'_>,
) -> Result<Box<dyn RolloutEngine>, TrainError> {
    let device = bourn_model::open_device(measured.device)?;
    let options = engine_options(measured.rollout, measured.device, side.config);
    engine::open(side.config, side.weights.weights()?.into_owned(), &options, &device)
}
