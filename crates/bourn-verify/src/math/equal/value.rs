//! Whether two values are one, and whether two forms are.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow, Signed};

use super::{Same, exact};
use crate::math::answer::{Mark, Value};
use crate::math::evaluate::degree;
use crate::math::form::Form;
use crate::math::numeric::{agree, confirmed, real_constant};
use crate::math::poly::{Atom, Poly};
use crate::math::power::is_surely_prime;
use crate::math::work::{Fail, Work};

/// Whether two values are one: see [`crate::math`] for percent, degrees and rounded decimals.
pub(in crate::math) fn same_value(a: &Value, b: &Value, work: &mut Work) -> Result<Same, Fail> {
    // Labels of points keep their order: `ABC` is not `CBA`.
    if let (Some(x), Some(y)) = (&a.letters, &b.letters)
        && x.len() > 1
        && x.bytes().all(|b| b.is_ascii_uppercase())
    {
        return Ok(exact(x == y));
    }
    let alike = a.mark == b.mark;
    let mut found = Same::No;
    for (x, more_x) in readings(a, alike, work)? {
        for (y, more_y) in readings(b, alike, work)? {
            found = found.or(same_form(&x, &y, work)?);
            if found == Same::No
                && (decimal_of((a, b), more_x, &x, &y) || decimal_of((b, a), more_y, &y, &x))
            {
                found = Same::Exactly;
            }
            if found == Same::Exactly {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// The numeral and, where the other side has another mark or none, what the mark makes of it; with
/// the places that the mark adds.
fn readings(value: &Value, alike: bool, work: &mut Work) -> Result<Vec<(Form, u32)>, Fail> {
    let mut readings = vec![(value.form.clone(), 0)];
    if alike {
        return Ok(readings);
    }
    let hundredth = BigRational::new(BigInt::one(), BigInt::from(100));
    match value.mark {
        Mark::Plain => {}
        Mark::Percent => {
            readings.push((value.form.times(&Form::rational(hundredth), work)?, 2));
        }
        Mark::Degrees => readings.push((value.form.times(&degree(), work)?, 0)),
    }
    Ok(readings)
}

/// Whether the decimal `a`, worth `x`, stands for `exact`: rounded where no decimal is exact, or as
/// a program prints it.
fn decimal_of((a, b): (&Value, &Value), more: u32, x: &Form, exact: &Form) -> bool {
    let (Some((places, digits)), Some(x)) = (a.decimal, x.as_rational()) else { return false };
    match exact.as_rational() {
        Some(y) => {
            crate::number::rounds(&x, places + more, digits, &y)
                || crate::number::printed(&x, digits, &y, b.decimal)
        }
        None if exact.has_names() || digits < 6 => false,
        None => {
            let Some(y) = real_constant(exact) else { return false };
            let unit = BigRational::from_integer(BigInt::from(10).pow(places + more));
            // Half a unit of the last place, or what a double has lost.
            let Some(y) = BigRational::from_float(y) else { return false };
            let off = (x - &y).abs();
            let half = unit.recip() / BigRational::from_integer(2.into());
            let lost = y.abs() / BigRational::from_integer(BigInt::one() << 48);
            off <= half + lost
        }
    }
}

/// Whether two forms have one value.
pub(in crate::math) fn same_form(a: &Form, b: &Form, work: &mut Work) -> Result<Same, Fail> {
    if a == b {
        return Ok(Same::Exactly);
    }
    if let (Some(_), Some(_)) = (a.as_rational(), b.as_rational()) {
        return Ok(Same::No);
    }
    let cross = a.num.times(&b.den, work)?.plus(&b.num.times(&a.den, work)?.negated(), work)?;
    if cross.is_zero() {
        return Ok(Same::Exactly);
    }
    if is_independent(&cross) {
        return Ok(Same::No);
    }
    work.spend(500)?;
    match agree(a, b) {
        Some(true) => match confirmed(a, b, work)? {
            Some(true) => Ok(Same::Numerically),
            Some(false) => Ok(Same::No),
            None => Err(Fail::TooMuch),
        },
        Some(false) => Ok(Same::No),
        None => Err(Fail::TooMuch),
    }
}

/// Whether a sum that is not empty is surely not zero: its atoms are letters, roots of primes, i,
/// and one of π and e.
fn is_independent(poly: &Poly) -> bool {
    let (mut pi, mut euler) = (false, false);
    for (atom, _) in poly.atoms() {
        match atom {
            Atom::Name(_) | Atom::Imaginary => {}
            Atom::Pi => pi = true,
            Atom::Euler => euler = true,
            Atom::Prime(prime) if is_surely_prime(prime) => {}
            _ => return false,
        }
    }
    !(pi && euler)
}
