//! Intervals that hold at every look at once: betting confidence intervals with their error spent
//! over the looks.

use crate::figures::Interval;

/// Largest share of its capital that a bet may lose in one round; below 1, so that no capital is
/// ever gone for good (Waudby-Smith and Ramdas 2023 recommend ½ or ¾).
const STAKE: f64 = 0.75;

/// The error that look number `look` (from 1) may spend of `alpha`: α/(j(j + 1)). Over all looks,
/// however many there come to be, these sum to α, because 1/(j(j+1)) = 1/j − 1/(j+1).
pub(crate) fn spent(alpha: f64, look: u64) -> f64 {
    let look = look as f64;
    alpha / (look * (look + 1.0))
}

/// A confidence interval for the mean of independent values in −1..=1, at error `alpha`, valid for
/// any distribution and any number of them: the hedged capital of Waudby-Smith and Ramdas
/// ("Estimating means of bounded random variables by betting", JRSS B 86, 2023; arXiv 2010.09686,
/// theorem 3) with predictable plug-in bets.
///
/// For each candidate mean m two gamblers bet against it, one that the values run above m and one
/// that they run below. If m is the mean neither game is favourable, so that either capital reaches
/// 2/α with probability at most α/2 (Ville), at any round: the interval is all m at which neither
/// ever does. The values are taken in the order given, which must not depend on them.
pub(crate) fn betting_interval(values: &[f64], alpha: f64) -> Interval {
    let rounds = rounds(values, alpha);
    let ruin = 2.0 / alpha;
    // As shares of the range −1..=1; the second gambler plays the first one's game mirrored.
    let low = least_not_rejected(ruin, |m| rounds.iter().map(move |&(x, bet)| (x, bet, m)));
    let mirrored =
        least_not_rejected(ruin, |m| rounds.iter().map(move |&(x, bet)| (1.0 - x, bet, m)));
    let (low, high) = (2.0 * low - 1.0, 1.0 - 2.0 * mirrored);
    // Both gamblers can win against every m, which says that an event of probability α or less has
    // happened; what lies between the two ends is then no less true than nothing.
    Interval { low: low.min(high), high: high.max(low) }
}

/// Each value as a share of the range −1..=1, with the bet on it before it is seen:
/// √(2 ln(2/α)/(P·σ̂²)), σ̂² the variance of the values before it and of one more, ½ ± ½.
fn rounds(values: &[f64], alpha: f64) -> Vec<(f64, f64)> {
    let target = 2.0 * (2.0 / alpha).ln() / values.len() as f64;
    let (mut seen, mut sum, mut squares) = (1.0, 0.5, 0.25);
    let round = |&value: &f64| {
        let x = (0.5 * (value + 1.0)).clamp(0.0, 1.0);
        let bet = (target * seen / squares).sqrt();
        seen += 1.0;
        sum += x;
        squares += (x - sum / seen).powi(2);
        (x, bet)
    };
    values.iter().map(round).collect()
}

/// The largest m in 0..=1 that the gambler on larger values beats (0 if none), by bisection: the
/// capital falls as m rises. What is returned is beaten, so that the interval errs on the wide side.
fn least_not_rejected<I: Iterator<Item = (f64, f64, f64)>>(
    ruin: f64,
    game: impl Fn(f64) -> I,
) -> f64 {
    let beaten = |m: f64| {
        let mut capital = 1.0;
        game(m).any(|(x, bet, m)| {
            // At m = 0 nothing can be lost, and the bet is free.
            capital *= 1.0 + bet.min(STAKE / m) * (x - m);
            capital >= ruin
        })
    };
    if !beaten(0.0) {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    // 2⁻⁴⁰ of the range is far below anything that is printed.
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if beaten(middle) { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
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
                        .map(|(ones, _)| {
                            p.powi(*ones as i32) * (1.0 - p).powi((ROUNDS - ones) as i32)
                        })
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
}
