//! What a sweep found: every variant's boundary over its seeds, and the variants' differences on the
//! same problems. **It knows no recipe and no file of a run**: what changed between variants is text to it.

mod figures;

use std::collections::BTreeMap;

pub use figures::{
    Ablation, AgainstNull, Difference, RunFigures, Spread, SweepRun, SweepVariant, VariantFigures,
};

use self::figures::combined_p;
use crate::figures::boundary::{DrawCounts, Estimate};
use crate::statistics::crossed::{Crossed, crossed, holm};
use crate::{Outcomes, pass_at_k};

/// The figures of a sweep on one set of problems; `None` if no run has finished. `k` beyond the
/// fewest draws of any run become the largest power of two that all runs have.
pub fn ablation(
    name: &str,
    set: &str,
    variants: &[SweepVariant],
    reference: &str,
    k: &[u64],
    confidence: f64,
) -> Option<Ablation> {
    let variants: Vec<&SweepVariant> = variants.iter().filter(|v| !v.runs.is_empty()).collect();
    let runs = || variants.iter().flat_map(|variant| &variant.runs);
    let shortest = runs().map(|run| &run.boundary.k).min_by_key(|k| k.last().copied())?;
    let curve_k = shortest.clone();
    let most = *curve_k.last()?;
    let mut k: Vec<u64> = k.iter().map(|&k| k.min(most)).collect();
    k.dedup();
    let figures: Vec<VariantFigures> = variants
        .iter()
        .map(|variant| variant_figures(variant, &k, &curve_k, confidence))
        .collect::<Option<_>>()?;
    let reference = variants.iter().position(|variant| variant.name == reference);
    let mut differences = Vec::new();
    for of in 1..variants.len() {
        for from in 0..of {
            // A difference is read from the reference on.
            let (from, of) = if Some(of) == reference { (of, from) } else { (from, of) };
            for &k in &k {
                differences.extend(difference(&variants, from, of, k, confidence));
            }
        }
    }
    let compared: Vec<usize> = (0..differences.len())
        .filter(|&index| Some(differences[index].from) == reference)
        .collect();
    let raw: Vec<f64> = compared.iter().map(|&index| differences[index].p_value).collect();
    for (&index, p) in compared.iter().zip(holm(&raw)) {
        differences[index].p_holm = Some(p);
    }
    let first = runs().next()?;
    let counts = |of: fn(&DrawCounts) -> [u64; 2]| {
        let all = || runs().map(|run| of(&run.boundary.n));
        let (low, high) = (all().map(|n| n[0]).min(), all().map(|n| n[1]).max());
        [low.unwrap_or(0), high.unwrap_or(0)]
    };
    Some(Ablation {
        name: name.to_owned(),
        set: set.to_owned(),
        confidence,
        problems: first.policy.len(),
        n: DrawCounts { base: counts(|n| n.base), policy: counts(|n| n.policy) },
        one_base: runs().all(|run| run.base == first.base),
        k,
        curve_k,
        variants: figures,
        reference,
        differences,
    })
}

const SHARES: (f64, f64) = (0.0, 1.0);
const DIFFERENCES: (f64, f64) = (-1.0, 1.0);

