//! The metrics file: one JSON object a line, which an exact resume reproduces byte for byte.
//!
//! What depends on the machine's speed ([`crate::tags::TIMING`]) goes to a file beside it, so
//! that everything in the metrics file is a function of recipe and seed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::append::{AppendFile, sync_parent};
use crate::error::TrackError;
use crate::tags;

/// Largest metrics file that is read: a hundred thousand steps of fifty metrics are a fifth of it.
pub(crate) const MAX_FILE_BYTES: u64 = 1 << 30;
/// Longest line that is read; a step with its boundary figures has some 5 kB.
pub(crate) const MAX_LINE_BYTES: u64 = 1 << 20;
/// The key that says which step a line belongs to.
pub(crate) const STEP: &str = "step";

/// One line of a metrics file.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsLine {
    /// The step that was measured.
    pub step: u64,
    /// Values by tag; one that was NaN or infinite reads as NaN.
    pub values: BTreeMap<String, f64>,
}

/// Appends to a metrics file and to the timing file beside it.
///
/// The timing file has `timing` in its name where the metrics file has `metrics`
/// (`metrics.jsonl`, `timing.jsonl`), or ends in `.timing` where it has not. It is made when the
/// first timing is appended.
#[derive(Debug)]
pub struct MetricsFile {
    metrics: AppendFile,
    timing: Option<AppendFile>,
    timing_path: PathBuf,
    last: Option<u64>,
}

impl MetricsFile {
    /// Starts a new file; a metrics or timing file that exists is [`TrackError::Exists`].
    ///
    /// # Errors
    /// As it says; a file that cannot be made.
    pub fn create(path: &Path) -> Result<Self, TrackError> {
        let timing_path = timing_path(path);
        if timing_path.exists() {
            return Err(TrackError::Exists { path: timing_path });
        }
        let metrics = AppendFile::create(path)?;
        sync_parent(path)?;
        Ok(Self { metrics, timing: None, timing_path, last: None })
    }

    /// Continues a file after `keep_through_step`: later lines, and a last line that a killed
    /// process left unfinished, are dropped. The old file stays whole until the shortened one
    /// has replaced it.
    ///
    /// # Errors
    /// As [`read_metrics`]; a file that cannot be replaced.
    pub fn resume(path: &Path, keep_through_step: u64) -> Result<Self, TrackError> {
        let timing_path = timing_path(path);
        let last = cut(path, keep_through_step)?;
        let timing = match cut(&timing_path, keep_through_step) {
            Ok(_) => Some(AppendFile::open(&timing_path)?),
            Err(TrackError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { metrics: AppendFile::open(path)?, timing, timing_path, last })
    }

    /// Appends one line with the tags in order, hands it to the operating system, and returns it
    /// without its end; `None` where all tags are timings. A step may have several lines, but steps
    /// never go back. Numbers are written with the fewest digits that read back as the same `f64`; JSON
    /// has no NaN and no infinity, so these become `null`.
    ///
    /// # Errors
    /// A step before the last one's, a value under the name of the step, a disk that does not take the line.
    pub fn append(
        &mut self,
        step: u64,
        values: &BTreeMap<String, f64>,
    ) -> Result<Option<String>, TrackError> {
        if let Some(last) = self.last.filter(|&last| step < last) {
            let path = self.metrics.path().to_path_buf();
            return Err(TrackError::StepWentBack { path, step, last });
        }
        if values.contains_key(STEP) {
            return Err(TrackError::BadTag {
                path: self.metrics.path().to_path_buf(),
                tag: STEP.to_string(),
                problem: "it is the name of the step itself",
            });
        }
        let (timing, metrics): (Vec<_>, Vec<_>) =
            values.iter().partition(|(tag, _)| tags::TIMING.contains(&tag.as_str()));
        let mut written = None;
        if !metrics.is_empty() {
            let line = line(step, &metrics);
            self.metrics.append(format!("{line}\n").as_bytes())?;
            self.metrics.flush()?;
            written = Some(line);
        }
        if !timing.is_empty() {
            let file = match &mut self.timing {
                Some(file) => file,
                none => none.insert(AppendFile::create(&self.timing_path)?),
            };
            file.append(format!("{}\n", line(step, &timing)).as_bytes())?;
            file.flush()?;
        }
        self.last = Some(step);
        Ok(written)
    }

    /// Hands every line to the disk: a checkpoint that names this step may be written then.
    ///
    /// # Errors
    /// A disk that does not take them.
    pub fn sync(&mut self) -> Result<(), TrackError> {
        self.metrics.sync()?;
        match &mut self.timing {
            Some(timing) => timing.sync(),
            None => Ok(()),
        }
    }
}

/// Reads every line of a metrics or timing file, in file order. A last line that a killed process
/// left unfinished is left out; anything else that is wrong is an error with its line.
///
/// # Errors
/// A file that cannot be read; a line that is none of ours, with its number.
pub fn read_metrics(path: &Path) -> Result<Vec<MetricsLine>, TrackError> {
    let mut lines = Vec::new();
    for_each_line(path, |_, line| {
        lines.push(line);
        Ok(())
    })?;
    Ok(lines)
}

fn timing_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let timing = name.replacen("metrics", "timing", 1);
    if timing == name {
        path.with_file_name(format!("{name}.timing"))
    } else {
        path.with_file_name(timing)
    }
}

