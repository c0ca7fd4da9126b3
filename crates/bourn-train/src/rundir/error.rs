//! What a run directory does not allow.

use std::path::PathBuf;

/// A run directory that cannot be used as was asked, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum RunDirError {
    /// The run directory holds an earlier run.
    #[error(
        "{path} already holds a run; continue it with --resume, choose another place with \
         --run-dir, or delete it"
    )]
    RunExists {
        /// The run directory.
        path: PathBuf,
    },
    /// Another process works in the run directory.
    #[error("{path}: another bourn is at work in this run; wait for it, or stop it")]
    RunBusy {
        /// The run directory.
        path: PathBuf,
    },
    /// There is nothing to resume.
    #[error(
        "{path} holds no run to resume; start without --resume (a base whose pretraining was stopped goes on where it was)"
    )]
    NothingToResume {
        /// The run directory.
        path: PathBuf,
    },
    /// The recipe is not the one that the run was started with.
    #[error(
        "{path} was started with another recipe: `{key}` was {was} and is {now}; resume with the \
         recipe it was started with, or start a new run with --run-dir"
    )]
    RecipeChanged {
        /// The run's copy of the recipe.
        path: PathBuf,
        /// First key that differs.
        key: String,
        /// Its value when the run started.
        was: String,
        /// Its value now.
        now: String,
    },
    /// The problems are not those that the run was started with.
    #[error(
        "{path}: the run was started with other problems than its recipe gives now; put the data \
         files back as they were, or start a new run with --run-dir"
    )]
    ProblemsChanged {
        /// The checkpoint.
        path: PathBuf,
    },
    /// The base is not the one that the run was started with.
    #[error(
        "{path}: the run was started from a base with weights {was}, and its recipe gives one with \
         weights {now}; put the model back as it was, or start a new run with --run-dir"
    )]
    BaseChanged {
        /// The checkpoint.
        path: PathBuf,
        /// Content hash of the base when the run started.
        was: String,
        /// Content hash of the base now.
        now: String,
    },
    /// The directory holds something, and no run.
    #[error(
        "{path} holds {found}, which is no run's; choose another place with --run-dir, or move what is \
         there away"
    )]
    NotARun {
        /// The directory.
        path: PathBuf,
        /// Something in it.
        found: String,
    },
    /// Nothing says of which recipe the run is.
    #[error(
        "{path} holds a run without its recipe.toml, and no checkpoint says what was in it; `bourn recipe \
         show RECIPE > {}` writes it again, with the --set that the run was started with, and --resume \
         goes on; or start a new run with --run-dir", path.join("recipe.toml").display()
    )]
    RecipeLost {
        /// The run directory.
        path: PathBuf,
    },
    /// The recipe is gone from the directory, and is in its checkpoint.
    #[error(
        "{path} has no recipe.toml; `bourn train RECIPE --run-dir {path} --resume`, with the recipe that the \
         run was started with, puts it back"
    )]
    RecipeGone {
        /// The run directory.
        path: PathBuf,
    },
    /// The directory that the process writes in is not there any more.
    #[error(
        "{path} was moved, replaced or deleted while the run was at work in it, and nothing more is \
         written there; put it back as it was and go on with --resume, or start a new run"
    )]
    Gone {
        /// The run directory.
        path: PathBuf,
    },
}
