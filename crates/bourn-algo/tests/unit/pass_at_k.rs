use proptest::prelude::*;

use super::*;
use crate::{RewardBaseline, ScaleRewards, advantages, group_advantages};

const ALL: [PassAtKBaseline; 3] =
    [PassAtKBaseline::None, PassAtKBaseline::LeaveOneOut, PassAtKBaseline::LeaveOneOutMinusOne];
/// f64 sums of tens of terms through logarithms, then one rounding to f32 of numbers up to ten.
const ROUNDING: f64 = 3e-6;

#[track_caller]
fn check(rewards: &[f32], k: usize, baseline: PassAtKBaseline, expect: &[f64]) {
    let got = pass_at_k_advantages(rewards, &Groups::whole(rewards.len()), k, baseline).unwrap();
    for (got, expect) in got.iter().zip(expect) {
        assert!((f64::from(*got) - expect).abs() < ROUNDING, "{baseline:?}: {got}, not {expect}");
    }
}

/// n = 4, one correct, k = 2. Of the 6 pairs 3 hold the correct one: s = 3/6 for it; each wrong
/// one is in 1 pair with it: s = 1/6. Four times: 2 and 2/3.
#[test]
fn worked_by_hand() {
    let rewards = [1.0, 0.0, 0.0, 0.0];
    check(&rewards, 2, PassAtKBaseline::None, &[2.0, 2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0]);
    // Without the correct one nothing is left: baseline 0. Without a wrong one 2 of 3 pairs hold
    // it: 4 · 2/3 · 2/3 = 16/9.
    let wrong = 2.0 / 3.0 - 16.0 / 9.0;
    check(&rewards, 2, PassAtKBaseline::LeaveOneOut, &[2.0, wrong, wrong, wrong]);
    // Subset by subset a wrong one adds nothing, and the correct one all.
    check(&rewards, 2, PassAtKBaseline::LeaveOneOutMinusOne, &[2.0, 0.0, 0.0, 0.0]);
    // Two correct: a pair with a correct partner gains nothing; 1 of 3 partners is correct.
    let gain = 2.0 * 2.0 / 3.0;
    check(&[1.0, 1.0, 0.0, 0.0], 2, PassAtKBaseline::LeaveOneOutMinusOne, &[gain, gain, 0.0, 0.0]);
    // Rewards that are no verdicts: pairs of {1, 2, 4} have largest 2, 4, 4.
    check(&[4.0, 1.0, 2.0], 2, PassAtKBaseline::None, &[8.0, 6.0, 6.0]);
}

#[test]
fn k_that_cannot_be_estimated_is_refused() {
    let refused =
        |k, baseline| pass_at_k_advantages(&[1.0, 0.0], &Groups::whole(2), k, baseline).is_err();
    assert!(refused(0, PassAtKBaseline::None) && refused(3, PassAtKBaseline::None));
    assert!(refused(2, PassAtKBaseline::LeaveOneOut));
    assert!(!refused(2, PassAtKBaseline::LeaveOneOutMinusOne));
}

/// Every subset by brute force.
fn by_enumeration(rewards: &[f32], k: usize, baseline: PassAtKBaseline) -> Vec<f64> {
    let n = rewards.len();
    let subsets = |members: &[usize], k: usize| -> Vec<Vec<usize>> {
        (0..1u32 << n)
            .filter(|bits| bits.count_ones() as usize == k)
            .map(|bits| (0..n).filter(|i| bits >> i & 1 == 1).collect::<Vec<_>>())
            .filter(|subset| subset.iter().all(|i| members.contains(i)))
            .collect()
    };
    let largest = |subset: &[usize]| {
        subset.iter().map(|&i| f64::from(rewards[i])).fold(f64::NEG_INFINITY, f64::max)
    };
    let all: Vec<usize> = (0..n).collect();
    let whole = subsets(&all, k);
    (0..n)
        .map(|i| {
            let mine = whole.iter().filter(|subset| subset.contains(&i));
            let s: f64 =
                mine.clone().map(|subset| largest(subset)).sum::<f64>() / whole.len() as f64;
            let others: Vec<usize> = all.iter().copied().filter(|&j| j != i).collect();
            let b = match baseline {
                PassAtKBaseline::None => 0.0,
                PassAtKBaseline::LeaveOneOut => {
                    // The mean over j of s_j of the others alone.
                    let theirs = subsets(&others, k);
                    let each = |j: &usize| -> f64 {
                        theirs.iter().filter(|s| s.contains(j)).map(|s| largest(s)).sum::<f64>()
                            / theirs.len() as f64
                    };
                    others.iter().map(each).sum::<f64>() / others.len() as f64
                }
                PassAtKBaseline::LeaveOneOutMinusOne => {
                    let rest = |subset: &Vec<usize>| {
                        let rest: Vec<usize> = subset.iter().copied().filter(|&j| j != i).collect();
                        if rest.is_empty() { 0.0 } else { largest(&rest) }
                    };
                    if k == 1 {
                        let sum: f64 = others.iter().map(|&j| f64::from(rewards[j])).sum();
                        sum / others.len() as f64 / n as f64
                    } else {
                        mine.map(rest).sum::<f64>() / whole.len() as f64
                    }
                }
            };
            n as f64 * (s - b)
        })
        .collect()
}

