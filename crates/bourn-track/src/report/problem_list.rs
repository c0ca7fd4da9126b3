//! The problems of a set: who solved each, and the answers that show it.

use std::fmt::Write as _;

use super::chart::put;
use super::html::{esc, one_line};
use super::problems::{ANSWER_CHARS, ANSWERS, ProblemRecord, Side, Status};
use super::read::SetRecord;
use crate::format::points;

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
    html += HEAD;
    for (order, problem) in set.problems.iter().take(rows).enumerate() {
        html += &row(problem, order, order < texts);
    }
    if all > rows {
        put(&mut html, format_args!("<p class=\"note\">and {} more.</p>\n", all - rows));
    }
    html + "</div>\n"
}

fn note(set: &SetRecord, rows: usize, texts: usize) -> String {
    let all = set.problems.len();
    let mut note = format!(
        "At step {}. Lost and gained problems come first, the surest before others. ",
        set.last().step
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

const HEAD: &str = "<div class=\"head\">\
    <button disabled data-by=\"order\">problem</button>\
    <button disabled data-by=\"base\">base</button>\
    <button disabled data-by=\"policy\">policy</button>\
    <button disabled data-by=\"delta\">change</button>\
    <button disabled data-by=\"status\">status</button></div>\n";

fn row(problem: &ProblemRecord, order: usize, with_texts: bool) -> String {
    let accuracy = |side: &Option<Side>| side.as_ref().map_or(-1.0, |s| s.outcomes.accuracy());
    let status = problem.status;
    let data = format!(
        "class=\"problem\" data-order=\"{order}\" data-base=\"{:.6}\" data-policy=\"{:.6}\" \
         data-delta=\"{:.6}\" data-status=\"{}\" data-name=\"{}\"",
        accuracy(&problem.base),
        accuracy(&problem.policy),
        problem.delta().unwrap_or(0.0),
        status as u8,
        status.name(),
    );
    let cells = cells(problem);
    match with_texts && problem.prompt().is_some() {
        true => {
            format!("<details {data}><summary>{cells}</summary>\n{}</details>\n", texts(problem))
        }
        false => format!("<div {data}><div class=\"summary\">{cells}</div></div>\n"),
    }
}

fn cells(problem: &ProblemRecord) -> String {
    let title = match problem.prompt().map(|prompt| one_line(prompt, TITLE_CHARS)) {
        Some(title) if !title.is_empty() => title,
        _ => problem.id.clone(),
    };
    let count = |side: &Option<Side>| match side {
        Some(side) => format!("{}<small>/{}</small>", side.outcomes.c(), side.outcomes.n()),
        None => "–".into(),
    };
    let name = problem.status.name();
    format!(
        "<span class=\"title\" dir=\"auto\">{}</span><span data-label=\"base\">{}</span>\
         <span data-label=\"policy\">{}</span><span data-label=\"change\">{}</span>\
         <span class=\"status\"><i class=\"swatch {name}\"></i> {name}</span>",
        esc(&title),
        count(&problem.base),
        count(&problem.policy),
        problem.delta().map_or("–".into(), points),
    )
}

/// The prompt, and the answers of both models side by side.
fn texts(problem: &ProblemRecord) -> String {
    format!(
        "<div class=\"texts\"><p class=\"id\">{}</p><pre class=\"prompt\" dir=\"auto\">{}</pre>\
         <div class=\"sides\">{}{}</div></div>\n",
        esc(&problem.id),
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
