//! Powers and roots of values, exact where they can be.

use std::sync::Arc;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::form::Form;
use super::functions::{cosine_of_turn, sine_of_turn};
use super::poly::{Atom, Exponent, Monomial, Poly, content, exponent};
use super::work::{Fail, Work};

/// Divisors up to here are tried; what is left above their square may not be prime.
const TRIED: u32 = 10_000;
/// Below this, what no tried divisor divides is prime.
const SURELY_PRIME: u64 = 100_000_000;

/// `base` to the power `power`.
pub(super) fn power(base: &Form, power: &Form, work: &mut Work) -> Result<Form, Fail> {
    if let Some(value) = power.as_rational() {
        if value.is_integer() {
            let whole = value.numer().to_i64().ok_or(Fail::TooMuch)?;
            if let Some(rational) = base.as_rational()
                && (rational.is_one() || rational.is_zero() && whole > 0)
            {
                return Ok(base.clone());
            }
            return base.to_the(whole, work);
        }
        return root(base, exponent(&value).ok_or(Fail::TooMuch)?, work);
    }
    if base.is_zero() {
        return Err(Fail::Unknown);
    }
    if let Some(value) = base.as_rational() {
        if value.is_one() {
            return Ok(Form::integer(1));
        }
        if value.is_positive() {
            let mut product = Form::integer(1);
            for (prime, times) in factors(&value, work)? {
                let prime = Form::rational(BigRational::from_integer(prime));
                let raised = symbolic(&prime, power, work)?;
                product = product.times(&raised.to_the(times, work)?, work)?;
            }
            return Ok(product);
        }
    }
    symbolic(base, power, work)
}

/// A power with an exponent that is no rational number: `b^(c + kx) = b^c (b^x)^k`.
fn symbolic(base: &Form, exponents: &Form, work: &mut Work) -> Result<Form, Fail> {
    let whole =
        |exponents: &Form| Atom::Raised(Arc::new(base.clone()), Arc::new(exponents.clone()));
    if !exponents.is_whole() {
        return Ok(Form::atom(whole(exponents)));
    }
    let euler = *base == Form::atom(Atom::Euler);
    let mut product = Form::integer(1);
    for (monomial, factor) in &exponents.num.terms {
        let turn = vec![(Atom::Pi, Exponent::ONE), (Atom::Imaginary, Exponent::ONE)];
        let factor_of_term = if monomial.is_empty() {
            power(base, &Form::rational(factor.clone()), work)?
        } else if euler && *monomial == turn {
            // e^(iπt) = cos πt + i sin πt
            let sine = sine_of_turn(factor, work)?.times(&Form::atom(Atom::Imaginary), work)?;
            cosine_of_turn(factor, work)?.plus(&sine, work)?
        } else {
            let times = exponent(factor).ok_or(Fail::TooMuch)?;
            let one = Form::from(Poly::term(monomial.clone(), BigRational::one()));
            Form::from(Poly::term(vec![(whole(&one), times)], BigRational::one()))
        };
        product = product.times(&factor_of_term, work)?;
    }
    Ok(product)
}

/// `base` to a fraction.
pub(super) fn root(base: &Form, by: Exponent, work: &mut Work) -> Result<Form, Fail> {
    if base.is_zero() {
        return if by.top > 0 { Ok(base.clone()) } else { Err(Fail::Undefined) };
    }
    if let Some(value) = base.as_rational() {
        return root_of_rational(&value, by, work);
    }
    if base.is_whole() {
        if let Some((monomial, factor)) = base.num.single()
            && let Some(found) = root_of_term(monomial, factor, by, work)?
        {
            return Ok(found);
        }
        if by.bottom == 2
            && let Some(found) = denested(&base.num, work)?
        {
            return found.to_the(by.top, work);
        }
        let common = content(&base.num, work)?;
        let outside = root_of_rational(&common, by, work)?;
        let inside = Form::from(base.num.clone().scaled(&common.recip()));
        let term = Poly::term(vec![(Atom::Base(Arc::new(inside)), by)], BigRational::one());
        // The integer part of the exponent is multiplied out.
        return outside.times(&Form::from(term.times(&Poly::one(), work)?), work);
    }
    let atom = Atom::Base(Arc::new(base.clone()));
    Ok(Form::from(Poly::term(vec![(atom, by)], BigRational::one())))
}

fn root_of_rational(value: &BigRational, by: Exponent, work: &mut Work) -> Result<Form, Fail> {
    if value.is_negative() {
        let positive = root_of_rational(&-value, by, work)?;
        if by.bottom % 2 == 1 {
            // The real root, as schools have it: the cube root of −8 is −2.
            return Ok(if by.top % 2 == 0 { positive } else { positive.negated() });
        }
        if by.bottom == 2 {
            return Form::atom(Atom::Imaginary).to_the(by.top, work)?.times(&positive, work);
        }
        return Err(Fail::Unknown);
    }
    let mut product = Poly::one();
    for (prime, times) in factors(value, work)? {
        let times = Exponent::new(times, 1)?.times(by)?;
        let power = Poly::term(vec![(Atom::Prime(prime), times)], BigRational::one());
        product = product.times(&power, work)?;
    }
    Ok(Form::from(product))
}

