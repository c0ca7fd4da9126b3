//! Charts in which figures that belong together share their axes: TensorBoard's custom scalars.
//!
//! Base and policy are two runs there with the same tags, so that one series of a chart is two lines
//! in two colours. [`shown`] says which figures the charts have; no other is written as a scalar.

use std::collections::BTreeSet;

use crate::board::Side;
use crate::messages::{Category, Chart, Layout, Lines, Margin, Margins, Series};
use crate::tags;
use bourn_probe::Boundary;

/// Charts under a heading.
struct Charts {
    title: String,
    closed: bool,
    list: Vec<Plot>,
}

/// A chart of one figure of base and policy with its interval, or of several figures without.
enum Plot {
    /// `value`, and the figure in whose name the ends of its interval stand.
    Margin { title: String, value: String, ends: String },
    /// Figures, each a line.
    Lines { title: String, figures: Vec<String> },
}

/// The layout of the custom-scalars tab for these sets of problems; charts are those of the parts
/// that the sets have.
pub(crate) fn layout(sets: &[(&str, &Boundary)]) -> Layout {
    let of_set = |(set, boundary): &(&str, &Boundary)| -> Vec<Category> {
        charts(boundary).iter().map(|charts| category(set, charts)).collect()
    };
    Layout { categories: sets.iter().flat_map(of_set).chain([training()]).collect() }
}

/// Every tag of `set` that one of its charts shows, as it is in the run of a side.
pub(crate) fn shown(set: &str, b: &Boundary) -> BTreeSet<String> {
    let mut shown = BTreeSet::new();
    for plot in charts(b).iter().flat_map(|charts| &charts.list) {
        let figures = match plot {
            Plot::Margin { value, ends, .. } => {
                vec![value.clone(), tags::ci_low(ends), tags::ci_high(ends)]
            }
            Plot::Lines { figures, .. } => figures.clone(),
        };
        shown.extend(figures.iter().map(|figure| tags::boundary(set, figure)));
    }
    shown
}

fn charts(b: &Boundary) -> Vec<Charts> {
    let mut list = vec![Charts {
        title: "pass@k".into(),
        closed: false,
        list: b.k.iter().map(|k| margin(format!("pass@{k}"), format!("pass@{k}"))).collect(),
    }];
    let crossover = ["crossover_k", "crossover_k/ci_low", "crossover_k/ci_high"];
    let mut deltas = vec![lines("crossover k", crossover.map(str::to_owned))];
    let delta = |k: &u64| margin(format!("pass@{k}: policy less base"), format!("delta/pass@{k}"));
    deltas.extend(b.k.iter().map(delta));
    deltas.push(margin("Δ_SE", "delta_se"));
    list.push(Charts { title: "difference".into(), closed: true, list: deltas });
    if b.paired.is_some() {
        let anytime = |k: &u64| Plot::Margin {
            title: format!("pass@{k}: policy less base"),
            value: format!("delta/pass@{k}"),
            ends: format!("delta_anytime/pass@{k}"),
        };
        let title = "difference, with the interval that holds at every look";
        let list_of = b.k.iter().map(anytime).collect();
        list.push(Charts { title: title.into(), closed: true, list: list_of });
    }
    list.push(Charts { title: "solvable problems".into(), closed: false, list: solvable(b) });
    let answers = answers(b);
    if !answers.is_empty() {
        let title = "where answers come from".into();
        list.push(Charts { title, closed: true, list: answers });
    }
    list
}

fn solvable(b: &Boundary) -> Vec<Plot> {
    let four = ["kept", "newly_solved", "never_solved_again", "neither"];
    let mut list = vec![lines("in the draws", four.map(|name| format!("solvable/{name}")))];
    if b.solvability.is_some() {
        let states = ["solvable", "undetermined", "not_detected"];
        list.push(lines("what is known", states.map(|state| format!("states/{state}"))));
        for (name, title) in
            [("lost_or_nearly", "lost or nearly"), ("new_or_nearly", "new or nearly")]
        {
            let expected = format!("solvable/expected/{name}");
            list.push(margin(format!("{title} (base: by chance)"), expected));
            list.push(margin(format!("{title}, beyond chance"), format!("solvable/excess/{name}")));
        }
    }
    if let Some(s) = &b.support {
        // A figure that would divide by 0 has no scalar.
        let named = [("srr", s.srr), ("ndr", s.ndr), ("sds", s.sds), ("nscr", s.nscr)];
        let there = named.iter().filter(|(_, value)| value.is_some());
        list.extend(there.map(|(name, _)| {
            let title = format!("support: {}", name.to_uppercase());
            margin(title, format!("support/{name}"))
        }));
    }
    list
}

