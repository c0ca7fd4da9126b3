//! A ledger in a file: zstd-compressed JSONL, one draw a line, with a checksum at the end.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::draws::outcomes::rule;
use crate::ledger::check_finite;
use crate::ledger::lines::{LineError, next_line};
use crate::{Draw, Ledger, LedgerError, LedgerKey, MAX_DRAWS, StopRule};

/// What the first line calls the format.
pub(crate) const FORMAT: &str = "bourn-ledger";

/// Version of the format that is written and read.
pub(crate) const VERSION: u32 = 2;

/// Longest line, in bytes: one completion with room to spare.
const MAX_LINE: usize = 16 << 20;

/// Most bytes that a file may unfold to.
const MAX_BYTES: u64 = 1 << 36;

/// Consecutive draws of one problem, from number `first` on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LedgerSegment<'a> {
    pub(crate) id: Cow<'a, str>,
    pub(crate) prompt: Cow<'a, str>,
    pub(crate) first: u64,
    pub(crate) draws: Cow<'a, [Draw]>,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Record<'a> {
    /// The first line.
    Header {
        format: Cow<'a, str>,
        version: u32,
        key: Cow<'a, LedgerKey>,
        /// The rule that ended every problem's drawing; both or neither.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stop: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        n_max: Option<u64>,
        /// Whether the draws may have their beginning or their end in other files of a store: then
        /// no number of draws was fixed, and no rule has ended them.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        part: bool,
    },
    /// The problem of the draws that follow.
    Problem { problem: Cow<'a, str>, prompt: Cow<'a, str> },
    /// One draw; its problem is repeated so that a line can be read alone.
    Draw {
        problem: Cow<'a, str>,
        draw: u64,
        #[serde(flatten)]
        outcome: Cow<'a, Draw>,
    },
    /// The last line: the hash of all bytes before it.
    End { problems: u64, draws: u64, blake3: String },
}

impl Record<'_> {
    /// What the line holds, for messages.
    fn what(&self) -> String {
        match self {
            Self::Header { .. } => "the key".to_owned(),
            Self::Problem { problem, .. } => format!("problem {problem}"),
            Self::Draw { problem, draw, .. } => format!("draw {draw} of problem {problem}"),
            Self::End { .. } => "the last line".to_owned(),
        }
    }
}

/// What a file's draws are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All draws of each problem, with the rule that ended them.
    Whole(Option<StopRule>),
    /// Some of the draws of each problem, in a store.
    Part,
}

/// What tells a ledger of any version from another file.
#[derive(Deserialize)]
struct Preamble {
    format: String,
    version: u32,
}

/// Writes a ledger to `path`: beside it first, flushed to the disk, then renamed over it. Returns
/// the hash of its content.
///
/// # Errors
/// The directory cannot be written in, or a problem or a draw takes more than 16 MiB. What stood at
/// `path` is replaced by a whole file or not at all.
pub fn write_ledger(
    path: impl AsRef<Path>,
    key: &LedgerKey,
    ledger: &Ledger,
) -> Result<String, LedgerError> {
    let path = path.as_ref();
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let (staged, hash) = stage(directory, key, Scope::Whole(ledger.rule()), &segments(ledger))?;
    staged.publish(path)?;
    Ok(hash)
}

/// Reads a ledger file and its key.
///
/// # Errors
/// A file that cannot be read, is of another format or version, is torn or was altered, or holds
/// only a part of a store's draws; draws that its rule could not have ended with. The error names
/// the file or the problem.
pub fn read_ledger(path: impl AsRef<Path>) -> Result<(LedgerKey, Ledger), LedgerError> {
    let path = path.as_ref();
    let (key, scope, segments) = read_segments(path, &|_, _| u64::MAX)?;
    let Scope::Whole(rule) = scope else {
        return Err(LedgerError::Part { path: path.to_owned() });
    };
    let mut ledger = Ledger::of(rule);
    for segment in segments {
        if segment.first != 0 {
            let what = format!("problem {} does not begin with its first draw", segment.id);
            return Err(LedgerError::Damaged { path: path.to_owned(), what });
        }
        ledger.insert(
            segment.id.into_owned(),
            segment.prompt.into_owned(),
            segment.draws.into_owned(),
        )?;
    }
    Ok((key, ledger))
}

/// A ledger's problems, each as one segment from its first draw.
pub(crate) fn segments(ledger: &Ledger) -> Vec<LedgerSegment<'_>> {
    ledger
        .entries()
        .map(|(id, entry)| LedgerSegment {
            id: id.into(),
            prompt: entry.prompt().into(),
            first: 0,
            draws: entry.draws().into(),
        })
        .collect()
}

