//! What a run has written, as its checkpoints know it, so that a later look can say which lines and
//! files are missing or are not those of the run.
//!
//! What depends on the clock is not in it: of `timing.jsonl` only that it has the steps, and nothing of
//! event files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::TrackError;
use crate::metrics::{MAX_FILE_BYTES, MAX_LINE_BYTES, STEP, read_metrics};

/// Name of the file in a checkpoint that holds it.
pub const WRITTEN: &str = "written.json";
/// Version of the format that is written and read.
const VERSION: u32 = 1;
/// Hexadecimal digits of a line's hash: 64 bits tell apart what was not made to be mistaken.
const LINE_DIGITS: usize = 16;
/// Stands for a line that must have been there, and of which nothing is known: whatever it is, it is that.
const UNSEEN: &str = "";
/// Most steps that such lines are looked for of: a metrics file that can be read has not as many.
const MOST_STEPS: u64 = 1 << 22;
/// Largest such file that is read: a hundred thousand steps take a twentieth of it.
const MAX_WRITTEN_BYTES: u64 = 1 << 28;

const RECIPE: &str = "recipe.toml";
const METRICS: &str = "metrics.jsonl";
const TIMING: &str = "timing.jsonl";
const BOUNDARY: &str = "boundary";

/// What a run had written by the time of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    version: u32,
    /// The resolved recipe, which is in `recipe.toml`.
    recipe: String,
    /// Of each step the hashes of its lines in `metrics.jsonl`, in order.
    metrics: BTreeMap<u64, Vec<String>>,
    /// Hashes of lines that follow them: of a probe that was made because the run stopped here, and
    /// that is no part of it once it goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stop: Vec<String>,
    /// The hash of each file of a probe, by its path in the run directory.
    files: BTreeMap<String, String>,
}

impl Written {
    /// Nothing yet, of a run of this resolved recipe.
    pub fn new(recipe: String) -> Written {
        let (metrics, files) = (BTreeMap::new(), BTreeMap::new());
        Written { version: VERSION, recipe, metrics, stop: Vec::new(), files }
    }

