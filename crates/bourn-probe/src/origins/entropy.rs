//! Entropy of final answers, and quantiles of token entropies.

use std::collections::BTreeMap;

use crate::Draw;
use crate::figures::EntropyQuantile;

/// The shares of tokens at which quantiles are taken. The fifth of highest entropy are "forking
/// tokens" (Wang et al. 2025, arXiv 2506.01939).
const SHARES: [f64; 5] = [0.5, 0.8, 0.9, 0.95, 0.99];

/// Steps of a nat: ledgers keep token entropies to three decimals.
const STEPS: f64 = 1000.0;

/// The entropy in nats of the distribution of final answers, from independent draws; all draws
/// without an answer count as one answer.
pub(super) fn answer_entropy(draws: &[Draw]) -> f64 {
    let mut counts: BTreeMap<Option<&str>, u64> = BTreeMap::new();
    for draw in draws {
        *counts.entry(draw.answer.as_deref()).or_insert(0) += 1;
    }
    entropy(&counts.into_values().collect::<Vec<_>>())
}

/// The entropy in nats of a distribution of which each class was drawn so many times, at least
/// once: the estimator of Chao, Wang and Jost (2013, Methods in Ecology and Evolution 4, eq. 7).
///
/// The plug-in Σ −(c/n) ln(c/n) is biased low by about (classes − 1)/(2n), and by more where classes
/// are left to see. This one is without bias for the first n − 1 terms of the entropy's series
/// Σₖ Σᵢ pᵢ(1−pᵢ)ᵏ/k ([`seen`]), and estimates the rest from how many classes were drawn once and
/// twice ([`unseen`]). Miller and Madow's (classes seen − 1)/(2n) knows of no unseen class.
pub(super) fn entropy(counts: &[u64]) -> f64 {
    seen(counts) + unseen(counts)
}

/// Σᵢ cᵢ/n Σ 1/k over k from cᵢ to n − 1: an unbiased estimate of Σ 1/k Σᵢ pᵢ(1−pᵢ)ᵏ over k from 1
/// to n − 1 (Zhang 2012, Neural Computation 24).
fn seen(counts: &[u64]) -> f64 {
    let n: u64 = counts.iter().sum();
    let mut counts = counts.to_vec();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    // Σ 1/k over k from c to n − 1, carried from the largest c down: O(n) in all.
    let (mut harmonic, mut from, mut sum) = (0.0, n, 0.0);
    for c in counts {
        while from > c {
            from -= 1;
            harmonic += 1.0 / from as f64;
        }
        sum += c as f64 / n as f64 * harmonic;
    }
    sum
}

/// What the terms from k = n on are, if the classes that were not seen are as frequent as the ones
/// seen once: (f₁/n) Σ (1−A)^(k−n+1)/k over k ≥ n, with A the mean probability of a class seen once,
/// estimated by Good and Turing from f₁ and f₂, the numbers of classes drawn once and twice.
fn unseen(counts: &[u64]) -> f64 {
    let n = counts.iter().sum::<u64>() as f64;
    let drawn = |times| counts.iter().filter(|&&c| c == times).count() as f64;
    let (once, twice) = (drawn(1), drawn(2));
    let a = match (once > 0.0, twice > 0.0) {
        (false, _) => return 0.0,
        (true, true) => 2.0 * twice / ((n - 1.0) * once + 2.0 * twice),
        (true, false) => 2.0 / ((n - 1.0) * (once - 1.0) + 2.0),
    };
    once / n * tail(a, n)
}

/// Σ (1−a)^(k−n+1)/k over k ≥ n, for 0 < a ≤ 1.
fn tail(a: f64, n: f64) -> f64 {
    let q = 1.0 - a;
    let at_n = q.powf(n - 1.0);
    // The whole series is −ln a; less its first n − 1 terms and divided by (1−a)^(n−1), it is the
    // tail. Where that factor is small, little would be left of the difference, but then the tail
    // itself is soon at its end.
    if at_n > 1e-3 {
        let (mut power, mut first) = (1.0, 0.0);
        let mut k = 1.0;
        while k < n {
            power *= q;
            first += power / k;
            k += 1.0;
        }
        return (-a.ln() - first) / at_n;
    }
    let (mut power, mut sum, mut k) = (q, 0.0, n);
    while power > 1e-18 {
        sum += power / k;
        power *= q;
        k += 1.0;
    }
    sum
}

/// Quantiles of the token entropies of both models, each token of each draw counting once; none
/// where one of them drew no token.
pub(super) fn token_quantiles<'a>(
    base: impl Iterator<Item = &'a Draw>,
    policy: impl Iterator<Item = &'a Draw>,
) -> Vec<EntropyQuantile> {
    let (base, policy) = (Histogram::of(base), Histogram::of(policy));
    let quantile = |q| {
        let (base, policy) = (base.quantile(q)?, policy.quantile(q)?);
        Some(EntropyQuantile { q, base, policy })
    };
    SHARES.into_iter().filter_map(quantile).collect()
}

/// How many tokens have which entropy, in thousandths of a nat: as exact as what is kept of them,
/// in memory that does not grow with the draws.
#[derive(Default)]
struct Histogram {
    tokens: Vec<u64>,
}

impl Histogram {
    fn of<'a>(draws: impl Iterator<Item = &'a Draw>) -> Self {
        let mut histogram = Self::default();
        for entropy in draws.flat_map(|draw| &draw.entropies) {
            // Not negative, and at most the logarithm of a vocabulary: casts saturate at worst.
            let step = (f64::from(*entropy) * STEPS).round() as usize;
            if step >= histogram.tokens.len() {
                histogram.tokens.resize(step + 1, 0);
            }
            histogram.tokens[step] += 1;
        }
        histogram
    }

    /// The smallest value that at least a share `q` of the tokens do not exceed.
    fn quantile(&self, q: f64) -> Option<f64> {
        let total: u64 = self.tokens.iter().sum();
        // Less a part in 10⁹, so that 0.9 of ten tokens in binary are nine.
        let wanted = (q * total as f64 * (1.0 - 1e-9)).ceil();
        let mut before = 0;
        let reaches = |&tokens: &u64| {
            before += tokens;
            tokens > 0 && before as f64 >= wanted
        };
        Some(self.tokens.iter().position(reaches)? as f64 / STEPS)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/origins/entropy.rs"]
mod tests;
