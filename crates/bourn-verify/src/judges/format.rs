//! An answer can be read, right or wrong: what the verifier made for the reference says, without
//! what it says of the answer.

use std::sync::Arc;

use bourn_recipe::{Extract, Reward, VerifierKind};
use bourn_seed::canonical;
use serde_json::json;

use super::Verifier;
use crate::{Judge, JudgeError, Judgement, Reference, Submission, Verdict};

#[derive(Debug)]
struct Format {
    reads: Arc<dyn Judge>,
    extract: Extract,
}

pub(super) fn open(reward: &Reward, seed: u64) -> Result<Verifier, JudgeError> {
    let of = |verifier| super::open(&Reward { verifier, ..reward.clone() }, seed);
    let puzzles = of(VerifierKind::Countdown)?;
    let numbers = of(VerifierKind::Math)?;
    let texts = of(VerifierKind::Exact)?;
    let extract = reward.extract;
    Verifier::new(move |case| {
        let reads = match **case.reference {
            Reference::Countdown(_) => &puzzles,
            Reference::Math { .. } => &numbers,
            Reference::Exact(_) | Reference::Any(_) => &texts,
        };
        Format { reads: reads.judge(case), extract }
    })
}

impl Judge for Format {
    fn name(&self) -> &'static str {
        "format"
    }

    fn version(&self) -> u32 {
        3
    }

    fn settings(&self) -> String {
        canonical(&json!({ "extract": self.extract }))
    }

    fn verdict(&self, submission: &Submission<'_>) -> Result<Judgement, JudgeError> {
        Ok(match self.reads.verdict(submission)?.verdict {
            Verdict::Correct | Verdict::Wrong => Verdict::Correct,
            other => other,
        }
        .into())
    }

    fn answer(&self, text: &str) -> Option<String> {
        self.reads.answer(text)
    }
}
