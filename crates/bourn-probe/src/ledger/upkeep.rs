//! Looking after a store: what is in it, whether it is whole, and what may go.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::ledger::file::{LedgerSegment, failed, read_segments, sync_directory};
use crate::ledger::lock::{LOCK, LedgerLock};
use crate::ledger::store::{entries, files, join};
use crate::{LedgerError, LedgerKey, LedgerStore};

/// How the name of a file begins whose time is asked of the file system, and that is gone at once.
const CLOCK: &str = ".clock-";

/// What a store holds under one key.
#[derive(Debug)]
pub struct Holding {
    /// Name of the key's directory: its [address](LedgerKey::address).
    pub address: String,
    /// The key; `None` where no file can be read.
    pub key: Option<LedgerKey>,
    /// Problems with draws.
    pub problems: usize,
    /// Draws that a probe could use: of each problem those from the first on without a gap.
    pub draws: u64,
    /// Ledger files.
    pub files: usize,
    /// Bytes of all files.
    pub bytes: u64,
    /// When a run last used it, by the file system's clock.
    pub last_use: Option<SystemTime>,
    /// Files of another version of the format, which this one neither reads nor misses.
    pub outdated: Vec<PathBuf>,
    /// Files under a key of an older format, which no run asks for any more; their draws do not count.
    pub superseded: Vec<PathBuf>,
    /// What is wrong with it, each naming its file.
    pub damage: Vec<LedgerError>,
}

/// What may be removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreSweep {
    /// Remove keys that no run has used for this long.
    pub unused_for: Option<Duration>,
    /// Change nothing; say what would be done.
    pub dry_run: bool,
}

/// Something that was removed, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Why it goes.
    pub why: Why,
}

/// Why a file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A run that was killed left it half-written.
    Unfinished,
    /// It is of another version of the format.
    Outdated,
    /// It is under a key of an older format.
    Superseded,
    /// Its draws are in one file with those of others of its key.
    Merged,
    /// No run has used its key for too long.
    Unused,
}

impl Why {
    /// The reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Why::Unfinished => "left half-written",
            Why::Outdated => "of another version of the format",
            Why::Superseded => "under a key of an older format, which no run asks for",
            Why::Merged => "merged into one file with the others of its key",
            Why::Unused => "not used for too long",
        }
    }
}

/// What a sweep came to.
#[derive(Debug, Default)]
pub struct Sweeping {
    /// What was removed.
    pub swept: Vec<Swept>,
    /// Bytes of the files that were written in place of several.
    pub written: u64,
    /// Addresses of keys that a run was using, which were left alone.
    pub in_use: Vec<String>,
    /// Damaged files, which were left alone with all of their key.
    pub damage: Vec<LedgerError>,
}

/// The files of one key, read to their last byte.
struct KeyContents {
    key: Option<LedgerKey>,
    segments: Vec<(LedgerSegment<'static>, PathBuf)>,
    outdated: Vec<PathBuf>,
    superseded: Vec<PathBuf>,
    damage: Vec<LedgerError>,
}

impl LedgerStore {
    /// What the store holds, key by key in order of their addresses, every checksum checked.
    ///
    /// # Errors
    /// A directory of the store cannot be listed. A damaged file is no error here:
    /// [`Holding::damage`] has it.
    pub fn holdings(&self) -> Result<Vec<Holding>, LedgerError> {
        let mut holdings = Vec::new();
        for directory in self.keys()? {
            let files = files(&directory)?;
            if files.is_empty() {
                continue;
            }
            let KeyContents { key, segments, outdated, superseded, mut damage } = read(&directory)?;
            let (mut problems, mut draws) = (BTreeSet::new(), 0);
            match join(segments) {
                Ok(joined) => {
                    for ((id, _), list) in joined {
                        problems.insert(id);
                        draws += list.len() as u64;
                    }
                }
                Err(error) => damage.push(error),
            }
            holdings.push(Holding {
                address: name(&directory),
                key,
                problems: problems.len(),
                draws,
                files: files.len(),
                bytes: files.iter().map(|path| size(path)).sum(),
                last_use: last_use(&directory)?,
                outdated,
                superseded,
                damage,
            });
        }
        Ok(holdings)
    }

    /// Removes what no run will read: half-written files, files of other versions or under keys of an
    /// older format, keys that were not used for long; and writes the several files of a key as one.
    ///
    /// A key that a run is using is left alone, and so is one with a damaged file: that is for its
    /// owner to look at.
    ///
    /// # Errors
    /// A directory cannot be listed or locked, or a file not be written or removed; what was
    /// removed before stays so. A damaged file is no error here: [`Sweeping::damage`] has it.
    pub fn sweep(&self, sweep: &StoreSweep) -> Result<Sweeping, LedgerError> {
        let mut sweeping = Sweeping::default();
        for directory in self.keys()? {
            let Some(lock) = LedgerLock::take(&directory)? else {
                sweeping.in_use.push(name(&directory));
                continue;
            };
            self.sweep_key(&directory, sweep, &mut sweeping)?;
            drop(lock);
        }
        Ok(sweeping)
    }

