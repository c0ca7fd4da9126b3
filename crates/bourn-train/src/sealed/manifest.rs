//! What a sealed directory holds: the exact set of its files, each with size and checksum.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::files::{list, read_text, sync, to_json, write_file};
use crate::error::TrainError;

/// Name of the file that says so.
pub(super) const MANIFEST: &str = "MANIFEST.json";

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    /// Lower-case hex BLAKE3 of each file, by name.
    blake3: BTreeMap<String, String>,
    /// Size of each file. Earlier versions did not write it: their directories have none, and the
    /// checksums say the same, after more reading.
    #[serde(default)]
    bytes: BTreeMap<String, u64>,
}

/// The files of a sealed directory that were looked at: these, and no others, may be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contents {
    names: BTreeSet<String>,
    /// Whether this version, or a later one, has written it.
    pub(crate) sized: bool,
}

impl Contents {
    /// Whether there is a file of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }
}

/// Flushes every file of `dir` and writes down which there are.
pub(super) fn write(dir: &Path) -> Result<(), TrainError> {
    let mut manifest = Manifest::default();
    for name in list(dir)? {
        // Nobody but this program has written here.
        let name = name.to_string_lossy().into_owned();
        let path = dir.join(&name);
        sync(&path)?;
        let bytes = fs::metadata(&path).map_err(TrainError::io(&path, "reading the file"))?.len();
        manifest.blake3.insert(name.clone(), checksum(&path, bytes)?);
        manifest.bytes.insert(name, bytes);
    }
    let path = dir.join(MANIFEST);
    write_file(&path, to_json(&path, &manifest)?.as_bytes())
}

/// Checks that `dir` holds what its manifest says and nothing else, with `needed` among it. Names that
/// begin with a dot are let be: systems leave such files, and nothing reads them.
///
/// # Errors
/// Names the file that is missing, torn, altered, no plain file or of no manifest.
pub(crate) fn verify(dir: &Path, needed: &[&str]) -> Result<Contents, TrainError> {
    let path = dir.join(MANIFEST);
    let manifest = read(&path)?;
    let fault = |problem: String| TrainError::Checkpoint { path: path.clone(), problem };
    if let Some(name) = manifest.blake3.keys().find(|name| !is_plain(name)) {
        return Err(fault(format!("names `{name}`, which is no name of a file beside it")));
    }
    let sized = !manifest.bytes.is_empty();
    if sized && !manifest.bytes.keys().eq(manifest.blake3.keys()) {
        return Err(fault("does not give the size of just the files that it names".into()));
    }
    if let Some(name) = needed.iter().find(|name| !manifest.blake3.contains_key(**name)) {
        return Err(fault(format!("does not name {name}, without which the rest is of no use")));
    }
    let names: BTreeSet<String> = manifest.blake3.keys().cloned().collect();
    let known = |name: &OsStr| {
        let text = name.to_string_lossy();
        text.starts_with('.') || name == MANIFEST || names.contains(text.as_ref())
    };
    if let Some(stray) = list(dir)?.into_iter().find(|name| !known(name)) {
        return Err(TrainError::Stray { path: dir.join(stray) });
    }
    for (name, expected) in &manifest.blake3 {
        check(&dir.join(name), expected, manifest.bytes.get(name).copied())?;
    }
    Ok(Contents { names, sized })
}

fn read(path: &Path) -> Result<Manifest, TrainError> {
    let fault = |problem: String| TrainError::Checkpoint { path: path.into(), problem };
    plain_size(path)?;
    let text = read_text(path).map_err(|error| fault(format!("cannot be read ({error})")))?;
    serde_json::from_str(&text).map_err(|error| fault(format!("is not a manifest ({error})")))
}

/// Whether a name is that of a file in the manifest's own directory, which is not hidden.
fn is_plain(name: &str) -> bool {
    let path = ['/', '\\', ':', '\0'];
    !name.is_empty() && !name.starts_with('.') && !name.contains(path) && name != MANIFEST
}

fn check(path: &Path, expected: &str, bytes: Option<u64>) -> Result<(), TrainError> {
    let fault = |problem: String| TrainError::Checkpoint { path: path.into(), problem };
    let found = plain_size(path)?;
    if let Some(bytes) = bytes.filter(|&bytes| bytes != found) {
        let problem = "is torn or altered: it has";
        return Err(fault(format!("{problem} {found} bytes, and {MANIFEST} says {bytes}")));
    }
    let hash = checksum(path, found).map_err(|error| fault(format!("cannot be read ({error})")))?;
    match hash == expected {
        true => Ok(()),
        false => Err(fault("is torn or altered: its checksum is not that in MANIFEST.json".into())),
    }
}

/// Size of a file that is one: what lies behind a link or comes out of a device is not looked at.
fn plain_size(path: &Path) -> Result<u64, TrainError> {
    let fault = |problem: String| TrainError::Checkpoint { path: path.into(), problem };
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(metadata.len()),
        Ok(metadata) if metadata.is_symlink() => Err(fault("is a link, not a file".into())),
        Ok(_) => Err(fault("is not a file".into())),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(fault("is missing".into())),
        Err(error) => Err(fault(format!("cannot be read ({error})"))),
    }
}

/// BLAKE3 of the first `bytes` of a file, and of one more if there is one.
fn checksum(path: &Path, bytes: u64) -> Result<String, TrainError> {
    let mut hasher = blake3::Hasher::new();
    let file = File::open(path).map_err(TrainError::io(path, "opening the file"))?;
    let read = hasher.update_reader(file.take(bytes.saturating_add(1)));
    read.map_err(TrainError::io(path, "reading the file"))?;
    Ok(hasher.finalize().to_hex().to_string())
}
