//! Reading one number out of text: what is written, and what it is worth.
//!
//! Two readers share one scanner. [`whole`] wants nothing but a number, with its unit, and gives
//! up on anything else; [`last_number`] looks for the last number of a longer text. Both refuse
//! rather than guess: a last number that is part of something else (`2^{10}`, `3x`, `1,23`,
//! `2\pi`, `10:30`) is no answer, and no earlier number stands in for it.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow, Signed, ToPrimitive, Zero};

use crate::latex::plain;
use crate::number::scan::{MAX_RUN, Scan, WrittenNumeral, scan};
use crate::number::unit::{Tail, attached_unit, tail, tail_start};

mod scan;
mod unit;

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
        && name.chars().all(|c| c.is_alphanumeric() || " _{}'".contains(c));
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

/// The last number of `text`; `None` if there is none, or if it is part of something else.
pub(crate) fn last_number(text: &str) -> Option<AnswerNumber> {
    let text = plain(text);
    let (start, end, written) = last_token(&text)?;
    number(&written, is_negative(&text[..start]), &tail_start(&text[end..]))
}

/// The last number of `text` as it is written (in plain typography), with its minus sign.
pub(crate) fn last_number_text(text: &str) -> Option<String> {
    let text = plain(text);
    let (start, end, _) = last_token(&text)?;
    let sign = if is_negative(&text[..start]) { "-" } else { "" };
    Some(format!("{sign}{}", &text[start..end]))
}

fn last_token(text: &str) -> Option<(usize, usize, WrittenNumeral)> {
    let mut last = None;
    let mut at = 0;
    // Where a root, a constant or another part of a formula ended.
    let mut formula = None;
    while let Some(c) = text[at..].chars().next() {
        let before = &text[..at];
        // `end.5`: the point closes a sentence.
        let point = c == '.' && before.ends_with(|p: char| p.is_alphanumeric() || p == '.');
        let begins = c.is_ascii_digit() || matches!(c, '.' | '\\' | '√' | 'π');
        let found = if begins && !point { scan(&text[at..]) } else { Scan::Nothing };
        at = match found {
            Scan::Nothing => at + c.len_utf8(),
            Scan::Unreadable(len) => {
                let end = at + len.max(c.len_utf8());
                if role(before) != NumeralRole::Label {
                    last = None;
                    formula = Some(end);
                }
                end
            }
            Scan::Read(written, len) => {
                let end = at + len;
                match role(before) {
                    NumeralRole::Label => {}
                    NumeralRole::Number
                        if stands_alone(&text[end..])
                            && !formula.is_some_and(|from| goes_on(&text[from..at])) =>
                    {
                        last = Some((at, end, written))
                    }
                    NumeralRole::Number | NumeralRole::Part => {
                        last = None;
                        formula = Some(end);
                    }
                }
                end
            }
        };
    }
    last
}

/// Whether what stands between part of a formula and a numeral makes one of both: `√3 + 2`, `3x - 5`.
fn goes_on(between: &str) -> bool {
    if between.len() > 40 {
        return false;
    }
    let letters = between.bytes().take_while(u8::is_ascii_alphabetic).count();
    let rest = between[if letters <= 2 { letters } else { 0 }..].trim_matches([' ', '(', '{', '}', ')']);
    matches!(rest, "" | "+" | "-" | "*" | "×" | "·" | "/" | "±" | "+ -") && !between.contains('\n')
}

/// What the text before a numeral makes of it.
#[derive(PartialEq)]
enum NumeralRole {
    Number,
    /// An exponent of a number, half of a time, what is added to a root: the answer is the whole,
    /// which is not read.
    Part,
    /// `x_1`, `cm^2`, `H2O`: belongs to a name or a unit.
    Label,
}

fn role(before: &str) -> NumeralRole {
    let trimmed = before.trim_end_matches([' ', '{', '(', '-']);
    if let Some(base) = trimmed.strip_suffix(['^', '_']) {
        return match base.trim_end().chars().next_back() {
            Some(c) if c.is_ascii_digit() || ")]}".contains(c) => NumeralRole::Part,
            Some(c) if c.is_alphabetic() || c == '°' => NumeralRole::Label,
            _ => NumeralRole::Number,
        };
    }
    let digit_before = |mark: &str| {
        before.strip_suffix(mark).is_some_and(|s| s.ends_with(|c: char| c.is_ascii_digit()))
    };
    if digit_before(":") || digit_before("**") || divides(before) || joins(before) {
        return NumeralRole::Part;
    }
    let name = before.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    if name.len() < before.len() && !name.ends_with('\\') {
        NumeralRole::Label
    } else {
        NumeralRole::Number
    }
}

