//! One run at a time draws for a key: the others wait, and find its draws.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use crate::ledger::file::failed;
use crate::ledger::upkeep::unfinished;
use crate::{LedgerError, LedgerKey, LedgerStore};

/// Name of the file in a key's directory that is locked while its draws are made. When it was last
/// written is when the key was last used.
pub(crate) const LOCK: &str = "lock";

/// The right to draw for a key: until it is dropped, or its process ends in whatever way, nobody
/// else has it.
#[derive(Debug)]
pub struct LockedKey<'a> {
    store: &'a LedgerStore,
    key: &'a LedgerKey,
    _lock: LedgerLock,
}

impl LockedKey<'_> {
    /// The store.
    pub fn store(&self) -> &LedgerStore {
        self.store
    }

    /// The key.
    pub fn key(&self) -> &LedgerKey {
        self.key
    }
}

impl LedgerStore {
    /// Waits until no other run draws for `key`, and takes its place; `None` if `wait` breaks.
    ///
    /// `wait` is called with the path of the lock each time that another run is found to hold it,
    /// and decides how long to leave it until the next try. What a killed run left half-written under
    /// the key is deleted.
    ///
    /// # Errors
    /// The key's directory cannot be made, or its lock not be opened, taken or written to.
    pub fn lock<'a>(
        &'a self,
        key: &'a LedgerKey,
        wait: &mut dyn FnMut(&Path) -> ControlFlow<()>,
    ) -> Result<Option<LockedKey<'a>>, LedgerError> {
        loop {
            let directory = self.make_directory(key)?;
            if let Some(mut lock) = LedgerLock::take(&directory)? {
                lock.note_use()?;
                for path in unfinished(&directory)? {
                    // It is in nobody's way: where it cannot go, it stays.
                    let _ = fs::remove_file(path);
                }
                return Ok(Some(LockedKey { store: self, key, _lock: lock }));
            }
            if wait(&directory.join(LOCK)).is_break() {
                return Ok(None);
            }
        }
    }
}

/// A key's directory, locked. The system's lock goes with the file's last handle, so that a killed
/// process leaves none behind.
#[derive(Debug)]
pub(crate) struct LedgerLock {
    file: File,
    path: std::path::PathBuf,
}

impl LedgerLock {
    /// Locks the directory, which must be there; `None` where another has it, or has just removed
    /// it as unused.
    pub(crate) fn take(directory: &Path) -> Result<Option<LedgerLock>, LedgerError> {
        let path = directory.join(LOCK);
        let opened = File::options().create(true).truncate(false).write(true).open(&path);
        let file = opened.map_err(|e| failed(&path, "opening", e))?;
        match file.try_lock() {
            Ok(()) if path.exists() => Ok(Some(LedgerLock { file, path })),
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(&path, "locking", error)),
        }
    }

    /// Leaves the file system's own time on the lock.
    fn note_use(&mut self) -> Result<(), LedgerError> {
        self.file.write_all(b"\n").map_err(|e| failed(&self.path, "writing", e))
    }
}
