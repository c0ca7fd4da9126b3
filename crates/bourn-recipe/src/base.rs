//! `[base]`: what is written is what is checked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::algorithm::Schedule;
use crate::recipe::Optimizer;

/// Pretraining of the base on generated demonstrations; required with `model.architecture`, an
/// error with `model.path`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BaseStage {
    /// Seed of the base's weights and demonstrations; runs with different `seed` share the base.
    #[schemars(range(min = 0, max = 9_223_372_036_854_775_807_u64))]
    pub seed: u64,
    /// Optimiser steps.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub steps: u64,
    /// Demonstrations per step; more than 128 are taken 128 at a time, and need no more memory.
    #[schemars(range(min = 1, max = 65_536))]
    pub batch_size: usize,
    /// Peak learning rate.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub lr: f64,
    /// Optimiser updates of linear warmup from 0.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub warmup_steps: u64,
    /// What follows the warmup.
    pub schedule: Schedule,
    /// Decoupled weight decay.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub weight_decay: f64,
    /// Decay of the first moment.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub beta1: f64,
    /// Decay of the second moment.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub beta2: f64,
    /// Added to the denominator.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0))]
    pub eps: f64,
    /// Global gradient-norm clip; 0 for none.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub max_grad_norm: f64,
    /// Shares of each kind of demonstration: without this table 0.3 correct, 0.55 random, 0.1
    /// misused, 0.05 malformed.
    pub demonstrations: Demonstrations,
}

impl Default for BaseStage {
    fn default() -> Self {
        BaseStage {
            seed: 0,
            steps: 1200,
            batch_size: 128,
            lr: 1e-3,
            warmup_steps: 100,
            schedule: Schedule::Cosine,
            weight_decay: 0.01,
            beta1: 0.9,
            beta2: 0.95,
            eps: 1e-8,
            max_grad_norm: 1.0,
            // Wide support and a low pass@1, as a pretrained prior has: mostly expressions over the
            // right numbers with whatever value they happen to have.
            demonstrations: Demonstrations {
                correct: 0.3,
                random: 0.55,
                misused: 0.1,
                malformed: 0.05,
            },
        }
    }
}

/// Shares of each kind of demonstration; they sum to 1. Shares that are not written are 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Demonstrations {
    /// An expression that hits the target with each number used once.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub correct: f64,
    /// A random expression over the right numbers, whatever its value.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub random: f64,
    /// An expression that drops, repeats or invents a number.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub misused: f64,
    /// Text that does not parse.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub malformed: f64,
}

impl BaseStage {
    /// AdamW and its schedule.
    pub fn optimizer(&self) -> Optimizer {
        let &BaseStage { beta1, beta2, eps, .. } = self;
        Optimizer { beta1, beta2, eps, ..Optimizer::default() }.at_pace(self.pace())
    }
}
