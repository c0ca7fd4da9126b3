use bourn_seed::rng;
use rand::Rng;

use super::*;

#[test]
fn the_looks_spend_what_there_is() {
    assert_eq!(spent(0.1, 1), 0.05);
    assert_eq!([2, 3].map(|look| spent(0.6, look)), [0.6 / 6.0, 0.6 / 12.0]);
    let sum: f64 = (1..=1000).map(|look| spent(0.05, look)).sum();
    // 1/(1·2) + … + 1/(n(n+1)) = 1 − 1/(n+1). 1e-15: a thousand sums of shrinking terms.
    assert!((sum - 0.05 * (1.0 - 1.0 / 1001.0)).abs() < 1e-15, "{sum}");
}

/// Exactly: all 2¹² sequences of two values, each with its interval, and at each probability of
/// the larger value the total probability of those that miss the mean is at most α.
#[test]
fn two_points_enumerated() {
    const ROUNDS: u32 = 12;
    for (few, many) in [(-1.0, 1.0), (0.0, 1.0), (-1.0, 0.0), (0.0, 0.1), (-1.0, 0.05)] {
        for alpha in [0.1, 0.5] {
            let intervals: Vec<(u32, Interval)> = (0..1_u32 << ROUNDS)
                .map(|sequence| {
                    let value = |i| if sequence >> i & 1 == 1 { many } else { few };
                    let values: Vec<f64> = (0..ROUNDS).map(value).collect();
                    (sequence.count_ones(), betting_interval(&values, alpha))
                })
                .collect();
            for step in 0..=100 {
                let p = f64::from(step) / 100.0;
                let mean = p * many + (1.0 - p) * few;
                let missed: f64 = intervals
                    .iter()
                    .filter(|(_, i)| mean < i.low - 1e-12 || mean > i.high + 1e-12)
                    .map(|(ones, _)| p.powi(*ones as i32) * (1.0 - p).powi((ROUNDS - ones) as i32))
                    .sum();
                assert!(missed <= alpha, "{few} {many} α={alpha} p={p}: {missed}");
            }
        }
    }
}

/// Ten looks at the same 100 problems, of distributions that break normal approximations: all
/// ten intervals hold in at least 1 − α of the replications. The count of failures is binomial;
/// the bound is five of its standard errors above α, which chance passes once in 10⁶.
#[test]
fn every_look_at_once() {
    const REPLICATIONS: u64 = 400;
    const ALPHA: f64 = 0.1;
    // Each look's difference at one problem, from a uniform number, and its mean.
    type Difference = (&'static str, fn(f64) -> f64, f64);
    let populations: [Difference; 5] = [
        ("null, one in fifty either way", |u| f64::from(u < 0.02) - f64::from(u > 0.98), 0.0),
        ("one in fifty lost", |u| -f64::from(u < 0.02), -0.02),
        ("all but one in twenty gained", |u| 1.0 - 2.0 * f64::from(u < 0.05), 0.9),
        ("many small, few large", |u| if u < 0.05 { -1.0 } else { 0.05 }, -0.0025),
        ("uniform", |u| 2.0 * u - 1.0, 0.0),
    ];
    for (name, difference, mean) in populations {
        let mut failures = 0;
        for replication in 0..REPLICATIONS {
            let holds = |look: u64| {
                let mut rng = rng(replication, "test/anytime", &[look]);
                let values: Vec<f64> = (0..100).map(|_| difference(rng.random())).collect();
                let Interval { low, high } = betting_interval(&values, spent(ALPHA, look));
                low <= mean && mean <= high
            };
            failures += u64::from(!(1..=10).all(holds));
        }
        let n = REPLICATIONS as f64;
        let most = n * ALPHA + 5.0 * (n * ALPHA * (1.0 - ALPHA)).sqrt();
        assert!((failures as f64) < most, "{name}: {failures} of {REPLICATIONS}");
    }
}

#[test]
fn narrow_where_there_is_little_to_doubt() {
    let width = |values: &[f64]| {
        let Interval { low, high } = betting_interval(values, 0.05);
        high - low
    };
    // No difference at all at 1,000 problems: of the order of 4·ln(2/α)/P = 0.015, where
    // Hoeffding's inequality allows ±√(2·ln(2/α)/P) = ±0.086 of any values.
    let zeros = betting_interval(&[0.0; 1000], 0.05);
    assert!(zeros.low < 0.0 && zeros.high > 0.0 && width(&[0.0; 1000]) < 0.02, "{zeros:?}");
    assert!(width(&[0.0; 100]) > width(&[0.0; 1000]));
    // Fair coins have the largest variance there is: close to the normal ±1.96/√1000 = ±0.062.
    let coins: Vec<f64> = (0..1000).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
    assert!((0.1..0.2).contains(&width(&coins)), "{}", width(&coins));
    // One value says next to nothing.
    let one = betting_interval(&[0.3], 0.05);
    assert!(one.high - one.low > 1.8, "{one:?}");
    // Mirrored values have the mirrored interval, to the bisection's resolution.
    let values: Vec<f64> = (0..50).map(|i| f64::from(i % 7) / 10.0).collect();
    let negated: Vec<f64> = values.iter().map(|v| -v).collect();
    let (a, b) = (betting_interval(&values, 0.1), betting_interval(&negated, 0.1));
    assert!((a.low + b.high).abs() < 1e-11 && (a.high + b.low).abs() < 1e-11);
}
