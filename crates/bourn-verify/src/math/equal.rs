//! Whether two answers mean the same.

use num_rational::BigRational;
use num_traits::Zero;

use super::answer::{Answer, Value, interval};
use super::form::Form;
use super::region::Region;
use super::relation::{Inequality, proportional, solved};
use super::work::{Fail, Work};

mod value;

pub(super) use value::{same_form, same_value};

/// Whether two answers are one, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Same {
    No,
    /// By their forms.
    Exactly,
    /// By their values at seeded points.
    Numerically,
}

impl Same {
    pub(super) fn and(self, other: Same) -> Same {
        match (self, other) {
            (Same::No, _) | (_, Same::No) => Same::No,
            (Same::Exactly, Same::Exactly) => Same::Exactly,
            _ => Same::Numerically,
        }
    }

    fn or(self, other: Same) -> Same {
        match (self, other) {
            (Same::Exactly, _) | (_, Same::Exactly) => Same::Exactly,
            (Same::No, Same::No) => Same::No,
            _ => Same::Numerically,
        }
    }
}

/// Most members that are compared without order.
const MAX_MEMBERS: usize = 100;

/// Whether `answer` means what `gold` does.
pub(super) fn same(gold: &Answer, answer: &Answer, work: &mut Work) -> Result<Same, Fail> {
    work.spend(5)?;
    use Answer::{
        Assigned, Based, Congruence, Either, Equation, Inequalities, Infinite, List, Matrix, Ratio,
        Region as Set, Text, Tuple, Unequal, Written,
    };
    match (gold, answer) {
        // What is too large to be worked out is what it is written as.
        (Written(a), Written(b)) if a == b => Ok(Same::Exactly),
        (Written(_), _) | (_, Written(_)) => Err(Fail::TooMuch),
        (Either(ways), other) => any(ways, |way, work| same(way, other, work), work),
        (other, Either(ways)) => any(ways, |way, work| same(other, way, work), work),
        (Answer::Value(a), Answer::Value(b)) => same_value(a, b, work),
        (Infinite(a), Infinite(b)) => Ok(exact(a == b)),
        (Text(a), Text(b)) => Ok(exact(a == b && !a.is_empty())),
        (Text(text), Answer::Value(value)) | (Answer::Value(value), Text(text)) => {
            Ok(exact(text_is_value(text, value)))
        }
        (Assigned(a, x, e), Assigned(b, y, f)) => {
            let products = e.is_some() && is_product(a) || f.is_some() && is_product(b);
            let by_value = match a == b || may_be_one(a, b) && !products {
                true => same(x, y, work)?,
                false => Same::No,
            };
            let by_equation = match (e, f) {
                (Some(e), Some(f)) => proportional(e, f, false, work)?,
                _ => Same::No,
            };
            Ok(by_value.or(by_equation))
        }
        (Assigned(_, _, Some(a)), Equation(b)) | (Equation(a), Assigned(_, _, Some(b))) => {
            proportional(a, b, false, work)
        }
        (Equation(a), Equation(b)) => proportional(a, b, false, work),
        (Unequal(a), Unequal(b)) => proportional(a, b, false, work),
        // As a reference `x + y = 0` is an equation, which `0` is not.
        (Assigned(name, ..), _) if is_sum(name) => Ok(Same::No),
        // `(y, x) = (1, 2)` is the point (2, 1).
        (Assigned(name, ..), _) | (_, Assigned(name, ..)) if is_out_of_order(name) => Ok(Same::No),
        (Assigned(_, value, _), other) => same(value, other, work),
        (other, Assigned(_, value, _)) => same(other, value, work),
        (List(a), List(b)) => same_members(a, b, work),
        (List(one), other) | (other, List(one)) if one.len() == 1 => {
            // A set with the empty set in it is not empty, nor one with a set in it that set.
            match one[0] {
                Set(_) | List(_) => Ok(Same::No),
                _ => same(&one[0], other, work),
            }
        }
        (Tuple(a, b, x), Tuple(c, d, y)) if (a, b) == (c, d) => in_order(x, y, work),
        (Tuple('(', ')', x), Matrix(rows)) | (Matrix(rows), Tuple('(', ')', x)) => {
            let column = rows.iter().map(|row| match &row[..] {
                [entry] => Some(Answer::Value(Value::plain(entry.clone()))),
                _ => None,
            });
            match column.collect::<Option<Vec<Answer>>>() {
                Some(column) => in_order(x, &column, work),
                None => Ok(Same::No),
            }
        }
        // The members of a tuple, in their order, without its brackets: three or more, or with their
        // names, since two might be an interval.
        (Tuple('(', ')', x), List(y)) | (List(y), Tuple('(', ')', x)) if named(y) => {
            match by_name(y) {
                Some(y) => in_order(x, &y, work),
                None => Ok(Same::No),
            }
        }
        (Tuple('(', ')', x), List(y)) | (List(y), Tuple('(', ')', x)) if x.len() > 2 => {
            in_order(x, y, work)
        }
        (Matrix(a), Matrix(b)) => same_rows(a, b, work),
        (Inequalities(a), Inequalities(b)) => {
            let by_parts = same_inequalities(a, b, work)?;
            match (by_parts, Region::of_inequalities(a), Region::of_inequalities(b)) {
                (Same::No, Some(x), Some(y)) if letter(a) == letter(b) => x.same(&y, work),
                (found, ..) => Ok(found),
            }
        }
        (Based(a, base), Based(b, other)) => Ok(exact(a == b && base == other)),
        (Answer::Value(value), Based(number, _)) => {
            Ok(exact(value.form.as_rational() == Some(BigRational::from_integer(number.clone()))))
        }
        (Based(number, 10), Answer::Value(value)) => {
            Ok(exact(value.form.as_rational() == Some(BigRational::from_integer(number.clone()))))
        }
        (Congruence(a, m), Congruence(b, n)) => congruent((a, m), (b, n), work),
        (Ratio(a), Ratio(b)) => same_ratio(a, b, work),
        (Ratio(parts), Answer::Value(value)) | (Answer::Value(value), Ratio(parts)) => {
            match &parts[..] {
                [a, b] if !b.is_zero() => same_form(&a.over(b, work)?, &value.form, work),
                _ => Ok(Same::No),
            }
        }
        (a, b) => match (as_region(a), as_region(b)) {
            (Some(x), Some(y))
                if matches!(a, Set(_) | Inequalities(_) | Unequal(_))
                    || matches!(b, Set(_) | Inequalities(_) | Unequal(_)) =>
            {
                x.same(&y, work)
            }
            _ => Ok(Same::No),
        },
    }
}

