//! How likely each problem is to be lost, now and at the look before.

use std::collections::BTreeMap;

use crate::Outcomes;
use crate::solvable::posterior::Posterior;
use crate::solvable::solvability::{Fitted, at_least, default_epsilon, parts};

/// What is known of one problem's loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Risk {
    /// Probability that the base can solve the problem and the policy cannot: what
    /// [`ProblemState::lost`](crate::figures::ProblemState::lost) is.
    pub lost: f64,
    /// The same of the policy's earlier outcomes; 0 where there are none, as before any training.
    pub before: f64,
}

/// The risk of every problem that `base` and `policy` have, by id.
///
/// Solvable is what [`compare`](fn@crate::compare) takes for it by default: the rate that the fewest
/// draws a problem could have had miss with 5% probability. Earlier outcomes are read with the
/// prior of the newest, so that a problem's risk rises by what its own draws say, and never because
/// those of the others moved the prior.
pub fn risks(
    base: &BTreeMap<String, Outcomes>,
    policy: &BTreeMap<String, Outcomes>,
    earlier: Option<&BTreeMap<String, Outcomes>>,
) -> BTreeMap<String, Risk> {
    let both = || base.iter().filter_map(|(id, of)| Some((id, *of, *policy.get(id)?)));
    let Some(n_max) = both().map(|(_, b, p)| b.n_max().min(p.n_max())).min() else {
        return BTreeMap::new();
    };
    let epsilon = default_epsilon(n_max);
    // Collected: a fit asks for iterators that it can clone.
    let outcomes: Vec<(Outcomes, Outcomes)> = both().map(|(_, b, p)| (b, p)).collect();
    let by_base = Fitted::new(outcomes.iter().map(|pair| pair.0));
    let by_policy = Fitted::new(outcomes.iter().map(|pair| pair.1));
    let solvable = |model: &Fitted| at_least(&model.counts, &model.fit.prior, epsilon);
    let (of_base, of_policy) = (solvable(&by_base), solvable(&by_policy));
    let lost = |base: f64, policy: f64| parts(base, policy)[2];
    let places = by_base.counts.of.iter().zip(&by_policy.counts.of);
    let risk = |((id, ..), (&b, &p)): ((&String, Outcomes, Outcomes), (&usize, &usize))| {
        let before = earlier.and_then(|earlier| earlier.get(id)).map_or(0.0, |before| {
            let then = Posterior::new(&by_policy.fit.prior, before.n(), before.c());
            lost(of_base[b], then.at_least(epsilon))
        });
        (id.clone(), Risk { lost: lost(of_base[b], of_policy[p]), before })
    };
    both().zip(places).map(risk).collect()
}

#[cfg(test)]
#[path = "../../tests/unit/solvable/risk.rs"]
mod tests;
