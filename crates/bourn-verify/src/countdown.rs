//! Countdown: an arithmetic expression that uses each number exactly once and hits the target.
//!
//! What counts as an expression: non-negative integers without leading zeros, the binary
//! operators `+ - * /`, parentheses, ASCII white space between them. There is **no unary minus**:
//! a sign would be a second way to spell a subtraction, and no problem holds a negative number.
//! A trailing `= n` is accepted, since language models like to state the result, and is held
//! against the expression: `n` must be the target too.

use bourn_recipe::Operator;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;
use serde::{Deserialize, Serialize};

use crate::Verdict;

/// Longest text that is read, in bytes; anything longer is [`Verdict::Unparsed`].
pub const MAX_TEXT: usize = 4096;

/// Most digits of one literal: every value up to 10^18 − 1 fits an `i64`.
const MAX_DIGITS: usize = 18;

/// Numbers, a target, and the operators that may join them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Puzzle {
    /// The numbers, in the order they are shown; each is used exactly once.
    pub numbers: Vec<i64>,
    /// What the expression must equal, exactly.
    pub target: i64,
    /// The operators an expression may use.
    pub operators: Vec<Operator>,
}

/// A parsed expression, in postfix order: flat, so that no depth of parentheses costs stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    postfix: Vec<PostfixItem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PostfixItem {
    Number(i64),
    Apply(Operator),
}

/// Why a text is not one expression; `at` is the byte in the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The text is longer than [`MAX_TEXT`].
    #[error("{bytes} bytes of text, more than the {MAX_TEXT} that are read")]
    TooLong {
        /// Length of the text, in bytes.
        bytes: usize,
    },
    /// A character that no expression holds.
    #[error("byte {at}: `{found}` belongs to no expression")]
    Character {
        /// Where.
        at: usize,
        /// The character.
        found: char,
    },
    /// A literal with a leading zero, or with more digits than are read.
    #[error("byte {at}: a number of at most {MAX_DIGITS} digits without leading zeros is needed")]
    Literal {
        /// Where.
        at: usize,
    },
    /// An operator, `)` or the end where a number or `(` should stand.
    #[error("byte {at}: a number or `(` is missing")]
    Operand {
        /// Where.
        at: usize,
    },
    /// A number or `(` where an operator, `)` or the end should stand.
    #[error("byte {at}: an operator is missing")]
    Operator {
        /// Where.
        at: usize,
    },
    /// Parentheses that do not match.
    #[error("byte {at}: parentheses do not match")]
    Parenthesis {
        /// Where.
        at: usize,
    },
}

impl Expression {
    /// The numbers it uses, in the order they are written.
    pub fn numbers(&self) -> impl Iterator<Item = i64> + '_ {
        self.postfix.iter().filter_map(|item| match item {
            PostfixItem::Number(n) => Some(*n),
            PostfixItem::Apply(_) => None,
        })
    }

    /// The operators it uses, in the order they are applied.
    pub fn operators(&self) -> impl Iterator<Item = Operator> + '_ {
        self.postfix.iter().filter_map(|item| match item {
            PostfixItem::Number(_) => None,
            PostfixItem::Apply(op) => Some(*op),
        })
    }

    /// Its exact value; `None` where it divides by zero.
    ///
    /// The cost grows with the square of the digits of all numbers together: check
    /// [`Expression::numbers`] before evaluating what a model wrote.
    pub fn evaluate(&self) -> Option<BigRational> {
        let mut stack: Vec<BigRational> = Vec::new();
        for item in &self.postfix {
            match item {
                PostfixItem::Number(n) => stack.push(BigRational::from_integer(BigInt::from(*n))),
                PostfixItem::Apply(op) => {
                    let right = stack.pop()?;
                    let left = stack.pop()?;
                    stack.push(match op {
                        Operator::Add => left + right,
                        Operator::Sub => left - right,
                        Operator::Mul => left * right,
                        Operator::Div if right.is_zero() => return None,
                        Operator::Div => left / right,
                    });
                }
            }
        }
        stack.pop()
    }

    /// The expression without white space and with only the parentheses that its structure needs:
    /// the same text for every way of spacing and bracketing it, and it parses to itself.
    pub fn canonical(&self) -> String {
        // Each part with the precedence of what joins it last; a number binds tightest.
        let mut stack: Vec<(String, u8)> = Vec::new();
        let bracket = |(text, own): (String, u8), least: u8| {
            if own < least { format!("({text})") } else { text }
        };
        for item in &self.postfix {
            match item {
                PostfixItem::Number(n) => stack.push((n.to_string(), u8::MAX)),
                PostfixItem::Apply(op) => {
                    // `parse` leaves two operands for every operator.
                    let (Some(right), Some(left)) = (stack.pop(), stack.pop()) else { continue };
                    let level = precedence(*op);
                    let mut text = bracket(left, level);
                    text.push(symbol(*op));
                    // Equals group from the left, so that one on the right was bracketed.
                    text.push_str(&bracket(right, level + 1));
                    stack.push((text, level));
                }
            }
        }
        stack.pop().map(|(text, _)| text).unwrap_or_default()
    }
}

