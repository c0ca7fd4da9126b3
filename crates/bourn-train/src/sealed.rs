//! Directories that are there whole or not at all.
//!
//! A sealed directory is filled under a temporary name, every file is flushed, a manifest with the
//! size and BLAKE3 checksum of each is written last, and the directory is renamed into place. It
//! leaves its name before it is deleted. Opening it checks that the manifest's files are there and no
//! others, so that a torn, altered or foreign file is named and never loaded.

mod files;
mod manifest;
mod turn;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) use self::files::{
    check_writable, make_dir, read_text, replace_file, to_json, write_file,
};
use self::files::{delete, list, sync};
pub(crate) use self::manifest::{Contents, verify};
pub(crate) use self::turn::Turn;
use crate::error::TrainError;

/// How the name of a directory or file that is being filled begins.
pub(crate) const WRITING: &str = ".writing-";
/// How the name of a directory that is being replaced begins.
const REPLACED: &str = ".replaced-";
/// How the name of a directory that is being deleted begins.
const REMOVING: &str = ".removing-";

/// Fills `path`, whose parent is there, with what `fill` writes into the directory it is given. An
/// existing sealed directory at `path` is replaced.
pub(crate) fn write(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<(), TrainError>,
) -> Result<(), TrainError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    let scratch = builder(0o777)
        .prefix(WRITING)
        .tempdir_in(parent)
        .map_err(TrainError::io(parent, "creating a temporary directory"))?;
    fill(scratch.path())?;
    manifest::write(scratch.path())?;
    sync(scratch.path())?;

    // What is replaced steps aside until its successor has its name, so that a kill at any point
    // leaves one of the two for `settle` to find.
    let aside = beside(path, REPLACED);
    if path.exists() {
        delete(&aside)?;
        fs::rename(path, &aside).map_err(TrainError::io(path, "replacing the directory"))?;
    }
    fs::rename(scratch.path(), path)
        .map_err(TrainError::io(path, "renaming the directory into place"))?;
    // Nothing is left under the temporary name for the guard to delete.
    let _ = scratch.keep();
    sync(parent)?;
    remove(&aside)
}

/// Deletes a sealed directory. It gives up its name first, so that a kill on the way leaves nothing
/// that could be taken for it.
pub(crate) fn remove(path: &Path) -> Result<(), TrainError> {
    match set_aside(path)? {
        Some(aside) => delete(&aside),
        None => Ok(()),
    }
}

/// Renames what is to be deleted; `None` where there is nothing.
fn set_aside(path: &Path) -> Result<Option<PathBuf>, TrainError> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(None);
    }
    let aside = beside(path, REMOVING);
    delete(&aside)?;
    fs::rename(path, &aside).map_err(TrainError::io(path, "renaming what is to be deleted"))?;
    sync(path.parent().unwrap_or(Path::new(".")))?;
    Ok(Some(aside))
}

/// Clears up in `parent` after a process that was killed while it wrote there: what was not finished
/// goes, what was being deleted too, and what was being replaced comes back unless its successor is
/// there. Whoever calls it knows that no other process is writing.
pub(crate) fn settle(parent: &Path) -> Result<(), TrainError> {
    if !parent.exists() {
        return Ok(());
    }
    for name in list(parent)? {
        let path = parent.join(&name);
        // Names of ours are text.
        let Some(name) = name.to_str() else { continue };
        if name.starts_with(WRITING) || name.starts_with(REMOVING) {
            delete(&path)?;
        } else if let Some(original) = name.strip_prefix(REPLACED) {
            let original = parent.join(original);
            if original.exists() {
                remove(&path)?;
            } else {
                fs::rename(&path, &original)
                    .map_err(TrainError::io(&original, "putting the directory back"))?;
            }
        }
    }
    sync(parent)
}

/// Whether a process that was killed, or one that is at work, has left something of this name.
pub(crate) fn is_unfinished(name: &str) -> bool {
    [WRITING, REPLACED, REMOVING].iter().any(|prefix| name.starts_with(prefix))
}

/// Temporary names whose files are for everyone whom the directory is for; the umask still applies.
fn builder(mode: u32) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    builder
}

fn beside(path: &Path, prefix: &str) -> PathBuf {
    let mut name = OsString::from(prefix);
    name.push(path.file_name().unwrap_or_default());
    path.with_file_name(name)
}

#[cfg(test)]
#[path = "../tests/unit/sealed.rs"]
mod tests;
