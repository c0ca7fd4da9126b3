//! Reading one number out of text: what is written, and what it is worth.
//!
//! Two readers share one scanner. [`whole`] wants nothing but a number, with its unit, and gives
//! up on anything else; [`last_number`] looks for the last number of a longer text. Both refuse
//! rather than guess: a last number that is part of something else (`2^{10}`, `3x`, `1,23`,
//! `2\pi`, `10:30`) is no answer, and no earlier number stands in for it.

use num_bigint::BigInt;
use num_rational::BigRational;

use crate::latex::plain;
use crate::number::scan::{MAX_RUN, Scan, WrittenNumeral, scan};
use crate::number::unit::{Tail, tail};

mod last;
mod mean;
mod scan;
mod unit;

pub(crate) use last::{last_number, last_number_text, touches_end};
pub(crate) use mean::{printed, rounds};

/// Longest text that [`whole`] takes for a number with its unit, in bytes.
const MAX_WHOLE: usize = MAX_RUN + 200;
/// Signs of currency that may stand before or after a number.
const CURRENCY: [char; 5] = ['$', '€', '£', '¥', '₹'];

/// A number as its writer meant it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AnswerNumber {
    /// The numeral's value; a percent sign has not been applied.
    pub value: BigRational,
    /// Was a percent sign behind it?
    pub percent: bool,
    /// Was a degree sign?
    pub degrees: bool,
    /// Of a decimal, its places and significant digits.
    pub decimal: Option<(u32, usize)>,
}

/// The number that `written` is, with its sign and what follows it.
fn number(written: &WrittenNumeral, negative: bool, tail: &Tail) -> Option<AnswerNumber> {
    let value = written.value()? * BigRational::from_integer(BigInt::from(tail.scale));
    let decimal = if tail.scale == 1 { written.decimal() } else { None };
    Some(AnswerNumber {
        value: if negative { -value } else { value },
        percent: tail.percent,
        degrees: tail.degrees,
        decimal,
    })
}

/// Reads `text` as one number with its sign, currency and unit, and nothing else.
pub(crate) fn whole(text: &str) -> Option<AnswerNumber> {
    if text.len() > MAX_WHOLE {
        return None;
    }
    let text = plain(text);
    let text = unwrap(assigned(unwrap(&text)));
    let (negative, rest) = sign_and_currency(text)?;
    let Scan::Read(written, end) = scan(rest) else { return None };
    number(&written, negative, &tail(&rest[end..])?)
}

/// Strips what emphasises an answer without changing it: `**18**`, `` `18` ``, `(18)`, `18.`
fn unwrap(text: &str) -> &str {
    let mut text = text;
    loop {
        let mut inner = text.trim().trim_matches(['*', '`']).trim_end_matches(['.', ',']).trim();
        for (open, close) in [('(', ')'), ('{', '}'), ('[', ']')] {
            if let Some(inside) = inner.strip_prefix(open).and_then(|s| s.strip_suffix(close))
                && !inside.contains([open, close])
            {
                inner = inside;
            }
        }
        if inner.len() == text.len() {
            return inner;
        }
        text = inner;
    }
}

/// The right side of `x = 5`, where the left side is a name; anything else comes back as it is.
fn assigned(text: &str) -> &str {
    let Some((name, value)) = text.split_once('=') else { return text };
    let name = name.trim_matches([' ', '$']);
    let is_name = name.starts_with(|c: char| c.is_alphabetic())
        && name.chars().all(|c| c.is_alphabetic() || c.is_ascii_digit() || " _{}'".contains(c));
    if is_name && !value.contains('=') { value } else { text }
}

/// Takes at most one sign, and currency, off the front: `-$5`, `$-5`, `US$ 5`, `Rs. 5`.
fn sign_and_currency(text: &str) -> Option<(bool, &str)> {
    let mut sign = None;
    let mut rest = text.trim_start();
    loop {
        let before = rest.len();
        if let Some(after) = rest.strip_prefix(['-', '+']) {
            if sign.is_some() {
                return None;
            }
            sign = Some(rest.starts_with('-'));
            rest = after;
        }
        for code in ["US$", "USD", "EUR", "GBP", "INR", "Rs.", "Rs"] {
            rest = rest.strip_prefix(code).unwrap_or(rest);
        }
        rest = rest.trim_start_matches(CURRENCY).trim_start();
        if rest.len() == before {
            return Some((sign == Some(true), rest));
        }
    }
}
