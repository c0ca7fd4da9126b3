//! Sums of rational multiples of products of powers of atoms, kept in one form.
//!
//! Two sums that differ as maps differ in value, as long as their atoms are independent over the
//! rationals: letters, fractional powers of primes, i, and π (Besicovitch 1940 for the roots,
//! Lindemann for π). Exponents may be negative and fractional.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Pow, Signed, ToPrimitive, Zero};

use super::form::Form;
use super::work::{Fail, MAX_BITS, MAX_TERMS, Work};

/// What is no rational number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Atom {
    Name(String),
    Pi,
    Euler,
    Imaginary,
    /// With an exponent between 0 and 1: a root.
    Prime(BigInt),
    /// With a fractional exponent: the root of a sum.
    Base(Arc<Form>),
    /// A function that is not worked out.
    Call(&'static str, Vec<Form>),
    /// A power whose exponent is no rational number.
    Raised(Arc<Form>, Arc<Form>),
}

/// An exponent, in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Exponent {
    pub top: i64,
    pub bottom: i64,
}

/// Largest numerator or denominator of an exponent.
const MAX_EXPONENT: i64 = 1_000_000;

impl Exponent {
    pub(super) const ONE: Exponent = Exponent { top: 1, bottom: 1 };

    pub(super) fn new(top: i64, bottom: i64) -> Result<Exponent, Fail> {
        if bottom <= 0 || bottom > MAX_EXPONENT || top.abs() > MAX_EXPONENT {
            return Err(Fail::TooMuch);
        }
        let common = top.gcd(&bottom).max(1);
        Ok(Exponent { top: top / common, bottom: bottom / common })
    }

    fn plus(self, other: Exponent) -> Result<Exponent, Fail> {
        // Both are bounded by a million: no product overflows.
        let top = self.top * other.bottom + other.top * self.bottom;
        let bottom = self.bottom * other.bottom;
        let common = top.gcd(&bottom).max(1);
        Exponent::new(top / common, bottom / common)
    }

    pub(super) fn times(self, other: Exponent) -> Result<Exponent, Fail> {
        let (top, bottom) = (self.top * other.top, self.bottom * other.bottom);
        let common = top.gcd(&bottom).max(1);
        Exponent::new(top / common, bottom / common)
    }

    pub(super) fn is_whole(self) -> bool {
        self.bottom == 1
    }

    fn floor(self) -> i64 {
        self.top.div_euclid(self.bottom)
    }
}

/// A product of powers, its atoms in order, none with the exponent 0.
pub(super) type Monomial = Vec<(Atom, Exponent)>;

/// A sum of rational multiples of monomials, none of them zero.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Poly {
    pub terms: BTreeMap<Monomial, BigRational>,
}

impl Poly {
    pub(super) fn zero() -> Poly {
        Poly { terms: BTreeMap::new() }
    }

    pub(super) fn constant(value: BigRational) -> Poly {
        Poly::term(Vec::new(), value)
    }

    pub(super) fn one() -> Poly {
        Poly::constant(BigRational::one())
    }

    pub(super) fn atom(atom: Atom) -> Poly {
        Poly::term(vec![(atom, Exponent::ONE)], BigRational::one())
    }

