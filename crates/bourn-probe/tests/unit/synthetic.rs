//! Populations with known rates, for the tests of this crate's statistics.

use std::collections::BTreeMap;

use bourn_seed::rng;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma};

use crate::solvable::null::outcomes;
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

/// A rate from a posterior: a ratio of Gamma variates in logarithms, because with shapes near 0
/// both underflow (a variate of shape a is one of a + 1 times U^(1/a)).
fn rate(posterior: &Posterior, rng: &mut impl Rng) -> f64 {
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
