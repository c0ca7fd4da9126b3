use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(rewards: &[f32], group: usize, scale: ScaleRewards, expect: &[f32]) {
    let groups = Groups::equal(rewards.len() / group, group);
    assert_eq!(group_advantages(rewards, &groups, scale).unwrap(), expect);
}

#[track_caller]
fn check_error(rewards: &[f32], sizes: &[usize], expect: &str) {
    let groups = Groups::of(sizes.iter().copied());
    let error = group_advantages(rewards, &groups, ScaleRewards::Group).unwrap_err();
    assert_eq!(error.to_string(), expect);
}

#[test]
fn worked_by_hand() {
    check(&[1.0, 2.0, 6.0], 3, ScaleRewards::None, &[-2.0, -1.0, 3.0]);

    let rewards = [1.0, 0.0, 0.0, 1.0, 3.0, 1.0, 1.0, 3.0];
    // Group means are ½ and 2.
    check(&rewards, 4, ScaleRewards::None, &[0.5, -0.5, -0.5, 0.5, 1.0, -1.0, -1.0, 1.0]);
    // Group variances are 4·¼/3 = 1/3 and 4·1/3 = 4/3.
    let (low, high) = ((1.0f64 / 3.0).sqrt(), (4.0f64 / 3.0).sqrt());
    let (a, b) = ((0.5 / (low + 1e-4)) as f32, (1.0 / (high + 1e-4)) as f32);
    check(&rewards, 4, ScaleRewards::Group, &[a, -a, -a, a, b, -b, -b, b]);
    // Over the step the mean is 5/4, and the squares are 4 · 1/16 + 2 · 25/16 + 2 · 49/16 =
    // 19/2; the variance is a seventh of that.
    let std = (19.0f64 / 14.0).sqrt() + 1e-4;
    let (a, b) = ((0.5 / std) as f32, (1.0 / std) as f32);
    check(&rewards, 4, ScaleRewards::Batch, &[a, -a, -a, a, b, -b, -b, b]);
}

#[test]
fn groups_of_different_sizes_are_those_of_each_alone() {
    let (a, b) = ([1.0, 0.0], [0.0, 3.0, 0.0]);
    let groups = Groups::of([2, 3]);
    for scale in [ScaleRewards::Group, ScaleRewards::None] {
        let alone = |own: &[f32]| group_advantages(own, &Groups::whole(own.len()), scale);
        let apart = [alone(&a).unwrap(), alone(&b).unwrap()].concat();
        assert_eq!(group_advantages(&[&a[..], &b].concat(), &groups, scale).unwrap(), apart);
    }
}

#[test]
fn one_completion_is_its_own_baseline() {
    for scale in [ScaleRewards::Group, ScaleRewards::Batch, ScaleRewards::None] {
        check(&[0.3, 7.0], 1, scale, &[0.0, 0.0]);
        check(&[0.3], 1, scale, &[0.0]);
    }
}

#[test]
fn equal_rewards_give_exact_zeros() {
    for reward in [0.1, -1.0 / 3.0, 1e30, 1e-40, 0.0] {
        let rewards = [[reward; 7], [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]].concat();
        let groups = Groups::equal(2, 7);
        for scale in [ScaleRewards::Group, ScaleRewards::Batch, ScaleRewards::None] {
            let advantages = group_advantages(&rewards, &groups, scale).unwrap();
            assert_eq!(advantages[..7], [0.0; 7], "{reward} {scale:?}");
            assert!(advantages[7..].iter().all(|&value| value != 0.0), "{reward} {scale:?}");
        }
        assert_eq!(frac_reward_zero_std(&rewards, &groups).unwrap(), 0.5);
    }
}

/// 0.1 + 0.2 and 0.3 differ by rounding in f32; the difference must not become an advantage.
#[test]
fn rounding_is_not_amplified() {
    let advantages =
        group_advantages(&[0.1 + 0.2, 0.3], &Groups::whole(2), ScaleRewards::Group).unwrap();
    assert!(advantages.iter().all(|value| value.abs() < 1e-3), "{advantages:?}");
}

#[test]
fn errors_name_what_is_wrong() {
    let none = "there are no rewards: a step needs at least one group of completions";
    check_error(&[], &[2], none);
    let groups = |len, groups, grouped| {
        format!(
            "{len} values are not those of {groups} groups with {grouped} completions in all: \
                 give one for every completion, and no group without any"
        )
    };
    check_error(&[1.0; 5], &[2, 2], &groups(5, 2, 4));
    // A single reward is not spread over a group.
    check_error(&[1.0], &[4], &groups(1, 1, 4));
    check_error(&[1.0; 3], &[3, 0], &groups(3, 2, 3));
    for (value, shown) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let expect = format!(
            "the reward at index 1 is {shown}: rewards must be finite and below 1.7e38 in \
                 magnitude"
        );
        check_error(&[0.0, value], &[2], &expect);
    }
    let two = Groups::whole(2);
    assert!(group_advantages(&[f32::MAX, 0.0], &two, ScaleRewards::None).is_err());
    let error = AlgoError::Groups { len: 1, groups: 1, grouped: 2 };
    assert_eq!(frac_reward_zero_std(&[0.0], &two), Err(error));
}

fn rewards() -> impl Strategy<Value = (Vec<f32>, usize)> {
    (1usize..6, 1usize..9).prop_flat_map(|(groups, group)| {
        (prop::collection::vec(-10.0f32..10.0, groups * group), Just(group))
    })
}

proptest! {
    #[test]
    fn advantages_are_centred_and_keep_the_order((rewards, group) in rewards()) {
        for scale in [ScaleRewards::Group, ScaleRewards::Batch, ScaleRewards::None] {
            let groups = Groups::equal(rewards.len() / group, group);
            let advantages = group_advantages(&rewards, &groups, scale).unwrap();
            prop_assert_eq!(advantages.len(), rewards.len());
            for (a, r) in advantages.chunks(group).zip(rewards.chunks(group)) {
                let largest = a.iter().fold(0.0f32, |max, value| max.max(value.abs()));
                let sum: f64 = a.iter().copied().map(f64::from).sum();
                // Each advantage was rounded to f32 once.
                let bound = f64::from(largest) * group as f64 * f64::from(f32::EPSILON);
                prop_assert!(sum.abs() <= bound, "{} > {}", sum, bound);
                for (i, j) in (0..group).flat_map(|i| (0..group).map(move |j| (i, j))) {
                    prop_assert!(r[i] > r[j] || a[i] <= a[j]);
                }
            }
        }
    }

    /// With one group, the group is the step.
    #[test]
    fn one_group_is_the_batch(rewards in prop::collection::vec(-10.0f32..10.0, 1..20)) {
        let groups = Groups::whole(rewards.len());
        prop_assert_eq!(
            group_advantages(&rewards, &groups, ScaleRewards::Group),
            group_advantages(&rewards, &groups, ScaleRewards::Batch)
        );
    }
}
