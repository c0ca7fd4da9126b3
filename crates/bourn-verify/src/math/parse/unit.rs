//! Words: those of a text answer, and those of a unit behind an expression.

use num_rational::BigRational;

use super::Parser;
use crate::math::token::Kind;
use crate::math::tree::{Expr, Literal};
use crate::math::words::{changes_a_number, counts_on};

/// Most words of an answer in words: more are a sentence about it.
const MAX_WORDS: usize = 12;

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
            match self.kind() {
                Some(Kind::Text(_)) if self.joins() => return Some(value),
                Some(Kind::Text(text)) => {
                    let text = text.clone();
                    self.at += 1;
                    if counts_on(&text) {
                        return None;
                    }
                    let words = text.split(|c: char| !c.is_alphanumeric());
                    for word in words.filter(|word| !word.is_empty()) {
                        // `7 distinct integers` has a unit; `5 or 6` and `5 plus 2x` have none.
                        if changes_a_number(word) || word.bytes().any(|b| b.is_ascii_digit()) {
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

    /// `^2` behind a unit.
    fn unit_power(&mut self) {
        if self.sign() != Some('^') {
            return;
        }
        let braced = usize::from(self.kind_at(1) == Some(&Kind::Sign('{')));
        if matches!(self.kind_at(1 + braced), Some(Kind::Digits(digits)) if digits.len() == 1) {
            self.at += 2 + 2 * braced;
        }
    }
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
