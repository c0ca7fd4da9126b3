//! The content-addressed store of ledgers: a base is drawn once, for all runs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::ledger::file::{
    LedgerSegment, Scope, failed, read_segments, segments, stage, sync_directory,
};
use crate::{Draw, Extent, Ledger, LedgerError, LedgerKey};

/// How the names of ledger files end.
pub(crate) const EXTENSION: &str = ".jsonl.zst";

/// A directory of ledgers: one subdirectory per [`LedgerKey`], named after its address, and in it
/// files that are named after their content and never change.
///
/// Because a draw is a function of key, problem and number, what several files hold fits together:
/// more draws or more problems are one more file, and two runs that store at the same time write
/// either the same bytes under the same name or different files. So no lock is needed to keep the
/// store whole; [`LedgerStore::lock`] keeps two runs from drawing the same draws.
#[derive(Clone, Debug)]
pub struct LedgerStore {
    pub(crate) directory: PathBuf,
}

impl LedgerStore {
    /// Opens the store in `directory`, which is made if it is not there.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, LedgerError> {
        let directory = directory.into();
        fs::create_dir_all(&directory).map_err(|e| failed(&directory, "making it", e))?;
        Ok(Self { directory })
    }

    /// The draws of each of these (id, prompt) under `key` to the end that `extent` sets, or `None`
    /// if any is missing.
    ///
    /// Serves from files with more draws or more problems too. A problem whose prompt is another
    /// one than was stored counts as missing.
    ///
    /// # Errors
    /// The directory of `key` cannot be listed, a file in it cannot be read, is damaged, of another
    /// version or of another key, or two of them disagree about a draw. The error names the file.
    pub fn get<'a>(
        &self,
        key: &LedgerKey,
        problems: impl IntoIterator<Item = (&'a str, &'a str)>,
        extent: Extent,
    ) -> Result<Option<Ledger>, LedgerError> {
        let problems: BTreeMap<&str, &str> = problems.into_iter().collect();
        let mut held = self.held(key, problems.clone(), extent.n_max())?;
        let mut ledger = Ledger::of(extent.rule());
        for (id, prompt) in problems {
            let Some(draws) = held.remove(id) else { return Ok(None) };
            let correct = draws.iter().filter(|draw| draw.verdict.is_correct()).count();
            if !extent.ends(draws.len() as u64, correct as u64) {
                return Ok(None);
            }
            ledger.insert(id.to_owned(), prompt.to_owned(), draws)?;
        }
        Ok(Some(ledger))
    }

    /// Stores a ledger under `key` and returns the path of its file.
    ///
    /// # Errors
    /// The store cannot be written in, or a problem or a draw takes more than 16 MiB.
    pub fn put(&self, key: &LedgerKey, ledger: &Ledger) -> Result<PathBuf, LedgerError> {
        self.put_segments(key, segments(ledger))
    }

    /// Of each (id, prompt) the first draws that are stored under `key`, without a gap and at most
    /// `n`; ids with none are absent.
    pub(crate) fn held<'a>(
        &self,
        key: &LedgerKey,
        problems: impl IntoIterator<Item = (&'a str, &'a str)>,
        n: u64,
    ) -> Result<BTreeMap<String, Vec<Draw>>, LedgerError> {
        let problems: BTreeMap<&str, &str> = problems.into_iter().collect();
        let wanted = |id: &str, prompt: &str| match problems.get(id) {
            Some(&wanted) if wanted == prompt => n,
            _ => 0,
        };
        let mut found = Vec::new();
        for path in files(&self.directory_of(key))? {
            match read_segments(&path, &wanted) {
                Ok((held, ..)) if held != *key => return Err(LedgerError::WrongKey { path }),
                Ok((.., segments)) => found.extend(segments.into_iter().map(|s| (s, path.clone()))),
                // Removed since it was listed: as if it had never been.
                Err(LedgerError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(join(found)?.into_iter().map(|((id, _), draws)| (id, draws)).collect())
    }

    /// Stores segments under `key` and returns the path of their file.
    pub(crate) fn put_segments(
        &self,
        key: &LedgerKey,
        segments: Vec<LedgerSegment<'_>>,
    ) -> Result<PathBuf, LedgerError> {
        let directory = self.make_directory(key)?;
        let (staged, hash) = stage(&directory, key, Scope::Part, &segments)?;
        let path = directory.join(hash + EXTENSION);
        staged.publish(&path)?;
        Ok(path)
    }

    pub(crate) fn make_directory(&self, key: &LedgerKey) -> Result<PathBuf, LedgerError> {
        let directory = self.directory_of(key);
        fs::create_dir_all(&directory).map_err(|e| failed(&directory, "making it", e))?;
        sync_directory(&self.directory)?;
        Ok(directory)
    }

    fn directory_of(&self, key: &LedgerKey) -> PathBuf {
        self.directory.join(key.address())
    }
}

/// The ledger files in a key's directory, in name order; unfinished ones have other names.
pub(crate) fn files(directory: &Path) -> Result<Vec<PathBuf>, LedgerError> {
    let mut files = entries(directory)?;
    files.retain(|path| path.to_string_lossy().ends_with(EXTENSION));
    Ok(files)
}

/// Everything in a directory, in name order; nothing where there is none.
pub(crate) fn entries(directory: &Path) -> Result<Vec<PathBuf>, LedgerError> {
    let io = |e| failed(directory, "listing it", e);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io(error)),
    };
    let paths: std::io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.map_err(io)?;
    paths.sort();
    Ok(paths)
}

/// Of each (id, prompt) its draws from the first on, without a gap, out of all segments.
pub(crate) fn join(
    mut found: Vec<(LedgerSegment<'_>, PathBuf)>,
) -> Result<BTreeMap<(String, String), Vec<Draw>>, LedgerError> {
    // In order of the first draw each adds what follows on, or leaves a gap for good.
    found.sort_by_key(|(segment, _)| segment.first);
    let mut held = BTreeMap::new();
    for (segment, path) in found {
        let place = (segment.id.to_string(), segment.prompt.to_string());
        append(held.entry(place).or_default(), segment, &path)?;
    }
    held.retain(|_, draws: &mut Vec<Draw>| !draws.is_empty());
    Ok(held)
}

/// Adds to `draws` what `segment` has beyond them, if it follows on; where both have a draw it must
/// be the same one.
fn append(
    draws: &mut Vec<Draw>,
    segment: LedgerSegment<'_>,
    path: &Path,
) -> Result<(), LedgerError> {
    let held = draws.len() as u64;
    let Some(overlap) = held.checked_sub(segment.first) else {
        return Ok(());
    };
    let overlap = (overlap as usize).min(segment.draws.len());
    let both = draws.iter().skip(segment.first as usize).zip(segment.draws.iter());
    if let Some(at) = both.take(overlap).position(|(a, b)| !same_draw(a, b)) {
        let (id, draw) = (segment.id.into_owned(), segment.first + at as u64);
        return Err(LedgerError::Conflict { path: path.to_owned(), id, draw });
    }
    match segment.draws {
        Cow::Owned(more) => draws.extend(more.into_iter().skip(overlap)),
        Cow::Borrowed(more) => draws.extend_from_slice(&more[overlap..]),
    }
    Ok(())
}

/// Whether two records are of one draw. The measured log-prob and entropy may differ by rounding,
/// where an accelerator's kernels do; what was drawn may not.
fn same_draw(a: &Draw, b: &Draw) -> bool {
    let drawn = |d: &Draw| (d.verdict, d.tokens, d.truncated);
    drawn(a) == drawn(b) && a.text == b.text && a.ids == b.ids && a.answer == b.answer
}
