//! Populations of problems with known success probabilities, and draws from them.

use std::collections::BTreeMap;

use bourn_probe::{Outcomes, StopRule};
use bourn_seed::rng;
use rand::Rng;

/// Outcomes by problem id, as `compare` takes them.
pub(crate) type Side = BTreeMap<String, Outcomes>;

/// A population: a problem is a number u uniform on 0..1, and each model solves it with a
/// probability that is a function of u.
#[derive(Clone, Copy)]
pub(crate) struct Population {
    /// What it is called in the report.
    pub name: &'static str,
    /// The base's success probability.
    pub base: fn(f64) -> f64,
    /// The policy's.
    pub policy: fn(f64) -> f64,
}

impl Population {
    /// Mean pass@k of both models over the population, by the midpoint rule.
    pub(crate) fn truth(&self, k: u64) -> [f64; 2] {
        const POINTS: u32 = 100_000;
        let pass = |p: f64| -(k as f64 * (-p).ln_1p()).exp_m1();
        let mut sums = [0.0; 2];
        for point in 0..POINTS {
            let u = (f64::from(point) + 0.5) / f64::from(POINTS);
            sums[0] += pass((self.base)(u));
            sums[1] += pass((self.policy)(u));
        }
        sums.map(|sum| sum / f64::from(POINTS))
    }

    /// The success probabilities of `problems` problems drawn from it.
    pub(crate) fn rates(&self, replication: u64, problems: usize) -> Vec<[f64; 2]> {
        let mut rng = rng(replication, "ground-truth/problems", &[]);
        let rate = |_| {
            let u: f64 = rng.random();
            [(self.base)(u), (self.policy)(u)]
        };
        (0..problems).map(rate).collect()
    }
}

/// All successes among `n` draws: their numbers, from 1. One stream for each problem and model, so
/// that every rule cuts the same draws.
pub(crate) fn successes(replication: u64, model: u64, problem: usize, p: f64, n: u64) -> Vec<u64> {
    let mut rng = rng(replication, "ground-truth/draws", &[model, problem as u64]);
    let mut at = 0.0;
    let mut all = Vec::new();
    // Waiting times of a Bernoulli process are geometric: ⌈ln U/ln(1 − p)⌉, for U in 0..1.
    loop {
        let gap = (-rng.random::<f64>()).ln_1p() / (-p).ln_1p();
        at += if p < 1.0 { gap.ceil().max(1.0) } else { 1.0 };
        // Never, where p is 0: infinite, or NaN (0/0).
        if at.is_nan() || at > n as f64 {
            return all;
        }
        all.push(at as u64);
    }
}

/// The outcomes of these successes under a rule; a fixed n is a rule out of reach.
pub(crate) fn stopped(successes: &[u64], rule: StopRule) -> Outcomes {
    let reached = successes.get(rule.successes as usize - 1).filter(|&&at| at <= rule.n_max);
    let outcomes = match reached {
        Some(&at) => Outcomes::stopped(at, rule.successes, rule),
        None => {
            let c = successes.iter().filter(|&&at| at <= rule.n_max).count() as u64;
            Outcomes::stopped(rule.n_max, c, rule)
        }
    };
    outcomes.expect("a cut by the rule is an end of it")
}

/// n draws whatever comes.
pub(crate) fn fixed(n_max: u64) -> StopRule {
    StopRule { successes: n_max + 1, n_max }
}

/// The outcomes of one model at problems with these success probabilities.
pub(crate) fn side(rates: &[f64], replication: u64, model: u64, rule: StopRule) -> Side {
    let one = |(problem, &p): (usize, &f64)| {
        let successes = successes(replication, model, problem, p, rule.n_max);
        (format!("p{problem:04}"), stopped(&successes, rule))
    };
    rates.iter().enumerate().map(one).collect()
}

/// `88.4`: a share in percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}