/// Judges `text` as an answer to `puzzle`.
///
/// [`Verdict::Unparsed`] where it is not one expression; [`Verdict::Wrong`] where the numbers, an
/// operator or the value are not the puzzle's (division by zero has no value).
pub fn verify(puzzle: &Puzzle, text: &str) -> Verdict {
    let Some((expression, claimed)) = read(text) else { return Verdict::Unparsed };
    let right = uses_the_numbers(puzzle, &expression)
        && expression.operators().all(|op| puzzle.operators.contains(&op))
        && claimed.is_none_or(|n| n == puzzle.target)
        && expression
            .evaluate()
            .is_some_and(|value| value == BigRational::from_integer(BigInt::from(puzzle.target)));
    if right { Verdict::Correct } else { Verdict::Wrong }
}

/// The answer that [`verify`] judges, as text that is the same for every way of writing it: the
/// expression's [canonical](Expression::canonical) text, with `= n` behind it only where that
/// states another value than the expression has. `None` exactly where the verdict is
/// [`Verdict::Unparsed`].
pub fn answer(puzzle: &Puzzle, text: &str) -> Option<String> {
    let (expression, claimed) = read(text)?;
    let canonical = expression.canonical();
    let Some(claimed) = claimed else { return Some(canonical) };
    // Evaluated only where `verify` would: what a model wrote may cost too much.
    let states_its_value = uses_the_numbers(puzzle, &expression)
        && expression.evaluate() == Some(BigRational::from_integer(BigInt::from(claimed)));
    Some(if states_its_value { canonical } else { format!("{canonical}={claimed}") })
}

/// Why [`verify`] says what it says of `text`, in a few words for people.
pub fn why(puzzle: &Puzzle, text: &str) -> String {
    let Some((expression, claimed)) = read(text) else {
        let formula = text.trim().split('=').next().unwrap_or_default();
        return match parse(formula) {
            Err(problem) => format!("no single expression: {problem}"),
            Ok(_) => "what stands behind `=` is no number".to_owned(),
        };
    };
    if !uses_the_numbers(puzzle, &expression) {
        return "it does not use each number exactly once, and no other".to_owned();
    }
    if let Some(other) = expression.operators().find(|op| !puzzle.operators.contains(op)) {
        return format!("the puzzle does not allow `{}`", symbol(other));
    }
    let target = puzzle.target;
    match (expression.evaluate(), claimed) {
        (None, _) => "it divides by zero".to_owned(),
        (Some(value), _) if value != BigRational::from_integer(target.into()) => {
            format!("it is {value}, not {target}")
        }
        (_, Some(claimed)) if claimed != target => format!("it says {claimed}, not {target}"),
        _ => format!("it uses each number once and is {target}"),
    }
}

/// The expression of a text and the result that it states, if it states one; `None` where the text
/// is not one expression.
fn read(text: &str) -> Option<(Expression, Option<i64>)> {
    let text = text.trim();
    let (formula, claim) = match text.split_once('=') {
        Some((formula, claim)) => (formula, Some(claim)),
        None => (text, None),
    };
    let expression = parse(formula).ok()?;
    match claim.map(parse_signed) {
        Some(claimed) => Some((expression, Some(claimed?))),
        None => Some((expression, None)),
    }
}

