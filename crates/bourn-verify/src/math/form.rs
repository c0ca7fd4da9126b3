//! Quotients of two sums: what every value is brought to.

use num_rational::BigRational;
use num_traits::{One, Zero};

use super::poly::{Atom, Exponent, Monomial, Poly, content, order, reduce};
use super::work::{Fail, Work};

/// A value: a sum over a sum. The lower one is 1 or has two terms or more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Form {
    pub num: Poly,
    pub den: Poly,
}

/// Most terms of a denominator whose roots are made rational.
const RATIONALISED: usize = 16;

impl Form {
    pub(super) fn rational(value: BigRational) -> Form {
        Form { num: Poly::constant(value), den: Poly::one() }
    }

    pub(super) fn integer(value: i64) -> Form {
        Form::rational(BigRational::from_integer(value.into()))
    }

    pub(super) fn atom(atom: Atom) -> Form {
        Form::from(Poly::atom(atom))
    }

    /// Whether its denominator is 1.
    pub(super) fn is_whole(&self) -> bool {
        self.den.rational().is_some_and(|den| den.is_one())
    }

    pub(super) fn is_zero(&self) -> bool {
        self.num.is_zero()
    }

    /// Its value, where it is a rational number.
    pub(super) fn as_rational(&self) -> Option<BigRational> {
        if self.is_whole() { self.num.rational() } else { None }
    }

    /// Whether a letter stands in it, at any depth.
    pub(super) fn has_names(&self) -> bool {
        self.num.atoms().chain(self.den.atoms()).any(|(atom, _)| match atom {
            Atom::Name(_) => true,
            Atom::Base(form) => form.has_names(),
            Atom::Call(_, arguments) => arguments.iter().any(Form::has_names),
            Atom::Raised(base, exponent) => base.has_names() || exponent.has_names(),
            Atom::Pi | Atom::Euler | Atom::Imaginary | Atom::Prime(_) => false,
        })
    }

    pub(super) fn negated(self) -> Form {
        Form { num: self.num.negated(), den: self.den }
    }

    pub(super) fn plus(&self, other: &Form, work: &mut Work) -> Result<Form, Fail> {
        if self.den == other.den {
            let num = self.num.clone().plus(&other.num, work)?;
            return if self.is_whole() {
                Ok(Form::from(num))
            } else {
                Form { num, den: self.den.clone() }.settled(work)
            };
        }
        let left = self.num.times(&other.den, work)?;
        let right = other.num.times(&self.den, work)?;
        let den = self.den.times(&other.den, work)?;
        Form { num: left.plus(&right, work)?, den }.settled(work)
    }

    pub(super) fn minus(&self, other: &Form, work: &mut Work) -> Result<Form, Fail> {
        self.plus(&other.clone().negated(), work)
    }

    pub(super) fn times(&self, other: &Form, work: &mut Work) -> Result<Form, Fail> {
        let num = self.num.times(&other.num, work)?;
        if self.is_whole() && other.is_whole() {
            return Ok(Form::from(num));
        }
        Form { num, den: self.den.times(&other.den, work)? }.settled(work)
    }

    pub(super) fn over(&self, other: &Form, work: &mut Work) -> Result<Form, Fail> {
        if other.is_zero() {
            return Err(Fail::Undefined);
        }
        let num = self.num.times(&other.den, work)?;
        let den = self.den.times(&other.num, work)?;
        Form { num, den }.settled(work)
    }

    /// Its power with a whole exponent.
    pub(super) fn to_the(&self, exponent: i64, work: &mut Work) -> Result<Form, Fail> {
        if exponent == 0 {
            return if self.is_zero() { Err(Fail::Undefined) } else { Ok(Form::integer(1)) };
        }
        let times = exponent.unsigned_abs();
        let num = self.num.to_the(times, work)?;
        let den = self.den.to_the(times, work)?;
        if exponent > 0 {
            return Form { num, den }.settled(work);
        }
        if self.is_zero() {
            return Err(Fail::Undefined);
        }
        Form { num: den, den: num }.settled(work)
    }

