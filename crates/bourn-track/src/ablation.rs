//! The tables of a sweep: terminal, Markdown and CSV.

use std::fmt::Write;

use bourn_foreign::visible;
use bourn_probe::{Ablation, AgainstNull, Difference, Estimate, Spread, VariantFigures};

use crate::ending::WIDTH;
use crate::format::{
    against_null, confidence, draws, grouped, p_value, percent, plural, points, spread, wrapped,
};

/// A run of a sweep that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRun {
    /// Its variant.
    pub variant: String,
    /// Its seed.
    pub seed: u64,
    /// What went wrong.
    pub problem: String,
    /// Where the run said so.
    pub log: String,
}

/// Rows of text under a head; the first column is what a row is about.
pub struct AblationGrid {
    /// The names of the columns.
    pub head: Vec<String>,
    /// The rows, each with a cell for every column.
    pub rows: Vec<Vec<String>>,
    /// What has to be said where its intervals stand.
    pub note: Option<String>,
}

/// The boundary of every variant, and above them that of the base they share.
pub fn ablation_figures(a: &Ablation) -> AblationGrid {
    figures(a, true)
}

/// As [`ablation_figures`]; without the ranges over seeds where there is no room for them.
fn figures(a: &Ablation, with_ranges: bool) -> AblationGrid {
    let spread = |s: Spread, show: fn(f64) -> String| match with_ranges {
        true => spread(s, show),
        false => show(s.mean),
    };
    let mut head = vec!["variant".to_owned()];
    head.extend(a.k.iter().map(|k| format!("pass@{k} %")));
    head.extend(
        ["Δ_SE", "lost or nearly [chance]", "new or nearly [chance]", "entropy"].map(String::from),
    );
    let base = |v: &VariantFigures, name: String| {
        let mut row = vec![name];
        row.extend(v.base.iter().map(|&e| interval(e, percent)));
        row.extend(["", "", ""].map(String::from));
        row.push(v.base_entropy.map_or_else(dash, |e| format!("{:.3}", e.mean)));
        row
    };
    let mut rows = Vec::new();
    if let (true, Some(first)) = (a.one_base, a.variants.first()) {
        rows.push(base(first, "base".into()));
    }
    for v in &a.variants {
        if !a.one_base {
            rows.push(base(v, format!("base of {}", v.name)));
        }
        let mut row = vec![v.name.clone()];
        row.extend(v.policy.iter().map(|&e| interval(e, percent)));
        row.push(interval(v.delta_se, points));
        row.extend([v.lost_or_nearly, v.new_or_nearly].map(|n| against_null(n, with_ranges)));
        row.push(v.entropy.map_or_else(dash, |e| spread(e, |x| format!("{x:.3}"))));
        rows.push(row);
    }
    AblationGrid { head, rows, note: few_seeds(a) }
}

/// Every other variant less the reference.
pub fn ablation_differences(a: &Ablation) -> Option<AblationGrid> {
    let reference = a.reference?;
    let mut head = vec![format!("less {}", a.variants[reference].name)];
    for k in &a.k {
        head.extend([format!("pass@{k}, points"), "p (Holm)".to_owned()]);
    }
    let row = |(index, v): (usize, &VariantFigures)| {
        let found: Vec<&Difference> =
            a.differences.iter().filter(|d| (d.from, d.of) == (reference, index)).collect();
        let mut row = vec![v.name.clone()];
        for k in &a.k {
            match found.iter().find(|d| d.k == *k) {
                Some(d) => row.extend([
                    interval(d.difference, points),
                    p_value(d.p_holm.unwrap_or(d.p_value)),
                ]),
                None => row.extend([dash(), dash()]),
            }
        }
        row
    };
    let others = a.variants.iter().enumerate().filter(|(index, _)| *index != reference);
    let rows: Vec<_> = others.map(row).collect();
    (!rows.is_empty()).then(|| AblationGrid { head, rows, note: few_seeds(a) })
}

/// What every variant cost, a run.
pub fn ablation_costs(a: &Ablation) -> AblationGrid {
    let head = ["variant", "seeds", "tokens a run", "seconds of training a run"];
    let row = |v: &VariantFigures| {
        let seeds: Vec<_> = v.runs.iter().map(|run| run.seed.to_string()).collect();
        vec![
            v.name.clone(),
            seeds.join(", "),
            v.tokens.map_or_else(dash, |t| spread(t, grouped)),
            v.seconds.map_or_else(dash, |t| spread(t, |x| format!("{x:.0}"))),
        ]
    };
    AblationGrid {
        head: head.map(String::from).to_vec(),
        rows: a.variants.iter().map(row).collect(),
        note: None,
    }
}