    /// What is in `run_dir` through `step`, taken as it is: of runs whose checkpoints do not say. Every
    /// step has a line, which is missed where there is none.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn found(run_dir: &Path, recipe: String, step: u64) -> Result<Written, TrackError> {
        let mut written = Written::new(recipe);
        let mut probed = BTreeSet::new();
        let path = run_dir.join(METRICS);
        each_line(&path, &mut |line| {
            let Some(own) = line.step.filter(|&own| own <= step && line.ended) else { return };
            written.line(own, line.text, false);
            if line.text.contains("\"boundary/") {
                probed.insert(own);
            }
        })
        .map_err(TrackError::io("read", &path))?;
        for own in 1..=step.min(MOST_STEPS) {
            written.metrics.entry(own).or_insert_with(|| vec![UNSEEN.to_owned()]);
        }
        let dir = run_dir.join(BOUNDARY);
        let entries = match fs::read_dir(&dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(written),
            entries => entries.map_err(TrackError::io("list", &dir))?,
        };
        for entry in entries {
            let name = entry.map_err(TrackError::io("list", &dir))?.file_name();
            let Some(name) = name.to_str() else { continue };
            let of_a_probe = step_of_file(name).is_some_and(|step| probed.contains(&step));
            if of_a_probe || name.starts_with("base-") {
                written.file(run_dir, name)?;
            }
        }
        Ok(written)
    }

    /// The resolved recipe that the run was started with.
    pub fn recipe(&self) -> &str {
        &self.recipe
    }

    /// Takes down a line of `metrics.jsonl`; `at_stop` where it is of a probe that was made because the
    /// run stopped here.
    pub fn line(&mut self, step: u64, line: &str, at_stop: bool) {
        let list = match at_stop {
            true => &mut self.stop,
            false => self.metrics.entry(step).or_default(),
        };
        list.push(line_hash(line.as_bytes()));
    }

    /// Takes down a file of `boundary/` as it is on the disk.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn file(&mut self, run_dir: &Path, name: &str) -> Result<(), TrackError> {
        let path = run_dir.join(BOUNDARY).join(name);
        let hash = file_hash(&path).map_err(TrackError::io("read", &path))?;
        self.files.insert(format!("{BOUNDARY}/{name}"), hash);
        Ok(())
    }

    /// Whether a file of `boundary/` is as it was taken down.
    pub fn is_intact(&self, run_dir: &Path, name: &str) -> bool {
        let path = run_dir.join(BOUNDARY).join(name);
        let known = self.files.get(&format!("{BOUNDARY}/{name}"));
        known.is_some_and(|known| file_hash(&path).is_ok_and(|hash| hash == *known))
    }

    /// Forgets the probe after `step` that was made because the run stopped there: it goes on.
    pub fn forget_stop(&mut self, step: u64) {
        if std::mem::take(&mut self.stop).is_empty() {
            return;
        }
        let prefix = format!("{BOUNDARY}/");
        let name = |path: &str| path.strip_prefix(&prefix).and_then(step_of_file);
        self.files.retain(|path, _| name(path) != Some(step));
    }

    /// As a file, with a final newline.
    ///
    /// # Errors
    /// What cannot be written as JSON.
    pub fn to_json(&self) -> Result<String, Error> {
        // Without indentation: of a long run it has as many entries as there are steps.
        Ok(serde_json::to_string(self)? + "\n")
    }

    /// Reads one back.
    ///
    /// # Errors
    /// Says why it cannot be.
    pub fn read(path: &Path) -> Result<Written, Error> {
        let mut text = String::new();
        bourn_foreign::open(path)?.take(MAX_WRITTEN_BYTES).read_to_string(&mut text)?;
        let written: Written = serde_json::from_str(&text)?;
        match written.version {
            VERSION => Ok(written),
            other => Err(Error::other(format!("version {other}, not {VERSION}"))),
        }
    }

    /// That of the newest checkpoint in `run_dir` which has one.
    ///
    /// # Errors
    /// Names what cannot be read.
    pub fn newest(run_dir: &Path) -> Result<Option<Written>, TrackError> {
        let dir = run_dir.join("checkpoints");
        let entries = match fs::read_dir(&dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            entries => entries.map_err(TrackError::io("list", &dir))?,
        };
        let mut newest: Option<(u64, std::ffi::OsString)> = None;
        for entry in entries {
            let name = entry.map_err(TrackError::io("list", &dir))?.file_name();
            let step = name.to_str().and_then(|name| name.strip_prefix("step-")?.parse().ok());
            let step = step.filter(|_| dir.join(&name).join(WRITTEN).exists());
            newest = newest.max(step.map(|step| (step, name)));
        }
        let Some((_, name)) = newest else { return Ok(None) };
        let path = dir.join(name).join(WRITTEN);
        Written::read(&path).map(Some).map_err(TrackError::io("read", &path))
    }

    /// What in `run_dir` is missing or is not what the run wrote: a sentence each, which names file and
    /// lines. What came after the checkpoint is not looked at.
    pub fn faults(&self, run_dir: &Path) -> Vec<String> {
        let mut faults = Vec::new();
        match read_text(&run_dir.join(RECIPE)) {
            Ok(text) if text == self.recipe => {}
            Ok(_) => faults.push(format!("{RECIPE} is not the one that the run was started with")),
            Err(error) => faults.push(unread(RECIPE, &error)),
        }
        faults.extend(self.line_faults(&run_dir.join(METRICS)));
        faults.extend(self.timing_faults(&run_dir.join(TIMING)));
        faults.extend(file_faults(run_dir, &self.files));
        faults
    }

    fn line_faults(&self, path: &Path) -> Vec<String> {
        let last = self.metrics.last_key_value().map(|(&step, _)| step);
        // How many lines of each step were found so far, and of the stop's; steps that lack some.
        let (mut found, mut found_stop) = (BTreeMap::<u64, usize>::new(), 0);
        let (mut missing, mut foreign) = (BTreeSet::new(), BTreeSet::new());
        let mut goes_on = false;
        let read = each_line(path, &mut |line| {
            let Some(step) = line.step else {
                // The beginning of a line is what a kill leaves.
                if line.ended {
                    foreign.insert(line.number);
                }
                return;
            };
            if last.is_none_or(|last| step > last) {
                goes_on = true;
                return;
            }
            let list = self.metrics.get(&step).map_or(&[][..], Vec::as_slice);
            let place = found.entry(step).or_default();
            let hash = line_hash(line.text.as_bytes());
            let is_it = |known: &String| *known == hash || known == UNSEEN;
            if let Some(at) = list[*place..].iter().position(is_it) {
                if at > 0 {
                    missing.insert(step);
                }
                *place += at + 1;
            } else if Some(step) == last && *place == list.len() && !list.contains(&hash) {
                // A probe after the checkpoint's last step comes after the checkpoint, or is a stop's.
                if self.stop.get(found_stop).is_none_or(|known| *known == hash) {
                    found_stop += 1;
                } else {
                    foreign.insert(line.number);
                }
            } else {
                foreign.insert(line.number);
                *place = (*place + 1).min(list.len());
            }
        });
        if let Err(error) = read {
            return vec![unread(METRICS, &error)];
        }
        let lack = |(step, list): (&u64, &Vec<String>)| {
            (found.get(step).copied().unwrap_or(0) < list.len()).then_some(*step)
        };
        missing.extend(self.metrics.iter().filter_map(lack));
        if !goes_on && found_stop < self.stop.len() {
            missing.extend(last);
        }
        let mut faults = Vec::new();
        if !missing.is_empty() {
            faults.push(format!("{METRICS}: lines of {} are missing", ranges("step", &missing)));
        }
        if !foreign.is_empty() {
            let them = if foreign.len() == 1 { "is not one" } else { "are not those" };
            faults
                .push(format!("{METRICS}: {} {them} that the run wrote", ranges("line", &foreign)));
        }
        faults
    }

    /// Every step that was trained was timed.
    fn timing_faults(&self, path: &Path) -> Option<String> {
        let mut missing: BTreeSet<u64> = self.metrics.keys().copied().filter(|&s| s > 0).collect();
        if missing.is_empty() {
            return None;
        }
        match read_metrics(path) {
            Ok(lines) => {
                let timed: BTreeSet<u64> = lines.iter().map(|line| line.step).collect();
                missing.retain(|step| !timed.contains(step));
            }
            Err(TrackError::Io { source, .. }) => return Some(unread(TIMING, &source)),
            // Whoever reads the file says which line it is.
            Err(_) => return None,
        }
        let steps = ranges("step", &missing);
        (!missing.is_empty()).then(|| format!("{TIMING}: lines of {steps} are missing"))
    }
}

