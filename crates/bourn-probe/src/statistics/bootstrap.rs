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
pub(crate) struct Table {
    width: usize,
    cells: Vec<f64>,
}

impl Table {
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
mod tests {
    use super::*;

    #[test]
    fn percentiles_worked_by_hand() {
        let check = |values: &[f64], confidence, expect| {
            assert_eq!(percentile_interval(values.to_vec(), confidence), expect, "{values:?}");
        };
        // 9 values: the q quantile is the (10 q)-th smallest.
        let nine = [9.0, 1.0, 8.0, 2.0, 7.0, 3.0, 6.0, 4.0, 5.0];
        check(&nine, 0.5, Some((2.5, 7.5)));
        check(&nine[..3], 0.5, Some((1.0, 9.0)));
        check(&[1.0, 1.0], 0.95, Some((1.0, 1.0)));
        check(&[0.3], 0.95, Some((0.3, 0.3)));
        check(&[], 0.95, None);
    }

    fn point(value: f64) -> Interval {
        value.into()
    }

    #[test]
    fn where_all_agree() {
        let check = |value, problems, range, low: f64, high: f64| {
            let got = agreed_interval(point(value), problems, range, 0.9);
            // 1e-15: a logarithm and an exponential of numbers below 10.
            assert!((got.low - low).abs() < 1e-15 && (got.high - high).abs() < 1e-15, "{got:?}");
        };
        // 1 − 0.05^(1/2) = 1 − 0.2236...
        let u = 1.0 - 0.05_f64.sqrt();
        check(0.0, 2, (0.0, 1.0), 0.0, u);
        check(1.0, 2, (0.0, 1.0), 1.0 - u, 1.0);
        check(0.5, 2, (0.0, 1.0), 0.5 - u / 2.0, 0.5 + u / 2.0);
        check(0.0, 2, (-1.0, 1.0), -u, u);
        check(1.0, 2, (-1.0, 1.0), 1.0 - 2.0 * u, 1.0);
        check(0.0, 1, (0.0, 1.0), 0.0, 0.95);
        // The bound is where P(all agree) is just α/2, were the others at the far end.
        for problems in [1, 5, 96, 100_000] {
            let Interval { high, .. } = agreed_interval(point(0.0), problems, (0.0, 1.0), 0.95);
            let all_agree = (1.0 - high).powi(problems as i32);
            // 1e-10: a power of 100,000 multiplies the rounding of 1 − high by as much.
            assert!((all_agree - 0.025).abs() < 1e-10, "{problems}: {all_agree}");
        }
    }

    #[test]
    fn agreement_is_of_all_rows() {
        let mut table = Table::new(3, 3);
        assert_eq!(table.agreed(|row| row[0]), None);
        table.push([0.5, 1.0, 0.25]);
        assert_eq!(table.agreed(|row| row[1]), Some(point(1.0)));
        table.push([0.5, 0.0, 0.2505]);
        table.push([0.5, 0.0, 0.2498]);
        assert_eq!(table.agreed(|row| row[0]), Some(point(0.5)));
        assert_eq!(table.agreed(|row| row[1]), None);
        assert_eq!(table.agreed(|row| row[2]), Some(Interval { low: 0.2498, high: 0.2505 }));
        // Beyond both ends: u = 0.95 of one problem at 90%.
        let all = agreed_interval(Interval { low: 0.2, high: 0.3 }, 1, (0.0, 1.0), 0.9);
        assert!((all.low - 0.01).abs() < 1e-15 && (all.high - 0.965).abs() < 1e-15, "{all:?}");
        assert_eq!(
            interval(vec![0.1, 0.3], None::<f64>, 2, (0.0, 1.0), 0.5),
            Interval { low: 0.1, high: 0.3 }
        );
        assert_eq!(
            interval(vec![], None::<f64>, 2, (0.0, 1.0), 0.5),
            Interval { low: 0.0, high: 1.0 }
        );
    }

    #[test]
    fn upper_quantiles() {
        // 9 values: the q quantile is the (10 q)-th smallest.
        let nine: Vec<f64> = (1..=9).rev().map(f64::from).collect();
        assert_eq!(upper_quantile(nine.clone(), 0.5), 5.0);
        assert_eq!(upper_quantile(nine.clone(), 0.75), 7.5);
        assert_eq!(upper_quantile(nine, 0.99), 9.0);
        assert_eq!(upper_quantile(vec![], 0.9), 0.0);
    }

    #[test]
    fn fewest_resamples() {
        let check =
            |confidence, least| assert_eq!(min_resamples(confidence), least, "{confidence}");
        check(0.5, 3);
        check(0.9, 19);
        check(0.95, 39);
        check(0.99, 199);
        check(1e-9, 1);
        // With exactly that many, the interval is smallest to largest.
        let values: Vec<f64> = (0..39).map(f64::from).collect();
        let (low, high) = percentile_interval(values, 0.95).unwrap();
        // 1e-12: ranks near 40, rounded three times.
        assert!(low.abs() < 1e-12 && (high - 38.0).abs() < 1e-12, "{low} {high}");
    }

    #[test]
    fn resampling_is_paired_reproducible_and_with_replacement() {
        let mut both = Table::new(2, 50);
        let mut one = Table::new(1, 50);
        for row in 0..50 {
            let value = f64::from(row);
            both.push([value, 3.0 * value]);
            one.push([value]);
        }
        assert_eq!(one.sums(), [1225.0]);
        let (a, b) = (both.resampled_sums(7, 200), one.resampled_sums(7, 200));
        for (a, b) in a.iter().zip(&b) {
            // Integers: exact sums. The same rows in both columns and in both tables.
            assert_eq!(a[1], 3.0 * a[0]);
            assert_eq!(a[0], b[0]);
        }
        assert_eq!(a, both.resampled_sums(7, 200));
        assert_eq!(a[..50], both.resampled_sums(7, 50), "more resamples keep the first");
        assert_ne!(a, both.resampled_sums(8, 200));
        // The sum of 50 draws from 0..50 has variance 50·(50²−1)/12; 200 of them average to 1225
        // with a standard error of 7.2: five of those.
        let mean = a.iter().map(|sums| sums[0]).sum::<f64>() / 200.0;
        assert!((mean - 1225.0).abs() < 36.0, "{mean}");
    }
}
