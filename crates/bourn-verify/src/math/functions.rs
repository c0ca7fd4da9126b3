//! Functions of values: exact where there is an exact value, and an atom otherwise.

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::form::Form;
use super::numeric::real_constant;
use super::poly::{Atom, Exponent, Poly};
use super::power::{factors, power, root};
use super::work::{Fail, Work};

/// Largest argument of a factorial or a binomial that is worked out.
const MAX_FACTORIAL: u32 = 1_000;

/// What a logarithm without a base is divided by, turned over: a letter that nobody writes.
const LOG: &str = "log";

/// `function` of `arguments`; a logarithm's base is its second argument.
pub(super) fn call(
    function: &'static str,
    arguments: &[Form],
    work: &mut Work,
) -> Result<Form, Fail> {
    work.spend(10)?;
    let Some(x) = arguments.first() else { return Err(Fail::Unknown) };
    match function {
        "sin" => sine(x, work),
        "cos" => cosine(x, work),
        "tan" => sine(x, work)?.over(&cosine(x, work)?, work),
        "cot" => cosine(x, work)?.over(&sine(x, work)?, work),
        "sec" => Form::integer(1).over(&cosine(x, work)?, work),
        "csc" => Form::integer(1).over(&sine(x, work)?, work),
        "arcsin" | "arccos" | "arctan" => inverse(function, x, work),
        "arccot" | "arcsec" | "arccsc" => Ok(opaque(function, arguments)),
        "sinh" | "cosh" | "tanh" => hyperbolic(function, x, work),
        "exp" => power(&Form::atom(Atom::Euler), x, work),
        "ln" => logarithm(x, work),
        "log" => match arguments.get(1) {
            Some(base) => logarithm(x, work)?.over(&logarithm(base, work)?, work),
            // To some base: e to some, 10 to others. What it is a multiple of ln by stays open.
            None => logarithm(x, work)?.times(&Form::atom(Atom::Name(LOG.to_owned())), work),
        },
        "lg" => logarithm(x, work)?.over(&logarithm(&Form::integer(10), work)?, work),
        "abs" => absolute(x, work),
        "floor" | "ceil" => rounded(function, x),
        "gcd" | "lcm" => common(function, arguments),
        "max" | "min" => extreme(function, arguments),
        _ => Err(Fail::Unknown),
    }
}

fn opaque(function: &'static str, arguments: &[Form]) -> Form {
    Form::atom(Atom::Call(function, arguments.to_vec()))
}

/// Turns by π that an angle is, where it is that.
fn turns(x: &Form) -> Option<BigRational> {
    if x.is_zero() {
        return Some(BigRational::zero());
    }
    match x.num.single()? {
        (monomial, factor) if x.is_whole() && monomial[..] == [(Atom::Pi, Exponent::ONE)] => {
            Some(factor.clone())
        }
        _ => None,
    }
}

/// Whether the first term is negative: then the function is taken of the opposite.
fn is_turned(x: &Form) -> bool {
    x.num.leading().is_some_and(|(_, factor)| factor.is_negative())
}

fn sine(x: &Form, work: &mut Work) -> Result<Form, Fail> {
    if let Some(turns) = turns(x) {
        return sine_of_turn(&turns, work);
    }
    Ok(match is_turned(x) {
        true => opaque("sin", &[x.clone().negated()]).negated(),
        false => opaque("sin", std::slice::from_ref(x)),
    })
}

fn cosine(x: &Form, work: &mut Work) -> Result<Form, Fail> {
    if let Some(turns) = turns(x) {
        return cosine_of_turn(&turns, work);
    }
    Ok(match is_turned(x) {
        true => opaque("cos", &[x.clone().negated()]),
        false => opaque("cos", std::slice::from_ref(x)),
    })
}

/// sin πt = cos π(1/2 − t)
pub(super) fn sine_of_turn(t: &BigRational, work: &mut Work) -> Result<Form, Fail> {
    cosine_of_turn(&(BigRational::new(1.into(), 2.into()) - t), work)
}

/// cos πt, exact for multiples of π/5 and π/12.
pub(super) fn cosine_of_turn(t: &BigRational, work: &mut Work) -> Result<Form, Fail> {
    let ratio = |top: i64, bottom: i64| BigRational::new(top.into(), bottom.into());
    let (one, two) = (ratio(1, 1), ratio(2, 1));
    // To 0 ≤ t ≤ 1/2, with a sign.
    let mut t = t - (t / &two).floor() * &two;
    if t > one {
        t = &two - t;
    }
    let turned = t > ratio(1, 2);
    if turned {
        t = &one - t;
    }
    let surd = |value: i64, work: &mut Work| {
        root(&Form::integer(value), Exponent { top: 1, bottom: 2 }, work)
    };
    let part = |sum: Form, by: i64, work: &mut Work| sum.times(&Form::rational(ratio(1, by)), work);
    let small = t.numer().to_i64().zip(t.denom().to_i64());
    let value = match small {
        Some((0, 1)) => Form::integer(1),
        Some((1, 2)) => Form::integer(0),
        Some((1, 3)) => Form::rational(ratio(1, 2)),
        Some((1, 4)) => part(surd(2, work)?, 2, work)?,
        Some((1, 6)) => part(surd(3, work)?, 2, work)?,
        Some((1, 5)) => part(surd(5, work)?.plus(&Form::integer(1), work)?, 4, work)?,
        Some((2, 5)) => part(surd(5, work)?.minus(&Form::integer(1), work)?, 4, work)?,
        Some((1, 12)) => part(surd(6, work)?.plus(&surd(2, work)?, work)?, 4, work)?,
        Some((5, 12)) => part(surd(6, work)?.minus(&surd(2, work)?, work)?, 4, work)?,
        _ => {
            let angle = Form::atom(Atom::Pi).times(&Form::rational(t), work)?;
            opaque("cos", &[angle])
        }
    };
    Ok(if turned { value.negated() } else { value })
}

