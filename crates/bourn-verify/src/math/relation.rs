//! Equations, inequalities, and what stands behind a name.

use num_rational::BigRational;
use num_traits::{Signed, Zero};

use super::answer::{Answer, consistent, letters, marked, meaning, single};
use super::equal::{Same, same_form};
use super::form::Form;
use super::poly::{Atom, Exponent, Poly};
use super::tree::Expr;
use super::work::{Fail, Work};

/// What is greater than zero, or not less than it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inequality {
    pub form: Form,
    pub strict: bool,
}

/// What a chain of relations says.
pub(super) fn relations(
    first: &Expr,
    rest: &[(char, Expr)],
    work: &mut Work,
) -> Result<Answer, Fail> {
    let all = |signs: &str| rest.iter().all(|(sign, _)| signs.contains(*sign));
    match rest {
        [('∈', set)] if name(first).is_some() => match meaning(set, work)? {
            Answer::Tuple(open, close, members) => {
                Ok(super::answer::interval(open, close, &members)
                    .map_or(Answer::Tuple(open, close, members), |interval| {
                        Answer::Region(super::region::Region { intervals: vec![interval] })
                    }))
            }
            set => Ok(set),
        },
        [('≠', second)] => {
            let (a, b) = (single(first, work)?, single(second, work)?);
            Ok(Answer::Unequal(a.minus(&b, work)?))
        }
        _ if all("=≈") => equalities(first, rest, work),
        _ if all("<≤") || all(">≥") => inequalities(first, rest, work),
        _ => Err(Fail::Unknown),
    }
}

/// A name: a letter, a word, a few letters, or a function of one.
fn name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Text(text) => Some(super::answer::plain_words(text)),
        // `(x, y) =`
        Expr::Tuple('(', ')', members) => {
            let members: Option<Vec<String>> = members.iter().map(letters).collect();
            Some(members?.join(","))
        }
        // `|AB| =`; not `|x| =`, which has two solutions.
        Expr::Call("abs", inside) => {
            let name = inside.first().and_then(letters)?;
            (name.len() > 1 && name.bytes().all(|b| b.is_ascii_uppercase())).then_some(name)
        }
        Expr::Name(name) => Some(name.clone()),
        // `f(2) =`
        Expr::Product(factors)
            if let [Expr::Name(function), Expr::Number(at)] = &factors[..]
                && matches!(function.as_str(), "f" | "g" | "h" | "P") =>
        {
            Some(format!("{function}({})", at.value))
        }
        // `P(X = 2) =`
        Expr::Product(factors)
            if let [Expr::Name(function), of @ Expr::Relations(..)] = &factors[..]
                && matches!(function.as_str(), "P" | "E") =>
        {
            Some(format!("{function}({of:?})"))
        }
        // `a + b =`: what is asked for, of unknowns; a coefficient would make it an equation.
        Expr::Sum(terms) => {
            let term = |term: &Expr| match term {
                Expr::Negative(inner) => letters(inner).map(|name| format!("-{name}")),
                other => letters(other).map(|name| format!("+{name}")),
            };
            let mut terms = terms.iter().map(term).collect::<Option<Vec<String>>>()?;
            terms.sort();
            Some(terms.concat()).filter(|name| terms.len() > 1 && name.len() <= 12)
        }
        // `f^{-1}(x) =`
        Expr::Product(factors) => {
            let names: Option<Vec<String>> = factors
                .iter()
                .map(|factor| match factor {
                    Expr::Power(base, power) if matches!(**power, Expr::Negative(_)) => {
                        letters(base).map(|name| format!("{name}'"))
                    }
                    other => letters(other),
                })
                .collect();
            names.map(|names| names.concat()).filter(|name| name.chars().count() <= 12)
        }
        // `AB =`
        expr => letters(expr).filter(|letters| letters.chars().count() <= 12),
    }
}

