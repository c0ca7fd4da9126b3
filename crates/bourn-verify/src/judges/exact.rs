//! Equality of the trimmed text.

use std::sync::Arc;

use bourn_recipe::{Extract, Reward};
use bourn_seed::canonical;
use serde_json::json;

use super::Verifier;
use crate::exact::{answer, verify};
use crate::{Judge, JudgeError, Judgement, Reference, Submission, Verdict};

#[derive(Debug)]
struct Exact {
    reference: Arc<Reference>,
    extract: Extract,
}

pub(super) fn open(reward: &Reward, _seed: u64) -> Result<Verifier, JudgeError> {
    let extract = reward.extract;
    Verifier::new(move |case| Exact { reference: case.reference.clone(), extract })
}

impl Judge for Exact {
    fn name(&self) -> &'static str {
        "exact"
    }

    fn version(&self) -> u32 {
        3
    }

    fn settings(&self) -> String {
        canonical(&json!({ "extract": self.extract }))
    }

    fn verdict(&self, submission: &Submission<'_>) -> Result<Judgement, JudgeError> {
        let gold = self.reference.text();
        let judged = gold.map(|gold| verify(gold, submission.text, self.extract));
        Ok(judged.unwrap_or(Verdict::BadGold).into())
    }

    fn answer(&self, text: &str) -> Option<String> {
        self.reference.text().and_then(|_| answer(text, self.extract))
    }

    fn reason(&self, _submission: &Submission<'_>, verdict: Verdict) -> String {
        match verdict {
            Verdict::Correct => "the text is the reference",
            Verdict::Wrong => "another text than the reference",
            Verdict::BadGold => "the reference is empty, or no text",
            Verdict::Unparsed | Verdict::Timeout => "there is no text where `extract` looks",
        }
        .to_owned()
    }
}
