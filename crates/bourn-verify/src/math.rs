//! Equality of numeric answers, in exact rationals.
//!
//! What is read: integers, decimals, thousands separators (`1,234`, `1{,}234`, `1\,234`; not
//! `1,23`), fractions (`3/4`, `\frac{3}{4}`, `\dfrac34`), mixed numbers (`1 3/4`), scientific
//! notation up to 10^±1000, percent, currency and a unit round the number, either minus sign,
//! `x = 5`. Anything else (a list, an interval, a power, a radical, π, a variable) is not a
//! number, and never guessed at.
//!
//! What is equal, and why:
//! - **Values are exact**: `0.5`, `1/2` and `\frac{2}{4}` are one number, `0.33` is not `1/3`.
//! - **A value without a finite decimal** (2/3) also equals a decimal of at least six significant
//!   digits that rounds it to the nearest (`0.666667`), since no decimal can be exact there and
//!   data sets write such references. Two decimals are always compared exactly.
//! - **Percent**: `50%` equals `0.5`, its value, and `50`, since references leave the sign out when
//!   the question asked for a percentage. Between two percentages only the numerals count: `50%`
//!   is not `0.5%`.
//! - **Units are not compared**, as the reference rarely carries one: `18 cm` equals `18`. A word
//!   of scale counts: `2 million` is `2,000,000`.

use bourn_recipe::Extract;
use num_rational::BigRational;

use crate::Verdict;
use crate::extract::{after_hash, boxed};
use crate::number::{self, AnswerNumber};

/// A reference answer that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gold {
    number: AnswerNumber,
}

impl Gold {
    /// Its exact value; of a percentage, the numeral's.
    pub fn value(&self) -> &BigRational {
        &self.number.value
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
}

/// Reads the reference answer out of its column.
///
/// # Errors
/// [`BadGold`] where there is no answer in the place `format` names, or it is no number.
pub fn parse_gold(text: &str, format: Extract) -> Result<Gold, BadGold> {
    let place = match format {
        Extract::Hash => "`####` with an answer behind it",
        Extract::Boxed => "balanced `\\boxed{…}` with an answer in it",
        Extract::LastNumber => "number that stands alone at its end",
        Extract::Whole => "text",
    };
    if crate::extract(text, format).is_none() {
        return Err(BadGold::Missing(place));
    }
    match read(text, format) {
        Some(number) => Ok(Gold { number }),
        None => Err(BadGold::NotANumber(excerpt(text, format))),
    }
}

/// Judges a completion: `extract` says where its answer stands.
///
/// [`Verdict::Unparsed`] where there is no answer there, or where it is not a number.
pub fn verify(gold: &Gold, completion: &str, extract: Extract) -> Verdict {
    match read(completion, extract) {
        Some(number) if number.means(&gold.number) => Verdict::Correct,
        Some(_) => Verdict::Wrong,
        None => Verdict::Unparsed,
    }
}

/// The answer that [`verify`] judges, as text that is the same for every way of writing it: the
/// exact value in lowest terms (`-7/2`), with `%` where a percent sign stood, because the two mean
/// different things beside a reference. `None` exactly where the verdict is [`Verdict::Unparsed`].
pub fn answer(completion: &str, extract: Extract) -> Option<String> {
    let number = read(completion, extract)?;
    Some(format!("{}{}", number.value, if number.percent { "%" } else { "" }))
}

fn read(text: &str, extract: Extract) -> Option<AnswerNumber> {
    match extract {
        Extract::Hash => number::whole(after_hash(text)?),
        Extract::Boxed => number::whole(boxed(text)?),
        Extract::LastNumber => number::last_number(text),
        Extract::Whole => number::whole(text),
    }
}

/// The answer's text, cut to a length that a message can hold.
fn excerpt(text: &str, format: Extract) -> String {
    let found = crate::extract(text, format).unwrap_or_default();
    let mut short: String = found.chars().take(60).collect();
    if short.len() < found.len() {
        short.push('…');
    }
    short
}