    /// With a denominator that is 1, or has no common factor, no square root and no i where those
    /// can be taken out of it.
    fn settled(self, work: &mut Work) -> Result<Form, Fail> {
        let Form { mut num, mut den } = self;
        if den.is_zero() {
            return Err(Fail::Undefined);
        }
        if num.is_zero() {
            return Ok(Form::from(num));
        }
        for _ in 0..8 {
            if let Some((monomial, factor)) = den.single() {
                let inverse = inverse(monomial, factor, work)?;
                return Ok(Form::from(num.times(&inverse, work)?));
            }
            let Some(conjugate) = conjugate(&den) else { break };
            num = num.times(&conjugate, work)?;
            den = den.times(&conjugate, work)?;
            if den.is_zero() {
                return Err(Fail::Undefined);
            }
        }
        let common = common(&den);
        if !common.is_empty() {
            let inverse = inverse(&common, &BigRational::one(), work)?;
            num = num.times(&inverse, work)?;
            den = den.times(&inverse, work)?;
        }
        if let Some(quotient) = divided(&num, &den, work)? {
            return Ok(Form::from(quotient));
        }
        let mut scale = content(&den, work)?;
        if den.leading().is_some_and(|(_, factor)| *factor < BigRational::zero()) {
            scale = -scale;
        }
        let scale = scale.recip();
        Ok(Form { num: num.scaled(&scale), den: den.scaled(&scale) })
    }
}

impl From<Poly> for Form {
    fn from(num: Poly) -> Form {
        Form { num, den: Poly::one() }
    }
}

/// One over a term.
fn inverse(monomial: &Monomial, factor: &BigRational, work: &mut Work) -> Result<Poly, Fail> {
    let turned = monomial
        .iter()
        .map(|(atom, e)| (atom.clone(), Exponent { top: -e.top, bottom: e.bottom }))
        .collect();
    let (monomial, more, rest) = reduce(turned, work)?;
    let mut whole = Poly::term(monomial, factor.recip() * more);
    for more in rest {
        whole = whole.times(&more, work)?;
    }
    Ok(whole)
}

/// `den` with the sign of one square root, or of i, turned; `None` where it has none of its own.
fn conjugate(den: &Poly) -> Option<Poly> {
    if den.terms.len() > RATIONALISED {
        return None;
    }
    let half = Exponent { top: 1, bottom: 2 };
    let turns = |(atom, exponent): &(Atom, Exponent)| match atom {
        Atom::Imaginary => true,
        Atom::Prime(_) => *exponent == half,
        _ => false,
    };
    let (atom, exponent) = den.atoms().find(|pair| turns(pair))?;
    // A cube root beside the square root of the same prime has another conjugate.
    if den.atoms().any(|(other, e)| other == atom && e != exponent) {
        return None;
    }
    let terms = den.terms.iter().map(|(monomial, factor)| {
        let has = monomial.iter().any(|(other, _)| other == atom);
        (monomial.clone(), if has { -factor.clone() } else { factor.clone() })
    });
    Some(Poly { terms: terms.collect() })
}

/// The powers of letters and constants that every term of `poly` has.
fn common(poly: &Poly) -> Monomial {
    let mut terms = poly.terms.keys();
    let Some(first) = terms.next() else { return Vec::new() };
    let candidates =
        first.iter().filter(|(atom, _)| !matches!(atom, Atom::Prime(_) | Atom::Imaginary));
    candidates
        .filter_map(|(atom, exponent)| {
            let mut least = *exponent;
            for monomial in poly.terms.keys() {
                let (_, other) = monomial.iter().find(|(a, _)| a == atom)?;
                if other.top * least.bottom < least.top * other.bottom {
                    least = *other;
                }
            }
            Some((atom.clone(), least))
        })
        .collect()
}

/// `num` over `den`, where the division leaves nothing.
fn divided(num: &Poly, den: &Poly, work: &mut Work) -> Result<Option<Poly>, Fail> {
    if num.terms.len() < den.terms.len() && num.single().is_some() || num.terms.len() > 300 {
        return Ok(None);
    }
    let Some((lead, factor)) = den.leading() else { return Ok(None) };
    let first = inverse(lead, factor, work)?;
    let mut rest = num.clone();
    let mut quotient = Poly::zero();
    // A quotient has no more terms than this where it is one that an answer would have.
    for _ in 0..64 {
        let Some((monomial, factor)) = rest.leading() else { return Ok(Some(quotient)) };
        let top = Poly::term(monomial.clone(), factor.clone());
        let next = top.times(&first, work)?;
        let Some((step, _)) = next.single() else { return Ok(None) };
        // A letter below the line: it does not divide.
        if step.iter().any(|(atom, e)| matches!(atom, Atom::Name(_)) && e.top < 0)
            && order(step, &Vec::new()) == std::cmp::Ordering::Less
        {
            return Ok(None);
        }
        rest = rest.plus(&next.times(den, work)?.negated(), work)?;
        quotient = quotient.plus(&next, work)?;
    }
    Ok(None)
}
