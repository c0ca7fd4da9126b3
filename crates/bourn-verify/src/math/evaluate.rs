//! From a tree to a value.

use num_bigint::BigInt;
use num_rational::BigRational;

use super::form::Form;
use super::functions::{binomial, call, factorial};
use super::poly::{Atom, Exponent, Poly};
use super::power::power;
use super::tree::Expr;
use super::work::{Fail, Work};

/// How a tree is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// Which of `±` is meant.
    pub plus: bool,
    /// Whether a degree is π/180 here, as in the argument of a sine, or a unit.
    pub radians: bool,
}

/// The value of `expr`.
pub(super) fn value(expr: &Expr, how: Reading, work: &mut Work) -> Result<Form, Fail> {
    work.spend(2)?;
    let of = |expr: &Expr, work: &mut Work| value(expr, how, work);
    match expr {
        Expr::Number(literal) => {
            work.spend(1 + literal.value.numer().bits() / 64)?;
            Ok(Form::rational(literal.value.clone()))
        }
        Expr::Name(name) => Ok(Form::atom(Atom::Name(name.clone()))),
        Expr::Pi => Ok(Form::atom(Atom::Pi)),
        Expr::Euler => Ok(Form::atom(Atom::Euler)),
        Expr::Imaginary => Ok(Form::atom(Atom::Imaginary)),
        Expr::Sum(terms) => {
            let mut sum = Form::integer(0);
            for term in terms {
                sum = sum.plus(&of(term, work)?, work)?;
            }
            Ok(sum)
        }
        Expr::Negative(inner) => Ok(of(inner, work)?.negated()),
        Expr::PlusMinus(inner, upper) => {
            let inner = of(inner, work)?;
            Ok(if how.plus == *upper { inner } else { inner.negated() })
        }
        Expr::Product(factors) => {
            let mut product = Form::integer(1);
            for factor in factors {
                product = product.times(&of(factor, work)?, work)?;
            }
            Ok(product)
        }
        Expr::Quotient(top, bottom) => of(top, work)?.over(&of(bottom, work)?, work),
        Expr::Power(base, exponent) => {
            let (base, exponent) = (of(base, work)?, of(exponent, work)?);
            power(&base, &exponent, work)
        }
        Expr::Root(radicand, index) => {
            let radicand = of(radicand, work)?;
            let index = of(index, work)?;
            let Some(index) = index.as_rational() else {
                return power(&radicand, &Form::integer(1).over(&index, work)?, work);
            };
            let two = BigRational::from_integer(2.into());
            if !index.is_integer() || index < two {
                return Err(Fail::Unknown);
            }
            power(&radicand, &Form::rational(index.recip()), work)
        }
        Expr::Factorial(inner) => factorial(&of(inner, work)?, work),
        Expr::Binomial(n, k) => binomial(&of(n, work)?, &of(k, work)?, work),
        Expr::Call(function, arguments) => {
            let radians =
                how.radians || matches!(*function, "sin" | "cos" | "tan" | "cot" | "sec" | "csc");
            let inner = Reading { radians, ..how };
            let mut values = Vec::with_capacity(arguments.len());
            for argument in arguments {
                values.push(value(argument, inner, work)?);
            }
            call(function, &values, work)
        }
        Expr::Degrees(inner) => {
            let inner = of(inner, work)?;
            if how.radians { inner.times(&degree(), work) } else { Ok(inner) }
        }
        Expr::Percent(inner) => {
            let hundredth = BigRational::new(BigInt::from(1), BigInt::from(100));
            of(inner, work)?.times(&Form::rational(hundredth), work)
        }
        Expr::Based(digits, base) => {
            let number = BigInt::parse_bytes(digits.as_bytes(), *base).ok_or(Fail::Unknown)?;
            Ok(Form::rational(BigRational::from_integer(number)))
        }
        Expr::Determinant(rows) => determinant(rows, how, work),
        _ => Err(Fail::Unknown),
    }
}

/// One degree, in radians.
pub(super) fn degree() -> Form {
    let part = BigRational::new(BigInt::from(1), BigInt::from(180));
    Form::from(Poly::term(vec![(Atom::Pi, Exponent::ONE)], part))
}

/// By the first row, up to three rows.
fn determinant(rows: &[Vec<Expr>], how: Reading, work: &mut Work) -> Result<Form, Fail> {
    if rows.len() > 3 || rows.iter().any(|row| row.len() != rows.len()) {
        return Err(Fail::Unknown);
    }
    let mut entries = Vec::new();
    for row in rows {
        let row: Result<Vec<Form>, Fail> = row.iter().map(|e| value(e, how, work)).collect();
        entries.push(row?);
    }
    minor(&entries, work)
}

fn minor(rows: &[Vec<Form>], work: &mut Work) -> Result<Form, Fail> {
    let Some((first, rest)) = rows.split_first() else { return Ok(Form::integer(1)) };
    let mut sum = Form::integer(0);
    for (at, entry) in first.iter().enumerate() {
        let smaller: Vec<Vec<Form>> = rest
            .iter()
            .map(|row| {
                let others = row.iter().enumerate().filter(|(column, _)| *column != at);
                others.map(|(_, entry)| entry.clone()).collect()
            })
            .collect();
        let part = entry.times(&minor(&smaller, work)?, work)?;
        let part = if at % 2 == 0 { part } else { part.negated() };
        sum = sum.plus(&part, work)?;
    }
    Ok(sum)
}
