//! What became of a problem's draws.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Most draws of one problem that are accepted: 2³², far beyond any experiment. It bounds the work
/// of [`pass_at_k`](crate::pass_at_k) whatever a file says.
pub const MAX_DRAWS: u64 = 1 << 32;

/// When to stop drawing a problem's completions: at success number `successes` or at draw number
/// `n_max`, whichever comes first in draw order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopRule {
    /// The success that ends the drawing, at least 1; out of reach (and harmless) above `n_max`.
    pub successes: u64,
    /// Most draws, from 1 to [`MAX_DRAWS`].
    pub n_max: u64,
}

impl StopRule {
    /// Whether `n` draws with `c` correct end the drawing.
    fn ends(self, n: u64, c: u64) -> bool {
        c >= self.successes || n >= self.n_max
    }

    fn check(self) -> Result<(), OutcomesError> {
        match self {
            Self { successes: 0, .. } => Err(OutcomesError::NoStop),
            Self { n_max: 0, .. } => Err(OutcomesError::NoDrawsAllowed),
            Self { n_max, .. } if n_max > MAX_DRAWS => Err(OutcomesError::TooManyAllowed(n_max)),
            _ => Ok(()),
        }
    }
}

/// The outcomes of one problem: `n` independent draws, of which `c` were correct, and the rule that
/// ended the drawing if `n` was not fixed beforehand.
///
/// Always 1 ≤ n ≤ [`MAX_DRAWS`] and c ≤ n. Under a rule, n and c are just where it stops: n ≤ n_max,
/// c ≤ successes, and at least one of the two is reached. So no estimator has to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Counts", into = "Counts")]
pub struct Outcomes {
    n: u64,
    c: u64,
    rule: Option<StopRule>,
}

/// Counts as written, before the check.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    n: u64,
    c: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stop: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n_max: Option<u64>,
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
    /// A rule that stops before the first draw.
    #[error("stop is 0: give the number of the success that ends the drawing, 1 or more")]
    NoStop,
    /// A rule that allows no draw.
    #[error("n_max is 0: a problem needs at least one draw")]
    NoDrawsAllowed,
    /// n_max > [`MAX_DRAWS`].
    #[error("n_max = {0} is more than the {MAX_DRAWS} draws that are supported")]
    TooManyAllowed(u64),
    /// A rule of which only one half is written.
    #[error(
        "has {has} but no {lacks}: a stopping rule takes both stop (successes) and n_max (draws)"
    )]
    HalfRule {
        /// The half that is there.
        has: &'static str,
        /// The half that is missing.
        lacks: &'static str,
    },
    /// n > n_max.
    #[error("n = {n} is more than n_max = {n_max}: count the first {n_max} draws only")]
    PastLastDraw {
        /// Draws.
        n: u64,
        /// Most draws that the rule allows.
        n_max: u64,
    },
    /// c > stop.
    #[error("c = {c} is more than stop = {stop}: count the draws up to success number {stop} only")]
    PastLastSuccess {
        /// Correct draws.
        c: u64,
        /// The success that ends the drawing.
        stop: u64,
    },
    /// Neither c = stop nor n = n_max.
    #[error(
        "n = {n} and c = {c} reach neither stop = {stop} nor n_max = {n_max}: draw on until one of them is reached"
    )]
    Unfinished {
        /// Draws.
        n: u64,
        /// Correct ones.
        c: u64,
        /// The success that ends the drawing.
        stop: u64,
        /// The draw that ends it at the latest.
        n_max: u64,
    },
}

impl Outcomes {
    /// `c` correct of `n` draws, n fixed beforehand; refuses n = 0, c > n and n > [`MAX_DRAWS`].
    pub fn new(n: u64, c: u64) -> Result<Self, OutcomesError> {
        match (n, c) {
            (0, _) => Err(OutcomesError::NoDraws),
            (n, _) if n > MAX_DRAWS => Err(OutcomesError::TooMany(n)),
            (n, c) if c > n => Err(OutcomesError::MoreCorrectThanDrawn { n, c }),
            (n, c) => Ok(Self { n, c, rule: None }),
        }
    }

