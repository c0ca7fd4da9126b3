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
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn worked_by_hand() {
        // δ = 0 + ½·½ − 1 = −¾, then 0 + ½·2 − ½ = ½, then 4 − 2 = 2; γλ = ¼.
        let advantages = gae(&[0.0, 0.0, 4.0], &[1.0, 0.5, 2.0], 0.5, 0.5).unwrap();
        assert_eq!(advantages, [-0.75 + 0.25 * 1.0, 0.5 + 0.25 * 2.0, 2.0]);
        assert!(gae(&[0.0], &[], 1.0, 1.0).is_err());
        assert_eq!(length_adaptive_lambda(0.05, 100), 0.8);
        assert_eq!(length_adaptive_lambda(0.05, 10), 0.0);
        // Error 2 and, held at 1.5, error 1.5: the larger counts.
        assert_eq!(value_loss(2.0, 1.0, 0.0, 0.5), (2.0, false));
        assert_eq!(value_loss(0.0, 1.0, 0.0, 0.5), (0.125, true));
        assert_eq!(value_loss(0.0, 1.0, 0.0, 0.0), (0.0, false));
        assert_eq!(explained_variance(&[0.0, 1.0], &[0.0, 1.0]), Some(1.0));
        assert_eq!(explained_variance(&[0.5, 0.5], &[0.0, 1.0]), Some(0.0));
        // A constant offset explains all the same; what it costs is calibration.
        assert_eq!(explained_variance(&[1.0, 2.0], &[0.0, 1.0]), Some(1.0));
        assert_eq!(calibration_error(&[1.0, 2.0], &[0.0, 1.0], 2), 1.0);
        assert_eq!(calibration_error(&[0.5, 0.5], &[0.0, 1.0], 1), 0.0);
        assert_eq!(explained_variance(&[1.0], &[1.0]), None);
        assert_eq!(calibration_error(&[], &[], 10), 0.0);
    }

    proptest! {
        /// λ = 1, γ = 1 is Monte Carlo: the sum of what is still to be paid, less the value.
        #[test]
        fn at_lambda_1_it_is_monte_carlo(
            steps in prop::collection::vec((-2.0f64..2.0, -2.0f64..2.0), 1..20),
        ) {
            let (rewards, values): (Vec<f64>, Vec<f64>) = steps.into_iter().unzip();
            let got = gae(&rewards, &values, 1.0, 1.0).unwrap();
            for (t, got) in got.iter().enumerate() {
                let still: f64 = rewards[t..].iter().sum();
                // Twenty sums of numbers up to 40.
                prop_assert!((got - (still - values[t])).abs() < 1e-12);
            }
        }

        /// The definition as a double sum, and λ = 0 as the one-step error.
        #[test]
        fn it_is_the_definition(
            steps in prop::collection::vec((-2.0f64..2.0, -2.0f64..2.0), 1..12),
            gamma in 0.0f64..1.0, lambda in 0.0f64..1.0,
        ) {
            let (rewards, values): (Vec<f64>, Vec<f64>) = steps.into_iter().unzip();
            let n = rewards.len();
            let delta = |t: usize| {
                rewards[t] + gamma * values.get(t + 1).copied().unwrap_or(0.0) - values[t]
            };
            let got = gae(&rewards, &values, gamma, lambda).unwrap();
            let td = gae(&rewards, &values, gamma, 0.0).unwrap();
            for t in 0..n {
                let sum: f64 =
                    (t..n).map(|l| (gamma * lambda).powi((l - t) as i32) * delta(l)).sum();
                prop_assert!((got[t] - sum).abs() < 1e-12 && (td[t] - delta(t)).abs() < 1e-12);
            }
        }

        /// VAPO's λ is the one whose weights Σ λ^t sum to α · length, and 1 in the limit.
        #[test]
        fn the_adaptive_lambda_weighs_a_share_of_the_length(
            length in 1usize..3000, alpha in 0.02f64..5.0,
        ) {
            let lambda = length_adaptive_lambda(alpha, length);
            let reach = alpha * length as f64;
            prop_assert!((0.0..1.0).contains(&lambda));
            if reach >= 1.0 {
                // One division there and one back.
                prop_assert!((1.0 / (1.0 - lambda) - reach).abs() < 1e-9 * reach.powi(2));
            } else {
                prop_assert_eq!(lambda, 0.0);
            }
            prop_assert!(length_adaptive_lambda(1e12, length) > 1.0 - 1e-11);
        }

        /// A value without a clip, and one inside it, has half its squared error, whose slope is the
        /// error; a clip never makes the loss smaller.
        #[test]
        fn the_value_loss_is_at_least_half_the_square(
            value in -3.0f64..3.0, old in -3.0f64..3.0, target in -3.0f64..3.0,
            clip in 0.01f64..2.0,
        ) {
            let half = 0.5 * (value - target).powi(2);
            prop_assert_eq!(value_loss(value, old, target, 0.0).0, half);
            let (clipped, held) = value_loss(value, old, target, clip);
            prop_assert!(clipped >= half && (held == (clipped > half)));
            if (value - old).abs() < clip {
                prop_assert!((clipped - half).abs() < 1e-12);
            }
            let slope = (value_loss(value + 1e-5, old, target, 0.0).0
                - value_loss(value - 1e-5, old, target, 0.0).0) / 2e-5;
            // A square has no third derivative: rounding of 1e-15 over 2e-5.
            prop_assert!((slope - (value - target)).abs() < 1e-9);
        }

        /// Zero values and γ = λ = 1 give every token the reward of the end: REINFORCE.
        #[test]
        fn a_zero_critic_is_reinforce(reward in -3.0f64..3.0, n in 1usize..20) {
            let mut rewards = vec![0.0; n];
            rewards[n - 1] = reward;
            prop_assert_eq!(gae(&rewards, &vec![0.0; n], 1.0, 1.0).unwrap(), vec![reward; n]);
        }
    }
}