/// A whole file under a temporary name.
pub(crate) struct Staged(tempfile::NamedTempFile);

impl Staged {
    /// Gives the file its name, replacing what has it, and flushes the directory.
    pub(crate) fn publish(self, path: &Path) -> Result<(), LedgerError> {
        let directory = self.0.path().parent().unwrap_or(Path::new(".")).to_owned();
        self.0.persist(path).map_err(|e| failed(path, "renaming", e.error))?;
        sync_directory(&directory)
    }
}

/// Makes a rename or a new directory in `directory` survive a power cut.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), LedgerError> {
    // Elsewhere a directory cannot be opened, and the system flushes renames by itself.
    #[cfg(unix)]
    File::open(directory)
        .and_then(|opened| opened.sync_all())
        .map_err(|e| failed(directory, "flushing the directory", e))?;
    #[cfg(not(unix))]
    let _ = directory;
    Ok(())
}

/// Writes a file of these segments in `directory` under a temporary name, down to the disk, and
/// returns the hash of its content beside it. Nothing is left behind on an error.
pub(crate) fn stage(
    directory: &Path,
    key: &LedgerKey,
    scope: Scope,
    segments: &[LedgerSegment<'_>],
) -> Result<(Staged, String), LedgerError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".ledger-").suffix(".tmp");
    // A base's ledger is for everyone whom the directory is for; the umask still applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(directory).map_err(|e| failed(directory, "writing in it", e))?;

    let io = |e| failed(file.path(), "writing", e);
    let mut encoder = zstd::Encoder::new(BufWriter::new(file.as_file()), 3).map_err(io)?;
    let mut hasher = blake3::Hasher::new();
    let mut put = |record: &Record<'_>, hasher: &mut blake3::Hasher| {
        // Strings and finite numbers always serialise; were one not to, the error says so.
        let mut line = serde_json::to_vec(record).map_err(|e| io(e.into()))?;
        line.push(b'\n');
        if line.len() > MAX_LINE {
            return Err(LedgerError::TooLong { line: record.what(), max: MAX_LINE });
        }
        hasher.update(&line);
        encoder.write_all(&line).map_err(io)
    };

    let rule = match scope {
        Scope::Whole(rule) => rule,
        Scope::Part => None,
    };
    let header = Record::Header {
        format: FORMAT.into(),
        version: VERSION,
        key: Cow::Borrowed(key),
        stop: rule.map(|rule| rule.successes),
        n_max: rule.map(|rule| rule.n_max),
        part: scope == Scope::Part,
    };
    put(&header, &mut hasher)?;
    let mut draws = 0;
    for LedgerSegment { id, prompt, first, draws: segment } in segments {
        check_finite(id, *first, segment)?;
        let problem = Record::Problem { problem: id.as_ref().into(), prompt: prompt[..].into() };
        put(&problem, &mut hasher)?;
        for (outcome, draw) in segment.iter().zip(*first..) {
            let (problem, outcome) = (id.as_ref().into(), Cow::Borrowed(outcome));
            put(&Record::Draw { problem, draw, outcome }, &mut hasher)?;
            draws += 1;
        }
    }
    let hash = hasher.finalize().to_hex().to_string();
    let problems = segments.len() as u64;
    put(&Record::End { problems, draws, blake3: hash.clone() }, &mut hasher)?;
    let buffer = encoder.finish().map_err(io)?;
    buffer.into_inner().map_err(|e| io(e.into_error()))?;
    file.as_file().sync_all().map_err(|e| failed(file.path(), "flushing", e))?;
    Ok((Staged(file), hash))
}

