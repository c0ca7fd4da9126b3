//! Words: those of a text answer, and those of a unit behind an expression.

use num_rational::BigRational;

use super::Parser;
use crate::math::token::Kind;
use crate::math::tree::{Expr, Literal};
use crate::math::words::{UNITS, changes_a_number, counts_on, is_prose, number};

/// Most words of an answer in words: more are a sentence about it.
const MAX_WORDS: usize = 12;

/// Letters that are variables or constants and no units, where they stand alone behind a value.
const VARIABLES: &str = "eijknqtuvwxyz";

impl Parser {
    /// An answer in words, up to a comma or a relation.
    pub(super) fn words(&mut self) -> Option<Expr> {
        let mut words: Vec<String> = Vec::new();
        let mut numerals = false;
        loop {
            numerals |= matches!(self.kind(), Some(Kind::Digits(_)));
            match self.kind() {
                Some(Kind::Text(_)) if self.joins() && !words.is_empty() => break,
                Some(Kind::Text(text)) => words.push(text.clone()),
                Some(Kind::Digits(text) | Kind::Name(text)) => words.push(text.clone()),
                Some(&Kind::Sign(sign @ ('.' | '-'))) => {
                    if let Some(word) = words.last_mut() {
                        word.push(sign);
                    }
                }
                // Digits of a numeral that has letters: `\text{A5}_{11}`.
                Some(Kind::Sign('_')) if words.len() == 1 => {
                    self.at += 1;
                    let base = self.base()?;
                    let digits = words.pop()?;
                    let fits = digits.chars().all(|c| c.is_digit(base));
                    return fits.then_some(Expr::Based(digits, base));
                }
                _ => break,
            }
            self.at += 1;
        }
        // `October 30` is an answer, `the answer is 30` speaks of one.
        (words.len() <= if numerals { 3 } else { MAX_WORDS }).then(|| Expr::Text(words.join(" ")))
    }

    /// Takes the unit behind `value`, and applies what is part of its value: percent, degrees, words
    /// of scale. `None` where the words make it another number.
    pub(super) fn with_unit(&mut self, value: Expr) -> Option<Expr> {
        let mut value = value;
        let mut first = true;
        // `n \text{ odd}` says something of a letter, and is no letter with a unit.
        if let Expr::Name(name) = &value
            && matches!(self.kind(), Some(Kind::Text(_)))
            && !self.joins()
        {
            let Expr::Text(words) = self.words()? else { return None };
            if words.split(' ').any(changes_a_number) {
                return None;
            }
            return Some(Expr::Text(format!("{name} {words}")));
        }
        loop {
            if let Some(length) = self.unit_ahead() {
                self.at += length;
                first = false;
                continue;
            }
            match self.kind() {
                Some(Kind::Text(_)) if self.joins() => return Some(value),
                Some(Kind::Text(text)) => {
                    let text = text.clone();
                    self.at += 1;
                    if counts_on(&text) {
                        return None;
                    }
                    let text = without_powers(&text);
                    let words = text.split(|c: char| !c.is_alphanumeric());
                    for word in words.filter(|word| !word.is_empty()) {
                        // `7 distinct integers` has a unit; `5 or 6` and `5 plus 2x` have none.
                        if changes_a_number(word) || word.bytes().any(|b| b.is_ascii_digit()) {
                            return None;
                        }
                        // `3+4\text{i}` is no 7: such a letter is a factor, however it is set.
                        if word.len() == 1 && VARIABLES.contains(word) {
                            return None;
                        }
                        if first {
                            value = scaled(value, word);
                        }
                        first = false;
                    }
                    self.unit_power();
                }
                Some(Kind::Word("deg")) if first => {
                    self.at += 1;
                    value = Expr::Degrees(value.boxed());
                }
                Some(Kind::Sign('/')) if self.divides_units() => self.at += 1,
                Some(Kind::Sign('.')) if !first => self.at += 1,
                _ => return Some(value),
            }
        }
    }

