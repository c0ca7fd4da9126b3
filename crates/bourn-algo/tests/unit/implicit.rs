use proptest::prelude::*;

use super::*;
use crate::{Groups, RewardBaseline, ScaleRewards, advantages};

#[test]
fn worked_by_hand() {
    let rewards = implicit_rewards(&[-1.0, -0.5], &[-2.0, -0.25], 0.5).unwrap();
    assert_eq!(rewards, [0.5, -0.125]);
    assert!(implicit_rewards(&[0.0], &[], 1.0).is_err());

    // σ(ln 3) = ¾.
    let (loss, slope) = implicit_loss(3f64.ln(), true);
    assert!((loss - (4.0f64 / 3.0).ln()).abs() < 1e-15 && (slope + 0.25).abs() < 1e-15);
    let (loss, slope) = implicit_loss(3f64.ln(), false);
    assert!((loss - 4f64.ln()).abs() < 1e-15 && (slope - 0.75).abs() < 1e-15);
    // Far out nothing overflows.
    assert_eq!(implicit_loss(-1e4, true), (1e4, -1.0));
    assert_eq!(implicit_loss(-1e4, false), (0.0, 0.0));

    // Means are 1, 2 and 0, so that the baselines are 1, ½ and 3/2.
    let group: [&[f64]; 3] = [&[0.0, 2.0], &[2.0], &[0.5, -0.5, 0.0]];
    let got = implicit_advantages(&group).unwrap();
    assert_eq!(got, [vec![0.0, 1.0], vec![1.5], vec![-4.5, -3.5, -1.5]]);
    assert_eq!(implicit_advantages(&group[..1]), Err(AlgoError::NoOthers));
}

proptest! {
    #[test]
    fn the_slope_is_the_difference_quotient(sum in -8.0f64..8.0, correct: bool) {
        let (up, down) = (implicit_loss(sum + 1e-5, correct).0, implicit_loss(sum - 1e-5, correct).0);
        // The third derivative is below 0.1, and 1e-16 · 8 is divided by 2e-5.
        prop_assert!(((up - down) / 2e-5 - implicit_loss(sum, correct).1).abs() < 1e-9);
    }

    /// The two losses are −log of probabilities that sum to 1.
    #[test]
    fn right_and_wrong_exhaust_the_probability(sum in -20.0f64..20.0) {
        let [right, wrong] = [true, false].map(|correct| (-implicit_loss(sum, correct).0).exp());
        prop_assert!((right + wrong - 1.0).abs() < 1e-12);
    }

    /// Where φ is its reference nothing is paid; and token rewards sum to β × the log-ratio.
    #[test]
    fn rewards_are_the_log_ratio(
        own in prop::collection::vec(-9.0f32..0.0, 1..9), by in -1.0f32..1.0,
    ) {
        prop_assert!(implicit_rewards(&own, &own, 0.3).unwrap().iter().all(|&r| r == 0.0));
        let of: Vec<f32> = own.iter().map(|own| own + by).collect();
        let sum: f64 = implicit_rewards(&own, &of, 0.3).unwrap().iter().sum();
        let whole = |all: &[f32]| all.iter().map(|&l| f64::from(l)).sum::<f64>();
        prop_assert!((sum - 0.3 * (whole(&own) - whole(&of))).abs() < 1e-12);
    }

    /// Completions of one token: RLOO of their rewards. And a constant on every token's reward
    /// changes no advantage.
    #[test]
    fn one_token_is_rloo_and_constants_cancel(
        rewards in prop::collection::vec(-3.0f32..3.0, 2..8), by in -2.0f64..2.0,
    ) {
        let wide: Vec<f64> = rewards.iter().map(|&r| f64::from(r)).collect();
        let group: Vec<&[f64]> = wide.chunks(1).collect();
        let got = implicit_advantages(&group).unwrap();
        let rloo =
            advantages(&rewards, &Groups::whole(rewards.len()), RewardBaseline::LeaveOneOut, ScaleRewards::None).unwrap();
        for (got, rloo) in got.iter().zip(rloo) {
            // RLOO's was rounded to f32, of numbers up to 6.
            prop_assert!((got[0] - f64::from(rloo)).abs() < 1e-6);
        }
        let shifted: Vec<Vec<f64>> = (0..3)
            .map(|i| (0..=i).map(|t| wide[t % wide.len()] + by).collect()).collect();
        let plain: Vec<Vec<f64>> =
            shifted.iter().map(|own| own.iter().map(|r| r - by).collect()).collect();
        let of = |all: &[Vec<f64>]| {
            implicit_advantages(&all.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap()
        };
        for (a, b) in of(&shifted).concat().into_iter().zip(of(&plain).concat()) {
            prop_assert!((a - b).abs() < 1e-12);
        }
    }
}
