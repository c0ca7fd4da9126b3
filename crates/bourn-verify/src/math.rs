//! Equality of mathematical answers by what they mean.
//!
//! A plain number is read by [`crate::number`], anything else by a parser of LaTeX and plain
//! mathematics that either understands every token or gives up: **a part of what was written is
//! never taken for the answer.** Values are brought to one form in exact arithmetic. Where two forms
//! differ and their parts may still depend on one another, their values at seeded points decide,
//! and the [`Ruling`] says so.
//!
//! What is equal, and why:
//! - **Values are exact**: `0.5`, `1/2` and `\frac{2}{4}` are one number, `0.33` is not `1/3`.
//! - **A value without a finite decimal** (2/3, √2, π) also equals a decimal of at least six
//!   significant digits that rounds it to the nearest (`0.666667`), since no decimal can be exact
//!   there. Two decimals are always compared exactly.
//! - **A decimal of fifteen digits or more** also means the number that a program prints so:
//!   `7068.299999999999` is 7068.3.
//! - **Percent**: `50%` equals `0.5`, its value, and `50`, since references leave the sign out when
//!   the question asked for a percentage. Between two percentages only the numerals count: `50%`
//!   is not `0.5%`. **Degrees** likewise: `90°` equals `90` and `π/2`.
//! - **Units are not compared**, as the reference rarely carries one: `18 cm` equals `18`. A word
//!   of scale counts: `2 million` is `2,000,000`.
//! - `docs/verifiers.md` has the rest: lists, intervals, equations, words.

use std::borrow::Cow;

use bourn_recipe::Extract;
use num_rational::BigRational;
use serde::{Deserialize, Serialize};

use crate::Verdict;
use crate::number::{self, AnswerNumber};

mod answer;
mod big;
mod equal;
mod evaluate;
mod form;
mod functions;
mod numeric;
mod parse;
mod poly;
mod power;
mod precise;
mod region;
mod relation;
mod show;
mod token;
mod tree;
mod unicode;
mod why;
mod words;
mod work;

pub(crate) use why::place;
pub use why::why;
pub(crate) use words::{changes_a_number, counts_on};

use answer::Answer;
use equal::Same;
use work::{Fail, Work};

/// A reference answer that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gold {
    /// Where it is a plain number.
    number: Option<AnswerNumber>,
    answer: Answer,
}

impl Gold {
    /// Its exact value, where it is a plain number; of a percentage, the numeral's.
    pub fn value(&self) -> Option<&BigRational> {
        self.number.as_ref().map(|number| &number.value)
    }
}

/// Why a reference answer cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadGold {
    /// There is no answer where the format says that it stands.
    #[error("the reference has no {0}; check `answer_format`")]
    Missing(&'static str),
    /// There is an answer, but not a number.
    #[error("the reference `{0}` is not a number")]
    NotANumber(String),
    /// There is an answer, but not one that can be read to its end.
    #[error("the reference `{text}` cannot be read as mathematics: {why}")]
    Unreadable {
        /// The answer's text, or its beginning.
        text: String,
        /// What stands in the way.
        why: String,
    },
    /// There is an answer that has no value.
    #[error("the reference `{0}` has no value: it divides by zero, or the like")]
    Undefined(String),
}

/// How it is known that an answer is right or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// By exact arithmetic.
    Exact,
    /// By values to more than seventy digits, at seeded points where there are letters: no proof.
    Numeric,
}

/// A verdict on an answer, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The verdict.
    pub verdict: Verdict,
    /// How it is known, where the answer was read and compared.
    pub basis: Option<Basis>,
    /// The answer, as [`answer`] has it.
    pub answer: Option<String>,
}

