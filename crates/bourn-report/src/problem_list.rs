//! The problems of a set: who solved each, and the answers that show it.

use std::fmt::Write as _;

use bourn_probe::figures::{ProblemState, SolvableState};
use bourn_probe::{Boundary, Estimate};
use bourn_track::format::{percent, points};
use bourn_track::words::{LOST_OR_NEARLY, NEVER_SOLVED_AGAIN, NEW_OR_NEARLY, NEWLY_SOLVED};
use maud::{Markup, Render, html};

use crate::origins::{find_id, of_problem};
use crate::problem_filters::{filters, steps};
use crate::problems::{ANSWER_CHARS, ANSWERS, ModelAnswers, ProblemRecord};
use crate::read::SetRecord;
use crate::table::dash;
use crate::text::{Foreign, one_line, percents};

/// Problems that a page lists, and those of them with their texts, over all runs.
const ROWS: usize = 2000;
const TEXTS: usize = 240;
/// Characters of a prompt in the list.
const TITLE_CHARS: usize = 90;

/// The problems of a set on a page of `runs` runs.
pub(crate) fn list(set: &SetRecord, runs: usize) -> Markup {
    let (rows, texts) = (ROWS / runs.max(1), TEXTS / runs.max(1));
    let (all, last) = (set.problems.len(), set.last().step);
    let b = &set.last().boundary;
    html! {
        h3 { "Problems" }
        p.note { (note(set, rows, texts)) }
        div.problems data-steps=[steps(set, rows)] {
            (filters(&set.problems[..rows.min(all)], last))
            (head(b.solvability.is_some()))
            @for (order, problem) in set.problems.iter().take(rows).enumerate() {
                (row(b, problem, order, order < texts))
            }
            @if all > rows { p.note { "and " (all - rows) " more." } }
        }
    }
}

fn note(set: &SetRecord, rows: usize, texts: usize) -> String {
    let all = set.problems.len();
    let mut note = format!(
        "At step {}. {} ",
        set.last().step,
        match set.last().boundary.solvability {
            Some(_) =>
                "Those most probably lost or nearly, or new or nearly, come first.".to_owned(),
            None => format!(
                "Those {NEVER_SOLVED_AGAIN} and {NEWLY_SOLVED} come first, the largest changes before \
                 others."
            ),
        }
    );
    if !set.has_base {
        note += "This run was recorded without the base's draws: only the policy's are shown. ";
    }
    if all > rows {
        let _ = write!(note, "{rows} of {all} problems are listed. ");
    }
    let _ = match all > texts {
        true => write!(note, "The first {texts} open to"),
        false => write!(note, "Each opens to"),
    };
    let _ = write!(
        note,
        " the {ANSWERS} most frequent answers of each model, a correct one among them if there is \
         any; answers above {ANSWER_CHARS} characters are shown without their middle."
    );
    note
}

/// The names of the columns, which sort; `posteriors` where there are probabilities.
fn head(posteriors: bool) -> Markup {
    let chances = [("lost", LOST_OR_NEARLY), ("gained", NEW_OR_NEARLY)];
    let columns =
        [("order", "problem"), ("base", "base"), ("policy", "policy"), ("delta", "change")]
            .into_iter()
            .chain(chances.into_iter().filter(|_| posteriors))
            .chain([("status", "status")]);
    html! {
        div.head.wide[posteriors] {
            @for (by, name) in columns { button type="button" disabled data-by=(by) { (name) } }
        }
    }
}

fn row(b: &Boundary, problem: &ProblemRecord, order: usize, with_texts: bool) -> Markup {
    let state = state(b, &problem.id);
    let accuracy =
        |side: &Option<ModelAnswers>| side.as_ref().map_or(-1.0, |s| s.outcomes.accuracy());
    // Rates of early stopped problems are sorted by their posterior means.
    let (base, policy) = match state {
        Some(s) => (s.base_rate.value, s.policy_rate.value),
        None => (accuracy(&problem.base), accuracy(&problem.policy)),
    };
    let (lost, gained) = state.map_or((-1.0, -1.0), |s| (s.lost_or_nearly, s.new_or_nearly));
    let delta = problem.delta().unwrap_or(0.0);
    let wide = b.solvability.is_some();
    // What the script sorts and filters by, on either element: maud takes no value for its name.
    macro_rules! entry {
        ($element:ident, $content:expr) => {
            html! {
                $element.problem.wide[wide]
                    data-order=(order)
                    data-base=(format_args!("{base:.6}"))
                    data-policy=(format_args!("{policy:.6}"))
                    data-delta=(format_args!("{delta:.6}"))
                    data-lost=(format_args!("{lost:.6}"))
                    data-gained=(format_args!("{gained:.6}"))
                    data-status=(problem.status as u8)
                    data-name=(problem.status.class()) { ($content) }
            }
        };
    }
    let cells = cells(b, state, problem);
    match with_texts && problem.prompt().is_some() {
        true => entry!(details, html! { summary { (cells) } (texts(b, state, problem)) }),
        false => entry!(div, html! { div.summary { (cells) } }),
    }
}

