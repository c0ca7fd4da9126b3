//! The page of hard problems: their correct completions, for a reader to judge the reasoning.
//!
//! A verifier sees the answer only. Whether a seldom solved problem was solved by reasoning or by
//! luck takes reading, and this page is made for it: on paper or in a browser, where ticks and
//! notes stay on the reader's machine until they are saved as a table.

use std::path::Path;

use bourn_probe::{Answer, HardProblem, Outcomes, hard_completions};

use super::chart::put;
use super::html::{esc, one_line};
use super::page::document;
use super::problems::shorten;
use super::read::{Probe, read_ledgers};
use super::{MAX_RUNS, ReportError};
use crate::format::{confidence as share, plural};

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
    pub run: String,
    /// The set's name.
    pub set: String,
    /// Steps completed at that probe.
    pub step: u64,
    /// Problems of the set.
    pub of: usize,
    /// Whether the run has the base's draws; without them there is no comparison.
    pub has_base: bool,
    /// The hard ones that a model solved, in id order.
    pub problems: Vec<HardProblem>,
}

/// Reads the hard problems of the run in `dir`: those of which base or policy solves a smaller
/// share than `below` of its draws, with the correct completions there are.
///
/// # Errors
/// As [`read_run`](super::read_run), and [`ReportError::Below`] for a bound that is no share.
pub fn read_hard(dir: &Path, below: f64) -> Result<Vec<HardSet>, ReportError> {
    if !(below > 0.0 && below <= 1.0) {
        return Err(ReportError::Below(below));
    }
    let set = |probe: Probe| HardSet {
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
/// Refuses no sets, and those of more than [`MAX_RUNS`] runs.
pub fn render_hard(sets: &[HardSet], below: f64) -> Result<String, ReportError> {
    let mut runs: Vec<&str> = sets.iter().map(|set| set.run.as_str()).collect();
    runs.dedup();
    if runs.len() > MAX_RUNS {
        return Err(ReportError::Runs(runs.len()));
    }
    let below = share(below);
    let mut body = format!(
        "<h1>Hard problems</h1>\n<p class=\"lead\">Problems that base or policy solves in less than \
         {below} of its draws, with the distinct correct completions of both. The verifier saw the \
         answers only: read the reasoning. Does it lead to the answer, does it go wrong and arrive by \
         luck, or is there none?</p>\n\
         <p class=\"js progress\"><output></output> <button type=\"button\">save as a table</button> \
         <small>Ticks and notes are kept in this browser.</small></p>\n"
    );
    let mut left = PROBLEMS;
    for (index, set) in sets.iter().enumerate() {
        let most = left / (sets.len() - index);
        let shown = most.min(set.problems.len());
        left -= shown;
        body += &section(set, shown, sets.len() > 1);
    }
    if sets.iter().all(|set| set.problems.is_empty()) {
        body += "<p class=\"note\">There are none.</p>\n";
    }
    Ok(document("hard problems", STYLE, &body, SCRIPT))
}

fn section(set: &HardSet, shown: usize, several: bool) -> String {
    let all = set.problems.len();
    let mut html = String::from("<section>\n");
    if several {
        put(&mut html, format_args!("<h2>{}: {}</h2>\n", esc(&set.run), esc(&set.set)));
    }
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
    put(&mut html, format_args!("<p class=\"note\">{}</p>\n", esc(&note)));
    for problem in &set.problems[..shown] {
        html += &article(set, problem);
    }
    html + "</section>\n"
}

fn article(set: &HardSet, problem: &HardProblem) -> String {
    let id = esc(&problem.id);
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
    let key = esc(&format!("{}/{}/{}/{}", set.run, set.set, set.step, problem.id));
    format!(
        "<article class=\"hard\" data-key=\"{key}\" data-problem=\"{id}\">\n<h3 dir=\"auto\">{}</h3>\n\
         <p class=\"id\">{id}, {hard}</p>\n<pre class=\"prompt\" dir=\"auto\">{}</pre>\n\
         <div class=\"sides\">{}{}</div>\n\
         <label class=\"notes\">notes <textarea rows=\"2\" data-field=\"notes\"></textarea></label>\n\
         </article>\n",
        esc(&title),
        esc(&shorten(&problem.prompt, CHARS)),
        side("base", problem.base, &problem.base_correct),
        side("policy", problem.policy, &problem.policy_correct),
    )
}

fn side(name: &str, outcomes: Outcomes, answers: &[Answer]) -> String {
    let mut html = format!(
        "<div><h5><i class=\"swatch {name}\"></i> {name}: {} of {} correct</h5>",
        outcomes.c(),
        outcomes.n()
    );
    for (index, answer) in answers.iter().enumerate() {
        let text = if answer.text.is_empty() { "(no text)" } else { &answer.text };
        let tick = |value: &str| {
            format!(
                "<label><input type=\"checkbox\" data-field=\"{name}/{index}/{value}\"> {value}</label> "
            )
        };
        let ticks: String = ["sound", "flawed", "guessed"].map(tick).concat();
        put(
            &mut html,
            format_args!(
                "<div class=\"answer right\"><small>{} ×</small><pre dir=\"auto\">{}</pre>\
                 <p class=\"ticks\">{ticks}</p></div>",
                answer.count,
                esc(&shorten(text, CHARS))
            ),
        );
    }
    if answers.is_empty() {
        html += "<p class=\"note\">none</p>";
    }
    html + "</div>"
}
