//! `[probe]`: what is written where it is what is checked, and what is checked elsewhere.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The boundary probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Probe every this many steps (and at step 0 and the last); 0 for never.
    pub interval: u64,
    /// Held-out problems.
    pub problems: usize,
    /// Most draws per problem, of policy and base each.
    pub n_max: usize,
    /// Correct draws that end a problem's drawing before `n_max`; 0 for never.
    pub stop: usize,
    /// One or more samplers; figures of each are kept apart.
    pub samplers: Vec<Sampler>,
    /// Confidence of the intervals, for example 0.95.
    pub confidence: f64,
    /// Bootstrap resamples over problems.
    pub resamples: usize,
    /// Seed of the probe's draws and resamples. It is not the run's: runs with different seeds
    /// share the base's draws.
    pub seed: u64,
    /// Most completions that are scored of a class that need not be scored whole, per problem and
    /// model; 0 for no scoring.
    pub scores: usize,
    /// Solutions to compare with what the models draw: a JSONL file.
    pub references: Option<PathBuf>,
    /// Answers of the base without reasoning, as a control.
    pub guess: Option<Guess>,
    /// Both models at other temperatures.
    pub temperature: Option<Temperature>,
}

/// Answers of the base without reasoning: a control that shows how many problems can be guessed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Guess {
    /// What is put after the prompt, as the beginning of the completion, so that the answer follows
    /// at once; the verifier reads it with what was drawn.
    #[schemars(length(max = 4096))]
    pub suffix: String,
    /// Draws per problem.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub n: usize,
    /// Longest guess in tokens: too short to reason in.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub max_completion_length: usize,
}

impl Default for Guess {
    fn default() -> Self {
        Guess { suffix: "####".to_string(), n: 16, max_completion_length: 8 }
    }
}

/// How the probe draws; figures of each sampler are kept apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sampler {
    /// Softmax temperature.
    #[schemars(
        range(min = 0.01, max = 100.0),
        extend("x-hint" = "greedy decoding (0) would make all draws of a problem the same")
    )]
    pub temperature: f64,
    /// Keep the smallest set of tokens with this much probability; 1 for all.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0))]
    pub top_p: f64,
    /// Keep this many of the likeliest tokens; 0 for all.
    #[schemars(range(min = 0, max = 1_048_576))]
    pub top_k: usize,
    /// Drop tokens below this share of the likeliest one's probability; 0 for none.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_p: f64,
}

impl Default for Sampler {
    fn default() -> Self {
        Sampler { temperature: 1.0, top_p: 1.0, top_k: 0, min_p: 0.0 }
    }
}

/// Both models at other temperatures than the samplers', whose other settings stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Temperature {
    /// Whether the policy's temperature of the base's entropy is looked for.
    pub matched: bool,
    /// Temperatures at which both are compared too, all different.
    pub grid: Vec<f64>,
    /// Most draws per problem at each temperature, at most those of the probe.
    pub n_max: usize,
    /// Correct draws that end a problem's drawing before `n_max`; 0 for never.
    pub stop: usize,
    /// Draws per problem at each temperature that the search tries.
    pub match_draws: usize,
    /// Which probes of a run do this.
    pub every: WhichProbes,
}

/// Which probes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhichProbes {
    /// The one after the last step of the recipe.
    Last,
    /// Every probe.
    Probe,
}
