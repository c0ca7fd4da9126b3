//! What an answer is: a value, or something made of values.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;

use super::equal::{Same, same_form};
use super::evaluate::{Reading, value};
use super::form::Form;
use super::numeric::real_constant;
use super::region::{Bound, Interval, Region};
use super::relation::{Inequality, relations};
use super::tree::Expr;
use super::work::{Fail, Work};
use crate::number::AnswerNumber;

/// An answer that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Value(Value),
    /// Infinity, positive or negative.
    Infinite(bool),
    /// Words, without case, spaces and marks.
    Text(String),
    /// Members whose order says nothing.
    List(Vec<Answer>),
    /// Brackets with members in order.
    Tuple(char, char, Vec<Answer>),
    Region(Region),
    Matrix(Vec<Vec<Form>>),
    /// What is zero.
    Equation(Form),
    /// What is not zero.
    Unequal(Form),
    Inequalities(Vec<Inequality>),
    Based(BigInt, u32),
    Congruence(Form, Form),
    Ratio(Vec<Form>),
    /// A name with what it is, and the same as an equation.
    Assigned(String, Box<Answer>, Option<Form>),
    /// Several ways of writing one answer, as in `2/3 ≈ 0.67`.
    Either(Vec<Answer>),
    /// What is too large to be worked out, as it is written.
    Written(Box<Expr>),
}

/// A value, as its writer meant it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// Of a percentage or an angle in degrees, the numeral's.
    pub form: Form,
    pub mark: Mark,
    /// Of a decimal, its places and its significant digits.
    pub decimal: Option<(u32, usize)>,
    /// The letters that it is a product of, as they stand.
    pub letters: Option<String>,
}

/// What stands behind a numeral.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Plain,
    Percent,
    Degrees,
}

impl Value {
    pub(super) fn plain(form: Form) -> Value {
        Value { form, mark: Mark::Plain, decimal: None, letters: None }
    }
}

impl From<&AnswerNumber> for Answer {
    fn from(number: &AnswerNumber) -> Answer {
        let mark = match (number.percent, number.degrees) {
            (true, _) => Mark::Percent,
            (_, true) => Mark::Degrees,
            _ => Mark::Plain,
        };
        let form = Form::rational(number.value.clone());
        Answer::Value(Value { form, mark, decimal: number.decimal, letters: None })
    }
}

const PLUS: Reading = Reading { plus: true, radians: false };
const MINUS: Reading = Reading { plus: false, radians: false };

/// What `expr` means.
pub(super) fn meaning(expr: &Expr, work: &mut Work) -> Result<Answer, Fail> {
    work.spend(5)?;
    match expr {
        Expr::Infinity => Ok(Answer::Infinite(true)),
        Expr::Negative(inner) if **inner == Expr::Infinity => Ok(Answer::Infinite(false)),
        Expr::Sum(terms) if terms[..] == [Expr::Infinity] => Ok(Answer::Infinite(true)),
        Expr::Text(text) => Ok(words(text)),
        Expr::List(members) | Expr::Set(members) => list(members, work),
        Expr::Tuple(open, close, members) => {
            let members: Result<Vec<Answer>, Fail> =
                members.iter().map(|member| meaning(member, work)).collect();
            Ok(Answer::Tuple(*open, *close, members?))
        }
        Expr::Union(_) | Expr::Without(..) | Expr::Reals | Expr::Empty => {
            sets(expr, work).map(|region| match region {
                Joined::Region(region) => Answer::Region(region),
                Joined::Members(members) => Answer::List(members),
            })
        }
        Expr::Relations(first, rest) => relations(first, rest, work),
        Expr::Matrix(rows) => {
            let row = |row: &Vec<Expr>, work: &mut Work| {
                row.iter().map(|entry| single(entry, work)).collect::<Result<Vec<Form>, _>>()
            };
            let rows: Result<Vec<_>, Fail> = rows.iter().map(|r| row(r, work)).collect();
            Ok(Answer::Matrix(rows?))
        }
        Expr::Based(digits, base) => {
            let number = BigInt::parse_bytes(digits.as_bytes(), *base).ok_or(Fail::Unknown)?;
            Ok(Answer::Based(number, *base))
        }
        Expr::Negative(inner) if matches!(**inner, Expr::Based(..)) => {
            let Answer::Based(number, base) = meaning(inner, work)? else {
                return Err(Fail::Unknown);
            };
            Ok(Answer::Based(-number, base))
        }
        Expr::Modular(said, modulus) => {
            let modulus = single(modulus, work)?;
            let residue = match &**said {
                Expr::Relations(_, rest) => match &rest[..] {
                    [('≡' | '=', residue)] => single(residue, work)?,
                    _ => return Err(Fail::Unknown),
                },
                residue => single(residue, work)?,
            };
            Ok(Answer::Congruence(residue, modulus))
        }
        Expr::Ratio(parts) => {
            let parts: Result<Vec<Form>, Fail> =
                parts.iter().map(|part| single(part, work)).collect();
            Ok(Answer::Ratio(parts?))
        }
        expr if expr.has_plus_minus() => {
            let both = [value(expr, PLUS, work)?, value(expr, MINUS, work)?];
            Ok(Answer::List(both.map(|form| Answer::Value(Value::plain(form))).into()))
        }
        expr => marked(expr, work).map(Answer::Value),
    }
}

