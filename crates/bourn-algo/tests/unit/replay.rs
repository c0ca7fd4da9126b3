use super::*;

#[test]
fn weights_worked_by_hand() {
    let ln = f64::ln;
    for (policy, other, most, weight, held) in [
        (0.5, 0.25, 4.0, 2.0, false),
        (0.5, 0.25, 1.5, 1.5, true),
        (0.5, 0.25, 2.0, 2.0, false),
        (0.01, 0.5, 2.0, 0.02, false),
        (0.3, 0.3, 1.0, 1.0, false),
    ] {
        let got = truncated_weight(ln(policy), ln(other), most);
        // exp and ln of numbers near 1, each rounded once; a bound met exactly may be rounded
        // beyond, and then changes nothing but the flag.
        assert!((got.0 - weight).abs() < 1e-15, "{policy} {other}: {got:?}");
        assert!(got.1 == held || (got.0 - most).abs() < 1e-15, "{policy} {other}: {got:?}");
    }
    assert!(truncated_weight(f64::NAN, 0.0, 2.0).0.is_nan());
    // Beyond every float, and still bounded.
    assert_eq!(truncated_weight(0.0, -2000.0, 2.0), (2.0, true));
    let (value, slope) = replayed_surrogate(ln(0.5), ln(0.25), -3.0, 4.0);
    assert!((slope + 6.0).abs() < 1e-14 && (value + 6.0 * ln(0.5)).abs() < 1e-14);
}

/// A policy of one token, all of its outcomes enumerated. Witnesses are the base's correct draws,
/// of density π_base/p_base: where no weight is held, the mean of their slopes times ∇log π is
/// the gradient of the policy's own correct draws, Σ over correct π ∇log π, divided by p_base.
#[test]
fn over_all_witnesses_the_mean_is_the_policys_own_gradient_by_the_bases_rate() {
    let (policy, base) = ([0.05, 0.15, 0.5, 0.3], [0.4, 0.1, 0.2, 0.3]);
    let correct = [true, true, false, false];
    let advantage = 0.7;
    let arms = || (0..4).filter(|&arm| correct[arm]);
    let rate: f64 = arms().map(|arm| base[arm]).sum();
    let score = |arm: usize, j: usize| f64::from(u8::from(arm == j)) - policy[j];
    let slope = |arm: usize, most| {
        replayed_surrogate(f64::ln(policy[arm]), f64::ln(base[arm]), advantage, most).1
    };
    for j in 0..4 {
        let mean = |most| -> f64 {
            arms().map(|arm| base[arm] / rate * slope(arm, most) * score(arm, j)).sum()
        };
        let own: f64 = arms().map(|arm| policy[arm] * advantage * score(arm, j)).sum();
        // Sums of two products of numbers below 1.
        assert!((rate * mean(2.0) - own).abs() < 1e-15, "{j}: {} {own}", rate * mean(2.0));
        // The second arm's weight is 1.5: a bound of 1 takes a third of its part away.
        let held = own - policy[1] / 3.0 * advantage * score(1, j);
        assert!((rate * mean(1.0) - held).abs() < 1e-15);
    }
}