    pub(super) fn term(monomial: Monomial, factor: BigRational) -> Poly {
        let mut terms = BTreeMap::new();
        if !factor.is_zero() {
            terms.insert(monomial, factor);
        }
        Poly { terms }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// Its value, where it is a rational number.
    pub(super) fn rational(&self) -> Option<BigRational> {
        match self.terms.len() {
            0 => Some(BigRational::zero()),
            1 => self.terms.get(&Vec::new()).cloned(),
            _ => None,
        }
    }

    /// Its monomial and factor, where it is a single term.
    pub(super) fn single(&self) -> Option<(&Monomial, &BigRational)> {
        if self.terms.len() == 1 { self.terms.iter().next() } else { None }
    }

    pub(super) fn negated(mut self) -> Poly {
        self.terms.values_mut().for_each(|factor| *factor = -std::mem::take(factor));
        self
    }

    pub(super) fn scaled(mut self, by: &BigRational) -> Poly {
        if by.is_zero() {
            return Poly::zero();
        }
        self.terms.values_mut().for_each(|factor| *factor *= by);
        self
    }

    pub(super) fn plus(mut self, other: &Poly, work: &mut Work) -> Result<Poly, Fail> {
        work.spend(other.terms.len() as u64)?;
        for (monomial, factor) in &other.terms {
            self.add(monomial.clone(), factor.clone())?;
        }
        Ok(self)
    }

    fn add(&mut self, monomial: Monomial, factor: BigRational) -> Result<(), Fail> {
        match self.terms.entry(monomial) {
            Entry::Vacant(place) => {
                if !factor.is_zero() {
                    place.insert(factor);
                }
            }
            Entry::Occupied(mut place) => {
                *place.get_mut() += factor;
                if place.get().is_zero() {
                    place.remove();
                }
            }
        }
        if self.terms.len() > MAX_TERMS { Err(Fail::TooMuch) } else { Ok(()) }
    }

    pub(super) fn times(&self, other: &Poly, work: &mut Work) -> Result<Poly, Fail> {
        let mut product = Poly::zero();
        for (a, x) in &self.terms {
            for (b, y) in &other.terms {
                let bits = bits(x) + bits(y);
                work.spend(2 + (a.len() + b.len()) as u64 + bits / 16)?;
                if bits > MAX_BITS {
                    return Err(Fail::TooMuch);
                }
                let merged = merge(a, b)?;
                let (monomial, factor, rest) = reduce(merged, work)?;
                let factor = x * y * factor;
                if rest.is_empty() {
                    product.add(monomial, factor)?;
                    continue;
                }
                let mut whole = Poly::term(monomial, factor);
                for more in rest {
                    whole = whole.times(&more, work)?;
                }
                product = product.plus(&whole, work)?;
            }
        }
        Ok(product)
    }

    /// Its power with a natural exponent.
    pub(super) fn to_the(&self, exponent: u64, work: &mut Work) -> Result<Poly, Fail> {
        if let Some((monomial, factor)) = self.single() {
            return power_of_term(monomial, factor, exponent, work);
        }
        if self.is_zero() || exponent > 200 {
            return if self.is_zero() { Ok(Poly::zero()) } else { Err(Fail::TooMuch) };
        }
        let mut power = Poly::one();
        for _ in 0..exponent {
            power = power.times(self, work)?;
        }
        Ok(power)
    }

    /// Every atom that stands in it.
    pub(super) fn atoms(&self) -> impl Iterator<Item = &(Atom, Exponent)> {
        self.terms.keys().flatten()
    }

    /// The term that is first in the order in which products keep their order.
    pub(super) fn leading(&self) -> Option<(&Monomial, &BigRational)> {
        self.terms.iter().max_by(|(a, _), (b, _)| order(a, b))
    }
}

/// Bits of the longer half of a fraction.
pub(super) fn bits(value: &BigRational) -> u64 {
    value.numer().bits().max(value.denom().bits())
}

fn power_of_term(
    monomial: &Monomial,
    factor: &BigRational,
    exponent: u64,
    work: &mut Work,
) -> Result<Poly, Fail> {
    let size = bits(factor).saturating_sub(1).saturating_mul(exponent);
    if size > MAX_BITS {
        return Err(Fail::TooMuch);
    }
    work.spend(1 + size / 8)?;
    let times = i64::try_from(exponent).map_err(|_| Fail::TooMuch)?;
    let by = Exponent::new(times.min(MAX_EXPONENT + 1), 1)?;
    let raised: Result<Monomial, Fail> =
        monomial.iter().map(|(atom, power)| Ok((atom.clone(), power.times(by)?))).collect();
    let (monomial, more, rest) = reduce(raised?, work)?;
    let small = u32::try_from(exponent).map_err(|_| Fail::TooMuch)?;
    let factor = Pow::pow(factor.clone(), small) * more;
    let mut whole = Poly::term(monomial, factor);
    for more in rest {
        whole = whole.times(&more, work)?;
    }
    Ok(whole)
}

/// The product of two monomials, before any power is reduced.
fn merge(a: &Monomial, b: &Monomial) -> Result<Monomial, Fail> {
    let mut merged = Vec::with_capacity(a.len() + b.len());
    let (mut left, mut right) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let next = match (left.peek(), right.peek()) {
            (Some(x), Some(y)) => match x.0.cmp(&y.0) {
                Ordering::Less => left.next().cloned(),
                Ordering::Greater => right.next().cloned(),
                Ordering::Equal => {
                    let sum = x.1.plus(y.1)?;
                    let atom = x.0.clone();
                    left.next();
                    right.next();
                    Some((atom, sum))
                }
            },
            (Some(_), None) => left.next().cloned(),
            (None, Some(_)) => right.next().cloned(),
            (None, None) => return Ok(merged),
        };
        merged.extend(next.filter(|(_, exponent)| exponent.top != 0));
    }
}

