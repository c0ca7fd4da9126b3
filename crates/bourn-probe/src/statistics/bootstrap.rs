//! The paired bootstrap over problems.

use bourn_seed::rng;
use rand::Rng;
use rayon::prelude::*;

use crate::figures::Interval;

/// Most bootstrap resamples that are accepted; their means are held in memory at once.
pub const MAX_RESAMPLES: usize = 100_000;

/// Fewest resamples whose order statistics can hold an interval of this confidence: the tail of
/// (1 − confidence)/2 must be at least one part in `resamples + 1`.
pub fn min_resamples(confidence: f64) -> usize {
    // Less a part in 10⁹, so that 1 − 0.95 in binary does not cost a resample more.
    (2.0 / (1.0 - confidence) * (1.0 - 1e-9)).ceil() as usize - 1
}

/// Values of all problems that differ by no more than this agree: the last digit that is printed of
/// a percentage. Between problems so alike a bootstrap sees next to no variation, as between equal
/// ones: 1 − 0.95²⁵⁶ is not quite 1.
const ALIKE: f64 = 1e-3;

/// Rows of equal width: one row a problem, one column a quantity whose mean is wanted.
pub(crate) struct BootstrapTable {
    width: usize,
    cells: Vec<f64>,
}

impl BootstrapTable {
    /// A table of rows `width` wide, with room for `rows` of them.
    pub(crate) fn new(width: usize, rows: usize) -> Self {
        Self { width, cells: Vec::with_capacity(width * rows) }
    }

    /// Appends a row, which must be as wide as the table.
    pub(crate) fn push(&mut self, row: impl IntoIterator<Item = f64>) {
        self.cells.extend(row);
        debug_assert!(self.cells.len().is_multiple_of(self.width));
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.cells.len() / self.width
    }

    /// Least and largest of what `of` is in the rows, if all are [`ALIKE`]; `None` of no rows.
    pub(crate) fn agreed(&self, of: impl Fn(&[f64]) -> f64) -> Option<Interval> {
        let mut values = (0..self.rows()).map(|row| of(self.row(row)));
        let first = values.next()?;
        let alike = |Interval { low, high }: Interval, value: f64| {
            let wider = Interval { low: low.min(value), high: high.max(value) };
            (wider.high - wider.low <= ALIKE).then_some(wider)
        };
        values.try_fold(Interval { low: first, high: first }, alike)
    }

    /// Row number `index`, from 0.
    pub(crate) fn row(&self, index: usize) -> &[f64] {
        &self.cells[index * self.width..][..self.width]
    }

    fn sum_of(&self, rows: impl Iterator<Item = usize>) -> Vec<f64> {
        let mut sums = vec![0.0; self.width];
        for row in rows {
            for (sum, cell) in sums.iter_mut().zip(self.row(row)) {
                *sum += cell;
            }
        }
        sums
    }

    /// The sum of each column.
    pub(crate) fn sums(&self) -> Vec<f64> {
        self.sum_of(0..self.rows())
    }

    /// The column sums of each of `resamples` bootstrap samples: as many rows as the table has,
    /// drawn with replacement.
    ///
    /// The rows of resample r are a function of (seed, r, number of rows) alone. So every quantity
    /// of the same problems is resampled alike (the intervals are *paired*), in this table or
    /// another, whatever the thread.
    pub(crate) fn resampled_sums(&self, seed: u64, resamples: usize) -> Vec<Vec<f64>> {
        let rows = self.rows();
        (0..resamples as u64)
            .into_par_iter()
            .map(|resample| self.sum_of(resampled_rows(seed, resample, rows)))
            .collect()
    }
}

/// The rows of one bootstrap sample: as many as there are, drawn with replacement.
pub(crate) fn resampled_rows(seed: u64, resample: u64, rows: usize) -> impl Iterator<Item = usize> {
    let mut rng = rng(seed, "probe/bootstrap", &[resample]);
    // u64, not usize: the same rows on every platform.
    (0..rows).map(move |_| rng.random_range(0..rows as u64) as usize)
}

/// The percentile interval of bootstrap values: their (1 ± confidence)/2 quantiles, with the
/// (R+1)·q-th order statistic as the q quantile (Davison and Hinkley 1997, section 2.2.2),
/// interpolated; `None` of no values.
///
/// Plain percentiles rather than BCa, deliberately. pass@k of a problem lies in 0..=1 and the mean
/// over problems is close to symmetric, so the acceleration that BCa estimates by a jackknife buys
/// little, and it is undefined just where probes often are: at k_max every problem, or none, is
/// solved ([`interval`] has an exact bound for these). Percentiles stay inside 0..=1 and give a crossover's two sides the same treatment. The
/// cost is known: with P problems the interval is about √((P−1)/P) too narrow.
pub(crate) fn percentile_interval(mut values: Vec<f64>, confidence: f64) -> Option<(f64, f64)> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    // One rank, counted from either end, so that negating every value swaps and negates the ends
    // exactly.
    let rank = ((1.0 - confidence) / 2.0 * (values.len() + 1) as f64 - 1.0).max(0.0);
    let (whole, part) = (rank.floor() as usize, rank.fract());
    let (at, next) = (whole.min(last), (whole + 1).min(last));
    // a + part·(b − a) is exactly a where both are equal.
    let between = |a: f64, b: f64| a + part * (b - a);
    Some((between(values[at], values[next]), between(values[last - at], values[last - next])))
}

/// The interval of a mean over problems: the percentiles of its resamples, or, where all problems
/// agree and the resamples would collapse to a point, [`agreed_interval`]. Without
/// resamples the whole range.
pub(crate) fn interval(
    resampled: Vec<f64>,
    agreed: Option<impl Into<Interval>>,
    problems: usize,
    range: (f64, f64),
    confidence: f64,
) -> Interval {
    match agreed {
        Some(values) => agreed_interval(values.into(), problems, range, confidence),
        None => {
            let (low, high) = percentile_interval(resampled, confidence).unwrap_or(range);
            Interval { low, high }
        }
    }
}

/// The exact interval for the mean μ of `problems` independent values in `range`, where all of them
/// came out within `values`, which is a point or nearly.
///
/// If a value lies outside with probability d, none does with probability (1 − d)^P, and μ is at most
/// d of the way from `values` to an end of the range. So at each end all d up to 1 − (α/2)^(1/P)
/// cannot be excluded at α/2, which is the share of the error that the percentiles give to each end
/// (Clopper and Pearson 1934, at 0 of P, without the assumption that values are 0 or 1). None
/// solved: [0, 1 − (α/2)^(1/P)], 3.8% for 96 problems at 95%.
pub(crate) fn agreed_interval(
    Interval { low, high }: Interval,
    problems: usize,
    (least, most): (f64, f64),
    confidence: f64,
) -> Interval {
    let outside = -(((1.0 - confidence) / 2.0).ln() / problems as f64).exp_m1();
    Interval { low: low - outside * (low - least), high: high + outside * (most - high) }
}

/// The confidence quantile of `values`: their (R + 1)·confidence-th smallest, interpolated; 0 of no
/// values.
pub(crate) fn upper_quantile(mut values: Vec<f64>, confidence: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    let rank = (confidence * (values.len() + 1) as f64 - 1.0).clamp(0.0, last as f64);
    let (whole, part) = (rank.floor() as usize, rank.fract());
    values[whole] + part * (values[(whole + 1).min(last)] - values[whole])
}

#[cfg(test)]
#[path = "../../tests/unit/statistics/bootstrap.rs"]
mod tests;
