//! The boundary figures as plain data: the `--json` object and what tables are made of.

use serde::{Deserialize, Serialize};

use crate::figures::{Extrapolation, Origins, Paired, Solvability, Support, Temperatures};

/// Differences of mean pass@k below this are ties: it is the estimator's own rounding, and without
/// it two models with the same outcomes on different problems could "cross".
pub(crate) const TIE: f64 = 1e-12;

/// What training did to the boundary: base beside policy, over the same problems.
///
/// Its serialisation is the documented object of `bourn compare --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Boundary {
    /// The k of every curve: powers of two up to the least of [`Boundary::n`].
    pub k: Vec<u64>,
    /// pass@k of the base, mean over problems, with its interval.
    pub base: Curve,
    /// pass@k of the policy, mean over problems, with its interval.
    pub policy: Curve,
    /// Policy less base, with the interval of the paired difference.
    pub delta: Curve,
    /// Smallest k at which the base is ahead after the policy was ahead at a smaller k; `None` if
    /// there is none, and then [`Boundary::standing`] says why.
    pub crossover_k: Option<u64>,
    /// Δ_SE: pass@k_max of the base less pass@1 of the policy.
    pub delta_se: f64,
    /// Lower end of the interval of Δ_SE.
    pub delta_se_ci_low: f64,
    /// Upper end of the interval of Δ_SE.
    pub delta_se_ci_high: f64,
    /// Problems by which of the two models solved them at least once in its draws.
    pub solvable: Solvable,
    /// Number of problems.
    pub problems: usize,
    /// Fewest and most draws that a problem could have had: its n where that was fixed, its n_max
    /// where a rule could end the drawing earlier.
    pub n: DrawCounts,
    /// What early stopping cost and saved; absent where every n was fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draws: Option<Spending>,
    /// Confidence of every interval, for example 0.95.
    pub confidence: f64,
    /// Bootstrap resamples over problems behind every interval.
    pub resamples: usize,
    /// Mean token entropy, where the draws themselves are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entropy: Option<EntropyPair>,
    /// The sampler that drew, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampler: Option<String>,
    /// Name of the set of problems, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// Whether base and policy are one model, as at step 0: then what differs is chance.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub policy_is_base: bool,
    /// Bands, tests and intervals of the paired difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paired: Option<Paired>,
    /// Which problems each model can solve, with probabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solvability: Option<Solvability>,
    /// Support figures of the literature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<Support>,
    /// pass@k beyond the draws that were made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extrapolation: Option<Extrapolation>,
    /// Where the correct answers came from, where the draws themselves are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origins: Option<Origins>,
    /// Both models at other temperatures, where the recipe asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperatures: Option<Temperatures>,
}

/// A curve over k with its interval at each k; three lists aligned with [`Boundary::k`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Mean over problems of the unbiased estimate, as a fraction.
    pub pass_at_k: Vec<f64>,
    /// Lower ends of the intervals.
    pub ci_low: Vec<f64>,
    /// Upper ends of the intervals.
    pub ci_high: Vec<f64>,
}

/// Problem ids by who solved them (c ≥ 1 within that model's own draws), each list in id order.
///
/// A problem that is not solved in n draws may still be solvable at a rate below about 3/n, so
/// these sets mean little without the n beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Solvable {
    /// Solved by both.
    pub kept: Vec<String>,
    /// Solved by the policy only.
    #[serde(alias = "gained")]
    pub newly_solved: Vec<String>,
    /// Solved by the base only.
    #[serde(alias = "lost")]
    pub never_solved_again: Vec<String>,
    /// Solved by neither.
    pub neither: Vec<String>,
}

/// Fewest and most draws that a problem could have had, `[min, max]`, of each model.
///
/// Not those made: whether a problem was solved in n_max draws, and pass@k up to it, are known
/// whether or not the drawing stopped, so that n_max is what these figures are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawCounts {
    /// Draws of the base.
    pub base: [u64; 2],
    /// Draws of the policy.
    pub policy: [u64; 2],
}

/// The draws of each model, over all problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spending {
    /// Of the base.
    pub base: Spent,
    /// Of the policy.
    pub policy: Spent,
}

/// Draws made and saved, over all problems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Draws that count: those up to each problem's stop. Draws in flight beyond it, which are cut,
    /// are not among them.
    pub spent: u64,
    /// What n_max draws of every problem would have been.
    pub full: u64,
    /// Full less spent.
    pub saved: u64,
}

/// Mean token entropy over the full vocabulary, in nats, each token counting once, with intervals
/// over problems.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntropyPair {
    /// Of the base's draws.
    pub base: f64,
    /// Lower end of the base's interval.
    pub base_ci_low: f64,
    /// Upper end of the base's interval.
    pub base_ci_high: f64,
    /// Of the policy's draws.
    pub policy: f64,
    /// Lower end of the policy's interval.
    pub policy_ci_low: f64,
    /// Upper end of the policy's interval.
    pub policy_ci_high: f64,
}

/// One figure with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// Lower end of its interval.
    pub ci_low: f64,
    /// Upper end of its interval.
    pub ci_high: f64,
}

/// The figures at one k.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundaryRow {
    /// Draws allowed.
    pub k: u64,
    /// pass@k of the base.
    pub base: Estimate,
    /// pass@k of the policy.
    pub policy: Estimate,
    /// Policy less base.
    pub delta: Estimate,
}

/// How the two curves lie: what [`Boundary::crossover_k`] says, and why it is absent when it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The policy is ahead at a smaller k, the base at this one.
    Crossover(u64),
    /// The policy is ahead at some k, and the base at no larger one.
    PolicyAhead,
    /// The base is ahead at some k, and the policy at none.
    BaseAhead,
    /// Neither is ahead at any k.
    Level,
}

impl Curve {
    /// The figure at position `index` of [`Boundary::k`]; `None` past the end of any list.
    pub fn at(&self, index: usize) -> Option<Estimate> {
        Some(Estimate {
            value: *self.pass_at_k.get(index)?,
            ci_low: *self.ci_low.get(index)?,
            ci_high: *self.ci_high.get(index)?,
        })
    }
}

impl Boundary {
    /// The figures k by k, as a table shows them.
    pub fn rows(&self) -> Vec<BoundaryRow> {
        let row = |(index, &k): (usize, &u64)| {
            Some(BoundaryRow {
                k,
                base: self.base.at(index)?,
                policy: self.policy.at(index)?,
                delta: self.delta.at(index)?,
            })
        };
        self.k.iter().enumerate().filter_map(row).collect()
    }

    /// The largest k of the curves; 0 if there are none.
    pub fn k_max(&self) -> u64 {
        self.k.last().copied().unwrap_or(0)
    }

    /// How the two curves lie.
    pub fn standing(&self) -> Standing {
        standing(&self.k, &self.delta.pass_at_k)
    }
}

/// How the curves lie, from policy less base at each k, in rising order of k.
pub(crate) fn standing(k: &[u64], delta: &[f64]) -> Standing {
    let points = || k.iter().zip(delta);
    let Some(lead) = points().position(|(_, &d)| d > TIE) else {
        let base_leads = points().any(|(_, &d)| d < -TIE);
        return if base_leads { Standing::BaseAhead } else { Standing::Level };
    };
    match points().skip(lead).find(|&(_, &d)| d < -TIE) {
        Some((&k, _)) => Standing::Crossover(k),
        None => Standing::PolicyAhead,
    }
}

#[cfg(test)]
#[path = "../../tests/unit/figures/boundary.rs"]
mod tests;
