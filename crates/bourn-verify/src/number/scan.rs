//! The numerals there are: decimals, fractions, mixed numbers, scientific notation.

use num_bigint::{BigInt, Sign};
use num_rational::BigRational;
use num_traits::{Pow, Zero};

use crate::latex::group_end;

/// Most digits (and separators) of one number.
pub(super) const MAX_RUN: usize = 1000;
/// Largest power of ten, either way, of scientific notation.
const MAX_EXPONENT: i64 = 1000;

/// Digits with an optional point and power of ten.
#[derive(Clone, Debug)]
pub(super) struct Decimal {
    negative: bool,
    digits: String,
    places: usize,
    exponent: i64,
}

/// A numeral as it is written, without the sign in front.
#[derive(Clone, Debug)]
pub(super) enum WrittenNumeral {
    Decimal(Decimal),
    Fraction(Decimal, Decimal),
    Mixed(Decimal, Decimal, Decimal),
}

/// What stands at the start of some text; lengths are in bytes.
pub(super) enum Scan {
    Nothing,
    Unreadable(usize),
    Read(WrittenNumeral, usize),
}

impl Decimal {
    fn is_natural(&self) -> bool {
        !self.negative && self.places == 0 && self.exponent == 0
    }

    fn value(&self) -> BigRational {
        let digits: Vec<u8> = self.digits.bytes().map(|b| b - b'0').collect();
        // The scanner lets nothing but ASCII digits into `digits`: radix 10 always reads.
        let magnitude = BigInt::from_radix_be(Sign::Plus, &digits, 10).unwrap_or_else(BigInt::zero);
        let value = BigRational::from_integer(if self.negative { -magnitude } else { magnitude });
        let power = self.exponent - self.places as i64;
        let scale = BigRational::from_integer(BigInt::from(10).pow(power.unsigned_abs()));
        if power < 0 { value / scale } else { value * scale }
    }

    /// Places behind the point and significant digits, where there are any behind the point.
    fn decimal(&self) -> Option<(u32, usize)> {
        let significant = self.digits.trim_start_matches('0').len();
        (self.places > 0 && self.exponent == 0).then_some((self.places as u32, significant))
    }
}

impl WrittenNumeral {
    /// Its value without the sign in front; `None` for a division by zero.
    pub(super) fn value(&self) -> Option<BigRational> {
        let ratio = |top: &Decimal, bottom: &Decimal| {
            let bottom = bottom.value();
            (!bottom.is_zero()).then(|| top.value() / bottom)
        };
        match self {
            WrittenNumeral::Decimal(d) => Some(d.value()),
            WrittenNumeral::Fraction(top, bottom) => ratio(top, bottom),
            WrittenNumeral::Mixed(whole, top, bottom) => Some(whole.value() + ratio(top, bottom)?),
        }
    }

    /// Its places and significant digits, where it is a decimal.
    pub(super) fn decimal(&self) -> Option<(u32, usize)> {
        match self {
            WrittenNumeral::Decimal(d) => d.decimal(),
            WrittenNumeral::Fraction(..) | WrittenNumeral::Mixed(..) => None,
        }
    }
}

/// Reads the longest number at the start of `text`.
pub(super) fn scan(text: &str) -> Scan {
    if text.starts_with("\\frac") {
        return fraction(text);
    }
    if let Some(radicand) = text.strip_prefix('√') {
        let index = if radicand.starts_with('[') {
            radicand.find(']').map_or(radicand.len(), |at| at + 1)
        } else {
            0
        };
        return Scan::Unreadable('√'.len_utf8() + index + argument_len(&radicand[index..]));
    }
    if text.starts_with('π') {
        return Scan::Unreadable('π'.len_utf8());
    }
    let (first, len) = match decimal(text) {
        Ok(read) => read,
        Err(0) => return Scan::Nothing,
        Err(len) => return Scan::Unreadable(len),
    };
    if let Some(slash) = slash_len(&text[len..]) {
        let bottom_at = len + slash;
        return match decimal(&text[bottom_at..]) {
            Ok((bottom, n)) if slash_len(&text[bottom_at + n..]).is_none() => {
                Scan::Read(WrittenNumeral::Fraction(first, bottom), bottom_at + n)
            }
            Ok((_, n)) | Err(n) => Scan::Unreadable(bottom_at + n),
        };
    }
    if first.is_natural() {
        mixed(text, first, len)
    } else {
        Scan::Read(WrittenNumeral::Decimal(first), len)
    }
}

/// `1 3/4` or `1\frac{3}{4}` at the start of `text`, whose first `len` bytes are `whole`.
fn mixed(text: &str, whole: Decimal, len: usize) -> Scan {
    let spaces = text[len..].len() - text[len..].trim_start_matches(' ').len();
    let at = len + spaces;
    if text[at..].starts_with("\\frac") {
        return match fraction(&text[at..]) {
            Scan::Read(WrittenNumeral::Fraction(top, bottom), n) if is_proper(&top, &bottom) => {
                Scan::Read(WrittenNumeral::Mixed(whole, top, bottom), at + n)
            }
            Scan::Read(_, n) | Scan::Unreadable(n) => Scan::Unreadable(at + n),
            Scan::Nothing => Scan::Read(WrittenNumeral::Decimal(whole), len),
        };
    }
    if spaces == 1
        && let Ok((top, n)) = decimal(&text[at..])
        && let Some(slash) = slash_len(&text[at + n..])
        && let Ok((bottom, m)) = decimal(&text[at + n + slash..])
        && slash_len(&text[at + n + slash + m..]).is_none()
        && is_proper(&top, &bottom)
    {
        return Scan::Read(WrittenNumeral::Mixed(whole, top, bottom), at + n + slash + m);
    }
    Scan::Read(WrittenNumeral::Decimal(whole), len)
}

