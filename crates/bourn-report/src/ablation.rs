//! The report of a sweep.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bourn_probe::{Ablation, Difference, Estimate, RunFigures, SHOWN_P, VariantFigures};
use bourn_track::format::{NONE_SHOWN, against_null, confidence, counted, percent, points, spread};
use bourn_track::{
    AblationGrid, FailedRun, ablation_costs, ablation_differences, ablation_figures, ablation_notes,
};
use maud::{Markup, Render, html};

use crate::chart::Tenth;
use crate::curves;
use crate::error::ReportError;
use crate::file::write_report;
use crate::links::{PAGE, href};
use crate::page::{SCRIPT, STYLE, document, render};
use crate::read::read_run;
use crate::section::{fold, legend};
use crate::table::{cell, cells, dash, table};
use crate::text::{Foreign, one_line, p_value};

/// Colours there are.
const COLOURS: usize = 8;
/// Characters of a variant's name in a chart: as many as fit at the largest size of text.
const NAME_CHARS: usize = 42;

/// Where the report of a run is: by variant and seed, the address of a link.
type Links = BTreeMap<(String, u64), String>;

/// A finished run of a sweep, which has a report of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweptRun {
    /// Its variant.
    pub variant: String,
    /// Its seed.
    pub seed: u64,
    /// Its run directory.
    pub directory: PathBuf,
}

/// Writes the report of a sweep to `directory/report.html` and one to the directory of every finished
/// run, each linked with the other by relative addresses; the sweep's path.
///
/// # Errors
/// Names the file of a run that is missing or torn, or the page that could not be written.
pub fn write_ablation(
    directory: &Path,
    name: &str,
    sets: &[Ablation],
    failed: &[FailedRun],
    runs: &[SweptRun],
) -> Result<PathBuf, ReportError> {
    let page = directory.join(PAGE);
    let mut links = Links::new();
    for run in runs {
        let own = run.directory.join(PAGE);
        // The sweep's page is written below, whether or not one is there yet.
        let html = render(&[read_run(&run.directory)?], &|_| href(&own, &page))?;
        write_report(&own, &html)?;
        let link = href(&page, &own).map(|link| ((run.variant.clone(), run.seed), link));
        links.extend(link);
    }
    write_report(&page, &sweep_document(name, sets, failed, &links))?;
    Ok(page)
}

/// The report of a sweep, as one HTML document that links to no other file: a section for each set of
/// problems, and what failed.
pub fn render_ablation(name: &str, sets: &[Ablation], failed: &[FailedRun]) -> String {
    sweep_document(name, sets, failed, &Links::new())
}

fn sweep_document(name: &str, sets: &[Ablation], failed: &[FailedRun], links: &Links) -> String {
    let page = html! {
        h1 { (Foreign(name)) }
        @for (index, a) in sets.iter().enumerate() {
            @match index {
                0 => { h2 { (Foreign(&a.set)) } (set(a, links)) },
                _ => (fold(&a.set, set(a, links))),
            }
        }
        @if sets.is_empty() { p.note.warn { "No run has finished." } }
        @if !failed.is_empty() {
            h2 { "Failed runs" }
            (failures(failed))
        }
    };
    document(name, STYLE, page, SCRIPT)
}

fn failures(failed: &[FailedRun]) -> Markup {
    let row = |FailedRun { variant, seed, problem, log }: &FailedRun| {
        let [variant, problem, log] = [variant, problem, log].map(|text| Foreign(text).render());
        vec![variant, seed.render(), problem, log]
    };
    let rows: Vec<_> = failed.iter().map(row).collect();
    table("Failed runs", &["variant", "seed", "what went wrong", "log"], &rows)
}

fn set(a: &Ablation, links: &Links) -> Markup {
    html! {
        @for note in ablation_notes(a) { p.note { (Foreign(note)) } }
        (curve_section(a))
        h3 { "The boundary of every variant" }
        (grid("The boundary of every variant", &ablation_figures(a)))
        @if let Some(found) = ablation_differences(a) {
            h3 {
                "Differences from "
                (Foreign(a.reference.map_or("", |index| a.variants[index].name.as_str())))
            }
            (grid("Differences from the reference", &found))
        }
        (pairs(a))
        h3 { "Every run" }
        (runs(a, links))
        @if !links.is_empty() { p.note { "A seed opens the report of its run." } }
        h3 { "Cost" }
        (grid("Cost", &ablation_costs(a)))
        h3 { "What each variant changes" }
        (changes(a))
    }
}

