//! Means and ratios over problems with bootstrap intervals.

use crate::statistics::bootstrap::{BootstrapTable, percentile_interval};
use crate::{CompareOptions, Estimate};

/// The resampling that every figure of a comparison shares, so that all intervals are paired.
pub(super) struct Resampling {
    options: CompareOptions,
}

impl Resampling {
    /// By these options.
    pub(super) fn new(options: &CompareOptions) -> Self {
        Self { options: *options }
    }

    /// The mean of one value a problem; 0 of no problems.
    pub(super) fn mean(&self, values: impl ExactSizeIterator<Item = f64>) -> Estimate {
        let rows = values.map(|value| (value, 1.0));
        self.ratio(rows, |mean| mean).unwrap_or(NOTHING)
    }

    /// `of` the ratio of two sums over problems, one row a problem; `None` where the second sum is
    /// 0. A resample whose second sum is 0 contributes nothing.
    pub(super) fn ratio(
        &self,
        rows: impl ExactSizeIterator<Item = (f64, f64)>,
        of: impl Fn(f64) -> f64,
    ) -> Option<Estimate> {
        let mut table = BootstrapTable::new(2, rows.len());
        for (over, under) in rows {
            table.push([over, under]);
        }
        let ratio = |sums: &[f64]| (sums[1] > 0.0).then(|| of(sums[0] / sums[1]));
        let value = ratio(&table.sums())?;
        let CompareOptions { confidence, resamples, seed, .. } = self.options;
        let resampled = table.resampled_sums(seed, resamples);
        let values = resampled.iter().filter_map(|sums| ratio(sums)).collect();
        let (ci_low, ci_high) = percentile_interval(values, confidence)?;
        Some(Estimate { value, ci_low, ci_high })
    }
}

/// The estimate where there is nothing to estimate from, as its count of 0 beside it says.
pub(super) const NOTHING: Estimate = Estimate { value: 0.0, ci_low: 0.0, ci_high: 0.0 };
