//! Each number exactly once, hits the target.

use std::sync::Arc;

use bourn_recipe::Reward;

use super::Verifier;
use crate::countdown::{answer, verify, why};
use crate::steps::{self, StepVerdict};
use crate::{Judge, JudgeError, Judgement, Reference, Submission, Verdict};

#[derive(Debug)]
struct Countdown {
    reference: Arc<Reference>,
}

pub(super) fn open(_reward: &Reward, _seed: u64) -> Result<Verifier, JudgeError> {
    Verifier::new(|case| Countdown { reference: case.reference.clone() })
}

impl Judge for Countdown {
    fn name(&self) -> &'static str {
        "countdown"
    }

    fn version(&self) -> u32 {
        1
    }

    fn settings(&self) -> String {
        "{}".to_string()
    }

    fn verdict(&self, submission: &Submission<'_>) -> Result<Judgement, JudgeError> {
        let puzzle = self.reference.puzzle();
        Ok(puzzle.map_or(Verdict::BadGold, |puzzle| verify(puzzle, submission.text)).into())
    }

    fn answer(&self, text: &str) -> Option<String> {
        answer(self.reference.puzzle()?, text)
    }

    fn reason(&self, submission: &Submission<'_>, _verdict: Verdict) -> String {
        match self.reference.puzzle() {
            Some(puzzle) => why(puzzle, submission.text),
            None => "the reference is no puzzle".to_owned(),
        }
    }

    fn steps(&self, text: &str) -> Vec<StepVerdict> {
        self.reference.puzzle().map_or_else(Vec::new, |puzzle| steps::countdown(puzzle, text))
    }
}
