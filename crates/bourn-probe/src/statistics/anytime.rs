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
#[path = "../../tests/unit/statistics/anytime.rs"]
mod tests;
