//! The comparison of a base and a policy on the same problems.

use std::collections::BTreeMap;

use crate::comparison::extrapolate::extrapolation;
use crate::comparison::paired::{self, PairedSample};
use crate::comparison::support::support;
use crate::estimators::pass_hat::pass_hat;
use crate::figures::boundary::{
    Boundary, Curve, DrawCounts, EntropyPair, Solvable, Spending, Spent, Standing, standing,
};
use crate::figures::{Interval, Support};
use crate::solvable::solvability::{Fits, Pair, default_epsilon, solvability};
use crate::statistics::bootstrap::{
    BootstrapTable, MAX_RESAMPLES, interval, min_resamples, percentile_interval,
};
use crate::{Ledger, Outcomes, pass_at_k, powers_of_two};

/// How the intervals are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompareOptions {
    /// Confidence of every interval, strictly between 0 and 1.
    pub confidence: f64,
    /// Bootstrap resamples over problems, from [`min_resamples`] to [`MAX_RESAMPLES`].
    pub resamples: usize,
    /// Seed of the resampling; the same seed gives the same intervals to the last bit.
    pub seed: u64,
    /// Which look at these problems this is, counted from 1: a checkpoint's number in training. The
    /// any-time interval spends α/(look·(look + 1)) on it, whatever the number of looks.
    pub look: u64,
    /// The success rate that counts as solvable, strictly between 0 and 1; `None` for the rate
    /// that n_max draws miss with 5% probability, 1 − 0.05^(1/n_max), at the least n_max.
    pub epsilon: Option<f64>,
}

impl Default for CompareOptions {
    /// 95% intervals from 1,000 resamples, at the first look.
    fn default() -> Self {
        Self { confidence: 0.95, resamples: 1000, seed: 0, look: 1, epsilon: None }
    }
}

/// Why two sets of outcomes cannot be compared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompareError {
    /// The confidence is not strictly between 0 and 1.
    #[error("confidence {0} is not between 0 and 1: give a fraction such as 0.95")]
    Confidence(f64),
    /// Too few resamples to hold such an interval, or too many to hold in memory.
    #[error("{got} resamples: a {confidence} interval takes between {least} and {MAX_RESAMPLES}")]
    Resamples {
        /// What was asked for.
        got: usize,
        /// The fewest that hold an interval of this confidence.
        least: usize,
        /// The confidence asked for.
        confidence: f64,
    },
    /// Looks are counted from 1.
    #[error("look 0: looks at the same problems are counted from 1")]
    Look,
    /// The rate that counts as solvable is not strictly between 0 and 1.
    #[error("epsilon {0} is not between 0 and 1: give the success rate that counts as solvable")]
    Epsilon(f64),
    /// There is nothing to compare.
    #[error("there are no problems to compare")]
    NoProblems,
    /// Some problems have outcomes of one model only.
    #[error(
        "base and policy must have the same problems: {only_base} only in the base, {only_policy} only in the policy"
    )]
    Unmatched {
        /// How many and which problems only the base has.
        only_base: Names,
        /// How many and which problems only the policy has.
        only_policy: Names,
    },
    /// Base and policy were asked the same problem in different words.
    #[error(
        "problem {0} was put to base and policy with different prompts: draw one of them again with the other's template"
    )]
    PromptDiffers(String),
}

/// A count of problem ids and the first few of them, for messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// How many there are.
    pub count: usize,
    /// The first few, in id order.
    pub first: Vec<String>,
}

impl Names {
    /// How many ids a message lists.
    const SHOWN: usize = 3;

    fn of<'a>(ids: impl Iterator<Item = &'a String>) -> Self {
        ids.fold(Self::default(), |mut names, id| {
            names.count += 1;
            if names.first.len() < Self::SHOWN {
                names.first.push(id.clone());
            }
            names
        })
    }
}

impl std::fmt::Display for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.count)?;
        if self.first.is_empty() {
            return Ok(());
        }
        write!(f, " ({}", self.first.join(", "))?;
        if self.count > self.first.len() {
            write!(f, ", …")?;
        }
        write!(f, ")")
    }
}

