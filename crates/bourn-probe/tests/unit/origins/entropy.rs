use super::*;

/// Every way in which `n` draws can fall into these classes, with its probability.
fn outcomes(p: &[f64], n: u64) -> Vec<(Vec<u64>, f64)> {
    let [first, rest @ ..] = p else { unreachable!("there is a class") };
    if rest.is_empty() {
        return vec![(vec![n], first.powi(n as i32))];
    }
    let choose = |n: u64, k: u64| (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (i + 1) as f64);
    let mut all = Vec::new();
    for k in 0..=n {
        for (mut counts, probability) in outcomes(rest, n - k) {
            counts.push(k);
            all.push((counts, probability * choose(n, k) * first.powi(k as i32)));
        }
    }
    all
}

fn expected(p: &[f64], n: u64, estimator: impl Fn(&[u64]) -> f64) -> f64 {
    let seen = |counts: &[u64]| -> Vec<u64> { counts.iter().copied().filter(|&c| c > 0).collect() };
    outcomes(p, n).iter().map(|(counts, q)| q * estimator(&seen(counts))).sum()
}

fn plug_in(counts: &[u64]) -> f64 {
    let n = counts.iter().sum::<u64>() as f64;
    counts.iter().map(|&c| -(c as f64 / n) * (c as f64 / n).ln()).sum()
}

const ALPHABETS: [&[f64]; 4] =
    [&[0.5, 0.5], &[0.9, 0.1], &[0.25, 0.25, 0.25, 0.25], &[0.6, 0.2, 0.1, 0.05, 0.05]];

#[test]
fn the_seen_part_is_unbiased_for_its_terms_of_the_series() {
    for p in ALPHABETS {
        for n in 1..=9 {
            let term = |k: u64| p.iter().map(|p| p * (1.0 - p).powi(k as i32)).sum::<f64>();
            let expect: f64 = (1..n).map(|k| term(k) / k as f64).sum();
            let got = expected(p, n, seen);
            // 1e-13: rounding of sums of up to 715 outcomes below 2.
            assert!((got - expect).abs() < 1e-13, "{p:?} n={n}: {got} {expect}");
        }
    }
}

#[test]
fn the_bias_is_smaller_than_that_of_plug_in_and_of_miller_madow() {
    let miller_madow = |counts: &[u64]| {
        let n = counts.iter().sum::<u64>() as f64;
        plug_in(counts) + (counts.len() as f64 - 1.0) / (2.0 * n)
    };
    for p in ALPHABETS {
        for n in [4, 8, 12] {
            let truth: f64 = p.iter().map(|p| -p * p.ln()).sum();
            let bias =
                |estimator: &dyn Fn(&[u64]) -> f64| (expected(p, n, estimator) - truth).abs();
            let (ours, plug_in, mm) = (bias(&entropy), bias(&plug_in), bias(&miller_madow));
            assert!(ours < plug_in && ours < mm, "{p:?} n={n}: {ours} {plug_in} {mm}");
        }
    }
}

#[test]
fn entropies_by_hand() {
    let check = |counts: &[u64], expect: f64| {
        let got = entropy(counts);
        // 1e-12: a few dozen roundings.
        assert!((got - expect).abs() < 1e-12, "{counts:?}: {got} is not {expect}");
    };
    check(&[1], 0.0);
    check(&[7], 0.0);
    // 2/4 (1/2 + 1/3), twice; no class was seen once.
    check(&[2, 2], 5.0 / 6.0);
    // One class seen once, none twice: A = 1, nothing is unseen.
    // 3/4 · 1/3 + 1/4 (1 + 1/2 + 1/3).
    check(&[3, 1], 0.25 + 11.0 / 24.0);
    // f₁ = 2, f₂ = 1, n = 4: A = 2/(3·2 + 2) = 1/4; 2/4 (1/2 + 1/3) + 2·1/4 (1 + 1/2 + 1/3),
    // and 2/4 (3/4)⁻³ (ln 4 − 3/4 − 9/32 − 27/192).
    let unseen = 0.5 * 64.0 / 27.0 * (4.0_f64.ln() - 0.75 - 9.0 / 32.0 - 27.0 / 192.0);
    check(&[2, 1, 1], 5.0 / 12.0 + 11.0 / 12.0 + unseen);
}

/// Both ways to the tail give the same where either is exact.
#[test]
fn tails_agree() {
    for (a, n) in [(0.9, 3.0), (0.5, 9.0), (0.5, 11.0), (0.01, 600.0), (0.01, 800.0)] {
        let q: f64 = 1.0 - a;
        let direct: f64 = (0..20_000).map(|j| q.powi(j + 1) / (n + f64::from(j))).sum();
        let got = tail(a, n);
        // 1e-10: the first way divides a difference of rounding 1e-16·(−ln a) by 1e-3.
        assert!((got - direct).abs() < 1e-10 * direct, "{a} {n}: {got} {direct}");
    }
    assert_eq!(tail(1.0, 5.0), 0.0);
    assert!(entropy(&vec![1; 4096]).is_finite() && entropy(&[4096, 1]).is_finite());
}

#[test]
fn quantiles_by_hand() {
    let histogram = |tokens: &[f32]| {
        let mut histogram = Histogram::default();
        for &t in tokens {
            let step = (f64::from(t) * STEPS).round() as usize;
            histogram.tokens.resize(histogram.tokens.len().max(step + 1), 0);
            histogram.tokens[step] += 1;
        }
        histogram
    };
    let ten = histogram(&[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.234]);
    for (q, expect) in [(0.5, 0.4), (0.8, 0.7), (0.9, 0.8), (0.95, 1.234), (0.99, 1.234)] {
        assert_eq!(ten.quantile(q), Some(expect), "{q}");
    }
    assert_eq!(histogram(&[]).quantile(0.5), None);
    assert_eq!(histogram(&[0.0]).quantile(0.5), Some(0.0));
}