/// Powers that are less than they seem: i² = −1, a root to its index, sin² = 1 − cos².
///
/// What is left, a rational factor, and factors that are sums.
pub(super) fn reduce(
    monomial: Monomial,
    work: &mut Work,
) -> Result<(Monomial, BigRational, Vec<Poly>), Fail> {
    let mut factor = BigRational::one();
    let mut rest = Vec::new();
    let mut kept = Vec::with_capacity(monomial.len());
    for (atom, exponent) in monomial {
        let whole = exponent.floor();
        let fraction =
            Exponent { top: exponent.top - whole * exponent.bottom, bottom: exponent.bottom };
        match &atom {
            Atom::Imaginary if exponent.is_whole() => {
                let turns = exponent.top.rem_euclid(4);
                if turns >= 2 {
                    factor = -factor;
                }
                if turns % 2 == 1 {
                    kept.push((atom, Exponent::ONE));
                }
            }
            Atom::Prime(prime) if whole != 0 => {
                let size = prime.bits().saturating_mul(whole.unsigned_abs());
                if size > MAX_BITS {
                    return Err(Fail::TooMuch);
                }
                work.spend(1 + size / 8)?;
                let power = BigRational::from_integer(Pow::pow(prime, whole.unsigned_abs()));
                factor = if whole > 0 { factor * power } else { factor / power };
                if fraction.top != 0 {
                    kept.push((atom, fraction));
                }
            }
            Atom::Base(form) if whole >= 1 && form.is_whole() => {
                rest.push(form.num.to_the(whole.unsigned_abs(), work)?);
                if fraction.top != 0 {
                    kept.push((atom, fraction));
                }
            }
            Atom::Call("sin", arguments) if exponent.is_whole() && whole >= 2 => {
                let cosine = Atom::Call("cos", arguments.clone());
                let square =
                    Poly::term(vec![(cosine, Exponent { top: 2, bottom: 1 })], -BigRational::one());
                let square = square.plus(&Poly::one(), work)?;
                rest.push(square.to_the((whole / 2).unsigned_abs(), work)?);
                if whole % 2 == 1 {
                    kept.push((atom, Exponent::ONE));
                }
            }
            _ => kept.push((atom, exponent)),
        }
    }
    Ok((kept, factor, rest))
}

/// An order that products keep: by the exponent of the first atom in which two monomials differ.
pub(super) fn order(a: &Monomial, b: &Monomial) -> Ordering {
    let (mut left, mut right) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let (x, y) = match (left.peek(), right.peek()) {
            (None, None) => return Ordering::Equal,
            (Some(x), None) => return x.1.top.cmp(&0),
            (None, Some(y)) => return 0.cmp(&y.1.top),
            (Some(x), Some(y)) => (*x, *y),
        };
        let compared = match x.0.cmp(&y.0) {
            Ordering::Less => x.1.top.cmp(&0),
            Ordering::Greater => 0.cmp(&y.1.top),
            Ordering::Equal => (x.1.top * y.1.bottom).cmp(&(y.1.top * x.1.bottom)),
        };
        if compared != Ordering::Equal {
            return compared;
        }
        left.next();
        right.next();
    }
}

/// The largest positive rational that leaves whole factors without a common divisor.
pub(super) fn content(poly: &Poly, work: &mut Work) -> Result<BigRational, Fail> {
    let mut top = BigInt::zero();
    let mut bottom = BigInt::one();
    for factor in poly.terms.values() {
        work.spend(1 + bits(factor) / 32)?;
        top = top.gcd(factor.numer());
        bottom = bottom.lcm(factor.denom());
        if bottom.bits() > MAX_BITS {
            return Err(Fail::TooMuch);
        }
    }
    Ok(if top.is_zero() { BigRational::one() } else { BigRational::new(top.abs(), bottom) })
}

/// A rational number as a small exponent.
pub(super) fn exponent(value: &BigRational) -> Option<Exponent> {
    Exponent::new(value.numer().to_i64()?, value.denom().to_i64()?).ok()
}