/// An arc function: a multiple of π/12 or π/5 where its function of that is the argument.
fn inverse(function: &'static str, x: &Form, work: &mut Work) -> Result<Form, Fail> {
    let opposite = match function {
        "arcsin" => "sin",
        "arccos" => "cos",
        _ => "tan",
    };
    if let Some(value) = real_constant(x) {
        let angle = match function {
            "arcsin" => value.asin(),
            "arccos" => value.acos(),
            _ => value.atan(),
        };
        for parts in [12.0, 5.0, 10.0] {
            let multiple = (angle * parts / std::f64::consts::PI).round();
            if (multiple * std::f64::consts::PI / parts - angle).abs() > 1e-9 {
                continue;
            }
            let turns = BigRational::new(BigInt::from(multiple as i64), BigInt::from(parts as i64));
            let exact = Form::atom(Atom::Pi).times(&Form::rational(turns), work)?;
            if call(opposite, std::slice::from_ref(&exact), work)? == *x {
                return Ok(exact);
            }
        }
    }
    if function != "arccos" && is_turned(x) {
        return Ok(opaque(function, &[x.clone().negated()]).negated());
    }
    Ok(opaque(function, std::slice::from_ref(x)))
}

fn hyperbolic(function: &'static str, x: &Form, work: &mut Work) -> Result<Form, Fail> {
    let e = Form::atom(Atom::Euler);
    let up = power(&e, x, work)?;
    let down = power(&e, &x.clone().negated(), work)?;
    let half = Form::rational(BigRational::new(1.into(), 2.into()));
    match function {
        "sinh" => up.minus(&down, work)?.times(&half, work),
        "cosh" => up.plus(&down, work)?.times(&half, work),
        _ => up.minus(&down, work)?.over(&up.plus(&down, work)?, work),
    }
}

/// The natural logarithm: of a product of known factors the sum of theirs.
fn logarithm(x: &Form, work: &mut Work) -> Result<Form, Fail> {
    if x.is_zero() {
        return Err(Fail::Undefined);
    }
    let known = |atom: &Atom| matches!(atom, Atom::Prime(_) | Atom::Euler);
    let (monomial, factor) = match x.num.single() {
        Some((monomial, factor))
            if x.is_whole()
                && factor.is_positive()
                && monomial.iter().all(|(atom, _)| known(atom)) =>
        {
            (monomial, factor)
        }
        _ => return Ok(opaque("ln", std::slice::from_ref(x))),
    };
    let of_prime =
        |prime: BigInt| opaque("ln", &[Form::rational(BigRational::from_integer(prime))]);
    let mut sum = Form::integer(0);
    for (prime, times) in factors(factor, work)? {
        sum = sum.plus(&of_prime(prime).times(&Form::integer(times), work)?, work)?;
    }
    for (atom, exponent) in monomial {
        let times = BigRational::new(exponent.top.into(), exponent.bottom.into());
        let part = match atom {
            Atom::Prime(prime) => of_prime(prime.clone()),
            _ => Form::integer(1),
        };
        sum = sum.plus(&part.times(&Form::rational(times), work)?, work)?;
    }
    Ok(sum)
}

fn absolute(x: &Form, work: &mut Work) -> Result<Form, Fail> {
    if let Some(value) = real_constant(x) {
        let clear = value.abs() > 1e-9 || x.is_zero();
        return match clear {
            true if value < 0.0 => Ok(x.clone().negated()),
            true => Ok(x.clone()),
            false => Err(Fail::Unknown),
        };
    }
    if !x.has_names() {
        // |a + bi|² = (a + bi)(a − bi), where a and b are real.
        let real = |atom: &Atom| match atom {
            Atom::Imaginary | Atom::Pi | Atom::Euler | Atom::Prime(_) => true,
            atom => real_constant(&Form::atom(atom.clone())).is_some(),
        };
        if !x.num.atoms().all(|(atom, _)| real(atom)) {
            return Err(Fail::Unknown);
        }
        let turned = x.num.terms.iter().map(|(monomial, factor)| {
            let imaginary = monomial.iter().any(|(atom, _)| *atom == Atom::Imaginary);
            (monomial.clone(), if imaginary { -factor.clone() } else { factor.clone() })
        });
        let turned = Form::from(Poly { terms: turned.collect() });
        if x.is_whole() {
            let square = x.times(&turned, work)?;
            return root(&square, Exponent { top: 1, bottom: 2 }, work);
        }
        return Err(Fail::Unknown);
    }
    let positive = if is_turned(x) { x.clone().negated() } else { x.clone() };
    Ok(opaque("abs", &[positive]))
}