/// What the figures are of, and how to read them.
pub fn ablation_notes(a: &Ablation) -> Vec<String> {
    let seeds = a.variants.iter().map(|v| v.runs.len());
    let (least, most) = (seeds.clone().min().unwrap_or(0), seeds.max().unwrap_or(0));
    let seeds = match least == most {
        true => plural(least as u64, "seed"),
        false => format!("{least} to {most} seeds"),
    };
    let level = confidence(a.confidence);
    vec![
        format!(
            "{} on {}: {}, up to {} each, {seeds} a variant.",
            a.name,
            a.set,
            plural(a.problems as u64, "problem"),
            draws(a.n.base, a.n.policy),
        ),
        format!(
            "[{level} interval] for new problems and new seeds (the base's for new problems); \
             differences are paired by problem and seed, p is Holm's over this table. Lost or nearly and new or nearly \
             are expected numbers of problems, the mean over seeds (and least–most), with what two \
             runs of the base would show in brackets. Entropy is in nats a token."
        ),
    ]
}

/// What fewer than three seeds do to an interval, to be said where the interval stands; `None` of
/// more.
///
/// Two seeds leave one degree of freedom, of which Student's quantile is tan(π·c/2) at confidence c,
/// 12.7 at 95%; three leave two, of which it is c/√((1 − c²)/2), 4.3.
fn few_seeds(a: &Ablation) -> Option<String> {
    let c = a.confidence;
    match a.variants.iter().map(|v| v.runs.len()).min()? {
        0 | 1 => Some(
            "Of one seed an interval is over problems alone: it says nothing about training again."
                .to_owned(),
        ),
        2 => Some(format!(
            "Two seeds: where they differ, an interval reaches {:.1} standard errors to each side; of \
             three it would be {:.1}.",
            (std::f64::consts::FRAC_PI_2 * c).tan(),
            c / ((1.0 - c * c) / 2.0).sqrt()
        )),
        _ => None,
    }
}

/// The sweep in the terminal, at most 80 columns wide.
pub fn ablation_table(a: &Ablation) -> String {
    let mut text = String::new();
    let curves = 1 + a.k.len();
    let all = figures(a, false);
    let part = |columns: &dyn Fn(usize) -> bool| {
        let of = |cells: &Vec<String>| {
            let kept = cells.iter().enumerate().filter(|(index, _)| columns(*index));
            kept.map(|(_, cell)| cell.clone()).collect::<Vec<_>>()
        };
        let rows = all.rows.iter().map(of).collect();
        AblationGrid { head: of(&all.head), rows, note: all.note.clone() }
    };
    // Two tables: one would be wider than a terminal.
    let shares = part(&|index| index < curves);
    let others = part(&|index| index == 0 || index >= curves);
    for grid in [Some(shares), Some(others), ablation_differences(a), Some(ablation_costs(a))]
        .into_iter()
        .flatten()
    {
        text += &crate::table::plain_table(&grid.head, &grid.rows);
        text.push('\n');
        if let Some(note) = &grid.note {
            text += &wrapped(note, WIDTH, 0);
            text.push('\n');
        }
        text.push('\n');
    }
    for note in ablation_notes(a) {
        text += &wrapped(&note, WIDTH, 0);
        text.push('\n');
    }
    text
}

/// The sweep as Markdown, with the runs that failed.
pub fn ablation_markdown(sets: &[Ablation], failed: &[FailedRun]) -> String {
    let mut text = String::new();
    for a in sets {
        for grid in [Some(figures(a, true)), ablation_differences(a), Some(ablation_costs(a))]
            .into_iter()
            .flatten()
        {
            markdown(&mut text, &grid);
        }
        text += &ablation_notes(a).join("\n\n");
        text += "\n\n";
    }
    for run in failed {
        line(
            &mut text,
            format_args!("- failed: {}, seed {}: {}", run.variant, run.seed, run.problem),
        );
    }
    text
}

