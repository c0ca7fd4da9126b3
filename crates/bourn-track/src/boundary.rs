//! The boundary figures as metrics.

use std::collections::BTreeMap;

use bourn_probe::{Boundary, Estimate};

use crate::parts::Scalars;
use crate::tags::BoundarySide;

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

#[cfg(test)]
#[path = "../tests/unit/boundary.rs"]
mod tests;
