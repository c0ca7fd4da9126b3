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
#[path = "../../tests/unit/statistics/band.rs"]
mod tests;
