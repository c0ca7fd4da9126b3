use proptest::prelude::*;

use super::*;
use crate::gae;

const ALL: [KlEstimator; 3] = [KlEstimator::K1, KlEstimator::K2, KlEstimator::K3];

#[test]
fn worked_by_hand() {
    let of = |estimator| kl_rewards(&[-1.0, -2.0], &[-1.5, -1.0], 0.5, estimator).unwrap();
    // log π − log base is ½ and −1.
    assert_eq!(of(KlEstimator::K1), [-0.25, 0.5]);
    assert_eq!(of(KlEstimator::K2), [-0.0625, -0.25]);
    let k3 = |d: f64| -0.5 * ((-d).exp() - 1.0 + d);
    for (got, expect) in of(KlEstimator::K3).into_iter().zip([k3(0.5), k3(-1.0)]) {
        // exp(x) − 1 by two ways, of numbers of one.
        assert!((got - expect).abs() < 1e-15);
    }
    assert_eq!(returns(&[1.0, -0.5, 0.25]), [0.75, -0.25, 0.25]);
    assert_eq!(returns(&[]), [] as [f64; 0]);
    assert!(kl_rewards(&[0.0], &[0.0; 2], 1.0, KlEstimator::K1).is_err());
}

fn softmax(logits: [f64; 3]) -> [f64; 3] {
    let total: f64 = logits.iter().map(|logit| logit.exp()).sum();
    logits.map(|logit| logit.exp() / total)
}

/// On a bandit, exactly: Σ π ∇log π (r + kl_reward) against the gradient of E[r] − β KL(π ‖ base)
/// by differences. It is met with k1, and missed with the others.
#[test]
fn the_policy_gradient_of_k1_as_a_reward_is_that_of_the_kl() {
    let (logits, base, paid, beta) = ([0.3, -1.1, 0.7], [0.2f64, 0.5, 0.3], [1.0, 0.0, 0.25], 0.4);
    let objective = |logits: [f64; 3]| -> f64 {
        let p = softmax(logits);
        (0..3).map(|i| p[i] * (paid[i] - beta * (p[i] / base[i]).ln())).sum()
    };
    let p = softmax(logits);
    for estimator in ALL {
        let (own, of_base) = (p.map(|p| p.ln() as f32), base.map(|p| p.ln() as f32));
        let kl = kl_rewards(&own, &of_base, beta, estimator).unwrap();
        let mut farthest = 0.0f64;
        for j in 0..3 {
            let score = |i: usize| f64::from(u8::from(i == j)) - p[j];
            let got: f64 = (0..3).map(|i| p[i] * score(i) * (paid[i] + kl[i])).sum();
            let nudged = |by: f64| {
                let mut logits = logits;
                logits[j] += by;
                objective(logits)
            };
            let exact = (nudged(1e-5) - nudged(-1e-5)) / 2e-5;
            farthest = farthest.max((got - exact).abs());
        }
        // Log-probs of about one were rounded to f32.
        let met = farthest < 2e-7;
        assert_eq!(met, estimator == KlEstimator::K1, "{estimator:?}: {farthest}");
    }
}

proptest! {
    /// The return is GAE's with values of 0 and γ = λ = 1, and its first is the whole sum.
    #[test]
    fn returns_are_those_of_gae(rewards in prop::collection::vec(-3.0f64..3.0, 1..12)) {
        let got = returns(&rewards);
        let expect = gae(&rewards, &vec![0.0; rewards.len()], 1.0, 1.0).unwrap();
        for (got, expect) in got.iter().zip(expect) {
            // The same sums in the same order.
            prop_assert!((got - expect).abs() < 1e-12);
        }
        prop_assert!((got[0] - rewards.iter().sum::<f64>()).abs() < 1e-12);
    }

    /// Where policy and base agree nothing is paid, by any estimator.
    #[test]
    fn at_the_base_nothing_is_paid(logprobs in prop::collection::vec(-9.0f32..0.0, 0..9)) {
        for estimator in ALL {
            let paid = kl_rewards(&logprobs, &logprobs, 0.7, estimator).unwrap();
            prop_assert!(paid.iter().all(|&paid| paid == 0.0));
        }
    }
}
