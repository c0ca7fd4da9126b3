//! Floating-point numbers of any precision, with the functions that answers have.
//!
//! Errors are a few units of the last place, sums of many terms excepted: whoever compares leaves
//! half of the digits alone. Nothing here is for more than some thousands of bits.

use num_bigint::{BigInt, Sign};
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// Bits beyond those asked for, in the middle of a computation.
const GUARD: u64 = 64;

/// `digits` × 2^`exponent`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Big {
    digits: BigInt,
    exponent: i64,
}

/// How many bits numbers have, and the constants to as many.
pub(super) struct Precision {
    bits: u64,
    /// π and ln 2, as multiples of 2^-fixed.
    fixed: u64,
    pi: BigInt,
    ln2: BigInt,
}

impl Big {
    pub(super) fn zero() -> Big {
        Big { digits: BigInt::zero(), exponent: 0 }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.digits.is_zero()
    }

    pub(super) fn is_negative(&self) -> bool {
        self.digits.is_negative()
    }

    pub(super) fn negated(&self) -> Big {
        Big { digits: -&self.digits, exponent: self.exponent }
    }

    pub(super) fn abs(&self) -> Big {
        Big { digits: self.digits.abs(), exponent: self.exponent }
    }

    /// The logarithm of its size to the base 2, to within one; of zero minus infinity.
    pub(super) fn log2(&self) -> f64 {
        if self.is_zero() {
            return f64::NEG_INFINITY;
        }
        (self.digits.bits() as i64 + self.exponent) as f64
    }

    /// It times 2^`by`.
    fn shifted(mut self, by: i64) -> Big {
        self.exponent += by;
        self
    }

    /// Rounded down to a multiple of 2^-`fixed`.
    fn to_fixed(&self, fixed: u64) -> BigInt {
        let by = self.exponent + fixed as i64;
        if by >= 0 { &self.digits << by as u64 } else { &self.digits >> by.unsigned_abs() }
    }

    /// The nearest whole number.
    pub(super) fn round(&self) -> BigInt {
        (self.to_fixed(1) + BigInt::one()) >> 1u8
    }

    pub(super) fn floor(&self) -> BigInt {
        self.to_fixed(0)
    }
}

impl Precision {
    pub(super) fn new(bits: u64) -> Precision {
        let fixed = bits + GUARD;
        let inverse = |n: u32| arctangent_of_inverse(n, fixed, true);
        // Machin 1706.
        let pi = (inverse(5) * 4u8 - inverse(239)) * 4u8;
        let inverse = |n: u32| arctangent_of_inverse(n, fixed, false);
        // ln 2 = 18 artanh 1/26 − 2 artanh 1/4801 + 8 artanh 1/8749
        let ln2 = inverse(26) * 18u8 - inverse(4801) * 2u8 + inverse(8749) * 8u8;
        Precision { bits, fixed, pi, ln2 }
    }

    pub(super) fn bits(&self) -> u64 {
        self.bits
    }

    fn rounded(&self, digits: BigInt, exponent: i64) -> Big {
        let over = digits.bits().saturating_sub(self.bits);
        Big { digits: digits >> over, exponent: exponent + over as i64 }
    }

    pub(super) fn whole(&self, value: BigInt) -> Big {
        self.rounded(value, 0)
    }

    pub(super) fn rational(&self, value: &BigRational) -> Big {
        let (top, bottom) = (value.numer(), value.denom());
        let shift = (self.bits + bottom.bits() + 1).saturating_sub(top.bits());
        self.rounded((top << shift) / bottom, -(shift as i64))
    }

    pub(super) fn pi(&self) -> Big {
        self.rounded(self.pi.clone(), -(self.fixed as i64))
    }

    pub(super) fn plus(&self, a: &Big, b: &Big) -> Big {
        if a.is_zero() || b.is_zero() {
            return if a.is_zero() { b.clone() } else { a.clone() };
        }
        let (large, small) = if a.log2() >= b.log2() { (a, b) } else { (b, a) };
        if large.log2() - small.log2() > (self.bits + 2) as f64 {
            return large.clone();
        }
        let low = a.exponent.min(b.exponent);
        let aligned = |x: &Big| &x.digits << (x.exponent - low) as u64;
        self.rounded(aligned(a) + aligned(b), low)
    }

    pub(super) fn minus(&self, a: &Big, b: &Big) -> Big {
        self.plus(a, &b.negated())
    }

    pub(super) fn times(&self, a: &Big, b: &Big) -> Big {
        self.rounded(&a.digits * &b.digits, a.exponent + b.exponent)
    }

    /// `b` is not zero.
    pub(super) fn over(&self, a: &Big, b: &Big) -> Option<Big> {
        if b.is_zero() {
            return None;
        }
        let shift = (self.bits + b.digits.bits() + 1).saturating_sub(a.digits.bits());
        let digits = (&a.digits << shift) / &b.digits;
        Some(self.rounded(digits, a.exponent - b.exponent - shift as i64))
    }

    /// The positive root of what is not negative.
    pub(super) fn root(&self, x: &Big, index: u32) -> Big {
        if x.is_zero() {
            return Big::zero();
        }
        let wanted = (self.bits + 2) * u64::from(index);
        let mut shift = wanted.saturating_sub(x.digits.bits()) as i64;
        shift += (x.exponent - shift).rem_euclid(i64::from(index));
        let digits = (&x.digits << shift as u64).nth_root(index);
        self.rounded(digits, (x.exponent - shift) / i64::from(index))
    }

