//! Populations with known rates, for the tests of this crate's statistics.

use std::collections::BTreeMap;

use bourn_seed::rng;
use rand_chacha::ChaCha8Rng;

use crate::solvable::null::{outcomes, rate};
use crate::solvable::posterior::Posterior;
use crate::{Outcomes, StopRule};

/// A generator for one replication of one test.
pub(crate) fn stream(test: &str, replication: u64) -> ChaCha8Rng {
    rng(1, test, &[replication])
}

/// Rates from a zero-inflated Beta.
pub(crate) fn rates(zero: f64, a: f64, b: f64, problems: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..problems).map(|_| rate(&Posterior { zero, a, b }, rng)).collect()
}

/// Outcomes at these rates: n fixed, or up to n under a stop.
pub(crate) fn draw(
    rates: &[f64],
    n: u64,
    stop: Option<u64>,
    rng: &mut ChaCha8Rng,
) -> Vec<Outcomes> {
    let like = match stop {
        None => Outcomes::new(n, 0),
        Some(successes) => Outcomes::stopped(n, 0, StopRule { successes, n_max: n }),
    };
    rates.iter().map(|&rate| outcomes(like.unwrap(), rate, rng)).collect()
}

/// Outcomes by id, in their order.
pub(crate) fn named(outcomes: &[Outcomes]) -> BTreeMap<String, Outcomes> {
    outcomes.iter().enumerate().map(|(i, &o)| (format!("{i:06}"), o)).collect()
}