fn line(step: u64, values: &[(&String, &f64)]) -> String {
    // `Value::from` a float that is not finite is `Value::Null`.
    let quoted = |tag: &str| Value::from(tag).to_string();
    let fields = values.iter().map(|(tag, v)| format!(",{}:{}", quoted(tag), Value::from(**v)));
    format!("{{\"{STEP}\":{step}{}}}", fields.collect::<String>())
}

/// Rewrites the file with the lines through `keep_through_step` and answers the newest step left.
fn cut(path: &Path, keep_through_step: u64) -> Result<Option<u64>, TrackError> {
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let permissions = std::fs::metadata(path).map_err(TrackError::io("read", path))?.permissions();
    let file = tempfile::Builder::new()
        .prefix(".resume-")
        .tempfile_in(dir)
        .map_err(TrackError::io("create a file in", dir))?;
    let mut last = None;
    let mut kept = BufWriter::new(&file);
    for_each_line(path, |text, line| {
        if line.step > keep_through_step {
            return Ok(());
        }
        last = last.max(Some(line.step));
        kept.write_all(text)
            .and_then(|()| kept.write_all(b"\n"))
            .map_err(TrackError::io("write", file.path()))
    })?;
    kept.flush()
        .and_then(|()| file.as_file().set_permissions(permissions))
        .and_then(|()| file.as_file().sync_all())
        .map_err(TrackError::io("write", file.path()))?;
    drop(kept);
    file.persist(path).map_err(|e| TrackError::io("replace", path)(e.error))?;
    sync_parent(path)?;
    Ok(last)
}

/// Calls `each` with every whole line's text (without its end) and meaning.
fn for_each_line(
    path: &Path,
    mut each: impl FnMut(&[u8], MetricsLine) -> Result<(), TrackError>,
) -> Result<(), TrackError> {
    let read_error = |source| TrackError::io("read", path)(source);
    let file = bourn_foreign::open(path).map_err(read_error)?;
    let bytes = file.metadata().map_err(read_error)?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(TrackError::TooLarge {
            path: path.to_path_buf(),
            bytes,
            limit: MAX_FILE_BYTES,
        });
    }
    let mut reader = BufReader::new(file.take(MAX_FILE_BYTES));
    let mut text = Vec::new();
    for number in 1.. {
        text.clear();
        let read = (&mut reader)
            .take(MAX_LINE_BYTES + 1)
            .read_until(b'\n', &mut text)
            .map_err(read_error)?;
        if read == 0 {
            break;
        }
        let ended = text.pop_if(|byte| *byte == b'\n').is_some();
        let parsed = if !ended && read as u64 > MAX_LINE_BYTES {
            Err(format!("longer than {MAX_LINE_BYTES} bytes"))
        } else {
            parse(&text)
        };
        match parsed {
            Ok(line) => each(&text, line)?,
            // The beginning of an object is never an object, so an unfinished line cannot pass.
            Err(_) if !ended && (read as u64) <= MAX_LINE_BYTES => break,
            Err(problem) => {
                return Err(TrackError::BadLine {
                    path: path.to_path_buf(),
                    line: number,
                    problem,
                });
            }
        }
    }
    Ok(())
}

fn parse(text: &[u8]) -> Result<MetricsLine, String> {
    let fields: BTreeMap<String, Value> =
        serde_json::from_slice(text).map_err(|e| format!("not a JSON object ({e})"))?;
    let mut step = None;
    let mut values = BTreeMap::new();
    for (tag, value) in fields {
        if tag == STEP {
            step = value.as_u64();
            continue;
        }
        let number = match value {
            Value::Null => f64::NAN,
            Value::Number(n) => n.as_f64().ok_or_else(|| format!("`{tag}` is out of range"))?,
            other => return Err(format!("`{tag}` is {other}, not a number")),
        };
        values.insert(tag, number);
    }
    let step = step.ok_or("there is no whole-number `step`")?;
    Ok(MetricsLine { step, values })
}

#[cfg(test)]
#[path = "../tests/unit/metrics.rs"]
mod tests;
