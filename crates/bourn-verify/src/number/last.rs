//! The last number of a longer text, and what makes a numeral no number of its own.

use super::scan::{Scan, WrittenNumeral, scan};
use super::unit::{attached_unit, tail_start};
use super::{AnswerNumber, CURRENCY, number};
use crate::latex::plain;

/// Most numbers with `or` between that are looked at.
const MAX_HEDGES: usize = 4;

/// The last number of `text`; `None` if there is none, or if it is part of something else.
pub(crate) fn last_number(text: &str) -> Option<AnswerNumber> {
    last_of(&prose(text))
}

fn last_of(text: &str) -> Option<AnswerNumber> {
    let read = |text: &str| {
        let (start, end, written) = last_token(text)?;
        let found = number(&written, is_negative(&text[..start]), &tail_start(&text[end..]))?;
        Some((start, found))
    };
    let (mut start, last) = read(text)?;
    // `3 or 5` is no answer, unless both are one: `3/4 or 0.75`.
    for _ in 0..MAX_HEDGES {
        let Some((before, other)) = hedged(&text[..start]).and_then(read) else { break };
        // `30 + 160 or 190` says what the sum is.
        if is_operand(&text[..before]) {
            break;
        }
        if !other.means(&last) {
            return None;
        }
        start = before;
    }
    Some(last)
}

/// Whether a sign of arithmetic stands before a number that is not its own.
fn is_operand(before: &str) -> bool {
    let apart = |c: char| " {($\\".contains(c) || CURRENCY.contains(&c);
    let before = before.trim_end_matches(apart);
    // Emphasis.
    let before = before.strip_suffix("**").unwrap_or(before).trim_end_matches(apart);
    before.ends_with(['+', '*', '/', '×', '·', '÷'])
        || before.ends_with('-') && !is_negative(before)
}

/// What stands before an `or` directly before a number, where that ends in a number itself.
fn hedged(before: &str) -> Option<&str> {
    let apart = |c: char| " *{($\\-".contains(c) || CURRENCY.contains(&c);
    let before = before.trim_end_matches(apart);
    let before = before.strip_suffix("\\boxed").unwrap_or(before).trim_end_matches(apart);
    let before = before.strip_suffix("or")?;
    let trimmed = before.trim_end_matches(|c: char| " *})$\\".contains(c));
    let number = trimmed.ends_with(|c: char| c.is_ascii_digit() || matches!(c, '%' | '°'));
    (number && before.len() > trimmed.len()).then_some(before)
}

/// The last number of `text` as it is written (in plain typography), with its minus sign.
pub(crate) fn last_number_text(text: &str) -> Option<String> {
    let text = prose(text);
    let (start, end, _) = last_token(&text)?;
    if hedged(&text[..start]).is_some() {
        last_of(&text)?;
    }
    let sign = if is_negative(&text[..start]) { "-" } else { "" };
    Some(format!("{sign}{}", &text[start..end]))
}

/// In plain typography, where an en dash with a space behind it sets apart and is no sign: `is – 8`.
fn prose(text: &str) -> String {
    plain(&text.replace("\u{2013} ", "\u{2014} "))
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
    let rest =
        between[if letters <= 2 { letters } else { 0 }..].trim_matches([' ', '(', '{', '}', ')']);
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
    if before.ends_with(is_other_digit)
        || digit_before(":")
        || digit_before("**")
        || divides(before)
        || joins(before)
    {
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

/// A digit of another script, which beside a numeral is part of it: `5٢` is 52.
fn is_other_digit(c: char) -> bool {
    !c.is_ascii() && c.is_numeric()
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
        && !after.starts_with(is_other_digit)
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
    let text = prose(text);
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
    let verb = matches!(word, "is" | "are" | "be" | "was" | "equals" | "equal" | "to" | "get");
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
