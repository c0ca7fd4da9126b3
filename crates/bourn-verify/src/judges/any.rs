//! Several references, any of which is right.

use std::sync::Arc;

use crate::steps::StepVerdict;
use crate::{Explained, Judge, JudgeError, Judgement, Submission, Verdict};

/// A judge for each of the references; they are of one verifier.
#[derive(Debug)]
struct Any {
    first: Arc<dyn Judge>,
    rest: Vec<Arc<dyn Judge>>,
}

/// The judge of a problem that has a judge for each of its references; without any, `without`.
pub(super) fn of(
    mut judges: Vec<Arc<dyn Judge>>,
    without: impl FnOnce() -> Arc<dyn Judge>,
) -> Arc<dyn Judge> {
    match judges.len() {
        0 => without(),
        1 => judges.remove(0),
        _ => Arc::new(Any { first: judges.remove(0), rest: judges }),
    }
}

/// How much a verdict says of the completion: a reference that cannot be read says nothing of it.
fn weight(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Correct => 4,
        Verdict::Wrong => 3,
        Verdict::Unparsed => 2,
        Verdict::Timeout => 1,
        Verdict::BadGold => 0,
    }
}

fn is_better(one: &Judgement, other: &Judgement) -> bool {
    (weight(one.verdict), one.score) > (weight(other.verdict), other.score)
}

impl Judge for Any {
    fn name(&self) -> &'static str {
        self.first.name()
    }

    fn version(&self) -> u32 {
        self.first.version()
    }

    fn settings(&self) -> String {
        self.first.settings()
    }

    fn verdict(&self, submission: &Submission<'_>) -> Result<Judgement, JudgeError> {
        let mut best = self.first.verdict(submission)?;
        for judge in &self.rest {
            if best.verdict.is_correct() {
                break;
            }
            let next = judge.verdict(submission)?;
            if is_better(&next, &best) {
                best = next;
            }
        }
        Ok(best)
    }

    fn explain(&self, submission: &Submission<'_>) -> Result<Explained, JudgeError> {
        let mut best = self.first.explain(submission)?;
        for judge in &self.rest {
            if best.judgement.verdict.is_correct() {
                break;
            }
            let next = judge.explain(submission)?;
            if is_better(&next.judgement, &best.judgement) {
                best = next;
            }
        }
        Ok(best)
    }

    fn answer(&self, text: &str) -> Option<String> {
        self.first.answer(text)
    }

    fn steps(&self, text: &str) -> Vec<StepVerdict> {
        self.first.steps(text)
    }

    fn waits(&self) -> bool {
        self.first.waits()
    }
}