fn answers(b: &Boundary) -> Vec<Plot> {
    let mut list = Vec::new();
    if let Some(o) = &b.origins {
        let quantiles = o.token_entropy.iter().map(|e| format!("entropy/q{}", e.q));
        list.push(lines("quantiles of token entropy", quantiles));
    }
    if b.entropy.is_some() {
        list.push(margin("token entropy", "entropy"));
    }
    if let Some(o) = &b.origins {
        list.push(margin("answer entropy", "answer_entropy"));
        list.push(margin("witness mass", "witness_mass"));
        if o.discoveries.outside.is_some() {
            list.push(margin("outside the base's nucleus", "outside_nucleus"));
        }
        let kinds: BTreeSet<(&str, bool)> =
            o.perplexity.iter().map(|p| (p.of.as_str(), p.correct)).collect();
        for (of, correct) in kinds {
            let kind = if correct { "correct" } else { "wrong" };
            let title = format!("perplexity of {kind} completions of {of}");
            list.push(margin(title, format!("ppl/{of}/{kind}")));
        }
    }
    list
}

/// Charts of the training steps: what belongs together and has no interval.
fn training() -> Category {
    let of = |tags: &[&str]| tags.iter().map(|tag| escaped(tag)).collect::<Vec<_>>();
    let lengths = [tags::COMPLETIONS_MIN_LENGTH, tags::WATCH_LENGTH, tags::COMPLETIONS_MAX_LENGTH];
    let clips = [tags::CLIP_RATIO_LOW, tags::CLIP_RATIO_HIGH, tags::CLIP_RATIO_REGION];
    let charts = [
        ("verdicts", vec![tags::verdict("[a-z_]+")]),
        ("completion length: min, mean, max", of(&lengths)),
        ("clip ratio: low, high, both", of(&clips)),
    ];
    let charts = charts.map(|(title, tags)| multiline(title, tags)).to_vec();
    Category { title: "training".into(), charts, closed: true }
}

fn category(set: &str, charts: &Charts) -> Category {
    // TensorBoard (2.20, and long before) inserts every card before the leftovers of those already
    // there: lines come first, in order, and then the charts with intervals in reverse.
    let (lines, margins): (Vec<_>, Vec<_>) =
        charts.list.iter().partition(|plot| matches!(plot, Plot::Lines { .. }));
    let ordered = lines.into_iter().chain(margins.into_iter().rev());
    Category {
        title: format!("{set}: {}", charts.title),
        charts: ordered.map(|plot| chart(set, plot)).collect(),
        closed: charts.closed,
    }
}

fn chart(set: &str, plot: &Plot) -> Chart {
    match plot {
        Plot::Lines { title, figures } => {
            let tags = figures.iter().map(|figure| escaped(&tags::boundary(set, figure)));
            multiline(title, tags.collect())
        }
        Plot::Margin { title, value, ends } => {
            let ends = tags::boundary(set, ends);
            // One series only: of a chart with two, TensorBoard says of every run that has neither
            // that tags are missing.
            let series = vec![Margin {
                value: tags::boundary(set, value),
                lower: tags::ci_low(&ends),
                upper: tags::ci_high(&ends),
            }];
            Chart { title: title.clone(), series: Some(Series::Margins(Margins { series })) }
        }
    }
}

/// A chart of every tag that one of the expressions matches as a whole.
fn multiline(title: &str, expressions: Vec<String>) -> Chart {
    let tags = expressions.iter().map(|tag| format!("^{tag}$")).collect();
    Chart { title: title.to_owned(), series: Some(Series::Lines(Lines { tags })) }
}

/// A figure of base and policy with its own interval.
fn margin(title: impl Into<String>, figure: impl Into<String>) -> Plot {
    let value = figure.into();
    Plot::Margin { title: title.into(), ends: value.clone(), value }
}

fn lines(title: &str, figures: impl IntoIterator<Item = String>) -> Plot {
    Plot::Lines { title: title.to_owned(), figures: figures.into_iter().collect() }
}

/// Whose run in TensorBoard a boundary figure is written to, and its name there: the first `base` or
/// `policy` of the name goes. What chance gives is the base's, where the policy's is what is expected.
pub(crate) fn placed(figure: &str) -> (Side, String) {
    if let Some(set) = figure.strip_prefix("solvable/null/") {
        return (Side::Base, format!("solvable/expected/{set}"));
    }
    let mut parts: Vec<&str> = figure.split('/').collect();
    let side = parts.iter().position(|part| ["base", "policy"].contains(part));
    match side.map(|at| parts.remove(at)) {
        Some("base") => (Side::Base, parts.join("/")),
        _ => (Side::Policy, parts.join("/")),
    }
}

/// A name as an expression that matches it alone.
fn escaped(name: &str) -> String {
    let escape = |c: char| match c.is_ascii_punctuation() && !"-_/".contains(c) {
        true => format!("\\{c}"),
        false => c.to_string(),
    };
    name.chars().map(escape).collect()
}

#[cfg(test)]
#[path = "../tests/unit/layout.rs"]
mod tests;
