//! Does the fitted prior describe the outcomes? Its probability integral transform, with a p-value.

use std::collections::BTreeMap;

use bourn_seed::rng;
use rand::Rng;
use rayon::prelude::*;

use crate::Outcomes;
use crate::solvable::prior::{DistinctCounts, FittedPrior, Prior};
use crate::statistics::special::{beta_tails, ln_beta};

/// Bins of the histogram.
const BINS: usize = 10;
/// Data sets simulated from the fit for the p-value.
const SIMULATIONS: u64 = 99;
/// Most outcomes that are tabulated for a model; beyond, the histogram is computed problem by
/// problem and there is no simulation.
const MAX_TABULATED: u64 = 1 << 22;
/// Most outcomes that are tabulated over all simulations.
const MAX_SIMULATED: u64 = 1 << 22;

/// How the draws of a problem could have ended. Each way has n_max + 1 outcomes in one natural
/// order: from none correct up, and where success number `stop` ends the drawing, the earlier the
/// better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Design {
    /// Most draws.
    n_max: u64,
    /// The success that ends the drawing: above `n_max` where none does.
    stop: u64,
}

impl Design {
    fn of(outcomes: Outcomes) -> Self {
        let n_max = outcomes.n_max();
        let stop = outcomes.rule().map_or(n_max + 1, |rule| rule.successes.min(n_max + 1));
        Self { n_max, stop }
    }

    /// Place of these outcomes in the order, from 0.
    fn rank(self, outcomes: Outcomes) -> u64 {
        if outcomes.c() < self.stop { outcomes.c() } else { self.stop + self.n_max - outcomes.n() }
    }

    /// Draws and correct draws of the outcome at a place.
    fn at(self, rank: u64) -> (u64, u64) {
        if rank < self.stop {
            (self.n_max, rank)
        } else {
            (self.stop + self.n_max - rank, self.stop)
        }
    }

    /// P(outcome ≤ each) under a prior, in order, the last exactly 1.
    ///
    /// Below the stop the probabilities are the beta-binomial ones; the stop comes at draw N with
    /// the probability of `stop − 1` successes in N − 1 draws and one more then. Neighbours'
    /// ratios give all of them, in logarithms, up to one factor.
    fn distribution(self, prior: &Prior) -> Vec<f64> {
        let Prior { zero, alpha, beta } = *prior;
        let Self { n_max, stop } = self;
        let mut logs = Vec::with_capacity(n_max as usize + 1);
        let mut log = 0.0;
        for c in 0..stop.min(n_max + 1) {
            logs.push(log);
            let (done, n) = (c as f64, n_max as f64);
            log += ((n - done) / (done + 1.0) * (alpha + done) / (beta + n - done - 1.0)).ln();
        }
        if stop <= n_max {
            // A stop at the last draw, beside stop − 1 successes in all n_max draws: of the orders
            // with one success more, stop in n_max have it last.
            let (r, n) = (stop as f64, n_max as f64);
            let before = logs[stop as usize - 1];
            let ratio = (n - r + 1.0) / n * (alpha + r - 1.0) / (beta + n - r);
            log = before + ratio.ln();
            for draws in (stop..=n_max).rev() {
                logs.push(log);
                // One wrong draw fewer before the last.
                let n = draws as f64;
                log += ((n - r) / (n - 1.0) * (alpha + beta + n - 1.0) / (beta + n - r - 1.0)).ln();
            }
        }
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = logs.iter().map(|log| (log - top).exp()).sum();
        let mut sum = 0.0;
        let mut cumulative: Vec<f64> = logs
            .iter()
            .map(|log| {
                sum += (log - top).exp();
                (zero + (1.0 - zero) * sum / total).min(1.0)
            })
            .collect();
        if let Some(last) = cumulative.last_mut() {
            *last = 1.0;
        }
        cumulative
    }

    /// P(outcome < this one) and P(outcome ≤ this one), without a table.
    ///
    /// P(outcome ≤ this) is that of at most c successes in n_max draws, or, after a stop at draw N,
    /// of at most stop − 1 in N − 1 draws. Summed where c is small; else the beta-binomial is the
    /// Beta distribution of c/n up to O(1/n), and these n are in the millions.
    fn step(self, prior: &Prior, outcomes: Outcomes) -> [f64; 2] {
        let (n, c) = (outcomes.n(), outcomes.c());
        let at_most = |n: u64, c: u64| prior.zero + (1.0 - prior.zero) * at_most(prior, n, c);
        if c >= self.stop {
            [at_most(n, c - 1), at_most(n - 1, c - 1)]
        } else if c == 0 {
            [0.0, at_most(n, 0)]
        } else {
            [at_most(n, c - 1), at_most(n, c)]
        }
    }
}

/// P(at most c successes in n draws) under the prior's Beta part.
fn at_most(prior: &Prior, n: u64, c: u64) -> f64 {
    const SUMMED: u64 = 4096;
    let Prior { alpha, beta, .. } = *prior;
    if c >= n {
        return 1.0;
    }
    if c > SUMMED {
        return beta_tails(alpha, beta, (c as f64 + 0.5) / n as f64).lower;
    }
    let base = ln_beta(alpha, beta);
    let mut ln_choose = 0.0;
    let mut sum = 0.0;
    for j in 0..=c {
        let (done, wrong) = (j as f64, (n - j) as f64);
        sum += (ln_choose + ln_beta(alpha + done, beta + wrong) - base).exp();
        ln_choose += (wrong / (done + 1.0)).ln();
    }
    sum.min(1.0)
}

