//! The environments of tasks: a line each.

use std::sync::Arc;

use bourn_env::{Environment, SingleTurn};
use bourn_recipe::EnvironmentKind as Settings;

/// What answers the completions of a task's problems.
pub(crate) fn environment(settings: &Settings) -> Arc<dyn Environment> {
    match settings {
        Settings::SingleTurn(_) => Arc::new(SingleTurn),
    }
}
