//! How other trainers name the columns of their data sets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A trainer's convention for the columns of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DataFormat {
    /// verl: messages in `prompt`, the answer in `reward_model.ground_truth`.
    Verl,
    /// TRL: `prompt`, text or messages; the column of its own accuracy reward, `solution`.
    Trl,
    /// NeMo-RL: `input` and `output`, the keys of its response data sets.
    NemoRl,
    /// prime-rl and verifiers: messages in `prompt`, else text in `question`; `answer`.
    PrimeRl,
}

impl DataFormat {
    /// The columns of problem and answer.
    pub(crate) fn columns(self) -> (&'static str, &'static str) {
        match self {
            DataFormat::Verl => ("prompt", "reward_model.ground_truth"),
            DataFormat::Trl => ("prompt", "solution"),
            DataFormat::NemoRl => ("input", "output"),
            DataFormat::PrimeRl => ("prompt|question", "answer"),
        }
    }
}
