//! When two numbers mean the same: percent, rounded decimals, decimals that a program printed.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow, Signed, ToPrimitive, Zero};

use super::AnswerNumber;

impl AnswerNumber {
    /// Equality of what two numbers mean: see [`crate::math`] for the rules.
    pub(crate) fn means(&self, other: &AnswerNumber) -> bool {
        let strip = self.percent && other.percent;
        self.readings(strip)
            .iter()
            .any(|mine| other.readings(strip).iter().any(|theirs| same(mine, theirs)))
    }

    /// The numeral and, behind a percent sign that the other side lacks, its hundredth.
    fn readings(&self, numeral_only: bool) -> Vec<NumeralReading> {
        let mut readings = vec![(self.value.clone(), self.decimal)];
        if self.percent && !numeral_only {
            let hundred = BigRational::from_integer(BigInt::from(100));
            let decimal = self.decimal.map(|(places, digits)| (places + 2, digits));
            readings.push((&self.value / hundred, decimal));
        }
        readings
    }
}

/// A value, with the places and digits of the decimal that it is written as.
type NumeralReading = (BigRational, Option<(u32, usize)>);

/// Significant digits of a rounded value, at least: with fewer, it is another number.
const ROUNDED: usize = 6;
/// Significant digits of a double that a program prints in full.
const PRINTED: std::ops::RangeInclusive<usize> = 15..=17;

fn same(a: &NumeralReading, b: &NumeralReading) -> bool {
    let stands_for = |(x, decimal): &NumeralReading, (y, other): &NumeralReading| {
        decimal.is_some_and(|(places, digits)| {
            rounds(x, places, digits, y) || printed(x, digits, y, *other)
        })
    };
    a.0 == b.0 || stands_for(a, b) || stands_for(b, a)
}

/// Is the decimal `a` the nearest of its length to `exact`, which no decimal can write?
pub(crate) fn rounds(a: &BigRational, places: u32, digits: usize, exact: &BigRational) -> bool {
    if digits < ROUNDED {
        return false;
    }
    let unit = BigRational::from_integer(BigInt::from(10).pow(places));
    let off = (a - exact) * unit * BigRational::from_integer(BigInt::from(2));
    off <= BigRational::one() && off >= -BigRational::one() && !is_finite_decimal(exact)
}

/// Is the decimal `a` what a program prints of a double that stands for `exact`? Off by no more than
/// the last few bits of one; two that are both printed so are the same double.
pub(crate) fn printed(
    a: &BigRational,
    digits: usize,
    exact: &BigRational,
    other: Option<(u32, usize)>,
) -> bool {
    if !PRINTED.contains(&digits) {
        return false;
    }
    match other {
        Some((_, digits)) if digits >= *PRINTED.start() => {
            PRINTED.contains(&digits) && a.to_f64() == exact.to_f64()
        }
        _ => (a - exact).abs() * BigRational::from_integer(BigInt::one() << 50) <= a.abs(),
    }
}

fn is_finite_decimal(value: &BigRational) -> bool {
    let mut rest = value.denom().clone();
    for prime in [2u32, 5] {
        while (&rest % prime).is_zero() {
            rest /= prime;
        }
    }
    rest.is_one()
}
