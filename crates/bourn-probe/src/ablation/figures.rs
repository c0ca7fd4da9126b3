//! What goes into the figures of a sweep, and the figures, as plain data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Outcomes;
use crate::figures::boundary::{Boundary, DrawCounts, Estimate};

/// One finished run of a sweep.
#[derive(Clone, Debug)]
pub struct SweepRun {
    /// Its seed.
    pub seed: u64,
    /// The figures of its last probe.
    pub boundary: Boundary,
    /// Outcomes of the base, by problem.
    pub base: BTreeMap<String, Outcomes>,
    /// Outcomes of the policy, by problem.
    pub policy: BTreeMap<String, Outcomes>,
    /// Tokens that training drew; `None` where they are not known.
    pub tokens: Option<f64>,
    /// Seconds that training took, without probes.
    pub seconds: Option<f64>,
}

/// The runs of one variant.
#[derive(Clone, Debug)]
pub struct SweepVariant {
    /// Its name.
    pub name: String,
    /// The keys that it changes, with their values.
    pub changes: Vec<(String, String)>,
    /// Its finished runs.
    pub runs: Vec<SweepRun>,
}

/// The figures of a sweep on one set of problems, as plain data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ablation {
    /// Name of the sweep.
    pub name: String,
    /// The set of problems.
    pub set: String,
    /// Confidence of every interval.
    pub confidence: f64,
    /// Problems of the first variant.
    pub problems: usize,
    /// Draws that a problem could have had, over all runs.
    pub n: DrawCounts,
    /// The k of the table.
    pub k: Vec<u64>,
    /// The k of the curves.
    pub curve_k: Vec<u64>,
    /// The variants that have a finished run, in the sweep's order.
    pub variants: Vec<VariantFigures>,
    /// Index in `variants` of the one that the others are compared with; `None` if it has no
    /// finished run.
    pub reference: Option<usize>,
    /// Later less earlier variant, for every pair that was measured on the same problems, at every
    /// k of the table.
    pub differences: Vec<Difference>,
    /// Whether all variants started from the same base and its draws.
    pub one_base: bool,
}

/// One variant over its seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantFigures {
    /// Its name.
    pub name: String,
    /// The keys that it changes, with their values.
    pub changes: Vec<(String, String)>,
    /// pass@k of the base, at the k of the table; over problems alone.
    pub base: Vec<Estimate>,
    /// pass@k of the policy, at the k of the table; over problems and seeds.
    pub policy: Vec<Estimate>,
    /// Policy less base, at the k of the table; over problems and seeds.
    pub change: Vec<Estimate>,
    /// Standard deviation over seeds of the policy's pass@k, at the k of the table; `None` of one
    /// seed.
    pub seed_sd: Vec<Option<f64>>,
    /// pass@k of the base at the k of the curves.
    pub base_curve: Vec<Estimate>,
    /// pass@k of the policy at the k of the curves.
    pub policy_curve: Vec<Estimate>,
    /// Δ_SE: the base's pass@k at the largest k less the policy's pass@1; over problems and seeds.
    pub delta_se: Estimate,
    /// Expected number of problems lost, and what two runs of the base would show.
    #[serde(alias = "lost")]
    pub lost_or_nearly: Option<AgainstNull>,
    /// Expected number of problems gained, and what two runs of the base would show.
    #[serde(alias = "gained")]
    pub new_or_nearly: Option<AgainstNull>,
    /// Mean token entropy of the base's draws, nats.
    pub base_entropy: Option<Spread>,
    /// Mean token entropy of the policy's draws, nats.
    pub entropy: Option<Spread>,
    /// Tokens that training drew.
    pub tokens: Option<Spread>,
    /// Seconds of training.
    pub seconds: Option<Spread>,
    /// Its runs.
    pub runs: Vec<RunFigures>,
}

/// The figures of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFigures {
    /// Its seed.
    pub seed: u64,
    /// pass@k of the policy at the k of the table.
    pub policy: Vec<f64>,
    /// Δ_SE.
    pub delta_se: f64,
    /// Expected problems lost, what two runs of the base would show, and the p-value.
    #[serde(alias = "lost")]
    pub lost_or_nearly: Option<[f64; 3]>,
    /// The same of problems gained.
    #[serde(alias = "gained")]
    pub new_or_nearly: Option<[f64; 3]>,
    /// Mean token entropy of the policy's draws, nats.
    pub entropy: Option<f64>,
    /// Tokens that training drew.
    pub tokens: Option<f64>,
    /// Seconds of training.
    pub seconds: Option<f64>,
}

/// A mean over seeds with the least and the largest: a spread, no interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Mean over seeds.
    pub mean: f64,
    /// Least.
    pub least: f64,
    /// Largest.
    pub most: f64,
}

/// A number of problems over seeds, beside the mean of what chance alone would show.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgainstNull {
    /// Over seeds.
    pub found: Spread,
    /// Mean over seeds of the number that two runs of the base would show.
    pub null: f64,
    /// Probability of as large numbers without any change: of one seed its own, of more twice the mean
    /// of theirs, at most 1, which holds however they depend on each other (the base's draws are one;
    /// Rüschendorf 1982; Vovk and Wang 2020, arXiv 1212.4966). Absent in files of earlier versions.
    #[serde(default = "no_change")]
    pub p: f64,
}

fn no_change() -> f64 {
    1.0
}

/// One p of those of several seeds, as [`AgainstNull::p`] says; 1 of none.
pub(crate) fn combined_p(p: &[f64]) -> f64 {
    match p {
        [] => 1.0,
        [p] => *p,
        several => (2.0 * several.iter().sum::<f64>() / several.len() as f64).min(1.0),
    }
}

/// One variant less another at one k, paired by problem and, over the seeds that both have, by seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Index of the variant that is subtracted.
    pub from: usize,
    /// Index of the other.
    pub of: usize,
    /// Draws allowed.
    pub k: u64,
    /// `of` less `from`, over problems and seeds.
    pub difference: Estimate,
    /// Two-sided p-value of no difference.
    pub p_value: f64,
    /// Holm's, over all variants and k that are compared with the reference; `None` for the other
    /// pairs.
    pub p_holm: Option<f64>,
    /// Seeds that both have.
    pub seeds: usize,
}

impl Spread {
    /// Of the values that exist; `None` if one does not, or there are none.
    pub(crate) fn of(values: impl Iterator<Item = Option<f64>>) -> Option<Spread> {
        let values: Vec<f64> = values.collect::<Option<_>>()?;
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (!values.is_empty()).then_some(Spread { mean, least, most })
    }
}
