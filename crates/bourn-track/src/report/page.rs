//! The page around the runs.

use std::collections::BTreeSet;
use std::path::Path;

use super::chart::put;
use super::html::esc;
use super::read::RunRecord;
use super::{BEGINNING, MAX_RUNS, ReportError, compare, section};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
const READING: &str = include_str!("reading.html");

/// One run with what the page calls it.
pub(super) struct Named<'a> {
    /// Its colour's class, `run0` to `run7`.
    pub(super) class: String,
    /// What tells it from the others, not escaped.
    pub(super) label: String,
    pub(super) run: &'a RunRecord,
}

/// The report of these runs, as one HTML document.
///
/// # Errors
/// Refuses no runs and more than [`MAX_RUNS`].
pub fn render_report(runs: &[RunRecord]) -> Result<String, ReportError> {
    if runs.is_empty() || runs.len() > MAX_RUNS {
        return Err(ReportError::Runs(runs.len()));
    }
    let runs = named(runs);
    let title = match &runs[..] {
        [only] => only.label.clone(),
        several => format!("{} runs", several.len()),
    };
    let mut page = String::new();
    match &runs[..] {
        [only] => put(&mut page, format_args!("{}", section::run(only, 1, true))),
        several => {
            put(
                &mut page,
                format_args!("<h1>{}</h1>\n{}", esc(&title), compare::overview(several)),
            );
            for run in several {
                put(&mut page, format_args!("{}", section::run(run, several.len(), false)));
            }
        }
    }
    page += READING;
    Ok(document(&title, STYLE, &page, SCRIPT))
}

/// A whole document around what is in its body: self-contained, and allowed nothing from elsewhere.
pub(super) fn document(title: &str, style: &str, body: &str, script: &str) -> String {
    let title = esc(title);
    format!(
        "{BEGINNING}<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>bourn: {title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n\
         <p class=\"brand\">bourn report</p>\n{body}</main>\n<script>\n{script}</script>\n</body>\n\
         </html>\n"
    )
}

/// Calls each run by what tells them all apart: the recipe's name, else the directory's, else the
/// path.
fn named(runs: &[RunRecord]) -> Vec<Named<'_>> {
    let directory = |run: &RunRecord| {
        let name = Path::new(&run.path).file_name();
        name.map_or_else(|| run.path.clone(), |name| name.to_string_lossy().into_owned())
    };
    let candidates: [&dyn Fn(&RunRecord) -> String; 3] =
        [&|run| run.name.clone(), &directory, &|run| run.path.clone()];
    let distinct = |label: &&&dyn Fn(&RunRecord) -> String| {
        runs.iter().map(**label).collect::<BTreeSet<_>>().len() == runs.len()
    };
    let label = candidates.iter().find(distinct).unwrap_or(&candidates[2]);
    let name = |(index, run)| Named { class: format!("run{index}"), label: label(run), run };
    runs.iter().enumerate().map(name).collect()
}
