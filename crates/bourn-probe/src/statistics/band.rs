//! Simultaneous bands: all of a curve at once.

use crate::figures::Interval;
use crate::statistics::bootstrap::{agreed_interval, upper_quantile};

/// One curve's part in the band: its values, the range that they can have, and what all problems
/// agree on at each k, if they do.
pub(crate) struct BandOf<'a> {
    /// Mean over problems at each k.
    pub(crate) point: &'a [f64],
    /// The same in each resample.
    pub(crate) resampled: Vec<&'a [f64]>,
    /// The values of all problems at each k, where they agree.
    pub(crate) agreed: Vec<Option<Interval>>,
    /// Number of problems.
    pub(crate) problems: usize,
    /// Least and largest value of a problem.
    pub(crate) range: (f64, f64),
}

/// A band that holds the whole curve with this confidence: estimate ± t·s at each k, s the standard
/// deviation over the resamples and t the confidence quantile, over the resamples, of the largest
/// |deviation|/s of any k (the sup-t bootstrap band: Montiel Olea and Plagborg-Møller 2019),
/// clamped to the range.
///
/// Where all problems agree, the resamples do not deviate and the band is the exact bound of
/// [`agreed_interval`], at the same confidence: by that bound at one k and by the curve's rise it is
/// bounded at every smaller (or larger) k, so that it is one event, however many k agree.
pub(crate) fn band(of: &BandOf<'_>, confidence: f64) -> Vec<Interval> {
    let deviation: Vec<f64> = (0..of.point.len()).map(|k| deviation(of, k)).collect();
    let largest = |row: &&[f64]| {
        let points = row.iter().zip(of.point).zip(&deviation);
        // Where there is no deviation there is none in units of it either.
        points
            .map(|((x, point), s)| if *s > 0.0 { (x - point).abs() / s } else { 0.0 })
            .fold(0.0, f64::max)
    };
    let t = upper_quantile(of.resampled.iter().map(largest).collect(), confidence);
    let (least, most) = of.range;
    let ends = |((point, s), agreed): ((&f64, &f64), &Option<Interval>)| match agreed {
        Some(values) => agreed_interval(*values, of.problems, of.range, confidence),
        None => Interval {
            low: (point - t * s).clamp(least, most),
            high: (point + t * s).clamp(least, most),
        },
    };
    of.point.iter().zip(&deviation).zip(&of.agreed).map(ends).collect()
}

/// The standard deviation of the resamples at one k; 0 where problems agree, whatever is left of
/// their differences.
fn deviation(of: &BandOf<'_>, k: usize) -> f64 {
    if of.agreed[k].is_some() {
        return 0.0;
    }
    let count = of.resampled.len() as f64;
    let mean = of.resampled.iter().map(|row| row[k]).sum::<f64>() / count;
    (of.resampled.iter().map(|row| (row[k] - mean).powi(2)).sum::<f64>() / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Interval = Interval { low: 0.5, high: 0.5 };

    #[test]
    fn worked_by_hand() {
        // Nine resamples about (0.5, 0.2) that deviate by −4..=4 hundredths at the first k and twice
        // that, in another order, at the second: s = √(60/9)/100 and twice that.
        let steps = [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0];
        let rows: Vec<[f64; 2]> =
            (0..9).map(|i| [0.5 + steps[i] / 100.0, 0.2 + steps[(i + 4) % 9] / 50.0]).collect();
        let of = |agreed, range| BandOf {
            point: &[0.5, 0.2],
            resampled: rows.iter().map(|row| &row[..]).collect(),
            agreed,
            problems: 2,
            range,
        };
        // Largest of the two, in steps: 4 4(−2,3→3)… by row: (4,0) (3,1) (2,2) (1,3) (0,4) (1,4)
        // (2,3) (3,2) (4,1) → 4 3 2 3 4 4 3 3 4. Sorted: 2 3 3 3 3 4 4 4 4; the 0.5 quantile is the
        // fifth, 3 steps.
        let got = band(&of(vec![None, None], (0.0, 1.0)), 0.5);
        let expect = [(0.47, 0.53), (0.14, 0.26)];
        for (got, (low, high)) in got.iter().zip(expect) {
            // 1e-15: a few roundings of numbers below 1.
            assert!((got.low - low).abs() < 1e-15 && (got.high - high).abs() < 1e-15, "{got:?}");
        }
        // Clamped.
        let got = band(&of(vec![None, None], (0.48, 0.51)), 0.5);
        assert_eq!((got[0].low, got[0].high), (0.48, 0.51));
        // Where all agree: the exact bound, and the other k's own quantile, 2 steps of 0.02.
        let got = band(&of(vec![Some(HALF), None], (0.0, 1.0)), 0.5);
        assert_eq!(got[0], agreed_interval(HALF, 2, (0.0, 1.0), 0.5));
        assert!((got[1].high - 0.24).abs() < 1e-15, "{got:?}");
    }
}