/// Reads a file, checks it to its last byte, and returns its key with the draws that are wanted:
/// of each (id, prompt) those whose number is below `wanted`'s answer.
pub(crate) fn read_segments(
    path: &Path,
    wanted: &dyn Fn(&str, &str) -> u64,
) -> Result<(LedgerKey, Scope, Vec<LedgerSegment<'static>>), LedgerError> {
    let file = bourn_foreign::open(path).map_err(|e| failed(path, "opening", e))?;
    let decoder = zstd::Decoder::new(file).map_err(|e| failed(path, "opening", e))?;
    let mut lines = LedgerLines::new(path, BufReader::new(decoder));
    let (key, scope) = lines.header()?;

    let mut segments: Vec<LedgerSegment<'static>> = Vec::new();
    // Of the problem being read: how many of its draws are wanted, and the next one's number.
    let (mut limit, mut next) = (0, None);
    let (mut problems, mut draws) = (0, 0);
    loop {
        match lines.record()? {
            Record::Header { .. } => return Err(lines.damaged("a second header")),
            Record::Problem { problem, prompt } => {
                problems += 1;
                limit = wanted(&problem, &prompt);
                next = None;
                let (id, prompt) = (problem.into_owned().into(), prompt.into_owned().into());
                segments.push(LedgerSegment {
                    id,
                    prompt,
                    first: 0,
                    draws: Cow::Owned(Vec::new()),
                });
            }
            Record::Draw { problem, draw, outcome } => {
                draws += 1;
                let segment = match segments.last_mut() {
                    Some(segment) if segment.id == problem => segment,
                    _ => return Err(lines.damaged("a draw outside its problem")),
                };
                if draw >= MAX_DRAWS || next.is_some_and(|next| next != draw) {
                    return Err(lines.damaged("a draw out of order"));
                }
                if next.is_none() {
                    segment.first = draw;
                }
                next = Some(draw + 1);
                if draw < limit {
                    segment.draws.to_mut().push(outcome.into_owned());
                }
            }
            Record::End { problems: p, draws: d, blake3 } => {
                if (p, d) != (problems, draws) || blake3 != lines.hash_before() {
                    return Err(lines.damaged("the checksum differs"));
                }
                if lines.advance()? {
                    return Err(lines.damaged("more after the last line"));
                }
                segments.retain(|segment| !segment.draws.is_empty());
                return Ok((key, scope, segments));
            }
        }
    }
}

/// The lines of a ledger file, hashed as they are read.
struct LedgerLines<R> {
    path: PathBuf,
    reader: R,
    line: Vec<u8>,
    bytes: u64,
    /// Of every line before the one in `line`.
    hasher: blake3::Hasher,
}

impl<R: BufRead> LedgerLines<R> {
    fn new(path: &Path, reader: R) -> Self {
        let (path, hasher) = (path.to_owned(), blake3::Hasher::new());
        Self { path, reader, line: Vec::new(), bytes: 0, hasher }
    }

    /// Moves to the next line; false at the end of the file.
    fn advance(&mut self) -> Result<bool, LedgerError> {
        self.hasher.update(&self.line);
        let more = next_line(&mut self.reader, &mut self.line, MAX_LINE).map_err(|e| match e {
            LineError::TooLong => self.damaged("a line is too long"),
            LineError::Io(source) => self.damaged(source),
        })?;
        self.bytes += self.line.len() as u64;
        if self.bytes > MAX_BYTES {
            return Err(self.damaged("it unfolds to too many bytes"));
        }
        Ok(more)
    }

    /// The key and the scope of the first line, which must be a header of this version.
    fn header(&mut self) -> Result<(LedgerKey, Scope), LedgerError> {
        self.advance()?;
        let preamble: Option<Preamble> = serde_json::from_slice(&self.line).ok();
        if !preamble.is_some_and(|p| p.format == FORMAT && p.version == VERSION) {
            return Err(LedgerError::Format { path: self.path.clone() });
        }
        match self.parse()? {
            Record::Header { key, part: true, stop: None, n_max: None, .. } => {
                Ok((key.into_owned(), Scope::Part))
            }
            Record::Header { key, part: false, stop, n_max, .. } => {
                let rule = rule(stop, n_max).map_err(|problem| self.damaged(problem))?;
                Ok((key.into_owned(), Scope::Whole(rule)))
            }
            _ => Err(self.damaged("the first line is no header")),
        }
    }

    /// The next line, which there must be.
    fn record(&mut self) -> Result<Record<'static>, LedgerError> {
        match self.advance()? {
            true => self.parse(),
            false => Err(self.damaged("it ends too early")),
        }
    }

    fn parse(&self) -> Result<Record<'static>, LedgerError> {
        serde_json::from_slice(&self.line).map_err(|e| self.damaged(e))
    }

    /// The hash of every line before the current one.
    fn hash_before(&self) -> String {
        self.hasher.finalize().to_hex().to_string()
    }

    fn damaged(&self, what: impl std::fmt::Display) -> LedgerError {
        LedgerError::Damaged { path: self.path.clone(), what: what.to_string() }
    }
}

/// An I/O error with its file and what was being done.
pub(crate) fn failed(path: &Path, doing: &'static str, source: io::Error) -> LedgerError {
    LedgerError::Io { path: path.to_owned(), doing, source }
}
