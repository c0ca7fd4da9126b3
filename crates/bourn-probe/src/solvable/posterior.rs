//! What is known of one problem's success probability.

use crate::Estimate;
use crate::figures::SolvableState;
use crate::solvable::prior::Prior;
use crate::statistics::special::{beta_quantile, beta_tails};

/// A success probability: 0 with probability `zero`, else Beta(`a`, `b`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Posterior {
    /// Probability that it is exactly 0.
    pub(crate) zero: f64,
    /// First shape.
    pub(crate) a: f64,
    /// Second shape.
    pub(crate) b: f64,
}

impl Posterior {
    /// After `c` correct of `n` draws, however they ended. One success rules 0 out.
    pub(crate) fn new(prior: &Prior, n: u64, c: u64) -> Self {
        let zero = if c > 0 {
            0.0
        } else {
            let beta = (1.0 - prior.zero) * prior.ln_kernel(n, 0).min(0.0).exp();
            prior.zero / (prior.zero + beta)
        };
        Self { zero, a: prior.alpha + c as f64, b: prior.beta + (n - c) as f64 }
    }

    /// Probability that it is at least `rate`, which is above 0.
    pub(crate) fn at_least(&self, rate: f64) -> f64 {
        (1.0 - self.zero) * beta_tails(self.a, self.b, rate).upper
    }

    /// Its mean.
    pub(crate) fn mean(&self) -> f64 {
        (1.0 - self.zero) * self.a / (self.a + self.b)
    }

    /// Its quantile at `q`.
    pub(crate) fn quantile(&self, q: f64) -> f64 {
        if q <= self.zero {
            0.0
        } else {
            beta_quantile(self.a, self.b, (q - self.zero) / (1.0 - self.zero))
        }
    }

    /// Its mean with the central interval. The mean of a skewed distribution can lie outside.
    pub(crate) fn estimate(&self, confidence: f64) -> Estimate {
        let tail = (1.0 - confidence) / 2.0;
        Estimate {
            value: self.mean(),
            ci_low: self.quantile(tail),
            ci_high: self.quantile(1.0 - tail),
        }
    }
}

/// The state that a probability of being solvable amounts to.
pub(crate) fn state(solvable: f64, level: f64) -> SolvableState {
    if solvable >= level {
        SolvableState::Solvable
    } else if solvable <= 1.0 - level {
        SolvableState::NotDetected
    } else {
        SolvableState::Undetermined
    }
}

#[cfg(test)]
#[path = "../../tests/unit/solvable/posterior.rs"]
mod tests;