/// Expectation of the mean over completions of A · ∂log π/∂θ, exactly, for a policy that is right
/// with probability p = σ(θ): ∂log p = 1 − p for a right one and −p for a wrong one.
fn expected_gradient(p: f64, n: usize, k: usize, baseline: PassAtKBaseline) -> f64 {
    (0..1u32 << n)
        .map(|bits| {
            let rewards: Vec<f32> = (0..n).map(|i| (bits >> i & 1) as f32).collect();
            let c = bits.count_ones() as i32;
            let probability = p.powi(c) * (1.0 - p).powi(n as i32 - c);
            let a = pass_at_k_advantages(&rewards, &Groups::whole(n), k, baseline).unwrap();
            let terms = rewards.iter().zip(a).map(|(&r, a)| f64::from(a) * (f64::from(r) - p));
            probability * terms.sum::<f64>() / n as f64
        })
        .sum()
}

#[test]
fn the_expected_gradient_is_that_of_pass_at_k() {
    for (p, n) in [(0.3, 4), (0.05, 5), (0.8, 3)] {
        for baseline in ALL {
            for k in 1..n {
                let got = expected_gradient(p, n, k, baseline);
                // pass@k = 1 − (1 − p)^k, and ∂p/∂θ = p (1 − p).
                let exact = k as f64 * (1.0 - p).powi(k as i32 - 1) * p * (1.0 - p);
                assert!((got - exact).abs() < 1e-6, "{baseline:?} {p} {n} {k}: {got}, {exact}");
            }
        }
    }
}

proptest! {
    #[test]
    fn the_formulas_are_the_enumeration(
        rewards in prop::collection::vec(-2.0f32..2.0, 2..7),
        ties in any::<bool>(),
        k in 1usize..7,
    ) {
        let round = |r: &f32| if ties { r.round() } else { *r };
        let rewards: Vec<f32> = rewards.iter().map(round).collect();
        let k = k.min(rewards.len() - 1).max(1);
        for baseline in ALL {
            check(&rewards, k, baseline, &by_enumeration(&rewards, k, baseline));
        }
    }

    /// k = 1: the reward; less n/(n−1) times the others' mean with the first baseline, as the
    /// paper's listing has it; RLOO, n/(n−1) times the mean-centred reward, with the second.
    #[test]
    fn at_k_1_it_is_reinforce_with_a_baseline(rewards in prop::collection::vec(-2.0f32..2.0, 2..9)) {
        let n = rewards.len();
        let plain: Vec<f64> = rewards.iter().map(|&r| f64::from(r)).collect();
        check(&rewards, 1, PassAtKBaseline::None, &plain);
        let centred: Vec<f64> = group_advantages(&rewards, &Groups::whole(rewards.len()), ScaleRewards::None).unwrap()
            .into_iter()
            .map(|r| n as f64 / (n - 1) as f64 * f64::from(r))
            .collect();
        check(&rewards, 1, PassAtKBaseline::LeaveOneOutMinusOne, &centred);
        let loo = advantages(&rewards, &Groups::whole(n), RewardBaseline::LeaveOneOut, ScaleRewards::None).unwrap();
        let factor = n as f64 / (n - 1) as f64;
        let expect: Vec<f64> = plain
            .iter()
            .zip(loo)
            .map(|(r, loo)| r - factor * (r - f64::from(loo)))
            .collect();
        check(&rewards, 1, PassAtKBaseline::LeaveOneOut, &expect);
    }
}
