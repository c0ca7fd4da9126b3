//! Support figures of the literature, from the sets of problems that were solved.

use crate::bootstrap::{Table, percentile_interval};
use crate::figures::{Cover, Support};
use crate::solvability::{Fits, Pair};
use crate::{CompareOptions, Estimate};

/// Thresholds of Cover@τ, from breadth to reliability.
const TAUS: [f64; 6] = [0.01, 0.05, 0.1, 0.2, 0.5, 0.8];

/// SRR, NDR, SDS and NSCR from the raw sets (at least one correct draw), as in the papers, and
/// Cover@τ from the posteriors; intervals of the paired bootstrap over problems.
///
/// `pass_hat_k` is left empty.
pub(crate) fn support(pairs: &[Pair<'_>], fits: &Fits, options: &CompareOptions) -> Support {
    let width = 3 + 2 * TAUS.len();
    let mut table = Table::new(width, pairs.len());
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
    let figure = |of: &dyn Fn(&[f64]) -> Option<f64>| {
        // A resample in which the figure divides by 0 has none to contribute.
        let values = resampled.iter().filter_map(|sums| of(sums)).collect();
        let value = of(&point)?;
        let (ci_low, ci_high) =
            percentile_interval(values, options.confidence).unwrap_or((value, value));
        Some(Estimate { value, ci_low, ci_high })
    };
    let cover = |(index, &tau): (usize, &f64)| {
        let (base, policy) = (3 + 2 * index, 4 + 2 * index);
        let problems = pairs.len() as f64;
        Some(Cover {
            tau,
            base: figure(&|sums| Some(sums[base] / problems))?,
            policy: figure(&|sums| Some(sums[policy] / problems))?,
            delta: figure(&|sums| Some((sums[policy] - sums[base]) / problems))?,
        })
    };
    Support {
        srr: figure(&srr),
        ndr: figure(&ndr),
        sds: figure(&sds),
        nscr: figure(&nscr),
        cover: TAUS.iter().enumerate().filter_map(cover).collect(),
        pass_hat_k: Vec::new(),
    }
}

/// The sums begin with the sizes of kept (the paper's preservation), gained (expansion) and lost
/// (shrinkage).
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
mod tests {
    use super::*;

    #[test]
    fn worked_by_hand() {
        let check = |[kept, gained, lost]: [f64; 3], expect: [Option<f64>; 4]| {
            let sums = [kept, gained, lost];
            let got = [srr(&sums), ndr(&sums), sds(&sums), nscr(&sums)];
            for (got, expect) in got.iter().zip(expect) {
                // Two roundings.
                let close = got.zip(expect).is_none_or(|(g, e)| (g - e).abs() < 1e-15);
                assert!(close && got.is_some() == expect.is_some(), "{sums:?}: {got:?} {expect:?}");
            }
        };
        // 6/8, 2/8, 2·(3/4)(1/4)/1, 0/10.
        check([6.0, 2.0, 2.0], [Some(0.75), Some(0.25), Some(0.375), Some(0.0)]);
        // 3/4, 1/4 … with one lost and one gained fewer.
        check([3.0, 1.0, 0.0], [Some(1.0), Some(0.25), Some(0.4), Some(0.25)]);
        // The policy only sharpens: no discovery.
        check([5.0, 0.0, 0.0], [Some(1.0), Some(0.0), Some(0.0), Some(0.0)]);
        check([0.0, 0.0, 4.0], [Some(0.0), None, None, Some(-1.0)]);
        check([0.0, 4.0, 0.0], [None, Some(1.0), None, Some(1.0)]);
        // A retention and a discovery of 0: their harmonic mean divides by 0… only where nothing
        // is kept but something lost and gained is it defined.
        check([0.0, 1.0, 1.0], [Some(0.0), Some(1.0), Some(0.0), Some(0.0)]);
        check([0.0; 3], [None; 4]);
    }
}
