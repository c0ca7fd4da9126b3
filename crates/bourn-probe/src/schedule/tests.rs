use super::*;

#[test]
fn the_tail_of_a_beta_binomial() {
    // Exact for a = b = 1/2: P(X = x) = C(2x, x) C(2n−2x, n−x) / 4ⁿ, the arcsine law.
    let choose = |n: u64, k: u64| (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (i + 1) as f64);
    for n in 0..30 {
        for m in 0..=n {
            let arcsine = |x| choose(2 * x, x) * choose(2 * (n - x), n - x) / 4f64.powi(n as i32);
            let expect: f64 = (m..=n).map(arcsine).sum();
            let found = beta_binomial_tail(n, m, 0.5, 0.5);
            // Thirty terms of size at most one, each good to a few units in the last place.
            assert!((found - expect).abs() < 1e-13, "{n} {m}: {found} {expect}");
        }
    }
    // One draw succeeds with the mean of the posterior.
    assert!((beta_binomial_tail(1, 1, 2.5, 7.5) - 0.25).abs() < 1e-15);
}