fn state<'a>(b: &'a Boundary, id: &str) -> Option<&'a ProblemState> {
    find_id(&b.solvability.as_ref()?.problems, id, |p| &p.id)
}

fn cells(b: &Boundary, state: Option<&ProblemState>, problem: &ProblemRecord) -> Markup {
    let title = match problem.prompt().map(|prompt| one_line(prompt, TITLE_CHARS)) {
        Some(title) if !title.is_empty() => title,
        _ => problem.id.clone(),
    };
    let count = |side: &Option<ModelAnswers>| match side {
        Some(side) => html! { (side.outcomes.c()) small { "/" (side.outcomes.n()) } },
        None => dash(),
    };
    let chance = |of: fn(&ProblemState) -> f64| {
        state.map_or_else(dash, |s| format!("{:.0}%", 100.0 * of(s)).render())
    };
    let status = problem.status;
    html! {
        span.title dir="auto" { (Foreign(title)) }
        span data-label="base" { (count(&problem.base)) }
        span data-label="policy" data-cell="policy" { (count(&problem.policy)) }
        span data-label="change" data-cell="delta" { (problem.delta().map_or_else(dash, |d| points(d).render())) }
        @if b.solvability.is_some() {
            span data-label=(LOST_OR_NEARLY) data-cell="lost" { (chance(|s| s.lost_or_nearly)) }
            span data-label=(NEW_OR_NEARLY) data-cell="gained" { (chance(|s| s.new_or_nearly)) }
        }
        span.status data-cell="status" { i.swatch.(status.class()) {} " " (status.name()) }
    }
}

/// What the figures know of one problem.
fn knowledge(b: &Boundary, state: Option<&ProblemState>, id: &str) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(s) = state {
        let rate = |side, state: SolvableState, e: Estimate| {
            let [value, low, high] = [e.value, e.ci_low, e.ci_high].map(percents);
            let state = match state {
                SolvableState::Solvable => "solvable",
                SolvableState::NotDetected => "not detected",
                SolvableState::Undetermined => "undetermined",
            };
            format!("{side} {value}% [{low}, {high}], {state}")
        };
        words.push(format!(
            "posterior rate: {}; {}",
            rate("base", s.base, s.base_rate),
            rate("policy", s.policy, s.policy_rate)
        ));
        words.push(format!(
            "probability that it is {LOST_OR_NEARLY} {}%, {NEW_OR_NEARLY} {}%",
            percent(s.lost_or_nearly),
            percent(s.new_or_nearly)
        ));
    }
    if let Some(o) = &b.origins {
        words.extend(of_problem(o, id));
        for p in o.perplexity.iter().filter(|p| p.correct) {
            if let Some((_, value)) = p.problems.iter().find(|(other, _)| other == id) {
                let (of, under, value) = (&p.of, &p.under, percents(value / 100.0));
                words.push(format!(
                    "perplexity of the {of}'s correct completions under the {under}: {value}"
                ));
            }
        }
    }
    words
}

/// The prompt, and the answers of both models side by side.
fn texts(b: &Boundary, state: Option<&ProblemState>, problem: &ProblemRecord) -> Markup {
    let known = knowledge(b, state, &problem.id);
    html! {
        div.texts {
            p.id { (Foreign(&problem.id)) }
            @if !known.is_empty() {
                ul.known { @for words in &known { li { (Foreign(words)) } } }
            }
            pre.prompt dir="auto" { (Foreign(problem.prompt().unwrap_or_default())) }
            div.sides {
                (answers("base", problem.base.as_ref()))
                (answers("policy", problem.policy.as_ref()))
            }
        }
    }
}

fn answers(name: &str, side: Option<&ModelAnswers>) -> Markup {
    let Some(side) = side else {
        return html! { div { h5 { (name) } p.note { "not recorded" } } };
    };
    html! {
        div {
            h5 {
                i.swatch.(name) {} " " (name) ": " (side.outcomes.c()) " of " (side.outcomes.n())
                " correct, " (side.distinct) " distinct answers"
            }
            @for answer in &side.answers {
                @let class = if answer.correct { "right" } else { "wrong" };
                @let text = if answer.text.is_empty() { "(no text)" } else { &answer.text };
                div.answer.(class) {
                    small { (answer.count) " × " (answer.verdict) }
                    pre dir="auto" { (Foreign(text)) }
                }
            }
        }
    }
}
