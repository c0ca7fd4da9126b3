//! The smallest difference that the draws can show, known before they are made.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::estimators::belief::Belief;
use crate::estimators::ends::{Ends, EndsKey, Law, key};
use crate::statistics::mcnemar::fewest_one_sided;
use crate::statistics::normal;
use crate::{Outcomes, StopRule};

/// Power of [`detectable`]: the probability that a difference of that size is told from 0.
const POWER: f64 = 0.8;

/// What a probe can show, to be said before it is run.
#[derive(Clone, Debug, PartialEq)]
pub struct Detectable {
    /// Number of problems.
    pub problems: usize,
    /// Two-sided confidence.
    pub confidence: f64,
    /// Probability that a difference of that size is told from 0.
    pub power: f64,
    /// Draws allowed, in the order asked for; those beyond n_max are left out.
    pub k: Vec<u64>,
    /// Smallest |Δpass@k| on these problems, as a fraction, aligned with `k`; at most 1.
    pub delta: Vec<f64>,
    /// Fewest lost problems, with none gained, that the exact McNemar test calls significant.
    pub losses: u64,
    /// Whether the base's outcomes went into it; else every problem has the worst success
    /// probability and `delta` is an upper bound.
    pub from_base: bool,
}

/// The smallest |Δpass@k| *on these problems* that the noise of the draws lets one tell from 0,
/// two-sided at `confidence` and with 80% power, and the fewest one-sided losses: to be printed
/// before the draws are made.
///
/// (z₁₋α⸝₂ + z₀.₈)·√(2·mean Var(f̂_k | pᵢ)/P), with the exact variance of the estimate under `rule`
/// (a fixed n is a rule whose successes are out of reach). Where the base's outcomes are known it is
/// the mean over the problem's posterior, under a Beta prior fitted to the base; for the other
/// problems it is the largest at any p. The 2 takes the policy's draws to be as noisy as the base's. `problems` counts all of them; `base` may
/// hold some. With n_max above 65,536 the variance is replaced by its bound f(1 − f), times k/n where
/// n is fixed (Hoeffding 1948).
///
/// It does not hold the variation between problems: for problems in general the difference has to
/// be larger, and the intervals of [`compare`](crate::compare()) say by how much.
pub fn detectable(
    problems: usize,
    rule: StopRule,
    base: Option<&BTreeMap<String, Outcomes>>,
    k: &[u64],
    confidence: f64,
) -> Detectable {
    let k: Vec<u64> = k.iter().copied().filter(|&k| k <= rule.n_max).collect();
    let key = (rule.successes.min(rule.n_max + 1), rule.n_max);
    let noise = Noise::new(key, &k);
    let known = base.map_or(Vec::new(), |base| posteriors(base.values().copied()));
    let mut sums = noise.sums(&known);
    let unknown = problems.saturating_sub(known.len());
    if unknown > 0 {
        let worst = noise.worst(rule.n_max);
        sums.iter_mut().zip(worst).for_each(|(sum, worst)| *sum += unknown as f64 * worst);
    }
    let counted = known.len() + unknown;
    let delta = sums.iter().map(|sum| smallest(2.0 * sum, counted, confidence)).collect();
    Detectable {
        problems,
        confidence,
        power: POWER,
        k,
        delta,
        losses: fewest_one_sided(confidence),
        from_base: !known.is_empty(),
    }
}

/// The same at the problems of a comparison, from the base's success probabilities and each
/// model's own rules.
pub(crate) fn detectable_here(
    pairs: &[(&String, Outcomes, Outcomes)],
    k: &[u64],
    confidence: f64,
) -> Vec<f64> {
    // What is believed of the problems under each rule, base's and policy's alike.
    let mut by_rule: BTreeMap<EndsKey, Vec<Belief>> = BTreeMap::new();
    for (belief, &(_, base, policy)) in
        posteriors(pairs.iter().map(|pair| pair.1)).iter().zip(pairs)
    {
        for outcomes in [base, policy] {
            by_rule.entry(key(outcomes)).or_default().push(*belief);
        }
    }
    let mut sums = vec![0.0; k.len()];
    for (key, beliefs) in by_rule {
        let of_rule = Noise::new(key, k).sums(&beliefs);
        sums.iter_mut().zip(of_rule).for_each(|(sum, more)| *sum += more);
    }
    sums.iter().map(|&sum| smallest(sum, pairs.len(), confidence)).collect()
}

