//! Verdicts, the judges that give them, and the pure functions behind these.
//!
//! **A verifier never panics and never hangs**, whatever the text: its work is bounded by the
//! length of what it is given. This room knows nothing of Burn.
//!
//! - [`Judge`]: what the rest of bourn asks, made for each problem by [`open`]. One that asks a program
//!   outside waits for it, up to a time limit.
//! - [`countdown`]: one arithmetic expression that uses each number once and hits the target.
//! - [`math`]: equality of numbers, in exact rationals.
//! - [`exact`]: equality of trimmed text.
//! - [`lines`]: verdicts on JSON lines from anywhere.
//! - [`steps`]: the steps of a text, each by itself: equations, numbers used.
//!
//! ```
//! use std::sync::Arc;
//!
//! use bourn_recipe::{Reward, VerifierKind};
//! use bourn_verify::{Case, Reference, Submission, Verdict, open};
//!
//! # fn main() -> Result<(), bourn_verify::JudgeError> {
//! let verifier = open(&Reward::new(VerifierKind::Choice), 1)?;
//! let reference = Arc::new(Reference::Exact("C".to_owned()));
//! let judge = verifier.judge(Case { reference: &reference, prompt: "Which?", problem: 7 });
//! let said = judge.verdict(&Submission::of("Not (A). The answer is C, since it fits."))?;
//! assert_eq!((said.verdict, said.score), (Verdict::Correct, 1.0));
//! # Ok(())
//! # }
//! ```

pub mod countdown;
pub mod exact;
mod extract;
mod judge;
mod judges;
mod latex;
pub mod lines;
pub mod math;
mod number;
mod reference;
pub mod steps;

pub use extract::extract;
pub use judge::{DrawId, Explained, Judge, JudgeError, Judgement, Submission};
pub use judges::{Case, Verifier, open};
pub use reference::Reference;

use serde::{Deserialize, Serialize};

/// What a verifier says of one completion. The raw verdict decides filters and the probe; the
/// *reward* is what shaping makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The answer is right.
    Correct,
    /// There is an answer, and it is not right.
    Wrong,
    /// No answer could be read.
    Unparsed,
    /// The verifier gave up after its bound of time or work.
    Timeout,
    /// The reference itself cannot be read.
    BadGold,
}

impl Verdict {
    /// Every verdict, in the order tables show them.
    pub const ALL: [Verdict; 5] =
        [Verdict::Correct, Verdict::Wrong, Verdict::Unparsed, Verdict::Timeout, Verdict::BadGold];

    /// Whether the raw verdict is [`Verdict::Correct`].
    pub fn is_correct(self) -> bool {
        self == Verdict::Correct
    }

    /// The name used in files and metric tags.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Correct => "correct",
            Verdict::Wrong => "wrong",
            Verdict::Unparsed => "unparsed",
            Verdict::Timeout => "timeout",
            Verdict::BadGold => "bad_gold",
        }
    }
}
