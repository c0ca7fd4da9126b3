//! Inference on the paired difference of two curves: bands, nested and any-time intervals, the
//! exact test, the crossover's interval.

use crate::Outcomes;
use crate::comparison::compare::CompareOptions;
use crate::estimators::detectable::detectable_here;
use crate::estimators::nested::{Redrawn, nested};
use crate::figures::boundary::{Standing, standing};
use crate::figures::{CrossoverInterval, Interval, Paired};
use crate::statistics::anytime::{betting_interval, spent};
use crate::statistics::band::{BandOf, band};
use crate::statistics::bootstrap::BootstrapTable;
use crate::statistics::mcnemar::mcnemar;

/// What [`compare`](crate::compare()) has worked out already.
pub(crate) struct PairedSample<'a> {
    /// Each problem's id with the base's and the policy's outcomes, in id order.
    pub(crate) pairs: &'a [(&'a String, Outcomes, Outcomes)],
    /// The k of every curve.
    pub(crate) k: &'a [u64],
    /// [base pass@k…, policy pass@k…] of each problem.
    pub(crate) table: &'a BootstrapTable,
    /// [base…, policy…, delta…, …] over all problems.
    pub(crate) point: &'a [f64],
    /// The same in each resample.
    pub(crate) resampled: &'a [Vec<f64>],
    /// How the intervals are made.
    pub(crate) options: &'a CompareOptions,
}

impl PairedSample<'_> {
    /// The band of the curve that begins at column `first` of the figures; `of` is its value at
    /// position `k` in a problem's row of the table.
    fn band(&self, first: usize, least: f64, of: impl Fn(&[f64], usize) -> f64) -> Vec<Interval> {
        let columns = first..first + self.k.len();
        let of = BandOf {
            point: &self.point[columns.clone()],
            resampled: self.resampled.iter().map(|row| &row[columns.clone()]).collect(),
            agreed: (0..self.k.len()).map(|k| self.table.agreed(|row| of(row, k))).collect(),
            problems: self.pairs.len(),
            range: (least, 1.0),
        };
        band(&of, self.options.confidence)
    }
}

/// Everything that is said of the paired difference.
pub(crate) fn paired(sample: &PairedSample<'_>) -> Paired {
    let &PairedSample { pairs, k, table, resampled, options, .. } = sample;
    let &CompareOptions { confidence, resamples, seed, look, .. } = options;
    let width = k.len();

    let difference = |row: &[f64], k: usize| row[width + k] - row[k];
    let differences: Vec<Vec<f64>> = (0..table.rows())
        .map(|row| (0..width).map(|k| difference(table.row(row), k)).collect())
        .collect();
    let redrawn = [
        Redrawn::new(pairs.iter().map(|&(_, base, _)| base), k),
        Redrawn::new(pairs.iter().map(|&(_, _, policy)| policy), k),
    ];
    let alpha = spent(1.0 - confidence, look);
    let anytime = |k: usize| {
        let values: Vec<f64> = differences.iter().map(|row| row[k]).collect();
        betting_interval(&values, alpha)
    };
    let only = |solved: fn(&(&String, Outcomes, Outcomes)) -> (bool, bool)| {
        pairs.iter().filter(|pair| solved(pair) == (true, false)).count() as u64
    };
    Paired {
        base_band: sample.band(0, 0.0, |row, k| row[k]),
        policy_band: sample.band(width, 0.0, |row, k| row[width + k]),
        delta_band: sample.band(2 * width, -1.0, difference),
        delta_nested: nested(pairs, &differences, &redrawn, seed, resamples, confidence),
        delta_anytime: (0..width).map(anytime).collect(),
        look,
        mcnemar: mcnemar(
            only(|(_, base, policy)| (base.solved(), policy.solved())),
            only(|(_, base, policy)| (policy.solved(), base.solved())),
        ),
        crossover: crossover(k, resampled.iter().map(|row| &row[2 * width..3 * width]), confidence),
        detectable: detectable_here(pairs, k, confidence),
    }
}

/// The percentile interval of the crossover k over the resamples' differences, where no crossover
/// counts as one beyond k_max. On a list as coarse as this nothing is interpolated: each end is the
/// order statistic on its outer side.
fn crossover<'a>(
    k: &[u64],
    differences: impl Iterator<Item = &'a [f64]>,
    confidence: f64,
) -> CrossoverInterval {
    let mut crossings: Vec<Option<u64>> = differences
        .map(|row| match standing(k, row) {
            Standing::Crossover(k) => Some(k),
            _ => None,
        })
        .collect();
    crossings.sort_unstable_by_key(|k| k.unwrap_or(u64::MAX));
    let crossed = crossings.iter().flatten().count();
    let rank = (1.0 - confidence) / 2.0 * (crossings.len() + 1) as f64 - 1.0;
    let outer = rank.max(0.0).floor() as usize;
    CrossoverInterval {
        low: crossings.get(outer).copied().flatten(),
        high: crossings.iter().rev().nth(outer).copied().flatten(),
        share: crossed as f64 / crossings.len().max(1) as f64,
    }
}

#[cfg(test)]
#[path = "../../tests/unit/comparison/paired.rs"]
mod tests;
