//! Estimators of KL(π ‖ base) from the log-probs of one sampled token, in nats (Schulman 2020,
//! "Approximating KL divergence").
//!
//! # What the gradient of each is
//!
//! As estimates of the *value* under samples of π, k1 and k3 are unbiased and k2 is close. As
//! *terms of a loss*, where the sample is fixed and the gradient goes through log π, they pull in
//! different directions; in expectation over samples of π:
//!
//! - **k1 has no gradient at all**: ∇k1 = ∇log π, whose expectation is 0. It adds noise and holds
//!   nothing back. Choose it for what it measures, not as a penalty.
//! - **k2 has the gradient of KL(π ‖ base)**, the penalty that most texts mean.
//! - **k3 has the gradient of the other KL(base ‖ π)**; near the base the two agree.
//!
//! (Derived also in arXiv 2510.01555.) The tests below show all three on a small distribution.
//! Samples of an older policy add a bias that no importance weight corrects here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Estimators of KL(π ‖ base) per token (Schulman 2020). `K1` is unbiased, of either sign, and **no
/// penalty when used as a loss** (see the module's page); `K2` is biased as a value, and its gradient
/// is that of KL(π ‖ base); `K3` is unbiased and never negative (DeepSeekMath eq. 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KlEstimator {
    /// log π − log π_base.
    K1,
    /// ½ (log π − log π_base)².
    K2,
    /// exp(log π_base − log π) − 1 − (log π_base − log π).
    K3,
}

impl KlEstimator {
    /// The estimate for one token, in nats.
    pub fn value(self, logp: f64, logp_base: f64) -> f64 {
        match self {
            Self::K1 => kl_k1(logp, logp_base),
            Self::K2 => kl_k2(logp, logp_base),
            Self::K3 => kl_k3(logp, logp_base),
        }
    }

    /// Derivative of the estimate with respect to `logp`.
    pub fn slope(self, logp: f64, logp_base: f64) -> f64 {
        match self {
            Self::K1 => 1.0,
            Self::K2 => logp - logp_base,
            Self::K3 => -(logp_base - logp).exp_m1(),
        }
    }
}

/// log π − log π_base.
pub fn kl_k1(logp: f64, logp_base: f64) -> f64 {
    logp - logp_base
}

/// ½ (log π − log π_base)².
pub fn kl_k2(logp: f64, logp_base: f64) -> f64 {
    0.5 * (logp - logp_base).powi(2)
}