/// Reads a reference that is a plain number out of its column.
///
/// # Errors
/// [`BadGold`] where there is no answer in the place `format` names, or it is no number.
pub fn parse_gold(text: &str, format: Extract) -> Result<Gold, BadGold> {
    let found = found(text, format)?;
    match plain(text, format) {
        Some(number) => Ok(Gold { answer: Answer::from(&number), number: Some(number) }),
        None => Err(BadGold::NotANumber(excerpt(&found))),
    }
}

/// Reads a reference of any kind out of its column: a number, an expression, an interval, a set, a
/// matrix, an equation, words.
///
/// # Errors
/// [`BadGold`] where there is no answer in the place `format` names, or it cannot be read.
pub fn read_gold(text: &str, format: Extract) -> Result<Gold, BadGold> {
    let found = found(text, format)?;
    // `x = 5` keeps its name, and `(1,200)` is a point.
    let bare = !found.contains('=')
        && !found.trim_start_matches(['\\', ' ', '$']).starts_with(['(', '[', 'l']);
    if bare && let Some(number) = plain(text, format) {
        return Ok(Gold { answer: Answer::from(&number), number: Some(number) });
    }
    match structured(&found) {
        Some(Ok(answer)) => Ok(Gold { number: None, answer }),
        Some(Err(Fail::Undefined)) => Err(BadGold::Undefined(excerpt(&found))),
        read @ (Some(Err(Fail::TooMuch | Fail::Unknown)) | None) => match plain(text, format) {
            Some(number) => Ok(Gold { answer: Answer::from(&number), number: Some(number) }),
            None => {
                let why = why::unreadable(&found, read.is_some());
                Err(BadGold::Unreadable { text: excerpt(&found), why })
            }
        },
    }
}

fn found(text: &str, format: Extract) -> Result<String, BadGold> {
    crate::extract(text, format).ok_or(BadGold::Missing(place(format)))
}

/// Judges a completion that ended by itself: `extract` says where its answer stands.
///
/// [`Verdict::Unparsed`] where there is no answer there, or where it cannot be read.
pub fn verify(gold: &Gold, completion: &str, extract: Extract) -> Verdict {
    match read(completion, extract) {
        None => Verdict::Unparsed,
        Some(read) => compared(gold, &read).0,
    }
}

/// Judges a completion, with how the verdict is known; `truncated` where it ran into the length
/// limit, so that what its end touches may be cut.
pub fn rule(gold: &Gold, completion: &str, extract: Extract, truncated: bool) -> Ruling {
    let unparsed = Ruling { verdict: Verdict::Unparsed, basis: None, answer: None };
    if truncated && crate::extract::is_cut(completion, extract) {
        return unparsed;
    }
    let Some(read) = read(completion, extract) else { return unparsed };
    let (verdict, basis) = compared(gold, &read);
    Ruling { verdict, basis, answer: Some(read.to_string()) }
}

/// The answer that [`verify`] judges, as text that is the same for most ways of writing it: of a
/// number the exact value in lowest terms (`-7/2`), with `%` where a percent sign stood, because the
/// two mean different things beside a reference. `None` exactly where the verdict is
/// [`Verdict::Unparsed`].
pub fn answer(completion: &str, extract: Extract) -> Option<String> {
    read(completion, extract).map(|read| read.to_string())
}

/// A completion's answer.
enum Read {
    Number(AnswerNumber, Option<String>),
    Structured(Box<Answer>),
}

impl std::fmt::Display for Read {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Read::Number(number, _) => {
                write!(f, "{}{}", number.value, if number.percent { "%" } else { "" })
            }
            Read::Structured(answer) => write!(f, "{answer}"),
        }
    }
}

fn read(text: &str, extract: Extract) -> Option<Read> {
    let extract = crate::extract::stated(text, extract);
    if let Some(number) = plain(text, extract) {
        // What may be a point as well is kept as it stands.
        let found = match extract {
            Extract::LastNumber => None,
            _ => crate::extract::place(text, extract)
                .filter(|found| found.contains(['(', '[', '=']))
                .map(Cow::into_owned),
        };
        return Some(Read::Number(number, found));
    }
    if extract == Extract::LastNumber {
        return None;
    }
    let found = crate::extract::place(text, extract)?;
    match structured(&found)? {
        Ok(answer) => Some(Read::Structured(Box::new(answer))),
        Err(_) => None,
    }
}

