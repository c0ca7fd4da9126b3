//! Advantages and targets from a value function (Schulman et al. 2016, arXiv 1506.02438), and how
//! good the values are.
//!
//! A completion of T tokens has T values, V_t the expected return before token t is drawn, and T
//! rewards, r_t what is paid when token t is drawn. After the last token nothing follows: V_T = 0,
//! for a truncated completion too.

use crate::AlgoError;
use crate::error::check_length;

/// Â_t = Σ_l (γλ)^l δ_{t+l} with δ_t = r_t + γ V_{t+1} − V_t.
///
/// With λ = 1 it is the discounted return less V_t (Monte Carlo); with λ = 0 it is δ_t.
///
/// # Errors
/// The lists differ in length.
pub fn gae(
    rewards: &[f64],
    values: &[f64],
    gamma: f64,
    lambda: f64,
) -> Result<Vec<f64>, AlgoError> {
    check_length("values", values.len(), rewards.len(), "token")?;
    let mut advantages = vec![0.0; rewards.len()];
    let (mut next_value, mut next) = (0.0, 0.0);
    for t in (0..rewards.len()).rev() {
        let delta = rewards[t] + gamma * next_value - values[t];
        next = delta + gamma * lambda * next;
        next_value = values[t];
        advantages[t] = next;
    }
    Ok(advantages)
}

/// λ of a completion of `length` tokens: 1 − 1/(α · length) (VAPO, arXiv 2504.05118, eq. 6), at
/// least 0.
pub fn length_adaptive_lambda(alpha: f64, length: usize) -> f64 {
    (1.0 - 1.0 / (alpha * length.max(1) as f64)).max(0.0)
}

/// Half the squared error of a value, the larger of itself and of the value clipped to within
/// `clip` of the old one (Schulman et al. 2017); `clip` 0 for no clipping. The second is whether
/// the clipped one was larger, in which case the value has no gradient unless it is inside.
pub fn value_loss(value: f64, old: f64, target: f64, clip: f64) -> (f64, bool) {
    let plain = (value - target).powi(2);
    if clip <= 0.0 {
        return (0.5 * plain, false);
    }
    let clipped = (value.clamp(old - clip, old + clip) - target).powi(2);
    if clipped > plain { (0.5 * clipped, true) } else { (0.5 * plain, false) }
}

/// 1 − Var(target − value) / Var(target): 1 for values that predict all, 0 for those that predict
/// no more than a constant; `None` where targets do not vary.
pub fn explained_variance(values: &[f32], targets: &[f32]) -> Option<f64> {
    let pairs = values.iter().zip(targets);
    let errors: Vec<f64> = pairs.map(|(&v, &t)| f64::from(t) - f64::from(v)).collect();
    let variance = |values: &[f64]| {
        let n = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / n;
        values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n
    };
    let of_targets = variance(&targets.iter().copied().map(f64::from).collect::<Vec<_>>());
    (of_targets > 0.0).then(|| 1.0 - variance(&errors) / of_targets)
}

/// How far values are from what was met where they were given: tokens in `bins` of equally many by
/// value, mean over tokens of |mean value − mean target| of their bin.
pub fn calibration_error(values: &[f32], targets: &[f32], bins: usize) -> f64 {
    let n = values.len().min(targets.len());
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]).then(a.cmp(&b)));
    let of_bin = |members: &[usize]| -> f64 {
        let gaps = members.iter().map(|&i| f64::from(values[i]) - f64::from(targets[i]));
        gaps.sum::<f64>().abs()
    };
    let size = n.div_ceil(bins.max(1)).max(1);
    order.chunks(size).map(of_bin).sum::<f64>() / n.max(1) as f64
}

#[cfg(test)]
#[path = "../tests/unit/gae.rs"]
mod tests;
