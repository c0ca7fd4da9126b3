//! Outcomes from anywhere: the input files of `bourn compare`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

use crate::Outcomes;
use crate::draws::outcomes;
use crate::ledger::lines::{LineError, next_line};

/// Longest line of an outcome file, in bytes: room for 65,536 draws written as `false, `.
const MAX_LINE: usize = 1 << 20;

/// Longest problem id, in bytes.
const MAX_ID: usize = 1 << 10;

/// Most problems of an outcome file.
const MAX_PROBLEMS: usize = 1 << 20;

/// Why an outcome file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("{}: cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is not what the format asks for.
    #[error("{}:{line}: {message}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it and what to write instead.
        message: String,
    },
    /// A reference file with nothing for the problems at hand.
    #[error("{}: has no completion for any of the probe's problems: name them by id or by prompt, one object a line, {}", path.display(), crate::origins::REFERENCE_FORM)]
    NoReference {
        /// The file.
        path: PathBuf,
    },
    /// The file has no problem in it.
    #[error("{}: has no outcomes: write one object a line, {FORMS}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// The two ways to write a problem's outcomes. Either may have a stopping rule beside it.
const FORMS: &str =
    r#"{"problem": "id", "draws": [0, 1, …]} or {"problem": "id", "n": 256, "c": 3}"#;

/// Reads an outcome file: JSONL, one problem a line, as its draws or as counts, n fixed beforehand
/// or with the rule that ended the drawing (`docs/formats.md`).
///
/// Streams, with bounded line length. Any line that is malformed, has an unknown field, an
/// impossible count or one at which its rule does not stop, or repeats an id is an error with its
/// line number; blank lines are skipped. Draws beyond the stop of their rule are cut. An integer id
/// is the string of its digits.
///
/// # Errors
/// A file that cannot be read, holds no problem or more than 2²⁰ of them; with its number, a line
/// that is longer than a mebibyte, is no such object, has both draws and counts or neither, counts
/// that no drawing can have, or a problem that an earlier line has.
pub fn read_outcomes(path: impl AsRef<Path>) -> Result<BTreeMap<String, Outcomes>, ReadError> {
    let path = path.as_ref();
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let mut reader = BufReader::new(bourn_foreign::open_stream(path).map_err(io)?);
    let mut problems: BTreeMap<String, (usize, Outcomes)> = BTreeMap::new();
    let mut bytes = Vec::new();
    for line in 1.. {
        let at = |message| ReadError::Line { path: path.to_owned(), line, message };
        match next_line(&mut reader, &mut bytes, MAX_LINE) {
            Ok(true) => {}
            Ok(false) => break,
            Err(LineError::Io(source)) => return Err(io(source)),
            Err(LineError::TooLong) => {
                let hint = r#"write counts, {"problem": …, "n": …, "c": …}, instead of draws"#;
                return Err(at(format!("the line is longer than {MAX_LINE} bytes: {hint}")));
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
        let (id, outcomes) = parse_line(text).map_err(at)?;
        if problems.len() == MAX_PROBLEMS {
            return Err(at(format!("more than {MAX_PROBLEMS} problems: split the file")));
        }
        match problems.entry(id) {
            Entry::Vacant(entry) => entry.insert((line, outcomes)),
            Entry::Occupied(entry) => {
                let (id, first) = (entry.key(), entry.get().0);
                let message = format!("problem {id:?} was on line {first} already: merge the two");
                return Err(at(message));
            }
        };
    }
    if problems.is_empty() {
        return Err(ReadError::Empty { path: path.to_owned() });
    }
    Ok(problems.into_iter().map(|(id, (_, outcomes))| (id, outcomes)).collect())
}

/// A line as written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct OutcomeLine {
    problem: Id,
    draws: Option<DrawList>,
    n: Option<u64>,
    c: Option<u64>,
    stop: Option<u64>,
    n_max: Option<u64>,
}

/// The id and outcomes of one line, or a sentence that says what is wrong with it.
fn parse_line(text: &[u8]) -> Result<(String, Outcomes), String> {
    // serde would take a list for the object's values in order.
    if !text.trim_ascii_start().starts_with(b"{") {
        return Err(format!("is no JSON object: write {FORMS}"));
    }
    let line: OutcomeLine = serde_json::from_slice(text).map_err(|error| in_line(&error))?;
    let rule = outcomes::rule(line.stop, line.n_max).map_err(|e| e.to_string())?;
    let outcomes = match (line.draws, line.n, line.c) {
        (Some(DrawList(draws)), None, None) if draws.is_empty() => {
            return Err("draws is empty: a problem needs at least one draw".to_owned());
        }
        (Some(DrawList(draws)), None, None) => match rule {
            Some(rule) => Outcomes::cut(draws, rule),
            None => {
                let correct = draws.iter().filter(|&&correct| correct).count();
                Outcomes::new(draws.len() as u64, correct as u64)
            }
        },
        (None, Some(n), Some(c)) => match rule {
            Some(rule) => Outcomes::stopped(n, c, rule),
            None => Outcomes::new(n, c),
        },
        (Some(_), _, _) => return Err("has both draws and counts: give one of them".to_owned()),
        (None, Some(_), None) => return Err("has n but no c, the number correct".to_owned()),
        (None, None, Some(_)) => return Err("has c but no n, the number of draws".to_owned()),
        (None, None, None) => return Err(format!("has no outcomes: write {FORMS}")),
    };
    Ok((line.problem.0, outcomes.map_err(|e| e.to_string())?))
}

/// What is wrong with the JSON of one line. Of its position only the column says anything: every
/// object has one line.
pub(crate) fn in_line(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let suffix = format!(" at line {} column {}", error.line(), error.column());
    match message.strip_suffix(&suffix) {
        Some(message) => format!("column {}: {message}", error.column()),
        None => message,
    }
}

/// A problem id: a string, or an integer, which stands for its digits.
struct Id(String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;
        impl Visitor<'_> for IdVisitor {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a problem id (a string or an integer)")
            }

            fn visit_str<E: de::Error>(self, id: &str) -> Result<Id, E> {
                match id.len() {
                    0 => Err(E::custom("the problem id is empty")),
                    1..=MAX_ID => Ok(Id(id.to_owned())),
                    _ => Err(E::custom(format!("the problem id is longer than {MAX_ID} bytes"))),
                }
            }

            fn visit_u64<E: de::Error>(self, id: u64) -> Result<Id, E> {
                Ok(Id(id.to_string()))
            }

            fn visit_i64<E: de::Error>(self, id: i64) -> Result<Id, E> {
                Ok(Id(id.to_string()))
            }
        }
        deserializer.deserialize_any(IdVisitor)
    }
}

