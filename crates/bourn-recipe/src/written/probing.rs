//! `[probe]` as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::recipe::{Guess, Sampler, WhichProbes};

/// The boundary probe: the policy and its frozen base on the same held-out problems.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProbeWritten {
    /// Probe every this many steps, and at step 0 and the last; 0 for never.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub interval: u64,
    /// Held-out problems.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub problems: usize,
    /// Most draws per problem, of policy and base each.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub n_max: usize,
    /// Correct draws that end a problem's drawing before `n_max`; 0 for never, which makes `n_max`
    /// draws of every problem.
    #[schemars(range(min = 0, max = 1_048_576))]
    pub stop: usize,
    /// Confidence of the intervals.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub confidence: f64,
    /// Bootstrap resamples over problems.
    #[schemars(range(min = 100, max = 100_000))]
    pub resamples: usize,
    /// Seed of the probe's draws and resamples; runs with different `seed` share the base's draws.
    #[schemars(range(min = 0, max = 9_223_372_036_854_775_807_u64))]
    pub seed: u64,
    /// How the probe draws; figures of each sampler are kept apart.
    #[schemars(
        length(min = 1, max = 16),
        extend("x-default" = "temperature 0.6 with top_p 0.95, and the training sampler")
    )]
    pub sampler: Option<Vec<Sampler>>,
    /// How many completions of each model are scored under the other, to tell where correct answers
    /// came from. Of wrong ones at most so many a problem, of correct ones all; perplexities are of
    /// at most so many of either. 0 for no scoring and none of these figures.
    #[schemars(range(min = 0, max = 1_048_576))]
    pub scores: usize,
    /// Solutions to compare with what the models draw, from a teacher for example: a JSONL file of
    /// {"problem": id or prompt, "completion": text}; a path relative to the current directory.
    #[schemars(length(min = 1), extend("x-default" = "none"))]
    pub references: Option<String>,
    /// Answers of the base without reasoning: a control that shows how many problems can be
    /// guessed.
    #[schemars(extend("x-default" = "none"))]
    pub guess: Option<Guess>,
    /// Both models at other temperatures than the samplers'.
    #[schemars(extend("x-default" = "none"))]
    pub temperature: Option<TemperatureWritten>,
}

impl Default for ProbeWritten {
    fn default() -> Self {
        ProbeWritten {
            interval: 50,
            problems: 64,
            n_max: 256,
            stop: 8,
            confidence: 0.95,
            resamples: 1000,
            seed: 0,
            sampler: None,
            scores: 64,
            references: None,
            guess: None,
            temperature: None,
        }
    }
}

/// Both models at other temperatures than the samplers', whose other settings stay.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TemperatureWritten {
    /// Find the temperature at which the policy's mean token entropy is that of the base at the
    /// sampler's temperature, and compare the two there.
    #[serde(rename = "match")]
    pub matched: bool,
    /// Temperatures at which both models are compared too.
    #[schemars(
        length(max = 16),
        inner(range(min = 0.01, max = 100.0)),
        extend("uniqueItems" = true)
    )]
    pub grid: Vec<f64>,
    /// Most draws per problem at each temperature, at most `probe.n_max`.
    #[schemars(range(min = 1, max = 1_048_576), extend("x-default" = "`probe.n_max`"))]
    pub n_max: Option<usize>,
    /// Correct draws that end a problem's drawing before `n_max`; 0 for never.
    #[schemars(range(min = 0, max = 1_048_576), extend("x-default" = "`probe.stop`"))]
    pub stop: Option<usize>,
    /// Draws per problem at each temperature that the search for `match` tries.
    #[schemars(range(min = 1, max = 4096))]
    pub match_draws: usize,
    /// Which probes of a run do this; `bourn probe` always does.
    pub every: WhichProbes,
}

impl Default for TemperatureWritten {
    fn default() -> Self {
        TemperatureWritten {
            matched: true,
            grid: Vec::new(),
            n_max: None,
            stop: None,
            match_draws: 8,
            every: WhichProbes::Last,
        }
    }
}
