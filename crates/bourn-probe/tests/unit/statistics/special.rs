use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, ToPrimitive, Zero};

use super::*;

/// Relative, except that values below 1 are held to it absolutely where `floor` is 1.
fn assert_close(got: f64, expect: f64, tolerance: f64, what: &str) {
    assert!((got - expect).abs() <= tolerance * expect.abs(), "{what}: {got} is not {expect}");
}

/// From a computation with 60 digits.
#[test]
fn ln_beta_at_the_extremes() {
    let known = [
        (0.05, 65_536.0, 2.414_361_819_000_844),
        (0.5, 0.5, 1.144_729_885_849_4),
        (1e-3, 1e-3, 7.600_900_817_008_347),
        (9.9, 10_000.0, -78.609_593_898_600_92),
        (32_768.25, 32_768.75, -45_430.719_865_995_2),
        (3.05, 4_294_967_296.0, -66.911_387_938_561_06),
        (12.0, 15.0, -18.568_172_732_389_435),
        (200.5, 0.01, 4.546_496_443_964_608),
    ];
    for (a, b, expect) in known {
        // A few roundings of numbers that are at most 100 times the result.
        assert_close(ln_beta(a, b), expect, 1e-14, &format!("{a} {b}"));
        assert_eq!(ln_beta(a, b), ln_beta(b, a));
    }
}

/// B(a + 1, b) = B(a, b)·a/(a + b) ties every branch to its neighbours.
#[test]
fn ln_beta_has_no_seams() {
    for a in [0.01, 0.9, 8.999, 9.0, 9.5, 10.0, 100.0] {
        for b in [0.02, 1.0, 9.2, 9.999, 10.0, 70_000.0] {
            let expect = ln_beta(a, b) + (a / (a + b)).ln();
            let got = ln_beta(a + 1.0, b);
            // Rounding of the largest number on the way: b ln b at 70,000 is 8·10⁵, but it cancels
            // inside ln_1p; 1e-13 leaves room for a hundred roundings of the results.
            assert!((got - expect).abs() <= 1e-13 * (1.0 + expect.abs()), "{a} {b}");
        }
    }
}

#[test]
fn psi_functions() {
    let known = [
        (0.01, -100.560_885_457_868_67, 10_001.621_213_528_313),
        (0.3, -3.502_524_222_200_13, 12.245_364_546_107_73),
        (1.5, 0.036_489_973_978_576_52, 0.934_802_200_544_679),
        (9.9, 2.241_180_316_606_38, 0.106_283_041_628_74),
        (47.25, 3.844_833_318_713_303_5, 0.021_389_558_868_328),
    ];
    for (x, psi, psi1) in known {
        // ψ(1.5) is a difference of numbers near 2.
        assert!((digamma(x) - psi).abs() <= 1e-14 * psi.abs().max(2.0), "{x}");
        assert_close(trigamma(x), psi1, 1e-14, "trigamma");
        // On either side of where the sum ends: both are Σ 1/(x + j).
        for m in [0, 1, 12, 13, 40] {
            let sum: f64 = (0..m).map(|j| 1.0 / (x + j as f64)).sum();
            let squares: f64 = (0..m).map(|j| (x + j as f64).powi(-2)).sum();
            assert!((digamma_step(x, m) - sum).abs() <= 1e-13 * (1.0 + sum), "{x} {m}");
            assert!((trigamma_step(x, m) + squares).abs() <= 1e-13 * (1.0 + squares), "{x} {m}");
        }
    }
}

/// From a computation with 40 digits: the small tail is right to its own last digits, which
/// 1 − the other would not be.
#[test]
fn tails_at_the_extremes() {
    let known = [
        (0.05, 65_536.0, 4.57e-5, 0.999_279_615_221_873_3, 7.203_847_781_267e-4),
        (0.05, 65_536.0, 1e-9, 0.634_577_435_213_209_9, 0.365_422_564_786_790_1),
        (0.3, 1024.7, 0.0029, 0.993_313_244_796_767_9, 0.006_686_755_203_232_083),
        (8.3, 49.7, 0.3, 0.997_929_888_682_781_6, 0.002_070_111_317_218_345_5),
        (1000.2, 64_536.8, 0.016, 0.936_791_955_521_860_2, 0.063_208_044_478_139_78),
        (32_768.5, 32_768.5, 0.501, 0.695_675_357_849_962, 0.304_324_642_150_038),
        (2.5, 0.02, 0.999, 0.106_675_278_071_372_31, 0.893_324_721_928_627_7),
    ];
    for (a, b, x, lower, upper) in known {
        let got = beta_tails(a, b, x);
        // The exponent of the prefactor is a difference of numbers up to 45,000, each with a
        // relative error of 10⁻¹⁶: 10⁻¹¹.
        assert_close(got.lower, lower, 2e-11, &format!("{a} {b} {x} lower"));
        assert_close(got.upper, upper, 2e-11, &format!("{a} {b} {x} upper"));
        let mirrored = tails(b, a, [1.0 - x, x], [(-x).ln_1p(), x.ln()]);
        assert_close(mirrored.upper, lower, 2e-11, "mirrored");
    }
    assert_eq!(beta_tails(2.0, 3.0, -1.0), Tails { lower: 0.0, upper: 1.0 });
    assert_eq!(beta_tails(2.0, 3.0, 2.0), Tails { lower: 1.0, upper: 0.0 });
}