/// The root of a product, where each factor has one that is the same wherever both are real.
fn root_of_term(
    monomial: &Monomial,
    factor: &BigRational,
    by: Exponent,
    work: &mut Work,
) -> Result<Option<Form>, Fail> {
    let odd = by.bottom % 2 == 1;
    let names = monomial.iter().filter(|(atom, _)| matches!(atom, Atom::Name(_))).count();
    let fits = |(atom, exponent): &(Atom, Exponent)| match atom {
        Atom::Pi | Atom::Euler | Atom::Prime(_) => true,
        // √(x³) = x√x where either is real; √(x²) is no x.
        Atom::Name(_) => exponent.is_whole() && (odd || names == 1 && exponent.top % 2 != 0),
        _ => false,
    };
    if !monomial.iter().all(fits) || factor.is_negative() && names > 0 && !odd {
        return Ok(None);
    }
    let raised: Result<Monomial, Fail> =
        monomial.iter().map(|(atom, e)| Ok((atom.clone(), e.times(by)?))).collect();
    let raised = Poly::term(raised?, BigRational::one()).times(&Poly::one(), work)?;
    let outside = root_of_rational(factor, by, work)?;
    Ok(Some(outside.times(&Form::from(raised), work)?))
}

/// √(a + √b) as √c + √d, where a² − b is the square of a rational number.
fn denested(sum: &Poly, work: &mut Work) -> Result<Option<Form>, Fail> {
    let (Some(a), 2) = (sum.terms.get(&Vec::new()), sum.terms.len()) else { return Ok(None) };
    let Some((monomial, factor)) = sum.terms.iter().find(|(monomial, _)| !monomial.is_empty())
    else {
        return Ok(None);
    };
    if !a.is_positive()
        || !matches!(
            &monomial[..],
            [(Atom::Prime(_), _)] | [(Atom::Prime(_), _), (Atom::Prime(_), _)]
        )
    {
        return Ok(None);
    }
    let surd = Poly::term(monomial.clone(), factor.clone());
    let Some(square) = surd.times(&surd, work)?.rational() else { return Ok(None) };
    let Some(d) = square_root(&(a * a - square)) else { return Ok(None) };
    let two = BigRational::from_integer(2.into());
    let half = Exponent { top: 1, bottom: 2 };
    let more = root_of_rational(&((a + &d) / &two), half, work)?;
    let less = root_of_rational(&((a - d) / two), half, work)?;
    let less = if factor.is_negative() { less.negated() } else { less };
    Ok(Some(more.plus(&less, work)?))
}

/// The rational square root of what is a square.
fn square_root(value: &BigRational) -> Option<BigRational> {
    if value.is_negative() {
        return None;
    }
    let (top, bottom) = (value.numer().sqrt(), value.denom().sqrt());
    let found = BigRational::new(top, bottom);
    (&found * &found == *value).then_some(found)
}

/// Prime factors of a positive rational with their exponents; large ones may be products that no
/// small prime divides.
pub(super) fn factors(value: &BigRational, work: &mut Work) -> Result<Vec<(BigInt, i64)>, Fail> {
    let mut found = factors_of(value.numer(), work)?;
    let below = factors_of(value.denom(), work)?;
    found.extend(below.into_iter().map(|(prime, times)| (prime, -times)));
    Ok(found)
}

fn factors_of(value: &BigInt, work: &mut Work) -> Result<Vec<(BigInt, i64)>, Fail> {
    let mut rest = value.clone();
    let mut found = Vec::new();
    let mut divisor = 2u32;
    while divisor <= TRIED && rest > BigInt::one() {
        if let Some(small) = rest.to_u64() {
            found.extend(factors_of_small(small, divisor));
            return Ok(found);
        }
        work.spend(1 + rest.bits() / 256)?;
        let mut times = 0;
        while (&rest % divisor).is_zero() {
            work.spend(1 + rest.bits() / 64)?;
            rest /= divisor;
            times += 1;
        }
        if times > 0 {
            found.push((divisor.into(), times));
        }
        divisor += if divisor == 2 { 1 } else { 2 };
    }
    found.extend(unfactored(rest));
    Ok(found)
}

fn factors_of_small(value: u64, from: u32) -> Vec<(BigInt, i64)> {
    let mut rest = value;
    let mut found = Vec::new();
    let mut divisor = u64::from(from);
    while divisor <= u64::from(TRIED) && divisor * divisor <= rest {
        let mut times = 0;
        while rest.is_multiple_of(divisor) {
            rest /= divisor;
            times += 1;
        }
        if times > 0 {
            found.push((divisor.into(), times));
        }
        divisor += if divisor == 2 { 1 } else { 2 };
    }
    if rest < SURELY_PRIME && rest > 1 {
        found.push((rest.into(), 1));
    } else {
        found.extend(unfactored(rest.into()));
    }
    found
}

/// What no small prime divides: a power of something, or as it is.
fn unfactored(rest: BigInt) -> Option<(BigInt, i64)> {
    if rest <= BigInt::one() {
        return None;
    }
    if rest.bits() < 4096 {
        for times in [2u32, 3, 5, 7] {
            let base = rest.nth_root(times);
            if num_traits::Pow::pow(&base, times) == rest {
                let (base, more) = unfactored(base)?;
                return Some((base, more * i64::from(times)));
            }
        }
    }
    Some((rest, 1))
}

/// Whether atoms of this kind are surely independent of one another.
pub(super) fn is_surely_prime(value: &BigInt) -> bool {
    value.to_u64().is_some_and(|value| value < SURELY_PRIME)
}
