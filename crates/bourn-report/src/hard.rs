//! The page of hard problems: their correct completions, for a reader to judge the reasoning.
//!
//! A verifier sees the answer only. Whether a seldom solved problem was solved by reasoning or by
//! luck takes reading, and this page is made for it: on paper or in a browser, where ticks and
//! notes stay on the reader's machine until they are saved as a table.

use std::path::Path;

use bourn_probe::{Answer, HardProblem, Outcomes, hard_completions};
use bourn_track::format::{confidence as share, plural};
use maud::{Markup, html};

use crate::MAX_RUNS;
use crate::error::ReportError;
use crate::page::document;
use crate::problems::shorten;
use crate::read::{ProbeLedgers, read_ledgers};
use crate::text::{Foreign, one_line};

const STYLE: &str = concat!(include_str!("style.css"), include_str!("hard.css"));
const SCRIPT: &str = include_str!("hard.js");

/// Problems on a page, over all runs.
const PROBLEMS: usize = 300;
/// Distinct completions of each model and problem.
const COMPLETIONS: usize = 6;
/// Characters of a completion and of a prompt: reasoning is what is to be read.
const CHARS: usize = 8000;
/// Characters of a prompt in a heading.
const TITLE_CHARS: usize = 80;

/// The hard problems of one set at a run's last probe.
#[derive(Clone, Debug)]
pub struct HardSet {
    /// The run's directory, as it was named.
    pub(crate) run: String,
    /// The set's name.
    pub(crate) set: String,
    /// Steps completed at that probe.
    pub(crate) step: u64,
    /// Problems of the set.
    pub(crate) of: usize,
    /// Whether the run has the base's draws; without them there is no comparison.
    pub(crate) has_base: bool,
    /// The hard ones that a model solved, in id order.
    pub(crate) problems: Vec<HardProblem>,
}

/// Reads the hard problems of the run in `dir`: those of which base or policy solves a smaller
/// share than `below` of its draws, with the correct completions there are.
///
/// # Errors
/// As [`read_run`](crate::read_run), and [`ReportError::Below`] for a bound that is no share.
pub fn read_hard(dir: &Path, below: f64) -> Result<Vec<HardSet>, ReportError> {
    if !(below > 0.0 && below <= 1.0) {
        return Err(ReportError::Below(below));
    }
    let set = |probe: ProbeLedgers| HardSet {
        run: dir.display().to_string(),
        of: probe.policy.len(),
        has_base: probe.base.is_some(),
        problems: probe.base.map_or_else(Vec::new, |base| {
            hard_completions(&base, &probe.policy, below, COMPLETIONS)
        }),
        set: probe.set,
        step: probe.step,
    };
    Ok(read_ledgers(dir)?.into_iter().map(set).collect())
}

/// The page of these sets, as one HTML document.
///
/// # Errors
/// Refuses sets of more than eight runs.
pub fn render_hard(sets: &[HardSet], below: f64) -> Result<String, ReportError> {
    let mut runs: Vec<&str> = sets.iter().map(|set| set.run.as_str()).collect();
    runs.dedup();
    if runs.len() > MAX_RUNS {
        return Err(ReportError::Runs(runs.len()));
    }
    let mut left = PROBLEMS;
    let mut sections = Vec::new();
    for (index, set) in sets.iter().enumerate() {
        let most = left / (sets.len() - index);
        let shown = most.min(set.problems.len());
        left -= shown;
        sections.push(section(set, shown, sets.len() > 1));
    }
    let body = html! {
        h1 { "Hard problems" }
        p.lead {
            "Problems that base or policy solves in less than " (share(below)) " of its draws, with "
            "the distinct correct completions of both. The verifier saw the answers only: read the "
            "reasoning. Does it lead to the answer, does it go wrong and arrive by luck, or is there "
            "none?"
        }
        p.js.progress {
            output {} " " button type="button" { "save as a table" } " "
            small { "Ticks and notes are kept in this browser." }
        }
        @for section in &sections { (section) }
        @if sets.iter().all(|set| set.problems.is_empty()) { p.note { "There are none." } }
    };
    Ok(document("hard problems", STYLE, body, SCRIPT))
}

fn section(set: &HardSet, shown: usize, several: bool) -> Markup {
    html! {
        section {
            @if several { h2 { (Foreign(&set.run)) ": " (Foreign(&set.set)) } }
            p.note { (Foreign(note(set, shown))) }
            @for problem in &set.problems[..shown] { (article(set, problem)) }
        }
    }
}

fn note(set: &HardSet, shown: usize) -> String {
    let all = set.problems.len();
    let mut note = format!(
        "{}, {}, after step {}: {} of {} hard and solved by one of the two.",
        set.run,
        set.set,
        set.step,
        all,
        plural(set.of as u64, "problem")
    );
    if !set.has_base {
        note += " This run was recorded without the base's draws: there is nothing to compare.";
    }
    if shown < all {
        note += &format!(" The first {shown} are on this page.");
    }
    note += &format!(
        " At most {COMPLETIONS} completions of each model; the rest is in the run's ledger files."
    );
    note
}

fn article(set: &HardSet, problem: &HardProblem) -> Markup {
    let id = Foreign(&problem.id);
    let title = match one_line(&problem.prompt, TITLE_CHARS) {
        title if title.is_empty() => problem.id.clone(),
        title => title,
    };
    let hard = match (problem.hard_for_base, problem.hard_for_policy) {
        (true, true) => "hard for both",
        (true, false) => "hard for the base",
        _ => "hard for the policy",
    };
    // What ticks and notes are kept under: the same problem of another run is another judgement.
    let key = format!("{}/{}/{}/{}", set.run, set.set, set.step, problem.id);
    html! {
        article.hard data-key=(Foreign(key)) data-problem=(id) {
            h3 dir="auto" { (Foreign(title)) }
            p.id { (id) ", " (hard) }
            pre.prompt dir="auto" { (Foreign(shorten(&problem.prompt, CHARS))) }
            div.sides {
                (side("base", problem.base, &problem.base_correct))
                (side("policy", problem.policy, &problem.policy_correct))
            }
            label.notes { "notes " textarea rows="2" data-field="notes" {} }
        }
    }
}

fn side(name: &str, outcomes: Outcomes, answers: &[Answer]) -> Markup {
    html! {
        div {
            h5 { i.swatch.(name) {} " " (name) ": " (outcomes.c()) " of " (outcomes.n()) " correct" }
            @for (index, answer) in answers.iter().enumerate() {
                @let text = if answer.text.is_empty() { "(no text)" } else { &answer.text };
                div.answer.right {
                    small { (answer.count) " ×" }
                    pre dir="auto" { (Foreign(shorten(text, CHARS))) }
                    p.ticks {
                        @for tick in ["sound", "flawed", "guessed"] {
                            label {
                                input type="checkbox" data-field={ (name) "/" (index) "/" (tick) };
                                " " (tick)
                            }
                            " "
                        }
                    }
                }
            }
            @if answers.is_empty() { p.note { "none" } }
        }
    }
}

#[cfg(test)]
#[path = "../tests/unit/hard.rs"]
mod tests;
