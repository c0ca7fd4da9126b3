//! Why a report could not be made.

use std::path::{Path, PathBuf};

use bourn_probe::LedgerError;
use bourn_track::TrackError;

use crate::MAX_RUNS;

/// An error of reading runs or writing their report, naming the file and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The directory holds no run.
    #[error(
        "`{}` holds no run: there is no `recipe.toml` in it; name the directory that \
         `bourn train` or `bourn probe` wrote",
        path.display()
    )]
    NotARun {
        /// The directory.
        path: PathBuf,
    },
    /// No runs, or more than a page can tell apart.
    #[error("{0} runs: a report shows 1 to {MAX_RUNS}")]
    Runs(usize),
    /// A bound on the accuracy that is no share.
    #[error("{0} is no share of correct draws: give one above 0 and up to 1, such as 0.05")]
    Below(f64),
    /// The operating system refused a read or a write.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file is larger than any that a run writes.
    #[error("`{}` has more than {limit} bytes: is it the file that the run wrote?", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The largest size that is read.
        limit: u64,
    },
    /// The recipe of the run cannot be read.
    #[error("`{}`: the recipe of the run is torn or was altered ({problem})", path.display())]
    Recipe {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// What says which models a probe was of cannot be read.
    #[error("`{}`: is not the file of a probe of this version ({problem})", path.display())]
    Probe {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The figures of a probe cannot be read.
    #[error(
        "`{}`: the figures of the probe are torn or were altered ({problem}); put the file back, \
         or resume the run from an earlier checkpoint",
        path.display()
    )]
    Figures {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The metrics name a set of problems that no probe can have.
    #[error("`{}`: `{set}` is no name of a set of problems; restore the file", path.display())]
    SetName {
        /// The metrics file.
        path: PathBuf,
        /// The name.
        set: String,
    },
    /// The metrics or the timing cannot be read.
    #[error(transparent)]
    Track(#[from] TrackError),
    /// The draws of a probe cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What is at the report's place was not written by this program.
    #[error(
        "`{}` exists and is no report: move it away, or choose another file with --output",
        path.display()
    )]
    Foreign {
        /// The file in the way.
        path: PathBuf,
    },
}

impl ReportError {
    /// For `map_err`: the I/O error of `action` on `path`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| ReportError::Io { action, path, source }
    }
}