fn variant_figures(
    variant: &SweepVariant,
    k: &[u64],
    curve_k: &[u64],
    confidence: f64,
) -> Option<VariantFigures> {
    let runs = &variant.runs;
    let policy = |k: u64| -> Option<Crossed> {
        let values: Vec<_> = runs.iter().map(|run| row(&run.policy, k)).collect::<Option<_>>()?;
        crossed(&values, SHARES, confidence)
    };
    let base = |k: u64| Some(crossed(&[row(&runs[0].base, k)?], SHARES, confidence)?.estimate);
    // What each run has less or more than its base, problem by problem.
    let apart = |of_policy: u64, of_base: u64, sign: f64| -> Option<Estimate> {
        let values: Vec<Vec<f64>> = runs
            .iter()
            .map(|run| {
                let (policy, base) = (row(&run.policy, of_policy)?, row(&run.base, of_base)?);
                let apart = policy.iter().zip(base).map(|(policy, base)| sign * (policy - base));
                Some(apart.collect())
            })
            .collect::<Option<_>>()?;
        Some(crossed(&values, DIFFERENCES, confidence)?.estimate)
    };
    let at_k: Vec<Crossed> = k.iter().map(|&k| policy(k)).collect::<Option<_>>()?;
    let each: Vec<RunFigures> =
        runs.iter().map(|run| run_figures(run, k)).collect::<Option<_>>()?;
    let spread = |of: fn(&RunFigures) -> Option<f64>| Spread::of(each.iter().map(of));
    let against = |of: fn(&RunFigures) -> Option<[f64; 3]>| {
        let null = Spread::of(each.iter().map(|run| Some(of(run)?[1])))?.mean;
        let found = Spread::of(each.iter().map(|run| Some(of(run)?[0])))?;
        let p: Vec<f64> = each.iter().filter_map(|run| Some(of(run)?[2])).collect();
        Some(AgainstNull { found, null, p: combined_p(&p) })
    };
    let base_entropy = |run: &SweepRun| Some(run.boundary.entropy?.base);
    Some(VariantFigures {
        name: variant.name.clone(),
        changes: variant.changes.clone(),
        base: k.iter().map(|&k| base(k)).collect::<Option<_>>()?,
        policy: at_k.iter().map(|at| at.estimate).collect(),
        change: k.iter().map(|&k| apart(k, k, 1.0)).collect::<Option<_>>()?,
        seed_sd: at_k.iter().map(|at| at.seed_sd).collect(),
        base_curve: curve_k.iter().map(|&k| base(k)).collect::<Option<_>>()?,
        policy_curve: curve_k.iter().map(|&k| Some(policy(k)?.estimate)).collect::<Option<_>>()?,
        delta_se: apart(1, *curve_k.last()?, -1.0)?,
        lost_or_nearly: against(|run| run.lost_or_nearly),
        new_or_nearly: against(|run| run.new_or_nearly),
        base_entropy: Spread::of(runs.iter().map(base_entropy)),
        entropy: spread(|run| run.entropy),
        tokens: spread(|run| run.tokens),
        seconds: spread(|run| run.seconds),
        runs: each,
    })
}

fn run_figures(run: &SweepRun, k: &[u64]) -> Option<RunFigures> {
    let mean = |k: &u64| {
        let row = row(&run.policy, *k)?;
        Some(row.iter().sum::<f64>() / row.len() as f64)
    };
    let solvability = run.boundary.solvability.as_ref();
    Some(RunFigures {
        seed: run.seed,
        policy: k.iter().map(mean).collect::<Option<_>>()?,
        delta_se: run.boundary.delta_se,
        lost_or_nearly: solvability
            .map(|s| [s.expected.lost_or_nearly.value, s.null.lost_or_nearly.value, s.p_lost]),
        new_or_nearly: solvability
            .map(|s| [s.expected.new_or_nearly.value, s.null.new_or_nearly.value, s.p_gained]),
        entropy: run.boundary.entropy.map(|entropy| entropy.policy),
        tokens: run.tokens,
        seconds: run.seconds,
    })
}

/// The unbiased pass@k of every problem, in id order.
fn row(outcomes: &BTreeMap<String, Outcomes>, k: u64) -> Option<Vec<f64>> {
    outcomes.values().map(|&outcomes| pass_at_k(outcomes, k)).collect()
}

/// `None` where the two have no seed in common or other problems.
fn difference(
    variants: &[&SweepVariant],
    from: usize,
    of: usize,
    k: u64,
    confidence: f64,
) -> Option<Difference> {
    let mut values = Vec::new();
    for run in &variants[of].runs {
        let Some(other) = variants[from].runs.iter().find(|other| other.seed == run.seed) else {
            continue;
        };
        if !run.policy.keys().eq(other.policy.keys()) {
            return None;
        }
        let (of, from) = (row(&run.policy, k)?, row(&other.policy, k)?);
        values.push(of.iter().zip(from).map(|(of, from)| of - from).collect());
    }
    let Crossed { estimate, p_value, .. } = crossed(&values, DIFFERENCES, confidence)?;
    let seeds = values.len();
    Some(Difference { from, of, k, difference: estimate, p_value, p_holm: None, seeds })
}

#[cfg(test)]
#[path = "../../tests/unit/ablation/mod.rs"]
mod tests;
