//! Which problems each model can solve, with probabilities rather than by whether a draw happened
//! to be correct.

use rayon::prelude::*;

use crate::figures::{PriorFit, ProblemState, SetSizes, Solvability};
use crate::solvable::null::{Null, null};
use crate::solvable::posterior::{Posterior, state};
use crate::solvable::prior::{DistinctCounts, FittedPrior, Prior};
use crate::solvable::prior_check::check;
use crate::statistics::bootstrap::{percentile_interval, resampled_rows};
use crate::statistics::poisson_binomial::CountMixture;
use crate::{CompareOptions, Estimate, Outcomes};

/// Posterior probability from which a problem is called solvable, and 1 less it not detected.
const LEVEL: f64 = 0.95;
/// Most refits of the priors to resamples of the problems.
const REFITS: usize = 200;
/// Fewest of them where problems are many, and the work that is then allowed in all.
const REFITS_AT_LEAST: usize = 40;
const REFITTED_PROBLEMS: usize = 400_000;

/// A problem's id with the base's and the policy's outcomes.
pub(crate) type Pair<'a> = (&'a String, Outcomes, Outcomes);

/// The rate that `n_max` draws miss with 5% probability, 1 − 0.05^(1/n_max): the default of what
/// counts as solvable.
pub(crate) fn default_epsilon(n_max: u64) -> f64 {
    -(0.05_f64.ln() / n_max.max(1) as f64).exp_m1()
}

/// One model's counts and the prior fitted to them.
pub(crate) struct Fitted {
    pub(crate) counts: DistinctCounts,
    pub(crate) fit: FittedPrior,
}

impl Fitted {
    pub(crate) fn new(outcomes: impl Iterator<Item = Outcomes> + Clone) -> Self {
        let counts = DistinctCounts::of(outcomes);
        let fit = FittedPrior::new(&counts);
        Self { counts, fit }
    }

    /// The probability, for each distinct pair of counts, that the rate is at least `rate`.
    pub(crate) fn at_least(&self, prior: &Prior, rate: f64) -> Vec<f64> {
        at_least(&self.counts, prior, rate)
    }
}

/// As [`Fitted::at_least`], of any counts.
pub(crate) fn at_least(counts: &DistinctCounts, prior: &Prior, rate: f64) -> Vec<f64> {
    counts.pairs.iter().map(|&(n, c)| Posterior::new(prior, n, c).at_least(rate)).collect()
}

/// Both models' fits, and refits of both to bootstrap resamples of the problems.
pub(crate) struct Fits {
    pub(crate) base: Fitted,
    pub(crate) policy: Fitted,
    /// Priors of base and policy, refitted to the same resample.
    pub(crate) refits: Vec<[Prior; 2]>,
}

