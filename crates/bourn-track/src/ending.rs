//! What a run, a probe or a comparison ends with: some twenty lines of at most 80 columns.

use bourn_probe::{Answer, Boundary, Change, Example, Examples, Findings};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use crate::format::{confidence, percent, points, wrapped};
use crate::table::{RULED, shorten, trimmed};
use crate::words;

/// Columns of a terminal that everything fits.
pub(crate) const WIDTH: usize = 80;
/// Rows of the table.
const ROWS: usize = 4;
/// Problems that are shown with what the models said, and room for each part.
const EXAMPLES: usize = 3;
const PROMPT: usize = 19;
const ANSWER: usize = 14;

/// A comparison in a table of four numbers of tries, with the word of each, and what it says in
/// sentences; below it, where they are known, problems never solved again with what the policy says
/// instead.
pub fn comparison(b: &Boundary, examples: Option<&Examples>) -> String {
    let findings = b.findings();
    let set = b.set.as_ref().map_or(String::new(), |set| format!(" on {set}"));
    let mut lines = vec![format!("pass@k{set}: {}", words::extent(b)), table(b, &findings)];
    lines.push(wrapped(&words::standing(&findings), WIDTH, 0));
    lines.push(wrapped(&words::sets(b, &findings), WIDTH, 0));
    if let Some(e) = &b.entropy {
        lines.push(format!(
            "Entropy in nats a token: base {:.3} [{:.3}, {:.3}], policy {:.3} [{:.3}, {:.3}].",
            e.base, e.base_ci_low, e.base_ci_high, e.policy, e.policy_ci_low, e.policy_ci_high
        ));
    }
    if let Some(gone) = examples.map(|e| &e.never_solved_again).filter(|list| !list.is_empty()) {
        lines.push(String::new());
        lines.push(examples_lines(gone));
    }
    lines.join("\n")
}

fn table(b: &Boundary, findings: &Findings) -> String {
    let mut table = Table::new();
    table.load_style(RULED);
    let level = confidence(b.confidence);
    let level = if findings.anytime { format!("{level} at every look") } else { level };
    table.set_header(["tries", "base %", "policy %", &format!("change in points [{level}]"), ""]);
    for &Change { k, base, policy, delta, shown, .. } in chosen(findings, b.crossover_k) {
        let [value, low, high] = [delta.value, delta.ci_low, delta.ci_high].map(points);
        table.add_row([
            k.to_string(),
            percent(base),
            percent(policy),
            format!("{value} [{low}, {high}]"),
            if findings.policy_is_base { "" } else { words::word(shown) }.to_owned(),
        ]);
    }
    for column in table.column_iter_mut().take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    trimmed(&table)
}

/// The least and the largest k, the first at which the base is ahead, and one between it and the
/// largest; without such a k, four that are spread.
fn chosen(findings: &Findings, crossover: Option<u64>) -> Vec<&Change> {
    let all = &findings.changes;
    let last = all.len().saturating_sub(1);
    if all.len() <= ROWS {
        return all.iter().collect();
    }
    let crossover = crossover
        .and_then(|k| all.iter().position(|change| change.k == k))
        .filter(|&index| index + 1 < last);
    let places = match crossover {
        Some(index) => [0, index, (index + last).div_ceil(2), last],
        None => [0, last / 3, 2 * last / 3, last],
    };
    places.into_iter().filter_map(|place| all.get(place)).collect()
}

/// `Never solved again, 3 of 25:`, then of each the prompt, a right answer of the base with how often it
/// was right, and what the policy says most often.
fn examples_lines(gone: &[Example]) -> String {
    let shown = gone.len().min(EXAMPLES);
    let mut table = Table::new();
    table.load_style(NOTHING);
    for example in &gone[..shown] {
        let first = |answers: &[Answer]| match answers.first() {
            None => ("(no text)".to_owned(), 0),
            Some(answer) => match shorten(&answer.text, ANSWER) {
                text if text.is_empty() => ("(no text)".to_owned(), answer.count),
                text => (text, answer.count),
            },
        };
        let ((right, _), (wrong, times)) = (first(&example.correct), first(&example.wrong));
        table.add_row([
            shorten(&example.prompt, PROMPT),
            format!("base {right} ({} of {})", example.base.c(), example.base.n()),
            format!("policy {wrong} ({times}x)"),
        ]);
    }
    format!("Never solved again, {shown} of {}:\n{}", gone.len(), trimmed(&table))
}

#[cfg(test)]
#[path = "../tests/unit/ending.rs"]
mod tests;