/// exp(x) − 1 − x with x = log π_base − log π.
pub fn kl_k3(logp: f64, logp_base: f64) -> f64 {
    let x = logp_base - logp;
    // exp(x) − 1 loses every digit near x = 0, where a policy that has just left the base is.
    x.exp_m1() - x
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [KlEstimator; 3] = [KlEstimator::K1, KlEstimator::K2, KlEstimator::K3];
    /// Sums of a few terms of size 1, each rounded a few times.
    const ROUNDING: f64 = 1e-14;
    /// A central difference with step h = 1e-5 of functions whose third derivative is below 10 is
    /// off by at most 10 h²/6 and by rounding of 1e-16/h.
    const DIFFERENCE: f64 = 1e-9;

    #[track_caller]
    fn check(p: f64, base: f64, expect: [f64; 3]) {
        for (estimator, expect) in ALL.into_iter().zip(expect) {
            let value = estimator.value(p.ln(), base.ln());
            assert!((value - expect).abs() <= ROUNDING, "{estimator:?}: {value} is not {expect}");
        }
    }

    #[test]
    fn worked_by_hand() {
        let ln2 = std::f64::consts::LN_2;
        // π = ½, base = ¼: ratio ½, so k3 = ½ − 1 + ln 2.
        check(0.5, 0.25, [ln2, 0.5 * ln2 * ln2, ln2 - 0.5]);
        // π = ¼, base = ½: ratio 2, so k3 = 2 − 1 − ln 2.
        check(0.25, 0.5, [-ln2, 0.5 * ln2 * ln2, 1.0 - ln2]);
        check(0.3, 0.3, [0.0, 0.0, 0.0]);
    }

    fn softmax(logits: [f64; 3]) -> [f64; 3] {
        let total: f64 = logits.iter().map(|logit| logit.exp()).sum();
        logits.map(|logit| logit.exp() / total)
    }

    fn kl(p: [f64; 3], q: [f64; 3]) -> f64 {
        p.iter().zip(q).map(|(p, q)| p * (p / q).ln()).sum()
    }

    const LOGITS: [f64; 3] = [0.3, -1.1, 0.7];
    const BASE: [f64; 3] = [0.2, 0.5, 0.3];

    #[test]
    fn expected_value_of_k1_and_k3_is_the_kl() {
        let p = softmax(LOGITS);
        let expected = |estimator: KlEstimator| -> f64 {
            (0..3).map(|i| p[i] * estimator.value(p[i].ln(), BASE[i].ln())).sum()
        };
        let exact = kl(p, BASE);
        assert!((expected(KlEstimator::K1) - exact).abs() <= ROUNDING);
        assert!((expected(KlEstimator::K3) - exact).abs() <= ROUNDING);
        assert!((expected(KlEstimator::K2) - exact).abs() > 0.01, "k2 is biased");
    }

    /// E over tokens of π of slope · ∂log π(token)/∂logit, where ∂log π(i)/∂logit_j = [i=j] − π_j.
    fn expected_gradient(estimator: KlEstimator) -> [f64; 3] {
        let p = softmax(LOGITS);
        std::array::from_fn(|j| {
            let term = |i: usize| {
                let score = f64::from(u8::from(i == j)) - p[j];
                p[i] * estimator.slope(p[i].ln(), BASE[i].ln()) * score
            };
            (0..3).map(term).sum()
        })
    }

    fn difference(of: impl Fn([f64; 3]) -> f64) -> [f64; 3] {
        let step = 1e-5;
        std::array::from_fn(|j| {
            let nudged = |by: f64| {
                let mut logits = LOGITS;
                logits[j] += by;
                of(softmax(logits))
            };
            (nudged(step) - nudged(-step)) / (2.0 * step)
        })
    }

    #[test]
    fn expected_gradient_is_zero_of_reverse_and_of_forward_kl() {
        let expect = [[0.0; 3], difference(|p| kl(p, BASE)), difference(|p| kl(BASE, p))];
        for (estimator, expect) in ALL.into_iter().zip(expect) {
            for (got, expect) in expected_gradient(estimator).into_iter().zip(expect) {
                assert!((got - expect).abs() <= DIFFERENCE, "{estimator:?}: {got}, not {expect}");
            }
        }
    }

    proptest! {
        #[test]
        fn k2_and_k3_are_never_negative(logp in -20.0f64..0.0, gap in -10.0f64..10.0) {
            prop_assert!(kl_k2(logp, logp + gap) >= 0.0);
            // exp_m1 is exact to an ulp of its result, which near 0 is an ulp of the gap.
            prop_assert!(kl_k3(logp, logp + gap) >= -f64::EPSILON * gap.abs());
        }

        /// exp(x) − 1 − x = x²/2 + x³/6 + …, lost without `exp_m1`: the plain form has an error of
        /// 1e-16, more than the whole value here.
        #[test]
        fn k3_is_k2_near_the_base(gap in prop_oneof![-1e-6f64..-1e-9, 1e-9f64..1e-6]) {
            let (k2, k3) = (kl_k2(0.0, gap), kl_k3(0.0, gap));
            let rounding = f64::EPSILON * gap.abs();
            prop_assert!((k3 - k2).abs() <= gap.abs().powi(3) + rounding, "{} {}", k2, k3);
        }

        #[test]
        fn slope_is_the_difference_quotient(logp in -3.0f64..0.0, base in -3.0f64..0.0) {
            let step = 1e-5;
            for estimator in ALL {
                let up = estimator.value(logp + step, base);
                let down = estimator.value(logp - step, base);
                let slope = estimator.slope(logp, base);
                // k3 has third derivative e^x ≤ e³ ≈ 20: 20 h²/6 < 1e-9.
                prop_assert!((slope - (up - down) / (2.0 * step)).abs() <= 2.0 * DIFFERENCE);
            }
        }
    }
}
