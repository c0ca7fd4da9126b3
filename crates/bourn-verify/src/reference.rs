//! What a completion is held against.

use std::sync::Arc;

use bourn_recipe::{Extract, Reads, Reward};
use serde_json::Value;

use crate::Verdict;
use crate::countdown::Puzzle;
use crate::math::{BadGold, Gold, parse_gold, read_gold, verify};

/// Most answers of which any is right.
const MOST: usize = 1000;
/// From here on a double skips whole numbers, and what was written is lost.
const TOO_LARGE: f64 = 9e15;

/// What a completion is held against, as a task has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Reference {
    /// The puzzle itself.
    Countdown(Puzzle),
    /// A number, and its text as the data set has it.
    Math {
        /// The number.
        gold: Gold,
        /// The answer's text, without what surrounds it in the data set.
        text: String,
    },
    /// Text.
    Exact(String),
    /// Several, any of which is right. None of them is of this kind again.
    Any(Vec<Arc<Reference>>),
}

impl Reference {
    /// Reads an answer out of its column for the verifiers of a task: as mathematics if one of them
    /// compares that (as a plain number if those look for nothing but the last number of a
    /// completion), and as text otherwise.
    ///
    /// # Errors
    /// There is no answer where `format` looks for it, or none that can be read.
    pub fn read(text: &str, format: Extract, rewards: &[Reward]) -> Result<Reference, BadGold> {
        let found = crate::extract(text, format);
        // A second opinion changes nothing of what is trained on.
        let compare = |reward: &&Reward| {
            !reward.second_opinion && reward.verifier.facts().reads == Reads::Numbers
        };
        let mut rewards = rewards.iter().filter(compare).peekable();
        if rewards.peek().is_none() {
            return found.map(Reference::Exact).ok_or(BadGold::Missing(crate::math::place(format)));
        }
        let gold = match rewards.all(|reward| reward.extract == Extract::LastNumber) {
            true => parse_gold(text, format),
            false => read_gold(text, format),
        }?;
        Ok(Reference::Math { gold, text: found.unwrap_or_default() })
    }

    /// Reads an answer as a file has it: text, a number, or a list of them. Of a list any is right, and all
    /// must be read: what is left of it would be another problem.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn of_value(
        value: &Value,
        format: Extract,
        rewards: &[Reward],
    ) -> Result<Reference, String> {
        let Value::Array(several) = value else { return Self::of_one(value, format, rewards) };
        if several.is_empty() || several.len() > MOST {
            return Err(format!("{} answers are listed; 1 to {MOST} may be", several.len()));
        }
        let mut read: Vec<Arc<Reference>> = Vec::new();
        for answer in several {
            let reference = Self::of_one(answer, format, rewards)?;
            if !read.iter().any(|before| before.agrees(&reference)) {
                read.push(Arc::new(reference));
            }
        }
        Ok(match read.as_slice() {
            [only] => Reference::clone(only),
            _ => Reference::Any(read),
        })
    }

    fn of_one(value: &Value, format: Extract, rewards: &[Reward]) -> Result<Reference, String> {
        // A number needs no extraction: it is the answer.
        let (text, format) = match value {
            Value::String(text) => (text.clone(), format),
            Value::Number(number) => {
                if number.as_f64().is_some_and(|x| number.is_f64() && x.abs() >= TOO_LARGE) {
                    return Err("it is too large a number for JSON; write it as text".to_owned());
                }
                (number.to_string(), Extract::Whole)
            }
            other => return Err(format!("`{other}` is neither text nor a number")),
        };
        Reference::read(&text, format, rewards).map_err(|error| error.to_string())
    }

    /// The puzzle, where it is one.
    pub fn puzzle(&self) -> Option<&Puzzle> {
        match self {
            Reference::Countdown(puzzle) => Some(puzzle),
            _ => None,
        }
    }

    /// The number, where it is one.
    pub fn number(&self) -> Option<&Gold> {
        match self {
            Reference::Math { gold, .. } => Some(gold),
            _ => None,
        }
    }

    /// The text of the answer, of several the first's; a puzzle has none.
    pub fn text(&self) -> Option<&str> {
        match self {
            Reference::Math { text, .. } | Reference::Exact(text) => Some(text),
            Reference::Countdown(_) => None,
            Reference::Any(several) => several.first().and_then(|first| first.text()),
        }
    }

    /// Whether what answers one answers the other.
    pub fn agrees(&self, other: &Reference) -> bool {
        match (self, other) {
            (Reference::Math { gold: one, text: a }, Reference::Math { gold: other, text: b }) => {
                // As completions are judged: 3.0 answers 3.
                let answers = |gold, text| verify(gold, text, Extract::Whole) == Verdict::Correct;
                one == other || answers(one, b) && answers(other, a)
            }
            (Reference::Any(one), Reference::Any(other)) => {
                let all_in = |some: &[Arc<Reference>], of: &[Arc<Reference>]| {
                    some.iter().all(|one| of.iter().any(|other| one.agrees(other)))
                };
                all_in(one, other) && all_in(other, one)
            }
            _ => self == other,
        }
    }
}
