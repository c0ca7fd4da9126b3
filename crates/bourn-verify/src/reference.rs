//! What a completion is held against.

use bourn_recipe::{Extract, Reads, Reward};

use crate::countdown::Puzzle;
use crate::math::{BadGold, Gold, parse_gold, read_gold};

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