/// Whether each draw was correct, in draw order. They are kept until the whole line is read, since
/// the rule that cuts them may come after them; the bound on the line bounds them.
struct DrawList(Vec<bool>);

impl<'de> Deserialize<'de> for DrawList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DrawListVisitor;
        impl<'de> Visitor<'de> for DrawListVisitor {
            type Value = DrawList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of draws, each 0, 1, true or false")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<DrawList, A::Error> {
                let mut draws = Vec::new();
                while let Some(Correct(correct)) = list.next_element()? {
                    draws.push(correct);
                }
                Ok(DrawList(draws))
            }
        }
        deserializer.deserialize_seq(DrawListVisitor)
    }
}

/// One draw: 0, 1, true or false.
struct Correct(bool);

impl<'de> Deserialize<'de> for Correct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CorrectVisitor;
        impl Visitor<'_> for CorrectVisitor {
            type Value = Correct;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a draw: 0, 1, true or false")
            }

            fn visit_bool<E: de::Error>(self, correct: bool) -> Result<Correct, E> {
                Ok(Correct(correct))
            }

            fn visit_u64<E: de::Error>(self, draw: u64) -> Result<Correct, E> {
                match draw {
                    0 | 1 => Ok(Correct(draw == 1)),
                    _ => Err(E::invalid_value(de::Unexpected::Unsigned(draw), &self)),
                }
            }
        }
        deserializer.deserialize_any(CorrectVisitor)
    }
}