fn changes(a: &Ablation) -> Markup {
    let row = |v: &VariantFigures| {
        let changes = html! {
            @if v.changes.is_empty() { "nothing" }
            @for (index, (key, value)) in v.changes.iter().enumerate() {
                @if index > 0 { br; }
                (Foreign(key)) " = " (Foreign(value))
            }
        };
        vec![Foreign(&v.name).render(), changes]
    };
    let rows: Vec<_> = a.variants.iter().map(row).collect();
    table("What each variant changes", &["variant", "keys"], &rows)
}

fn grid(label: &str, grid: &AblationGrid) -> Markup {
    let head: Vec<_> = grid.head.iter().map(Foreign).collect();
    let rows: Vec<_> = grid.rows.iter().map(|row| cells(row.iter().map(Foreign))).collect();
    html! {
        div.named { (table(label, &head, &rows)) }
        @if let Some(note) = &grid.note { p.note.warn { (Foreign(note)) } }
    }
}

fn class(index: usize) -> String {
    format!("run{}", index % COLOURS)
}

fn curve_section(a: &Ablation) -> Markup {
    let mut list: Vec<(String, String, &[Estimate])> = Vec::new();
    if let (true, Some(first)) = (a.one_base, a.variants.first()) {
        list.push(("ground".into(), "base".into(), &first.base_curve));
    }
    let bases = list.len();
    for (index, v) in a.variants.iter().enumerate() {
        list.push((class(index), v.name.clone(), &v.policy_curve));
    }
    let keys: Vec<(&str, &str)> =
        list.iter().map(|(class, label, _)| (class.as_str(), label.as_str())).collect();
    html! {
        h3 { "pass@k" }
        div.beside {
            figure {
                (legend(&keys))
                (curves::variants(&a.curve_k, &list, bases))
                figcaption {
                    "Mean over seeds; bands: " (confidence(a.confidence))
                    " interval for new problems and seeds."
                }
            }
            @if a.reference.is_some() {
                div { @for &k in &a.k { (forest(a, k)) } }
            }
        }
    }
}

/// Differences from the reference at one k as bars, all k on one scale.
fn forest(a: &Ablation, k: u64) -> Markup {
    let with = || a.differences.iter().filter(|d| Some(d.from) == a.reference);
    let ends = with().flat_map(|d| [d.difference.ci_low.abs(), d.difference.ci_high.abs()]);
    let most = ends.fold(0.01, f64::max);
    // A name has a line of its own over its interval: names may be long.
    let (left, width, row) = (8.0, 414.0, 46.0);
    let x = |value: f64| left + width * (0.5 + 0.5 * value / most);
    let rows: Vec<&Difference> = with().filter(|d| d.k == k).collect();
    if rows.is_empty() {
        return Markup::default();
    }
    let height = row * rows.len() as f64 + 34.0;
    let worded = |d: &Difference| {
        let [value, low, high] =
            [d.difference.value, d.difference.ci_low, d.difference.ci_high].map(points);
        format!("{value} [{low}, {high}]")
    };
    let name = |d: &Difference| a.variants[d.of].name.as_str();
    let reference = a.reference.map_or("", |index| a.variants[index].name.as_str());
    let words: Vec<_> = rows.iter().map(|d| format!("{} {}", name(d), worded(d))).collect();
    let label = format!("Differences of pass@{k}: {}", words.join("; "));
    html! {
        figure {
            svg.small viewBox=(format_args!("0 0 430 {height}")) role="img"
                aria-label=(Foreign(label)) {
                g.grid {
                    path.zero d=(format_args!("M{:.1} 4V{}", x(0.0), height - 26.0)) {}
                    @for value in [-most, 0.0, most] {
                        text.mid x=(Tenth(x(value).clamp(left + 22.0, left + width - 26.0)))
                            y=(height - 8.0) { (points(value)) }
                    }
                }
                @for (index, d) in rows.iter().enumerate() {
                    @let (y, e, class) = (34.0 + row * index as f64, d.difference, class(d.of));
                    g.grid {
                        text x=(left) y=(y - 14.0) { (Foreign(one_line(name(d), NAME_CHARS))) }
                    }
                    path.whisker.(class)
                        d=(format_args!("M{:.1} {y}H{:.1}", x(e.ci_low), x(e.ci_high))) {}
                    circle.dot.(class) cx=(Tenth(x(e.value))) cy=(y) r="4.5" {
                        title { (Foreign(name(d))) ": " (worded(d)) }
                    }
                }
            }
            figcaption {
                "pass@" (k) " less that of " (Foreign(reference)) ", points; " (confidence(a.confidence))
                " interval, paired by problem and seed."
            }
        }
    }
}