/// The boundary figures of two sets of outcomes over the same problems, matched by id.
///
/// k runs over the powers of two up to the least n_max of any problem in either set (its n, where
/// that was fixed), because nothing unbiased can be said beyond; each problem's own n and rule enter
/// its own estimate, so that stopped and fixed problems may be mixed. Intervals are
/// percentiles of a paired bootstrap over problems: they answer "what if the problems had been
/// others like these", draw noise included. Where every problem agrees (one problem, or all solved)
/// the bootstrap sees no variation, and the exact bound for that many agreeing problems stands in.
///
/// # Errors
/// Options out of their range, no problems, or a problem that only one of the two sets has.
pub fn compare(
    base: &BTreeMap<String, Outcomes>,
    policy: &BTreeMap<String, Outcomes>,
    options: &CompareOptions,
) -> Result<Boundary, CompareError> {
    let curves = compare_curves(base, policy, options)?;
    let pairs = matched(base, policy)?;
    let least = curves.n.base[0].min(curves.n.policy[0]);
    let epsilon = options.epsilon.unwrap_or_else(|| default_epsilon(least));
    let fits = Fits::new(&pairs, options);
    Ok(Boundary {
        solvability: Some(solvability(&pairs, &curves.k, &fits, epsilon, options)),
        support: Some(Support {
            pass_hat_k: pass_hat(base, policy, options),
            ..support(&pairs, &fits, options)
        }),
        extrapolation: curves.k.last().map(|&k_max| extrapolation(&pairs, k_max, &fits, options)),
        ..curves
    })
}

/// The part of [`compare`] that fits no prior: curves, intervals, counted sets and the paired
/// inference, without the probabilities of solvable sets, the support figures and the extrapolation.
/// It takes a small part of the time, which counts where thousands are made.
///
/// # Errors
/// As [`compare`].
pub fn compare_curves(
    base: &BTreeMap<String, Outcomes>,
    policy: &BTreeMap<String, Outcomes>,
    options: &CompareOptions,
) -> Result<Boundary, CompareError> {
    check_options(options)?;
    let pairs = matched(base, policy)?;

    let n = DrawCounts { base: range(base), policy: range(policy) };
    let k = powers_of_two(n.base[0].min(n.policy[0]));

    let mut table = BootstrapTable::new(2 * k.len(), pairs.len());
    for (_, base, policy) in &pairs {
        // `pass_at_k` has a value: k is at most every n_max.
        table.push(
            [base, policy].into_iter().flat_map(|outcomes| {
                k.iter().map(|&k| pass_at_k(*outcomes, k).unwrap_or(f64::NAN))
            }),
        );
    }
    let point = figures(&table.sums(), pairs.len());
    let resampled: Vec<Vec<f64>> = table
        .resampled_sums(options.seed, options.resamples)
        .iter()
        .map(|sums| figures(sums, pairs.len()))
        .collect();

    let estimate = |column: usize| {
        let values = resampled.iter().map(|row| row[column]).collect();
        let agreed = table.agreed(|row| figures(row, 1)[column]);
        // What both curves are of lies in 0..=1, differences in −1..=1.
        let least = if column < 2 * k.len() { 0.0 } else { -1.0 };
        interval(values, agreed, pairs.len(), (least, 1.0), options.confidence)
    };
    let curve = |first: usize| {
        let mut curve = Curve::default();
        for (column, value) in point.iter().enumerate().skip(first).take(k.len()) {
            let Interval { low, high } = estimate(column);
            curve.pass_at_k.push(*value);
            curve.ci_low.push(low);
            curve.ci_high.push(high);
        }
        curve
    };
    let delta_se = estimate(3 * k.len());
    let delta = curve(2 * k.len());
    let sample = PairedSample {
        pairs: &pairs,
        k: &k,
        table: &table,
        point: &point,
        resampled: &resampled,
        options,
    };
    Ok(Boundary {
        base: curve(0),
        policy: curve(k.len()),
        crossover_k: match standing(&k, &delta.pass_at_k) {
            Standing::Crossover(k) => Some(k),
            _ => None,
        },
        delta,
        delta_se: point[3 * k.len()],
        delta_se_ci_low: delta_se.low,
        delta_se_ci_high: delta_se.high,
        solvable: solvable(&pairs),
        problems: pairs.len(),
        n,
        draws: spending(base, policy),
        confidence: options.confidence,
        resamples: options.resamples,
        entropy: None,
        sampler: None,
        set: None,
        policy_is_base: false,
        paired: Some(paired::paired(&sample)),
        solvability: None,
        support: None,
        extrapolation: None,
        origins: None,
        temperatures: None,
        k,
    })
}

/// [`compare`] of two ledgers, with the entropies filled in (absent only if a model drew no token).
///
/// Refuses ledgers that put the same problem in different words. Each problem counts with all the
/// draws that its ledger holds.
///
/// # Errors
/// As [`compare`]; and a problem that has different prompts in the two ledgers.
pub fn boundary(
    base: &Ledger,
    policy: &Ledger,
    options: &CompareOptions,
) -> Result<Boundary, CompareError> {
    let mut boundary = compare(&base.outcomes(), &policy.outcomes(), options)?;
    // Same ids on both sides, or `compare` had refused them.
    let differs = base
        .entries()
        .zip(policy.entries())
        .find(|((_, base), (_, policy))| base.prompt() != policy.prompt());
    if let Some(((id, _), _)) = differs {
        return Err(CompareError::PromptDiffers(id.to_owned()));
    }
    let (base, policy) = (entropy(base, options), entropy(policy, options));
    boundary.entropy = base.zip(policy).map(|(base, policy)| EntropyPair {
        base: base.0,
        base_ci_low: base.1,
        base_ci_high: base.2,
        policy: policy.0,
        policy_ci_low: policy.1,
        policy_ci_high: policy.2,
    });
    Ok(boundary)
}

