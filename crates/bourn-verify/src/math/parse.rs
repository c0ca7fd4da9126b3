//! From tokens to a tree. Total: what is not understood to its last token is `None`.

mod atom;
mod matrix;
mod number;
mod postfix;
mod unit;

use super::token::{Kind, Token, tokens};
use super::tree::Expr;

/// Deepest nesting that is read.
const MAX_DEPTH: u32 = 40;

/// Reads `text` as one answer and nothing else.
pub(super) fn parse(text: &str) -> Option<Expr> {
    let mut tokens = tokens(text)?;
    let ends = |token: &Token, signs: &str| match token.kind {
        Kind::Sign(c) => signs.contains(c),
        Kind::Row => true,
        _ => false,
    };
    while tokens.last().is_some_and(|token| ends(token, ".,;`")) {
        tokens.pop();
    }
    let start = tokens.iter().take_while(|token| ends(token, "`:")).count();
    tokens.drain(..start);
    if tokens.is_empty() {
        return None;
    }
    let mut parser = Parser { tokens, at: 0, depth: 0, inside: 0, bars: 0 };
    let answer = parser.list()?;
    (parser.at == parser.tokens.len()).then_some(answer)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    /// Brackets that are open, in which a comma parts members.
    inside: u32,
    /// Bars of absolute values that are open.
    bars: u32,
}

impl Parser {
    fn kind(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn kind_at(&self, ahead: usize) -> Option<&Kind> {
        self.tokens.get(self.at + ahead).map(|token| &token.kind)
    }

    /// Whether white space stands before the token that is `ahead`.
    fn gap_at(&self, ahead: usize) -> bool {
        self.tokens.get(self.at + ahead).is_some_and(|token| token.gap)
    }

    fn sign(&self) -> Option<char> {
        match self.kind() {
            Some(Kind::Sign(sign)) => Some(*sign),
            _ => None,
        }
    }

    fn take(&mut self, sign: char) -> bool {
        let found = self.sign() == Some(sign);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.kind(), Some(Kind::Word(known)) if *known == word);
        self.at += usize::from(found);
        found
    }

    /// One level deeper, as long as there are levels.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth >= MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    /// Items parted by commas, semicolons, `and`, `or`.
    fn list(&mut self) -> Option<Expr> {
        self.deeper(|parser| {
            let first = parser.item()?;
            let mut items = vec![first];
            while parser.separator() {
                items.push(parser.item()?);
            }
            Some(if items.len() == 1 { items.pop()? } else { Expr::List(items) })
        })
    }

    fn separator(&mut self) -> bool {
        let comma = self.take(',') || self.take(';');
        let word = self.joins();
        self.at += usize::from(word);
        comma || word
    }

    /// Whether the next token is `and` or `or`, as a word or in `\text{…}`.
    fn joins(&self) -> bool {
        match self.kind() {
            Some(Kind::Word("and" | "or")) => true,
            Some(Kind::Text(text)) => {
                let text = text.trim_matches([' ', ',', ';']);
                text.is_empty() || matches!(text, "and" | "or" | "OR" | "AND")
            }
            _ => false,
        }
    }

    /// A chain of relations, or one side alone; with a modulus, if one follows.
    fn item(&mut self) -> Option<Expr> {
        self.deeper(|parser| {
            // `≈ 8.24`, `= 5`: what it is equal to, is not said.
            let _ = parser.take('≈') || parser.take('=');
            let first = parser.union()?;
            let mut rest = Vec::new();
            while let Some(sign @ ('=' | '<' | '>' | '≤' | '≥' | '≠' | '≈' | '≡' | '∈')) =
                parser.sign()
            {
                parser.at += 1;
                rest.push((sign, parser.union()?));
            }
            let said = match rest.is_empty() {
                true => first,
                false => Expr::Relations(first.boxed(), rest),
            };
            let modulus = parser.modulus()?;
            Some(match modulus {
                Some(modulus) => Expr::Modular(said.boxed(), modulus.boxed()),
                None => said,
            })
        })
    }

    /// `\pmod{7}`, `(mod 7)`, `mod 7`, where one follows; the outer `None` where it is unreadable.
    #[allow(clippy::option_option, reason = "unreadable, absent, present")]
    fn modulus(&mut self) -> Option<Option<Expr>> {
        if matches!(self.kind(), Some(Kind::Command("pmod"))) {
            self.at += 1;
            return self.argument().map(Some);
        }
        if self.word("mod") {
            return self.sum().map(Some);
        }
        if self.sign() == Some('(') && matches!(self.kind_at(1), Some(Kind::Word("mod"))) {
            self.at += 2;
            let modulus = self.sum()?;
            return self.take(')').then_some(Some(modulus));
        }
        Some(None)
    }

    /// Sets and intervals, joined or without one another.
    fn union(&mut self) -> Option<Expr> {
        let mut parts = vec![self.operand()?];
        loop {
            if self.take('∪') || self.word("union") {
                parts.push(self.operand()?);
            } else if self.take('∖') {
                let all = if parts.len() == 1 { parts.pop()? } else { Expr::Union(parts) };
                parts = vec![Expr::Without(all.boxed(), self.operand()?.boxed())];
            } else {
                break;
            }
        }
        Some(if parts.len() == 1 { parts.pop()? } else { Expr::Union(parts) })
    }

