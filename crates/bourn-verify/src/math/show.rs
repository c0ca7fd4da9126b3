//! Answers as text that is the same for every way of writing them, as far as forms go.

use std::fmt::{Display, Formatter, Result};

use num_traits::{One, Signed};

use super::answer::{Answer, Mark, Value};
use super::form::Form;
use super::poly::{Atom, Exponent, Poly};
use super::region::{Bound, Region};

impl Display for Answer {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Answer::Value(value) => write!(f, "{value}"),
            Answer::Infinite(positive) => f.write_str(if *positive { "∞" } else { "-∞" }),
            Answer::Text(text) => f.write_str(text),
            Answer::List(members) => {
                let mut members: Vec<String> = members.iter().map(Answer::to_string).collect();
                members.sort();
                write!(f, "{{{}}}", members.join(", "))
            }
            Answer::Tuple(open, close, members) => {
                write!(f, "{open}{}{close}", joined(members, ", "))
            }
            Answer::Region(region) => write!(f, "{region}"),
            Answer::Matrix(rows) => {
                let rows: Vec<String> = rows.iter().map(|row| joined(row, ", ")).collect();
                write!(f, "[{}]", rows.join("; "))
            }
            Answer::Equation(form) => write!(f, "{} = 0", led(form, false)),
            Answer::Unequal(form) => write!(f, "{} ≠ 0", led(form, false)),
            Answer::Inequalities(parts) => {
                let mut parts: Vec<String> = parts
                    .iter()
                    .map(|part| {
                        format!(
                            "{} {} 0",
                            led(&part.form, true),
                            if part.strict { '>' } else { '≥' }
                        )
                    })
                    .collect();
                parts.sort();
                f.write_str(&parts.join(", "))
            }
            Answer::Based(number, base) => write!(f, "{}_{base}", number.to_str_radix(*base)),
            Answer::Congruence(residue, modulus) => write!(f, "{residue} mod {modulus}"),
            Answer::Ratio(parts) => f.write_str(&joined(parts, ":")),
            Answer::Assigned(_, value, _) => write!(f, "{value}"),
            Answer::Written(expr) => write!(f, "{expr:?}"),
            Answer::Either(ways) => match ways.first() {
                Some(way) => write!(f, "{way}"),
                None => Ok(()),
            },
        }
    }
}

fn joined<T: Display>(parts: &[T], between: &str) -> String {
    parts.iter().map(T::to_string).collect::<Vec<_>>().join(between)
}

/// With the first factor 1, or ±1 where the sign says something.
fn led(form: &Form, signed: bool) -> Poly {
    let Some((_, factor)) = form.num.leading() else { return Poly::zero() };
    let factor = if signed { factor.abs() } else { factor.clone() };
    form.num.clone().scaled(&factor.recip())
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mark = match self.mark {
            Mark::Percent => "%",
            Mark::Plain | Mark::Degrees => "",
        };
        write!(f, "{}{mark}", self.form)
    }
}

impl Display for Region {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.intervals.is_empty() {
            return f.write_str("∅");
        }
        let end = |bound: &Bound, infinite: &str| match &bound.at {
            Some(at) => at.to_string(),
            None => infinite.to_owned(),
        };
        for (at, interval) in self.intervals.iter().enumerate() {
            let (low, high) = (&interval.low, &interval.high);
            write!(
                f,
                "{}{}{}, {}{}",
                if at > 0 { " ∪ " } else { "" },
                if low.closed { '[' } else { '(' },
                end(low, "-∞"),
                end(high, "∞"),
                if high.closed { ']' } else { ')' },
            )?;
        }
        Ok(())
    }
}

impl Display for Form {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.is_whole() {
            return write!(f, "{}", self.num);
        }
        write!(f, "({})/({})", self.num, self.den)
    }
}

impl Display for Poly {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        for (at, (monomial, factor)) in self.terms.iter().rev().enumerate() {
            let sign = match (at, factor.is_negative()) {
                (0, true) => "-",
                (0, false) => "",
                (_, true) => " - ",
                (_, false) => " + ",
            };
            f.write_str(sign)?;
            let size = factor.abs();
            if monomial.is_empty() {
                write!(f, "{size}")?;
                continue;
            }
            if !size.is_one() {
                write!(f, "{size}*")?;
            }
            let powers: Vec<String> =
                monomial.iter().map(|(atom, exponent)| power(atom, *exponent)).collect();
            f.write_str(&powers.join("*"))?;
        }
        Ok(())
    }
}

fn power(atom: &Atom, exponent: Exponent) -> String {
    let base = match atom {
        Atom::Name(name) => name.clone(),
        Atom::Pi => "π".to_owned(),
        Atom::Euler => "e".to_owned(),
        Atom::Imaginary => "i".to_owned(),
        Atom::Prime(prime) => prime.to_string(),
        Atom::Base(form) => format!("({form})"),
        Atom::Call(function, arguments) => format!("{function}({})", joined(arguments, ", ")),
        Atom::Raised(base, exponent) => format!("({base})^({exponent})"),
    };
    match exponent {
        Exponent::ONE => base,
        Exponent { top, bottom: 1 } => format!("{base}^{top}"),
        Exponent { top, bottom } => format!("{base}^({top}/{bottom})"),
    }
}
