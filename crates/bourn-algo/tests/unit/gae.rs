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
