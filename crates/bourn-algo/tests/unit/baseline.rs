use proptest::prelude::*;

use super::*;

/// Rewards of one group less their mean.
fn centred(rewards: &[f32]) -> Vec<f32> {
    group_advantages(rewards, &Groups::whole(rewards.len()), ScaleRewards::None).unwrap()
}

#[track_caller]
fn check(baseline: RewardBaseline<'_>, scale: ScaleRewards, expect: &[f32]) {
    let rewards = [1.0, 0.0, 0.0, 1.0, 3.0, 1.0, 1.0, 3.0];
    assert_eq!(
        advantages(&rewards, &Groups::equal(2, 4), baseline, scale).unwrap(),
        expect,
        "{baseline:?}"
    );
}

#[test]
fn worked_by_hand() {
    check(RewardBaseline::None, ScaleRewards::None, &[1.0, 0.0, 0.0, 1.0, 3.0, 1.0, 1.0, 3.0]);
    // The mean over the step is 10/8.
    check(
        RewardBaseline::Batch,
        ScaleRewards::None,
        &[-0.25, -1.25, -1.25, -0.25, 1.75, -0.25, -0.25, 1.75],
    );
    check(RewardBaseline::Group, ScaleRewards::None, &[0.5, -0.5, -0.5, 0.5, 1.0, -1.0, -1.0, 1.0]);
    // The others of the first have mean 1/3; those of the second 2/3; then 5/3 and 7/3.
    let (a, b) = ((2.0f64 / 3.0) as f32, (4.0f64 / 3.0) as f32);
    check(RewardBaseline::LeaveOneOut, ScaleRewards::None, &[a, -a, -a, a, b, -b, -b, b]);
    check(
        RewardBaseline::Greedy(&[1.0, 0.0]),
        ScaleRewards::None,
        &[0.0, -1.0, -1.0, 0.0, 3.0, 1.0, 1.0, 3.0],
    );
    // Group means off; the numerators' squares sum to 4 · ¼ + 4 = 5, over 7.
    let std = (5.0f64 / 7.0).sqrt() + crate::group::STD_EPSILON;
    let (a, b) = ((0.5 / std) as f32, (1.0 / std) as f32);
    check(RewardBaseline::Group, ScaleRewards::Advantages, &[a, -a, -a, a, b, -b, -b, b]);
    assert_eq!(signed_advantages(&[true, false], 0.1, 1.0), [0.1, -1.0]);
    assert_eq!(signed_advantages(&[true, false], 1.0, 0.0), [1.0, 0.0]);
}

#[test]
fn errors_name_what_is_wrong() {
    let error = |sizes: &[usize], baseline| {
        let groups = Groups::of(sizes.iter().copied());
        advantages(&[1.0, 0.0], &groups, baseline, ScaleRewards::None).unwrap_err().to_string()
    };
    assert!(error(&[1, 1], RewardBaseline::LeaveOneOut).contains("two"));
    assert!(error(&[2], RewardBaseline::Greedy(&[])).contains("`greedy` has 0 entries where 1"));
    assert!(error(&[3], RewardBaseline::None).contains("1 groups with 3 completions"));
}