fn check_options(options: &CompareOptions) -> Result<(), CompareError> {
    let &CompareOptions { confidence, resamples: got, .. } = options;
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(CompareError::Confidence(confidence));
    }
    let least = min_resamples(confidence);
    if !(least..=MAX_RESAMPLES).contains(&got) {
        return Err(CompareError::Resamples { got, least, confidence });
    }
    if options.look == 0 {
        return Err(CompareError::Look);
    }
    match options.epsilon {
        Some(epsilon) if !(epsilon > 0.0 && epsilon < 1.0) => Err(CompareError::Epsilon(epsilon)),
        _ => Ok(()),
    }
}

/// Each problem's id with the base's and the policy's outcomes, in id order.
fn matched<'a>(
    base: &'a BTreeMap<String, Outcomes>,
    policy: &BTreeMap<String, Outcomes>,
) -> Result<Vec<Pair<'a>>, CompareError> {
    let only_base = Names::of(base.keys().filter(|id| !policy.contains_key(*id)));
    let only_policy = Names::of(policy.keys().filter(|id| !base.contains_key(*id)));
    if only_base.count + only_policy.count > 0 {
        return Err(CompareError::Unmatched { only_base, only_policy });
    }
    if base.is_empty() {
        return Err(CompareError::NoProblems);
    }
    Ok(base.iter().filter_map(|(id, &b)| Some((id, b, *policy.get(id)?))).collect())
}

/// Fewest and most draws that a problem could have had.
fn range(outcomes: &BTreeMap<String, Outcomes>) -> [u64; 2] {
    let n_max = outcomes.values().map(|o| o.n_max());
    [n_max.clone().min().unwrap_or(0), n_max.max().unwrap_or(0)]
}

/// Draws made and saved; `None` where no problem of either had a rule to save any by.
fn spending(
    base: &BTreeMap<String, Outcomes>,
    policy: &BTreeMap<String, Outcomes>,
) -> Option<Spending> {
    let ruled = base.values().chain(policy.values()).any(|o| o.rule().is_some());
    ruled.then(|| Spending { base: spent(base), policy: spent(policy) })
}

/// No overflow: 2³² problems in memory would have to have 2³² draws each.
fn spent(outcomes: &BTreeMap<String, Outcomes>) -> Spent {
    outcomes.values().fold(Spent::default(), |sum, o| Spent {
        spent: sum.spent + o.n(),
        full: sum.full + o.n_max(),
        saved: sum.saved + (o.n_max() - o.n()),
    })
}

/// From the sums of [base pass@k…, policy pass@k…] the figures that have intervals: the means of
/// both, policy less base at each k, and base pass@k_max less policy pass@1.
fn figures(sums: &[f64], problems: usize) -> Vec<f64> {
    let (base, policy) = sums.split_at(sums.len() / 2);
    let mean = |sum: &f64| sum / problems as f64;
    let difference = base.iter().zip(policy).map(|(b, p)| mean(p) - mean(b));
    let delta_se = base.last().map_or(0.0, mean) - policy.first().map_or(0.0, mean);
    base.iter().chain(policy).map(mean).chain(difference).chain([delta_se]).collect()
}

fn solvable(pairs: &[Pair<'_>]) -> Solvable {
    let mut solvable = Solvable::default();
    for (id, base, policy) in pairs {
        let list = match (base.solved(), policy.solved()) {
            (true, true) => &mut solvable.kept,
            (false, true) => &mut solvable.newly_solved,
            (true, false) => &mut solvable.never_solved_again,
            (false, false) => &mut solvable.neither,
        };
        list.push((*id).clone());
    }
    solvable
}

/// Mean token entropy in nats with its interval; `None` if no token was drawn.
fn entropy(ledger: &Ledger, options: &CompareOptions) -> Option<(f64, f64, f64)> {
    let mut table = BootstrapTable::new(2, ledger.len());
    for (_, entry) in ledger.entries() {
        let (nats, tokens) = entry.entropy_sum();
        table.push([nats, tokens]);
    }
    let ratio = |sums: &[f64]| (sums[1] > 0.0).then(|| sums[0] / sums[1]);
    let mean = ratio(&table.sums())?;
    // A resample of problems that drew no token has no mean to contribute.
    let means = table.resampled_sums(options.seed, options.resamples);
    let means = means.iter().filter_map(|sums| ratio(sums)).collect();
    let (low, high) = percentile_interval(means, options.confidence)?;
    Some((mean, low, high))
}