/// One row a variant: every figure in full, with its ends. Shares, not percent.
pub fn ablation_csv(sets: &[Ablation]) -> String {
    let mut text = String::new();
    let mut head: Vec<String> = ["set", "variant", "runs"].map(String::from).to_vec();
    let k = sets.first().map(|a| a.k.clone()).unwrap_or_default();
    let ends = |name: &str| [name.to_owned(), format!("{name}_low"), format!("{name}_high")];
    for side in ["base", "policy", "change", "less_reference"] {
        head.extend(k.iter().flat_map(|k| ends(&format!("{side}_pass@{k}"))));
    }
    head.extend(k.iter().map(|k| format!("p_holm_pass@{k}")));
    for name in ["delta_se", "lost_or_nearly", "new_or_nearly", "entropy", "tokens", "seconds"] {
        head.extend(ends(name));
    }
    head.extend(
        [
            "lost_or_nearly_chance",
            "new_or_nearly_chance",
            "base_entropy",
            "lost_or_nearly_p",
            "new_or_nearly_p",
        ]
        .map(String::from),
    );
    csv_line(&mut text, &head);
    for a in sets {
        for (index, v) in a.variants.iter().enumerate() {
            let mut row = vec![a.set.clone(), v.name.clone(), v.runs.len().to_string()];
            let less = |k: &u64| {
                a.differences
                    .iter()
                    .find(|d| Some(d.from) == a.reference && d.of == index && d.k == *k)
            };
            for list in [&v.base, &v.policy, &v.change] {
                row.extend(list.iter().flat_map(|e| [e.value, e.ci_low, e.ci_high]).map(number));
            }
            for k in &a.k {
                let e = less(k).map(|d| d.difference);
                let e = e.map(|e| [e.value, e.ci_low, e.ci_high].map(number));
                row.extend(e.unwrap_or_default());
            }
            row.extend(a.k.iter().map(|k| optional(less(k).and_then(|d| d.p_holm))));
            row.extend([v.delta_se.value, v.delta_se.ci_low, v.delta_se.ci_high].map(number));
            let of = |n: Option<AgainstNull>| n.map(|n| n.found);
            for s in [of(v.lost_or_nearly), of(v.new_or_nearly), v.entropy, v.tokens, v.seconds] {
                let cells = s.map(|s| [s.mean, s.least, s.most].map(number));
                row.extend(cells.unwrap_or_default());
            }
            row.push(optional(v.lost_or_nearly.map(|n| n.null)));
            row.push(optional(v.new_or_nearly.map(|n| n.null)));
            row.push(optional(v.base_entropy.map(|e| e.mean)));
            row.extend([v.lost_or_nearly, v.new_or_nearly].map(|n| optional(n.map(|n| n.p))));
            csv_line(&mut text, &row);
        }
    }
    text
}

/// One row a run.
pub fn ablation_runs_csv(sets: &[Ablation]) -> String {
    let mut text = String::new();
    let k = sets.first().map(|a| a.k.clone()).unwrap_or_default();
    let mut head: Vec<String> = ["set", "variant", "seed"].map(String::from).to_vec();
    head.extend(k.iter().map(|k| format!("policy_pass@{k}")));
    head.extend(
        [
            "delta_se",
            "lost_or_nearly",
            "lost_or_nearly_chance",
            "p_lost",
            "new_or_nearly",
            "new_or_nearly_chance",
            "p_gained",
        ]
        .map(String::from),
    );
    head.extend(["entropy", "tokens", "seconds"].map(String::from));
    csv_line(&mut text, &head);
    for a in sets {
        for (v, run) in a.variants.iter().flat_map(|v| v.runs.iter().map(move |run| (v, run))) {
            let mut row = vec![a.set.clone(), v.name.clone(), run.seed.to_string()];
            row.extend(run.policy.iter().copied().map(number));
            row.push(number(run.delta_se));
            for side in [run.lost_or_nearly, run.new_or_nearly] {
                row.extend(side.map(|side| side.map(number)).unwrap_or_default());
            }
            row.extend([run.entropy, run.tokens, run.seconds].map(optional));
            csv_line(&mut text, &row);
        }
    }
    text
}

fn markdown(text: &mut String, grid: &AblationGrid) {
    let cell = |cell: &String| visible(cell).replace('|', "\\|").replace('\n', " ");
    let row = |cells: &[String]| cells.iter().map(cell).collect::<Vec<_>>().join(" | ");
    line(text, format_args!("| {} |", row(&grid.head)));
    line(text, format_args!("|---|{}", "---:|".repeat(grid.head.len() - 1)));
    for cells in &grid.rows {
        line(text, format_args!("| {} |", row(cells)));
    }
    text.push('\n');
    if let Some(note) = &grid.note {
        line(text, format_args!("{note}\n"));
    }
}

fn csv_line(text: &mut String, cells: &[String]) {
    // RFC 4180: what holds a comma, a quote or a line's end is quoted.
    let cell = |cell: &String| match visible(cell) {
        cell if cell.contains([',', '"', '\n']) => format!("\"{}\"", cell.replace('"', "\"\"")),
        cell => cell.into_owned(),
    };
    line(text, format_args!("{}", cells.iter().map(cell).collect::<Vec<_>>().join(",")));
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{arguments}");
}

fn number(value: f64) -> String {
    format!("{value}")
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(String::new, number)
}

fn dash() -> String {
    "–".to_owned()
}

fn interval(e: Estimate, show: impl Fn(f64) -> String) -> String {
    format!("{} [{}, {}]", show(e.value), show(e.ci_low), show(e.ci_high))
}

#[cfg(test)]
#[path = "../tests/unit/ablation.rs"]
mod tests;