proptest! {
    /// RLOO = G/(G−1) × mean-centred reward.
    #[test]
    fn leave_one_out_is_a_multiple_of_mean_centring(
        rewards in prop::collection::vec(-9.0f32..9.0, 2..12),
    ) {
        let n = rewards.len();
        let loo = advantages(&rewards, &Groups::whole(n), RewardBaseline::LeaveOneOut, ScaleRewards::None).unwrap();
        for (i, (&loo, centred)) in loo.iter().zip(centred(&rewards)).enumerate() {
            let factor = n as f32 / (n - 1) as f32;
            // Two f32 roundings of numbers up to 36.
            prop_assert!((loo - factor * centred).abs() <= 1e-5);
            // And the definition, others' mean.
            let others: f64 = (0..n).filter(|&j| j != i).map(|j| f64::from(rewards[j])).sum();
            let direct = f64::from(rewards[i]) - others / (n - 1) as f64;
            prop_assert!((f64::from(loo) - direct).abs() <= 1e-5);
        }
    }

    /// With one group, the batch is the group; and whitening the batch's advantages is the
    /// batch's standard deviation.
    #[test]
    fn one_group_is_the_batch(rewards in prop::collection::vec(-9.0f32..9.0, 2..12)) {
        let n = rewards.len();
        let of = |baseline, scale| advantages(&rewards, &Groups::whole(n), baseline, scale).unwrap();
        prop_assert_eq!(of(RewardBaseline::Batch, ScaleRewards::None), of(RewardBaseline::Group, ScaleRewards::None));
        let (a, b) =
            (of(RewardBaseline::Batch, ScaleRewards::Batch), of(RewardBaseline::Batch, ScaleRewards::Advantages));
        for (a, b) in a.iter().zip(b) {
            // The two standard deviations differ by rounding of sums of f64, then f32.
            prop_assert!((a - b).abs() <= 1e-5 * a.abs().max(1.0));
        }
    }

    /// REINFORCE++: centred, of standard deviation 1, and blind to where rewards begin and
    /// what they are counted in. With the group's baseline each group is centred too.
    #[test]
    fn whitened_advantages_have_no_unit(
        mut rewards in prop::collection::vec(-9.0f32..9.0, 6), by in -4.0f32..4.0,
    ) {
        // At least 22 from every other, so that the squares of its group of three alone come to
        // 22² · 2/3, and the standard deviation, over 5, to 8: 1e-4 beside it stays small.
        rewards[0] += 40.0;
        for (baseline, group) in [(RewardBaseline::Batch, 6), (RewardBaseline::Group, 3)] {
            let of = |rewards: &[f32]| {
                let groups = Groups::equal(rewards.len() / group, group);
                advantages(rewards, &groups, baseline, ScaleRewards::Advantages).unwrap()
            };
            let plain = of(&rewards);
            for own in plain.chunks(group) {
                prop_assert!(own.iter().map(|&a| f64::from(a)).sum::<f64>().abs() < 1e-6);
            }
            let squares: f64 = plain.iter().map(|&a| f64::from(a).powi(2)).sum();
            // Twice 1e-4 in a divisor of 8 and more.
            prop_assert!((squares / 5.0 - 1.0).abs() < 1e-4);
            let other: Vec<f32> = rewards.iter().map(|r| 2.0 * r + by).collect();
            for (a, b) in plain.iter().zip(of(&other)) {
                prop_assert!((a - b).abs() < 1e-4, "{} {}", a, b);
            }
        }
    }

    /// ReMax with a greedy completion as good as the group's mean is mean-centring, with one that
    /// is worth nothing REINFORCE.
    #[test]
    fn greedy_between_the_others(rewards in prop::collection::vec(-9i8..9, 4)) {
        let rewards: Vec<f32> = rewards.into_iter().map(f32::from).collect();
        let mean = [rewards.iter().sum::<f32>() / 4.0];
        let of =
            |baseline: RewardBaseline<'_>| advantages(&rewards, &Groups::whole(4), baseline, ScaleRewards::None).unwrap();
        // Quarters of small whole numbers are exact.
        prop_assert_eq!(of(RewardBaseline::Greedy(&mean)), centred(&rewards));
        prop_assert_eq!(of(RewardBaseline::Greedy(&[0.0])), of(RewardBaseline::None));
    }

    /// With rewards of 0 and 1, PSR is REINFORCE; NSR is the same less 1, a constant baseline.
    #[test]
    fn signed_advantages_are_reinforce_with_a_constant(
        correct in prop::collection::vec(any::<bool>(), 1..9),
    ) {
        let rewards: Vec<f32> = correct.iter().map(|&c| f32::from(u8::from(c))).collect();
        let reinforce =
            advantages(&rewards, &Groups::whole(rewards.len()), RewardBaseline::None, ScaleRewards::None).unwrap();
        prop_assert_eq!(&signed_advantages(&correct, 1.0, 0.0), &reinforce);
        let less: Vec<f32> = reinforce.iter().map(|a| a - 1.0).collect();
        prop_assert_eq!(signed_advantages(&correct, 0.0, 1.0), less);
    }

    /// W-REINFORCE is λ PSR + NSR.
    #[test]
    fn signed_advantages_are_linear(correct in prop::collection::vec(any::<bool>(), 0..9)) {
        let both = signed_advantages(&correct, 0.25, 1.0);
        let (psr, nsr) =
            (signed_advantages(&correct, 1.0, 0.0), signed_advantages(&correct, 0.0, 1.0));
        for ((&both, psr), nsr) in both.iter().zip(psr).zip(nsr) {
            prop_assert_eq!(both, 0.25 * psr + nsr);
        }
    }
}
