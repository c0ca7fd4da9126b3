use super::*;
use crate::statistics::special::ln_beta;

/// Integrals over p by the trapezoid rule in the logit, in which the integrand of every shape
/// above 0 falls off exponentially, so that the rule converges faster than any power.
fn integrate(prior: &Prior, n: u64, c: u64, of: impl Fn(f64) -> f64) -> f64 {
    let steps = 400_000;
    let width = 240.0 / f64::from(steps);
    let (a, b) = (prior.alpha, prior.beta);
    let norm = ln_beta(a, b);
    (0..=steps)
        .map(|i| {
            let z = -200.0 + width * f64::from(i);
            let (ln_p, ln_q) = (-(-z).exp().ln_1p(), -z.exp().ln_1p());
            let ln = (a + c as f64) * ln_p + (b + (n - c) as f64) * ln_q - norm;
            ln.exp() * of(ln_p.exp()) * width
        })
        .sum()
}

#[test]
fn numerical_integration_agrees() {
    for (zero, alpha, beta) in [(0.3, 0.4, 3.0), (0.02, 0.15, 900.0), (0.5, 6.0, 2.0)] {
        let prior = Prior { zero, alpha, beta };
        for (n, c) in [(1, 0), (1, 1), (256, 0), (256, 3), (256, 256), (8192, 0), (8192, 40)] {
            let evidence = (1.0 - zero) * integrate(&prior, n, c, |_| 1.0);
            let none = if c == 0 { zero } else { 0.0 };
            let all = evidence + none;
            let posterior = Posterior::new(&prior, n, c);
            let what = format!("{prior:?} {n} {c}");
            // 1e-9: the rule's own error is far below; a step at ε costs half a step of the
            // logit's density, so that tails are held to 1e-3 and 1e-4 more.
            assert!((posterior.zero - none / all).abs() < 1e-9, "{what}");
            let mean = (1.0 - zero) * integrate(&prior, n, c, |p| p) / all;
            assert!((posterior.mean() - mean).abs() < 1e-9 * (1.0 + mean), "{what}");
            for rate in [1e-3, 0.01, 0.2] {
                let above = |p: f64| f64::from(u8::from(p >= rate));
                let expect = (1.0 - zero) * integrate(&prior, n, c, above) / all;
                // The step falls within one cell of 0.0006 logits, whose mass is at most that
                // times √n/2 (the density of the logit): 0.03 at 8,192, of which half at most.
                let bound = 0.0006 * ((n as f64).sqrt() / 2.0 + 1.0);
                let got = posterior.at_least(rate);
                assert!((got - expect).abs() < bound, "{what} {rate}: {got} is not {expect}");
            }
        }
    }
}

#[test]
fn quantiles_are_those_of_the_mixture() {
    let prior = Prior { zero: 0.4, alpha: 0.5, beta: 4.0 };
    for (n, c) in [(4, 0), (64, 0), (64, 5), (64, 64)] {
        let posterior = Posterior::new(&prior, n, c);
        for q in [0.025, 0.1, 0.5, 0.9, 0.975] {
            let x = posterior.quantile(q);
            if q <= posterior.zero {
                assert_eq!(x, 0.0);
            } else {
                // Below x there is q, mass at 0 included; 1e-9 as for the Beta quantile.
                assert!((1.0 - posterior.at_least(x) - q).abs() < 1e-9, "{n} {c} {q}");
            }
        }
        let estimate = posterior.estimate(0.9);
        assert!(estimate.ci_low <= estimate.ci_high);
    }
}

/// Beta(1, 1), no mass at 0 to speak of: after c of n the rate is Beta(1 + c, 1 + n − c), whose
/// mean is (1 + c)/(2 + n) and whose tail after none is (1 − ε)^(n + 1).
#[test]
fn worked_by_hand() {
    let prior = Prior { zero: 1e-300, alpha: 1.0, beta: 1.0 };
    let posterior = Posterior::new(&prior, 8, 0);
    // Roundings.
    assert!((posterior.mean() - 0.1).abs() < 1e-15);
    assert!((posterior.at_least(0.25) - 0.75_f64.powi(9)).abs() < 1e-14);
    // Half at 0: 1/2 against 1/2·1/9.
    let prior = Prior { zero: 0.5, ..prior };
    assert!((Posterior::new(&prior, 8, 0).zero - 0.9).abs() < 1e-15);
    assert_eq!(Posterior::new(&prior, 8, 1).zero, 0.0);
}

#[test]
fn states() {
    let check = |p, expect| assert_eq!(state(p, 0.95), expect, "{p}");
    check(1.0, SolvableState::Solvable);
    check(0.95, SolvableState::Solvable);
    check(0.949, SolvableState::Undetermined);
    check(0.051, SolvableState::Undetermined);
    check(0.05, SolvableState::NotDetected);
    check(0.0, SolvableState::NotDetected);
}
