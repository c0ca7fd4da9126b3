use proptest::prelude::*;

use super::*;

#[test]
fn overlong_penalty_worked_by_hand() {
    for (length, expect) in [(0, 0.0), (80, 0.0), (85, -0.25), (90, -0.5), (100, -1.0)] {
        assert_eq!(overlong_penalty(length, 100, 20.0), expect, "{length}");
    }
    assert_eq!(overlong_penalty(100, 100, 0.0), 0.0);
    assert_eq!(overlong_penalty(8, 8, 0.2 * 8.0), -1.0);
}

#[test]
fn unlikeliness_worked_by_hand() {
    // Likeliest first; the wrong one keeps its 0, and counts in the ranks.
    let mut rewards = [1.0, 0.0, 1.0, 1.0];
    let correct = [true, false, true, true];
    unlikeliness(&mut rewards, &correct, &[-1.0, -2.0, -3.0, -4.0], &Groups::whole(4), 0.5)
        .unwrap();
    // 1 − ½ · 4/4, 1 − ½ · 2/4, 1 − ½ · 1/4.
    assert_eq!(rewards, [0.5, 0.0, 0.75, 0.875]);
    // Two alike share ranks 0 and 1.
    let mut rewards = [1.0, 1.0];
    unlikeliness(&mut rewards, &[true; 2], &[-1.0; 2], &Groups::whole(2), 0.5).unwrap();
    assert_eq!(rewards, [0.625; 2]);
    assert!(unlikeliness(&mut rewards, &[true], &[0.0; 2], &Groups::whole(2), 0.5).is_err());
}

#[test]
fn differential_smoothing_worked_by_hand() {
    let mut rewards = [1.0, 1.0, 0.0];
    let (correct, logprobs) = ([true, true, false], [-2.0, -8.0, -4.0]);
    differential_smoothing(&mut rewards, &correct, &logprobs, 0.125, 0.25).unwrap();
    assert_eq!(rewards, [1.25, 2.0, -1.0]);
    assert!(differential_smoothing(&mut rewards, &correct, &[0.0], 0.1, 0.1).is_err());
}

#[test]
fn a_group_teaches_when_its_verdicts_differ() {
    let correct = [true, true, false, true, false, false];
    assert_eq!(
        correct.as_chunks::<2>().0.iter().map(|own| teaches(own)).collect::<Vec<_>>(),
        [false, true, false]
    );
    assert!(teaches(&correct) && !teaches(&[true]) && !teaches(&[]));
}

#[test]
fn entropy_is_pushed_up_only_below_its_target() {
    let (mut level, mut weights) = (0, Vec::new());
    for entropy in [0.5, 0.1, 0.1, 0.1, 0.5, 0.1, 0.5, 0.5, 0.5, 0.1] {
        let (weight, next) = entropy_control(entropy, 0.2, 0.25, level);
        weights.push(weight);
        level = next;
    }
    assert_eq!(weights, [0.0, 0.0, 0.25, 0.5, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0]);
}

proptest! {
    /// With β = 0 and with weights of 0 nothing changes, to the bit.
    #[test]
    fn switched_off_nothing_changes(rewards in prop::collection::vec(-3.0f32..3.0, 4)) {
        let (correct, logprobs) = ([true, false, true, true], [-1.0, -5.0, -2.0, -0.5]);
        let mut shaped = rewards.clone();
        unlikeliness(&mut shaped, &correct, &logprobs, &Groups::whole(4), 0.0).unwrap();
        differential_smoothing(&mut shaped, &correct, &logprobs, 0.0, 0.0).unwrap();
        prop_assert_eq!(shaped, rewards);
    }

    /// Unlikeliness: all alike lose the same, β (G + 1)/2G of a correct reward, and the sum of what
    /// is lost by a group of different ones is the same as of ones alike.
    #[test]
    fn unlikeliness_takes_its_share(
        logprobs in prop::collection::vec(-20.0f64..0.0, 2..9), beta in 0.0f64..1.0,
    ) {
        let n = logprobs.len();
        let lost = |logprobs: &[f64]| -> f64 {
            let mut rewards = vec![1.0f32; n];
            unlikeliness(&mut rewards, &vec![true; n], logprobs, &Groups::whole(n), beta).unwrap();
            rewards.iter().map(|&r| 1.0 - f64::from(r)).sum()
        };
        let share = beta * (n as f64 + 1.0) / 2.0;
        // n roundings to f32 of numbers of one.
        prop_assert!((lost(&logprobs) - share).abs() < 1e-6);
        prop_assert!((lost(&vec![-1.0; n]) - share).abs() < 1e-6);
    }

    /// Smoothing is linear in its weights, and with both equal it is −γ log π times ±1.
    #[test]
    fn smoothing_is_linear(logprobs in prop::collection::vec(-8i8..0, 4), gamma in 0u8..8) {
        let logprobs: Vec<f64> = logprobs.into_iter().map(f64::from).collect();
        let correct = [true, false, true, false];
        let of = |positive: f64, negative: f64| {
            let mut advantages = [0.0f32; 4];
            differential_smoothing(&mut advantages, &correct, &logprobs, positive, negative)
                .unwrap();
            advantages
        };
        let gamma = f64::from(gamma) / 8.0;
        let (a, b, both) = (of(gamma, 0.0), of(0.0, gamma), of(gamma, gamma));
        for i in 0..4 {
            // Eighths of small whole numbers are exact.
            prop_assert_eq!(both[i], a[i] + b[i]);
            let sign = if correct[i] { -1.0 } else { 1.0 };
            prop_assert_eq!(f64::from(both[i]), sign * gamma * logprobs[i]);
        }
    }

    /// The penalty is the line through its two ends, whatever the length: halfway it is a half.
    #[test]
    fn the_penalty_is_a_line(longest in 1usize..500, share in 0.05f64..1.0, by in 0usize..500) {
        let buffer = share * longest as f64;
        let of = |length: usize| overlong_penalty(length, longest, buffer);
        let length = by.min(longest);
        let inside = (length as f64 - (longest as f64 - buffer)) / buffer;
        prop_assert!((of(length) + inside.max(0.0)).abs() < 1e-12);
        prop_assert_eq!(of(longest), -1.0);
        prop_assert!(of(length) <= of(length.saturating_sub(1)));
    }

    /// Among correct completions the rarer has the larger reward, by either shaping.
    #[test]
    fn the_rare_are_worth_more(a in -20.0f64..-10.0, b in -9.0f64..0.0) {
        for kind in 0..2 {
            let mut rewards = [1.0, 1.0];
            match kind {
                0 => unlikeliness(&mut rewards, &[true; 2], &[a, b], &Groups::whole(2), 0.25).unwrap(),
                _ => differential_smoothing(&mut rewards, &[true; 2], &[a, b], 0.1, 0.1)
                    .unwrap(),
            }
            prop_assert!(rewards[0] > rewards[1]);
        }
    }
}