    /// `c` correct of `n` draws that ended by `rule`; refuses what [`new`](Self::new) refuses, a
    /// rule that cannot be followed, and counts at which it does not stop.
    pub fn stopped(n: u64, c: u64, rule: StopRule) -> Result<Self, OutcomesError> {
        rule.check()?;
        let fixed = Self::new(n, c)?;
        let StopRule { successes: stop, n_max } = rule;
        if n > n_max {
            return Err(OutcomesError::PastLastDraw { n, n_max });
        }
        if c > stop {
            return Err(OutcomesError::PastLastSuccess { c, stop });
        }
        if !rule.ends(n, c) {
            return Err(OutcomesError::Unfinished { n, c, stop, n_max });
        }
        Ok(Self { rule: Some(rule), ..fixed })
    }

    /// The outcomes of `draws` (whether each was correct, in draw order) under `rule`.
    ///
    /// Draws beyond the stop, which may have been in flight when it was reached, are cut: counting
    /// them would make the estimates biased. Refuses draws that end before the rule does.
    pub fn cut(
        draws: impl IntoIterator<Item = bool>,
        rule: StopRule,
    ) -> Result<Self, OutcomesError> {
        rule.check()?;
        let (mut n, mut c) = (0, 0);
        for correct in draws {
            n += 1;
            c += u64::from(correct);
            if rule.ends(n, c) {
                break;
            }
        }
        Self::stopped(n, c, rule)
    }

    /// Draws made, at least 1.
    pub fn n(self) -> u64 {
        self.n
    }

    /// Correct draws, at most [`n`](Self::n).
    pub fn c(self) -> u64 {
        self.c
    }

    /// The rule that ended the drawing; `None` where n was fixed beforehand.
    pub fn rule(self) -> Option<StopRule> {
        self.rule
    }

    /// The draws that the problem could have had, at least [`n`](Self::n), and equal to it where it
    /// was fixed: the largest k that the outcomes say something unbiased of.
    pub fn n_max(self) -> u64 {
        self.rule.map_or(self.n, |rule| rule.n_max)
    }

    /// Whether the draws ended because there were successes enough, so that the last was one.
    pub fn ended_by_success(self) -> bool {
        self.rule.is_some_and(|rule| self.c == rule.successes)
    }

    /// The share of draws that were correct, c/n, in 0..=1: what happened, under any rule the most
    /// likely success probability, but unbiased only where n was fixed (else take
    /// [`pass_at_k`](crate::pass_at_k) at 1).
    pub fn accuracy(self) -> f64 {
        // Exact conversions: both are at most 2³².
        self.c as f64 / self.n as f64
    }

    /// Whether at least one draw was correct; a rule does not change it, because it stops at no
    /// problem that was not solved.
    pub fn solved(self) -> bool {
        self.c > 0
    }
}

/// The rule as it is written, in two fields that come together or not at all.
pub(crate) fn rule(
    stop: Option<u64>,
    n_max: Option<u64>,
) -> Result<Option<StopRule>, OutcomesError> {
    match (stop, n_max) {
        (None, None) => Ok(None),
        (Some(successes), Some(n_max)) => Ok(Some(StopRule { successes, n_max })),
        (Some(_), None) => Err(OutcomesError::HalfRule { has: "stop", lacks: "n_max" }),
        (None, Some(_)) => Err(OutcomesError::HalfRule { has: "n_max", lacks: "stop" }),
    }
}

impl TryFrom<Counts> for Outcomes {
    type Error = OutcomesError;

    fn try_from(Counts { n, c, stop, n_max }: Counts) -> Result<Self, OutcomesError> {
        match rule(stop, n_max)? {
            None => Self::new(n, c),
            Some(rule) => Self::stopped(n, c, rule),
        }
    }
}

