//! What the paired inference says, in a few lines of text; and what a probe can show, before it.

use bourn_probe::figures::{CrossoverInterval, Interval, McNemar, Paired};
use bourn_probe::{Boundary, Detectable};

use crate::format::{confidence, percent, plural, points};

/// The lines of the boundary table on the paired difference, none without it: the exact test, where
/// the curves cross, and whether band and any-time interval leave 0 out at the largest k.
pub(crate) fn paired_lines(boundary: &Boundary) -> Vec<(String, String)> {
    let Some(paired) = &boundary.paired else { return Vec::new() };
    let mut lines = vec![
        ("McNemar".to_string(), mcnemar(&paired.mcnemar)),
        ("crosses".to_string(), crosses(&paired.crossover, boundary.k_max())),
    ];
    let Paired { delta_band, delta_anytime, look, .. } = paired;
    let at_k_max = |interval: &Interval| {
        let Interval { low, high } = interval;
        let zero = if *low <= 0.0 && *high >= 0.0 { "includes 0" } else { "excludes 0" };
        format!("Δpass@{} [{}, {}] points: {zero}", boundary.k_max(), points(*low), points(*high))
    };
    if let Some(band) = delta_band.last() {
        lines.push(("all k".to_string(), format!("{} (band)", at_k_max(band))));
    }
    if let Some(anytime) = delta_anytime.last() {
        let which = format!("(any-time, look {look})");
        lines.push(("all looks".to_string(), format!("{} {which}", at_k_max(anytime))));
    }
    lines
}

/// `p = 0.0313: 6 lost, 0 gained (exact, two-sided)`.
fn mcnemar(test: &McNemar) -> String {
    let McNemar { never_solved_again: lost, newly_solved: gained, p_value } = test;
    let p = if *p_value < 1e-4 { "p < 0.0001".to_string() } else { format!("p = {p_value:.4}") };
    format!("{p}: {lost} never solved again, {gained} newly solved (exact, two-sided)")
}

/// `k = 8 to 32; 97.3% of resamples cross`.
fn crosses(crossover: &CrossoverInterval, k_max: u64) -> String {
    let CrossoverInterval { low, high, share } = crossover;
    let where_ = match (low, high) {
        (Some(low), Some(high)) if low == high => format!("k = {low}"),
        (Some(low), Some(high)) => format!("k = {low} to {high}"),
        (Some(low), None) => format!("k = {low} or later, or not up to {k_max}"),
        // "None" is the largest of the values: there is no crossover at either end.
        (None, _) => format!("no k up to {k_max}"),
    };
    format!("{where_}; {}% of resamples cross", percent(*share))
}

/// What a probe can show, as one line, to be printed before it is run: the smallest difference at
/// the least, the middle and the largest k, and the fewest lost problems.
pub fn detectable_line(detectable: &Detectable) -> String {
    let [(_, difference), (_, losses)] = detectable_rows(detectable);
    let Detectable { confidence: level, power, .. } = detectable;
    let what = format!("({}, power {})", confidence(*level), confidence(*power));
    format!("smallest Δ these draws can show {what}: {difference}; never solved again: {losses}")
}

/// The same as two names with their values, for a table
/// such as that of a dry run.
pub fn detectable_rows(detectable: &Detectable) -> [(String, String); 2] {
    let Detectable { problems, k, delta, losses, from_base, .. } = detectable;
    let mut shown = vec![0, k.len() / 2, k.len().saturating_sub(1)];
    shown.dedup();
    let sign = if *from_base { "±" } else { "at most ±" };
    let at = |&index: &usize| {
        Some(format!("pass@{} {sign}{}", k.get(index)?, percent(*delta.get(index)?)))
    };
    let differences: Vec<String> = shown.iter().filter_map(at).collect();
    let difference = match differences.is_empty() {
        true => "none: no k is allowed".to_string(),
        false => format!("{} points", differences.join(", ")),
    };
    let losses = match *losses <= *problems as u64 {
        true => {
            format!("{losses} of {} with none newly solved", plural(*problems as u64, "problem"))
        }
        false => format!("never: {losses} would have to be, of {problems}"),
    };
    [("smallest Δ".to_string(), difference), ("fewest never solved again".to_string(), losses)]
}

#[cfg(test)]
#[path = "../tests/unit/paired.rs"]
mod tests;
