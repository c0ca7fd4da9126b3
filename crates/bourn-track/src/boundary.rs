//! The boundary figures as metrics: scalars, histograms and the picture.

use std::collections::BTreeMap;

use bourn_probe::{Boundary, Estimate};

use crate::error::TrackError;
use crate::picture::pass_at_k_picture;
use crate::tags::{self, Side};
use crate::tensorboard::EventWriter;

/// Every boundary figure under its tag (fractions, not percent). Figures that do not exist have
/// no tag: `crossover_k` where there is no crossover, entropy where the draws are not known.
pub fn boundary_scalars(set: &str, boundary: &Boundary) -> BTreeMap<String, f64> {
    let mut scalars = BTreeMap::new();
    for row in boundary.rows() {
        let sides = [(Side::Base, row.base), (Side::Policy, row.policy), (Side::Delta, row.delta)];
        for (side, figure) in sides {
            insert(&mut scalars, tags::pass_at_k(set, side, row.k), figure);
        }
    }
    let delta_se = Estimate {
        value: boundary.delta_se,
        ci_low: boundary.delta_se_ci_low,
        ci_high: boundary.delta_se_ci_high,
    };
    insert(&mut scalars, tags::boundary(set, "delta_se"), delta_se);
    if let Some(e) = &boundary.entropy {
        let base = Estimate { value: e.base, ci_low: e.base_ci_low, ci_high: e.base_ci_high };
        let policy =
            Estimate { value: e.policy, ci_low: e.policy_ci_low, ci_high: e.policy_ci_high };
        insert(&mut scalars, tags::entropy(set, Side::Base), base);
        insert(&mut scalars, tags::entropy(set, Side::Policy), policy);
    }
    let sets = &boundary.solvable;
    let counts = [
        ("solvable/kept", sets.kept.len() as f64),
        ("solvable/gained", sets.gained.len() as f64),
        ("solvable/lost", sets.lost.len() as f64),
        ("solvable/neither", sets.neither.len() as f64),
        ("problems", boundary.problems as f64),
        // The fewest draws of a problem: what bounds k, and what "not solved" is worth.
        ("base/n", boundary.n.base[0] as f64),
        ("policy/n", boundary.n.policy[0] as f64),
    ];
    scalars.extend(counts.map(|(figure, count)| (tags::boundary(set, figure), count)));
    if let Some(k) = boundary.crossover_k {
        scalars.insert(tags::boundary(set, "crossover_k"), k as f64);
    }
    scalars
}

fn insert(scalars: &mut BTreeMap<String, f64>, tag: String, figure: Estimate) {
    scalars.insert(tags::ci_low(&tag), figure.ci_low);
    scalars.insert(tags::ci_high(&tag), figure.ci_high);
    scalars.insert(tag, figure.value);
}

/// Writes one probe to TensorBoard: all of [`boundary_scalars`], a histogram of each model's
/// accuracies (share of correct draws, one per problem) and the pass@k picture; then flushes.
pub fn write_boundary(
    writer: &mut EventWriter,
    step: u64,
    set: &str,
    boundary: &Boundary,
    base_accuracies: &[f64],
    policy_accuracies: &[f64],
) -> Result<(), TrackError> {
    for (tag, value) in boundary_scalars(set, boundary) {
        writer.scalar(&tag, step, value)?;
    }
    writer.histogram(&tags::accuracy(set, Side::Base), step, base_accuracies)?;
    writer.histogram(&tags::accuracy(set, Side::Policy), step, policy_accuracies)?;
    writer.image(&tags::boundary(set, "pass_at_k"), step, &pass_at_k_picture(boundary))?;
    writer.flush()
}

#[cfg(test)]
#[path = "boundary_tests.rs"]
mod tests;
