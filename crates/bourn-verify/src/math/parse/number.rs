//! Numerals: separators, decimals that end or repeat, scientific notation, mixed numbers.

use num_bigint::{BigInt, Sign};
use num_rational::BigRational;
use num_traits::{Pow, Zero};

use super::Parser;
use crate::math::token::Kind;
use crate::math::tree::{Expr, Literal};

/// Most digits of a numeral, and of the power of ten behind it.
const MAX_DIGITS: usize = 1000;

impl Parser {
    pub(super) fn digits_at(&self, ahead: usize) -> Option<&str> {
        match self.kind_at(ahead) {
            Some(Kind::Digits(digits)) => Some(digits),
            _ => None,
        }
    }

    /// A numeral with the fraction of a mixed number behind it.
    pub(super) fn number(&mut self) -> Option<Expr> {
        if let Some(&Kind::Vulgar(top, bottom)) = self.kind() {
            self.at += 1;
            let value = BigRational::new(top.into(), bottom.into());
            return Some(Expr::Number(exact(value)));
        }
        let literal = self.literal()?;
        if literal.places.is_some() || !literal.value.is_integer() {
            return Some(Expr::Number(literal));
        }
        match self.proper_fraction() {
            Proper::No => Some(Expr::Number(literal)),
            Proper::Improper => None,
            Proper::Yes(fraction) => Some(Expr::Number(exact(literal.value + fraction))),
        }
    }

    /// The fraction of a mixed number: `\frac34`, ` 3/4`, `¾` behind a natural number.
    fn proper_fraction(&mut self) -> Proper {
        if let Some(&Kind::Vulgar(top, bottom)) = self.kind() {
            self.at += 1;
            return Proper::Yes(BigRational::new(top.into(), bottom.into()));
        }
        let start = self.at;
        if matches!(self.kind(), Some(Kind::Command("frac"))) {
            self.at += 1;
            let parts = self.natural_argument().zip(self.natural_argument());
            return match parts {
                Some((top, bottom)) if top < bottom => Proper::Yes(BigRational::new(top, bottom)),
                // `2\frac{5}{4}` is a product to some, and a slip to others.
                Some(_) => Proper::Improper,
                None => {
                    self.at = start;
                    Proper::No
                }
            };
        }
        // `1 3/4`
        let slash = matches!(self.kind_at(1), Some(Kind::Sign('/' | '⁄')));
        if let (true, true, Some(top), Some(bottom)) =
            (slash, self.gap_at(0), self.digits_at(0), self.digits_at(2))
        {
            let (top, bottom) = (integer(top), integer(bottom));
            let again = matches!(self.kind_at(3), Some(Kind::Sign('/' | '⁄')));
            self.at += 3;
            return match top < bottom && !again {
                true => Proper::Yes(BigRational::new(top, bottom)),
                false => Proper::Improper,
            };
        }
        Proper::No
    }

    /// A TeX argument that is a natural number; the place is anywhere where it is none.
    fn natural_argument(&mut self) -> Option<BigInt> {
        let braced = self.take('{');
        let digits = self.digits_at(0)?.to_owned();
        if braced {
            self.at += 1;
            return self.take('}').then(|| integer(&digits));
        }
        let first = self.first_digit()?;
        Some(integer(&first))
    }

    /// Takes one digit off the run that comes next: `\frac12` has two arguments.
    pub(super) fn first_digit(&mut self) -> Option<String> {
        let digits = self.digits_at(0)?.to_owned();
        if digits.len() == 1 {
            self.at += 1;
        } else if let Some(token) = self.tokens.get_mut(self.at) {
            token.kind = Kind::Digits(digits[1..].to_owned());
            token.gap = false;
        }
        Some(digits[..1].to_owned())
    }

    /// A numeral without a sign.
    pub(super) fn literal(&mut self) -> Option<Literal> {
        let mut digits = match self.digits_at(0) {
            Some(digits) => digits.to_owned(),
            None => String::new(),
        };
        if !digits.is_empty() {
            self.at += 1;
            self.groups(&mut digits)?;
        }
        let whole = digits.len();
        let point = self.sign() == Some('.') && (whole == 0 || !self.gap_at(0));
        let mut repeating = String::new();
        let mut places = None;
        if point {
            let follows = !self.gap_at(1) && self.digits_at(1).is_some();
            if follows {
                digits.push_str(self.digits_at(1)?);
                self.at += 2;
            } else if self.repeats(1)
                && (whole > 0 || self.kind_at(1) == Some(&Kind::Command("overline")))
            {
                self.at += 1;
            } else {
                return None;
            }
            while matches!(self.kind(), Some(Kind::Group)) {
                digits.push_str(self.digits_at(1)?);
                self.at += 2;
            }
            places = Some(digits.len() - whole);
            if self.repeats(0) {
                repeating = self.repeating()?;
            }
            // `1.2.3`
            if self.sign() == Some('.') && self.digits_at(1).is_some() {
                return None;
            }
        }
        if digits.len() + repeating.len() == 0 || digits.len() + repeating.len() > MAX_DIGITS {
            return None;
        }
        let power = self.scientific()?;
        let mut value = BigRational::from_integer(integer(&digits)) / ten_to(places.unwrap_or(0));
        if !repeating.is_empty() {
            let nines = BigRational::from_integer(BigInt::from(10).pow(repeating.len()) - 1);
            let block = BigRational::from_integer(integer(&repeating));
            value += block / nines / ten_to(places.unwrap_or(0));
        }
        if let Some(power) = power {
            let scale = ten_to(power.unsigned_abs() as usize);
            value = if power < 0 { value / scale } else { value * scale };
        }
        let ends = repeating.is_empty() && power.is_none();
        let places = places.filter(|_| ends).and_then(|places| u32::try_from(places).ok());
        let digits = if ends && places.is_none() { digits } else { String::new() };
        Some(Literal { value, digits, places })
    }

