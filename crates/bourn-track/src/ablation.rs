//! The tables of a sweep: terminal, Markdown and CSV.

use std::fmt::Write;

use bourn_probe::{Ablation, AgainstNull, Difference, Estimate, Spread, VariantFigures};

use crate::format::{
    against_null, confidence, counted, draws, grouped, p_value, percent, plural, points, spread,
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
    let against = |n: Option<AgainstNull>| match with_ranges {
        true => against_null(n),
        false => {
            n.map_or_else(dash, |n| format!("{} [{}]", counted(n.found.mean), counted(n.null)))
        }
    };
    let mut head = vec!["variant".to_owned()];
    head.extend(a.k.iter().map(|k| format!("pass@{k} %")));
    head.extend(["Δ_SE", "lost [chance]", "gained [chance]", "entropy"].map(String::from));
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
        row.push(against(v.lost));
        row.push(against(v.gained));
        row.push(v.entropy.map_or_else(dash, |e| spread(e, |x| format!("{x:.3}"))));
        rows.push(row);
    }
    AblationGrid { head, rows }
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
    (!rows.is_empty()).then_some(AblationGrid { head, rows })
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
    let mut notes = vec![
        format!(
            "{} on {}: {}, up to {} each, {seeds} a variant.",
            a.name,
            a.set,
            plural(a.problems as u64, "problem"),
            draws(a.n.base, a.n.policy),
        ),
        format!(
            "[{level} interval] for new problems and new seeds (the base's for new problems); \
             differences are paired by problem and seed, p is Holm's over this table. Lost and gained \
             are expected numbers of problems, the mean over seeds (and least–most), with what two \
             runs of the base would show in brackets. Entropy is in nats a token."
        ),
    ];
    if least == 1 {
        notes.push(
            "Where a variant has one seed, its intervals say nothing about training again.".into(),
        );
    }
    notes
}

/// The sweep in the terminal, at most 100 columns wide where names allow it.
pub fn ablation_table(a: &Ablation) -> String {
    let mut text = String::new();
    for grid in [Some(figures(a, false)), ablation_differences(a), Some(ablation_costs(a))]
        .into_iter()
        .flatten()
    {
        text += &crate::table::plain_table(&grid.head, &grid.rows);
        text += "\n\n";
    }
    ablation_notes(a).iter().for_each(|note| wrapped(&mut text, note));
    text
}

/// Words on lines of at most 100 characters.
fn wrapped(text: &mut String, note: &str) {
    let mut length = 0;
    for word in note.split(' ') {
        let chars = word.chars().count();
        if length > 0 && length + 1 + chars > 100 {
            text.push('\n');
            length = 0;
        } else if length > 0 {
            text.push(' ');
            length += 1;
        }
        text.push_str(word);
        length += chars;
    }
    text.push('\n');
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
    for name in ["delta_se", "lost", "gained", "entropy", "tokens", "seconds"] {
        head.extend(ends(name));
    }
    head.extend(["lost_chance", "gained_chance", "base_entropy"].map(String::from));
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
            for s in [of(v.lost), of(v.gained), v.entropy, v.tokens, v.seconds] {
                let cells = s.map(|s| [s.mean, s.least, s.most].map(number));
                row.extend(cells.unwrap_or_default());
            }
            row.push(optional(v.lost.map(|n| n.null)));
            row.push(optional(v.gained.map(|n| n.null)));
            row.push(optional(v.base_entropy.map(|e| e.mean)));
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
        ["delta_se", "lost", "lost_chance", "lost_p", "gained", "gained_chance", "gained_p"]
            .map(String::from),
    );
    head.extend(["entropy", "tokens", "seconds"].map(String::from));
    csv_line(&mut text, &head);
    for a in sets {
        for (v, run) in a.variants.iter().flat_map(|v| v.runs.iter().map(move |run| (v, run))) {
            let mut row = vec![a.set.clone(), v.name.clone(), run.seed.to_string()];
            row.extend(run.policy.iter().copied().map(number));
            row.push(number(run.delta_se));
            for side in [run.lost, run.gained] {
                row.extend(side.map(|side| side.map(number)).unwrap_or_default());
            }
            row.extend([run.entropy, run.tokens, run.seconds].map(optional));
            csv_line(&mut text, &row);
        }
    }
    text
}

fn markdown(text: &mut String, grid: &AblationGrid) {
    let cell = |cell: &String| cell.replace('|', "\\|").replace('\n', " ");
    let row = |cells: &[String]| cells.iter().map(cell).collect::<Vec<_>>().join(" | ");
    line(text, format_args!("| {} |", row(&grid.head)));
    line(text, format_args!("|---|{}", "---:|".repeat(grid.head.len() - 1)));
    for cells in &grid.rows {
        line(text, format_args!("| {} |", row(cells)));
    }
    text.push('\n');
}

fn csv_line(text: &mut String, cells: &[String]) {
    // RFC 4180: what holds a comma, a quote or a line's end is quoted.
    let cell = |cell: &String| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.clone(),
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