/// Row less column, every pair, a table for each k.
fn pairs(a: &Ablation) -> Markup {
    if a.variants.len() < 3 {
        return Markup::default();
    }
    fold(
        "Every pair of variants: differences, a table for each k",
        html! {
            @for &k in &a.k { (pairs_at(a, k)) }
            p.note { "Intervals of pairs are each their own: of many, some miss by chance." }
        },
    )
}

fn pairs_at(a: &Ablation, k: u64) -> Markup {
    let corner = format!("pass@{k}: row less column, points");
    let names = || a.variants.iter().map(|v| v.name.as_str());
    let head: Vec<_> = std::iter::once(corner.as_str()).chain(names()).map(Foreign).collect();
    let difference = |row: usize, column: usize| {
        let find = |from: usize, of: usize| {
            let same = |d: &&Difference| (d.from, d.of, d.k) == (from, of, k);
            a.differences.iter().find(same).map(|d| d.difference)
        };
        let negated =
            |e: Estimate| Estimate { value: -e.value, ci_low: -e.ci_high, ci_high: -e.ci_low };
        let found = find(column, row).or_else(|| find(row, column).map(negated));
        found.map_or_else(dash, |e| cell(e, points))
    };
    let row = |(row, name): (usize, &str)| {
        let cells = (0..a.variants.len()).map(|column| difference(row, column));
        std::iter::once(Foreign(name).render()).chain(cells).collect()
    };
    let rows: Vec<Vec<Markup>> = names().enumerate().map(row).collect();
    table(&corner, &head, &rows)
}

fn runs(a: &Ablation, links: &Links) -> Markup {
    let mut head = vec!["variant".to_owned(), "seed".to_owned()];
    head.extend(a.k.iter().map(|k| format!("pass@{k} %")));
    head.extend(["lost or nearly [chance]", "new or nearly [chance]", "entropy"].map(String::from));
    let mut rows = Vec::new();
    for v in &a.variants {
        let link = |seed: u64| links.get(&(v.name.clone(), seed));
        rows.extend(v.runs.iter().map(|run| run_row(&v.name, run, link(run.seed))));
        if let Some(entropy) = v.entropy.filter(|_| v.runs.len() > 1) {
            let mut row = vec![html! { (Foreign(&v.name)) ", mean" }, dash()];
            row.extend(cells(v.policy.iter().map(|e| percent(e.value))));
            row.extend(cells([v.lost_or_nearly, v.new_or_nearly].map(|n| against_null(n, true))));
            row.push(spread(entropy, |e| format!("{e:.3}")).render());
            rows.push(row);
        }
    }
    html! { div.named { (table("Every run", &head, &rows)) } }
}

fn run_row(variant: &str, run: &RunFigures, link: Option<&String>) -> Vec<Markup> {
    // As everywhere: a number is a finding where chance is ruled out.
    let sets = |side: Option<[f64; 3]>| match side {
        Some([found, null, p]) if p <= SHOWN_P => {
            format!("{} [{}]", counted(found), counted(null)).render()
        }
        Some([.., p]) => html! { (NONE_SHOWN) " " small { (p_value(p)) } },
        None => dash(),
    };
    let seed = match link {
        Some(href) => html! { a href=(href) { (run.seed) } },
        None => run.seed.render(),
    };
    let mut row = vec![Foreign(variant).render(), seed];
    row.extend(cells(run.policy.iter().map(|&share| percent(share))));
    row.extend([sets(run.lost_or_nearly), sets(run.new_or_nearly)]);
    row.push(run.entropy.map_or_else(dash, |e| format!("{e:.3}").render()));
    row
}

#[cfg(test)]
#[path = "../tests/unit/ablation.rs"]
mod tests;
