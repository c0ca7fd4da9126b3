//! Support figures of the literature, from the sets of problems that were solved.

use crate::figures::{Cover, Support};
use crate::solvable::solvability::{Fits, Pair};
use crate::statistics::bootstrap::{BootstrapTable, interval};
use crate::{CompareOptions, Estimate};

/// Thresholds of Cover@τ, from breadth to reliability.
const TAUS: [f64; 6] = [0.01, 0.05, 0.1, 0.2, 0.5, 0.8];

/// SRR, NDR, SDS and NSCR from the raw sets (at least one correct draw), as in the papers, and
/// Cover@τ from the posteriors; intervals of the paired bootstrap over problems.
///
/// Where all problems that a figure counts are in one set, the interval is the exact one of such
/// agreement. `pass_hat_k` is left empty.
pub(crate) fn support(pairs: &[Pair<'_>], fits: &Fits, options: &CompareOptions) -> Support {
    let confidence = options.confidence;
    let mut table = BootstrapTable::new(3 + 2 * TAUS.len(), pairs.len());
    let cover = |tau: f64| {
        let Fits { base, policy, .. } = fits;
        let base_at_least = base.at_least(&base.fit.prior, tau);
        (base_at_least, policy.at_least(&policy.fit.prior, tau))
    };
    let covers = TAUS.map(cover);
    for ((_, base, policy), (&b, &p)) in
        pairs.iter().zip(fits.base.counts.of.iter().zip(&fits.policy.counts.of))
    {
        let sets = match (base.solved(), policy.solved()) {
            (true, true) => [1.0, 0.0, 0.0],
            (false, true) => [0.0, 1.0, 0.0],
            (true, false) => [0.0, 0.0, 1.0],
            (false, false) => [0.0; 3],
        };
        let covered = covers.iter().flat_map(|(base, policy)| [base[b], policy[p]]);
        table.push(sets.into_iter().chain(covered));
    }
    let point = table.sums();
    let resampled = table.resampled_sums(options.seed, options.resamples);
    let figure = |of: Figure, range: (f64, f64)| {
        let value = of(&point)?;
        // A resample in which the figure divides by 0 has none to contribute.
        let values = resampled.iter().filter_map(|sums| of(sums)).collect();
        let ends = interval(values, agreed(of, &point), counted(of, &point), range, confidence);
        Some(Estimate { value, ci_low: ends.low, ci_high: ends.high })
    };
    let mean = |of: &dyn Fn(&[f64]) -> f64, least: f64| {
        let share = |sums: &[f64]| of(sums) / pairs.len() as f64;
        let values = resampled.iter().map(|sums| share(sums)).collect();
        let ends = interval(values, table.agreed(of), pairs.len(), (least, 1.0), confidence);
        Estimate { value: share(&point), ci_low: ends.low, ci_high: ends.high }
    };
    let cover = |(index, &tau): (usize, &f64)| {
        let (base, policy) = (3 + 2 * index, 4 + 2 * index);
        Cover {
            tau,
            base: mean(&|sums| sums[base], 0.0),
            policy: mean(&|sums| sums[policy], 0.0),
            delta: mean(&|sums| sums[policy] - sums[base], -1.0),
        }
    };
    Support {
        srr: figure(srr, (0.0, 1.0)),
        ndr: figure(ndr, (0.0, 1.0)),
        sds: figure(sds, (0.0, 1.0)),
        nscr: figure(nscr, (-1.0, 1.0)),
        cover: TAUS.iter().enumerate().map(cover).collect(),
        pass_hat_k: Vec::new(),
    }
}

/// A figure of the sizes of kept (the paper's preservation), gained (expansion) and lost
/// (shrinkage), with which the sums begin; `None` where it divides by 0.
type Figure = fn(&[f64]) -> Option<f64>;

/// The figure's value if every problem that it counts is in the same set, so that no resample could
/// have shown another.
fn agreed(of: Figure, sums: &[f64]) -> Option<f64> {
    let sets = [0, 1, 2].map(|set| {
        let mut alone = [0.0; 3];
        alone[set] = sums[set];
        (alone, sums[set] > 0.0 && enters(of, set))
    });
    let mut present = sets.iter().filter(|(_, present)| *present);
    let (alone, _) = present.next()?;
    if present.next().is_some() { None } else { of(alone) }
}

/// Problems that the figure counts: those of the sets that can change it.
fn counted(of: Figure, sums: &[f64]) -> usize {
    [0, 1, 2].iter().filter(|&&set| enters(of, set)).map(|&set| sums[set] as usize).sum()
}

/// Whether one problem more in a set changes the figure.
fn enters(of: Figure, set: usize) -> bool {
    let even = [2.0, 3.0, 5.0];
    let mut more = even;
    more[set] += 1.0;
    of(&even) != of(&more)
}

fn srr(sums: &[f64]) -> Option<f64> {
    ratio(sums[0], sums[0] + sums[2])
}

fn ndr(sums: &[f64]) -> Option<f64> {
    ratio(sums[1], sums[0] + sums[1])
}

fn sds(sums: &[f64]) -> Option<f64> {
    let (srr, ndr) = (srr(sums)?, ndr(sums)?);
    ratio(2.0 * srr * ndr, srr + ndr)
}

fn nscr(sums: &[f64]) -> Option<f64> {
    ratio(sums[1] - sums[2], sums[0] + sums[1] + sums[2])
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

#[cfg(test)]
#[path = "../../tests/unit/comparison/support.rs"]
mod tests;
