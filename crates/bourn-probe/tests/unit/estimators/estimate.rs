use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, ToPrimitive};
use proptest::prelude::*;

use super::*;

fn outcomes(n: u64, c: u64) -> Outcomes {
    Outcomes::new(n, c).unwrap()
}

/// 1 − C(n−c, k)/C(n, k) in exact rationals, straight from the definition of C.
fn exact(n: u64, c: u64, k: u64) -> BigRational {
    let choose = |n: u64, k: u64| {
        if k > n {
            return BigInt::ZERO;
        }
        (0..k.min(n - k)).fold(BigInt::one(), |acc, i| acc * (n - i) / (i + 1))
    };
    BigRational::one() - BigRational::new(choose(n - c, k), choose(n, k))
}

/// Shares of the k-subsets of n draws, the first c of them correct, that hold a correct one.
fn enumerated(n: u64, c: u64, k: u64) -> f64 {
    let subsets = (0..1_u64 << n).filter(|s| u64::from(s.count_ones()) == k);
    let (all, hit) = subsets.fold((0_u64, 0_u64), |(all, hit), subset| {
        (all + 1, hit + u64::from(subset & ((1 << c) - 1) != 0))
    });
    hit as f64 / all as f64
}

fn assert_close(got: f64, exact: f64, what: &str) {
    assert!((got - exact).abs() <= 1e-12 * exact, "{what}: {got} is not {exact}");
}

#[test]
fn worked_by_hand() {
    let check = |n, c, k, expect| assert_eq!(pass_at_k(outcomes(n, c), k), expect);
    // 4 draws, 2 correct: of the 6 pairs one holds two wrong draws.
    assert_close(pass_at_k(outcomes(4, 2), 2).unwrap(), 5.0 / 6.0, "4,2,2");
    // 10 draws, 3 correct, k = 5: 1 − C(7,5)/C(10,5) = 1 − 21/252.
    assert_close(pass_at_k(outcomes(10, 3), 5).unwrap(), 11.0 / 12.0, "10,3,5");
    check(256, 3, 1, Some(3.0 / 256.0));
    check(256, 0, 256, Some(0.0));
    check(256, 1, 256, Some(1.0));
    check(256, 1, 64, Some(0.25));
    check(256, 193, 64, Some(1.0));
    check(256, 256, 1, Some(1.0));
    check(1, 1, 1, Some(1.0));
    check(5, 2, 0, Some(0.0));
    check(5, 2, 6, None);
    check(1, 0, u64::MAX, None);
}

#[test]
fn agrees_with_enumeration_of_every_subset() {
    for n in 1..=12 {
        for c in 0..=n {
            for k in 1..=n {
                let got = pass_at_k(outcomes(n, c), k).unwrap();
                assert_close(got, enumerated(n, c, k), &format!("n={n} c={c} k={k}"));
            }
        }
    }
}

#[test]
fn agrees_with_exact_rationals() {
    for n in [16, 100, 256, 1024] {
        for c in [0, 1, 2, 3, 7, n / 8, n / 3, n / 2, n - 2, n - 1, n] {
            for k in powers_of_two(n).into_iter().chain([3, 10, n - 1, n]) {
                let got = pass_at_k(outcomes(n, c), k).unwrap();
                let expect = exact(n, c, k).to_f64().unwrap();
                assert_close(got, expect, &format!("n={n} c={c} k={k}"));
            }
        }
    }
    for (c, k) in [(1, 32_768), (3, 16), (256, 256), (300, 1024), (40, 4096), (20_000, 2)] {
        let expect = exact(65_536, c, k).to_f64().unwrap();
        let got = pass_at_k(outcomes(65_536, c), k).unwrap();
        assert_close(got, expect, &format!("n=65536 c={c} k={k}"));
    }
}

/// Unbiased: averaged over c ~ Binomial(n, p) it is 1 − (1−p)^k.
#[test]
fn expectation_is_the_truth() {
    for n in [1_u64, 8, 33] {
        for p in [0.01_f64, 0.2, 0.5, 0.9] {
            let mut weight = (1.0 - p).powi(n as i32);
            let mut weights = vec![weight];
            for c in 0..n {
                weight *= (n - c) as f64 / (c + 1) as f64 * p / (1.0 - p);
                weights.push(weight);
            }
            for k in 1..=n {
                let mean: f64 = (0..=n)
                    .map(|c| weights[c as usize] * pass_at_k(outcomes(n, c), k).unwrap())
                    .sum();
                // 1e-12: 34 products of numbers that carry at most 100 roundings each.
                let truth = 1.0 - (1.0 - p).powi(k as i32);
                assert!((mean - truth).abs() < 1e-12, "n={n} p={p} k={k}: {mean} vs {truth}");
            }
        }
    }
}

#[test]
fn the_largest_counts_are_quick() {
    let n = crate::MAX_DRAWS;
    // 1 − C(n−c, k)/C(n, k) with c = k = √n is 1 − 1/e up to O(1/√n).
    let got = pass_at_k(outcomes(n, 1 << 16), 1 << 16).unwrap();
    assert!((got - (1.0 - (-1.0_f64).exp())).abs() < 2.0 / 65_536.0, "{got}");
    // Every pair (c, k) of powers of two, the ones with most steps among them.
    for c in powers_of_two(n) {
        for k in powers_of_two(n) {
            let got = pass_at_k(outcomes(n, c), k).unwrap();
            assert!((0.0..=1.0).contains(&got));
        }
    }
}

#[test]
fn powers() {
    assert_eq!(powers_of_two(0), Vec::<u64>::new());
    assert_eq!(powers_of_two(1), [1]);
    assert_eq!(powers_of_two(6), [1, 2, 4]);
    assert_eq!(powers_of_two(8), [1, 2, 4, 8]);
    assert_eq!(powers_of_two(u64::MAX).len(), 64);
}

proptest! {
    #[test]
    fn symmetric_monotone_and_bounded(n in 1_u64..3000, c in 0_u64..3000, k in 0_u64..3000) {
        let (c, k) = (c % (n + 1), k % (n + 1));
        let at = |c, k| pass_at_k(outcomes(n, c), k).unwrap();
        let got = at(c, k);
        prop_assert!((0.0..=1.0).contains(&got));
        // C(n−c,k)/C(n,k) = C(n−k,c)/C(n,c).
        prop_assert_eq!(got, at(k, c));
        // 1e-12 relative is the stated accuracy of each side.
        if k < n { prop_assert!(at(c, k + 1) >= got * (1.0 - 2e-12)); }
        if c < n { prop_assert!(at(c + 1, k) >= got * (1.0 - 2e-12)); }
    }
}