    /// e^x; `None` where that is beyond reason.
    pub(super) fn exp(&self, x: &Big) -> Option<Big> {
        if x.log2() > 24.0 {
            return None;
        }
        let halvings = self.bits.isqrt() / 2;
        let fixed = self.fixed + halvings;
        // x = k ln 2 + r, with r from 0 to ln 2; of ln 2 as many digits are known as `fixed` says.
        let k = (x.to_fixed(self.fixed) / &self.ln2).to_i64()?;
        let r = x.to_fixed(self.fixed) - &self.ln2 * k;
        let r = r << halvings >> halvings;
        // r / 2^halvings, in units of 2^-fixed, is the same digits.
        let one = BigInt::one() << fixed;
        let (mut sum, mut term) = (one.clone(), one);
        for n in 1u32.. {
            term = (term * &r) >> fixed;
            term /= n;
            if term.is_zero() || term == -BigInt::one() {
                break;
            }
            sum += &term;
        }
        for _ in 0..halvings {
            sum = (&sum * &sum) >> fixed;
        }
        Some(self.rounded(sum, -(fixed as i64)).shifted(k))
    }

    /// ln x of what is positive.
    pub(super) fn ln(&self, x: &Big) -> Option<Big> {
        if x.is_zero() || x.is_negative() {
            return None;
        }
        // x = y 2^k, with y from 3/4 to 3/2.
        let mut k = x.digits.bits() as i64 + x.exponent;
        let mut y = x.clone().shifted(-k).to_fixed(self.fixed);
        let one = BigInt::one() << self.fixed;
        if &y * 4u8 < &one * 3u8 {
            y *= 2u8;
            k -= 1;
        }
        let z = ((&y - &one) << self.fixed) / (&y + &one);
        let sum = series(&z, self.fixed, false) * 2u8 + &self.ln2 * k;
        Some(self.rounded(sum, -(self.fixed as i64)))
    }

    /// Cosine and sine; `None` where the angle is beyond reason.
    pub(super) fn turn(&self, x: &Big) -> Option<(Big, Big)> {
        if x.log2() > 40.0 {
            return None;
        }
        let fixed = self.fixed;
        let quarter: BigInt = &self.pi >> 1u8;
        let x = x.to_fixed(fixed);
        let quarters: BigInt = (&x + (&quarter >> 1u8)).div_floor_by(&quarter);
        let r = &x - &quarter * &quarters;
        let square = (&r * &r) >> fixed;
        let mut parts = [BigInt::one() << fixed, r.clone()];
        let mut terms = parts.clone();
        for n in 1u32.. {
            terms[0] = -((&terms[0] * &square) >> fixed) / ((2 * n - 1) * (2 * n));
            terms[1] = -((&terms[1] * &square) >> fixed) / ((2 * n) * (2 * n + 1));
            if terms.iter().all(|term| term.bits() < 2) {
                break;
            }
            parts[0] += &terms[0];
            parts[1] += &terms[1];
        }
        let [cosine, sine] = parts.map(|part| self.rounded(part, -(fixed as i64)));
        let turned = (quarters % 4u8).to_i64()?.rem_euclid(4);
        Some(match turned {
            0 => (cosine, sine),
            1 => (sine.negated(), cosine),
            2 => (cosine.negated(), sine.negated()),
            _ => (sine, cosine.negated()),
        })
    }

    pub(super) fn arctangent(&self, x: &Big) -> Big {
        if x.is_negative() {
            return self.arctangent(&x.negated()).negated();
        }
        let one = self.whole(BigInt::one());
        if x.log2() > 0.0
            && let Some(inverse) = self.over(&one, x)
            && !self.minus(x, &one).is_negative()
        {
            let half = self.pi().shifted(-1);
            return self.minus(&half, &self.arctangent_small(&inverse));
        }
        self.arctangent_small(x)
    }

    /// Of what is between 0 and 1.
    fn arctangent_small(&self, x: &Big) -> Big {
        let fixed = self.fixed;
        let one = BigInt::one() << fixed;
        let mut x = x.to_fixed(fixed);
        // arctan x = 2 arctan (x / (1 + √(1 + x²)))
        for _ in 0..3 {
            let square = &x * &x + (&one << fixed);
            x = (x << fixed) / (&one + square.sqrt());
        }
        self.rounded(series(&x, fixed, true) << 3u8, -(fixed as i64))
    }
}

/// z ∓ z³/3 + z⁵/5 ∓ …: arctangent or, without the changing signs, its hyperbolic twin.
fn series(z: &BigInt, fixed: u64, alternates: bool) -> BigInt {
    let square = (z * z) >> fixed;
    let (mut sum, mut power) = (z.clone(), z.clone());
    for n in 1u32.. {
        power = (power * &square) >> fixed;
        if alternates {
            power = -power;
        }
        if power.bits() < 2 {
            break;
        }
        sum += &power / (2 * n + 1);
    }
    sum
}

fn arctangent_of_inverse(n: u32, fixed: u64, alternates: bool) -> BigInt {
    let mut power = (BigInt::one() << fixed) / n;
    let mut sum = power.clone();
    for at in 1u32.. {
        power /= n;
        power /= n;
        if alternates {
            power = -power;
        }
        if power.is_zero() {
            break;
        }
        sum += &power / (2 * at + 1);
    }
    sum
}

/// Division that rounds down.
trait DivFloor {
    fn div_floor_by(&self, by: &BigInt) -> BigInt;
}

impl DivFloor for BigInt {
    fn div_floor_by(&self, by: &BigInt) -> BigInt {
        let (quotient, rest) = (self / by, self % by);
        if rest.sign() == Sign::Minus { quotient - 1 } else { quotient }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/math/big.rs"]
mod tests;
