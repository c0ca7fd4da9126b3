//! The boundary figures as metrics: scalars, histograms and the picture.

use std::collections::BTreeMap;

use bourn_probe::{Boundary, Estimate};

use crate::error::TrackError;
use crate::parts::{Scalars, histograms};
use crate::picture::pass_at_k_picture;
use crate::tags::{self, BoundarySide};
use crate::tensorboard::EventWriter;

/// Every boundary figure under its tag (fractions, not percent). Figures that do not exist have
/// no tag: `crossover_k` where there is no crossover, entropy where the draws are not known, and
/// the parts that a comparison of mere counts lacks.
pub fn boundary_scalars(set: &str, boundary: &Boundary) -> BTreeMap<String, f64> {
    let mut scalars = Scalars::new(set);
    for row in boundary.rows() {
        let sides = [
            (BoundarySide::Base, row.base),
            (BoundarySide::Policy, row.policy),
            (BoundarySide::Delta, row.delta),
        ];
        for (side, figure) in sides {
            scalars.figure(&format!("{}/pass@{}", side.name(), row.k), figure);
        }
    }
    let delta_se = Estimate {
        value: boundary.delta_se,
        ci_low: boundary.delta_se_ci_low,
        ci_high: boundary.delta_se_ci_high,
    };
    scalars.figure("delta_se", delta_se);
    if let Some(e) = &boundary.entropy {
        let base = Estimate { value: e.base, ci_low: e.base_ci_low, ci_high: e.base_ci_high };
        let policy =
            Estimate { value: e.policy, ci_low: e.policy_ci_low, ci_high: e.policy_ci_high };
        scalars.figure("base/entropy", base);
        scalars.figure("policy/entropy", policy);
    }
    let sets = &boundary.solvable;
    for (figure, count) in [
        ("solvable/kept", sets.kept.len() as f64),
        ("solvable/newly_solved", sets.newly_solved.len() as f64),
        ("solvable/never_solved_again", sets.never_solved_again.len() as f64),
        ("solvable/neither", sets.neither.len() as f64),
        ("problems", boundary.problems as f64),
        // The fewest draws of a problem: what bounds k, and what "not solved" is worth.
        ("base/n", boundary.n.base[0] as f64),
        ("policy/n", boundary.n.policy[0] as f64),
    ] {
        scalars.number(figure, count);
    }
    if let Some(k) = boundary.crossover_k {
        scalars.number("crossover_k", k as f64);
    }
    scalars.parts(boundary);
    scalars.finish()
}

/// Writes one probe to TensorBoard: all of [`boundary_scalars`], histograms over problems of each
/// model's accuracy (share of correct draws), of perplexities and of the probabilities of being
/// lost and gained, and the pass@k picture; then flushes. [`write_layout`](crate::write_layout)
/// puts what belongs together into shared charts.
///
/// # Errors
/// As [`EventWriter::scalar`] and [`EventWriter::flush`].
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
    writer.histogram(&tags::accuracy(set, BoundarySide::Base), step, base_accuracies)?;
    writer.histogram(&tags::accuracy(set, BoundarySide::Policy), step, policy_accuracies)?;
    for (tag, values) in histograms(set, boundary) {
        writer.histogram(&tag, step, &values)?;
    }
    writer.image(&tags::boundary(set, "pass_at_k"), step, &pass_at_k_picture(boundary))?;
    writer.flush()
}

#[cfg(test)]
#[path = "../tests/unit/boundary.rs"]
mod tests;
