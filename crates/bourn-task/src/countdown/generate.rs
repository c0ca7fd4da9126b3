//! Drawing puzzles, and the line between training and probe.

use std::collections::BTreeSet;

use bourn_recipe::CountdownTask;
use bourn_verify::countdown::Puzzle;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::tree::ExpressionTree;
use crate::load::TaskError;
use bourn_seed::content_hash;

/// Random draws without a new puzzle after which the space is taken to be empty: this many, and
/// [`PATIENCE_PER_FOUND`] more for each puzzle already found.
const PATIENCE: u64 = 200_000;
const PATIENCE_PER_FOUND: u64 = 20;

/// One puzzle in this many is held out.
const HELD_OUT: u64 = 8;

/// Which side of the line a puzzle is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Trained on, and shown in demonstrations.
    Train,
    /// Probed, and never trained on.
    HeldOut,
}

impl Split {
    /// The side of `puzzle`: one in eight is held out, by the hash of sorted numbers and target.
    pub fn of(puzzle: &Puzzle) -> Split {
        let (numbers, target) = canonical(puzzle);
        let mut bytes = Vec::with_capacity(8 * numbers.len());
        for number in numbers {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let hash = content_hash(&[b"countdown split", &bytes, &target.to_le_bytes()]);
        if hash.is_multiple_of(HELD_OUT) { Split::HeldOut } else { Split::Train }
    }

    fn name(self) -> &'static str {
        match self {
            Split::Train => "training",
            Split::HeldOut => "held-out",
        }
    }
}

/// What makes two puzzles the same, whatever the order of their numbers.
fn canonical(puzzle: &Puzzle) -> (Vec<i64>, i64) {
    let mut numbers = puzzle.numbers.clone();
    numbers.sort_unstable();
    (numbers, puzzle.target)
}

/// `count` distinct, solvable puzzles of one side; fewer of the same seed are the first of these.
///
/// # Errors
/// [`TaskError::Dial`] for a dial that cannot be drawn from, [`TaskError::TooFewPuzzles`] where
/// the space runs out first: it says how many there were.
pub fn generate(
    spec: &CountdownTask,
    seed: u64,
    count: usize,
    split: Split,
) -> Result<Vec<Puzzle>, TaskError> {
    super::check(spec)?;
    let mut rng = bourn_seed::rng(seed, "countdown puzzles", &[split as u64]);
    let mut seen = BTreeSet::new();
    let mut puzzles = Vec::new();
    let mut fruitless = 0;
    while puzzles.len() < count {
        let new = draw(spec, &mut rng)
            .map(|(puzzle, _)| puzzle)
            .filter(|puzzle| Split::of(puzzle) == split && seen.insert(canonical(puzzle)));
        match new {
            Some(puzzle) => {
                puzzles.push(puzzle);
                fruitless = 0;
            }
            None => fruitless += 1,
        }
        if fruitless > PATIENCE + PATIENCE_PER_FOUND * puzzles.len() as u64 {
            return Err(TaskError::TooFewPuzzles {
                split: split.name(),
                found: puzzles.len(),
                wanted: count,
            });
        }
    }
    Ok(puzzles)
}

/// One draw of numbers and expression: a puzzle with a solution, if its value can be a target.
pub(super) fn draw(spec: &CountdownTask, rng: &mut ChaCha8Rng) -> Option<(Puzzle, ExpressionTree)> {
    let count = rng.random_range(spec.numbers.0..=spec.numbers.1);
    let numbers: Vec<i64> =
        (0..count).map(|_| rng.random_range(spec.range.0..=spec.range.1)).collect();
    let tree = ExpressionTree::random(&numbers, &spec.operators, rng);
    let target = tree.value()?.to_integer()?;
    let in_range = (spec.target.0..=spec.target.1).contains(&target);
    let puzzle = || Puzzle { numbers, target, operators: spec.operators.clone() };
    in_range.then(|| (puzzle(), tree))
}
