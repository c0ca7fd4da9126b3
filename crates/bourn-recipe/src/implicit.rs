//! `[implicit_reward]`: what is written is what is checked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::algorithm::Schedule;
use crate::recipe::Optimizer;

/// Process rewards without process labels (PRIME, arXiv 2502.01456): a second model, which starts as
/// the base, learns from the raw verdicts of each step to tell right completions from wrong ones, and
/// pays each token by how much likelier it is to it than to the base. The section alone turns it on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImplicitReward {
    /// A token's reward is this times log π_φ − log π_base, where π_φ is the model that learns.
    #[schemars(range(max = 1000.0), extend("exclusiveMinimum" = 0))]
    pub beta: f64,
    /// Weight of the advantages that these rewards make, beside those of the outcome; with a value
    /// model, of the rewards themselves.
    #[schemars(
        range(max = 1000.0),
        extend(
            "exclusiveMinimum" = 0,
            "x-hint" = "without weight the model would be trained for nothing; remove the section"
        )
    )]
    pub coef: f64,
    /// Peak learning rate of the model's AdamW; its moments decay as `[optimizer]` says.
    #[schemars(
        range(max = 10.0),
        extend(
            "exclusiveMinimum" = 0,
            "x-hint" = "a model that stays the base pays nothing; remove the section"
        )
    )]
    pub lr: f64,
    /// Updates of linear warmup from 0.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub warmup_steps: u64,
    /// What follows the warmup.
    pub schedule: Schedule,
    /// Decoupled weight decay.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub weight_decay: f64,
    /// Global gradient-norm clip; 0 for none.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub max_grad_norm: f64,
}

/// The paper's and verl's β, pace and equal weights.
impl Default for ImplicitReward {
    fn default() -> Self {
        ImplicitReward {
            beta: 0.05,
            coef: 1.0,
            lr: 1e-6,
            warmup_steps: 0,
            schedule: Schedule::Constant,
            weight_decay: 0.0,
            max_grad_norm: 1.0,
        }
    }
}

impl ImplicitReward {
    /// What the implicit reward model learns by: its own pace, the policy's moments.
    pub fn optimizer(&self, policy: &Optimizer) -> Optimizer {
        policy.at_pace(self.pace())
    }
}
