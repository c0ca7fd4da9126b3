//! What a data file seems to be, for someone who has no recipe for it yet.
//!
//! A suggestion and no more: a recipe says what is read, and `load` says whether that can be.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use bourn_recipe::{Extract, VerifierKind};
use bourn_verify::extract;
use bourn_verify::math::{parse_gold, read_gold};
use serde_json::{Map, Value};

use crate::columns::{find, missing_column, names};
use crate::load::TaskError;
use crate::prompt::prompt;

/// Objects that are looked at; the rest of the file is left unread.
const LOOKED_AT: usize = 1000;
/// Of the answers, the share that must be of a kind before that is what they are taken for.
const MOST: f64 = 0.9;

/// Names that data sets give to the problem's text and to its answer, likeliest first.
const PROMPTS: [&str; 7] =
    ["question", "prompt", "problem", "input", "instruction", "query", "text"];
const ANSWERS: [&str; 15] = [
    "answer",
    "final_answer",
    "reward_model.ground_truth",
    "ground_truth",
    "expected_answer",
    "answerkey",
    "answer_key",
    "solution",
    "target",
    "output",
    "label",
    "gold",
    "reference",
    "response",
    "completion",
];

/// What the first objects of a file have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    path: PathBuf,
    /// How many there are, as far as was looked.
    pub problems: usize,
    /// The columns that each of them has, in the order of the first.
    pub columns: Vec<Column>,
}

/// A column that every object of a file has.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What stands there in the first object, as text.
    pub example: String,
    /// Bytes of the longest value.
    pub longest: usize,
    /// Whether every value is text or a conversation, and none is empty.
    pub is_text: bool,
    /// How it would be read as an answer; `None` where most of it is neither text nor numbers.
    pub reading: Option<Reading>,
}

/// How an answer column is read, and completions against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Where in the column the answer stands.
    pub answer_format: Extract,
    /// Who says what is right.
    pub verifier: VerifierKind,
    /// Where in a completion the answer is looked for, by a verifier that looks.
    pub extract: Option<Extract>,
}

/// Looks at the first rows of a file.
///
/// # Errors
/// [`TaskError`]: the file cannot be read, a line is no object, or there is none.
pub fn survey(path: &Path) -> Result<Survey, TaskError> {
    let mut rows: Vec<Map<String, Value>> = Vec::new();
    bourn_rows::for_each(path, |row| {
        rows.push(row.columns);
        Ok::<_, TaskError>(rows.len() < LOOKED_AT)
    })?;
    let Some(first) = rows.first() else {
        return Err(TaskError::Empty { path: path.to_path_buf() });
    };
    let columns = names(first).into_iter().filter_map(|name| {
        let values: Option<Vec<Cow<'_, Value>>> = rows.iter().map(|row| find(row, &name)).collect();
        Some(Column::of(&name, &values?))
    });
    Ok(Survey { path: path.to_path_buf(), problems: rows.len(), columns: columns.collect() })
}

impl Survey {
    /// The column that holds the problem's text, if one name says so or only one can.
    pub fn prompt(&self) -> Option<&Column> {
        likeliest(self.columns.iter().filter(|column| column.is_text), &PROMPTS)
    }

    /// The column that holds the answers to `prompt`, if one name says so or only one can.
    pub fn answer(&self, prompt: &str) -> Option<&Column> {
        let can = |column: &&Column| column.reading.is_some() && column.name != prompt;
        likeliest(self.columns.iter().filter(can), &ANSWERS)
    }

    /// The column of this name.
    ///
    /// # Errors
    /// There is none; the error names those there are.
    pub fn column(&self, name: &str) -> Result<&Column, TaskError> {
        let found = self.columns.iter().find(|column| column.name == name);
        found.ok_or_else(|| {
            let names = self.columns.iter().map(|column| &column.name);
            missing_column(&self.path, 1, names, ("--prompt-column or --answer-column", name))
        })
    }
}

impl Column {
    fn of(name: &str, values: &[Cow<'_, Value>]) -> Column {
        let texts: Vec<String> = values.iter().filter_map(|value| text(value)).collect();
        let prompts: Vec<String> = values
            .iter()
            .map_while(|value| prompt(value, "{prompt}").ok().map(|prompt| prompt.text))
            .collect();
        let shown = text(&values[0]).or_else(|| prompts.first().cloned());
        Column {
            name: name.to_owned(),
            example: shown.unwrap_or_else(|| values[0].to_string()),
            longest: texts.iter().chain(&prompts).map(String::len).max().unwrap_or_default(),
            is_text: prompts.len() == values.len(),
            // A few that are missing are left out when problems are read, and said.
            reading: (texts.len() as f64 >= MOST * values.len() as f64)
                .then(|| Reading::of(&texts)),
        }
    }
}

impl Reading {
    /// What most of these answers are.
    fn of(answers: &[String]) -> Reading {
        let most = |is: &dyn Fn(&str) -> bool| {
            let count = answers.iter().filter(|answer| is(answer)).count();
            count as f64 >= MOST * answers.len() as f64
        };
        // GSM8K's marks, MATH's boxes, then answers that are nothing else.
        for answer_format in [Extract::Hash, Extract::Boxed, Extract::Whole] {
            if most(&|answer| parse_gold(answer, answer_format).is_ok()) {
                let boxed = answer_format == Extract::Boxed;
                let extract = Some(if boxed { Extract::Boxed } else { Extract::LastNumber });
                return Reading { answer_format, verifier: VerifierKind::Math, extract };
            }
        }
        // Mathematics that is more than numbers: roots, intervals, expressions. A word is read too.
        let is_written = |answer: &str| answer.contains(|c: char| c.is_ascii_digit() || c == '\\');
        for answer_format in [Extract::Boxed, Extract::Whole] {
            let reads = |answer: &str| read_gold(answer, answer_format).is_ok();
            if most(&|answer| is_written(answer) && reads(answer)) {
                let extract = Some(Extract::Boxed);
                return Reading { answer_format, verifier: VerifierKind::Math, extract };
            }
        }
        for answer_format in [Extract::Hash, Extract::Boxed] {
            if most(&|answer| extract(answer, answer_format).is_some()) {
                let extract = Some(answer_format);
                return Reading { answer_format, verifier: VerifierKind::Exact, extract };
            }
        }
        let verifier = if most(&is_letter) { VerifierKind::Choice } else { VerifierKind::Exact };
        Reading { answer_format: Extract::Whole, ..Reading::with(verifier) }
    }

    /// The reading that goes with a verifier where the answers say nothing else.
    pub fn with(verifier: VerifierKind) -> Reading {
        let extract = verifier.facts().extract.ok();
        Reading { answer_format: Extract::Whole, verifier, extract }
    }
}

/// A letter to choose, with the brackets or the full stop that it may come with.
fn is_letter(answer: &str) -> bool {
    let inner = answer.trim().trim_matches(['(', ')', '.']);
    inner.len() == 1 && inner.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The first of `names` that a column has, whatever its case; or the only column.
fn likeliest<'a>(columns: impl Iterator<Item = &'a Column>, names: &[&str]) -> Option<&'a Column> {
    let columns: Vec<&Column> = columns.collect();
    let named =
        |name: &&str| columns.iter().copied().find(|column| column.name.eq_ignore_ascii_case(name));
    names.iter().find_map(named).or(match columns[..] {
        [only] => Some(only),
        _ => None,
    })
}
