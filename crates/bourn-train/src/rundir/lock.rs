//! Who may write in a run directory: one process, in the directory that it began in.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::RunDirError;
use crate::error::TrainError;

/// Empty; whoever holds its lock is at work in the directory.
pub(super) const LOCK: &str = ".lock";

/// Keeps other processes out of a run directory while it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    dir: PathBuf,
}

impl Lock {
    /// Makes sure that the run directory is still the one that was locked: what is written by its name
    /// would otherwise go into another, or into one that is made anew.
    ///
    /// # Errors
    /// It was moved, replaced or deleted.
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let there = fs::metadata(self.dir.join(LOCK));
        let same = match (there, self.file.metadata()) {
            (Ok(there), Ok(held)) => is_same_file(&there, &held),
            _ => false,
        };
        match same {
            true => Ok(()),
            false => Err(RunDirError::Gone { path: self.dir.clone() }.into()),
        }
    }
}

#[cfg(unix)]
fn is_same_file(a: &fs::Metadata, b: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Elsewhere a directory with an open file in it is not deleted.
#[cfg(not(unix))]
fn is_same_file(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

/// Keeps other processes out of `dir`.
///
/// # Errors
/// Another is at work there, or the file system has no locks.
pub(super) fn lock(dir: &Path) -> Result<Lock, TrainError> {
    let path = dir.join(LOCK);
    let open = File::options().create(true).truncate(false).write(true).open(&path);
    let file = open.map_err(TrainError::io(&path, "creating the lock file"))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { file, dir: dir.into() }),
        Err(TryLockError::WouldBlock) => Err(RunDirError::RunBusy { path: dir.into() }.into()),
        Err(TryLockError::Error(error)) => Err(TrainError::io(&path, "locking")(error)),
    }
}
