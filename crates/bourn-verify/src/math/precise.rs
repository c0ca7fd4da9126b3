//! Values to as many digits as it takes: what confirms that two values that agree in ten digits are
//! one, and finds those that are not.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, ToPrimitive};

use super::big::{Big, Precision};
use super::form::Form;
use super::poly::{Atom, Exponent, Poly, bits};
use super::work::{Fail, Work};

/// Least and most bits of a comparison; half of them must agree.
const LEAST: u64 = 512;
const MOST: u64 = 8192;
/// Largest factorial that is worked out.
const MAX_FACTORIAL: i64 = 1_000;
/// Largest index of a root that is taken by digits.
const MAX_INDEX: i64 = 16;

/// A complex number; the logarithm to the base 2 of the size of what it is a sum of.
#[derive(Clone)]
struct Number {
    re: Big,
    im: Big,
    size: f64,
}

/// Whether two forms have one value where each letter is worth what `letter` says: to half of at
/// least 512 bits, of three times those that are written, and of four times the largest magnitude that is
/// met on the way. `None` where that cannot be told.
pub(super) fn agree(
    a: &Form,
    b: &Form,
    letter: &dyn Fn(&str) -> f64,
    work: &mut Work,
) -> Result<Option<bool>, Fail> {
    let mut wanted = LEAST.max(written(a).saturating_add(written(b)).saturating_mul(3));
    // Twice at most: what is met on the way is met again.
    for _ in 0..3 {
        if wanted > MOST {
            return Ok(None);
        }
        let precision = Precision::new(wanted);
        let mut at = At { p: &precision, letter, met: 0.0, work };
        at.work.spend(wanted / 16)?;
        let (Some(x), Some(y)) = (at.form(a)?, at.form(b)?) else { return Ok(None) };
        let met = LEAST.max(4 * at.met.min(1e9) as u64);
        if met <= wanted {
            let off = at.p.minus(&x.re, &y.re).log2().max(at.p.minus(&x.im, &y.im).log2());
            return Ok(Some(off <= x.size.max(y.size) - wanted as f64 / 2.0));
        }
        wanted = met;
    }
    Ok(None)
}

/// Bits of everything that is written in a form.
fn written(form: &Form) -> u64 {
    let poly = |poly: &Poly| -> u64 {
        let term = |(monomial, factor): (&Vec<(Atom, Exponent)>, &BigRational)| {
            let atoms = monomial.iter().map(|(atom, exponent)| {
                let power = exponent.top.unsigned_abs() / exponent.bottom.unsigned_abs().max(1);
                let inside = match atom {
                    Atom::Prime(prime) => prime.bits(),
                    Atom::Base(form) => written(form),
                    Atom::Raised(base, exponent) => written(base) + written(exponent),
                    Atom::Call(_, arguments) => arguments.iter().map(written).sum(),
                    Atom::Name(_) | Atom::Pi | Atom::Euler | Atom::Imaginary => 2,
                };
                inside.saturating_mul(1 + power) + 2
            });
            atoms.fold(bits(factor), u64::saturating_add)
        };
        poly.terms.iter().map(term).fold(0, u64::saturating_add)
    };
    poly(&form.num).saturating_add(poly(&form.den))
}

struct At<'a> {
    p: &'a Precision,
    letter: &'a dyn Fn(&str) -> f64,
    /// The largest logarithm of a size met on the way, up or down.
    met: f64,
    work: &'a mut Work,
}

type Found = Result<Option<Number>, Fail>;

/// Goes on with what is found; what is not, is not.
macro_rules! have {
    ($found:expr) => {
        match $found {
            Some(found) => found,
            None => return Ok(None),
        }
    };
}

