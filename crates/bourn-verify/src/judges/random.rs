//! A fair coin that knows nothing of the completion: a control.

use bourn_recipe::Reward;
use bourn_seed::rng;
use rand::Rng;

use super::Verifier;
use crate::{Judge, JudgeError, Judgement, Submission, Verdict};

#[derive(Debug)]
struct Random {
    seed: u64,
    problem: u64,
}

pub(super) fn open(_reward: &Reward, seed: u64) -> Result<Verifier, JudgeError> {
    Verifier::new(move |case| Random { seed, problem: case.problem })
}

impl Judge for Random {
    fn name(&self) -> &'static str {
        "random"
    }

    fn version(&self) -> u32 {
        1
    }

    fn settings(&self) -> String {
        format!("{{\"seed\":{}}}", self.seed)
    }

    fn verdict(&self, submission: &Submission<'_>) -> Result<Judgement, JudgeError> {
        let counters = [self.problem, submission.draw.step, submission.draw.number];
        Ok(match rng(self.seed, "reward/random", &counters).random::<bool>() {
            true => Verdict::Correct,
            false => Verdict::Wrong,
        }
        .into())
    }
}

#[cfg(test)]
#[path = "../../tests/unit/judges/random.rs"]
mod tests;