fn compared(gold: &Gold, read: &Read) -> (Verdict, Option<Basis>) {
    let exactly = |equal: bool| match equal {
        true => (Verdict::Correct, Some(Basis::Exact)),
        false => (Verdict::Wrong, Some(Basis::Exact)),
    };
    match (&gold.number, read) {
        (Some(mine), Read::Number(theirs, _)) => exactly(theirs.means(mine)),
        (None, Read::Number(_, Some(text))) if let Some(Ok(answer)) = structured(text) => {
            decided(&gold.answer, &answer)
        }
        (_, Read::Number(number, _)) => decided(&gold.answer, &Answer::from(number)),
        (_, Read::Structured(answer)) => decided(&gold.answer, answer),
    }
}

fn decided(gold: &Answer, answer: &Answer) -> (Verdict, Option<Basis>) {
    match equal::same(gold, answer, &mut Work::new()) {
        Ok(Same::No) => (Verdict::Wrong, Some(Basis::Exact)),
        Ok(Same::Exactly) => (Verdict::Correct, Some(Basis::Exact)),
        Ok(Same::Numerically) => (Verdict::Correct, Some(Basis::Numeric)),
        Err(Fail::TooMuch) => (Verdict::Timeout, None),
        Err(Fail::Undefined | Fail::Unknown) => (Verdict::Wrong, Some(Basis::Exact)),
    }
}

/// The plain number that the answer is.
fn plain(text: &str, extract: Extract) -> Option<AnswerNumber> {
    match crate::extract::stated(text, extract) {
        Extract::LastNumber => number::last_number(text),
        _ => number::whole(&crate::extract::place(text, extract)?),
    }
}

/// The answer of any kind that `text` is; `None` where it is not understood to its end.
fn structured(text: &str) -> Option<Result<Answer, Fail>> {
    let text = text.trim().trim_matches(['*', '`', ' ']);
    if is_date(text) {
        return None;
    }
    if text.starts_with("\\text")
        && let Some(letter) = lettered(text)
    {
        return Some(Ok(letter));
    }
    let Some(expr) = parse::parse(text) else { return lettered(text).map(Ok) };
    Some(match answer::meaning(&expr, &mut Work::new()) {
        Err(Fail::TooMuch) => Ok(Answer::Written(expr.boxed())),
        read => read,
    })
}

/// `2020-01-03` is a day, and no difference.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.trim_matches('$').split('-').collect();
    let digits = |part: &&str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    matches!(&parts[..], [year, month, day]
        if year.len() == 4 && digits(year, 4) && digits(month, 2) && digits(day, 2))
}

/// `(C) 42`, `\textbf{(C)} 42`: the letter of a choice before what it stands for.
fn lettered(text: &str) -> Option<Answer> {
    let dressed = ["\\textbf{", "\\text{", "\\textrm{"];
    let bare = dressed.iter().find_map(|dress| text.strip_prefix(dress)).unwrap_or(text);
    let mut inside = bare.trim_start().strip_prefix('(')?.chars();
    let letter = inside.next().filter(char::is_ascii_uppercase)?;
    let after = inside.as_str().strip_prefix(')')?;
    let apart =
        after.starts_with([' ', '}', '~', '\\']) && !after.trim_matches([' ', '}']).is_empty();
    apart.then(|| Answer::Text(letter.to_ascii_lowercase().to_string()))
}

/// An answer's text, cut to a length that a message can hold.
fn excerpt(found: &str) -> String {
    let mut short: String = found.chars().take(60).collect();
    if short.len() < found.len() {
        short.push('…');
    }
    short
}