impl At<'_> {
    fn real(&self, re: Big) -> Number {
        let size = re.log2();
        Number { re, im: Big::zero(), size }
    }

    fn integer(&self, value: i64) -> Number {
        self.real(self.p.whole(BigInt::from(value)))
    }

    /// Remembers how large or small a value is that others are made of.
    fn meet(&mut self, x: Number) -> Number {
        for part in [&x.re, &x.im] {
            if !part.is_zero() {
                self.met = self.met.max(part.log2().abs());
            }
        }
        x
    }

    fn form(&mut self, form: &Form) -> Found {
        let num = have!(self.poly(&form.num)?);
        if form.is_whole() {
            return Ok(Some(num));
        }
        let den = have!(self.poly(&form.den)?);
        let den = self.meet(den);
        Ok(self.over(&num, &den))
    }

    fn poly(&mut self, poly: &Poly) -> Found {
        let mut sum = Number { re: Big::zero(), im: Big::zero(), size: f64::NEG_INFINITY };
        for (monomial, factor) in &poly.terms {
            let mut product = self.real(self.p.rational(factor));
            for (atom, exponent) in monomial {
                let base = have!(self.atom(atom)?);
                let base = self.meet(base);
                let power = have!(self.raised(&base, *exponent)?);
                product = self.times(&product, &power);
            }
            sum = self.plus(&sum, &product);
        }
        Ok(Some(sum))
    }

    fn plus(&mut self, a: &Number, b: &Number) -> Number {
        let (large, small) = if a.size >= b.size { (a.size, b.size) } else { (b.size, a.size) };
        let size = if small.is_finite() {
            large + (small - large).exp2().ln_1p() * std::f64::consts::LOG2_E
        } else {
            large
        };
        Number { re: self.p.plus(&a.re, &b.re), im: self.p.plus(&a.im, &b.im), size }
    }

    fn times(&mut self, a: &Number, b: &Number) -> Number {
        let p = self.p;
        let size = a.size + b.size;
        if a.im.is_zero() && b.im.is_zero() {
            return Number { re: p.times(&a.re, &b.re), im: Big::zero(), size };
        }
        let re = p.minus(&p.times(&a.re, &b.re), &p.times(&a.im, &b.im));
        let im = p.plus(&p.times(&a.re, &b.im), &p.times(&a.im, &b.re));
        Number { re, im, size }
    }

    fn over(&mut self, a: &Number, b: &Number) -> Option<Number> {
        let p = self.p;
        let square = p.plus(&p.times(&b.re, &b.re), &p.times(&b.im, &b.im));
        let turned = Number { re: b.re.clone(), im: b.im.negated(), size: b.size };
        let top = self.times(a, &turned);
        let size = top.size - square.log2();
        Some(Number { re: p.over(&top.re, &square)?, im: p.over(&top.im, &square)?, size })
    }

    fn raised(&mut self, base: &Number, exponent: Exponent) -> Found {
        self.work.spend(1 + self.p.bits() / 256)?;
        if exponent == Exponent::ONE {
            return Ok(Some(base.clone()));
        }
        let times = exponent.top.unsigned_abs();
        if exponent.is_whole() && times <= 4096 {
            let mut power = self.integer(1);
            let mut square = base.clone();
            let mut left = times;
            while left > 0 {
                self.work.spend(1 + self.p.bits() / 512)?;
                if left % 2 == 1 {
                    power = self.times(&power, &square);
                }
                square = self.times(&square, &square);
                left /= 2;
            }
            if exponent.top > 0 {
                return Ok(Some(power));
            }
            let one = self.integer(1);
            return Ok(self.over(&one, &power));
        }
        let real = base.im.is_zero();
        if real && (1..=MAX_INDEX).contains(&exponent.bottom) {
            let negative = base.re.is_negative();
            if negative && exponent.bottom % 2 == 0 && exponent.bottom != 2 {
                return Ok(None);
            }
            self.work.spend(self.p.bits() / 32)?;
            let root = self.p.root(&base.re.abs(), exponent.bottom as u32);
            let root = Number {
                size: root.log2() + (base.size - base.re.log2()).max(0.0),
                ..self.real(root)
            };
            let power = have!(self.raised(&root, Exponent { top: exponent.top, bottom: 1 })?);
            if !negative {
                return Ok(Some(power));
            }
            if exponent.bottom % 2 == 1 {
                // The real root, as in the exact forms.
                let turned = exponent.top % 2 != 0;
                return Ok(Some(if turned { self.negated(power) } else { power }));
            }
            let i = Number { re: Big::zero(), im: self.p.whole(BigInt::one()), size: 0.0 };
            let turn = have!(self.raised(&i, Exponent { top: exponent.top, bottom: 1 })?);
            return Ok(Some(self.times(&power, &turn)));
        }
        let by = BigRational::new(exponent.top.into(), exponent.bottom.into());
        let by = self.real(self.p.rational(&by));
        self.power(base, &by)
    }

    fn negated(&self, x: Number) -> Number {
        Number { re: x.re.negated(), im: x.im.negated(), size: x.size }
    }

    fn power(&mut self, base: &Number, exponent: &Number) -> Found {
        let log = have!(self.ln(base)?);
        let by = self.times(&log, exponent);
        self.exp(&by)
    }

    /// What a function of many steps costs.
    fn pay(&mut self) -> Result<(), Fail> {
        self.work.spend(40 + self.p.bits() * self.p.bits() / 8192)
    }

    fn exp(&mut self, x: &Number) -> Found {
        self.pay()?;
        let scale = have!(self.p.exp(&x.re));
        // What the exponent has lost, the power has.
        let lost = (x.size - x.re.log2().max(x.im.log2())).max(0.0);
        let size = scale.log2() + lost + x.size.max(0.0);
        if x.im.is_zero() {
            return Ok(Some(Number { re: scale, im: Big::zero(), size }));
        }
        let (cosine, sine) = have!(self.p.turn(&x.im));
        let (re, im) = (self.p.times(&scale, &cosine), self.p.times(&scale, &sine));
        Ok(Some(Number { re, im, size }))
    }

    fn ln(&mut self, x: &Number) -> Found {
        self.pay()?;
        let p = self.p;
        let square = p.plus(&p.times(&x.re, &x.re), &p.times(&x.im, &x.im));
        let length = if x.im.is_zero() { x.re.abs() } else { p.root(&square, 2) };
        let re = have!(p.ln(&length));
        let im = have!(self.angle(x)?);
        let lost = (x.size - length.log2()).max(0.0);
        let size = re.log2().max(im.log2()).max(0.0) + lost + 1.0;
        Ok(Some(Number { re, im, size }))
    }

    /// The angle of a complex number, above −π.
    fn angle(&mut self, x: &Number) -> Result<Option<Big>, Fail> {
        let p = self.p;
        if x.im.is_zero() {
            return Ok(Some(if x.re.is_negative() { p.pi() } else { Big::zero() }));
        }
        self.pay()?;
        let half = have!(p.over(&p.pi(), &p.whole(BigInt::from(2))));
        if x.re.is_zero() {
            return Ok(Some(if x.im.is_negative() { half.negated() } else { half }));
        }
        let angle = p.arctangent(&have!(p.over(&x.im, &x.re)));
        Ok(Some(match (x.re.is_negative(), x.im.is_negative()) {
            (false, _) => angle,
            (true, false) => p.plus(&angle, &p.pi()),
            (true, true) => p.minus(&angle, &p.pi()),
        }))
    }

    fn atom(&mut self, atom: &Atom) -> Found {
        match atom {
            Atom::Name(name) => {
                let value = have!(BigRational::from_float((self.letter)(name)));
                Ok(Some(self.real(self.p.rational(&value))))
            }
            Atom::Pi => Ok(Some(self.real(self.p.pi()))),
            Atom::Euler => {
                let one = self.integer(1);
                self.exp(&one)
            }
            Atom::Imaginary => {
                Ok(Some(Number { re: Big::zero(), im: self.p.whole(BigInt::one()), size: 0.0 }))
            }
            Atom::Prime(prime) => Ok(Some(self.real(self.p.whole(prime.clone())))),
            Atom::Base(form) => self.form(form),
            Atom::Raised(base, exponent) => {
                let base = have!(self.form(base)?);
                let exponent = have!(self.form(exponent)?);
                let (base, exponent) = (self.meet(base), self.meet(exponent));
                let small = exponent.re.round().to_i64().filter(|n| n.abs() <= 1000);
                if let Some(n) = small
                    && exponent.im.is_zero()
                    && self.p.minus(&exponent.re, &self.p.whole(n.into())).is_zero()
                {
                    return self.raised(&base, Exponent { top: n, bottom: 1 });
                }
                self.power(&base, &exponent)
            }
            Atom::Call(function, arguments) => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    let value = have!(self.form(argument)?);
                    values.push(self.meet(value));
                }
                self.called(function, &values)
            }
        }
    }

    fn called(&mut self, function: &str, arguments: &[Number]) -> Found {
        let x = have!(arguments.first()).clone();
        let p = self.p;
        match function {
            "ln" => return self.ln(&x),
            "factorial" => return Ok(self.factorial(&x)),
            "binomial" => {
                let [n, k] = arguments else { return Ok(None) };
                let one = self.integer(-1);
                let negative = self.times(k, &one);
                let rest = self.plus(n, &negative);
                let (Some(top), Some(a), Some(b)) =
                    (self.factorial(n), self.factorial(k), self.factorial(&rest))
                else {
                    return Ok(None);
                };
                let bottom = self.times(&a, &b);
                return Ok(self.over(&top, &bottom));
            }
            _ => {}
        }
        if !x.im.is_zero() {
            return Ok(None);
        }
        self.pay()?;
        let t = &x.re;
        let one = p.whole(BigInt::one());
        let complement = |t: &Big| {
            let square = p.minus(&one, &p.times(t, t));
            (!square.is_negative()).then(|| p.root(&square, 2))
        };
        let half = have!(p.over(&p.pi(), &p.whole(BigInt::from(2))));
        let arcsine = |t: &Big| {
            let complement = complement(t)?;
            Some(match p.over(t, &complement) {
                Some(slope) => p.arctangent(&slope),
                None if t.is_negative() => half.negated(),
                None => half.clone(),
            })
        };
        let value = match function {
            "sin" => have!(p.turn(t)).1,
            "cos" => have!(p.turn(t)).0,
            "arcsin" => have!(arcsine(t)),
            "arccos" => p.minus(&half, &have!(arcsine(t))),
            "arctan" => p.arctangent(t),
            "arccot" => p.arctangent(&have!(p.over(&one, t))),
            "arcsec" => p.minus(&half, &have!(arcsine(&have!(p.over(&one, t))))),
            "arccsc" => have!(arcsine(&have!(p.over(&one, t)))),
            "abs" => t.abs(),
            "max" | "min" => {
                let mut best = t.clone();
                for other in &arguments[1..] {
                    let less = p.minus(&other.re, &best).is_negative();
                    if !other.im.is_zero() {
                        return Ok(None);
                    }
                    if less == (function == "min") {
                        best = other.re.clone();
                    }
                }
                best
            }
            "floor" | "ceil" => {
                let near = t.round();
                let off = p.minus(t, &p.whole(near.clone())).log2();
                // A whole number is one in spite of the digits that it lost.
                let whole = if off <= x.size.max(0.0) - p.bits() as f64 / 2.0 {
                    near
                } else {
                    t.floor() + BigInt::from(u8::from(function == "ceil"))
                };
                p.whole(whole)
            }
            _ => return Ok(None),
        };
        // What the argument has lost, the value has; near the ends of an arc twice as much.
        let lost = (x.size - t.log2()).max(0.0);
        let size = value.log2().max(0.0) + 2.0 * lost;
        Ok(Some(Number { re: value, im: Big::zero(), size }))
    }

    /// Of natural numbers.
    fn factorial(&mut self, x: &Number) -> Option<Number> {
        let n = x.re.round().to_i64().filter(|n| (0..=MAX_FACTORIAL).contains(n))?;
        let off = self.p.minus(&x.re, &self.p.whole(n.into()));
        if !off.is_zero() || !x.im.is_zero() {
            return None;
        }
        let product = (2..=n).fold(BigInt::one(), |product, factor| product * factor);
        Some(self.real(self.p.whole(product)))
    }
}
