//! Empirical Bayes: a zero-inflated Beta prior of the problems' success probabilities.

use std::collections::BTreeMap;

use crate::Outcomes;
use crate::statistics::special::{digamma_step, ln_beta, softplus, trigamma_step};

/// A success probability is 0 with probability `zero`, else Beta(`alpha`, `beta`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prior {
    /// Probability of exactly 0, strictly between 0 and 1.
    pub(crate) zero: f64,
    /// First shape.
    pub(crate) alpha: f64,
    /// Second shape.
    pub(crate) beta: f64,
}

impl Prior {
    /// ln of B(α + c, β + n − c)/B(α, β): the mean of p^c (1 − p)^(n − c) over the Beta part.
    pub(crate) fn ln_kernel(&self, n: u64, c: u64) -> f64 {
        let (wrong, c) = ((n - c) as f64, c as f64);
        ln_beta(self.alpha + c, self.beta + wrong) - ln_beta(self.alpha, self.beta)
    }

    /// Mean pass@k: 1 less the mean of (1 − p)^k.
    pub(crate) fn pass_at_k(&self, k: u64) -> f64 {
        (1.0 - self.zero) * -self.ln_kernel(k, 0).min(0.0).exp_m1()
    }

    fn at(point: PriorPoint) -> Self {
        let [logit, ln_alpha, ln_beta] = point;
        Self { zero: (-softplus(-logit)).exp(), alpha: ln_alpha.exp(), beta: ln_beta.exp() }
    }
}

/// The distinct (n, c) among problems, and which of them each problem has: all that a likelihood
/// needs, because how the draws ended does not enter it.
#[derive(Clone, Debug)]
pub(crate) struct DistinctCounts {
    /// Distinct n and c.
    pub(crate) pairs: Vec<(u64, u64)>,
    /// Position of every problem's in `pairs`.
    pub(crate) of: Vec<usize>,
}

impl DistinctCounts {
    /// Of one model's outcomes, in the problems' order.
    pub(crate) fn of(outcomes: impl Iterator<Item = Outcomes> + Clone) -> Self {
        Self::of_pairs(outcomes.map(|o| (o.n(), o.c())))
    }

    /// Of n and c, in the problems' order.
    pub(crate) fn of_pairs(counts: impl Iterator<Item = (u64, u64)> + Clone) -> Self {
        let mut place: BTreeMap<(u64, u64), usize> = counts.clone().map(|pair| (pair, 0)).collect();
        for (next, place) in place.values_mut().enumerate() {
            *place = next;
        }
        // Every key is there: both come from the same counts.
        let of = counts.filter_map(|pair| place.get(&pair).copied()).collect();
        Self { pairs: place.into_keys().collect(), of }
    }

    /// Problems with each pair.
    pub(crate) fn weights(&self) -> Vec<f64> {
        self.weights_of(0..self.of.len())
    }

    /// Problems with each pair among these problems, which may repeat.
    pub(crate) fn weights_of(&self, problems: impl Iterator<Item = usize>) -> Vec<f64> {
        let mut weights = vec![0.0; self.pairs.len()];
        for problem in problems {
            weights[self.of[problem]] += 1.0;
        }
        weights
    }
}

/// logit of the mass at 0, ln α, ln β.
type PriorPoint = [f64; 3];

/// A prior fitted by maximum marginal likelihood.
#[derive(Clone, Debug)]
pub(crate) struct FittedPrior {
    /// The fitted prior.
    pub(crate) prior: Prior,
    /// Its log-likelihood Σ ln ∫ p^c (1 − p)^(n − c) dprior, in nats, without the penalty.
    pub(crate) log_likelihood: f64,
    /// The best local maxima, the best first: where a fit of nearly the same data starts.
    modes: Vec<PriorPoint>,
}

impl FittedPrior {
    /// Fits the prior to the counts.
    ///
    /// What is maximised is the log-likelihood plus a weak penalty, ½ ln m(1−m) + ½ ln z(1−z) +
    /// ½ ln s − ln(1 + s) with m = α/(α+β), s = α+β and z the mass at 0: each end of the mean and
    /// of the mass is as far away as half a problem's worth of evidence makes it, and no spread or
    /// lack of it is infinitely certain. Newton's method with a damped, positive definite
    /// curvature from six fixed starts; the best end counts.
    pub(crate) fn new(counts: &DistinctCounts) -> Self {
        let weights = counts.weights();
        Self::from(counts, &weights, &starts(counts, &weights))
    }

    /// Fits it to other data of the same kind (a resample, a fresh run): starts at this fit's modes.
    pub(crate) fn again(&self, counts: &DistinctCounts, weights: &[f64]) -> Self {
        Self::from(counts, weights, &self.modes)
    }

