//! What is wrong with a data file.

use std::io;
use std::path::{Path, PathBuf};

use bourn_hub::{HubError, NoCache};

/// Why a file's rows cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// A file that cannot be opened or read.
    #[error("{}: {source}; check the task's `path`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that is none with rows.
    #[error("{}: {problem}", path.display())]
    NoRows {
        /// The file.
        path: PathBuf,
        /// What it is, and what to do.
        problem: String,
    },
    /// A row that cannot be read.
    #[error("{}:{line}: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line that the row begins on, or its number, counted from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// A source that names no files, or too many.
    #[error("{name}: {problem}")]
    Source {
        /// As it was given.
        name: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// The hub did not give the files.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// There is no place for what the hub would give.
    #[error(transparent)]
    Cache(#[from] NoCache),
}

impl RowError {
    pub(crate) fn read(path: &Path) -> impl Fn(io::Error) -> RowError {
        move |source| RowError::Read { path: path.to_owned(), source }
    }

    pub(crate) fn no_rows(path: &Path, problem: impl Into<String>) -> RowError {
        RowError::NoRows { path: path.to_owned(), problem: problem.into() }
    }

    pub(crate) fn malformed(path: &Path, line: u64, problem: impl Into<String>) -> RowError {
        RowError::Malformed { path: path.to_owned(), line, problem: problem.into() }
    }

    pub(crate) fn source(source: &str, problem: impl Into<String>) -> RowError {
        RowError::Source { name: source.to_owned(), problem: problem.into() }
    }
}