    fn sweep_key(
        &self,
        directory: &Path,
        sweep: &StoreSweep,
        sweeping: &mut Sweeping,
    ) -> Result<(), LedgerError> {
        let mut remove = |path: &Path, why: Why| {
            sweeping.swept.push(Swept { path: path.to_owned(), bytes: size(path), why });
            match sweep.dry_run {
                true => Ok(()),
                false => fs::remove_file(path).map_err(|e| failed(path, "removing", e)),
            }
        };
        for path in &unfinished(directory)? {
            remove(path, Why::Unfinished)?;
        }
        if let (Some(most), Some(age)) = (sweep.unused_for, age(directory)?)
            && age >= most
        {
            for path in files(directory)? {
                remove(&path, Why::Unused)?;
            }
            if !sweep.dry_run {
                let lock = directory.join(LOCK);
                fs::remove_file(&lock).map_err(|e| failed(&lock, "removing", e))?;
                // What else is in it is not ours, and keeps the directory.
                let _ = fs::remove_dir(directory);
            }
            return Ok(());
        }
        let KeyContents { key, segments, outdated, superseded, damage } = read(directory)?;
        for path in &outdated {
            remove(path, Why::Outdated)?;
        }
        for path in &superseded {
            remove(path, Why::Superseded)?;
        }
        let paths: BTreeSet<PathBuf> = segments.iter().map(|(_, path)| path.clone()).collect();
        let several = paths.len() > 1 && damage.is_empty();
        sweeping.damage.extend(damage);
        let (true, Some(key)) = (several, key) else { return Ok(()) };
        let joined = match join(segments) {
            Ok(joined) => joined,
            Err(error) => {
                sweeping.damage.push(error);
                return Ok(());
            }
        };
        let whole = |((id, prompt), draws): ((String, String), Vec<_>)| LedgerSegment {
            id: id.into(),
            prompt: prompt.into(),
            first: 0,
            draws: draws.into(),
        };
        let kept = match sweep.dry_run {
            true => None,
            false => {
                let path = self.put_segments(&key, joined.into_iter().map(whole).collect())?;
                sweeping.written += size(&path);
                Some(path)
            }
        };
        for path in paths.iter().filter(|path| Some(*path) != kept.as_ref()) {
            remove(path, Why::Merged)?;
        }
        sync_directory(directory)
    }

    /// The directories of keys, in order.
    fn keys(&self) -> Result<Vec<PathBuf>, LedgerError> {
        let is_address = |path: &PathBuf| {
            let name = name(path);
            name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit()) && path.is_dir()
        };
        Ok(entries(&self.directory)?.into_iter().filter(is_address).collect())
    }
}

/// Reads every file of a key's directory.
fn read(directory: &Path) -> Result<KeyContents, LedgerError> {
    let mut contents = KeyContents {
        key: None,
        segments: Vec::new(),
        outdated: Vec::new(),
        superseded: Vec::new(),
        damage: Vec::new(),
    };
    for path in files(directory)? {
        match read_segments(&path, &|_, _| u64::MAX) {
            Ok((key, _, segments)) if key.address() == name(directory) => {
                contents.key = Some(key);
                contents.segments.extend(segments.into_iter().map(|s| (s, path.clone())));
            }
            Ok((key, ..)) if key.had_address(&name(directory)) => {
                contents.key = Some(key);
                contents.superseded.push(path);
            }
            Ok(_) => contents.damage.push(LedgerError::WrongKey { path }),
            Err(LedgerError::Format { path }) => contents.outdated.push(path),
            Err(error) => contents.damage.push(error),
        }
    }
    Ok(contents)
}

/// What a killed process left half-written in a key's directory; to be asked by who holds its lock.
pub(crate) fn unfinished(directory: &Path) -> Result<Vec<PathBuf>, LedgerError> {
    let mut paths = entries(directory)?;
    paths.retain(|path| {
        let name = name(path);
        name.starts_with(".ledger-") && name.ends_with(".tmp") || name.starts_with(CLOCK)
    });
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Size of a file; 0 for one that has gone.
fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// When the key was last used: when its lock was written, or a file of it where there is none yet.
fn last_use(directory: &Path) -> Result<Option<SystemTime>, LedgerError> {
    let written = |path: PathBuf| fs::metadata(path).ok()?.modified().ok();
    let lock = written(directory.join(LOCK)).filter(|_| size(&directory.join(LOCK)) > 0);
    Ok(match lock {
        Some(time) => Some(time),
        None => files(directory)?.into_iter().filter_map(written).max(),
    })
}

/// How long ago the key was last used, by the clock that the times of its files are from.
fn age(directory: &Path) -> Result<Option<Duration>, LedgerError> {
    let io = |e| failed(directory, "writing in it", e);
    let probe = tempfile::Builder::new().prefix(CLOCK).tempfile_in(directory).map_err(io)?;
    let now = probe.as_file().metadata().and_then(|m| m.modified()).map_err(io)?;
    Ok(last_use(directory)?.map(|time| now.duration_since(time).unwrap_or_default()))
}
