//! What the solvable sets would look like were the policy the frozen base itself.

use bourn_seed::rng;
use rand::Rng;
use rand_distr::{Binomial, Distribution, Gamma, Poisson};
use rayon::prelude::*;

use crate::solvable::posterior::Posterior;
use crate::solvable::prior::DistinctCounts;
use crate::solvable::solvability::{Fits, Pair, at_least, sizes};
use crate::{CompareOptions, Outcomes, StopRule};

/// Most pairs of runs of the base.
const REPLICATES: usize = 200;
/// Fewest of them where problems are many, and the problems that all of them together may have.
const REPLICATES_AT_LEAST: usize = 40;
const REPLICATED_PROBLEMS: usize = 2_000_000;

/// The expected sizes of kept, gained, lost and neither under the null.
pub(crate) struct Null {
    /// Of every replicate, set by set.
    pub(crate) sizes: [Vec<f64>; 4],
    /// (1 + replicates with at least as many lost)/(1 + replicates).
    pub(crate) lost_as_many: f64,
    /// The same of gained problems.
    pub(crate) gained_as_many: f64,
}

/// Simulates pairs of runs of the frozen base, and takes the expected sizes of each pair.
///
/// A pair draws every problem's rate from the base's posterior (whose prior is another refit each
/// time, so that its uncertainty is in it), draws outcomes at that rate twice, once as the base was
/// drawn and once as the policy was (its own rule, its own n_max), fits a prior to each run and
/// takes expectations, all as with the outcomes that were seen.
///
/// The base's run is drawn anew rather than kept. Were the prior known, keeping it would be exact:
/// given the base's outcomes its posterior is what a second run follows. But the prior is fitted to
/// the same outcomes and takes their luck for the truth, so that a second run falls short of it less
/// often than it should. Two fresh runs have each their own luck, as the two that were seen have, and
/// nothing is counted twice: over the base's outcomes, rates from the posterior follow the prior.
pub(crate) fn null(
    pairs: &[Pair<'_>],
    fits: &Fits,
    epsilon: f64,
    expected: [f64; 4],
    options: &CompareOptions,
) -> Null {
    let base = &fits.base;
    let replicate = |replicate: usize| {
        let mut rng = rng(options.seed, "probe/null", &[replicate as u64]);
        let [prior, _] = fits.refits[replicate % fits.refits.len()];
        let posteriors: Vec<Posterior> =
            base.counts.pairs.iter().map(|&(n, c)| Posterior::new(&prior, n, c)).collect();
        let drawn: Vec<[Outcomes; 2]> = pairs
            .iter()
            .zip(&base.counts.of)
            .map(|(&(_, base, policy), &place)| {
                let rate = rate(&posteriors[place], &mut rng);
                [base, policy].map(|like| outcomes(like, rate, &mut rng))
            })
            .collect();
        let [first, second] = [0, 1].map(|run| {
            let counts = DistinctCounts::of(drawn.iter().map(move |runs| runs[run]));
            let fit = base.fit.again(&counts, &counts.weights());
            (at_least(&counts, &fit.prior, epsilon), counts)
        });
        let places = first.1.of.iter().zip(&second.1.of);
        sizes(places.map(|(&b, &p)| (first.0[b], second.0[p])))
    };
    let most = (REPLICATED_PROBLEMS / pairs.len().max(1)).clamp(REPLICATES_AT_LEAST, REPLICATES);
    let replicates = most.min(options.resamples);
    let sets: Vec<[f64; 4]> = (0..replicates).into_par_iter().map(replicate).collect();

    let column = |set: usize| sets.iter().map(|sizes| sizes[set]).collect::<Vec<f64>>();
    let sizes = [0, 1, 2, 3].map(column);
    let as_many = |set: usize| {
        // Less the rounding of the sums.
        let many = sizes[set].iter().filter(|&&size| size >= expected[set] - 1e-9).count();
        (1 + many) as f64 / (1 + replicates) as f64
    };
    Null { gained_as_many: as_many(1), lost_as_many: as_many(2), sizes }
}

/// A rate from a posterior: a ratio of Gamma variates in logarithms, because with shapes near 0
/// both underflow (a variate of shape a is one of a + 1 times U^(1/a)).
pub(crate) fn rate(posterior: &Posterior, rng: &mut impl Rng) -> f64 {
    if rng.random::<f64>() < posterior.zero {
        return 0.0;
    }
    let mut ln_gamma = |shape: f64| {
        let above = Gamma::new(shape + 1.0, 1.0).map_or(shape, |gamma| gamma.sample(rng));
        // In 0..1, so that its complement is never 0.
        above.ln() + (1.0 - rng.random::<f64>()).ln() / shape
    };
    let (a, b) = (ln_gamma(posterior.a), ln_gamma(posterior.b));
    1.0 / (1.0 + (b - a).exp())
}

/// Outcomes at a rate, drawn as these were: the same n_max, the same rule.
pub(crate) fn outcomes(like: Outcomes, rate: f64, rng: &mut impl Rng) -> Outcomes {
    let n = like.n_max();
    let rule = like.rule().filter(|rule| rule.successes <= n);
    let drawn = match rule {
        None => {
            let counts = Outcomes::new(n, binomial(n, rate, rng));
            like.rule().map_or(counts, |rule| Outcomes::stopped(n, counts?.c(), rule))
        }
        Some(rule) => {
            let (n, c) = stopped(rule, rate, rng);
            Outcomes::stopped(n, c, rule)
        }
    };
    // Every branch ends where the rule does; were that ever wrong, the outcomes that are there are
    // as good as any.
    drawn.unwrap_or(like)
}

fn binomial(n: u64, rate: f64, rng: &mut impl Rng) -> u64 {
    // A rate is a probability, or there is no distribution: NaN counts as no success.
    Binomial::new(n, rate).map_or(0, |binomial| binomial.sample(rng).min(n))
}

/// Draws and correct ones under a rule that can be reached.
fn stopped(rule: StopRule, rate: f64, rng: &mut impl Rng) -> (u64, u64) {
    let StopRule { successes, n_max } = rule;
    if rate.is_nan() || rate <= 0.0 {
        return (n_max, 0);
    }
    if rate >= 1.0 {
        return (successes, successes);
    }
    if successes <= 64 {
        // From success to success; saturating, because small rates wait for ever.
        let ln_wrong = (-rate).ln_1p();
        let mut n = 0_u64;
        for c in 0..successes {
            let wait = (1.0 - rng.random::<f64>()).ln() / ln_wrong;
            n = n.saturating_add(1).saturating_add(wait as u64);
            if n > n_max {
                return (n_max, c);
            }
        }
        return (n, successes);
    }
    // Whether it is reached, and then when, given that it is: the second loop ends as often as
    // the first draw says that it can.
    let c = binomial(n_max, rate, rng);
    if c < successes {
        return (n_max, c);
    }
    for _ in 0..10_000 {
        let wrong = Gamma::new(successes as f64, (1.0 - rate) / rate)
            .map_or(0.0, |gamma| gamma.sample(rng));
        let wrong = Poisson::new(wrong).map_or(0.0, |poisson| poisson.sample(rng));
        let n = successes.saturating_add(wrong as u64);
        if n <= n_max {
            return (n, successes);
        }
    }
    (n_max, successes)
}

#[cfg(test)]
#[path = "../../tests/unit/solvable/null.rs"]
mod tests;
