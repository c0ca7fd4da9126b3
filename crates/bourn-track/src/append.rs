//! A file that only grows, by whole records.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::TrackError;

/// Records wait in memory until this many bytes are together.
const BUFFER_BYTES: usize = 64 * 1024;

/// Appends whole records: when a write fails half-way (a full disk), the file is cut back to its
/// last whole record and the rest stays in memory, so that a later flush can still succeed.
#[derive(Debug)]
pub(crate) struct AppendFile {
    file: File,
    path: PathBuf,
    /// Bytes of the file that hold whole records.
    length: u64,
    pending: Vec<u8>,
}

impl AppendFile {
    /// Makes a new file; one that exists is [`TrackError::Exists`].
    pub(crate) fn create(path: &Path) -> Result<Self, TrackError> {
        let file =
            OpenOptions::new().write(true).create_new(true).open(path).map_err(|source| {
                match source.kind() {
                    ErrorKind::AlreadyExists => TrackError::Exists { path: path.to_path_buf() },
                    _ => TrackError::io("create", path)(source),
                }
            })?;
        Ok(Self { file, path: path.to_path_buf(), length: 0, pending: Vec::new() })
    }

    /// Opens an existing file at its end.
    pub(crate) fn open(path: &Path) -> Result<Self, TrackError> {
        let mut file =
            OpenOptions::new().write(true).open(path).map_err(TrackError::io("open", path))?;
        let length = file.seek(SeekFrom::End(0)).map_err(TrackError::io("open", path))?;
        Ok(Self { file, path: path.to_path_buf(), length, pending: Vec::new() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes one record; writes it out when enough are together.
    pub(crate) fn append(&mut self, record: &[u8]) -> Result<(), TrackError> {
        self.pending.extend_from_slice(record);
        if self.pending.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Hands every record to the operating system.
    pub(crate) fn flush(&mut self) -> Result<(), TrackError> {
        if let Err(source) = self.file.write_all(&self.pending) {
            // The first error is the one to report; if cutting back fails too, the seek below
            // fails on the next flush as well.
            let _ = self.file.set_len(self.length);
            let _ = self.file.seek(SeekFrom::Start(self.length));
            return Err(TrackError::io("write", &self.path)(source));
        }
        self.length += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// Hands every record to the disk.
    pub(crate) fn sync(&mut self) -> Result<(), TrackError> {
        self.flush()?;
        self.file.sync_all().map_err(TrackError::io("sync", &self.path))
    }
}

impl Drop for AppendFile {
    fn drop(&mut self) {
        // Whoever needs to know calls `flush` or `sync` first.
        let _ = self.flush();
    }
}

/// Makes a new name in `path`'s directory survive a power cut.
pub(crate) fn sync_parent(path: &Path) -> Result<(), TrackError> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    sync_directory(dir)
}

/// Makes the names in `dir` survive a power cut.
pub(crate) fn sync_directory(dir: &Path) -> Result<(), TrackError> {
    if cfg!(unix) {
        File::open(dir).and_then(|d| d.sync_all()).map_err(TrackError::io("sync", dir))?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "../tests/unit/append.rs"]
mod tests;