/// Whether the expression uses each of the puzzle's numbers exactly once, and no other.
fn uses_the_numbers(puzzle: &Puzzle, expression: &Expression) -> bool {
    let mut used: Vec<i64> = expression.numbers().collect();
    let mut given = puzzle.numbers.clone();
    used.sort_unstable();
    given.sort_unstable();
    used == given
}

/// An integer with an optional minus sign, as a stated result may have one.
fn parse_signed(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let magnitude = literal(digits.as_bytes())?;
    Some(if negative { -magnitude } else { magnitude })
}

/// The value of a whole literal, if it is one.
fn literal(digits: &[u8]) -> Option<i64> {
    let leading_zero = digits.len() > 1 && digits[0] == b'0';
    if digits.is_empty() || digits.len() > MAX_DIGITS || leading_zero {
        return None;
    }
    digits
        .iter()
        .try_fold(0i64, |value, d| d.is_ascii_digit().then(|| value * 10 + i64::from(d - b'0')))
}

/// Parses one expression (Dijkstra's shunting yard: linear in the text, no recursion).
///
/// # Errors
/// The first place where the text is not an expression.
pub fn parse(text: &str) -> Result<Expression, ParseError> {
    if text.len() > MAX_TEXT {
        return Err(ParseError::TooLong { bytes: text.len() });
    }
    let bytes = text.as_bytes();
    let mut postfix = Vec::new();
    let mut pending: Vec<Pending> = Vec::new();
    let mut wants_operand = true;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let start = at;
        at += 1;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'0'..=b'9' => {
                while at < bytes.len() && bytes[at].is_ascii_digit() {
                    at += 1;
                }
                if !wants_operand {
                    return Err(ParseError::Operator { at: start });
                }
                let value = literal(&bytes[start..at]).ok_or(ParseError::Literal { at: start })?;
                postfix.push(PostfixItem::Number(value));
                wants_operand = false;
            }
            b'(' if wants_operand => pending.push(Pending::Open(start)),
            b'(' => return Err(ParseError::Operator { at: start }),
            _ if wants_operand && is_operator_or_close(byte) => {
                return Err(ParseError::Operand { at: start });
            }
            b')' => loop {
                match pending.pop() {
                    Some(Pending::Open(_)) => break,
                    Some(Pending::Apply(op)) => postfix.push(PostfixItem::Apply(op)),
                    None => return Err(ParseError::Parenthesis { at: start }),
                }
            },
            _ => {
                let op = operator(byte).ok_or_else(|| ParseError::Character {
                    at: start,
                    found: text[start..].chars().next().unwrap_or('\u{fffd}'),
                })?;
                while let Some(Pending::Apply(earlier)) = pending.last() {
                    if precedence(*earlier) < precedence(op) {
                        break;
                    }
                    postfix.push(PostfixItem::Apply(*earlier));
                    pending.pop();
                }
                pending.push(Pending::Apply(op));
                wants_operand = true;
            }
        }
    }
    if wants_operand {
        return Err(ParseError::Operand { at: bytes.len() });
    }
    while let Some(top) = pending.pop() {
        match top {
            Pending::Apply(op) => postfix.push(PostfixItem::Apply(op)),
            Pending::Open(at) => return Err(ParseError::Parenthesis { at }),
        }
    }
    Ok(Expression { postfix })
}

/// What waits on the stack while the right operand is read.
enum Pending {
    Apply(Operator),
    Open(usize),
}

fn operator(byte: u8) -> Option<Operator> {
    match byte {
        b'+' => Some(Operator::Add),
        b'-' => Some(Operator::Sub),
        b'*' => Some(Operator::Mul),
        b'/' => Some(Operator::Div),
        _ => None,
    }
}

fn symbol(op: Operator) -> char {
    match op {
        Operator::Add => '+',
        Operator::Sub => '-',
        Operator::Mul => '*',
        Operator::Div => '/',
    }
}

fn is_operator_or_close(byte: u8) -> bool {
    byte == b')' || operator(byte).is_some()
}

/// `*` and `/` bind tighter than `+` and `-`; equals group from the left.
fn precedence(op: Operator) -> u8 {
    match op {
        Operator::Add | Operator::Sub => 0,
        Operator::Mul | Operator::Div => 1,
    }
}
