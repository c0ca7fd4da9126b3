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