/// The value of what has one, and not two as `±` has.
pub(super) fn single(expr: &Expr, work: &mut Work) -> Result<Form, Fail> {
    if expr.has_plus_minus() { Err(Fail::Unknown) } else { value(expr, PLUS, work) }
}

/// A value with the mark behind it.
pub(super) fn marked(expr: &Expr, work: &mut Work) -> Result<Value, Fail> {
    let (inner, mark, negative) = match expr {
        Expr::Percent(inner) => (&**inner, Mark::Percent, false),
        Expr::Degrees(inner) => (&**inner, Mark::Degrees, false),
        Expr::Negative(inner) => match &**inner {
            Expr::Percent(inner) => (&**inner, Mark::Percent, true),
            Expr::Degrees(inner) => (&**inner, Mark::Degrees, true),
            _ => (expr, Mark::Plain, false),
        },
        _ => (expr, Mark::Plain, false),
    };
    let form = value(inner, PLUS, work)?;
    let form = if negative { form.negated() } else { form };
    Ok(Value { form, mark, decimal: decimal(inner), letters: letters(inner) })
}

fn decimal(expr: &Expr) -> Option<(u32, usize)> {
    match expr {
        Expr::Number(literal) => {
            let places = literal.places.filter(|&places| places > 0)?;
            let ten = num_traits::Pow::pow(BigInt::from(10), places);
            let digits = (&literal.value * BigRational::from_integer(ten)).to_integer();
            Some((places, if digits.is_zero() { 0 } else { digits.to_string().len() }))
        }
        Expr::Negative(inner) => decimal(inner),
        _ => None,
    }
}

/// The letters of a name, or of a product of nothing else.
pub(super) fn letters(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Name(name) => Some(name.clone()),
        Expr::Euler => Some("e".to_owned()),
        Expr::Imaginary => Some("i".to_owned()),
        Expr::Product(factors) => factors.iter().map(letters).collect(),
        _ => None,
    }
}

/// Words as they are compared: without case, spaces and marks; several are a list.
fn words(text: &str) -> Answer {
    let parts = text.split([',', ';']).flat_map(|part| part.split(" and "));
    let parts = parts.flat_map(|part| part.split(" or ")).map(plain_words);
    let mut parts: Vec<Answer> = parts.filter(|part| !part.is_empty()).map(Answer::Text).collect();
    match parts.len() {
        1 => parts.remove(0),
        0 => Answer::Text(String::new()),
        _ => Answer::List(parts),
    }
}

pub(super) fn plain_words(text: &str) -> String {
    // `A` in `A or B` is a label, and no article.
    let text = text.trim();
    let bare = ["the ", "The ", "an ", "An ", "a "].iter().find_map(|word| text.strip_prefix(word));
    let lower = bare.unwrap_or(text).to_lowercase();
    let chars: Vec<char> = lower.chars().filter(|c| *c != ' ').collect();
    let is = |at: Option<usize>, kind: fn(char) -> bool| {
        at.and_then(|at| chars.get(at)).is_some_and(|&c| kind(c))
    };
    let kept = chars.iter().enumerate().filter(|&(at, &c)| match c {
        // `1.5`, `-5`; neither `p.m.` nor `right-angled`.
        '.' => {
            is(at.checked_sub(1), |c| c.is_ascii_digit())
                && is(Some(at + 1), |c| c.is_ascii_digit())
        }
        '-' => {
            !(is(at.checked_sub(1), char::is_alphabetic) && is(Some(at + 1), char::is_alphabetic))
        }
        c => c.is_alphanumeric() || ":+=<>≤≥≠±/*^%√".contains(c),
    });
    kept.map(|(_, c)| *c).collect()
}

/// Members without order; what is a list itself adds its own.
fn list(members: &[Expr], work: &mut Work) -> Result<Answer, Fail> {
    let mut found = Vec::with_capacity(members.len());
    for member in members {
        match meaning(member, work)? {
            // A set in a set is one member.
            Answer::List(more) if !matches!(member, Expr::Set(_)) => found.extend(more),
            one => found.push(one),
        }
    }
    // `x < 2 or x > 3`: two that cannot both hold are joined.
    let regions: Option<Vec<Region>> = found
        .iter()
        .map(|answer| match answer {
            Answer::Inequalities(parts) => Region::of_inequalities(parts),
            _ => None,
        })
        .collect();
    if let Some(regions) = regions.filter(|regions| regions.len() > 1)
        && let Some(joined) = Region::disjoint(&regions)
    {
        return Ok(Answer::Region(joined));
    }
    Ok(Answer::List(found))
}

