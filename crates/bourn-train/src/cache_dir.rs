//! The cache, looked at before the work whose results go there.

use std::path::Path;

use bourn_recipe::Recipe;

use crate::error::TrainError;
use crate::probe::store_dir;
use crate::{base, sealed};

/// Finds out whether the cache can be written in, where a run of `recipe` would write there: a base, or
/// the base's draws.
///
/// # Errors
/// [`TrainError::Cache`].
pub(crate) fn check_for(recipe: &Recipe, dir: &Path) -> Result<(), TrainError> {
    if recipe.probe.interval > 0 {
        check(dir)?;
    }
    match base::is_to_be_made(recipe, dir) {
        true => sealed::check_writable(dir).map_err(refused),
        false => Ok(()),
    }
}

/// Finds out whether draws can be kept.
///
/// # Errors
/// [`TrainError::Cache`].
pub(crate) fn check(dir: &Path) -> Result<(), TrainError> {
    sealed::check_writable(&store_dir(dir)).map_err(refused)
}

fn refused(problem: TrainError) -> TrainError {
    TrainError::Cache { problem: Box::new(problem) }
}