fn rounded(function: &'static str, x: &Form) -> Result<Form, Fail> {
    if let Some(value) = x.as_rational() {
        let whole = if function == "floor" { value.floor() } else { value.ceil() };
        return Ok(Form::rational(whole));
    }
    if let Some(value) = real_constant(x) {
        let whole = if function == "floor" { value.floor() } else { value.ceil() };
        let clear = (value - value.round()).abs() > 1e-9 && value.abs() < 1e15;
        return if clear { Ok(Form::integer(whole as i64)) } else { Err(Fail::Unknown) };
    }
    Ok(opaque(function, std::slice::from_ref(x)))
}

fn common(function: &'static str, arguments: &[Form]) -> Result<Form, Fail> {
    let mut found: Option<BigInt> = None;
    for argument in arguments {
        let value = argument.as_rational().filter(BigRational::is_integer).ok_or(Fail::Unknown)?;
        let value = value.to_integer();
        found = Some(match found {
            None => value,
            Some(so_far) if function == "gcd" => so_far.gcd(&value),
            Some(so_far) => so_far.lcm(&value),
        });
    }
    found.map(|value| Form::rational(BigRational::from_integer(value))).ok_or(Fail::Unknown)
}

/// The largest or smallest of several: of rational numbers, else it stays as it is, in one order.
fn extreme(function: &'static str, arguments: &[Form]) -> Result<Form, Fail> {
    let values: Option<Vec<BigRational>> = arguments.iter().map(Form::as_rational).collect();
    if let Some(values) = values {
        let found =
            if function == "max" { values.into_iter().max() } else { values.into_iter().min() };
        return found.map(Form::rational).ok_or(Fail::Unknown);
    }
    let mut arguments = arguments.to_vec();
    arguments.sort();
    arguments.dedup();
    Ok(opaque(function, &arguments))
}

/// `x!`
pub(super) fn factorial(x: &Form, work: &mut Work) -> Result<Form, Fail> {
    let Some(value) = x.as_rational() else { return shifted_factorial(x, work) };
    if !value.is_integer() || value.is_negative() {
        return Err(Fail::Undefined);
    }
    let Some(n) = value.numer().to_u32().filter(|&n| n <= MAX_FACTORIAL) else {
        return Ok(opaque("factorial", std::slice::from_ref(x)));
    };
    work.spend(u64::from(n) * 4)?;
    let product = (2..=n).fold(BigInt::one(), |product, factor| product * factor);
    Ok(Form::rational(BigRational::from_integer(product)))
}

/// (x + c)! with a small whole c, by x!: `(n + 1)! = n! (n + 1)`.
fn shifted_factorial(x: &Form, work: &mut Work) -> Result<Form, Fail> {
    let shift = x.num.terms.get(&Vec::new()).filter(|shift| shift.is_integer() && x.is_whole());
    let shift = shift.and_then(|shift| shift.numer().to_i64()).filter(|shift| shift.abs() <= 10);
    let shift = shift.unwrap_or(0);
    let base = x.minus(&Form::integer(shift), work)?;
    let mut product = opaque("factorial", std::slice::from_ref(&base));
    for step in 1..=shift {
        product = product.times(&base.plus(&Form::integer(step), work)?, work)?;
    }
    for step in 0..-shift {
        product = product.over(&base.minus(&Form::integer(step), work)?, work)?;
    }
    Ok(product)
}

/// `n` over `k`: `n (n − 1) … (n − k + 1) / k!`
pub(super) fn binomial(n: &Form, k: &Form, work: &mut Work) -> Result<Form, Fail> {
    let whole = |x: &Form| x.as_rational().filter(BigRational::is_integer).map(|x| x.to_integer());
    let Some(mut below) = whole(k) else { return Ok(opaque("binomial", &[n.clone(), k.clone()])) };
    if let Some(above) = whole(n)
        && !above.is_negative()
    {
        if below.is_negative() || below > above {
            return Ok(Form::integer(0));
        }
        below = below.clone().min(&above - &below);
    }
    let limit = if n.as_rational().is_some() { MAX_FACTORIAL } else { 8 };
    let Some(k_small) = below.to_u32().filter(|&k| k <= limit) else {
        return Ok(opaque("binomial", &[n.clone(), k.clone()]));
    };
    let mut product = Form::integer(1);
    for step in 0..i64::from(k_small) {
        let factor = n.minus(&Form::integer(step), work)?;
        let one_over = Form::rational(BigRational::new(1.into(), (step + 1).into()));
        product = product.times(&factor, work)?.times(&one_over, work)?;
    }
    Ok(product)
}