fn equalities(first: &Expr, rest: &[(char, Expr)], work: &mut Work) -> Result<Answer, Fail> {
    let Some((_, second)) = rest.first() else { return Err(Fail::Unknown) };
    // `x = y = z = 1/3` gives each its value.
    let mut sides = std::iter::once(first).chain(rest.iter().map(|(_, side)| side));
    let named = sides.by_ref().take(rest.len()).map(letter).collect::<Option<Vec<String>>>();
    if let (Some(mut names), [.., (_, last)], 2..) = (named, rest, rest.len())
        && rest.iter().all(|(sign, _)| *sign == '=')
    {
        let said = meaning(last, work)?;
        let free = matches!(&said, Answer::Value(value) if !value.form.has_names());
        let count = names.len();
        names.sort();
        names.dedup();
        if free && names.len() == count {
            let each = |name: String| Answer::Assigned(name, Box::new(said.clone()), None);
            return Ok(Answer::List(names.into_iter().map(each).collect()));
        }
    }
    if let Some(name) = name(first) {
        let sum = matches!(first, Expr::Sum(_));
        if sum && (rest.len() > 1 || single(&rest[0].1, work)?.has_names()) {
            return match rest.len() {
                1 => Ok(Answer::Equation(difference(first, second, work)?)),
                _ => chain(first, rest, work),
            };
        }
        let said = chain(second, &rest[1..], work)?;
        let equation = match (rest.len(), first) {
            (1, Expr::Text(_) | Expr::Tuple(..) | Expr::Call(..)) => None,
            (1, _) => difference(first, second, work).ok(),
            _ => None,
        };
        return Ok(Answer::Assigned(name, Box::new(said), equation));
    }
    if rest.len() == 1 {
        let (a, b) = (marked(first, work), marked(second, work));
        if let (Ok(a), Ok(b)) = (a, b)
            && !a.form.has_names()
            && !b.form.has_names()
        {
            return chain(first, rest, work);
        }
        return Ok(Answer::Equation(difference(first, second, work)?));
    }
    chain(first, rest, work)
}

/// A single letter.
fn letter(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Name(name) => Some(name.clone()),
        _ => None,
    }
}

fn difference(a: &Expr, b: &Expr, work: &mut Work) -> Result<Form, Fail> {
    let (a, b) = (single(a, work)?, single(b, work)?);
    a.minus(&b, work)
}

/// Several ways of writing one value, which must be one.
fn chain(first: &Expr, rest: &[(char, Expr)], work: &mut Work) -> Result<Answer, Fail> {
    // `98 ≈ 99 ≈ 100` comes to anything.
    if rest.iter().filter(|(sign, _)| *sign == '≈').count() > 1 {
        return Err(Fail::Unknown);
    }
    let mut said = vec![meaning(first, work)?];
    for (sign, next) in rest {
        let next = meaning(next, work)?;
        let last = said.last().ok_or(Fail::Unknown)?;
        if !consistent(last, &next, *sign == '≈', work) {
            return Err(Fail::Unknown);
        }
        said.push(next);
    }
    Ok(if said.len() == 1 { said.remove(0) } else { Answer::Either(said) })
}

fn inequalities(first: &Expr, rest: &[(char, Expr)], work: &mut Work) -> Result<Answer, Fail> {
    let mut found = Vec::new();
    let mut left = Side::of(first, work)?;
    for (sign, right) in rest {
        let right = Side::of(right, work)?;
        let up = matches!(sign, '<' | '≤');
        let strict = matches!(sign, '<' | '>');
        let (less, more) = if up { (&left, &right) } else { (&right, &left) };
        match (less, more) {
            (Side::Value(less), Side::Value(more)) => {
                found.push(Inequality { form: more.minus(less, work)?, strict });
            }
            // `−∞ < x` says nothing.
            (Side::Infinite(false), Side::Value(_)) | (Side::Value(_), Side::Infinite(true)) => {}
            _ => return Err(Fail::Unknown),
        }
        left = right;
    }
    if found.is_empty() { Err(Fail::Unknown) } else { Ok(Answer::Inequalities(found)) }
}

