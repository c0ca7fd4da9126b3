//! Directories that are there whole or not at all.
//!
//! A sealed directory is filled under a temporary name, every file is flushed, a manifest of
//! BLAKE3 checksums is written last, and the directory is renamed into place. Opening it checks
//! every file against the manifest, so that a torn or altered file is named and never loaded.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::TrainError;

const MANIFEST: &str = "MANIFEST.json";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    /// Lower-case hex BLAKE3 of each file, by name.
    blake3: BTreeMap<String, String>,
}

/// Fills `path` with what `fill` writes into the directory it is given. An existing sealed
/// directory at `path` is replaced.
pub fn write(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<(), TrainError>,
) -> Result<(), TrainError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(TrainError::io(parent, "creating the directory"))?;
    let scratch = tempfile::Builder::new()
        .prefix(".writing-")
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
    write_file(&scratch.path().join(MANIFEST), to_json(&manifest).as_bytes())?;
    sync_dir(scratch.path())?;

    if path.exists() {
        fs::remove_dir_all(path).map_err(TrainError::io(path, "replacing the directory"))?;
    }
    let scratch = scratch.keep();
    fs::rename(&scratch, path).map_err(TrainError::io(path, "renaming the directory into place"))?;
    sync_dir(parent)
}

/// Checks every file of `path` against its manifest.
///
/// # Errors
/// Names the file that is missing, torn or altered.
pub fn verify(path: &Path) -> Result<(), TrainError> {
    let manifest_path = path.join(MANIFEST);
    let problem = |path: &Path, problem: String| TrainError::Checkpoint { path: path.into(), problem };
    let text = fs::read_to_string(&manifest_path)
        .map_err(|error| problem(&manifest_path, format!("cannot be read ({error})")))?;
    let manifest: Manifest = serde_json::from_str(&text)
        .map_err(|error| problem(&manifest_path, format!("is not a manifest ({error})")))?;
    for (name, expected) in &manifest.blake3 {
        let file = path.join(name);
        let found = checksum(&file)
            .map_err(|error| problem(&file, format!("cannot be read ({error})")))?;
        if found != *expected {
            return Err(problem(&file, "is torn or altered: its checksum does not match".into()));
        }
    }
    Ok(())
}

/// Writes and flushes one file.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let mut file = File::create(path).map_err(TrainError::io(path, "creating the file"))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(TrainError::io(path, "writing the file"))
}

/// Writes one file beside its place, flushes it and renames it, so that a reader sees the old
/// content or the new.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    let mut scratch = tempfile::NamedTempFile::new_in(parent)
        .map_err(TrainError::io(parent, "creating a temporary file"))?;
    scratch
        .write_all(bytes)
        .and_then(|()| scratch.as_file().sync_all())
        .map_err(TrainError::io(path, "writing the file"))?;
    scratch.persist(path).map_err(|error| TrainError::io(path, "renaming into place")(error.error))?;
    sync_dir(parent)
}

/// Pretty JSON with a final newline. The types written here hold only maps with string keys,
/// which always serialise.
pub fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
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
