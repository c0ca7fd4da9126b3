//! Tables for the terminal: at most 80 columns wide, readable without colour.

use std::borrow::Cow;

use bourn_foreign::visible;
use bourn_probe::figures::{ProblemState, Solvability, SolvableState, Support};
use bourn_probe::{Answer, Boundary, Estimate, Example, Outcomes, SHOWN_P, Spending, Spent};
use comfy_table::presets::{NOTHING, UTF8_HORIZONTAL_ONLY};
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use crate::ending;
use crate::format::{
    confidence, counted, draws, grouped, p_value, percent, plural, points, rate, signed, wrapped,
};
use crate::origins::origins_lines;
use crate::paired::paired_lines;
use crate::temperature::temperature_lines;
use crate::words;

/// Columns of a terminal that every table fits.
const WIDTH: u16 = ending::WIDTH as u16;
/// How much of a problem's prompt and of an answer a table shows, in characters.
const PROMPT_CHARS: usize = 160;
const ANSWER_CHARS: usize = 100;
/// Lines above, below and under the header; none between rows.
pub(crate) const RULED: TableStyle =
    UTF8_HORIZONTAL_ONLY.header_separator(RULE).row_separator(LineStyle::none());
const RULE: LineStyle = LineStyle::none().fill('─').junction('─');