/// I_x(a, b) with whole a and b is P(Binomial(a + b − 1, x) ≥ a): exact rationals.
#[test]
fn tails_are_binomial_tails() {
    for (a, b) in [(1_u64, 1_u64), (3, 5), (8, 57), (40, 2), (100, 300)] {
        for x in [1_u64, 100, 500, 900, 1023] {
            let n = a + b - 1;
            let at = BigRational::new(BigInt::from(x), BigInt::from(1024));
            let other = BigRational::one() - &at;
            let mut term = (0..n).fold(BigRational::one(), |power, _| power * &other);
            let mut upper = BigRational::zero();
            for j in 0..=n {
                if j >= a {
                    upper += &term;
                }
                let step = BigRational::new(BigInt::from(n - j), BigInt::from(j + 1));
                term = term * step * &at / &other;
            }
            let got = beta_tails(a as f64, b as f64, x as f64 / 1024.0);
            let lower = upper.to_f64().unwrap();
            let rest = (BigRational::one() - &upper).to_f64().unwrap();
            // 1e-16 absolute where a tail is 1 less the other, 1e-12 relative where it is not.
            let close = |got: f64, expect: f64| (got - expect).abs() <= 1e-12 * expect + 2e-16;
            assert!(close(got.lower, lower), "{a} {b} {x}: {got:?} is not {lower}");
            assert!(close(got.upper, rest), "{a} {b} {x}: {got:?} is not {rest}");
        }
    }
}

#[test]
fn quantiles_invert_the_tails() {
    for a in [0.05, 0.7, 3.05, 60.0, 32_768.0] {
        for b in [0.02, 1.0, 250.3, 65_536.0] {
            for q in [1e-3, 0.025, 0.3, 0.5, 0.8, 0.975] {
                let x = beta_quantile(a, b, q);
                assert!((0.0..=1.0).contains(&x), "{a} {b} {q}: {x}");
                // Where the quantile rounds to an end, its neighbour is as close as it gets.
                if x > 0.0 && x < 1.0 - 1e-9 {
                    let got = beta_tails(a, b, x).lower;
                    // 1e-9: the quantile is right to 10⁻¹³ of its logit and the density of the
                    // logit is at most √32,768.
                    assert!((got - q).abs() < 1e-9, "{a} {b} {q}: {got} at {x}");
                }
            }
        }
    }
    // (10⁻² a B(a, b))^(1/a) is 10⁻²⁰⁰⁰: as near 0 as numbers get.
    assert!(beta_quantile(1e-3, 5.0, 0.01) < f64::MIN_POSITIVE);
    assert_eq!(beta_quantile(2.0, 5.0, 0.0), 0.0);
    assert_eq!(beta_quantile(2.0, 5.0, 1.0), 1.0);
    // Beta(1, b): 1 − (1 − q)^(1/b).
    assert_close(beta_quantile(1.0, 64.0, 0.95), 1.0 - 0.05_f64.powf(1.0 / 64.0), 1e-12, "");
}

/// The counts that are accepted at most still give an answer, and quickly.
#[test]
fn the_largest_shapes() {
    let n = crate::MAX_DRAWS as f64;
    let half = beta_tails(0.5 * n, 0.5 * n, 0.5);
    // Symmetric; 1e-6 because the prefactor's exponent is near 3·10⁹.
    assert!((half.lower - 0.5).abs() < 1e-6, "{half:?}");
    assert!((beta_quantile(0.5 * n, 0.5 * n, 0.5) - 0.5).abs() < 1e-9);
}
