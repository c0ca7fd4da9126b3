//! Solutions from a file, such as a teacher's, to be held against what the models draw.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::Path;

use bourn_task::Problem;
use serde::Deserialize;

use crate::ReadError;
use crate::ledger::lines::{LineError, next_line};

/// Longest line of a reference file, in bytes.
const MAX_LINE: usize = 1 << 24;

/// How a line of a reference file reads.
pub(crate) const FORM: &str = r#"{"problem": "id or prompt", "completion": "text"}"#;

/// A solution from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceText {
    /// The line it stands in, counted from 1.
    pub line: usize,
    /// The text of the completion.
    pub completion: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReferenceLine {
    problem: String,
    completion: String,
}

/// The solutions that a JSONL file has for these problems, by problem id, in the file's order.
///
/// A line names its problem by id or by prompt; lines of other problems (the file may cover a whole
/// data set) and blank ones are skipped, and a text that a problem has already counts once. A
/// malformed line is an error with its number, and so is a file with nothing for these problems.
///
/// # Errors
/// A file that cannot be read, or has nothing for these problems; with its number, a line that is
/// too long, is no such object, or has an empty completion.
pub fn read_references(
    path: impl AsRef<Path>,
    problems: &[Problem],
) -> Result<BTreeMap<String, Vec<ReferenceText>>, ReadError> {
    let path = path.as_ref();
    let by_name: BTreeMap<&str, &str> =
        (problems.iter().map(|p| (p.prompt.as_str(), p.id.as_str())))
            // Ids last: where one problem's prompt is another's id, the id is meant.
            .chain(problems.iter().map(|p| (p.id.as_str(), p.id.as_str())))
            .collect();
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let mut reader = BufReader::new(bourn_foreign::open(path).map_err(io)?);
    let mut bytes = Vec::new();
    let mut found: BTreeMap<String, Vec<ReferenceText>> = BTreeMap::new();
    for line in 1.. {
        let at = |message| ReadError::Line { path: path.to_owned(), line, message };
        match next_line(&mut reader, &mut bytes, MAX_LINE) {
            Ok(true) => {}
            Ok(false) => break,
            Err(LineError::Io(source)) => return Err(io(source)),
            Err(LineError::TooLong) => {
                return Err(at(format!("the line is longer than {MAX_LINE} bytes")));
            }
        }
        // A byte order mark, which some editors put first, is not part of the first object.
        let text = match line {
            1 => bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes),
            _ => &bytes,
        };
        if text.trim_ascii().is_empty() {
            continue;
        }
        let ReferenceLine { problem, completion } = parse(text).map_err(at)?;
        let Some(&id) = by_name.get(problem.as_str()) else { continue };
        let texts = found.entry(id.to_owned()).or_default();
        if texts.iter().all(|text| text.completion != completion) {
            texts.push(ReferenceText { line, completion });
        }
    }
    if found.is_empty() {
        return Err(ReadError::NoReference { path: path.to_owned() });
    }
    Ok(found)
}

/// A line, or a sentence that says what is wrong with it.
fn parse(text: &[u8]) -> Result<ReferenceLine, String> {
    // serde would take a list for the object's values in order.
    if !text.trim_ascii_start().starts_with(b"{") {
        return Err(format!("is no JSON object: write {FORM}"));
    }
    let line: ReferenceLine =
        serde_json::from_slice(text).map_err(|error| crate::draws::read::in_line(&error))?;
    match line.completion.is_empty() {
        true => Err("the completion is empty: write the text of the solution".to_owned()),
        false => Ok(line),
    }
}
