//! What a completion is held against.

use crate::countdown::Puzzle;
use crate::math::Gold;

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
}

impl Reference {
    /// The puzzle, where it is one.
    pub fn puzzle(&self) -> Option<&Puzzle> {
        match self {
            Reference::Countdown(puzzle) => Some(puzzle),
            Reference::Math { .. } | Reference::Exact(_) => None,
        }
    }

    /// The number, where it is one.
    pub fn number(&self) -> Option<&Gold> {
        match self {
            Reference::Math { gold, .. } => Some(gold),
            Reference::Countdown(_) | Reference::Exact(_) => None,
        }
    }

    /// The text of the answer; a puzzle has none.
    pub fn text(&self) -> Option<&str> {
        match self {
            Reference::Math { text, .. } | Reference::Exact(text) => Some(text),
            Reference::Countdown(_) => None,
        }
    }
}
