//! What may follow a numeral and leave it the same number: units, percent, words of scale.

use super::CURRENCY;
use crate::math::{changes_a_number, counts_on};

/// What the text behind a numeral does to it.
pub(super) struct Tail {
    /// A percent sign, or the word.
    pub percent: bool,
    /// The factor of a word such as `million`; 1 without one.
    pub scale: u64,
    /// A degree sign, or the word, but no scale of temperature.
    pub degrees: bool,
}

/// Longest unit phrase, in bytes ("dollars every day at the farmers' market").
const MAX_TAIL: usize = 160;

/// Single letters that are units behind a space or in prose; any other is a variable.
const LETTERS: &str = "mgshLlNJWVA";

/// Units of two letters, written against the number; two other letters are a product.
const SHORT: [&str; 37] = [
    "km", "cm", "mm", "nm", "kg", "mg", "lb", "oz", "ft", "in", "yd", "mi", "hr", "ms", "ml", "mL",
    "cl", "dl", "kW", "Hz", "am", "pm", "AM", "PM", "st", "nd", "rd", "th", "ºC", "kJ", "cc", "pt",
    "qt", "GB", "MB", "KB", "TB",
];

/// Can `word` stand directly behind a digit, as in `18km`? Variables cannot: `3x`, `2ab`.
///
/// One letter may be either, `2m` as much as `2s`: prose means a unit, a bare answer says nothing.
pub(super) fn attached_unit(word: &str, prose: bool) -> bool {
    match word.len() {
        1 => prose && LETTERS.contains(word),
        2 => SHORT.contains(&word),
        _ => true,
    }
}

/// The percent sign or word of scale at the start of `text`, whatever follows.
pub(super) fn tail_start(text: &str) -> Tail {
    split_tail(text).0
}

/// Reads `text` as a unit phrase and nothing else: words, no digits, no operators.
pub(super) fn tail(text: &str) -> Option<Tail> {
    if text.len() > MAX_TAIL {
        return None;
    }
    let attached = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    if attached > 0 && !attached_unit(&text[..attached], false) {
        return None;
    }
    let (tail, rest) = split_tail(text);
    let rest = powers(rest);
    let chars: Vec<char> = rest.chars().collect();
    let letter =
        |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphabetic());
    let is_unit = chars.iter().enumerate().all(|(at, c)| match c {
        // A slash parts two units, and is no start of a fraction.
        '/' => chars[at + 1..].iter().find(|c| **c != ' ').is_some_and(|c| c.is_alphabetic()),
        ' ' | '.' | '\'' | '’' | '°' | '(' | ')' | '*' | '`' => true,
        '²' | '³' => letter(at.checked_sub(1)),
        '-' => letter(at.checked_sub(1)) && letter(Some(at + 1)),
        c if CURRENCY.contains(c) => true,
        // Greek letters are variables; `π` is a factor.
        c => c.is_alphabetic() && !('\u{370}'..='\u{3ff}').contains(c),
    });
    let words_fit = rest
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| word.chars().count() == 1)
        .all(|word| {
            word == "a" || word == "C" || word == "F" || LETTERS.contains(word) || !word.is_ascii()
        });
    // `5 or 6`, `5 and a half`: the number is not all of it.
    let whole =
        !rest.split(|c: char| !c.is_alphabetic()).any(changes_a_number) && !counts_on(&rest);
    let start = rest.trim_start();
    let degrees = start.strip_prefix('°').is_some_and(|rest| !rest.starts_with(['C', 'F']))
        || start.starts_with("degree") && !rest.contains(['C', 'F']);
    (is_unit && words_fit && whole).then_some(Tail { degrees, ..tail })
}

/// Takes percent or a word of scale off the front of `text`.
fn split_tail(text: &str) -> (Tail, &str) {
    let none = Tail { percent: false, scale: 1, degrees: false };
    let rest = text.trim_start_matches(|c: char| c == ' ' || CURRENCY.contains(&c));
    if let Some(after) = rest.strip_prefix('%') {
        return (Tail { percent: true, ..none }, after);
    }
    let word = &rest[..rest.bytes().take_while(u8::is_ascii_alphabetic).count()];
    let scale = match word.to_ascii_lowercase().as_str() {
        "percent" => return (Tail { percent: true, ..none }, &rest[word.len()..]),
        "hundred" => 100,
        "thousand" => 1_000,
        "million" => 1_000_000,
        "billion" => 1_000_000_000,
        "trillion" => 1_000_000_000_000,
        _ => return (none, text),
    };
    (Tail { scale, ..none }, &rest[word.len()..])
}

/// Squares and cubes of units as one character: `cm^2`, `cm^{3}`.
fn powers(text: &str) -> String {
    text.replace("^{2}", "²").replace("^2", "²").replace("^{3}", "³").replace("^3", "³")
}
