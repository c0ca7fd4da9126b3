//! Figures of the paired difference of the two curves.

use serde::{Deserialize, Serialize};

use crate::figures::Interval;

/// Inference on the paired difference of the two curves. Lists are aligned with
/// [`Boundary::k`](crate::Boundary::k).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Simultaneous band of the base's curve: all of it is inside with the stated confidence.
    pub base_band: Vec<Interval>,
    /// Simultaneous band of the policy's curve.
    pub policy_band: Vec<Interval>,
    /// Simultaneous band of the difference.
    pub delta_band: Vec<Interval>,
    /// Interval of the difference by a bootstrap over problems and, within each, over draws.
    pub delta_nested: Vec<Interval>,
    /// Interval of the difference that holds at every look at once.
    pub delta_anytime: Vec<Interval>,
    /// Which look at these problems this is, counted from 1: what `delta_anytime` has spent.
    pub look: u64,
    /// Exact test of lost against gained.
    pub mcnemar: McNemar,
    /// Where the curves cross, over the resamples.
    pub crossover: CrossoverInterval,
    /// Smallest |Δpass@k| on these problems that the draws can tell from 0 (two-sided, at the
    /// stated confidence, with 80% power).
    pub detectable: Vec<f64>,
}

/// Exact McNemar test on the problems that only one of the two models solved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct McNemar {
    /// Problems that only the base solved.
    #[serde(alias = "lost")]
    pub never_solved_again: u64,
    /// Problems that only the policy solved.
    #[serde(alias = "gained")]
    pub newly_solved: u64,
    /// Two-sided p-value.
    pub p_value: f64,
}

/// The interval of the crossover k over bootstrap resamples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CrossoverInterval {
    /// Lower end; `None` if it is "no crossover up to k_max".
    pub low: Option<u64>,
    /// Upper end; `None` if it is "no crossover up to k_max".
    pub high: Option<u64>,
    /// Share of resamples that have a crossover.
    pub share: f64,
}
