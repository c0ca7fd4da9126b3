//! Countdown puzzles: a generator with a dial, exact counts of solutions, demonstrations.
//!
//! **The distribution.** How many numbers there are is uniform over the recipe's span, each number
//! is uniform over its range, and the target is the value of a uniformly random expression over
//! them, drawn until it is an integer in the target's range. So every puzzle is solvable, and one
//! with more solutions is drawn more often.
//!
//! **The split.** A puzzle is held out or trained on by the hash of its sorted numbers and its
//! target, and by nothing else: one in eight is held out, whatever the seed, the order of the
//! numbers or the operators. The two sides cannot meet.

mod count;
mod demonstrations;
mod generate;
mod tree;

pub use count::{MAX_NUMBERS, count_solutions};
pub use demonstrations::{Demonstration, DemonstrationKind, Demonstrator};
pub use generate::{Split, generate};

use bourn_recipe::{CountdownTask, Operator};
use bourn_verify::countdown::Puzzle;

use crate::load::TaskError;

/// Largest number of a puzzle: six of them keep every intermediate value inside 128 bits.
pub(crate) const MAX_NUMBER: i64 = 1_000_000;

/// The puzzle as the model sees it, for example `3 5 7 -> 36:`.
///
/// The numbers stand in the puzzle's own order, which the generator draws at random.
pub fn prompt(puzzle: &Puzzle) -> String {
    let numbers: Vec<String> = puzzle.numbers.iter().map(i64::to_string).collect();
    format!("{} -> {}:", numbers.join(" "), puzzle.target)
}

/// Every character of prompts, solutions and demonstrations, each once: a character-level
/// tokenizer is built from it (and from the characters of the recipe's template).
pub fn alphabet() -> &'static str {
    "0123456789+-*/()>: "
}

pub(crate) fn sign(op: Operator) -> char {
    match op {
        Operator::Add => '+',
        Operator::Sub => '-',
        Operator::Mul => '*',
        Operator::Div => '/',
    }
}

/// Refuses a dial that asks for puzzles that cannot be drawn, written or counted.
fn check(spec: &CountdownTask) -> Result<(), TaskError> {
    let (fewest, most) = spec.numbers;
    let problem = if fewest < 2 || most < fewest || most > MAX_NUMBERS {
        format!("numbers = [{fewest}, {most}]: both must lie in 2..={MAX_NUMBERS}, the first first")
    } else if spec.range.0 < 0 || spec.range.1 < spec.range.0 || spec.range.1 > MAX_NUMBER {
        format!(
            "range = [{}, {}]: both must lie in 0..={MAX_NUMBER}, the first first",
            spec.range.0, spec.range.1
        )
    } else if spec.target.1 < spec.target.0 {
        format!("target = [{}, {}]: the first must come first", spec.target.0, spec.target.1)
    } else if spec.operators.is_empty() {
        "operators = []: at least one is needed".to_string()
    } else {
        return Ok(());
    };
    Err(TaskError::Dial(problem))
}