/// What is known of each problem's success probability, under the prior fitted to all of them.
fn posteriors(outcomes: impl Iterator<Item = Outcomes> + Clone) -> Vec<Belief> {
    let prior = Belief::fitted(outcomes.clone());
    outcomes.map(|o| prior.after(o)).collect()
}

/// (z₁₋α⸝₂ + z₀.₈)·√(variance of the mean difference), at most 1; `sum` is of the variances of both
/// models' estimates over the problems.
fn smallest(sum: f64, problems: usize, confidence: f64) -> f64 {
    let z = normal::quantile(0.5 + confidence / 2.0) + normal::quantile(POWER);
    // No problems show nothing.
    (z * sum.sqrt() / problems.max(1) as f64).min(1.0)
}

/// Variances of the estimates under one rule.
struct Noise<'a> {
    key: EndsKey,
    k: &'a [u64],
    ends: Option<Ends>,
}

impl<'a> Noise<'a> {
    fn new(key: EndsKey, k: &'a [u64]) -> Self {
        Self { key, k, ends: Ends::new(key, k) }
    }

    /// The variance at each k at success probability `p`.
    fn at(&self, p: f64) -> Vec<f64> {
        match &self.ends {
            Some(ends) => ends.variances(&ends.probabilities(Law::Known(p))),
            None => self.k.iter().map(|&k| self.bound(k, p)).collect(),
        }
    }

    /// The mean over the belief of the variance at each k.
    fn over(&self, belief: Belief) -> Vec<f64> {
        match &self.ends {
            Some(ends) => {
                let believed = ends.probabilities(Law::Believed(belief));
                let [noise, _] = ends.noise(belief, self.k, &believed);
                noise
            }
            None => {
                let mean = belief.a / (belief.a + belief.b);
                self.k.iter().map(|&k| self.bound(k, mean)).collect()
            }
        }
    }

    /// More than the variance at k: that of whether one of k draws is correct, f(1 − f), of which the
    /// estimate is the mean over orders; times k/n where n is fixed (Hoeffding 1948).
    fn bound(&self, k: u64, p: f64) -> f64 {
        let (successes, n_max) = self.key;
        let missed = (k as f64 * (-p).ln_1p()).exp();
        let share = if successes > n_max { k as f64 / n_max as f64 } else { 1.0 };
        share * missed * (1.0 - missed)
    }

    /// The sum over these problems of the variance at each k.
    fn sums(&self, beliefs: &[Belief]) -> Vec<f64> {
        // Many problems have the same counts.
        let mut counts: BTreeMap<[u64; 2], usize> = BTreeMap::new();
        for Belief { a, b } in beliefs {
            *counts.entry([a.to_bits(), b.to_bits()]).or_default() += 1;
        }
        let terms: Vec<(f64, Vec<f64>)> = counts
            .into_iter()
            .collect::<Vec<_>>()
            .into_par_iter()
            .map(|(bits, count)| {
                let [a, b] = bits.map(f64::from_bits);
                (count as f64, self.over(Belief { a, b }))
            })
            .collect();
        // In order: the same sum on every machine.
        let mut sums = vec![0.0; self.k.len()];
        for (count, variances) in terms {
            sums.iter_mut().zip(variances).for_each(|(sum, v)| *sum += count * v);
        }
        sums
    }

    /// The largest variance at each k over success probabilities: on a grid of odds from 1/(16 n)
    /// to 16 n, sixteen to a factor of e. Between its points the variance, which changes on the
    /// scale of a factor of e, is within a part in a thousand of the nearer one.
    fn worst(&self, n_max: u64) -> Vec<f64> {
        let end = (16.0 * n_max as f64).ln();
        let steps = (32.0 * end).ceil() as u64;
        let at = |step: u64| {
            let odds = (2.0 * end * step as f64 / steps as f64 - end).exp();
            self.at(odds / (1.0 + odds))
        };
        let grid: Vec<Vec<f64>> = (0..=steps).into_par_iter().map(at).collect();
        (0..self.k.len()).map(|k| grid.iter().map(|row| row[k]).fold(0.0, f64::max)).collect()
    }
}

#[cfg(test)]
#[path = "../../tests/unit/estimators/detectable.rs"]
mod tests;