    fn from(counts: &DistinctCounts, weights: &[f64], starts: &[PriorPoint]) -> Self {
        let mut ends: Vec<(f64, PriorPoint)> =
            starts.iter().map(|&start| climb(&counts.pairs, weights, start)).collect();
        // Stable: of equal ends the first start's.
        ends.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut modes: Vec<PriorPoint> = Vec::new();
        let best = ends[0].0;
        for (value, end) in ends {
            let near = |mode: &PriorPoint| mode.iter().zip(end).all(|(a, b)| (a - b).abs() < 0.1);
            if modes.len() < MODES && value > best - IN_REACH && !modes.iter().any(near) {
                modes.push(end);
            }
        }
        let prior = Prior::at(modes[0]);
        let log_likelihood = log_likelihood(&prior, &counts.pairs, weights);
        Self { prior, log_likelihood, modes }
    }
}

/// Local maxima that are kept: the mass at 0 can stand in for a Beta near 0, and the other way.
const MODES: usize = 2;
/// Nats below the best at which another maximum may still win on a resample.
const IN_REACH: f64 = 5.0;

/// Six points from the counts' first moments: few or most of the unsolved at exactly 0, each with
/// a wide, a middling and a narrow Beta.
fn starts(counts: &DistinctCounts, weights: &[f64]) -> Vec<PriorPoint> {
    let (mut problems, mut solved, mut accuracy) = (0.0, 0.0, 0.0);
    for (&(n, c), weight) in counts.pairs.iter().zip(weights) {
        problems += weight;
        solved += if c > 0 { *weight } else { 0.0 };
        accuracy += weight * c as f64 / n as f64;
    }
    let unsolved = 1.0 - solved / problems;
    let mut points = Vec::new();
    for zero in [0.02, 0.02 + 0.9 * unsolved] {
        // The mean of those not at 0, kept inside.
        let mean = (accuracy / problems / (1.0 - zero)).clamp(1e-6, 1.0 - 1e-3);
        for spread in [0.3, 3.0, 100.0_f64] {
            let logit = (zero / (1.0 - zero)).ln();
            points.push([logit, (mean * spread).ln(), ((1.0 - mean) * spread).ln()]);
        }
    }
    points
}

fn log_likelihood(prior: &Prior, pairs: &[(u64, u64)], weights: &[f64]) -> f64 {
    let some = (-prior.zero).ln_1p();
    let term = |(&(n, c), weight): (&(u64, u64), &f64)| {
        let beta = some + prior.ln_kernel(n, c);
        let log = if c == 0 { ln_add(prior.zero.ln(), beta) } else { beta };
        if *weight > 0.0 { weight * log } else { 0.0 }
    };
    pairs.iter().zip(weights).map(term).sum()
}

/// ln(eᵃ + eᵇ).
fn ln_add(a: f64, b: f64) -> f64 {
    a.max(b) + (-(a - b).abs()).exp().ln_1p()
}

/// A value with its gradient and the upper triangle of its second derivatives: 00 01 02 11 12 22.
#[derive(Clone, Copy, Default)]
struct Local {
    value: f64,
    gradient: [f64; 3],
    second: [f64; 6],
}

const TRIANGLE: [(usize, usize); 6] = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)];

/// The penalised log-likelihood at a point.
///
/// A problem without a success is a mixture of two explanations; with t the posterior weight of the
/// Beta part, its derivatives are the t-weighted ones of both parts, and t(1−t) times the outer
/// square of the difference of their gradients on top of the second.
fn local(pairs: &[(u64, u64)], weights: &[f64], point: PriorPoint) -> Local {
    let Prior { zero, alpha, beta } = Prior::at(point);
    let (ln_zero, ln_some) = (-softplus(-point[0]), -softplus(point[0]));
    let base = ln_beta(alpha, beta);
    let sum = alpha + beta;
    let mut total = penalty(point, zero, alpha, beta);
    // Pairs are in order of n, which most problems share.
    let mut all = (0, 0.0, 0.0);
    for (&(n, c), &weight) in pairs.iter().zip(weights) {
        if weight == 0.0 {
            continue;
        }
        let wrong = n - c;
        let kernel = ln_beta(alpha + c as f64, beta + wrong as f64) - base;
        if all.0 != n {
            all = (n, digamma_step(sum, n), trigamma_step(sum, n));
        }
        let (_, once, twice) = all;
        let by_alpha = alpha * (digamma_step(alpha, c) - once);
        let by_beta = beta * (digamma_step(beta, wrong) - once);
        let second = [
            -zero * (1.0 - zero),
            0.0,
            0.0,
            alpha * alpha * (trigamma_step(alpha, c) - twice) + by_alpha,
            -alpha * beta * twice,
            beta * beta * (trigamma_step(beta, wrong) - twice) + by_beta,
        ];
        let gradient = [-zero, by_alpha, by_beta];
        let value = ln_some + kernel;
        if c > 0 {
            total.value += weight * value;
            add(&mut total.gradient, weight, &gradient);
            add(&mut total.second, weight, &second);
            continue;
        }
        let log = ln_add(ln_zero, value);
        let share = (value - log).exp();
        total.value += weight * log;
        // The other explanation: ln z, whose gradient is 1 − z in its logit.
        let apart = [-1.0, by_alpha, by_beta];
        add(&mut total.gradient, weight * share, &gradient);
        total.gradient[0] += weight * (1.0 - share) * (1.0 - zero);
        add(&mut total.second, weight * share, &second);
        total.second[0] -= weight * (1.0 - share) * zero * (1.0 - zero);
        for (cell, (row, column)) in total.second.iter_mut().zip(TRIANGLE) {
            *cell += weight * share * (1.0 - share) * apart[row] * apart[column];
        }
    }
    total
}

