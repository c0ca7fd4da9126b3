//! The problems of a set: who solved each, and the answers that show it.

use std::fmt::Write as _;

use bourn_probe::Boundary;
use bourn_probe::figures::{ProblemState, State};

use super::chart::put;
use super::html::{esc, one_line};
use super::origins::{find_id, of_problem};
use super::problems::{ANSWER_CHARS, ANSWERS, ProblemRecord, Side, Status};
use super::read::SetRecord;
use super::table::percents;
use crate::format::{percent, points};

/// Problems that a page lists, and those of them with their texts, over all runs.
const ROWS: usize = 2000;
const TEXTS: usize = 240;
/// Characters of a prompt in the list.
const TITLE_CHARS: usize = 90;

/// The problems of a set on a page of `runs` runs.
pub(super) fn list(set: &SetRecord, runs: usize) -> String {
    let (rows, texts) = (ROWS / runs.max(1), TEXTS / runs.max(1));
    let all = set.problems.len();
    let mut html = String::from("<h3>Problems</h3>\n");
    put(&mut html, format_args!("<p class=\"note\">{}</p>\n", esc(&note(set, rows, texts))));
    html += "<div class=\"problems\">\n";
    html += &filters(&set.problems);
    let b = &set.last().boundary;
    html += &head(b.solvability.is_some());
    for (order, problem) in set.problems.iter().take(rows).enumerate() {
        html += &row(b, problem, order, order < texts);
    }
    if all > rows {
        put(&mut html, format_args!("<p class=\"note\">and {} more.</p>\n", all - rows));
    }
    html + "</div>\n"
}

