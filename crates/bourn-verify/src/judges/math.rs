//! Equality of mathematical answers by what they mean.

use std::sync::Arc;

use bourn_recipe::{Extract, Reward};
use bourn_seed::canonical;
use serde_json::json;

use super::Verifier;
use crate::math::{answer, rule, why};
use crate::steps::{StepVerdict, equations};
use crate::{Explained, Judge, JudgeError, Judgement, Reference, Submission, Verdict};

#[derive(Debug)]
struct Math {
    reference: Arc<Reference>,
    extract: Extract,
}

pub(super) fn open(reward: &Reward, _seed: u64) -> Result<Verifier, JudgeError> {
    let extract = reward.extract;
    Verifier::new(move |case| Math { reference: case.reference.clone(), extract })
}

impl Judge for Math {
    fn name(&self) -> &'static str {
        "math"
    }

    fn version(&self) -> u32 {
        3
    }

    fn settings(&self) -> String {
        canonical(&json!({ "extract": self.extract }))
    }

    fn verdict(&self, submission: &Submission<'_>) -> Result<Judgement, JudgeError> {
        let number = self.reference.number();
        let judged = number
            .map(|gold| rule(gold, submission.text, self.extract, submission.truncated).verdict);
        Ok(judged.unwrap_or(Verdict::BadGold).into())
    }

    fn answer(&self, text: &str) -> Option<String> {
        self.reference.number().and_then(|_| answer(text, self.extract))
    }

    fn explain(&self, submission: &Submission<'_>) -> Result<Explained, JudgeError> {
        let Some(gold) = self.reference.number() else {
            let reason = "the reference is no mathematics".to_owned();
            return Ok(Explained { judgement: Verdict::BadGold.into(), answer: None, reason });
        };
        let ruling = rule(gold, submission.text, self.extract, submission.truncated);
        let reason = why(&ruling, submission.text, self.extract, submission.truncated);
        Ok(Explained { judgement: ruling.verdict.into(), answer: ruling.answer, reason })
    }

    fn steps(&self, text: &str) -> Vec<StepVerdict> {
        self.reference.number().map_or_else(Vec::new, |_| equations(text))
    }
}
