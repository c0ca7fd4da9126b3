//! Equality of mathematical answers by what they mean.

use std::sync::Arc;

use bourn_recipe::{Extract, Reward};
use bourn_seed::canonical;
use serde_json::json;

use super::Verifier;
use crate::math::{answer, rule};
use crate::steps::{StepVerdict, equations};
use crate::{Judge, JudgeError, Judgement, Reference, Submission, Verdict};

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
        2
    }

    fn settings(&self) -> String {
        canonical(&json!({ "extract": self.extract }))
    }

    fn verdict(&self, submission: &Submission<'_>) -> Result<Judgement, JudgeError> {
        let number = self.reference.number();
        let judged = number.map(|gold| {
            rule(gold, submission.text, self.extract, submission.truncated).verdict
        });
        Ok(judged.unwrap_or(Verdict::BadGold).into())
    }

    fn answer(&self, text: &str) -> Option<String> {
        self.reference.number().and_then(|_| answer(text, self.extract))
    }

    fn steps(&self, text: &str) -> Vec<StepVerdict> {
        self.reference.number().map_or_else(Vec::new, |_| equations(text))
    }
}
