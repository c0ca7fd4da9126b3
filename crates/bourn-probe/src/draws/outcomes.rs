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
#[serde(try_from = "OutcomeCounts", into = "OutcomeCounts")]
pub struct Outcomes {
    n: u64,
    c: u64,
    rule: Option<StopRule>,
}

/// Counts as written, before the check. Errors about a file call them `Counts`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Counts")]
struct OutcomeCounts {
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
    /// `c` correct of `n` draws, n fixed beforehand.
    ///
    /// # Errors
    /// n = 0, c > n, or n above 2³².
    pub fn new(n: u64, c: u64) -> Result<Self, OutcomesError> {
        match (n, c) {
            (0, _) => Err(OutcomesError::NoDraws),
            (n, _) if n > MAX_DRAWS => Err(OutcomesError::TooMany(n)),
            (n, c) if c > n => Err(OutcomesError::MoreCorrectThanDrawn { n, c }),
            (n, c) => Ok(Self { n, c, rule: None }),
        }
    }

    /// `c` correct of `n` draws that ended by `rule`.
    ///
    /// # Errors
    /// What [`new`](Self::new) refuses; a rule whose successes or n_max are 0, or whose n_max is
    /// above 2³²; counts at which the rule does not stop: beyond either of its ends, or short of
    /// both.
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
    /// them would make the estimates biased.
    ///
    /// # Errors
    /// No draws, draws that end before the rule does, or a rule whose successes or n_max are 0, or
    /// whose n_max is above 2³².
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
    pub(crate) fn ended_by_success(self) -> bool {
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

impl TryFrom<OutcomeCounts> for Outcomes {
    type Error = OutcomesError;

    fn try_from(OutcomeCounts { n, c, stop, n_max }: OutcomeCounts) -> Result<Self, OutcomesError> {
        match rule(stop, n_max)? {
            None => Self::new(n, c),
            Some(rule) => Self::stopped(n, c, rule),
        }
    }
}

impl From<Outcomes> for OutcomeCounts {
    fn from(Outcomes { n, c, rule }: Outcomes) -> Self {
        Self { n, c, stop: rule.map(|r| r.successes), n_max: rule.map(|r| r.n_max) }
    }
}

/// Per-problem accuracies c/n in id order, for histograms.
pub fn accuracies(outcomes: &BTreeMap<String, Outcomes>) -> Vec<f64> {
    outcomes.values().map(|o| o.accuracy()).collect()
}

#[cfg(test)]
#[path = "../../tests/unit/draws/outcomes.rs"]
mod tests;
