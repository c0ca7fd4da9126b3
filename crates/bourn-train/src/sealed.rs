//! Directories that are there whole or not at all.
//!
//! A sealed directory is filled under a temporary name, every file is flushed, a manifest of
//! BLAKE3 checksums is written last, and the directory is renamed into place. Opening it checks
//! every file against the manifest, so that a torn or altered file is named and never loaded.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::TrainError;

const MANIFEST: &str = "MANIFEST.json";
/// How the name of a directory that is being filled begins.
const WRITING: &str = ".writing-";
/// How the name of a directory that is being replaced begins.
const REPLACED: &str = ".replaced-";
/// Longest text file that is read whole.
const MAX_TEXT_BYTES: u64 = 1 << 30;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    /// Lower-case hex BLAKE3 of each file, by name.
    blake3: BTreeMap<String, String>,
}

/// Fills `path` with what `fill` writes into the directory it is given. An existing sealed
/// directory at `path` is replaced.
pub(crate) fn write(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<(), TrainError>,
) -> Result<(), TrainError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(TrainError::io(parent, "creating the directory"))?;
    let scratch = builder(0o777)
        .prefix(WRITING)
        .tempdir_in(parent)
        .map_err(TrainError::io(parent, "creating a temporary directory"))?;
    fill(scratch.path())?;

    let mut manifest = Manifest { blake3: BTreeMap::new() };
    for entry in list(scratch.path())? {
        let file = scratch.path().join(&entry);
        File::open(&file)
            .and_then(|file| file.sync_all())
            .map_err(TrainError::io(&file, "flushing the file"))?;
        manifest.blake3.insert(entry, checksum(&file)?);
    }
    let sealed = scratch.path().join(MANIFEST);
    write_file(&sealed, to_json(&sealed, &manifest)?.as_bytes())?;
    sync_dir(scratch.path())?;

    // What is replaced steps aside until its successor has its name, so that a kill at any point
    // leaves one of the two for `settle` to find.
    let aside = aside(path);
    if path.exists() {
        remove_dir(&aside)?;
        fs::rename(path, &aside).map_err(TrainError::io(path, "replacing the directory"))?;
    }
    fs::rename(scratch.path(), path)
        .map_err(TrainError::io(path, "renaming the directory into place"))?;
    // Nothing is left under the temporary name for the guard to delete.
    let _ = scratch.keep();
    sync_dir(parent)?;
    remove_dir(&aside)
}

/// Clears up in `parent` after a process that was killed while it wrote there: a directory that
/// was not finished goes, and one that was being replaced comes back unless its successor is there.
pub(crate) fn settle(parent: &Path) -> Result<(), TrainError> {
    if !parent.exists() {
        return Ok(());
    }
    for name in list(parent)? {
        let path = parent.join(&name);
        if name.starts_with(WRITING) {
            remove_dir(&path)?;
        } else if let Some(original) = name.strip_prefix(REPLACED) {
            let original = parent.join(original);
            if original.exists() {
                remove_dir(&path)?;
            } else {
                fs::rename(&path, &original)
                    .map_err(TrainError::io(&original, "putting the directory back"))?;
            }
        }
    }
    sync_dir(parent)
}

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

/// Checks every file of `path` against its manifest.
///
/// # Errors
/// Names the file that is missing, torn or altered.
pub(crate) fn verify(path: &Path) -> Result<(), TrainError> {
    let manifest_path = path.join(MANIFEST);
    let problem =
        |path: &Path, problem: String| TrainError::Checkpoint { path: path.into(), problem };
    let text = read_text(&manifest_path)
        .map_err(|error| problem(&manifest_path, format!("cannot be read ({error})")))?;
    let manifest: Manifest = serde_json::from_str(&text)
        .map_err(|error| problem(&manifest_path, format!("is not a manifest ({error})")))?;
    for (name, expected) in &manifest.blake3 {
        let file = path.join(name);
        let found =
            checksum(&file).map_err(|error| problem(&file, format!("cannot be read ({error})")))?;
        if found != *expected {
            return Err(problem(&file, "is torn or altered: its checksum does not match".into()));
        }
    }
    Ok(())
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
    sync_dir(parent)
}

/// Reads a text file of ours; one that is larger than any of them is refused unread.
pub(crate) fn read_text(path: &Path) -> Result<String, TrainError> {
    let mut text = String::new();
    let file = File::open(path).map_err(TrainError::io(path, "opening the file"))?;
    let read = file.take(MAX_TEXT_BYTES + 1).read_to_string(&mut text);
    read.and_then(|bytes| match bytes as u64 > MAX_TEXT_BYTES {
        true => Err(std::io::ErrorKind::FileTooLarge.into()),
        false => Ok(text),
    })
    .map_err(TrainError::io(path, "reading the file"))
}

/// Pretty JSON with a final newline, for the file at `path`.
///
/// # Errors
/// Names the file if the value cannot be written as JSON.
pub(crate) fn to_json(path: &Path, value: &impl Serialize) -> Result<String, TrainError> {
    let text = serde_json::to_string_pretty(value).map_err(std::io::Error::from);
    Ok(text.map_err(TrainError::io(path, "encoding the file"))? + "\n")
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

fn aside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{REPLACED}{name}"))
}

fn remove_dir(path: &Path) -> Result<(), TrainError> {
    match path.exists() {
        true => fs::remove_dir_all(path).map_err(TrainError::io(path, "deleting the directory")),
        false => Ok(()),
    }
}

fn list(dir: &Path) -> Result<Vec<String>, TrainError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(TrainError::io(dir, "listing the directory"))? {
        let entry = entry.map_err(TrainError::io(dir, "listing the directory"))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn checksum(path: &Path) -> Result<String, TrainError> {
    let mut hasher = blake3::Hasher::new();
    let file = File::open(path).map_err(TrainError::io(path, "opening the file"))?;
    hasher.update_reader(file).map_err(TrainError::io(path, "reading the file"))?;
    Ok(hasher.finalize().to_hex().to_string())
}

fn sync_dir(path: &Path) -> Result<(), TrainError> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(TrainError::io(path, "flushing the directory"))
}

#[cfg(test)]
#[path = "../tests/unit/sealed.rs"]
mod tests;