/// Does a slash before a numeral make it a denominator? `x/3`, `)/3`, `√2/3`.
fn divides(before: &str) -> bool {
    let Some(top) = before.trim_end_matches([' ', '{', '(']).strip_suffix(['/', '⁄']) else {
        return false;
    };
    top.trim_end().ends_with(|c: char| c.is_alphanumeric() || ")]}π".contains(c))
}

/// Does a sign before a numeral join it to what is no plain number? `5 ± 2`, `√3 - 2`.
fn joins(before: &str) -> bool {
    let before = before.trim_end_matches([' ', '(', '{', '-']);
    let word = before.len() - before.bytes().rev().take_while(u8::is_ascii_alphabetic).count();
    let command = before[..word].ends_with('\\');
    before.ends_with(['±', '∓'])
        || matches!(&before[word..], "mod" | "pmod" | "bmod")
        || command && is_formula(&before[word..])
}

/// Is a numeral followed by something that leaves it a number of its own?
fn stands_alone(after: &str) -> bool {
    let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
    let subscript = after
        .strip_prefix('_')
        .is_some_and(|s| s.starts_with(|c: char| c.is_ascii_digit() || c == '{'));
    // A factorial, which `!` may be; a superscript, a root, a constant, a command of mathematics.
    let next = after.trim_start_matches(' ');
    let goes_on = |c: char| "!⁰¹²³⁴⁵⁶⁷⁸⁹⁻½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞₀₁₂₃₄₅₆₇₈₉".contains(c);
    let operator = |c: char| "√π∞±∓^⁄".contains(c);
    let spoken = next.strip_prefix('(').unwrap_or(next);
    let spoken = &spoken[..spoken.bytes().take(8).take_while(u8::is_ascii_alphabetic).count()];
    let half = ["and a half", "and a quarter", "and a third", "and one half"]
        .iter()
        .any(|words| next.starts_with(words));
    !subscript
        && !after.starts_with(goes_on)
        && !next.starts_with(operator)
        && !divided(next)
        && !commanded(next)
        && !half
        && !matches!(spoken, "mod" | "choose")
        && (letters == 0 || attached_unit(&after[..letters], true))
}

/// Does a slash follow, and something that is no unit in words? `3/x`, `3/√2`, `3/(2+1)`.
fn divided(next: &str) -> bool {
    let Some(below) = next.strip_prefix('/') else { return false };
    let below = below.trim_start_matches(' ');
    let letters = below.chars().take_while(|c| c.is_alphabetic()).count();
    below.starts_with(|c: char| "(\\√π".contains(c) || c.is_ascii_digit())
        || letters == 1 && !below.starts_with(['h', 's', 'L', 'l', 'g', 'm'])
}

/// Does a command follow that makes the numeral part of a formula? `5 \pm 2`, `2\ln 3`, `7 \bmod 3`;
/// not one that only relates it to something else, `5 \leq x`, or sets it apart.
fn commanded(next: &str) -> bool {
    let Some(command) = next.strip_prefix('\\') else { return false };
    is_formula(&command[..command.bytes().take_while(u8::is_ascii_alphabetic).count()])
}

/// Whether a command makes one formula of itself and the numeral beside it.
fn is_formula(name: &str) -> bool {
    matches!(
        name,
        "pm" | "mp"
            | "pmod"
            | "bmod"
            | "mod"
            | "ln"
            | "log"
            | "lg"
            | "sin"
            | "cos"
            | "tan"
            | "cot"
            | "sec"
            | "csc"
            | "exp"
            | "infty"
            | "over"
            | "choose"
            | "binom"
            | "overline"
            | "alpha"
            | "beta"
            | "theta"
            | "phi"
            | "lambda"
            | "varphi"
            | "frac"
    )
}

/// Whether the end of a text that was cut may be part of its last number: no whole word, and no end
/// of a line or a sentence, stands between.
pub(crate) fn touches_end(text: &str) -> bool {
    let text = plain(text);
    let Some((_, end, _)) = last_token(&text) else { return false };
    let rest = &text[end..];
    let next = rest.trim_start_matches([' ', ',', '.', '$', '*', '%', '°', ')', '}']);
    if rest.contains('\n') {
        return false;
    }
    let word = next.len() - next.trim_start_matches(char::is_alphanumeric).len();
    next.len() == word || word == 0
}

