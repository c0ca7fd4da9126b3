//! Rewards that make a policy gradient the gradient of pass@k (PKPO: Walder and Karkhanis 2025,
//! arXiv 2505.15201), for rewards of any value: the expected largest of k.
//!
//! With n completions of a problem, their rewards g, and subsets I of k of them,
//!
//! ```text
//! ρ = Σ_I max_I g / C(n, k)                            estimates E[max of k]       (eq. 12)
//! s_i = Σ_{I ∋ i} max_I g / C(n, k)                    Σ_i s_i ∇log π(y_i) is unbiased for ∇ρ
//! ```
//!
//! A baseline that does not depend on completion i leaves it unbiased: the mean of what the others'
//! s would be without i (eq. 29), or, subset by subset, the largest of I without i (eq. 33, the
//! lowest variance of the paper).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::group::check_rewards;
use crate::{AlgoError, Groups};

/// What is subtracted from s: `LeaveOneOut` is k ρ₋ᵢ(n − 1, k) / (n − 1), the mean of the others' s,
/// computed without i, and needs k < n; `LeaveOneOutMinusOne` is (k/n) ρ₋ᵢ(n − 1, k − 1), each
/// subset's largest reward without i, and with k = 1, where no subset has one, the others' mean (RLOO).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PassAtKBaseline {
    /// Nothing.
    None,
    /// The mean of what the others' rewards would be without this one.
    LeaveOneOut,
    /// The best of each subset without this one.
    LeaveOneOutMinusOne,
}

/// n · (s − baseline) of every completion, group after group: the advantages whose *mean* over
/// completions is the estimate of the gradient. With k = 1 and no baseline they are the rewards.
///
/// # Errors
/// Rewards that [`crate::group_advantages`] refuses; k of 0 or above what the baseline allows.
pub fn pass_at_k_advantages(
    rewards: &[f32],
    groups: &Groups,
    k: usize,
    baseline: PassAtKBaseline,
) -> Result<Vec<f32>, AlgoError> {
    check_rewards(rewards, groups)?;
    for group in groups.ranges().map(|range| range.len()) {
        let most = if baseline == PassAtKBaseline::LeaveOneOut { group - 1 } else { group };
        if k == 0 || k > most {
            return Err(AlgoError::PassAtK { k, group });
        }
    }
    let largest = groups.ranges().map(|range| range.len()).max().unwrap_or(0);
    let choose = Choose::new(largest);
    let of_group = |own: &[f32]| {
        let own: Vec<f64> = own.iter().copied().map(f64::from).collect();
        let transformed = transformed(&own, k, &choose);
        (0..own.len())
            .map(|i| {
                let without = |k| {
                    let others = own.iter().enumerate().filter(|&(j, _)| j != i);
                    expected_max(&others.map(|(_, &g)| g).collect::<Vec<_>>(), k, &choose)
                };
                let (k_, n) = (k as f64, own.len() as f64);
                let baseline = match baseline {
                    PassAtKBaseline::None => 0.0,
                    PassAtKBaseline::LeaveOneOut => n * k_ / (n - 1.0) * without(k),
                    PassAtKBaseline::LeaveOneOutMinusOne if k == 1 && own.len() > 1 => without(1),
                    PassAtKBaseline::LeaveOneOutMinusOne => k_ * without(k - 1),
                };
                (n * transformed[i] - baseline) as f32
            })
            .collect::<Vec<_>>()
    };
    Ok(groups.slices(rewards).flat_map(of_group).collect())
}

/// ρ: the mean over subsets of k of their largest reward; 0 for subsets of none.
fn expected_max(rewards: &[f64], k: usize, choose: &Choose) -> f64 {
    if k == 0 {
        return 0.0;
    }
    let mut sorted = rewards.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    // The largest of C(j, k − 1) subsets, having j rewards below it.
    let terms = sorted.iter().enumerate().skip(k - 1);
    terms.map(|(j, g)| g * choose.ratio((j, k - 1), (n, k))).sum()
}

/// s of every completion.
fn transformed(rewards: &[f64], k: usize, choose: &Choose) -> Vec<f64> {
    let n = rewards.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| rewards[a].total_cmp(&rewards[b]));
    let mut transformed = vec![0.0; n];
    // Of the subsets that hold the reward at this place of the order, those in which a later one
    // is the largest; from the last place down.
    let mut larger = 0.0;
    for (place, &i) in order.iter().enumerate().rev() {
        let largest = rewards[i] * choose.ratio((place, k - 1), (n, k));
        transformed[i] = largest + larger;
        if k >= 2 && place >= 1 {
            // Largest of a subset that also holds some one of the places below.
            larger += rewards[i] * choose.ratio((place - 1, k - 2), (n, k));
        }
    }
    transformed
}

/// Binomial coefficients up to some n, as logarithms: they overflow long before their ratios do.
struct Choose {
    ln_factorial: Vec<f64>,
}

impl Choose {
    fn new(n: usize) -> Choose {
        let mut ln_factorial = vec![0.0];
        for i in 1..=n {
            ln_factorial.push(ln_factorial[i - 1] + (i as f64).ln());
        }
        Choose { ln_factorial }
    }

    /// C(a) / C(b); 0 where nothing can be chosen so.
    fn ratio(&self, a: (usize, usize), b: (usize, usize)) -> f64 {
        let ln = |(n, k): (usize, usize)| {
            self.ln_factorial[n] - self.ln_factorial[k] - self.ln_factorial[n - k]
        };
        if a.1 > a.0 { 0.0 } else { (ln(a) - ln(b)).exp() }
    }
}

#[cfg(test)]
#[path = "../tests/unit/pass_at_k.rs"]
mod tests;
