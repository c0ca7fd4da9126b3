//! The smallest wholes: numerals, names, functions, groups, commands with arguments.

use num_traits::{One, ToPrimitive};

use super::Parser;
use crate::math::token::Kind;
use crate::math::tree::{Expr, Literal};

impl Parser {
    pub(super) fn atom(&mut self) -> Option<Expr> {
        self.deeper(|parser| match parser.kind()?.clone() {
            Kind::Digits(_) | Kind::Sign('.') | Kind::Vulgar(..) => {
                let number = parser.number()?;
                parser.based(number)
            }
            Kind::Name(name) => {
                parser.at += 1;
                parser.named(name)
            }
            Kind::Word(word) => {
                parser.at += 1;
                parser.meaning(word)
            }
            Kind::Command(command) => {
                parser.at += 1;
                parser.command(command)
            }
            Kind::Begin(name) => parser.matrix(&name),
            Kind::Sign(sign) => parser.group(sign),
            _ => None,
        })
    }

    /// A letter, with the index that makes it another.
    fn named(&mut self, name: String) -> Option<Expr> {
        if self.take('_') {
            let index = self.index()?;
            // `A5_{11}` is no index of a product: digits and letters are a numeral together.
            return Some(Expr::Name(format!("{name}_{index}")));
        }
        Some(match name.as_str() {
            "i" => Expr::Imaginary,
            "e" => Expr::Euler,
            _ => Expr::Name(name),
        })
    }

    /// What stands behind `_`, as text: a digit run, a letter, or a group of those.
    pub(super) fn index(&mut self) -> Option<String> {
        let braced = self.take('{');
        let mut index = String::new();
        loop {
            match self.kind() {
                Some(Kind::Digits(part) | Kind::Name(part) | Kind::Text(part)) => {
                    index.push_str(part);
                }
                Some(Kind::Word(word)) => index.push_str(word),
                Some(Kind::Sign(',' | '+' | '-')) if braced => index.push('_'),
                _ => break,
            }
            self.at += 1;
            if !braced {
                break;
            }
        }
        let closed = !braced || self.take('}');
        (closed && !index.is_empty()).then_some(index)
    }

    /// A natural number with a base behind it, or the number.
    fn based(&mut self, number: Expr) -> Option<Expr> {
        if self.sign() != Some('_') {
            return Some(number);
        }
        let Expr::Number(Literal { digits, .. }) = number else { return None };
        self.at += 1;
        let base: u32 = self.base()?;
        let fits = !digits.is_empty() && digits.chars().all(|c| c.is_digit(base));
        fits.then_some(Expr::Based(digits, base))
    }

    /// A base from 2 to 36, in digits or in words.
    pub(super) fn base(&mut self) -> Option<u32> {
        let index = self.index()?;
        let base = index.parse().ok().or_else(|| crate::math::words::number(&index))?;
        (2..=36).contains(&base).then_some(base)
    }

    fn meaning(&mut self, word: &'static str) -> Option<Expr> {
        match word {
            "pi" => Some(Expr::Pi),
            "i" => Some(Expr::Imaginary),
            "infinity" => Some(Expr::Infinity),
            "reals" => Some(Expr::Reals),
            "sqrt" => {
                let radicand = self.applied()?;
                Some(Expr::Root(radicand.boxed(), natural(2).boxed()))
            }
            "and" | "or" | "mod" | "union" | "deg" | "det" => None,
            function => self.function(function),
        }
    }

    /// A function with its power, base and argument: `\sin^2 x`, `\log_2 8`, `\sin 5x \cos x`.
    fn function(&mut self, function: &'static str) -> Option<Expr> {
        let mut base = None;
        let mut power = None;
        for _ in 0..2 {
            if base.is_none() && function == "log" && self.take('_') {
                base = Some(self.base_argument()?);
            } else if power.is_none() && self.take('^') {
                power = Some(self.exponent()?);
            }
        }
        let mut arguments = match function {
            "gcd" | "lcm" | "max" | "min" => self.several()?,
            _ => vec![self.applied()?],
        };
        arguments.extend(base);
        let inverse = |power: &Expr| matches!(power, Expr::Negative(one) if is_one(one));
        Some(match power {
            Some(power) if inverse(&power) => {
                let inverse = match function {
                    "sin" => "arcsin",
                    "cos" => "arccos",
                    "tan" => "arctan",
                    _ => return None,
                };
                Expr::Call(inverse, arguments)
            }
            Some(power) => Expr::Power(Expr::Call(function, arguments).boxed(), power.boxed()),
            None => Expr::Call(function, arguments),
        })
    }

    fn base_argument(&mut self) -> Option<Expr> {
        if self.take('{') {
            let base = self.sum()?;
            return self.take('}').then_some(base);
        }
        match self.kind()? {
            Kind::Digits(_) => {
                // `\log_28` is set as a base of one digit.
                let digits = self.first_digit()?;
                Some(Expr::Number(Literal {
                    value: num_rational::BigRational::from_integer(super::number::integer(&digits)),
                    digits,
                    places: None,
                }))
            }
            _ => self.atom(),
        }
    }

    /// The argument of a function: what stands in brackets, or all factors up to the next function.
    fn applied(&mut self) -> Option<Expr> {
        if let Some('(' | '[' | '{' | '|') = self.sign() {
            let inside = self.atom()?;
            // `\sin{x}y` has an end to its argument; `\sin (x)^2` squares the sine.
            return Some(inside);
        }
        let negative = self.take('-');
        let mut factors = vec![self.factor()?];
        while self.starts_factor() && !self.starts_function() && self.sign() != Some('(') {
            factors.push(self.factor()?);
        }
        let turns = matches!(factors.last(), Some(Expr::Pi));
        let mut argument = super::product(factors)?;
        // `\cos 2\pi/7` is the cosine of a seventh of a turn.
        if turns && self.sign() == Some('/') && self.digits_at(1).is_some() {
            self.at += 1;
            argument = Expr::Quotient(argument.boxed(), self.factor()?.boxed());
        }
        Some(if negative { Expr::Negative(argument.boxed()) } else { argument })
    }

