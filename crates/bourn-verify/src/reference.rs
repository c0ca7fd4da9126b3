//! What a completion is held against.

use std::sync::Arc;

use bourn_recipe::Extract;

use crate::Verdict;
use crate::countdown::Puzzle;
use crate::math::{Gold, verify};

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
