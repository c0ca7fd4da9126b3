//! Values at seeded points, in complex floating point: what decides where exact forms do not.

use num_traits::{Signed, ToPrimitive};

use super::form::Form;
use super::poly::{Atom, Exponent, Poly};
use super::precise;
use super::work::{Fail, Work};

/// Points that letters are given values at.
const POINTS: u64 = 24;
/// More points, further from zero and at whole numbers, where a form has corners or steps.
const FAR_POINTS: u64 = 96;
/// The first of the points at which letters are small whole numbers, where `(-1)^n` has a value.
const WHOLE: u64 = 1000;
/// Points that must agree, of those at which both sides have a value.
const NEEDED: u64 = 6;
/// Points at which more digits confirm that values agree, and those that are tried for them.
const CONFIRMED: usize = 3;
const TRIED: usize = 12;
/// Largest difference of equal values, in parts of their size.
const CLOSE: f64 = 1e-10;
/// Largest loss of digits at which a point still says anything.
const LOSS: f64 = 1e4;

/// A complex number, with the size of what it is a sum of.
#[derive(Clone, Copy, Debug)]
struct Number {
    re: f64,
    im: f64,
    size: f64,
}

impl Number {
    fn real(re: f64) -> Number {
        Number { re, im: 0.0, size: re.abs() }
    }

    fn abs(self) -> f64 {
        self.re.hypot(self.im)
    }

    fn is_finite(self) -> bool {
        self.re.is_finite() && self.im.is_finite() && self.size.is_finite()
    }

    /// Whether it is a value, with digits left that mean something.
    fn is_sound(self) -> bool {
        self.is_finite() && self.abs() > 1e-290 && self.size <= LOSS * self.abs()
    }

    fn plus(self, o: Number) -> Number {
        Number { re: self.re + o.re, im: self.im + o.im, size: self.size + o.size }
    }

    fn times(self, o: Number) -> Number {
        Number {
            re: self.re * o.re - self.im * o.im,
            im: self.re * o.im + self.im * o.re,
            size: self.size * o.size,
        }
    }

    fn over(self, o: Number) -> Number {
        let square = o.re * o.re + o.im * o.im;
        Number {
            re: (self.re * o.re + self.im * o.im) / square,
            im: (self.im * o.re - self.re * o.im) / square,
            size: self.size * o.size / square,
        }
    }

    fn ln(self) -> Number {
        let (re, im) = (self.abs().ln(), self.im.atan2(self.re));
        Number { re, im, size: re.abs() + im.abs() + self.size / self.abs() }
    }

    fn exp(self) -> Number {
        let scale = self.re.exp();
        let (re, im) = (scale * self.im.cos(), scale * self.im.sin());
        Number { re, im, size: scale * (1.0 + self.size * 1e-3) }
    }

    fn to_the(self, o: Number) -> Number {
        if self.im == 0.0 && o.im == 0.0 && (self.re > 0.0 || o.re.fract() == 0.0) {
            let re = self.re.powf(o.re);
            return Number { re, im: 0.0, size: re.abs() * (self.size / self.abs()).max(1.0) };
        }
        self.ln().times(o).exp()
    }
}

/// The value of a form without letters, where it is real and clear.
pub(super) fn real_constant(form: &Form) -> Option<f64> {
    if form.is_zero() {
        return Some(0.0);
    }
    if form.has_names() {
        return None;
    }
    let value = form_at(form, 0);
    let real = value.im.abs() <= 1e-12 * value.abs();
    (value.is_sound() && real).then_some(value.re)
}

/// Whether two forms have equal values wherever both have one; `None` where too few points say.
pub(super) fn agree(a: &Form, b: &Form) -> Option<bool> {
    let names = a.has_names() || b.has_names();
    let points = match names {
        true if alternates(a) || alternates(b) => WHOLE..WHOLE + POINTS,
        true if is_bent(a) || is_bent(b) => 0..POINTS + FAR_POINTS,
        true => 0..POINTS,
        false => 0..1,
    };
    let needed = if names { NEEDED } else { 1 };
    // Where no i is written, a point at which a root is no real number is outside.
    let complex = imaginary(a) || imaginary(b);
    let mut agreed = 0;
    for point in points {
        let (x, y) = (form_at(a, point), form_at(b, point));
        let outside = |n: Number| !complex && n.im.abs() > 1e-9 * n.abs();
        if names && (outside(x) != outside(y)) && x.is_sound() && y.is_sound() {
            return Some(false);
        }
        if names && outside(x) {
            continue;
        }
        if !x.is_finite() || !y.is_finite() {
            // One is beyond all floating point, and the other is not.
            if (x.re.is_infinite() && y.is_finite()) || (y.re.is_infinite() && x.is_finite()) {
                return Some(false);
            }
            continue;
        }
        let off = (x.re - y.re).hypot(x.im - y.im);
        let most = x.abs().max(y.abs());
        if off > CLOSE * LOSS * x.size.max(y.size) {
            return Some(false);
        }
        if !x.is_sound() || !y.is_sound() {
            continue;
        }
        if off > CLOSE * most {
            return Some(false);
        }
        agreed += 1;
    }
    (agreed >= needed).then_some(true)
}