fn exact(equal: bool) -> Same {
    if equal { Same::Exactly } else { Same::No }
}

fn any(
    ways: &[Answer],
    mut same: impl FnMut(&Answer, &mut Work) -> Result<Same, Fail>,
    work: &mut Work,
) -> Result<Same, Fail> {
    let mut found = Same::No;
    for way in ways {
        found = found.or(same(way, work)?);
    }
    Ok(found)
}

/// Whether two names may be of one thing: `y` and `f(x)`, `A` and `Area` may be; two letters, two
/// segments (`AB`, `CD`), two points or two words are one only where they are the same.
fn may_be_one(a: &str, b: &str) -> bool {
    // A letter may have a mark or an index: `y'`, `a_5`.
    let letter = |name: &str| name.chars().filter(|c| c.is_alphabetic()).count() == 1;
    // `f(2)` is not `f(3)`, and `a + b` no letter.
    if a != b && (a.contains('(') && b.contains('(') || is_sum(a) || is_sum(b)) {
        return false;
    }
    a == b || letter(a) != letter(b)
}

/// Whether a name is one of several letters that are not in the alphabet's order.
fn is_out_of_order(name: &str) -> bool {
    let letters: Vec<&str> = name.split(',').collect();
    // The name of a probability holds its event, whatever is written there.
    let plain = |c: char| c.is_alphanumeric() || c == '_';
    letters.iter().all(|letter| letter.chars().all(plain))
        && letters.windows(2).any(|pair| pair[0] >= pair[1])
}

/// The values of names that differ, in the names' order: `y = 1, x = 2` is the point (2, 1).
fn by_name(members: &[Answer]) -> Option<Vec<Answer>> {
    let mut named: Vec<(&String, &Answer)> = members
        .iter()
        .filter_map(|member| match member {
            Answer::Assigned(name, value, _) => Some((name, &**value)),
            _ => None,
        })
        .collect();
    named.sort_by(|a, b| a.0.cmp(b.0));
    let apart = named.windows(2).all(|pair| pair[0].0 != pair[1].0);
    apart.then(|| named.into_iter().map(|(_, value)| value.clone()).collect())
}

/// Whether a name is a sum of letters.
fn is_sum(name: &str) -> bool {
    name.starts_with(['+', '-'])
}

/// Whether a name is a product of variables, `xy`, whose equation is another than that of `x`.
fn is_product(name: &str) -> bool {
    // `f(x)` is the value of a function.
    let function = name.starts_with(['f', 'g', 'h', 'p']);
    name.len() > 1 && !function && name.bytes().all(|b| b.is_ascii_lowercase())
}

/// The letter that inequalities are about.
fn letter(parts: &[Inequality]) -> Option<String> {
    parts.first().and_then(|part| solved(part, &mut Work::new())).map(|(letter, ..)| letter)
}

/// Words that are a letter, a name, or a number.
fn text_is_value(text: &str, value: &Value) -> bool {
    if let Some(letters) = &value.letters {
        return letters.to_lowercase() == *text;
    }
    let number = super::words::number(text).or_else(|| text.parse().ok());
    number.is_some_and(|number| {
        value.form.as_rational() == Some(BigRational::from_integer(number.into()))
    })
}