    fn starts_function(&self) -> bool {
        matches!(self.kind(), Some(Kind::Word(word)) if !matches!(*word, "pi" | "i" | "infinity"))
    }

    /// Arguments in brackets, parted by commas.
    fn several(&mut self) -> Option<Vec<Expr>> {
        match self.atom()? {
            Expr::Tuple('(', ')', members) | Expr::Set(members) => Some(members),
            _ => None,
        }
    }

    fn command(&mut self, command: &'static str) -> Option<Expr> {
        match command {
            "frac" => {
                let top = self.argument()?;
                let bottom = self.argument()?;
                Some(Expr::Quotient(top.boxed(), bottom.boxed()))
            }
            "binom" => {
                let top = self.argument()?;
                let bottom = self.argument()?;
                Some(Expr::Binomial(top.boxed(), bottom.boxed()))
            }
            "sqrt" => {
                let index = match self.take('[') {
                    true => {
                        let index = self.sum()?;
                        if !self.take(']') {
                            return None;
                        }
                        index
                    }
                    false => natural(2),
                };
                // `\sqrt10` is set as a root of 1 and meant as one of 10: neither is read.
                if matches!(self.kind(), Some(Kind::Digits(digits)) if digits.len() > 1) {
                    return None;
                }
                let radicand = self.argument()?;
                Some(Expr::Root(radicand.boxed(), index.boxed()))
            }
            "root" => {
                let radicand = self.factor()?;
                Some(Expr::Root(radicand.boxed(), natural(2).boxed()))
            }
            _ => None,
        }
    }

    /// A TeX argument: a group, one digit, or one atom.
    pub(super) fn argument(&mut self) -> Option<Expr> {
        match self.kind()? {
            Kind::Digits(_) => {
                let digit = self.first_digit()?;
                let value = super::number::integer(&digit);
                Some(Expr::Number(Literal {
                    value: num_rational::BigRational::from_integer(value),
                    digits: digit,
                    places: None,
                }))
            }
            Kind::Sign('{') => self.group('{'),
            Kind::Name(_) | Kind::Word("pi" | "i" | "infinity") | Kind::Command(_) => self.atom(),
            _ => None,
        }
    }

    /// Brackets, bars, and what stands alone as a sign.
    fn group(&mut self, open: char) -> Option<Expr> {
        self.at += 1;
        match open {
            '{' => {
                let inside = self.braced()?;
                self.take('}').then_some(inside)
            }
            '(' | '[' => {
                let members = self.members()?;
                let close = self.sign().filter(|c| matches!(c, ')' | ']'))?;
                self.at += 1;
                let alone = members.len() == 1 && (open == '(') == (close == ')');
                match members {
                    members if alone => members.into_iter().next(),
                    members if members.len() > 1 => Some(Expr::Tuple(open, close, members)),
                    _ => None,
                }
            }
            '⦃' => {
                if self.take('⦄') {
                    return Some(Expr::Empty);
                }
                if let Some(length) = self.builder() {
                    self.at += length;
                    let condition = self.item()?;
                    return self.take('⦄').then_some(condition);
                }
                let members = self.members()?;
                self.take('⦄').then_some(Expr::Set(members))
            }
            '|' => {
                self.bars += 1;
                let inside = self.sum();
                self.bars -= 1;
                let inside = inside?;
                self.take('|').then(|| Expr::Call("abs", vec![inside]))
            }
            '⌊' => {
                let inside = self.sum()?;
                self.take('⌋').then(|| Expr::Call("floor", vec![inside]))
            }
            '⌈' => {
                let inside = self.sum()?;
                self.take('⌉').then(|| Expr::Call("ceil", vec![inside]))
            }
            '∅' => Some(Expr::Empty),
            _ => None,
        }
    }

    /// Length of `x ∈ ℝ |` or `x :` at the start of a set: what a condition follows.
    fn builder(&self) -> Option<usize> {
        let Some(Kind::Name(_)) = self.kind() else { return None };
        let of_reals = self.kind_at(1) == Some(&Kind::Sign('∈'))
            && self.kind_at(2) == Some(&Kind::Word("reals"));
        let at = if of_reals { 3 } else { 1 };
        matches!(self.kind_at(at), Some(Kind::Sign('|' | ':'))).then_some(at + 1)
    }

    /// What stands in plain braces: no comma of a list.
    fn braced(&mut self) -> Option<Expr> {
        let bars = std::mem::take(&mut self.bars);
        let inside = self.list();
        self.bars = bars;
        inside
    }

    fn members(&mut self) -> Option<Vec<Expr>> {
        let bars = std::mem::take(&mut self.bars);
        self.inside += 1;
        let inside = self.list();
        self.inside -= 1;
        self.bars = bars;
        Some(match inside? {
            Expr::List(members) => members,
            one => vec![one],
        })
    }
}

fn natural(value: u32) -> Expr {
    let value = num_rational::BigRational::from_integer(value.into());
    Expr::Number(Literal { value, digits: String::new(), places: None })
}

fn is_one(expr: &Expr) -> bool {
    matches!(expr, Expr::Number(literal) if literal.value.is_one())
        || matches!(expr, Expr::Number(l) if l.value.to_f64() == Some(1.0))
}