/// What of these files, named by their paths in `dir`, is missing or has another hash.
pub fn file_faults(dir: &Path, files: &BTreeMap<String, String>) -> Vec<String> {
    let fault = |(name, known): (&String, &String)| match file_hash(&dir.join(name)) {
        Ok(hash) if hash == *known => None,
        Ok(_) => Some(format!("{name} is not the file that was written")),
        Err(error) => Some(unread(name, &error)),
    };
    files.iter().filter_map(fault).collect()
}

/// BLAKE3 of a file, in hexadecimal.
///
/// # Errors
/// It cannot be read, or is no file.
pub fn file_hash(path: &Path) -> Result<String, Error> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(bourn_foreign::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

fn unread(name: &str, error: &Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("{name} is missing"),
        _ => format!("{name} cannot be read ({error})"),
    }
}

fn line_hash(line: &[u8]) -> String {
    blake3::hash(line).to_hex()[..LINE_DIGITS].to_owned()
}

/// The step in the name of a probe's file, `step-000040-heldout.json`.
fn step_of_file(name: &str) -> Option<u64> {
    name.strip_prefix("step-")?.split_once('-')?.0.parse().ok()
}

/// `step 3`, `steps 1 to 6 and 9`.
fn ranges(noun: &str, numbers: &BTreeSet<u64>) -> String {
    let mut parts: Vec<(u64, u64)> = Vec::new();
    for &number in numbers {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => parts.push((number, number)),
        }
    }
    let part = |(first, last): &(u64, u64)| match last - first {
        0 => first.to_string(),
        _ => format!("{first} to {last}"),
    };
    let texts: Vec<String> = parts.iter().map(part).collect();
    let list = match texts.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => texts.concat(),
    };
    let plural = if numbers.len() == 1 { "" } else { "s" };
    format!("{noun}{plural} {list}")
}

/// A line of a metrics file, whatever is in it.
struct RawLine<'a> {
    /// Counted from 1.
    number: u64,
    /// Without its end.
    text: &'a str,
    /// Whether it has one.
    ended: bool,
    /// The step that it says it is of.
    step: Option<u64>,
}

/// Calls `each` with every line of the file at `path`, also with those that are none of ours.
fn each_line(path: &Path, each: &mut dyn FnMut(RawLine<'_>)) -> Result<(), Error> {
    let mut reader = BufReader::new(bourn_foreign::open(path)?.take(MAX_FILE_BYTES));
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        if (&mut reader).take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let ended = bytes.pop_if(|byte| *byte == b'\n').is_some();
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let fields: Option<BTreeMap<String, Value>> = serde_json::from_str(text).ok();
        let step = fields.and_then(|fields| fields.get(STEP)?.as_u64());
        each(RawLine { number, text, ended, step });
    }
    Ok(())
}

/// Opens what is a file: a pipe would wait for somebody to write, and a device has no end.
fn read_text(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    bourn_foreign::open(path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
#[path = "../tests/unit/written.rs"]
mod tests;
