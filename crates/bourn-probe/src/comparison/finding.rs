//! What a comparison has shown, and what it has not: the one place that turns intervals into words.
//!
//! **No word goes further than the interval that it rests on.** Whoever prints a sentence about a
//! comparison takes it from here, so that a terminal, a page and a table cannot disagree.

use crate::figures::Interval;
use crate::figures::boundary::{Boundary, Estimate};
use crate::statistics::anytime::spent;
use crate::statistics::normal;

/// Largest p of a null at which lost, or new, problems are called shown.
pub const SHOWN_P: f64 = 0.05;
/// The probability with which a difference as large as [`Change::could_show`] would be shown.
pub const SHOWN_POWER: f64 = 0.8;

/// What is shown of the policy against the base at one number of tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The whole interval of the change is above 0.
    Better,
    /// The whole interval is below 0.
    Worse,
    /// The interval holds 0: neither better nor worse nor equal is shown.
    Neither,
}

impl Shown {
    /// What an interval of a change shows.
    pub fn by(interval: Interval) -> Self {
        match interval {
            Interval { low, .. } if low > 0.0 => Self::Better,
            Interval { high, .. } if high < 0.0 => Self::Worse,
            _ => Self::Neither,
        }
    }
}

/// The change at one number of tries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Tries allowed, k.
    pub k: u64,
    /// pass@k of the base.
    pub base: f64,
    /// pass@k of the policy.
    pub policy: f64,
    /// Policy less base, with the interval that decides.
    pub delta: Estimate,
    /// What that interval shows.
    pub shown: Shown,
    /// The smallest difference that would have been shown in four of five such comparisons, as a
    /// fraction: from the interval's own width.
    pub could_show: f64,
}

/// Neighbouring k at which the same is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Better or worse.
    pub shown: Shown,
    /// The first k.
    pub from: u64,
    /// The last k.
    pub to: u64,
}

/// The expected number of problems that one model can solve and the other cannot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SetFinding {
    /// Whether chance is ruled out: p at most [`SHOWN_P`].
    pub shown: bool,
    /// Expected number of problems, with its interval.
    pub expected: Estimate,
    /// What two runs of the base would show.
    pub null: f64,
    /// Probability of as many, were both one model.
    pub p: f64,
}

/// What a comparison has shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    /// Policy and base are one model: nothing can be shown, and nothing is.
    pub policy_is_base: bool,
    /// Whether the intervals that decide are those that hold at every look.
    pub anytime: bool,
    /// Every k, in rising order.
    pub changes: Vec<Change>,
    /// Where better or worse is shown, in rising order of k; empty where nothing is.
    pub stretches: Vec<Stretch>,
    /// The problems that are lost or nearly; `None` where they were not computed.
    pub lost_or_nearly: Option<SetFinding>,
    /// The problems that are new or nearly.
    pub new_or_nearly: Option<SetFinding>,
}

impl Findings {
    /// The last k at which the policy is shown better and the first after it at which it is shown
    /// worse: the curves cross between them. `None` where that is not shown.
    pub fn crossing(&self) -> Option<(u64, u64)> {
        let worse =
            |pair: &&[Stretch]| (pair[0].shown, pair[1].shown) == (Shown::Better, Shown::Worse);
        let pair = self.stretches.windows(2).find(worse)?;
        Some((pair[0].to, pair[1].from))
    }
}

impl Boundary {
    /// What these figures have shown.
    ///
    /// The interval that decides is the one of each k; after more than one look at the same problems
    /// the any-time one, which holds at all looks. Neither McNemar's test nor the posterior changes a
    /// word about a curve: they are about sets of problems.
    pub fn findings(&self) -> Findings {
        let paired = self.paired.as_ref().filter(|paired| paired.look > 1);
        let alpha = 1.0 - self.confidence;
        let alpha = paired.map_or(alpha, |paired| spent(alpha, paired.look));
        // Two-sided, at 80% power, were the interval normal.
        let reach = 1.0 + normal::quantile(SHOWN_POWER) / normal::quantile(1.0 - alpha / 2.0);
        let changes: Vec<Change> = self
            .rows()
            .into_iter()
            .enumerate()
            .map(|(index, row)| {
                let own = Interval { low: row.delta.ci_low, high: row.delta.ci_high };
                let anytime = paired.and_then(|paired| paired.delta_anytime.get(index));
                let interval = anytime.copied().unwrap_or(own);
                let (value, Interval { low, high }) = (row.delta.value, interval);
                Change {
                    k: row.k,
                    base: row.base.value,
                    policy: row.policy.value,
                    delta: Estimate { value, ci_low: low, ci_high: high },
                    shown: match self.policy_is_base {
                        true => Shown::Neither,
                        false => Shown::by(interval),
                    },
                    could_show: (reach * (value - low).max(high - value)).min(1.0),
                }
            })
            .collect();
        let set = |of: fn(&crate::figures::SetSizes) -> Estimate, p: f64| {
            let sizes = self.solvability.as_ref()?;
            let shown = p <= SHOWN_P && !self.policy_is_base;
            let (expected, null) = (of(&sizes.expected), of(&sizes.null).value);
            Some(SetFinding { shown, expected, null, p })
        };
        let p = self.solvability.as_ref().map_or((1.0, 1.0), |s| (s.p_lost, s.p_gained));
        Findings {
            policy_is_base: self.policy_is_base,
            anytime: paired.is_some(),
            stretches: stretches(&changes),
            changes,
            lost_or_nearly: set(|sizes| sizes.lost_or_nearly, p.0),
            new_or_nearly: set(|sizes| sizes.new_or_nearly, p.1),
        }
    }
}

/// Runs of neighbouring k at which the same is shown.
fn stretches(changes: &[Change]) -> Vec<Stretch> {
    let alike = changes.chunk_by(|before, after| before.shown == after.shown);
    let stretch = |run: &[Change]| {
        let (first, last) = (run.first()?, run.last()?);
        (first.shown != Shown::Neither).then_some(Stretch {
            shown: first.shown,
            from: first.k,
            to: last.k,
        })
    };
    alike.filter_map(stretch).collect()
}

#[cfg(test)]
#[path = "../../tests/unit/comparison/finding.rs"]
mod tests;