/// Adds the non-randomised transform of an outcome with P(< it) and P(≤ it) = `low`, `high`: its
/// problems are spread evenly between the two (Czado, Gneiting and Held 2009, eq. 2).
fn spread(histogram: &mut [f64], [low, high]: [f64; 2], problems: f64) {
    // An outcome of no probability is a step: all of it in the bin where the step is.
    let width = (high - low).max(1e-300);
    let below = |edge: f64| ((edge - low) / width).clamp(0.0, 1.0);
    for (bin, count) in histogram.iter_mut().enumerate() {
        let right = if bin + 1 == BINS { 1.0 } else { below((bin + 1) as f64 / BINS as f64) };
        let left = if bin == 0 { 0.0 } else { below(bin as f64 / BINS as f64) };
        *count += problems * (right - left);
    }
}

/// The problems of one design: how many have each outcome, in order of rank.
type Ranked = BTreeMap<Design, BTreeMap<u64, f64>>;

fn ranked(outcomes: impl Iterator<Item = Outcomes>) -> Ranked {
    let mut ranked = Ranked::new();
    for outcomes in outcomes {
        let design = Design::of(outcomes);
        *ranked.entry(design).or_default().entry(design.rank(outcomes)).or_default() += 1.0;
    }
    ranked
}

fn histogram(prior: &Prior, ranked: &Ranked) -> Vec<f64> {
    let mut histogram = vec![0.0; BINS];
    for (design, ranks) in ranked {
        let cumulative = design.distribution(prior);
        for (&rank, &problems) in ranks {
            let high = cumulative[rank as usize];
            let low = if rank == 0 { 0.0 } else { cumulative[rank as usize - 1] };
            spread(&mut histogram, [low, high], problems);
        }
    }
    histogram
}

/// Pearson's distance of a histogram from flat.
fn distance(histogram: &[f64]) -> f64 {
    let flat = histogram.iter().sum::<f64>() / BINS as f64;
    histogram.iter().map(|count| (count - flat).powi(2) / flat).sum()
}

/// Data from the prior under the same designs.
fn simulated(ranked: &Ranked, tables: &[Vec<f64>], rng: &mut impl Rng) -> Ranked {
    let draw = |((design, ranks), table): ((&Design, &BTreeMap<u64, f64>), &Vec<f64>)| {
        let problems: f64 = ranks.values().sum();
        let mut drawn: BTreeMap<u64, f64> = BTreeMap::new();
        for _ in 0..problems as u64 {
            let u: f64 = rng.random();
            *drawn.entry(table.partition_point(|&p| p <= u) as u64).or_default() += 1.0;
        }
        (*design, drawn)
    };
    ranked.iter().zip(tables).map(draw).collect()
}

/// The counts of ranked outcomes with their weights.
fn counted(ranked: &Ranked) -> (DistinctCounts, Vec<f64>) {
    let mut weights: BTreeMap<(u64, u64), f64> = BTreeMap::new();
    for (design, ranks) in ranked {
        for (&rank, problems) in ranks {
            *weights.entry(design.at(rank)).or_default() += problems;
        }
    }
    let (pairs, weights) = weights.into_iter().unzip();
    (DistinctCounts { pairs, of: Vec::new() }, weights)
}

/// What the check of a fit says.
pub(crate) struct Check {
    /// Histogram of the transform, in problems.
    pub(crate) pit: Vec<f64>,
    /// Probability of a histogram as far from flat, were the fit true.
    pub(crate) p_value: f64,
}

/// Checks a fit against the outcomes that it was fitted to.
///
/// The p-value is that of a parametric bootstrap: data of the same designs are simulated from the
/// fit and fitted again, because a histogram is flatter for the prior that was chosen by its data;
/// (1 + as far or farther)/(1 + simulations). `counter` keeps the streams of two models apart.
pub(crate) fn check(
    fit: &FittedPrior,
    outcomes: impl Iterator<Item = Outcomes> + Clone,
    seed: u64,
    counter: u64,
) -> Check {
    let ranked = ranked(outcomes.clone());
    let size: u64 = ranked.keys().map(|design| design.n_max + 1).sum();
    if size > MAX_TABULATED {
        let mut pit = vec![0.0; BINS];
        for outcomes in outcomes {
            spread(&mut pit, Design::of(outcomes).step(&fit.prior, outcomes), 1.0);
        }
        // Without its reference distribution the distance says nothing: no evidence of a misfit.
        return Check { pit, p_value: 1.0 };
    }
    let pit = histogram(&fit.prior, &ranked);
    let tables: Vec<Vec<f64>> = ranked.keys().map(|d| d.distribution(&fit.prior)).collect();
    let simulations = SIMULATIONS.min(MAX_SIMULATED / size);
    // Less a part in 10⁹: equal histograms are as far, whatever the order of their sums.
    let observed = distance(&pit) * (1.0 - 1e-9) - 1e-9;
    let farther = (0..simulations)
        .into_par_iter()
        .filter(|&simulation| {
            let mut rng = rng(seed, "probe/prior-check", &[counter, simulation]);
            let data = simulated(&ranked, &tables, &mut rng);
            let (counts, weights) = counted(&data);
            let again = fit.again(&counts, &weights);
            distance(&histogram(&again.prior, &data)) >= observed
        })
        .count();
    Check { pit, p_value: (1 + farther) as f64 / (1 + simulations) as f64 }
}

#[cfg(test)]
#[path = "../../tests/unit/solvable/prior_check.rs"]
mod tests;
