//! What became of a problem's draws.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Most draws of one problem that are accepted: 2³², far beyond any experiment. It bounds the work
/// of [`pass_at_k`](crate::pass_at_k) whatever a file says.
pub const MAX_DRAWS: u64 = 1 << 32;

/// The outcomes of one problem: `n` independent draws, of which `c` were correct.
///
/// Always 1 ≤ n ≤ [`MAX_DRAWS`] and c ≤ n, so no estimator has to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Counts")]
pub struct Outcomes {
    n: u64,
    c: u64,
}

/// Counts as written, before the check.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    n: u64,
    c: u64,
}

/// Counts that no series of draws can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutcomesError {
    /// n = 0.
    #[error("n is 0: a problem needs at least one draw")]
    NoDraws,
    /// c > n.
    #[error("c = {c} is more than n = {n}: at most every draw can be correct")]
    MoreCorrectThanDrawn {
        /// Draws.
        n: u64,
        /// Correct ones.
        c: u64,
    },
    /// n > [`MAX_DRAWS`].
    #[error("n = {0} is more than the {MAX_DRAWS} draws that are supported")]
    TooMany(u64),
}

impl Outcomes {
    /// `c` correct of `n` draws; refuses n = 0, c > n and n > [`MAX_DRAWS`].
    pub fn new(n: u64, c: u64) -> Result<Self, OutcomesError> {
        match (n, c) {
            (0, _) => Err(OutcomesError::NoDraws),
            (n, _) if n > MAX_DRAWS => Err(OutcomesError::TooMany(n)),
            (n, c) if c > n => Err(OutcomesError::MoreCorrectThanDrawn { n, c }),
            (n, c) => Ok(Self { n, c }),
        }
    }

    /// Draws made, at least 1.
    pub fn n(self) -> u64 {
        self.n
    }

    /// Correct draws, at most [`n`](Self::n).
    pub fn c(self) -> u64 {
        self.c
    }

    /// The share of draws that were correct, c/n, in 0..=1.
    pub fn accuracy(self) -> f64 {
        // Exact conversions: both are at most 2³².
        self.c as f64 / self.n as f64
    }

    /// Whether at least one draw was correct.
    pub fn solved(self) -> bool {
        self.c > 0
    }
}

impl TryFrom<Counts> for Outcomes {
    type Error = OutcomesError;

    fn try_from(counts: Counts) -> Result<Self, OutcomesError> {
        Self::new(counts.n, counts.c)
    }
}

/// Per-problem accuracies c/n in id order, for histograms.
pub fn accuracies(outcomes: &BTreeMap<String, Outcomes>) -> Vec<f64> {
    outcomes.values().map(|o| o.accuracy()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_checked() {
        let check = |n, c, expect: Result<f64, OutcomesError>| {
            assert_eq!(Outcomes::new(n, c).map(Outcomes::accuracy), expect, "n={n} c={c}");
        };
        check(1, 0, Ok(0.0));
        check(1, 1, Ok(1.0));
        check(256, 64, Ok(0.25));
        check(MAX_DRAWS, MAX_DRAWS, Ok(1.0));
        check(0, 0, Err(OutcomesError::NoDraws));
        check(0, 1, Err(OutcomesError::NoDraws));
        check(3, 4, Err(OutcomesError::MoreCorrectThanDrawn { n: 3, c: 4 }));
        check(MAX_DRAWS + 1, 0, Err(OutcomesError::TooMany(MAX_DRAWS + 1)));
        check(u64::MAX, u64::MAX, Err(OutcomesError::TooMany(u64::MAX)));
    }

    #[test]
    fn json_is_checked_too() {
        let read = |text| serde_json::from_str::<Outcomes>(text).map_err(|e| e.to_string());
        assert_eq!(read(r#"{"n":4,"c":1}"#), Ok(Outcomes { n: 4, c: 1 }));
        assert!(read(r#"{"n":4,"c":5}"#).unwrap_err().contains("c = 5 is more than n = 4"));
        assert!(read(r#"{"n":4,"c":1,"stop":1}"#).unwrap_err().contains("unknown field `stop`"));
    }

    #[test]
    fn accuracies_are_in_id_order() {
        let outcomes = BTreeMap::from([
            ("b".to_owned(), Outcomes { n: 2, c: 1 }),
            ("a".to_owned(), Outcomes { n: 4, c: 3 }),
        ]);
        assert_eq!(accuracies(&outcomes), [0.75, 0.5]);
    }
}
