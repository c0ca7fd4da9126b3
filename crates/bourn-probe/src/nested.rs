//! The nested bootstrap: over problems, then over the draws within each.

use std::collections::BTreeMap;

use bourn_task::seed::rng;
use rand::Rng;
use rayon::prelude::*;

use crate::Outcomes;
use crate::bootstrap::{interval, resampled_rows};
use crate::ends::{Ends, EndsKey, REDRAWS, key, rate};
use crate::figures::Interval;

/// What drawing a problem again could have given: equally likely ends and their mean estimates.
struct Redraws {
    ends: Vec<u32>,
    means: Vec<f64>,
}

/// The re-drawings of the problems of both models, by rule and by counts.
pub(crate) struct Redrawn {
    ends: BTreeMap<EndsKey, Option<Ends>>,
    problems: BTreeMap<(EndsKey, u64, u64), Redraws>,
    width: usize,
}

impl Redrawn {
    /// The re-drawings of `outcomes` with the estimates at each of `ks`.
    pub(crate) fn new(outcomes: impl Iterator<Item = Outcomes>, ks: &[u64]) -> Self {
        let distinct: BTreeMap<(EndsKey, u64, u64), Outcomes> =
            outcomes.map(|o| ((key(o), o.n(), o.c()), o)).collect();
        let mut ends = BTreeMap::new();
        for (key, ..) in distinct.keys() {
            ends.entry(*key).or_insert_with(|| Ends::new(*key, ks));
        }
        let redraw = |(id, outcomes): (&(EndsKey, u64, u64), &Outcomes)| {
            let of = ends[&id.0].as_ref()?;
            let quantiles = Ends::quantiles(&of.probabilities(rate(*outcomes)));
            let mut means = vec![0.0; ks.len()];
            for &end in &quantiles {
                means.iter_mut().zip(of.row(end as usize)).for_each(|(mean, x)| *mean += x);
            }
            means.iter_mut().for_each(|mean| *mean /= REDRAWS as f64);
            Some((*id, Redraws { ends: quantiles, means }))
        };
        let problems = distinct.par_iter().filter_map(redraw).collect();
        Self { ends, problems, width: ks.len() }
    }

    /// The deviation from its mean of each re-drawing of this problem, [`REDRAWS`] rows; `None`
    /// where the rule has too many ends to list.
    fn of(&self, outcomes: Outcomes) -> Option<(&Ends, &Redraws)> {
        let key = key(outcomes);
        let redraws = self.problems.get(&(key, outcomes.n(), outcomes.c()))?;
        Some((self.ends.get(&key)?.as_ref()?, redraws))
    }

    /// Adds `sign` times the deviation of re-drawing number `draw` to `sums`.
    fn add(&self, outcomes: Outcomes, draw: usize, sign: f64, sums: &mut [f64]) {
        let Some((ends, redraws)) = self.of(outcomes) else { return };
        let row = ends.row(redraws.ends[draw] as usize);
        for ((sum, x), mean) in sums.iter_mut().zip(row).zip(&redraws.means) {
            *sum += sign * (x - mean);
        }
    }

    /// The variance of the re-drawings at each k.
    fn variances(&self, outcomes: Outcomes) -> Vec<f64> {
        let mut variances = vec![0.0; self.width];
        for draw in 0..REDRAWS {
            let mut deviation = vec![0.0; self.width];
            self.add(outcomes, draw, 1.0, &mut deviation);
            for (variance, x) in variances.iter_mut().zip(deviation) {
                *variance += x * x / REDRAWS as f64;
            }
        }
        variances
    }
}

/// Intervals of the mean difference at each k by a bootstrap over problems and then over the draws
/// within each; `pairs` in the order of the rows of [`crate::bootstrap::Table`].
///
/// The estimates that a bootstrap over problems resamples hold the noise of their draws already.
/// Drawing anew around them would count it twice and give intervals up to √2 too wide. So the
/// hierarchical bootstrap of Davison and Hinkley (1997, section 3.8) is used: the problems'
/// differences are first shrunk towards their mean, dᵢ → d̄ + λ(dᵢ − d̄), until their variance is
/// what is left of it when the mean noise of the draws is taken off, λ² = max(0, S² − v̄)/S²_P (S²
/// over P − 1, S²_P over P), and the draws give the noise back, once. Its variance is max(S², v̄):
/// that of the problems, and never less than that of the draws, where every problem agrees too.
///
/// Draws are drawn anew by the problem's own rule at its [`rate`]: one of [`REDRAWS`] equally likely
/// ends, independently for the two models. With more than [`crate::ends::MAX_LISTED`] draws a
/// problem is not drawn anew.
pub(crate) fn nested(
    pairs: &[(&String, Outcomes, Outcomes)],
    differences: &[Vec<f64>],
    redrawn: &Redrawn,
    seed: u64,
    resamples: usize,
    confidence: f64,
) -> Vec<Interval> {
    let problems = pairs.len() as f64;
    let width = redrawn.width;
    let mut mean = vec![0.0; width];
    for row in differences {
        mean.iter_mut().zip(row).for_each(|(mean, d)| *mean += d / problems);
    }
    let mut spread = vec![0.0; width];
    for row in differences {
        for ((spread, d), mean) in spread.iter_mut().zip(row).zip(&mean) {
            *spread += (d - mean).powi(2);
        }
    }
    let mut noise = vec![0.0; width];
    for &(_, base, policy) in pairs {
        let both = redrawn.variances(base).into_iter().zip(redrawn.variances(policy));
        noise.iter_mut().zip(both).for_each(|(noise, (b, p))| *noise += (b + p) / problems);
    }
    let shrink = |(spread, noise): (&f64, &f64)| {
        // One problem has no spread to shrink.
        let between = spread / (problems - 1.0).max(1.0) - noise;
        if *spread > 0.0 { (between.max(0.0) * problems / spread).sqrt() } else { 0.0 }
    };
    let shrunk: Vec<f64> = spread.iter().zip(&noise).map(shrink).collect();

    let resampled: Vec<Vec<f64>> = (0..resamples as u64)
        .into_par_iter()
        .map(|resample| {
            let mut draws = rng(seed, "probe/bootstrap/draws", &[resample]);
            let mut problems_part = vec![0.0; width];
            let mut draws_part = vec![0.0; width];
            for row in resampled_rows(seed, resample, pairs.len()) {
                for ((sum, d), mean) in problems_part.iter_mut().zip(&differences[row]).zip(&mean) {
                    *sum += d - mean;
                }
                let (_, base, policy) = pairs[row];
                for (outcomes, sign) in [(policy, 1.0), (base, -1.0)] {
                    let draw = draws.random_range(0..REDRAWS as u64) as usize;
                    redrawn.add(outcomes, draw, sign, &mut draws_part);
                }
            }
            let parts = problems_part.iter().zip(&draws_part).zip(&shrunk).zip(&mean);
            parts.map(|(((p, d), shrunk), mean)| mean + (shrunk * p + d) / problems).collect()
        })
        .collect();
    let ends = |k: usize| {
        let values = resampled.iter().map(|row: &Vec<f64>| row[k].clamp(-1.0, 1.0)).collect();
        interval(values, None, pairs.len(), (-1.0, 1.0), confidence)
    };
    (0..width).map(ends).collect()
}
