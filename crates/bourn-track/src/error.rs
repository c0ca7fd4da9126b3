//! What can go wrong while a run is being recorded.

use std::path::{Path, PathBuf};

/// An error of the tracking files, naming the file and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum TrackError {
    /// The operating system refused a read, a write or a sync.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A new file was asked for where one already is.
    #[error(
        "`{}` exists already: resume the run that wrote it, or choose another run directory",
        path.display()
    )]
    Exists {
        /// The file in the way.
        path: PathBuf,
    },
    /// A line of a metrics file is not what this program writes.
    #[error("`{}` line {line}: {problem}; restore the file or remove the line", path.display())]
    BadLine {
        /// The metrics file.
        path: PathBuf,
        /// Line number from 1.
        line: u64,
        /// What is wrong with the line.
        problem: String,
    },
    /// A file is larger than this program is willing to take into memory.
    #[error(
        "`{}` has {bytes} bytes, more than the {limit} that a metrics file may have: \
         is it the right file?",
        path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The largest size that is read.
        limit: u64,
    },
    /// A metric was given under a name that lines of the metrics file cannot have.
    #[error("metric name `{tag}` cannot be written to `{}`: {problem}", path.display())]
    BadTag {
        /// The metrics file.
        path: PathBuf,
        /// The name.
        tag: String,
        /// Why it cannot be used.
        problem: &'static str,
    },
    /// Steps of a metrics file never go back.
    #[error(
        "step {step} comes after step {last} in `{}`: resume the file from an earlier step first",
        path.display()
    )]
    StepWentBack {
        /// The metrics file.
        path: PathBuf,
        /// The step that was given.
        step: u64,
        /// The newest step in the file.
        last: u64,
    },
    /// TensorBoard counts steps in signed 64-bit integers.
    #[error("step {step} of `{tag}` is larger than an event file can hold")]
    StepTooLarge {
        /// The metric.
        tag: String,
        /// The step that was given.
        step: u64,
    },
    /// A histogram needs at least one value, and finite ones.
    #[error("histogram `{tag}` at step {step}: {problem}")]
    BadHistogram {
        /// The metric.
        tag: String,
        /// The step.
        step: u64,
        /// What is wrong with the values.
        problem: String,
    },
}

impl TrackError {
    /// For `map_err`: the I/O error of `action` on `path`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| TrackError::Io { action, path, source }
    }
}