/// Whether two forms that [`agree`] in ten digits do so in many more, at a few of the points; `None` where
/// that cannot be told.
pub(super) fn confirmed(a: &Form, b: &Form, work: &mut Work) -> Result<Option<bool>, Fail> {
    if !a.has_names() && !b.has_names() {
        return precise::agree(a, b, &|_| f64::NAN, work);
    }
    let complex = imaginary(a) || imaginary(b);
    let inside = |n: Number| n.is_sound() && (complex || n.im.abs() <= 1e-9 * n.abs());
    let points = match alternates(a) || alternates(b) {
        true => WHOLE..WHOLE + POINTS,
        false => 0..POINTS,
    };
    let sound = points.filter(|&point| inside(form_at(a, point)) && inside(form_at(b, point)));
    // Where no other point can be looked at more closely, as with factorials: whole numbers.
    let whole = (WHOLE..WHOLE + POINTS).filter(|_| !alternates(a) && !alternates(b));
    let mut agreed = 0;
    for points in [sound.take(TRIED).collect::<Vec<u64>>(), whole.collect()] {
        for point in points {
            match precise::agree(a, b, &|name| letter_at(name, point), work)? {
                Some(false) => return Ok(Some(false)),
                Some(true) => agreed += 1,
                None => {}
            }
            if agreed == CONFIRMED {
                return Ok(Some(true));
            }
        }
        if agreed > 0 {
            return Ok(Some(true));
        }
    }
    Ok(None)
}

fn imaginary(form: &Form) -> bool {
    form.num.atoms().chain(form.den.atoms()).any(|(atom, _)| *atom == Atom::Imaginary)
}

/// Whether a power of a negative number has a letter in its exponent, which then is a whole number.
fn alternates(form: &Form) -> bool {
    form.num.atoms().chain(form.den.atoms()).any(|(atom, _)| match atom {
        Atom::Raised(base, exponent) => {
            exponent.has_names() && base.as_rational().is_some_and(|base| base.is_negative())
        }
        Atom::Call(_, arguments) => arguments.iter().any(alternates),
        Atom::Base(form) => alternates(form),
        _ => false,
    })
}

/// Whether a form has corners, steps or an edge, so that one neighbourhood says nothing of another.
fn is_bent(form: &Form) -> bool {
    form.num.atoms().chain(form.den.atoms()).any(|(atom, _)| match atom {
        Atom::Call("abs" | "floor" | "ceil" | "ln" | "max" | "min", _) | Atom::Base(_) => true,
        Atom::Call(_, arguments) => arguments.iter().any(is_bent),
        Atom::Raised(base, exponent) => is_bent(base) || is_bent(exponent),
        Atom::Name(_) | Atom::Pi | Atom::Euler | Atom::Imaginary | Atom::Prime(_) => false,
    })
}

fn form_at(form: &Form, point: u64) -> Number {
    let num = poly_at(&form.num, point);
    if form.is_whole() { num } else { num.over(poly_at(&form.den, point)) }
}

fn poly_at(poly: &Poly, point: u64) -> Number {
    let mut sum = Number::real(0.0);
    for (monomial, factor) in &poly.terms {
        let mut product = Number::real(factor.to_f64().unwrap_or(f64::NAN));
        for (atom, exponent) in monomial {
            product = product.times(raised(atom_at(atom, point), *exponent));
        }
        sum = sum.plus(product);
    }
    sum
}