/// Both natural numbers, the first below the second: what may follow the whole of a mixed number.
fn is_proper(top: &Decimal, bottom: &Decimal) -> bool {
    top.is_natural() && bottom.is_natural() && top.value() < bottom.value()
}

/// `\frac` with two arguments, each a decimal in braces or a single digit.
fn fraction(text: &str) -> Scan {
    let top_at = "\\frac".len();
    let bottom_at = top_at + argument_len(&text[top_at..]);
    let end = bottom_at + argument_len(&text[bottom_at..]);
    match (argument(&text[top_at..bottom_at]), argument(&text[bottom_at..end])) {
        (Some(top), Some(bottom)) => Scan::Read(WrittenNumeral::Fraction(top, bottom), end),
        _ => Scan::Unreadable(end),
    }
}

/// Length of a TeX argument, with the spaces before it: a brace group or one character.
fn argument_len(text: &str) -> usize {
    let spaces = text.len() - text.trim_start_matches(' ').len();
    match text[spaces..].chars().next() {
        Some('{') => group_end(text, spaces),
        Some(c) => spaces + c.len_utf8(),
        None => spaces,
    }
}

/// The decimal that a TeX argument consists of.
fn argument(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let text = text.strip_prefix('{').and_then(|s| s.strip_suffix('}')).unwrap_or(text).trim();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    let (read, len) = decimal(text).ok()?;
    (len == text.len()).then_some(Decimal { negative, ..read })
}

/// Length of a slash with the spaces round it, where a digit follows.
fn slash_len(text: &str) -> Option<usize> {
    let rest = text.trim_start_matches(' ').strip_prefix('/')?.trim_start_matches(' ');
    rest.starts_with(|c: char| c.is_ascii_digit()).then(|| text.len() - rest.len())
}

/// A decimal at the start of `text` and its length, or the length of what is none.
fn decimal(text: &str) -> Result<(Decimal, usize), usize> {
    let starts = text.trim_start_matches('.');
    if text.len() - starts.len() > 1 || !starts.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(0);
    }
    let run = text.bytes().take_while(|b| b.is_ascii_digit() || b",.".contains(b)).count();
    let run = text[..run].trim_end_matches(['.', ',']);
    if run.len() > MAX_RUN {
        return Err(run.len());
    }
    let (whole, places) = match run.split_once('.') {
        Some((whole, places)) => (whole, places),
        None => (run, ""),
    };
    let digits = ungroup(whole).filter(|_| places.bytes().all(|b| b.is_ascii_digit()));
    let mut digits = digits.ok_or(run.len())?;
    digits.push_str(places);
    let mut read = Decimal { negative: false, digits, places: places.len(), exponent: 0 };
    let after = &text[run.len()..];
    if run == "10"
        && let Some((exponent, len)) = power(after)
    {
        read.digits.truncate(1);
        read.exponent = exponent;
        return within_bounds(read, run.len() + len);
    }
    let Some((exponent, len)) = times_ten_to(after) else { return Ok((read, run.len())) };
    read.exponent = exponent;
    within_bounds(read, run.len() + len)
}

fn within_bounds(read: Decimal, len: usize) -> Result<(Decimal, usize), usize> {
    if read.exponent.abs() <= MAX_EXPONENT { Ok((read, len)) } else { Err(len) }
}

/// The digits of a whole part: bare, or in groups of three behind one to three that start with no
/// zero. `1,23` and `0,123` are no thousands.
fn ungroup(whole: &str) -> Option<String> {
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let grouped = whole.len() > first.len();
    let head_fits = !grouped || (1..=3).contains(&first.len()) && !first.starts_with('0');
    (head_fits && groups.all(|g| g.len() == 3)).then(|| whole.replace(',', ""))
}

/// `e3` or `× 10^{3}` at the start of `text`: the exponent, and the length of it all.
fn times_ten_to(text: &str) -> Option<(i64, usize)> {
    if let Some(rest) = text.strip_prefix(['e', 'E']) {
        let (exponent, len) = integer(rest)?;
        let ends = !rest[len..].starts_with(|c: char| c.is_alphanumeric());
        return ends.then_some((exponent, 1 + len));
    }
    let rest = text.trim_start_matches(' ').strip_prefix(['×', '*'])?;
    let rest = rest.trim_start_matches(' ').strip_prefix("10")?;
    let (exponent, len) = power(rest)?;
    Some((exponent, text.len() - rest.len() + len))
}

/// `^3`, `^{-3}` at the start of `text`.
fn power(text: &str) -> Option<(i64, usize)> {
    let rest = text.trim_start_matches(' ').strip_prefix('^')?.trim_start_matches(' ');
    let used = text.len() - rest.len();
    match rest.strip_prefix('{') {
        Some(inside) => {
            let (exponent, len) = integer(inside)?;
            inside[len..].starts_with('}').then_some((exponent, used + len + 2))
        }
        None => integer(rest).map(|(exponent, len)| (exponent, used + len)),
    }
}

/// A signed integer; one too long for an `i64` comes back as the largest, which no bound lets by.
fn integer(text: &str) -> Option<(i64, usize)> {
    let sign_len = usize::from(text.starts_with(['-', '+']));
    let digits = text[sign_len..].bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let len = sign_len + digits;
    let magnitude: i64 = text[sign_len..len].parse().unwrap_or(i64::MAX);
    Some((if text.starts_with('-') { -magnitude } else { magnitude }, len))
}
