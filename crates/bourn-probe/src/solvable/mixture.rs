//! Success probabilities of any distribution: what they may be where no shape can be assumed.

use rand::Rng;

use crate::solvable::prior::DistinctCounts;

/// Distance between neighbouring rates, in logits.
const STEP: f64 = 0.2;
/// Steps of EM. They end before the likelihood's maximum, which is a few points that no
/// problem need lie near: short of it the masses stay smooth (Laird 1978).
const STEPS: usize = 100;

/// Posterior distributions of rates on a grid, under a prior fitted by maximum likelihood without
/// a shape (Kiefer and Wolfowitz 1956; EM as in Laird 1978).
pub(crate) struct Mixture {
    /// The grid: 0, then evenly spaced in logits.
    rates: Vec<f64>,
    /// Of each distinct pair of counts, the posterior masses of the rates up to each.
    cumulative: Vec<Vec<f64>>,
}

impl Mixture {
    /// Fits the prior and takes every distinct pair's posterior. `n_max`, the most draws of one
    /// run, says how near 0 and 1 a rate can be told from them.
    pub(crate) fn new(counts: &DistinctCounts, n_max: u64) -> Self {
        let rates = grid(n_max);
        let likelihoods: Vec<Vec<f64>> =
            counts.pairs.iter().map(|&(n, c)| likelihood(&rates, n, c)).collect();
        let prior = fit(&likelihoods, &counts.weights(), rates.len());
        let cumulative = likelihoods.into_iter().map(|row| cumulate(row, &prior)).collect();
        Self { rates, cumulative }
    }

    /// A rate from the posterior of the distinct pair at `place`.
    pub(crate) fn draw(&self, place: usize, rng: &mut impl Rng) -> f64 {
        let cumulative = &self.cumulative[place];
        let last = cumulative.len() - 1;
        let reached = rng.random::<f64>() * cumulative[last];
        self.rates[cumulative.partition_point(|&mass| mass <= reached).min(last)]
    }
}

/// 0, and rates from a quarter of a success in `n_max` draws to a quarter of a failure.
fn grid(n_max: u64) -> Vec<f64> {
    let least = 0.25 / n_max.max(1) as f64;
    let end = -(least / (1.0 - least)).ln();
    let cells = (2.0 * end / STEP).ceil();
    let rate = |i: usize| 1.0 / (1.0 + (end - 2.0 * end * i as f64 / cells).exp());
    std::iter::once(0.0).chain((0..=cells as usize).map(rate)).collect()
}

/// pᶜ (1 − p)ⁿ⁻ᶜ at each rate, as shares of the largest.
fn likelihood(rates: &[f64], n: u64, c: u64) -> Vec<f64> {
    let (right, wrong) = (c as f64, (n - c) as f64);
    let logs = rates.iter().map(|&rate| {
        let solved = if c == 0 { 0.0 } else { right * rate.ln() };
        solved + wrong * (-rate).ln_1p()
    });
    let most = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    logs.map(|log| (log - most).exp()).collect()
}

/// The masses that EM reaches from equal ones.
fn fit(likelihoods: &[Vec<f64>], weights: &[f64], rates: usize) -> Vec<f64> {
    let problems: f64 = weights.iter().sum();
    let mut masses = vec![1.0 / rates as f64; rates];
    for _ in 0..STEPS {
        let mut next = vec![0.0; rates];
        for (row, weight) in likelihoods.iter().zip(weights) {
            let marginal: f64 = row.iter().zip(&masses).map(|(l, mass)| l * mass).sum();
            let scale = weight / (marginal * problems);
            for ((next, l), mass) in next.iter_mut().zip(row).zip(&masses) {
                *next += scale * l * mass;
            }
        }
        masses = next;
    }
    masses
}

fn cumulate(mut row: Vec<f64>, prior: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    for (cell, mass) in row.iter_mut().zip(prior) {
        sum += *cell * mass;
        *cell = sum;
    }
    row
}

#[cfg(test)]
#[path = "../../tests/unit/solvable/mixture.rs"]
mod tests;