    /// Words, or an expression with its unit; two or more with colons between are a ratio.
    fn operand(&mut self) -> Option<Expr> {
        if matches!(self.kind(), Some(Kind::Text(_))) {
            return self.words();
        }
        let value = self.quotient()?;
        let value = self.with_unit(value)?;
        if self.sign() != Some(':') {
            return Some(value);
        }
        let mut parts = vec![value];
        while self.take(':') {
            parts.push(self.quotient()?);
        }
        // `8:34 p.m.` is a time, and stays what is written.
        if let Some(Kind::Text(half)) = self.kind() {
            let half = half.clone();
            self.at += 1;
            let written: Option<Vec<&str>> = parts.iter().map(digits).collect();
            return Some(Expr::Text(format!("{} {half}", written?.join(":"))));
        }
        Some(Expr::Ratio(parts))
    }

    /// A sum, or what `\over` or `\choose` makes of two.
    fn quotient(&mut self) -> Option<Expr> {
        let top = self.sum()?;
        match self.kind() {
            Some(Kind::Command("over")) => {
                self.at += 1;
                Some(Expr::Quotient(top.boxed(), self.sum()?.boxed()))
            }
            Some(Kind::Command("choose")) => {
                self.at += 1;
                Some(Expr::Binomial(top.boxed(), self.sum()?.boxed()))
            }
            _ => Some(top),
        }
    }

    fn sum(&mut self) -> Option<Expr> {
        self.deeper(|parser| {
            let mut terms = vec![parser.signed()?];
            while let Some(sign @ ('+' | '-' | '±' | '∓')) = parser.sign() {
                parser.at += 1;
                // `2 + -3` has a sign of its own; `2 + - -3` is a slip.
                let term = match parser.sign() {
                    Some('-') => {
                        parser.at += 1;
                        Expr::Negative(parser.term()?.boxed())
                    }
                    _ => parser.term()?,
                };
                terms.push(match sign {
                    '+' => term,
                    '-' => Expr::Negative(term.boxed()),
                    _ => Expr::PlusMinus(term.boxed(), sign == '±'),
                });
            }
            Some(if terms.len() == 1 { terms.pop()? } else { Expr::Sum(terms) })
        })
    }

    fn signed(&mut self) -> Option<Expr> {
        match self.sign() {
            Some('+') => {
                self.at += 1;
                self.term()
            }
            Some('-') => {
                self.at += 1;
                Some(Expr::Negative(self.term()?.boxed()))
            }
            Some(sign @ ('±' | '∓')) => {
                self.at += 1;
                Some(Expr::PlusMinus(self.term()?.boxed(), sign == '±'))
            }
            _ => self.term(),
        }
    }

    /// Factors, with or without a sign between; from left to right.
    fn term(&mut self) -> Option<Expr> {
        let mut factors = vec![self.factor()?];
        let mut divided = false;
        loop {
            if self.take('*') {
                factors.push(self.signed_factor()?);
            } else if matches!(self.sign(), Some('/' | '⁄')) && !self.divides_units() {
                // `1/2/3` is read in two ways.
                if divided {
                    return None;
                }
                self.at += 1;
                divided = true;
                let top = product(factors)?;
                let bottom = self.signed_factor()?;
                factors = vec![Expr::Quotient(top.boxed(), bottom.boxed())];
            } else if self.starts_factor() {
                factors.push(self.factor()?);
            } else {
                return product(factors);
            }
        }
    }

    fn signed_factor(&mut self) -> Option<Expr> {
        if self.take('-') {
            return Some(Expr::Negative(self.factor()?.boxed()));
        }
        self.factor()
    }

    /// Whether a factor may stand here without a sign of multiplication. A numeral may not: two side
    /// by side are no product, and one behind a letter is an index or a slip.
    fn starts_factor(&self) -> bool {
        if self.unit_ahead().is_some() {
            return false;
        }
        match self.kind() {
            Some(Kind::Name(_) | Kind::Begin(_)) => true,
            Some(Kind::Word(word)) => {
                !matches!(*word, "and" | "or" | "mod" | "union" | "reals" | "deg")
            }
            Some(Kind::Command(command)) => {
                !matches!(*command, "over" | "choose" | "pmod" | "overline")
            }
            Some(Kind::Sign('(')) => !matches!(self.kind_at(1), Some(Kind::Word("mod"))),
            Some(Kind::Sign('[' | '{' | '⌊' | '⌈')) => true,
            Some(Kind::Sign('|')) => self.bars == 0,
            _ => false,
        }
    }

    /// An atom with what stands behind it: powers, factorials, degrees, percent.
    fn factor(&mut self) -> Option<Expr> {
        self.deeper(|parser| {
            let base = parser.atom()?;
            parser.postfix(base)
        })
    }
}

/// The product of factors, where there are several.
fn product(mut factors: Vec<Expr>) -> Option<Expr> {
    Some(if factors.len() == 1 { factors.pop()? } else { Expr::Product(factors) })
}

/// The digits of a natural number, as written.
fn digits(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Number(literal) if !literal.digits.is_empty() => Some(&literal.digits),
        _ => None,
    }
}
