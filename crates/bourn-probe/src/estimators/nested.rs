//! The nested bootstrap: over problems, then over the draws within each.

use std::collections::BTreeMap;

use bourn_seed::rng;
use rand::Rng;
use rayon::prelude::*;

use crate::Outcomes;
use crate::estimators::belief::Belief;
use crate::estimators::ends::{Ends, EndsKey, Law, REDRAWS, key};
use crate::figures::Interval;
use crate::statistics::bootstrap::{interval, resampled_rows};

/// What drawing a problem again could give: equally likely ends, and what turns the estimates there
/// into noise.
struct Redraws {
    ends: Vec<u32>,
    /// Mean estimate over the ends, at each k.
    means: Vec<f64>,
    /// Factor on the deviation from it, at each k.
    scales: Vec<f64>,
    /// Variance of the noise, at each k.
    variances: Vec<f64>,
}

/// The re-drawings of one model's problems, by rule and by counts.
pub(crate) struct Redrawn {
    ends: BTreeMap<EndsKey, Option<Ends>>,
    problems: BTreeMap<(EndsKey, u64, u64), Redraws>,
    width: usize,
}

impl Redrawn {
    /// The re-drawings of `outcomes` with the estimates at each of `ks`.
    ///
    /// A problem is drawn anew by its own rule, with a success probability of which its Beta
    /// posterior is known, under the prior [`Belief::fitted`] to all of them. The spread of what is
    /// drawn so holds the posterior's own, which is no noise: the deviations are scaled down to the
    /// posterior mean of the estimate's variance given p.
    pub(crate) fn new(outcomes: impl Iterator<Item = Outcomes> + Clone, ks: &[u64]) -> Self {
        let prior = Belief::fitted(outcomes.clone());
        let distinct: BTreeMap<(EndsKey, u64, u64), Outcomes> =
            outcomes.map(|o| ((key(o), o.n(), o.c()), o)).collect();
        let mut ends = BTreeMap::new();
        for (key, ..) in distinct.keys() {
            ends.entry(*key).or_insert_with(|| Ends::new(*key, ks));
        }
        let redraw = |(id, outcomes): (&(EndsKey, u64, u64), &Outcomes)| {
            let of = ends[&id.0].as_ref()?;
            Some((*id, redraws(of, prior.after(*outcomes), ks)))
        };
        let problems = distinct.par_iter().filter_map(redraw).collect();
        Self { ends, problems, width: ks.len() }
    }

    /// The ends and re-drawings of this problem; `None` where its rule has too many ends to list.
    fn of(&self, outcomes: Outcomes) -> Option<(&Ends, &Redraws)> {
        let key = key(outcomes);
        let redraws = self.problems.get(&(key, outcomes.n(), outcomes.c()))?;
        Some((self.ends.get(&key)?.as_ref()?, redraws))
    }

    /// Adds `sign` times the noise of re-drawing number `draw` to `sums`.
    fn add(&self, outcomes: Outcomes, draw: usize, sign: f64, sums: &mut [f64]) {
        let Some((ends, Redraws { ends: at, means, scales, .. })) = self.of(outcomes) else {
            return;
        };
        let row = ends.row(at[draw] as usize);
        for (((sum, x), mean), scale) in sums.iter_mut().zip(row).zip(means).zip(scales) {
            *sum += sign * scale * (x - mean);
        }
    }

    /// The variance of the noise at each k.
    fn variances(&self, outcomes: Outcomes) -> Vec<f64> {
        let found = self.of(outcomes).map(|(_, redraws)| redraws.variances.clone());
        found.unwrap_or_else(|| vec![0.0; self.width])
    }
}

fn redraws(ends: &Ends, posterior: Belief, ks: &[u64]) -> Redraws {
    let believed = ends.probabilities(Law::Believed(posterior));
    let [variances, _] = ends.noise(posterior, ks, &believed);
    let at = Ends::quantiles(&believed);
    let mean = |of: &dyn Fn(&[f64], usize) -> f64, k: usize| {
        at.iter().map(|&end| of(ends.row(end as usize), k)).sum::<f64>() / REDRAWS as f64
    };
    let means: Vec<f64> = (0..ks.len()).map(|k| mean(&|row, k| row[k], k)).collect();
    let scale = |k: usize| {
        let spread = mean(&|row, k| (row[k] - means[k]).powi(2), k);
        if spread > 0.0 { (variances[k] / spread).sqrt() } else { 0.0 }
    };
    let scales = (0..ks.len()).map(scale).collect();
    Redraws { ends: at, means, scales, variances }
}

/// Intervals of the mean difference at each k by a bootstrap over problems and then over the draws
/// within each; `pairs` in the order of the rows of [`crate::statistics::bootstrap::BootstrapTable`].
///
/// The estimates that a bootstrap over problems resamples hold the noise of their draws already.
/// Drawing anew around them would count it twice and give intervals up to √2 too wide. So the
/// hierarchical bootstrap of Davison and Hinkley (1997, section 3.8) is used: the problems'
/// differences are first shrunk towards their mean, dᵢ → d̄ + λ(dᵢ − d̄), until their variance is
/// what is left of it when the mean noise of the draws is taken off, λ² = max(0, S² − v̄)/S²_P (S²
/// over P − 1, S²_P over P), and the draws give the noise back, once. Its variance is max(S², v̄):
/// that of the problems, and never less than that of the draws, where every problem agrees too.
///
/// Draws are drawn anew as [`Redrawn::new`] says: one of [`REDRAWS`] equally likely ends,
/// independently for the two models. With more than [`crate::estimators::ends::MAX_LISTED`] draws a problem is
/// not drawn anew.
pub(crate) fn nested(
    pairs: &[(&String, Outcomes, Outcomes)],
    differences: &[Vec<f64>],
    [of_base, of_policy]: &[Redrawn; 2],
    seed: u64,
    resamples: usize,
    confidence: f64,
) -> Vec<Interval> {
    let problems = pairs.len() as f64;
    let width = of_base.width;
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
        let both = of_base.variances(base).into_iter().zip(of_policy.variances(policy));
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
                for (of, outcomes, sign) in [(of_policy, policy, 1.0), (of_base, base, -1.0)] {
                    let draw = draws.random_range(0..REDRAWS as u64) as usize;
                    of.add(outcomes, draw, sign, &mut draws_part);
                }
            }
            let parts = problems_part.iter().zip(&draws_part).zip(&shrunk).zip(&mean);
            parts.map(|(((p, d), shrunk), mean)| mean + (shrunk * p + d) / problems).collect()
        })
        .collect();
    let ends = |k: usize| {
        let values = resampled.iter().map(|row: &Vec<f64>| row[k].clamp(-1.0, 1.0)).collect();
        interval(values, None::<Interval>, pairs.len(), (-1.0, 1.0), confidence)
    };
    (0..width).map(ends).collect()
}