    /// Groups of three behind the first digits; a comma groups only outside of brackets.
    fn groups(&mut self, digits: &mut String) -> Option<()> {
        let separates = |kind: Option<&Kind>, inside: u32| match kind {
            Some(Kind::Group) => true,
            Some(Kind::Sign(',')) => inside == 0,
            _ => false,
        };
        let (mut ahead, mut threes, mut others, mut sure) = (0, 0, 0, false);
        while separates(self.kind_at(ahead), self.inside)
            && !self.gap_at(ahead)
            && !self.gap_at(ahead + 1)
            && let Some(group) = self.digits_at(ahead + 1)
        {
            *(if group.len() == 3 { &mut threes } else { &mut others }) += 1;
            sure |= matches!(self.kind_at(ahead), Some(Kind::Group));
            ahead += 2;
        }
        if threes == 0 && !sure {
            // `3,5,7` is a list.
            return Some(());
        }
        let head = (1..=3).contains(&digits.len()) && !digits.starts_with('0');
        if others > 0 || !head {
            // `1,234,5`, `0,123`: neither a number nor surely a list.
            return None;
        }
        for group in (0..ahead).step_by(2) {
            digits.push_str(self.digits_at(group + 1)?);
        }
        self.at += ahead;
        Some(())
    }

    /// Whether repeating digits stand `ahead`: `\overline{3}` or, against the digits, `(3)`.
    fn repeats(&self, ahead: usize) -> bool {
        match self.kind_at(ahead) {
            Some(Kind::Command("overline")) => true,
            Some(Kind::Sign('(')) => {
                !self.gap_at(ahead)
                    && self.digits_at(ahead + 1).is_some()
                    && self.kind_at(ahead + 2) == Some(&Kind::Sign(')'))
            }
            _ => false,
        }
    }

    fn repeating(&mut self) -> Option<String> {
        if self.take('(') {
            let digits = self.digits_at(0)?.to_owned();
            self.at += 2;
            return Some(digits);
        }
        self.at += 1;
        if !self.take('{') {
            return self.first_digit();
        }
        let digits = self.digits_at(0)?.to_owned();
        self.at += 1;
        self.take('}').then_some(digits)
    }

    /// `e3`, `E-5` against the digits; the outer `None` where it is too large.
    #[allow(clippy::option_option, reason = "unreadable, absent, present")]
    fn scientific(&mut self) -> Option<Option<i64>> {
        let marks = matches!(self.kind(), Some(Kind::Name(name)) if name == "e" || name == "E");
        if !marks || self.gap_at(0) || self.gap_at(1) {
            return Some(None);
        }
        let negative = self.kind_at(1) == Some(&Kind::Sign('-'));
        let signed = negative || self.kind_at(1) == Some(&Kind::Sign('+'));
        let at = 1 + usize::from(signed);
        let Some(digits) = self.digits_at(at).filter(|_| !self.gap_at(at)) else {
            return Some(None);
        };
        let power: i64 = digits.parse().ok().filter(|&power| power <= MAX_DIGITS as i64)?;
        self.at += at + 1;
        Some(Some(if negative { -power } else { power }))
    }
}

enum Proper {
    No,
    Improper,
    Yes(BigRational),
}

fn exact(value: BigRational) -> Literal {
    Literal { value, digits: String::new(), places: None }
}

fn ten_to(power: usize) -> BigRational {
    BigRational::from_integer(BigInt::from(10).pow(power))
}

/// The value of decimal digits; as many as the caller lets by.
pub(super) fn integer(digits: &str) -> BigInt {
    let digits: Vec<u8> = digits.bytes().map(|byte| byte.wrapping_sub(b'0')).collect();
    BigInt::from_radix_be(Sign::Plus, &digits, 10).unwrap_or_else(BigInt::zero)
}
