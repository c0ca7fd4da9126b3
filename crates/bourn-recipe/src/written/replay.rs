//! `[replay]` as written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::recipe::Replay;

/// Witness replay, an experiment: groups of training problems that are being lost get correct
/// completions that the frozen base drew. The probe's held-out problems are never replayed.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReplayWritten {
    /// Share of a replayed group's completions that the base drew; at least one. 0 for no replay,
    /// and then no other key of this table.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub share: f64,
    /// A watched problem is replayed until the next look if its probability of being lost (solvable
    /// by the base, and not by the policy) is at least this and higher than at the look before.
    #[schemars(
        extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1, "x-default" = "`0.5`")
    )]
    pub threshold: Option<f64>,
    /// Steps between two looks at the policy.
    #[schemars(range(min = 1, max = 1_000_000_000), extend("x-default" = "`20`"))]
    pub interval: Option<u64>,
    /// How many training problems are watched; `probe.seed` chooses them.
    #[schemars(range(min = 1, max = 1_000_000), extend("x-default" = "`64`"))]
    pub problems: Option<usize>,
    /// Most draws of each watched problem, of the policy at every look and of the base once, with
    /// the training sampler; `probe.stop` correct ones end them.
    #[schemars(range(min = 1, max = 1_048_576), extend("x-default" = "`128`"))]
    pub n_max: Option<usize>,
    /// Most replayed groups of a step, beside its `prompts_per_step` others.
    #[schemars(range(min = 1, max = 65_536), extend("x-default" = "`4`"))]
    pub groups: Option<usize>,
    /// Most that the importance weight π/π_base of a token may be.
    #[schemars(range(max = 1000.0), extend("exclusiveMinimum" = 0, "x-default" = "`2.0`"))]
    pub max_weight: Option<f64>,
}

impl ReplayWritten {
    /// What is set, with defaults for the rest.
    pub(crate) fn settings(&self) -> Replay {
        Replay {
            share: self.share,
            threshold: self.threshold.unwrap_or(0.5),
            interval: self.interval.unwrap_or(20),
            problems: self.problems.unwrap_or(64),
            n_max: self.n_max.unwrap_or(128),
            groups: self.groups.unwrap_or(4),
            max_weight: self.max_weight.unwrap_or(2.0),
        }
    }

    /// The first key that was written beside `share`.
    pub(crate) fn other_key(&self) -> Option<&'static str> {
        let keys = [
            ("replay.threshold", self.threshold.is_some()),
            ("replay.interval", self.interval.is_some()),
            ("replay.problems", self.problems.is_some()),
            ("replay.n_max", self.n_max.is_some()),
            ("replay.groups", self.groups.is_some()),
            ("replay.max_weight", self.max_weight.is_some()),
        ];
        keys.into_iter().find(|(_, written)| *written).map(|(key, _)| key)
    }
}

impl From<Option<&Replay>> for ReplayWritten {
    fn from(replay: Option<&Replay>) -> Self {
        let Some(replay) = replay else { return ReplayWritten::default() };
        ReplayWritten {
            share: replay.share,
            threshold: Some(replay.threshold),
            interval: Some(replay.interval),
            problems: Some(replay.problems),
            n_max: Some(replay.n_max),
            groups: Some(replay.groups),
            max_weight: Some(replay.max_weight),
        }
    }
}