/// The boundary figures: pass@k of base and policy and their difference, k by k, in percent with
/// intervals, and under it crossover, solvable sets as drawn and at ε, Δ_SE, support, draws spent
/// and saved where a rule could stop them early, entropy (nats per token), where the correct answers
/// came from, and sampler.
pub fn boundary_table(boundary: &Boundary) -> String {
    let mut table = new_table();
    table.load_style(RULED);
    table.set_header(["k", "base %", "policy %", "delta (points)"]);
    for row in boundary.rows() {
        table.add_row([
            row.k.to_string(),
            interval(row.base, percent),
            interval(row.policy, percent),
            interval(row.delta, points),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{}\n{}\n{}", title(boundary), trimmed(&table), derived_table(&summary(boundary)))
}

/// Names with what they stand for, for `--dry-run` and the like.
pub fn derived_table(rows: &[(String, String)]) -> String {
    let mut table = new_table();
    table.load_style(NOTHING);
    table.add_rows(rows.iter().map(|(name, value)| [visible(name), visible(value)]));
    trimmed(&table)
}

/// Names with what they stand for in a column beside them, which begins at `column` or where the names
/// have room, on lines of at most 80 columns.
pub fn facts(rows: &[(String, String)], column: usize) -> String {
    let rows: Vec<_> = rows.iter().map(|(name, value)| (visible(name), visible(value))).collect();
    let widest = rows.iter().map(|(name, _)| name.chars().count() + 2).max().unwrap_or(0);
    let column = widest.max(column);
    let room = ending::WIDTH.saturating_sub(column);
    let line = |(name, value): &(Cow<'_, str>, Cow<'_, str>)| {
        let value = wrapped(value, room, 0).replace('\n', &format!("\n{}", " ".repeat(column)));
        format!("{name:column$}{value}")
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Counts as rows of [`derived_table`].
pub fn count_rows(counts: Vec<(String, u64)>) -> Vec<(String, String)> {
    counts.into_iter().map(|(what, count)| (what, grouped(count as f64))).collect()
}

/// Rows under a head, figures to the right.
pub(crate) fn plain_table(head: &[String], rows: &[Vec<String>]) -> String {
    let mut table = new_table();
    table.load_style(RULED);
    table.set_header(head.iter().map(|cell| visible(cell)));
    table.add_rows(rows.iter().map(|row| row.iter().map(|cell| visible(cell))));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    trimmed(&table)
}

/// Lost or gained problems with what both models answered: the first `most` of them, texts
/// shortened, answers with how often they were given.
pub fn examples_table(examples: &[Example], most: usize) -> String {
    let mut table = new_table();
    table.load_style(RULED.row_separator(RULE));
    table.set_header(["problem", "base", "policy"]);
    for example in examples.iter().take(most) {
        let solved_by_base = example.base.solved();
        let (base, policy) = if solved_by_base {
            (&example.correct, &example.wrong)
        } else {
            (&example.wrong, &example.correct)
        };
        table.add_row([
            format!("{}\n{}", shorten(&example.id, 24), shorten(&example.prompt, PROMPT_CHARS)),
            answers(example.base, base),
            answers(example.policy, policy),
        ]);
    }
    let more = match examples.len().saturating_sub(most) {
        0 => String::new(),
        more => format!("\nand {more} more"),
    };
    trimmed(&table) + &more
}

/// `3 of 256 correct`, then each answer with its count.
fn answers(outcomes: Outcomes, answers: &[Answer]) -> String {
    let share = format!("{} of {} correct", outcomes.c(), outcomes.n());
    let line = |a: &Answer| match shorten(&a.text, ANSWER_CHARS) {
        text if text.is_empty() => format!("(no text) ({}x)", a.count),
        text => format!("{text} ({}x)", a.count),
    };
    std::iter::once(share).chain(answers.iter().map(line)).collect::<Vec<_>>().join("\n")
}

/// Text on one line and of at most `most` characters, without its middle if it is longer: a
/// completion begins with its approach and ends with its answer. What a terminal would obey (a model
/// may write escape sequences) is written out.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = visible(&words);
    let length = words.chars().count();
    if length <= most {
        return words.into_owned();
    }
    let head = most / 3;
    let tail = most.saturating_sub(head + 3);
    let start: String = words.chars().take(head).collect();
    let end: String = words.chars().skip(length - tail).collect();
    format!("{start}...{end}")
}

fn new_table() -> Table {
    let mut table = Table::new();
    table.set_width(WIDTH);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table
}

/// The table without the blanks at the ends of its lines.
pub(crate) fn trimmed(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_string()).collect::<Vec<_>>().join("\n")
}

fn title(boundary: &Boundary) -> String {
    let set = boundary.set.as_ref().map_or(String::new(), |set| format!(" on {set}"));
    let extent = words::extent(boundary);
    let level = confidence(boundary.confidence);
    format!("pass@k{set}: {extent}, [{level} interval]")
}

fn summary(boundary: &Boundary) -> Vec<(String, String)> {
    let mut lines = vec![
        ("shown".to_string(), words::standing(&boundary.findings())),
        ("problems".to_string(), solvable(boundary)),
        ("Δ_SE".to_string(), delta_se(boundary)),
    ];
    lines.extend(paired_lines(boundary));
    if let Some(solvability) = &boundary.solvability {
        lines.extend(solvability_lines(solvability, boundary.policy_is_base));
    }
    lines.extend(boundary.support.as_ref().map(|s| ("support".to_string(), support(s))));
    if let Some(Spending { base, policy }) = &boundary.draws {
        let line = format!("base {}, policy {}", spent(base), spent(policy));
        lines.push(("draws".to_string(), line));
    }
    if let Some(e) = &boundary.entropy {
        let side = |value, low, high| format!("{value:.3} [{low:.3}, {high:.3}]");
        let base = side(e.base, e.base_ci_low, e.base_ci_high);
        let policy = side(e.policy, e.policy_ci_low, e.policy_ci_high);
        lines.push(("entropy".to_string(), format!("base {base}, policy {policy} nats/token")));
    }
    lines.extend(boundary.origins.iter().flat_map(origins_lines));
    lines.extend(temperature_lines(boundary));
    if let Some(sampler) = &boundary.sampler {
        lines.push(("sampler".to_string(), sampler.clone()));
    }
    let bootstrap = format!("bootstrap over problems, {} resamples", boundary.resamples);
    lines.push(("intervals".to_string(), bootstrap));
    lines
}

fn solvable(boundary: &Boundary) -> String {
    let sets = &boundary.solvable;
    format!(
        "kept {}, newly solved {}, never solved again {}, neither {} of {} (at least 1 correct in {})",
        sets.kept.len(),
        sets.newly_solved.len(),
        sets.never_solved_again.len(),
        sets.neither.len(),
        plural(boundary.problems as u64, "problem"),
        allowed(boundary),
    )
}

/// States at ε, then what was lost and gained against what two runs of one model would show.
fn solvability_lines(solvability: &Solvability, policy_is_base: bool) -> Vec<(String, String)> {
    let states = |of: fn(&ProblemState) -> SolvableState| {
        let count = |state| solvability.problems.iter().filter(|p| of(p) == state).count();
        let [yes, no] = [SolvableState::Solvable, SolvableState::NotDetected].map(count);
        let open = count(SolvableState::Undetermined);
        format!("{yes} solvable, {no} not detected, {open} undetermined")
    };
    let set = |expected: Estimate, null: Estimate, excess: Estimate, p: f64| {
        let (null, p_text) = (counted(null.value), p_value(p));
        if p > SHOWN_P || policy_is_base {
            let expected = counted(expected.value);
            return format!("none shown: expected {expected}, by chance {null}, p {p_text}");
        }
        let (expected, excess) = (interval(expected, counted), interval(excess, signed));
        format!("{expected}, by chance {null}, beyond it {excess}, p {p_text}")
    };
    let Solvability { epsilon, expected, null, excess, p_lost, p_gained, .. } = solvability;
    vec![
        (format!("ε = {}", rate(*epsilon)), format!("base {}", states(|p| p.base))),
        (String::new(), format!("policy {}", states(|p| p.policy))),
        (
            "lost or nearly".to_string(),
            set(expected.lost_or_nearly, null.lost_or_nearly, excess.lost_or_nearly, *p_lost),
        ),
        (
            "new or nearly".to_string(),
            set(expected.new_or_nearly, null.new_or_nearly, excess.new_or_nearly, *p_gained),
        ),
    ]
}

/// The named figures that can be computed, in percent.
fn support(support: &Support) -> String {
    let figures =
        [("SRR", support.srr), ("NDR", support.ndr), ("SDS", support.sds), ("NSCR", support.nscr)];
    let figure = |(name, figure): (&str, Option<Estimate>)| match figure {
        Some(figure) => format!("{name} {}", percent(figure.value)),
        None => format!("{name} -"),
    };
    format!("{} %", figures.map(figure).join(", "))
}

/// The draws of a problem, which are its most where a rule could stop them early.
fn allowed(boundary: &Boundary) -> String {
    let most = draws(boundary.n.base, boundary.n.policy);
    if boundary.draws.is_some() { format!("up to {most}") } else { most }
}

/// `570 of 1024 (454 saved, 44.3%)`.
fn spent(draws: &Spent) -> String {
    let Spent { spent, full, saved } = draws;
    // A full count of 0 has no share; comparisons have none.
    let share = if *full == 0 { 0.0 } else { *saved as f64 / *full as f64 };
    format!("{spent} of {full} ({saved} saved, {}%)", percent(share))
}

fn delta_se(boundary: &Boundary) -> String {
    let figure = Estimate {
        value: boundary.delta_se,
        ci_low: boundary.delta_se_ci_low,
        ci_high: boundary.delta_se_ci_high,
    };
    let k_max = boundary.k_max();
    format!("{} points: base pass@{k_max} less policy pass@1", interval(figure, points))
}

/// `12.3 [10.1, 14.5]`.
pub(crate) fn interval(figure: Estimate, show: impl Fn(f64) -> String) -> String {
    format!("{} [{}, {}]", show(figure.value), show(figure.ci_low), show(figure.ci_high))
}

#[cfg(test)]
#[path = "../tests/unit/table.rs"]
mod tests;