fn note(set: &SetRecord, rows: usize, texts: usize) -> String {
    let all = set.problems.len();
    let mut note = format!(
        "At step {}. {} ",
        set.last().step,
        match set.last().boundary.solvability {
            Some(_) => "Those most probably lost or gained come first.",
            None => "Lost and gained problems come first, the surest before others.",
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

/// Boxes that hide and show the problems of one status; they do nothing without JavaScript, and
/// are not there then.
fn filters(problems: &[ProblemRecord]) -> String {
    let filter = |status: Status| {
        let count = problems.iter().filter(|problem| problem.status == status).count();
        let name = status.name();
        format!(
            "<label><input type=\"checkbox\" value=\"{name}\" checked> <i class=\"swatch {name}\"></i> \
             {name} {count}</label>\n"
        )
    };
    let filters: String = Status::ALL.into_iter().map(filter).collect();
    format!("<p class=\"js filters\">{filters}</p>\n")
}

/// The names of the columns, which sort; `posteriors` where there are probabilities.
fn head(posteriors: bool) -> String {
    let column = |by: &str, name: &str| {
        format!("<button type=\"button\" disabled data-by=\"{by}\">{name}</button>")
    };
    let mut columns = vec![
        column("order", "problem"),
        column("base", "base"),
        column("policy", "policy"),
        column("delta", "change"),
    ];
    if posteriors {
        columns.push(column("lost", "P(lost)"));
        columns.push(column("gained", "P(gained)"));
    }
    columns.push(column("status", "status"));
    let class = if posteriors { "head wide" } else { "head" };
    format!("<div class=\"{class}\">{}</div>\n", columns.concat())
}

fn row(b: &Boundary, problem: &ProblemRecord, order: usize, with_texts: bool) -> String {
    let state = state(b, &problem.id);
    let accuracy = |side: &Option<Side>| side.as_ref().map_or(-1.0, |s| s.outcomes.accuracy());
    // Rates of early stopped problems are sorted by their posterior means.
    let (base, policy) = match state {
        Some(s) => (s.base_rate.value, s.policy_rate.value),
        None => (accuracy(&problem.base), accuracy(&problem.policy)),
    };
    let (lost, gained) = state.map_or((-1.0, -1.0), |s| (s.lost, s.gained));
    let status = problem.status;
    let wide = if b.solvability.is_some() { " wide" } else { "" };
    let data = format!(
        "class=\"problem{wide}\" data-order=\"{order}\" data-base=\"{base:.6}\" \
         data-policy=\"{policy:.6}\" data-delta=\"{:.6}\" data-lost=\"{lost:.6}\" \
         data-gained=\"{gained:.6}\" data-status=\"{}\" data-name=\"{}\"",
        problem.delta().unwrap_or(0.0),
        status as u8,
        status.name(),
    );
    let cells = cells(b, state, problem);
    match with_texts && problem.prompt().is_some() {
        true => {
            let texts = texts(b, state, problem);
            format!("<details {data}><summary>{cells}</summary>\n{texts}</details>\n")
        }
        false => format!("<div {data}><div class=\"summary\">{cells}</div></div>\n"),
    }
}

fn state<'a>(b: &'a Boundary, id: &str) -> Option<&'a ProblemState> {
    find_id(&b.solvability.as_ref()?.problems, id, |p| &p.id)
}

fn cells(b: &Boundary, state: Option<&ProblemState>, problem: &ProblemRecord) -> String {
    let title = match problem.prompt().map(|prompt| one_line(prompt, TITLE_CHARS)) {
        Some(title) if !title.is_empty() => title,
        _ => problem.id.clone(),
    };
    let count = |side: &Option<Side>| match side {
        Some(side) => format!("{}<small>/{}</small>", side.outcomes.c(), side.outcomes.n()),
        None => "–".into(),
    };
    let chances = match (&b.solvability, state) {
        (None, _) => String::new(),
        (Some(_), state) => {
            let chance = |of: fn(&ProblemState) -> f64| {
                state.map_or("–".to_owned(), |s| format!("{:.0}%", 100.0 * of(s)))
            };
            format!(
                "<span data-label=\"P(lost)\">{}</span><span data-label=\"P(gained)\">{}</span>",
                chance(|s| s.lost),
                chance(|s| s.gained)
            )
        }
    };
    let name = problem.status.name();
    format!(
        "<span class=\"title\" dir=\"auto\">{}</span><span data-label=\"base\">{}</span>\
         <span data-label=\"policy\">{}</span><span data-label=\"change\">{}</span>{chances}\
         <span class=\"status\"><i class=\"swatch {name}\"></i> {name}</span>",
        esc(&title),
        count(&problem.base),
        count(&problem.policy),
        problem.delta().map_or("–".into(), points),
    )
}

/// What the figures know of one problem, as a list; empty where they know nothing.
fn knowledge(b: &Boundary, state: Option<&ProblemState>, id: &str) -> String {
    let mut words = Vec::new();
    if let Some(s) = state {
        let rate = |side, state: State, e: bourn_probe::Estimate| {
            let [value, low, high] = [e.value, e.ci_low, e.ci_high].map(percents);
            let state = match state {
                State::Solvable => "solvable",
                State::NotDetected => "not detected",
                State::Undetermined => "undetermined",
            };
            format!("{side} {value}% [{low}, {high}], {state}")
        };
        words.push(format!(
            "posterior rate: {}; {}",
            rate("base", s.base, s.base_rate),
            rate("policy", s.policy, s.policy_rate)
        ));
        words.push(format!("probability lost {}%, gained {}%", percent(s.lost), percent(s.gained)));
    }
    if let Some(o) = &b.origins {
        words.extend(of_problem(o, id));
        for p in o.perplexity.iter().filter(|p| p.correct) {
            if let Some((_, value)) = p.problems.iter().find(|(other, _)| other == id) {
                let (of, under, value) = (esc(&p.of), esc(&p.under), percents(value / 100.0));
                words.push(format!(
                    "perplexity of the {of}'s correct completions under the {under}: {value}"
                ));
            }
        }
    }
    match words.is_empty() {
        true => String::new(),
        false => format!("<ul class=\"known\"><li>{}</li></ul>", words.join("</li><li>")),
    }
}

/// The prompt, and the answers of both models side by side.
fn texts(b: &Boundary, state: Option<&ProblemState>, problem: &ProblemRecord) -> String {
    format!(
        "<div class=\"texts\"><p class=\"id\">{}</p>{}<pre class=\"prompt\" dir=\"auto\">{}</pre>\
         <div class=\"sides\">{}{}</div></div>\n",
        esc(&problem.id),
        knowledge(b, state, &problem.id),
        esc(problem.prompt().unwrap_or_default()),
        answers("base", problem.base.as_ref()),
        answers("policy", problem.policy.as_ref()),
    )
}

fn answers(name: &str, side: Option<&Side>) -> String {
    let Some(side) = side else {
        return format!("<div><h5>{name}</h5><p class=\"note\">not recorded</p></div>");
    };
    let mut html = format!(
        "<div><h5><i class=\"swatch {name}\"></i> {name}: {} of {} correct, {} distinct answers</h5>",
        side.outcomes.c(),
        side.outcomes.n(),
        side.distinct
    );
    for answer in &side.answers {
        let class = if answer.correct { "right" } else { "wrong" };
        let text = if answer.text.is_empty() { "(no text)" } else { &answer.text };
        put(
            &mut html,
            format_args!(
                "<div class=\"answer {class}\"><small>{} × {}</small><pre dir=\"auto\">{}</pre></div>",
                answer.count,
                answer.verdict,
                esc(text)
            ),
        );
    }
    html + "</div>"
}