fn raised(base: Number, exponent: Exponent) -> Number {
    if exponent == Exponent::ONE {
        return base;
    }
    if exponent.is_whole() && exponent.top.unsigned_abs() <= 64 {
        let mut power = Number::real(1.0);
        for _ in 0..exponent.top.unsigned_abs() {
            power = power.times(base);
        }
        return if exponent.top < 0 { Number::real(1.0).over(power) } else { power };
    }
    let real_root = base.im == 0.0 && base.re < 0.0 && exponent.bottom % 2 == 1;
    let by = Number::real(exponent.top as f64 / exponent.bottom as f64);
    if real_root {
        // The real root, as in the exact forms.
        let size = Number { re: -base.re, ..base }.to_the(by);
        let sign = if exponent.top % 2 == 0 { 1.0 } else { -1.0 };
        return Number { re: sign * size.re, ..size };
    }
    base.to_the(by)
}

fn atom_at(atom: &Atom, point: u64) -> Number {
    match atom {
        Atom::Name(name) => Number::real(letter_at(name, point)),
        Atom::Pi => Number::real(std::f64::consts::PI),
        Atom::Euler => Number::real(std::f64::consts::E),
        Atom::Imaginary => Number { re: 0.0, im: 1.0, size: 1.0 },
        Atom::Prime(prime) => Number::real(prime.to_f64().unwrap_or(f64::NAN)),
        Atom::Base(form) => form_at(form, point),
        Atom::Raised(base, exponent) => form_at(base, point).to_the(form_at(exponent, point)),
        Atom::Call(function, arguments) => {
            let values: Vec<Number> = arguments.iter().map(|form| form_at(form, point)).collect();
            called(function, &values)
        }
    }
}

/// The value of a letter at a point: of either sign, away from zero, the same in every run.
fn letter_at(name: &str, point: u64) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"math point");
    hasher.update(&point.to_le_bytes());
    hasher.update(name.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    let unit = (u64::from_le_bytes(bytes) >> 11) as f64 / (1u64 << 53) as f64;
    // Half of the points are positive in every letter, so that roots are real there.
    let sign = if point % 2 == 1 && bytes[7] % 2 == 1 { -1.0 } else { 1.0 };
    if point < POINTS {
        return sign * (0.3 + 2.4 * unit);
    }
    if point >= WHOLE {
        return sign * (1.0 + (20.0 * unit).floor());
    }
    let far = sign * 1000f64.powf(unit);
    if point % 4 < 2 { far.round() } else { far }
}

fn called(function: &str, arguments: &[Number]) -> Number {
    let nothing = Number { re: f64::NAN, im: f64::NAN, size: f64::NAN };
    let Some(&x) = arguments.first() else { return nothing };
    if function == "ln" {
        return x.ln();
    }
    if function == "binomial"
        && let [n, k] = *arguments
        && n.im == 0.0
        && k.im == 0.0
    {
        let factorial = |t: f64| libm::tgamma(t + 1.0);
        return Number::real(factorial(n.re) / factorial(k.re) / factorial(n.re - k.re));
    }
    if x.im != 0.0 {
        if function == "abs" {
            return Number { re: x.abs(), im: 0.0, size: x.size };
        }
        return nothing;
    }
    // What the argument has lost, the value has.
    let lost = |value: f64, slope: f64| Number {
        re: value,
        im: 0.0,
        size: value.abs() + (x.size - x.abs()).max(0.0) * slope.abs(),
    };
    let t = x.re;
    match function {
        "sin" => lost(t.sin(), t.cos()),
        "cos" => lost(t.cos(), t.sin()),
        "arcsin" => lost(t.asin(), 1.0),
        "arccos" => lost(t.acos(), 1.0),
        "arctan" => lost(t.atan(), 1.0),
        "arccot" => lost((1.0 / t).atan(), 1.0),
        "arcsec" => lost((1.0 / t).acos(), 1.0),
        "arccsc" => lost((1.0 / t).asin(), 1.0),
        "max" | "min" => {
            let values = arguments.iter().map(|x| x.re);
            let of = |pick: fn(f64, f64) -> f64| values.reduce(pick).unwrap_or(f64::NAN);
            let complex = arguments.iter().any(|x| x.im != 0.0);
            let size = arguments.iter().map(|x| x.size).fold(0.0, f64::max);
            let value = if function == "max" { of(f64::max) } else { of(f64::min) };
            Number { re: if complex { f64::NAN } else { value }, im: 0.0, size }
        }
        "abs" => lost(t.abs(), 1.0),
        "factorial" => lost(libm::tgamma(t + 1.0), t),
        // A whole number is one in spite of the digits that it lost.
        "floor" | "ceil" if (t - t.round()).abs() <= 1e-9 * t.abs().max(1.0) => {
            lost(t.round(), 1.0)
        }
        "floor" => lost(t.floor(), 1.0),
        "ceil" => lost(t.ceil(), 1.0),
        _ => nothing,
    }
}
