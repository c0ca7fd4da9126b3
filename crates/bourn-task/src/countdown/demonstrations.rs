//! What the base is pretrained on: wide, and often wrong, as a pretrained prior is.

use bourn_recipe::{CountdownTask, Demonstrations};
use bourn_verify::countdown::{Puzzle, parse};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::generate::{Split, draw};
use super::tree::ExpressionTree;
use super::{check, prompt};
use crate::load::TaskError;

/// Draws after which a dial is taken to give no puzzle at all.
const MAX_DRAWS: u32 = 1_000_000;

/// One text for the base to learn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demonstration {
    /// The puzzle, as [`prompt`] writes it, before the recipe's template.
    pub prompt: String,
    /// What follows it.
    pub completion: String,
    /// What the completion is.
    pub kind: DemonstrationKind,
}

/// The kinds of demonstration, as the recipe's shares name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DemonstrationKind {
    /// Hits the target; given the puzzle, every solution is equally likely.
    Correct,
    /// A random expression over the right numbers, whatever its value.
    Random,
    /// A random expression that drops, repeats or invents a number.
    Misused,
    /// A random expression, damaged until it does not parse.
    Malformed,
}

/// Draws demonstrations: a pure function of (seed, index), never on a held-out puzzle.
#[derive(Clone, Debug)]
pub struct Demonstrator {
    spec: CountdownTask,
    mix: Demonstrations,
}

impl Demonstrator {
    /// Checks the dial and that it gives puzzles at all.
    ///
    /// # Errors
    /// [`TaskError::Dial`] or [`TaskError::NoPuzzle`].
    pub fn new(spec: &CountdownTask, mix: &Demonstrations) -> Result<Demonstrator, TaskError> {
        check(spec)?;
        let demonstrator = Demonstrator { spec: spec.clone(), mix: mix.clone() };
        demonstrator.draw(0, 0)?;
        Ok(demonstrator)
    }

    /// Demonstration number `index` of a seed: its puzzle comes from all of the training side of
    /// the distribution, not only from the problems that training will use.
    ///
    /// # Errors
    /// [`TaskError::NoPuzzle`] where a million draws give none.
    pub fn draw(&self, seed: u64, index: u64) -> Result<Demonstration, TaskError> {
        let mut rng = bourn_seed::rng(seed, "countdown demonstration", &[index]);
        let kind = self.kind(rng.random());
        let (puzzle, solution) = (0..MAX_DRAWS)
            .find_map(|_| draw(&self.spec, &mut rng).filter(|(p, _)| Split::of(p) == Split::Train))
            .ok_or(TaskError::NoPuzzle { draws: MAX_DRAWS })?;
        let completion = match kind {
            DemonstrationKind::Correct => solution.text(),
            DemonstrationKind::Random => self.expression(&puzzle.numbers, &mut rng),
            DemonstrationKind::Misused => {
                let numbers = misuse(&puzzle, self.spec.range, &mut rng);
                self.expression(&numbers, &mut rng)
            }
            DemonstrationKind::Malformed => {
                damage(self.expression(&puzzle.numbers, &mut rng), &mut rng)
            }
        };
        Ok(Demonstration { prompt: prompt(&puzzle), completion, kind })
    }

    /// The kind at `place` in 0..1 when the shares are laid end to end.
    fn kind(&self, place: f64) -> DemonstrationKind {
        let Demonstrations { correct, random, misused, malformed } = self.mix;
        let shares = [
            (DemonstrationKind::Correct, correct),
            (DemonstrationKind::Random, random),
            (DemonstrationKind::Misused, misused),
            (DemonstrationKind::Malformed, malformed),
        ];
        let mut left = place * shares.iter().map(|(_, share)| share).sum::<f64>();
        let mut chosen = DemonstrationKind::Random;
        // Rounding may leave `left` past the end: the last kind with a share is then the one.
        for (kind, share) in shares.into_iter().filter(|(_, share)| *share > 0.0) {
            chosen = kind;
            if left < share {
                break;
            }
            left -= share;
        }
        chosen
    }

    fn expression(&self, numbers: &[i64], rng: &mut ChaCha8Rng) -> String {
        ExpressionTree::random(numbers, &self.spec.operators, rng).text()
    }
}

/// The puzzle's numbers with one dropped, repeated in another's place, or invented.
fn misuse(puzzle: &Puzzle, range: (i64, i64), rng: &mut ChaCha8Rng) -> Vec<i64> {
    let mut numbers = puzzle.numbers.clone();
    let at = rng.random_range(0..numbers.len());
    let other = (at + rng.random_range(1..numbers.len())) % numbers.len();
    match rng.random_range(0..3) {
        0 => {
            numbers.swap_remove(at);
        }
        1 if numbers[other] != numbers[at] => numbers[at] = numbers[other],
        1 => numbers.push(numbers[at]),
        _ => {
            // Uniform over the range without the number it replaces; one past it if that is all.
            let invented = rng.random_range(range.0..=(range.1 - 1).max(range.0));
            numbers[at] = if invented >= numbers[at] { invented + 1 } else { invented };
        }
    }
    numbers
}

/// Damages a text until it is no expression: characters go missing, double or are cut off.
fn damage(text: String, rng: &mut ChaCha8Rng) -> String {
    let mut text = text;
    for _ in 0..8 {
        if text.is_empty() {
            break;
        }
        let at = rng.random_range(0..text.len()); // ASCII: every byte is a character
        match rng.random_range(0..4) {
            0 => {
                text.remove(at);
            }
            1 => text.insert(at, char::from(text.as_bytes()[at])),
            2 => text.truncate(at),
            _ => text.insert(at, ['(', ')', '+', '-', '*'][rng.random_range(0..5)]),
        }
        if !text.is_empty() && parse(&text).is_err() {
            return text;
        }
    }
    // An operator without its right side parses as nothing, whatever stands before it.
    text.push('+');
    text
}
