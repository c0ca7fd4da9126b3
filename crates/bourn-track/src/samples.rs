//! A probe in words and examples, as a page of Markdown for TensorBoard's text tab.
//!
//! Prompts and completions come from a model that may write anything: [`literal`] makes a text that
//! neither Markdown nor HTML sees anything in, and bounds its length.

use bourn_foreign::visible;
use bourn_probe::{Answer, Boundary, Example, Examples, Ledger, most_frequent};

use crate::words;

/// Most problems of a page.
const PROBLEMS: usize = 3;
/// Most answers of a model to a problem.
const ANSWERS: usize = 3;
/// Most characters of a prompt and of an answer.
const PROMPT_CHARACTERS: usize = 200;
const ANSWER_CHARACTERS: usize = 120;

/// What a probe showed, and three problems never solved again with what both models say; while there
/// are none, three problems with the policy's most frequent answers.
pub fn samples(b: &Boundary, examples: &Examples, policy: &Ledger) -> String {
    let findings = b.findings();
    let mut page = format!("{}\n\n{}\n\n", words::standing(&findings), words::sets(b, &findings));
    let gone = &examples.never_solved_again;
    match gone.is_empty() {
        false => page += &never_solved_again(&gone[..gone.len().min(PROBLEMS)]),
        true => page += &most_frequent_answers(policy),
    }
    page
}

fn never_solved_again(list: &[Example]) -> String {
    let mut table = "| never solved again | the base, right | the policy, wrong |\n".to_owned();
    table += "|---|---|---|\n";
    for example in list {
        let cells = [
            literal(&example.prompt, PROMPT_CHARACTERS),
            answers(&example.correct, example.base.n()),
            answers(&example.wrong, example.policy.n()),
        ];
        table += &row(&cells);
    }
    table
}

fn most_frequent_answers(policy: &Ledger) -> String {
    let mut table = "| problem | the policy, most often |\n|---|---|\n".to_owned();
    for (_, entry) in policy.entries().take(PROBLEMS) {
        let list = most_frequent(entry, ANSWERS, |_| true);
        let prompt = literal(entry.prompt(), PROMPT_CHARACTERS);
        table += &row(&[prompt, answers(&list, entry.outcomes().n())]);
    }
    table
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// Answers below each other: the text, how often of how many draws, and the verdict.
fn answers(list: &[Answer], n: u64) -> String {
    let line = |answer: &Answer| {
        let Answer { text, count, verdict } = answer;
        let text = literal(text, ANSWER_CHARACTERS);
        format!("{text} ({count} of {n}, {})", literal(verdict.name(), ANSWER_CHARACTERS))
    };
    let lines: Vec<String> = list.iter().take(ANSWERS).map(line).collect();
    if lines.is_empty() { "none".to_owned() } else { lines.join("<br>") }
}

/// A text that is shown letter by letter whatever it holds: what is not seen is written out, and
/// everything but letters, digits and single blanks is a numeric character reference, in which Markdown,
/// its tables and HTML see nothing.
fn literal(text: &str, most: usize) -> String {
    let mut shown = String::new();
    let text = visible(text.trim());
    for c in text.chars().take(most) {
        match c {
            '\n' => shown.push('↵'),
            c if c.is_ascii_alphanumeric() || c == ' ' => shown.push(c),
            c if c.is_ascii() => shown += &format!("&#{};", u32::from(c)),
            c => shown.push(c),
        }
    }
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    if shown.is_empty() { "(empty)".to_owned() } else { shown }
}

#[cfg(test)]
#[path = "../tests/unit/samples.rs"]
mod tests;
