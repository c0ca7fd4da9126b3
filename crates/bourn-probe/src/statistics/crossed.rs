//! A mean over problems and training seeds at once, with an interval that allows for both.

use crate::figures::boundary::Estimate;
use crate::statistics::bootstrap::{BootstrapTable, agreed_interval};
use crate::statistics::special::{beta_quantile, beta_tails};

/// A mean over problems and seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Crossed {
    /// The mean with its interval.
    pub estimate: Estimate,
    /// Two-sided p-value of a mean of 0; 1 where nothing varies and the mean is 0, and where there
    /// is one problem only.
    pub p_value: f64,
    /// Standard deviation over seeds of the mean over problems; `None` of one seed.
    pub seed_sd: Option<f64>,
}

/// The mean of `values[seed][problem]`, which lie in `range`, with an interval of this confidence
/// for new problems *and* new seeds; `None` of no values. Every seed has the same problems, in the
/// same order.
///
/// Problems and seeds are crossed random effects: x = μ + problem + seed + rest. The variance of
/// the mean is (MS_problem + MS_seed − MS_rest)/(P·S), with Satterthwaite's degrees of freedom
/// (Satterthwaite 1946; Clark 1973, the quasi-F that treats items as random too), and the interval
/// is Student's. It is never narrower than either effect alone asks for. Of one seed it is the
/// interval over problems, and says nothing about training again.
///
/// Few seeds that differ make few degrees of freedom and a wide interval: three of them and nothing
/// else give 4.3 standard errors at 95%, not 2. Where all values agree, the interval is the exact
/// one of [`compare`](crate::compare) over problems.
pub(crate) fn crossed(values: &[Vec<f64>], range: (f64, f64), confidence: f64) -> Option<Crossed> {
    let (seeds, problems) = (values.len(), values.first()?.len());
    if problems == 0 || values.iter().any(|row| row.len() != problems) {
        return None;
    }
    let (s, p) = (seeds as f64, problems as f64);
    let mean_of = |row: &[f64]| row.iter().sum::<f64>() / row.len() as f64;
    let by_seed: Vec<f64> = values.iter().map(|row| mean_of(row)).collect();
    let by_problem: Vec<f64> =
        (0..problems).map(|at| values.iter().map(|row| row[at]).sum::<f64>() / s).collect();
    let mean = mean_of(&by_seed);
    let square = |x: f64| x * x;
    let about = |means: &[f64]| means.iter().map(|m| square(m - mean)).sum::<f64>();
    let rest: f64 = values
        .iter()
        .zip(&by_seed)
        .flat_map(|(row, seed)| {
            row.iter().zip(&by_problem).map(move |(x, problem)| square(x - seed - problem + mean))
        })
        .sum();
    let effects = Effects {
        problem: MeanSquare::of(s * about(&by_problem), p - 1.0),
        seed: MeanSquare::of(p * about(&by_seed), s - 1.0),
        rest: MeanSquare::of(rest, (p - 1.0) * (s - 1.0)),
    };
    let seed_sd = (seeds > 1).then(|| (about(&by_seed) / (s - 1.0)).sqrt());

    let mut cells = BootstrapTable::new(1, problems * seeds);
    values.iter().flatten().for_each(|&value| cells.push([value]));
    let (low, high, p_value) = match cells.agreed(|row| row[0]) {
        Some(values) => {
            let ends = agreed_interval(values, problems, range, confidence);
            (ends.low, ends.high, f64::from(mean == 0.0))
        }
        None if problems == 1 => (range.0, range.1, 1.0),
        None => {
            let (variance, df) = effects.variance_of_mean();
            let error = (variance / (s * p)).sqrt();
            let half = t_quantile(df, confidence) * error;
            (mean - half, mean + half, t_two_sided(mean / error, df))
        }
    };
    let (low, high) = (low.clamp(range.0, range.1), high.clamp(range.0, range.1));
    let estimate = Estimate { value: mean, ci_low: low, ci_high: high };
    Some(Crossed { estimate, p_value, seed_sd })
}

/// A sum of squares by its degrees of freedom.
#[derive(Clone, Copy)]
struct MeanSquare {
    value: f64,
    df: f64,
}

impl MeanSquare {
    /// 0 where there are no degrees of freedom.
    fn of(sum: f64, df: f64) -> MeanSquare {
        MeanSquare { value: if df > 0.0 { sum / df } else { 0.0 }, df }
    }

    /// Its part of Satterthwaite's denominator.
    fn spread(self) -> f64 {
        if self.df > 0.0 { self.value * self.value / self.df } else { 0.0 }
    }
}

struct Effects {
    problem: MeanSquare,
    seed: MeanSquare,
    rest: MeanSquare,
}

impl Effects {
    /// The variance of the mean times P·S, and its degrees of freedom: both effects where both
    /// stand out of the rest, else the larger alone.
    fn variance_of_mean(&self) -> (f64, f64) {
        let Effects { problem, seed, rest } = *self;
        let larger = if problem.value >= seed.value { problem } else { seed };
        let both = problem.value + seed.value - rest.value;
        if both <= larger.value || seed.df == 0.0 {
            return (larger.value, larger.df);
        }
        let df = both * both / (problem.spread() + seed.spread() + rest.spread());
        (both, df)
    }
}

/// The t that |t| stays below with this probability, of Student's distribution; `df` need not be
/// whole. By 1/(1 + t²/df) ~ Beta(df/2, 1/2).
fn t_quantile(df: f64, confidence: f64) -> f64 {
    let x = beta_quantile(df / 2.0, 0.5, 1.0 - confidence);
    (df * (1.0 / x - 1.0)).sqrt()
}

/// P(|T| ≥ |t|) of Student's distribution.
fn t_two_sided(t: f64, df: f64) -> f64 {
    beta_tails(df / 2.0, 0.5, df / (df + t * t)).lower
}

/// Holm's step-down p-values of a family of tests (Holm 1979): whoever calls those below α
/// differences is wrong about any of them with probability at most α. In the order given.
pub(crate) fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let (mut adjusted, mut least) = (vec![1.0; p_values.len()], 0.0_f64);
    for (rank, &index) in order.iter().enumerate() {
        least = least.max((p_values[index] * (p_values.len() - rank) as f64).min(1.0));
        adjusted[index] = least;
    }
    adjusted
}

#[cfg(test)]
#[path = "../../tests/unit/statistics/crossed.rs"]
mod tests;
