//! The page around the runs.

use std::collections::BTreeSet;
use std::path::Path;

use maud::{Markup, PreEscaped, html};

use crate::error::ReportError;
use crate::file::BEGINNING;
use crate::links::{href, sweep_page};
use crate::read::RunRecord;
use crate::text::Foreign;
use crate::{MAX_RUNS, compare, section};

/// Style of every page.
pub(crate) const STYLE: &str = include_str!("style.css");
/// What the report's pages do in a browser that lets them.
pub(crate) const SCRIPT: &str = include_str!("script.js");
const READING: PreEscaped<&str> = PreEscaped(include_str!("reading.html"));
/// What a page may load: nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      img-src data:";

/// One run with what the page calls it.
pub(crate) struct NamedRun<'a> {
    /// Its colour's class, `run0` to `run7`.
    pub(crate) class: String,
    /// What tells it from the others.
    pub(crate) label: String,
    pub(crate) run: &'a RunRecord,
    /// Where the report of the sweep is that the run is a part of, if there is one.
    pub(crate) sweep: Option<String>,
}

/// The report of these runs, as one HTML document that links to no other file.
///
/// # Errors
/// Refuses no runs and more than eight.
pub fn render_report(runs: &[RunRecord]) -> Result<String, ReportError> {
    render(runs, &|_| None)
}

/// As [`render_report`], of a page that will be written to `output`: a run that is part of a sweep
/// links to the sweep's report, if that is there.
///
/// # Errors
/// As [`render_report`].
pub fn render_report_at(runs: &[RunRecord], output: &Path) -> Result<String, ReportError> {
    render(runs, &|run| sweep_page(Path::new(&run.path)).and_then(|page| href(output, &page)))
}

/// The page; `sweep` says where a run's sweep has its report.
pub(crate) fn render(
    runs: &[RunRecord],
    sweep: &dyn Fn(&RunRecord) -> Option<String>,
) -> Result<String, ReportError> {
    if runs.is_empty() || runs.len() > MAX_RUNS {
        return Err(ReportError::Runs(runs.len()));
    }
    let mut runs = named(runs);
    for named in &mut runs {
        named.sweep = sweep(named.run);
    }
    let (title, shown) = match &runs[..] {
        [only] => (only.label.clone(), section::run(only, 1, true)),
        several => {
            let title = format!("{} runs", several.len());
            let shown = html! {
                h1 { (title) }
                (compare::overview(several))
                @for run in several { (section::run(run, several.len(), false)) }
            };
            (title, shown)
        }
    };
    Ok(document(&title, STYLE, html! { (shown) (READING) }, SCRIPT))
}

/// A whole document around what is in its body: self-contained, and allowed nothing from elsewhere.
/// Style and script are constants of ours: they alone are not escaped. Nothing unseen is on the page,
/// also where a name stands in it without having been looked at.
pub(crate) fn document(
    title: &str,
    style: &'static str,
    body: Markup,
    script: &'static str,
) -> String {
    let page = html! {
        (PreEscaped(BEGINNING))
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { "bourn: " (Foreign(title)) }
                style { "\n" (PreEscaped(style)) }
            }
            body {
                main {
                    p.brand { "bourn report" }
                    (body)
                }
                script { "\n" (PreEscaped(script)) }
            }
        }
    };
    bourn_foreign::visible(&page.into_string()).into_owned() + "\n"
}

/// Calls each run by what tells them all apart: the recipe's name, else the directory's, else the
/// path.
fn named(runs: &[RunRecord]) -> Vec<NamedRun<'_>> {
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
    let name = |(index, run)| NamedRun {
        class: format!("run{index}"),
        label: label(run),
        run,
        sweep: None,
    };
    runs.iter().enumerate().map(name).collect()
}

#[cfg(test)]
#[path = "../tests/unit/page.rs"]
mod tests;