/// The penalty of [`FittedPrior::new`], which is concave in each of its three coordinates.
fn penalty([logit, ln_alpha, ln_beta]: PriorPoint, zero: f64, alpha: f64, beta: f64) -> Local {
    let sum = alpha + beta;
    let (m, w) = (alpha / sum, beta / sum);
    // ½ ln m + ½ ln w + ½ ln s − ln(1 + s) = ½ ln α + ½ ln β − ½ ln s − ln(1 + s).
    let rest = -0.5 - sum / (1.0 + sum);
    // The derivatives of −½ ln s − ln(1 + s) as a function of ln s, and of ln s by ln α, ln β.
    let bend = -sum / (1.0 + sum).powi(2);
    Local {
        value: -0.5 * (softplus(logit) + softplus(-logit)) + 0.5 * (ln_alpha + ln_beta)
            - 0.5 * sum.ln()
            - sum.ln_1p(),
        gradient: [0.5 - zero, 0.5 + rest * m, 0.5 + rest * w],
        second: [
            -zero * (1.0 - zero),
            0.0,
            0.0,
            bend * m * m + rest * m * w,
            bend * m * w - rest * m * w,
            bend * w * w + rest * m * w,
        ],
    }
}

fn add<const N: usize>(sum: &mut [f64; N], weight: f64, terms: &[f64; N]) {
    for (sum, term) in sum.iter_mut().zip(terms) {
        *sum += weight * term;
    }
}

/// The local maximum uphill of `point`, with its value.
fn climb(pairs: &[(u64, u64)], weights: &[f64], mut point: PriorPoint) -> (f64, PriorPoint) {
    let mut here = local(pairs, weights, point);
    let mut damping = 0.0_f64;
    // Newton's method takes 5 to 15 steps; the bound only ends what rounding keeps alive.
    for _ in 0..200 {
        let Some(mut step) = solve(&here.second, damping, here.gradient) else {
            damping = (4.0 * damping).max(1e-3);
            continue;
        };
        // In logarithms 2 is a factor of 7: farther, the quadratic knows nothing.
        let length = step.iter().map(|s| s * s).sum::<f64>().sqrt();
        if length > 2.0 {
            step = step.map(|s| s * 2.0 / length);
        }
        let gain: f64 = step.iter().zip(here.gradient).map(|(s, g)| s * g).sum();
        // Nats; the log-likelihood's own rounding is larger.
        if gain < 1e-11 * (1.0 + here.value.abs() * 1e-3) {
            break;
        }
        let next = [0, 1, 2].map(|i| (point[i] + step[i]).clamp(-40.0, 40.0));
        let there = local(pairs, weights, next);
        if there.value >= here.value + 1e-4 * gain {
            (point, here) = (next, there);
            damping = if damping < 1e-3 { 0.0 } else { damping / 8.0 };
        } else {
            damping = (4.0 * damping).max(1e-3 * (1.0 + here.second[0].abs()));
            if damping > 1e18 {
                break;
            }
        }
    }
    (here.value, point)
}

/// Solves (−second + damping·I) step = gradient by Cholesky; `None` if that is not positive
/// definite.
fn solve(second: &[f64; 6], damping: f64, gradient: [f64; 3]) -> Option<[f64; 3]> {
    let mut lower = [[0.0_f64; 3]; 3];
    for ((row, column), cell) in TRIANGLE.iter().zip(second) {
        lower[*column][*row] = -cell + if row == column { damping } else { 0.0 };
    }
    for i in 0..3 {
        for j in 0..=i {
            let done: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = lower[i][j] - done;
            if i == j {
                if rest.is_nan() || rest <= 1e-12 {
                    return None;
                }
                lower[i][i] = rest.sqrt();
            } else {
                lower[i][j] = rest / lower[j][j];
            }
        }
    }
    let mut step = gradient;
    for i in 0..3 {
        let done: f64 = (0..i).map(|k| lower[i][k] * step[k]).sum();
        step[i] = (step[i] - done) / lower[i][i];
    }
    for i in (0..3).rev() {
        let done: f64 = (i + 1..3).map(|k| lower[k][i] * step[k]).sum();
        step[i] = (step[i] - done) / lower[i][i];
    }
    Some(step)
}

#[cfg(test)]
#[path = "../../tests/unit/solvable/prior.rs"]
mod tests;