impl From<Outcomes> for Counts {
    fn from(Outcomes { n, c, rule }: Outcomes) -> Self {
        Self { n, c, stop: rule.map(|r| r.successes), n_max: rule.map(|r| r.n_max) }
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
    fn rules_are_kept() {
        let check = |(n, c), (successes, n_max), expect: Result<bool, OutcomesError>| {
            let got = Outcomes::stopped(n, c, StopRule { successes, n_max });
            assert_eq!(got.map(Outcomes::ended_by_success), expect, "{n} {c} {successes} {n_max}");
        };
        check((57, 8), (8, 1024), Ok(true));
        check((1024, 3), (8, 1024), Ok(false));
        check((1024, 0), (8, 1024), Ok(false));
        // Both at once: the last draw was the success that was missing.
        check((8, 8), (8, 8), Ok(true));
        check((1, 1), (1, 1), Ok(true));
        // Out of reach: a fixed n by another name.
        check((8, 8), (9, 8), Ok(false));
        let unfinished = |n, c| OutcomesError::Unfinished { n, c, stop: 8, n_max: 1024 };
        check((57, 7), (8, 1024), Err(unfinished(57, 7)));
        check((1023, 0), (8, 1024), Err(unfinished(1023, 0)));
        check((57, 9), (8, 1024), Err(OutcomesError::PastLastSuccess { c: 9, stop: 8 }));
        check((1024, 9), (8, 1024), Err(OutcomesError::PastLastSuccess { c: 9, stop: 8 }));
        check((1025, 8), (8, 1024), Err(OutcomesError::PastLastDraw { n: 1025, n_max: 1024 }));
        check((0, 0), (8, 1024), Err(OutcomesError::NoDraws));
        check((7, 8), (8, 1024), Err(OutcomesError::MoreCorrectThanDrawn { n: 7, c: 8 }));
        check((1, 0), (0, 1), Err(OutcomesError::NoStop));
        check((1, 0), (1, 0), Err(OutcomesError::NoDrawsAllowed));
        let many = MAX_DRAWS + 1;
        check((1, 1), (1, many), Err(OutcomesError::TooManyAllowed(many)));
    }

    #[test]
    fn draws_are_cut_in_draw_order() {
        let check =
            |draws: &[u8], (successes, n_max), expect: Result<(u64, u64), OutcomesError>| {
                let rule = StopRule { successes, n_max };
                let got = Outcomes::cut(draws.iter().map(|&d| d == 1), rule);
                assert_eq!(got.map(|o| (o.n(), o.c())), expect, "{draws:?} {rule:?}");
            };
        check(&[0, 1, 0, 1], (2, 8), Ok((4, 2)));
        // Beyond the second success, beyond the last draw.
        check(&[0, 1, 0, 1, 1, 1, 0], (2, 8), Ok((4, 2)));
        check(&[0, 0, 0, 1, 1], (2, 4), Ok((4, 1)));
        check(&[1, 1], (1, 4), Ok((1, 1)));
        let unfinished = OutcomesError::Unfinished { n: 3, c: 1, stop: 2, n_max: 8 };
        check(&[0, 1, 0], (2, 8), Err(unfinished));
        check(&[], (2, 8), Err(OutcomesError::NoDraws));
        // No rule to cut by, rather than everything cut.
        check(&[1], (0, 8), Err(OutcomesError::NoStop));
        check(&[1], (1, 0), Err(OutcomesError::NoDrawsAllowed));
    }

    #[test]
    fn json_is_checked_too() {
        let read = |text| serde_json::from_str::<Outcomes>(text).map_err(|e| e.to_string());
        assert_eq!(read(r#"{"n":4,"c":1}"#), Outcomes::new(4, 1).map_err(|e| e.to_string()));
        assert!(read(r#"{"n":4,"c":5}"#).unwrap_err().contains("c = 5 is more than n = 4"));
        assert!(read(r#"{"n":4,"c":1,"stop":1}"#).unwrap_err().contains("stop but no n_max"));
        assert!(read(r#"{"n":4,"c":1,"r":1}"#).unwrap_err().contains("unknown field `r`"));
        for text in [r#"{"n":4,"c":1}"#, r#"{"n":4,"c":2,"stop":2,"n_max":9}"#] {
            assert_eq!(serde_json::to_string(&read(text).unwrap()).unwrap(), text);
        }
    }

    #[test]
    fn accuracies_are_in_id_order() {
        let outcomes = BTreeMap::from([
            ("b".to_owned(), Outcomes::new(2, 1).unwrap()),
            ("a".to_owned(), Outcomes::new(4, 3).unwrap()),
        ]);
        assert_eq!(accuracies(&outcomes), [0.75, 0.5]);
    }
}
