//! Problems out of a data set's file.

use std::collections::BTreeMap;
use std::path::Path;

use bourn_recipe::{Extract, JsonlTask, Task};
use bourn_verify::math::{parse_gold, read_gold};
use bourn_verify::{Reference, extract};
use serde_json::{Map, Value};

use crate::load::TaskError;
use crate::problem::{Problem, render};
use crate::records;
use crate::rewards::Rewards;
use bourn_seed::content_hash;

/// Line numbers that a warning lists before it only counts.
const LISTED: usize = 20;

/// How the answer column becomes a reference.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Answers {
    /// Plain numbers, which is what completions are asked for.
    Numbers,
    /// Numbers and any other mathematics.
    Mathematics,
    Text,
}

/// A problem with the hash of its text before the template: the order and the side of the split
/// follow it, so that neither depends on lines, template or seed.
#[derive(Clone)]
pub(crate) struct KeyedProblem {
    pub key: u64,
    pub problem: Problem,
}

/// The readable problems of one file, in the order of their keys.
pub(crate) struct DataFile {
    pub entries: Vec<KeyedProblem>,
    pub warnings: Vec<String>,
}

/// Reads one file of a task, of the data set `data`.
pub(crate) fn read(
    path: &Path,
    data: &JsonlTask,
    task: &Task,
    rewards: &Rewards,
    answers: Answers,
) -> Result<DataFile, TaskError> {
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let mut entries: BTreeMap<u64, Problem> = BTreeMap::new();
    let mut repeated = LineNumbers::default();
    let mut unreadable = LineNumbers::default();
    let (mut first_reason, mut first_answer) = (String::new(), None);
    let mut hashed = 0;
    records::for_each(path, |line, columns| {
        let text = text_column(path, line, &columns, &data.prompt_column)?;
        let answer = column(path, line, &columns, ("answer_column", &data.answer_column))?;
        let key = content_hash(&[b"problem", text.trim().as_bytes()]);
        match reference(answer, data.answer_format, answers) {
            Err(reason) => {
                if unreadable.count == 0 {
                    (first_reason, first_answer) = (reason, Some(answer.clone()));
                }
                unreadable.add(line);
            }
            Ok(_) if entries.contains_key(&key) => repeated.add(line),
            Ok(reference) => {
                // A whole solution that ends in `#### 42` is no answer to be found letter by letter.
                hashed += usize::from(is_hashed(answer, data.answer_format, answers));
                let origin = format!("{name}:{line}");
                let prompt = render(&task.template, text);
                entries.insert(key, Problem::new(prompt, reference, origin, rewards));
            }
        }
        Ok(data.max_problems == 0 || entries.len() < data.max_problems)
    })?;
    if entries.is_empty() {
        let path = path.to_path_buf();
        return Err(match unreadable.count {
            0 => TaskError::Empty { path },
            count => TaskError::NoReference {
                path,
                count,
                line: unreadable.first[0],
                reason: first_reason,
                advice: first_answer.and_then(|answer| readable_as(&answer, answers)).map_or_else(
                    || "check `answer_column` and `answer_format`".to_owned(),
                    |name| format!("set `answer_format = \"{name}\"`, by which it can"),
                ),
            },
        });
    }
    let mut warnings = Vec::new();
    if unreadable.count > 0 {
        warnings.push(format!(
            "{}: {} left out, because their reference cannot be read (the first: {first_reason}): \
             {unreadable}",
            path.display(),
            problems(unreadable.count),
        ));
    }
    if repeated.count > 0 {
        warnings.push(format!(
            "{}: {} left out, because the same text stands on an earlier line: {repeated}",
            path.display(),
            problems(repeated.count),
        ));
    }
    if hashed > 0 && hashed == entries.len() {
        warnings.push(format!(
            "{}: every reference holds `####`, and is compared as a whole: for what stands behind it \
             set `answer_format = \"hash\"`",
            path.display()
        ));
    }
    let entries = entries.into_iter().map(|(key, problem)| KeyedProblem { key, problem }).collect();
    Ok(DataFile { entries, warnings })
}