/// The set of numbers that an answer is, where it can be one.
fn as_region(answer: &Answer) -> Option<Region> {
    match answer {
        Answer::Region(region) => Some(region.clone()),
        Answer::Tuple(open, close, members) => {
            interval(*open, *close, members).map(|one| Region { intervals: vec![one] })
        }
        Answer::Inequalities(parts) => Region::of_inequalities(parts),
        Answer::Unequal(form) => Region::unequal(form),
        _ => None,
    }
}

fn in_order(a: &[Answer], b: &[Answer], work: &mut Work) -> Result<Same, Fail> {
    if a.len() != b.len() {
        return Ok(Same::No);
    }
    let mut all = Same::Exactly;
    for (x, y) in a.iter().zip(b) {
        all = all.and(same(x, y, work)?);
        if all == Same::No {
            break;
        }
    }
    Ok(all)
}

/// Whether every member is a name with its value.
fn named(members: &[Answer]) -> bool {
    members.iter().all(|member| matches!(member, Answer::Assigned(..)))
}

/// Members without order. Names that are given values keep them.
fn same_members(a: &[Answer], b: &[Answer], work: &mut Work) -> Result<Same, Fail> {
    if a.len() != b.len() {
        return Ok(Same::No);
    }
    if a.len() > MAX_MEMBERS {
        return Err(Fail::TooMuch);
    }
    // Names that differ say which is which, as their order does: `x = 1, y = 2` and `1, 2`. Of one
    // name (`x = 1 or x = 2`) there is no order.
    if named(a) != named(b) {
        match (by_name(a).filter(|_| named(a)), by_name(b).filter(|_| named(b))) {
            (Some(a), _) => return in_order(&a, b, work),
            (_, Some(b)) => return in_order(a, &b, work),
            _ => {}
        }
    }
    let mut left: Vec<&Answer> = b.iter().collect();
    let mut all = Same::Exactly;
    for member in a {
        let mut found = None;
        for (at, other) in left.iter().enumerate() {
            if let (Answer::Assigned(a, ..), Answer::Assigned(b, ..)) = (member, other)
                && a != b
            {
                continue;
            }
            let how = same(member, other, work)?;
            if how != Same::No {
                found = Some((at, how));
                break;
            }
        }
        let Some((at, how)) = found else { return Ok(Same::No) };
        left.remove(at);
        all = all.and(how);
    }
    Ok(all)
}

fn same_rows(a: &[Vec<Form>], b: &[Vec<Form>], work: &mut Work) -> Result<Same, Fail> {
    let width = |rows: &[Vec<Form>]| rows.first().map(Vec::len);
    if a.len() != b.len() || width(a) != width(b) {
        return Ok(Same::No);
    }
    let mut all = Same::Exactly;
    for (x, y) in a.iter().flatten().zip(b.iter().flatten()) {
        all = all.and(same_form(x, y, work)?);
        if all == Same::No {
            break;
        }
    }
    Ok(all)
}

fn same_inequalities(a: &[Inequality], b: &[Inequality], work: &mut Work) -> Result<Same, Fail> {
    if a.len() != b.len() {
        return Ok(Same::No);
    }
    let mut left: Vec<&Inequality> = b.iter().collect();
    let mut all = Same::Exactly;
    for part in a {
        let mut found = None;
        for (at, other) in left.iter().enumerate() {
            if part.strict != other.strict {
                continue;
            }
            let how = proportional(&part.form, &other.form, true, work)?;
            if how != Same::No {
                found = Some((at, how));
                break;
            }
        }
        let Some((at, how)) = found else { return Ok(Same::No) };
        left.remove(at);
        all = all.and(how);
    }
    Ok(all)
}

fn congruent(
    (a, m): (&Form, &Form),
    (b, n): (&Form, &Form),
    work: &mut Work,
) -> Result<Same, Fail> {
    let modulus = same_form(m, n, work)?;
    let difference = a.minus(b, work)?;
    let residue = match (difference.as_rational(), m.as_rational()) {
        (Some(off), Some(m)) if !m.is_zero() => exact((off / m).is_integer()),
        _ => exact(difference.is_zero()),
    };
    Ok(modulus.and(residue))
}

fn same_ratio(a: &[Form], b: &[Form], work: &mut Work) -> Result<Same, Fail> {
    if a.len() != b.len() || a[0].is_zero() || b[0].is_zero() {
        return Ok(exact(a == b));
    }
    // `8:30` is no other time than that.
    if is_time(a) && is_time(b) {
        return Ok(exact(a == b));
    }
    let mut all = Same::Exactly;
    for (x, y) in a.iter().zip(b).skip(1) {
        all = all.and(same_form(&x.times(&b[0], work)?, &y.times(&a[0], work)?, work)?);
    }
    Ok(all)
}

/// Hours and minutes, as far as numbers tell.
fn is_time(parts: &[Form]) -> bool {
    let within = |part: &Form, low: i64, high: i64| {
        let whole = |value: i64| BigRational::from_integer(value.into());
        part.as_rational()
            .is_some_and(|part| part.is_integer() && whole(low) <= part && part <= whole(high))
    };
    matches!(parts, [hours, minutes] if within(hours, 1, 24) && within(minutes, 10, 59))
}
