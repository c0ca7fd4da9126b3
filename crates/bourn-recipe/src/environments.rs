//! The environments there are, as far as a recipe has to know them: a kind of table each.
//!
//! What an environment does is a file of `bourn-env`, and a line of `bourn-task/src/environments.rs` puts it
//! on the problems of a task. Names, schema, errors and reference page follow from this one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What answers a completion of a task's problems.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EnvironmentKind {
    /// Nothing: an episode is one completion.
    SingleTurn(SingleTurnKeys),
}

/// Nothing answers: an episode is one completion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SingleTurnKeys {}

impl Default for EnvironmentKind {
    fn default() -> EnvironmentKind {
        EnvironmentKind::SingleTurn(SingleTurnKeys::default())
    }
}