/// `1 problem`, `2 problems`.
pub(crate) fn problems(count: usize) -> String {
    format!("{count} problem{}", if count == 1 { "" } else { "s" })
}

/// The reference in the answer column, or why there is none.
fn reference(answer: &Value, format: Extract, answers: Answers) -> Result<Reference, String> {
    // A number needs no extraction: it is the answer.
    let (text, format) = match answer {
        Value::String(text) => (text.clone(), format),
        Value::Number(number) => (number.to_string(), Extract::Whole),
        other => return Err(format!("`{other}` is neither text nor a number")),
    };
    let found = extract(&text, format);
    match answers {
        Answers::Text => found
            .map(Reference::Exact)
            .ok_or_else(|| "there is no answer where `answer_format` looks for it".to_string()),
        Answers::Numbers | Answers::Mathematics => {
            let gold = match answers {
                Answers::Numbers => parse_gold(&text, format),
                _ => read_gold(&text, format),
            };
            let gold = gold.map_err(|error| error.to_string())?;
            Ok(Reference::Math { gold, text: found.unwrap_or_default() })
        }
    }
}

/// Whether an answer that is compared as a text holds GSM8K's mark before its own answer.
fn is_hashed(answer: &Value, format: Extract, answers: Answers) -> bool {
    let text = answer.as_str().unwrap_or_default();
    let whole = format == Extract::Whole && matches!(answers, Answers::Text);
    whole && extract(text, Extract::Hash).is_some()
}

/// The format by which an answer can be read that the recipe's cannot.
fn readable_as(answer: &Value, answers: Answers) -> Option<&'static str> {
    let formats = [Extract::Hash, Extract::Boxed, Extract::LastNumber];
    let found = formats.into_iter().find(|format| reference(answer, *format, answers).is_ok())?;
    Some(found.name())
}

/// The value of a column, or an error with the columns that there are.
fn column<'a>(
    path: &Path,
    line: u64,
    columns: &'a Map<String, Value>,
    named: (&'static str, &str),
) -> Result<&'a Value, TaskError> {
    columns.get(named.1).ok_or_else(|| missing_column(path, line, columns.keys(), named))
}

/// The error that there is no such column, which a key of the recipe names, where there are
/// `columns`.
pub(crate) fn missing_column<'a>(
    path: &Path,
    line: u64,
    columns: impl Iterator<Item = &'a String> + Clone,
    (key, name): (&'static str, &str),
) -> TaskError {
    let names: Vec<String> = columns.clone().map(|key| format!("`{key}`")).collect();
    let nearest = bourn_recipe::nearest(name, columns.map(String::as_str))
        .map_or_else(String::new, |key| format!(" (the nearest is `{key}`)"));
    TaskError::MissingColumn {
        path: path.to_path_buf(),
        line,
        column: name.to_string(),
        columns: names.join(", "),
        nearest,
        key,
    }
}

fn text_column<'a>(
    path: &Path,
    line: u64,
    columns: &'a Map<String, Value>,
    name: &str,
) -> Result<&'a str, TaskError> {
    match column(path, line, columns, ("prompt_column", name))? {
        Value::String(text) if !text.trim().is_empty() => Ok(text),
        other => {
            let kind = if other.is_string() { "empty" } else { "no text" };
            let problem = format!("the column `{name}` is {kind}: a problem needs its text");
            Err(TaskError::Malformed { path: path.to_path_buf(), line, problem })
        }
    }
}

/// Line numbers, all counted and the first few kept.
#[derive(Default)]
struct LineNumbers {
    first: Vec<u64>,
    count: usize,
}

impl LineNumbers {
    fn add(&mut self, line: u64) {
        self.count += 1;
        if self.first.len() < LISTED {
            self.first.push(line);
        }
    }
}

impl std::fmt::Display for LineNumbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first: Vec<String> = self.first.iter().map(u64::to_string).collect();
        write!(f, "line{} {}", if self.count == 1 { "" } else { "s" }, first.join(", "))?;
        match self.count - self.first.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
