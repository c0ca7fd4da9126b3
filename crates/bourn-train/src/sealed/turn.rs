//! A place in which several processes write: one at a time, and whoever has the turn clears up what
//! killed ones left.

use std::fs::{self, File};
use std::path::Path;

use super::settle;
use crate::error::TrainError;

/// Empty; whoever holds its lock has the turn.
const LOCK: &str = ".lock";

/// The right to write in a place, until it is dropped or its process ends in whatever way.
pub(crate) struct Turn {
    /// `None` where the file system has no locks: then nobody can say whose a file is.
    lock: Option<File>,
}

impl Turn {
    /// Waits for the turn at `place`, which is made if it is not there. It is held for as long as it
    /// takes to write what is there to be written.
    ///
    /// # Errors
    /// The place cannot be written in.
    pub(crate) fn take(place: &Path) -> Result<Turn, TrainError> {
        fs::create_dir_all(place).map_err(TrainError::io(place, "creating the directory"))?;
        let path = place.join(LOCK);
        let file = open(&path).map_err(TrainError::io(&path, "creating the lock file"))?;
        Ok(Turn { lock: file.lock().is_ok().then_some(file) })
    }

    /// The turn, where it is free and can be taken at all.
    pub(crate) fn take_if_free(place: &Path) -> Option<Turn> {
        let file = open(&place.join(LOCK)).ok()?;
        file.try_lock().ok()?;
        Some(Turn { lock: Some(file) })
    }

    /// Clears up below the place, in `dir`, after processes that were killed while they wrote. Files
    /// without an owner are in nobody's way: what cannot be cleared up stays.
    pub(crate) fn clear_up(&self, dir: &Path) {
        if self.lock.is_some() {
            let _ = settle(dir);
        }
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(path)
}