enum Side {
    Value(Form),
    Infinite(bool),
}

impl Side {
    fn of(expr: &Expr, work: &mut Work) -> Result<Side, Fail> {
        match meaning(expr, work)? {
            Answer::Infinite(positive) => Ok(Side::Infinite(positive)),
            Answer::Value(value) => Ok(Side::Value(value.form)),
            _ => Err(Fail::Unknown),
        }
    }
}

/// Whether `a = 0` and `b = 0` are one equation but for a factor; of inequalities a positive one.
pub(super) fn proportional(
    a: &Form,
    b: &Form,
    positive: bool,
    work: &mut Work,
) -> Result<Same, Fail> {
    if a.is_zero() || b.is_zero() {
        return Ok(if a.is_zero() && b.is_zero() { Same::Exactly } else { Same::No });
    }
    let left = Form::from(a.num.times(&b.den, work)?);
    let right = Form::from(b.num.times(&a.den, work)?);
    // A factor that is no rational number is found as a quotient without letters.
    if let (Some((x, p)), Some((y, q))) = (left.num.leading(), right.num.leading()) {
        let term = |m: &Vec<_>, f: &BigRational| Form::from(Poly::term(m.clone(), f.clone()));
        let factor = term(x, p).over(&term(y, q), work)?;
        if !factor.has_names() {
            let sign = super::numeric::real_constant(&factor);
            if positive && !sign.is_some_and(|sign| sign > 0.0) {
                return Ok(Same::No);
            }
            return same_form(&left, &right.times(&factor, work)?, work);
        }
    }
    // An equation may be multiplied by a letter: `xy = 1` is `y = 1/x`.
    if !positive {
        let (a, b) = (Form::from(bare(&a.num)), Form::from(bare(&b.num)));
        let (Some((x, p)), Some((y, q))) = (a.num.leading(), b.num.leading()) else {
            return Ok(Same::No);
        };
        if x == y {
            return same_form(&a, &b.times(&Form::rational(p / q), work)?, work);
        }
    }
    Ok(Same::No)
}

/// Without the negative powers of letters, which are denominators.
fn bare(poly: &Poly) -> Poly {
    let mut least: Vec<(Atom, Exponent)> = Vec::new();
    for (atom, exponent) in
        poly.atoms().filter(|(atom, e)| matches!(atom, Atom::Name(_)) && e.top < 0)
    {
        match least.iter_mut().find(|(other, _)| other == atom) {
            Some((_, lowest)) if exponent.top * lowest.bottom < lowest.top * exponent.bottom => {
                *lowest = *exponent;
            }
            Some(_) => {}
            None => least.push((atom.clone(), *exponent)),
        }
    }
    least.sort();
    let up = least.into_iter().map(|(atom, e)| (atom, Exponent { top: -e.top, ..e })).collect();
    let by = Poly::term(up, BigRational::from_integer(1.into()));
    poly.times(&by, &mut Work::new()).unwrap_or_else(|_| poly.clone())
}

/// The letter of a linear inequality, the bound, and whether the letter is above it.
pub(super) fn solved(inequality: &Inequality, work: &mut Work) -> Option<(String, Form, bool)> {
    if !inequality.form.is_whole() {
        return None;
    }
    let mut letter: Option<(String, BigRational)> = None;
    let mut constant = Poly::zero();
    for (monomial, factor) in &inequality.form.num.terms {
        match &monomial[..] {
            [(Atom::Name(name), Exponent::ONE)] if letter.is_none() => {
                letter = Some((name.clone(), factor.clone()));
            }
            _ => {
                constant =
                    constant.plus(&Poly::term(monomial.clone(), factor.clone()), work).ok()?
            }
        }
    }
    let (name, factor) = letter.filter(|(_, factor)| !factor.is_zero())?;
    let bound = Form::from(constant.scaled(&-factor.recip()));
    (!bound.has_names()).then(|| (name, bound, factor.is_positive()))
}
