//! Single files: written whole or not at all, flushed, and read with a bound.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use serde::Serialize;

use super::{WRITING, builder};
use crate::error::TrainError;

/// Longest text file that is read whole.
const MAX_TEXT_BYTES: u64 = 1 << 30;

/// Finds out whether something can be written at `path`, and leaves nothing there: asked before
/// the work whose result is to go there.
///
/// # Errors
/// Names the directory that cannot be written in.
pub(crate) fn check_writable(path: &Path) -> Result<(), TrainError> {
    let place = path.ancestors().find(|place| place.exists()).unwrap_or(Path::new("."));
    tempfile::tempfile_in(place)
        .map(drop)
        .map_err(TrainError::io(place, "trying to write in the directory"))
}

/// Writes and flushes one file.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let mut file = File::create(path).map_err(TrainError::io(path, "creating the file"))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(TrainError::io(path, "writing the file"))
}

/// Writes one file beside its place, flushes it and renames it, so that a reader sees the old
/// content or the new.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    let mut scratch = builder(0o666)
        .prefix(WRITING)
        .tempfile_in(parent)
        .map_err(TrainError::io(parent, "creating a temporary file"))?;
    scratch
        .write_all(bytes)
        .and_then(|()| scratch.as_file().sync_all())
        .map_err(TrainError::io(path, "writing the file"))?;
    scratch
        .persist(path)
        .map_err(|error| TrainError::io(path, "renaming into place")(error.error))?;
    sync(parent)
}

/// Reads a text file of ours; one that is larger than any of them, and what is no file, is refused
/// unread.
pub(crate) fn read_text(path: &Path) -> Result<String, TrainError> {
    // Asked of the name, not of what was opened: opening a pipe waits for somebody to write.
    let metadata = fs::metadata(path).map_err(TrainError::io(path, "opening the file"))?;
    if !metadata.is_file() {
        let error = std::io::Error::other("it is not a file");
        return Err(TrainError::io(path, "reading the file")(error));
    }
    let mut text = String::new();
    let file = File::open(path).map_err(TrainError::io(path, "opening the file"))?;
    let read = file.take(MAX_TEXT_BYTES + 1).read_to_string(&mut text);
    read.and_then(|bytes| match bytes as u64 > MAX_TEXT_BYTES {
        true => Err(ErrorKind::FileTooLarge.into()),
        false => Ok(text),
    })
    .map_err(TrainError::io(path, "reading the file"))
}

/// Pretty JSON with a final newline, for the file at `path`; it can be shown anywhere.
///
/// # Errors
/// Names the file if the value cannot be written as JSON.
pub(crate) fn to_json(path: &Path, value: &impl Serialize) -> Result<String, TrainError> {
    let text = serde_json::to_string_pretty(value).map_err(std::io::Error::from);
    let text = text.map_err(TrainError::io(path, "encoding the file"))? + "\n";
    Ok(bourn_foreign::json(&text).into_owned())
}

/// Makes a directory whose parent is there; it may be there itself. A parent that is gone stays so.
pub(crate) fn make_dir(path: &Path) -> Result<(), TrainError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.map_err(TrainError::io(path, "creating the directory")),
    }
}

/// Names of everything in a directory, in order.
pub(super) fn list(dir: &Path) -> Result<Vec<OsString>, TrainError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(TrainError::io(dir, "listing the directory"))? {
        let entry = entry.map_err(TrainError::io(dir, "listing the directory"))?;
        names.push(entry.file_name());
    }
    names.sort();
    Ok(names)
}

/// Deletes a directory with all that is in it, a file or a link; nothing, where there is nothing.
pub(super) fn delete(path: &Path) -> Result<(), TrainError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(TrainError::io(path, "deleting"))
}

/// Hands a file, or the names in a directory, to the disk.
pub(super) fn sync(path: &Path) -> Result<(), TrainError> {
    let action = if path.is_dir() { "flushing the directory" } else { "flushing the file" };
    File::open(path).and_then(|file| file.sync_all()).map_err(TrainError::io(path, action))
}
