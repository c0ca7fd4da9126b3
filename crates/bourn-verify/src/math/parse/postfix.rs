//! What stands behind an atom: powers, factorials, degrees, percent.

use super::Parser;
use crate::math::token::Kind;
use crate::math::tree::Expr;

impl Parser {
    /// An atom with its powers, factorial, degrees and percent.
    pub(super) fn postfix(&mut self, base: Expr) -> Option<Expr> {
        let mut value = base;
        let (mut raised, mut factorial) = (false, false);
        for _ in 0..4 {
            match self.sign() {
                Some('^') => {
                    // A tower without braces is read in two ways.
                    if raised {
                        return None;
                    }
                    self.at += 1;
                    raised = true;
                    if self.degree_sign() {
                        value = Expr::Degrees(value.boxed());
                        continue;
                    }
                    if self.ordinal() {
                        continue;
                    }
                    let exponent = self.exponent()?;
                    value = Expr::Power(value.boxed(), exponent.boxed());
                }
                Some('!') => {
                    if factorial {
                        return None;
                    }
                    self.at += 1;
                    factorial = true;
                    value = Expr::Factorial(value.boxed());
                }
                Some('°') => {
                    self.at += 1;
                    value = match self.kind() {
                        Some(Kind::Name(scale)) if scale == "C" || scale == "F" => {
                            self.at += 1;
                            value
                        }
                        _ => Expr::Degrees(value.boxed()),
                    };
                }
                Some('%') => {
                    self.at += 1;
                    value = Expr::Percent(value.boxed());
                }
                _ => return Some(value),
            }
        }
        Some(value)
    }

    /// `\circ` or `{\circ}` behind a `^`.
    fn degree_sign(&mut self) -> bool {
        if self.take('°') {
            return true;
        }
        let braced = self.sign() == Some('{')
            && self.kind_at(1) == Some(&Kind::Sign('°'))
            && self.kind_at(2) == Some(&Kind::Sign('}'));
        self.at += if braced { 3 } else { 0 };
        braced
    }

    /// `^{th}`, `^{\text{st}}`: says that a number is a place in order.
    fn ordinal(&mut self) -> bool {
        let ends = |a: &Kind, b: Option<&Kind>| match (a, b) {
            (Kind::Text(text), _) => matches!(text.as_str(), "st" | "nd" | "rd" | "th"),
            (Kind::Name(a), Some(Kind::Name(b))) => {
                matches!(
                    (a.as_str(), b.as_str()),
                    ("s", "t") | ("n", "d") | ("r", "d") | ("t", "h")
                )
            }
            _ => false,
        };
        let braced = usize::from(self.sign() == Some('{'));
        let Some(first) = self.kind_at(braced) else { return false };
        if !ends(first, self.kind_at(braced + 1)) {
            return false;
        }
        let letters = if matches!(first, Kind::Text(_)) { 1 } else { 2 };
        if braced == 1 && self.kind_at(1 + letters) != Some(&Kind::Sign('}')) {
            return false;
        }
        self.at += letters + 2 * braced;
        true
    }

    /// What stands behind `^`: a group, a numeral of any length, or one atom, with a sign.
    pub(super) fn exponent(&mut self) -> Option<Expr> {
        if self.take('{') {
            let exponent = self.quotient()?;
            return self.take('}').then_some(exponent);
        }
        if self.take('-') {
            return Some(Expr::Negative(self.atom()?.boxed()));
        }
        self.atom()
    }
}
