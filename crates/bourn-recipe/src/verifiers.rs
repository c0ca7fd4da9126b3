//! The verifiers there are, as far as a recipe has to know them: a line of the table each.
//!
//! What a verifier does is a file of `bourn-verify/src/judges`, and a line of the table there. Names,
//! schema, errors and reference page follow from this one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pattern::pattern;
use crate::recipe::{Extract, Reward, TaskKind};

/// Makes [`VerifierKind`] and what is known of each of one table.
macro_rules! table {
    ($($(#[$about:meta])* $kind:ident = $name:literal: $facts:expr,)*) => {
        /// The verifiers there are.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub enum VerifierKind {
            $($(#[$about])* #[serde(rename = $name)] $kind,)*
        }

        impl VerifierKind {
            /// Every verifier, in the order of the reference page.
            pub const ALL: &[VerifierKind] = &[$(VerifierKind::$kind,)*];

            /// The name as a recipe and metric tags have it.
            pub fn name(self) -> &'static str {
                match self {
                    $(VerifierKind::$kind => $name,)*
                }
            }

            /// What a recipe's check has to know of it.
            pub fn facts(self) -> Facts {
                match self {
                    $(VerifierKind::$kind => $facts,)*
                }
            }
        }
    };
}

table! {
    /// An expression that uses each number exactly once and gives the target.
    Countdown = "countdown": Facts {
        reads: Reads::Puzzles,
        extract: Err("the countdown verifier reads the whole completion"),
        ..STEPS
    },
    /// Equality of mathematical answers by what they mean.
    Math = "math": Facts { reads: Reads::Numbers, extract: Ok(Extract::LastNumber), ..STEPS },
    /// Equality of the trimmed text.
    Exact = "exact": Facts {
        extract: Ok(Extract::Whole),
        stepless: Some("the exact verifier compares text, which has no steps"),
        ..STEPS
    },
    /// An answer can be read, right or wrong.
    Format = "format": Facts {
        reads: Reads::Any,
        extract: Ok(Extract::LastNumber),
        stepless: Some("the format verifier looks at the answer, not at steps"),
        ..STEPS
    },
    /// A fair coin that knows nothing of the completion: a control.
    Random = "random": Facts {
        reads: Reads::Any,
        extract: Err("the random verifier reads no answer"),
        stepless: Some("the random verifier looks at nothing, so at no steps"),
        knows_nothing: true,
        ..STEPS
    },
    /// Equality of the reference and what a pattern finds.
    Regex = "regex": Facts {
        extract: Err("the regex verifier finds the answer by its `pattern`"),
        stepless: Some("the regex verifier compares text, which has no steps"),
        keys: &["pattern"],
        needs: &["pattern"],
        check: |reward| pattern(&reward.pattern).map(drop).map_err(|problem| ("pattern", problem)),
        ..STEPS
    },
    /// The letter of a multiple-choice question.
    Choice = "choice": Facts {
        extract: Err("the choice verifier knows where letters stand"),
        stepless: Some("the choice verifier compares letters, which have no steps"),
        keys: &["choices"],
        ..STEPS
    },
    /// What a program says that is asked in JSON lines (docs/judges.md).
    Command = "command": Facts {
        reads: Reads::Any,
        extract: Err("the program of `command` is given the whole completion"),
        stepless: Some("the program of `command` judges completions whole"),
        keys: &["command", "workers", "timeout", "threshold"],
        needs: &["command"],
        ..STEPS
    },
}

/// What a recipe's check has to know of a verifier.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The references that it can judge by.
    pub reads: Reads,
    /// How it finds an answer where the recipe does not say; or why there is nothing to say.
    pub extract: Result<Extract, &'static str>,
    /// Why it sees no steps in a completion, if it sees none.
    pub stepless: Option<&'static str>,
    /// Whether its verdict says nothing of the completion, so that it cannot be the raw one.
    pub knows_nothing: bool,
    /// Its keys, of those that only some verifiers have.
    pub keys: &'static [&'static str],
    /// Those that it cannot do without.
    pub needs: &'static [&'static str],
    /// Looks at what the schema cannot say: the key at fault, and what is wrong with it.
    pub check: fn(&Reward) -> Result<(), (&'static str, String)>,
}

/// A verifier of text that sees steps: what lines above start from.
const STEPS: Facts = Facts {
    reads: Reads::Text,
    extract: Ok(Extract::Whole),
    stepless: None,
    knows_nothing: false,
    keys: &[],
    needs: &[],
    check: |_| Ok(()),
};

/// Which references a verifier can judge by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Countdown puzzles, which have many right answers.
    Puzzles,
    /// Numbers out of a file: an answer that is none is left out.
    Numbers,
    /// Text out of a file.
    Text,
    /// Whatever the task has.
    Any,
}

impl Reads {
    /// Whether problems of this kind have such a reference.
    pub(crate) fn fits(self, kind: &TaskKind) -> bool {
        match (self, kind) {
            (Reads::Any, _) | (Reads::Puzzles, TaskKind::Countdown(_)) => true,
            (Reads::Numbers | Reads::Text, TaskKind::Dataset(_) | TaskKind::Benchmark(_)) => true,
            // A puzzle has no reference to compare with.
            (Reads::Numbers | Reads::Text, TaskKind::Countdown(_)) => false,
            (Reads::Puzzles, TaskKind::Dataset(_) | TaskKind::Benchmark(_)) => false,
        }
    }
}