    /// A slash between units: `km/h`.
    pub(super) fn divides_units(&self) -> bool {
        self.sign() == Some('/') && matches!(self.kind_at(1), Some(Kind::Text(_)))
    }

    /// Length of a unit that letters make, at the end of an answer and apart from what is before it:
    /// `m/s`, `m/s^2`, `m s^{-1}`, `\frac{\text{m}}{\text{s}}`. Elsewhere letters are letters.
    pub(super) fn unit_ahead(&self) -> Option<usize> {
        let letter = |ahead: usize, of: &str| matches!(self.kind_at(ahead), Some(Kind::Name(name)) if of.contains(name.as_str()));
        let sign = |ahead: usize, sign: char| self.kind_at(ahead) == Some(&Kind::Sign(sign));
        let text = |ahead: usize| {
            matches!(self.kind_at(ahead), Some(Kind::Text(word)) if is_prose(word)
                && !changes_a_number(word) && number(word).is_none()
                || matches!(word.as_str(), "m" | "s" | "h"))
        };
        let digit = |ahead: usize| matches!(self.kind_at(ahead), Some(Kind::Digits(digits)) if digits.len() == 1);
        let (above, below) = UNITS;
        let length = if self.kind() == Some(&Kind::Command("frac")) {
            let parts = [1, 4].iter().all(|at| sign(*at, '{') && text(at + 1) && sign(at + 2, '}'));
            parts.then_some(7)?
        } else if self.gap_at(0)
            && (letter(0, above) || text(0))
            && sign(1, '/')
            && letter(2, below)
        {
            match (sign(3, '^'), sign(4, '{')) {
                (true, true) if digit(5) && sign(6, '}') => 7,
                (true, false) if digit(4) => 5,
                (true, _) => return None,
                (false, _) => 3,
            }
        } else if self.gap_at(0)
            && letter(0, above)
            && letter(1, below)
            && sign(2, '^')
            && sign(3, '{')
            && sign(4, '-')
            && digit(5)
            && sign(6, '}')
        {
            7
        } else {
            return None;
        };
        let ends = match self.kind_at(length) {
            None | Some(Kind::Text(_)) => true,
            Some(Kind::Sign(sign)) => ",;=≈.)".contains(*sign),
            _ => false,
        };
        ends.then_some(length)
    }

    /// `^2` behind a unit.
    fn unit_power(&mut self) {
        if self.sign() != Some('^') {
            return;
        }
        let braced = usize::from(self.kind_at(1) == Some(&Kind::Sign('{')));
        let negative = usize::from(self.kind_at(1 + braced) == Some(&Kind::Sign('-')));
        let place = 1 + braced + negative;
        if matches!(self.kind_at(place), Some(Kind::Digits(digits)) if digits.len() == 1) {
            self.at += place + 1 + braced;
        }
    }
}

/// The words of units without their powers: `m s^{-2}`, `cm^2`.
fn without_powers(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('^') {
        kept.push_str(before);
        let bare = after.strip_prefix('{').unwrap_or(after);
        let bare = bare.strip_prefix('-').unwrap_or(bare);
        let Some(bare) = bare.strip_prefix(|c: char| ('1'..='9').contains(&c)) else {
            kept.push('^');
            rest = after;
            continue;
        };
        rest = if after.starts_with('{') { bare.strip_prefix('}').unwrap_or(bare) } else { bare };
    }
    kept + rest
}

/// What a word directly behind a value makes of it.
fn scaled(value: Expr, word: &str) -> Expr {
    let factor: u64 = match word.to_ascii_lowercase().as_str() {
        "percent" => return Expr::Percent(value.boxed()),
        "degree" | "degrees" => return Expr::Degrees(value.boxed()),
        "hundred" => 100,
        "thousand" => 1_000,
        "million" => 1_000_000,
        "billion" => 1_000_000_000,
        "trillion" => 1_000_000_000_000,
        _ => return value,
    };
    let factor = BigRational::from_integer(factor.into());
    let factor = Expr::Number(Literal { value: factor, digits: String::new(), places: None });
    Expr::Product(vec![value, factor])
}
