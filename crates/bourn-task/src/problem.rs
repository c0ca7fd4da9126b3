//! A problem, and the problems of a run.

use bourn_recipe::{Reward, VerifierKind};
use bourn_verify::Verdict;
use bourn_verify::countdown::{self, Puzzle};
use bourn_verify::exact;
use bourn_verify::math::{self, Gold};
use bourn_verify::steps::{self, Step};

use bourn_seed::content_hash;

/// A prompt with what its verifier needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// 16 hexadecimal digits: the hash of prompt and reference.
    pub id: String,
    /// What the policy is given, after the recipe's template.
    pub prompt: String,
    /// What a completion is held against.
    pub reference: Reference,
    /// Where it came from: `countdown`, or a file's name and line (`train.jsonl:12`).
    pub origin: String,
}

/// What a completion is held against.
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
    /// Text that must be met exactly.
    Exact(String),
}

impl Problem {
    /// A problem with the id that its prompt and reference give it.
    pub fn new(prompt: String, reference: Reference, origin: String) -> Problem {
        let (kind, content) = match &reference {
            Reference::Countdown(puzzle) => ("countdown", countdown_content(puzzle)),
            Reference::Math { text, .. } => ("math", text.clone()),
            Reference::Exact(text) => ("exact", text.clone()),
        };
        let parts = [kind.as_bytes(), prompt.as_bytes(), content.as_bytes()];
        Problem { id: format!("{:016x}", content_hash(&parts)), prompt, reference, origin }
    }

    /// Judges a completion by one of the recipe's verifiers.
    ///
    /// A verifier that cannot judge this kind of reference finds [`Verdict::BadGold`]; the
    /// recipe's check lets no such pair through. [`VerifierKind::Random`] cannot judge at all: it is a
    /// coin of the run's seed, which a problem does not know.
    pub fn verify(&self, reward: &Reward, completion: &str) -> Verdict {
        match (reward.verifier, &self.reference) {
            (VerifierKind::Countdown, Reference::Countdown(puzzle)) => {
                countdown::verify(puzzle, completion)
            }
            (VerifierKind::Math, Reference::Math { gold, .. }) => {
                math::verify(gold, completion, reward.extract)
            }
            (VerifierKind::Exact, Reference::Exact(text) | Reference::Math { text, .. }) => {
                exact::verify(text, completion, reward.extract)
            }
            (VerifierKind::Format, reference) => {
                let verifier = match reference {
                    Reference::Countdown(_) => VerifierKind::Countdown,
                    Reference::Math { .. } => VerifierKind::Math,
                    Reference::Exact(_) => VerifierKind::Exact,
                };
                match self.verify(&Reward { verifier, ..reward.clone() }, completion) {
                    Verdict::Correct | Verdict::Wrong => Verdict::Correct,
                    other => other,
                }
            }
            _ => Verdict::BadGold,
        }
    }

    /// The final answer that [`verify`](Self::verify) judges, in a form that is the same for every
    /// way of writing it: an exact fraction, an expression without needless brackets, or the text
    /// itself. `None` where the verifier reads none, so exactly where a readable reference gives
    /// [`Verdict::Unparsed`].
    pub fn answer(&self, reward: &Reward, completion: &str) -> Option<String> {
        match (reward.verifier, &self.reference) {
            (VerifierKind::Countdown, Reference::Countdown(puzzle)) => {
                countdown::answer(puzzle, completion)
            }
            (VerifierKind::Math, Reference::Math { .. }) => {
                math::answer(completion, reward.extract)
            }
            (VerifierKind::Exact, Reference::Exact(_) | Reference::Math { .. }) => {
                exact::answer(completion, reward.extract)
            }
            (VerifierKind::Format, Reference::Countdown(puzzle)) => {
                countdown::answer(puzzle, completion)
            }
            (VerifierKind::Format, Reference::Math { .. }) => {
                math::answer(completion, reward.extract)
            }
            (VerifierKind::Format, Reference::Exact(_)) => {
                exact::answer(completion, reward.extract)
            }
            _ => None,
        }
    }
}

impl Problem {
    /// The steps of a completion as one of the recipe's verifiers sees them, in order; none for
    /// text that is compared and not read.
    pub fn steps(&self, reward: &Reward, completion: &str) -> Vec<Step> {
        match (reward.verifier, &self.reference) {
            (VerifierKind::Countdown, Reference::Countdown(puzzle)) => {
                steps::countdown(puzzle, completion)
            }
            (VerifierKind::Math, Reference::Math { .. }) => steps::equations(completion),
            _ => Vec::new(),
        }
    }
}

/// Everything about a puzzle that a verdict depends on.
fn countdown_content(puzzle: &Puzzle) -> String {
    let mut operators = puzzle.operators.clone();
    operators.sort_unstable();
    operators.dedup();
    format!("{:?} {} {operators:?}", puzzle.numbers, puzzle.target)
}

/// The prompt that a recipe's template makes of a problem's text: every `{prompt}` is replaced.
pub fn render(template: &str, text: &str) -> String {
    template.replace("{prompt}", text)
}

/// The problems of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Problems {
    /// Training problems, task by task; ordered by id within a task.
    pub train: Vec<Problem>,
    /// Which of [`Problems::train`] belong to each task, and the task's share of the prompts.
    pub train_weight: Vec<Share>,
    /// Held-out problems for the probe, none of which is trained on. Asking for fewer gives the
    /// first of these; no run seed and no order of lines changes them.
    pub held_out: Vec<Problem>,
    /// What the user should know, one sentence each.
    pub warnings: Vec<String>,
}

/// A task's part of the training problems.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Index of the task's first problem in [`Problems::train`].
    pub first: usize,
    /// How many problems it has.
    pub count: usize,
    /// Its weight relative to the other tasks.
    pub weight: f64,
}