enum Joined {
    Region(Region),
    Members(Vec<Answer>),
}

/// A set of numbers, as intervals where it is that and by its members where it is not.
fn sets(expr: &Expr, work: &mut Work) -> Result<Joined, Fail> {
    match expr {
        Expr::Reals => Ok(Joined::Region(Region::all())),
        Expr::Empty => Ok(Joined::Region(Region::default())),
        Expr::Union(parts) => {
            let mut region = Region::default();
            let mut members = Vec::new();
            for part in parts {
                match sets(part, work)? {
                    Joined::Region(more) => region.intervals.extend(more.intervals),
                    Joined::Members(more) => members.extend(more),
                }
            }
            if region.intervals.is_empty() {
                return Ok(Joined::Members(members));
            }
            for member in members {
                region.intervals.push(point(&member).ok_or(Fail::Unknown)?);
            }
            region.settled(work).map(Joined::Region)
        }
        Expr::Without(all, less) => {
            let Joined::Region(all) = sets(all, work)? else { return Err(Fail::Unknown) };
            let Joined::Members(less) = sets(less, work)? else { return Err(Fail::Unknown) };
            let mut region = all;
            for member in less {
                let point = point(&member).ok_or(Fail::Unknown)?;
                region = region.without(&point.low.at);
            }
            Ok(Joined::Region(region))
        }
        Expr::Set(members) => match list(members, work)? {
            Answer::List(members) => Ok(Joined::Members(members)),
            one => Ok(Joined::Members(vec![one])),
        },
        other => match meaning(other, work)? {
            Answer::Tuple(open, close, members) => interval(open, close, &members)
                .map(|interval| Joined::Region(Region { intervals: vec![interval] }))
                .ok_or(Fail::Unknown),
            Answer::Inequalities(parts) => {
                Region::of_inequalities(&parts).map(Joined::Region).ok_or(Fail::Unknown)
            }
            _ => Err(Fail::Unknown),
        },
    }
}

fn point(member: &Answer) -> Option<Interval> {
    let Answer::Value(Value { form, .. }) = member else { return None };
    real_constant(form)?;
    let bound = Bound { at: Some(form.clone()), closed: true };
    Some(Interval { low: bound.clone(), high: bound })
}

/// Two members in brackets as an interval.
pub(super) fn interval(open: char, close: char, members: &[Answer]) -> Option<Interval> {
    let [low, high] = members else { return None };
    let bound = |answer: &Answer, infinite: bool, closed: bool| match answer {
        Answer::Infinite(positive) if *positive == infinite => {
            Some(Bound { at: None, closed: false })
        }
        Answer::Value(Value { form, .. }) => {
            real_constant(form).map(|_| Bound { at: Some(form.clone()), closed })
        }
        _ => None,
    };
    let interval =
        Interval { low: bound(low, false, open == '[')?, high: bound(high, true, close == ']')? };
    let ordered = match (&interval.low.at, &interval.high.at) {
        (Some(low), Some(high)) => real_constant(low)? <= real_constant(high)?,
        _ => true,
    };
    ordered.then_some(interval)
}

/// Whether two values written beside one another are one, by `=` exactly and by `≈` nearly.
pub(super) fn consistent(a: &Answer, b: &Answer, nearly: bool, work: &mut Work) -> bool {
    let (Answer::Value(a), Answer::Value(b)) = (a, b) else { return false };
    if super::equal::same_value(a, b, work).is_ok_and(|same| same != Same::No) {
        return true;
    }
    if same_form(&a.form, &b.form, work).is_ok_and(|same| same != Same::No) {
        return true;
    }
    if !nearly {
        return false;
    }
    rounded(a, b) || rounded(b, a)
}

/// Whether `b` is a decimal, or a whole number, that `a` with its further digits comes to.
fn rounded(a: &Value, b: &Value) -> bool {
    let (Some(x), Some(y)) = (real_constant(&a.form), b.form.as_rational()) else { return false };
    let finer = match (a.form.as_rational(), a.decimal, b.decimal) {
        (Some(x), None, _) => !x.is_integer(),
        (_, Some((more, _)), Some((places, _))) => more > places,
        _ => true,
    };
    let places = match b.decimal {
        Some((places, _)) => places,
        None if y.is_integer() && !y.is_zero() => 0,
        None => return false,
    };
    // Rounded to the nearest, or cut.
    let Some(y) = num_traits::ToPrimitive::to_f64(&y) else { return false };
    let off = (x - y).abs() * 10f64.powi(places.min(300) as i32);
    let cut = y.abs() <= x.abs() && x * y > 0.0;
    finer && (off <= 0.5 + 1e-9 || cut && off < 0.999)
}
