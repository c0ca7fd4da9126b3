//! What a page shows beyond the draws that were made.

use bourn_probe::{Boundary, Curve, Estimate};

/// What adding up in another order may take from a share.
const ROUNDING: f64 = 1e-9;

/// What may be shown beyond the draws that were made. pass@k never falls as k grows: a fit that falls
/// below what was measured at the largest k is refuted by the draws, and nothing of it is shown.
pub(crate) struct Beyond<'a> {
    /// Numbers of draws of the two lists.
    pub(crate) k: &'a [u64],
    /// The base's, empty where refuted.
    pub(crate) base: &'a [Estimate],
    /// The policy's, likewise.
    pub(crate) policy: &'a [Estimate],
    /// Good–Toulmin's at its k: of the base, then of the policy.
    pub(crate) good_toulmin: Option<(u64, [Option<Estimate>; 2])>,
}

impl<'a> Beyond<'a> {
    pub(crate) fn of(b: &'a Boundary) -> Beyond<'a> {
        let Some(e) = &b.extrapolation else {
            return Beyond { k: &[], base: &[], policy: &[], good_toulmin: None };
        };
        let refuted = |drawn: &Curve, value: f64| {
            drawn.pass_at_k.last().is_none_or(|&measured| value < measured - ROUNDING)
        };
        let fit = |drawn: &Curve, list: &'a [Estimate]| -> &'a [Estimate] {
            if list.iter().any(|e| refuted(drawn, e.value)) { &[] } else { list }
        };
        let point = |drawn: &Curve, e: Estimate| Some(e).filter(|e| !refuted(drawn, e.value));
        let pair = e
            .good_toulmin
            .as_ref()
            .map(|g| (g.k, [point(&b.base, g.base), point(&b.policy, g.policy)]));
        Beyond {
            k: &e.k,
            base: fit(&b.base, &e.base),
            policy: fit(&b.policy, &e.policy),
            good_toulmin: pair.filter(|(_, of)| of.iter().any(Option::is_some)),
        }
    }

    /// The numbers of draws at which there is anything.
    pub(crate) fn draws(&self) -> impl Iterator<Item = u64> {
        let listed = self.k.iter().take(self.base.len().max(self.policy.len())).copied();
        listed.chain(self.good_toulmin.map(|(k, _)| k))
    }
}

#[cfg(test)]
#[path = "../tests/unit/beyond.rs"]
mod tests;