/// Is the dash before a numeral its sign, rather than a subtraction, a range or a list's mark?
fn is_negative(before: &str) -> bool {
    if let Some(negative) = parted_sign(before) {
        return negative;
    }
    let Some(before) = before.trim_end_matches(CURRENCY).strip_suffix('-') else { return false };
    let trimmed = before.trim_end();
    let operand = trimmed.ends_with(|c: char| c.is_ascii_digit() || ")]}%".contains(c));
    let new_line = before[trimmed.len()..].contains('\n');
    let attached =
        trimmed.len() == before.len() && before.ends_with(|c: char| c.is_alphabetic() || c == '-');
    !attached && (!operand || new_line)
}

/// A dash with a space or a bracket between it and its number: `= - 8`, `-(3/4)`, `is -\,8`. A sign
/// where nothing but a relation, a bracket or a verb stands before it; `None` where there is none.
fn parted_sign(before: &str) -> Option<bool> {
    let inner = before.trim_end_matches([' ', '(', '{', '$']);
    if inner.len() == before.len() {
        return None;
    }
    let before_sign = inner.strip_suffix('-')?;
    let base = before_sign.trim_end_matches([' ', '$', '*', '{', '(', '[']);
    let bracket = before[inner.len()..].contains(['(', '{']);
    let word = base.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let verb = matches!(word, "is" | "are" | "be" | "was" | "equals" | "equal" | "to" | "get" | "answer");
    let starts = base.is_empty() || base.ends_with(['=', ':', '≈', '<', '>', '≤', '≥', ',']);
    let opened = before_sign.len() != base.len() && before_sign.contains(['(', '[', '{']);
    if starts || verb {
        return Some(true);
    }
    if opened && base.ends_with(|c: char| !c.is_alphanumeric()) {
        return Some(true);
    }
    // `x -(3)`: a subtraction; in prose a dash.
    bracket.then_some(false)
}

impl AnswerNumber {
    /// Equality of what two numbers mean: see [`crate::math`] for the rules.
    pub(crate) fn means(&self, other: &AnswerNumber) -> bool {
        let strip = self.percent && other.percent;
        self.readings(strip)
            .iter()
            .any(|mine| other.readings(strip).iter().any(|theirs| same(mine, theirs)))
    }

    /// The numeral and, behind a percent sign that the other side lacks, its hundredth.
    fn readings(&self, numeral_only: bool) -> Vec<NumeralReading> {
        let mut readings = vec![(self.value.clone(), self.decimal)];
        if self.percent && !numeral_only {
            let hundred = BigRational::from_integer(BigInt::from(100));
            let decimal = self.decimal.map(|(places, digits)| (places + 2, digits));
            readings.push((&self.value / hundred, decimal));
        }
        readings
    }
}

/// A value, with the places and digits of the decimal that it is written as.
type NumeralReading = (BigRational, Option<(u32, usize)>);

/// Significant digits of a rounded value, at least: with fewer, it is another number.
const ROUNDED: usize = 6;
/// Significant digits of a double that a program prints in full.
const PRINTED: std::ops::RangeInclusive<usize> = 15..=17;

fn same(a: &NumeralReading, b: &NumeralReading) -> bool {
    let stands_for = |(x, decimal): &NumeralReading, (y, other): &NumeralReading| {
        decimal.is_some_and(|(places, digits)| {
            rounds(x, places, digits, y) || printed(x, digits, y, *other)
        })
    };
    a.0 == b.0 || stands_for(a, b) || stands_for(b, a)
}

/// Is the decimal `a` the nearest of its length to `exact`, which no decimal can write?
pub(crate) fn rounds(a: &BigRational, places: u32, digits: usize, exact: &BigRational) -> bool {
    if digits < ROUNDED {
        return false;
    }
    let unit = BigRational::from_integer(BigInt::from(10).pow(places));
    let off = (a - exact) * unit * BigRational::from_integer(BigInt::from(2));
    off <= BigRational::one() && off >= -BigRational::one() && !is_finite_decimal(exact)
}

/// Is the decimal `a` what a program prints of a double that stands for `exact`? Off by no more than
/// the last few bits of one; two that are both printed so are the same double.
pub(crate) fn printed(
    a: &BigRational,
    digits: usize,
    exact: &BigRational,
    other: Option<(u32, usize)>,
) -> bool {
    if !PRINTED.contains(&digits) {
        return false;
    }
    match other {
        Some((_, digits)) if digits >= *PRINTED.start() => {
            PRINTED.contains(&digits) && a.to_f64() == exact.to_f64()
        }
        _ => (a - exact).abs() * BigRational::from_integer(BigInt::one() << 50) <= a.abs(),
    }
}

fn is_finite_decimal(value: &BigRational) -> bool {
    let mut rest = value.denom().clone();
    for prime in [2u32, 5] {
        while (&rest % prime).is_zero() {
            rest /= prime;
        }
    }
    rest.is_one()
}
