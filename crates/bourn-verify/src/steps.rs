//! Verdicts on the steps of a text, beside the one on its answer: each equation that is stated, and
//! for countdown each number that is used.
//!
//! A step is judged by itself: it says nothing about whether it leads anywhere. What cannot be read
//! as arithmetic is no step. Work is bounded by the length of the text.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed};

use crate::countdown::{Puzzle, parse};

/// Longest side of an equation that is read, in bytes.
const MAX_SIDE: usize = 256;
/// Most digits of a number in an equation, as in [`crate::countdown`].
const MAX_DIGITS: usize = 18;

/// A step and its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepVerdict {
    /// The byte of the text behind its last character.
    pub end: usize,
    /// Whether it is right.
    pub correct: bool,
}

/// The equations of `text`, in order: both sides are arithmetic, and the left one has an operator.
///
/// `3 * 4 = 12` is right, `1/3 = 0.33` too (a decimal may be rounded to its own places), and
/// `2 + 2 = 4 * 2 = 8` is wrong once and right once. Thousands separators, `×`, `÷` and currency
/// signs are read; powers, roots and letters end a side.
pub fn equations(text: &str) -> Vec<StepVerdict> {
    let mut steps = Vec::new();
    // Start and end of the side before the last `=`, until something that is no arithmetic.
    let mut left: Option<(usize, usize)> = None;
    let mut start = 0;
    let mut close = |left: Option<(usize, usize)>, start: usize, end: usize| {
        let Some((from, to)) = left else { return };
        if let Some((correct, length)) = equation(&text[from..to], &text[start..end]) {
            steps.push(StepVerdict { end: start + length, correct });
        }
    };
    for (at, c) in text.char_indices() {
        let next = at + c.len_utf8();
        if c == '=' {
            close(left, start, at);
            left = Some((start, at));
            start = next;
        } else if !is_arithmetic(c) {
            close(left, start, at);
            left = None;
            start = next;
        }
    }
    close(left, start, text.len());
    steps
}

/// The steps of an answer to `puzzle`: each number of its expression is right while the puzzle still
/// has it to give, and so is each equation.
pub fn countdown(puzzle: &Puzzle, text: &str) -> Vec<StepVerdict> {
    let mut left = puzzle.numbers.clone();
    let formula = text.split_once('=').map_or(text, |(formula, _)| formula);
    let mut steps = Vec::new();
    let mut start = None;
    let bytes = formula.as_bytes();
    for at in 0..=bytes.len() {
        let digit = bytes.get(at).is_some_and(u8::is_ascii_digit);
        match (digit, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                let number = formula[from..at].parse::<i64>().ok();
                let place = left.iter().position(|&own| Some(own) == number);
                steps.push(StepVerdict { end: at, correct: place.is_some() });
                place.into_iter().for_each(|place| {
                    left.swap_remove(place);
                });
                start = None;
            }
            _ => {}
        }
    }
    steps.extend(equations(text));
    steps
}

fn is_arithmetic(c: char) -> bool {
    c.is_ascii_digit() || " .,+-*/()$€£×·÷−".contains(c)
}

/// Whether the two sides are equal, and how many bytes of the right one belong to it; `None` where
/// either is no arithmetic.
fn equation(left: &str, right: &str) -> Option<(bool, usize)> {
    if left.len() > MAX_SIDE || right.len() > MAX_SIDE {
        return None;
    }
    // A sentence's own marks: bullets before, a full stop or a bracket behind.
    let right = right.trim_end_matches(|c: char| !c.is_ascii_digit() && c != ')');
    let (claimed, length) = match value(right) {
        Some(value) => (value, right.len()),
        None => {
            let inner = right.trim_end_matches(|c: char| !c.is_ascii_digit());
            (value(inner)?, inner.len())
        }
    };
    let places = decimals(right);
    let agrees = |value: &BigRational| {
        let off = (value - &claimed).abs();
        off == BigRational::from_integer(0.into())
            || places.is_some_and(|places| {
                off * BigRational::from_integer(BigInt::from(10).pow(places) * 2)
                    <= BigRational::one()
            })
    };
    let signed = left.trim_start();
    let plain = signed.trim_start_matches(|c: char| !c.is_ascii_digit() && c != '(');
    if !plain.contains(['+', '-', '*', '/', '×', '·', '÷', '−']) {
        return None;
    }
    let negative = signed.starts_with(['-', '−']).then(|| value(&format!("0{signed}"))).flatten();
    let bracket = plain.trim_start_matches('(');
    let values: Vec<BigRational> =
        [negative, value(plain).or_else(|| value(bracket))].into_iter().flatten().collect();
    if values.is_empty() {
        return None;
    }
    Some((values.iter().any(agrees), length))
}

/// Places behind the point, where `text` is one decimal.
fn decimals(text: &str) -> Option<u32> {
    let (_, fraction) = text.split_once('.')?;
    let digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if digits { u32::try_from(fraction.len()).ok() } else { None }
}

/// The exact value of an expression with decimals; `None` where it is none, or divides by zero.
fn value(text: &str) -> Option<BigRational> {
    let mut plain = String::new();
    let mut rest = text.trim_start_matches(' ');
    if let Some(unsigned) = rest.strip_prefix(['-', '−']) {
        rest = unsigned;
        plain.push_str("0-");
    }
    let characters: Vec<char> = rest.chars().collect();
    let mut at = 0;
    while at < characters.len() {
        let c = characters[at];
        if !c.is_ascii_digit() {
            match c {
                '$' | '€' | '£' => {}
                '×' | '·' => plain.push('*'),
                '÷' => plain.push('/'),
                '−' => plain.push('-'),
                '.' | ',' => return None,
                other => plain.push(other),
            }
            at += 1;
            continue;
        }
        let (mut whole, mut fraction) = (String::new(), String::new());
        while at < characters.len() {
            match characters[at] {
                digit if digit.is_ascii_digit() => whole.push(digit),
                // A separator stands before three digits.
                ',' if separates(&characters[at + 1..]) => {}
                _ => break,
            }
            at += 1;
        }
        let follows = characters.get(at + 1).is_some_and(char::is_ascii_digit);
        if characters.get(at) == Some(&'.') && follows {
            at += 1;
            while let Some(digit) = characters.get(at).filter(|c| c.is_ascii_digit()) {
                fraction.push(*digit);
                at += 1;
            }
        }
        if whole.len() + fraction.len() > MAX_DIGITS - 1 {
            return None;
        }
        let digits = format!("{whole}{fraction}");
        let digits = digits.trim_start_matches('0');
        let digits = if digits.is_empty() { "0" } else { digits };
        match fraction.len() {
            0 => plain.push_str(digits),
            places => plain.push_str(&format!("({digits}/1{})", "0".repeat(places))),
        }
    }
    parse(&plain).ok()?.evaluate()
}

fn separates(rest: &[char]) -> bool {
    rest.len() >= 3
        && rest[..3].iter().all(char::is_ascii_digit)
        && !rest.get(3).is_some_and(char::is_ascii_digit)
}
