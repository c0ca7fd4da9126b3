//! What the solvable sets would look like were the policy the frozen base itself.

use bourn_seed::rng;
use rand::Rng;
use rand_distr::{Binomial, Distribution, Gamma, Poisson};
use rayon::prelude::*;

use crate::solvable::mixture::Mixture;
use crate::solvable::prior::DistinctCounts;
use crate::solvable::solvability::{Fits, Pair, at_least, sizes};
use crate::{CompareOptions, Outcomes, StopRule};

/// Most pairs of runs.
const REPLICATES: usize = 200;
/// Fewest of them where problems are many, and the problems that all of them together may have.
const REPLICATES_AT_LEAST: usize = 40;
const REPLICATED_PROBLEMS: usize = 2_000_000;

/// What chance alone shows of kept, gained, lost and neither.
pub(crate) struct Null {
    /// The expected sizes between two runs of the base, set by set, of every replicate.
    pub(crate) sizes: [Vec<f64>; 4],
    /// (1 + replicates with at least as many lost)/(1 + replicates), were policy and base one model.
    pub(crate) lost_as_many: f64,
    /// The same of gained problems.
    pub(crate) gained_as_many: f64,
}

/// Simulates pairs of runs of one model, and takes the expected sizes of each pair.
///
/// Rates come from [`Mixture`], a prior of any shape, because a shape that does not fit is believed:
/// expectations may lean on a Beta that does not fit, as long as the runs that they are compared
/// with lean on it alike. A pair draws every problem's rate from its posterior; draws outcomes at that
/// rate twice, once as the base was drawn and once as the policy was (its own rule, its own n_max);
/// fits the Beta prior to each run and takes expectations, all as with the outcomes that were seen.
///
/// The sizes are of two runs of the base: the posterior is of its draws. The probabilities are of a
/// policy that *is* the base: all draws of a problem are then one model's, and the posterior is of
/// both models' together. Were it the base's alone, its luck would be taken for the truth, of which a
/// second run falls short. The sizes cannot come of both, since the draws of a policy that lost a
/// problem would make the base look as if it lost it by chance.
///
/// No run is kept as it was seen. Two fresh runs have each their own luck, as the two that were seen.
pub(crate) fn null(
    pairs: &[Pair<'_>],
    fits: &Fits,
    epsilon: f64,
    expected: [f64; 4],
    options: &CompareOptions,
) -> Null {
    let counts = |of: &dyn Fn(Outcomes, Outcomes) -> (u64, u64)| {
        let counts: Vec<(u64, u64)> = pairs.iter().map(|pair| of(pair.1, pair.2)).collect();
        DistinctCounts::of_pairs(counts.into_iter())
    };
    let of_base = counts(&|base, _| (base.n(), base.c()));
    let of_both = counts(&|base, policy| {
        (base.n().saturating_add(policy.n()), base.c().saturating_add(policy.c()))
    });
    let runs_of_base = replicates("probe/null", &of_base, pairs, fits, epsilon, options);
    let runs_of_both = replicates("probe/null-of-both", &of_both, pairs, fits, epsilon, options);

    let as_many = |set: usize| {
        // Less the rounding of the sums.
        let many = |sizes: &&[f64; 4]| sizes[set] >= expected[set] - 1e-9;
        (1 + runs_of_both.iter().filter(many).count()) as f64 / (1 + runs_of_both.len()) as f64
    };
    let column = |set: usize| runs_of_base.iter().map(|sizes| sizes[set]).collect::<Vec<f64>>();
    Null { sizes: [0, 1, 2, 3].map(column), lost_as_many: as_many(2), gained_as_many: as_many(1) }
}

/// The sizes of each pair of runs at rates from the posteriors of these counts.
fn replicates(
    stream: &str,
    counts: &DistinctCounts,
    pairs: &[Pair<'_>],
    fits: &Fits,
    epsilon: f64,
    options: &CompareOptions,
) -> Vec<[f64; 4]> {
    let n_max = pairs.iter().map(|pair| pair.1.n_max().max(pair.2.n_max())).max();
    let rates = Mixture::new(counts, n_max.unwrap_or(1));
    let replicate = |replicate: usize| {
        let mut rng = rng(options.seed, stream, &[replicate as u64]);
        let drawn: Vec<[Outcomes; 2]> = pairs
            .iter()
            .zip(&counts.of)
            .map(|(&(_, base, policy), &place)| {
                let rate = rates.draw(place, &mut rng);
                [base, policy].map(|like| outcomes(like, rate, &mut rng))
            })
            .collect();
        let [first, second] = [0, 1].map(|run| {
            let counts = DistinctCounts::of(drawn.iter().map(move |runs| runs[run]));
            let fit = fits.base.fit.again(&counts, &counts.weights());
            (at_least(&counts, &fit.prior, epsilon), counts)
        });
        let places = first.1.of.iter().zip(&second.1.of);
        sizes(places.map(|(&b, &p)| (first.0[b], second.0[p])))
    };
    let most = (REPLICATED_PROBLEMS / pairs.len().max(1)).clamp(REPLICATES_AT_LEAST, REPLICATES);
    (0..most.min(options.resamples)).into_par_iter().map(replicate).collect()
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