impl Fits {
    /// Fits both priors. Refits are as many as resamples, at most 200, and fewer of more than
    /// 2,000 problems, whose priors hardly move.
    pub(crate) fn new(pairs: &[Pair<'_>], options: &CompareOptions) -> Self {
        let base = Fitted::new(pairs.iter().map(|pair| pair.1));
        let policy = Fitted::new(pairs.iter().map(|pair| pair.2));
        let most = (REFITTED_PROBLEMS / pairs.len().max(1)).clamp(REFITS_AT_LEAST, REFITS);
        let refit = |resample: u64| {
            // The resamples of every other interval.
            let rows: Vec<usize> = resampled_rows(options.seed, resample, pairs.len()).collect();
            [&base, &policy].map(|model| {
                let weights = model.counts.weights_of(rows.iter().copied());
                model.fit.again(&model.counts, &weights).prior
            })
        };
        let refits = (0..most.min(options.resamples) as u64).into_par_iter().map(refit).collect();
        Self { base, policy, refits }
    }
}

/// Expected sizes of kept, gained, lost and neither, from each problem's probability of being
/// solvable by either model; the models' draws are independent.
pub(crate) fn sizes(probabilities: impl Iterator<Item = (f64, f64)>) -> [f64; 4] {
    probabilities.fold([0.0; 4], |mut sizes, (base, policy)| {
        for (size, part) in sizes.iter_mut().zip(parts(base, policy)) {
            *size += part;
        }
        sizes
    })
}

/// A problem's probabilities of being kept, gained, lost and neither.
pub(crate) fn parts(base: f64, policy: f64) -> [f64; 4] {
    [base * policy, (1.0 - base) * policy, base * (1.0 - policy), (1.0 - base) * (1.0 - policy)]
}

/// The section of the boundary figures.
pub(crate) fn solvability(
    pairs: &[Pair<'_>],
    k: &[u64],
    fits: &Fits,
    epsilon: f64,
    options: &CompareOptions,
) -> Solvability {
    let Fits { base, policy, .. } = fits;
    let by_base = base.at_least(&base.fit.prior, epsilon);
    let by_policy = policy.at_least(&policy.fit.prior, epsilon);
    let places = || base.counts.of.iter().copied().zip(policy.counts.of.iter().copied());
    let expected = sizes(places().map(|(b, p)| (by_base[b], by_policy[p])));
    let Null { sizes: null, lost_as_many, gained_as_many } =
        null(pairs, fits, epsilon, expected, options);
    let counts = count_mixtures(fits, epsilon);

    let confidence = options.confidence;
    let estimates = |estimate: &dyn Fn(usize) -> (f64, (f64, f64))| {
        let [kept, new_or_nearly, lost_or_nearly, neither] = [0, 1, 2, 3].map(|set| {
            let (value, (ci_low, ci_high)) = estimate(set);
            Estimate { value, ci_low, ci_high }
        });
        SetSizes { kept, new_or_nearly, lost_or_nearly, neither }
    };
    let mean = |set: usize| null[set].iter().sum::<f64>() / null[set].len() as f64;
    // There is an interval: at least one resample was asked for.
    let spread =
        |set: usize| percentile_interval(null[set].clone(), confidence).unwrap_or_default();
    let sizes = estimates(&|set| (expected[set], counts[set].interval(confidence)));
    let excess = estimates(&|set| {
        (expected[set] - mean(set), counts[set].interval_less(&null[set], confidence))
    });
    let rates = |model: &Fitted| -> Vec<Estimate> {
        let estimate =
            |&(n, c): &(u64, u64)| Posterior::new(&model.fit.prior, n, c).estimate(confidence);
        model.counts.pairs.par_iter().map(estimate).collect()
    };
    let (base_rates, policy_rates) = (rates(base), rates(policy));
    let problems = pairs.iter().zip(places()).map(|((id, ..), (b, p))| {
        let [_, new_or_nearly, lost_or_nearly, _] = parts(by_base[b], by_policy[p]);
        ProblemState {
            id: (*id).clone(),
            base: state(by_base[b], LEVEL),
            policy: state(by_policy[p], LEVEL),
            base_rate: base_rates[b],
            policy_rate: policy_rates[p],
            lost_or_nearly,
            new_or_nearly,
        }
    });
    Solvability {
        epsilon,
        level: LEVEL,
        base: prior_fit(base, pairs.iter().map(|pair| pair.1), k, options.seed, 0),
        policy: prior_fit(policy, pairs.iter().map(|pair| pair.2), k, options.seed, 1),
        expected: sizes,
        null: estimates(&|set| (mean(set), spread(set))),
        excess,
        p_lost: lost_as_many,
        p_gained: gained_as_many,
        problems: problems.collect(),
    }
}

/// The distributions of the four sizes: of the number of problems, each with its own probability,
/// mixed over the priors that resamples of the problems would have given.
fn count_mixtures(fits: &Fits, epsilon: f64) -> Vec<CountMixture> {
    let Fits { base, policy, refits } = fits;
    let solvable: Vec<(Vec<f64>, Vec<f64>)> = refits
        .par_iter()
        .map(|[of_base, of_policy]| {
            (base.at_least(of_base, epsilon), policy.at_least(of_policy, epsilon))
        })
        .collect();
    let mixture = |set: usize| {
        let mut counts = CountMixture::new(base.counts.of.len());
        for (by_base, by_policy) in &solvable {
            let places = base.counts.of.iter().zip(&policy.counts.of);
            counts.add(places.map(|(&b, &p)| parts(by_base[b], by_policy[p])[set]));
        }
        counts
    };
    (0..4_usize).into_par_iter().map(mixture).collect()
}

fn prior_fit(
    model: &Fitted,
    outcomes: impl Iterator<Item = Outcomes> + Clone,
    k: &[u64],
    seed: u64,
    counter: u64,
) -> PriorFit {
    let FittedPrior { prior, log_likelihood, .. } = &model.fit;
    let problems = model.counts.of.len() as f64;
    let of_problems = |value: &dyn Fn(u64, u64) -> f64| {
        let sum = |(&(n, c), weight): (&(u64, u64), f64)| weight * value(n, c);
        model.counts.pairs.iter().zip(model.counts.weights()).map(sum).sum::<f64>() / problems
    };
    // What a problem's n_max draws hold is known whether or not they were all made.
    let n_max = outcomes.clone().map(|o| 1.0 - prior.pass_at_k(o.n_max()));
    let check = check(&model.fit, outcomes.clone(), seed, counter);
    PriorFit {
        zero: prior.zero,
        alpha: prior.alpha,
        beta: prior.beta,
        log_likelihood: *log_likelihood,
        pass_at_k: k.iter().map(|&k| prior.pass_at_k(k)).collect(),
        unsolved_expected: n_max.sum::<f64>() / problems,
        unsolved_observed: of_problems(&|_, c| f64::from(u8::from(c == 0))),
        pit: check.pit,
        p_value: check.p_value,
    }
}

#[cfg(test)]
#[path = "../../tests/unit/solvable/solvability.rs"]
mod tests;
