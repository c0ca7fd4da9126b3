//! Several runs beside each other.

use std::collections::BTreeSet;

use bourn_probe::Boundary;

use super::chart::put;
use super::charts;
use super::curves;
use super::html::{duration, esc, grouped};
use super::page::Named;
use super::read::{RunRecord, SetRecord};
use super::section::{figure, grid, legend};
use super::table::{more, optional};
use crate::format::{confidence, percent, points};

/// Overlaid curves and a table with a row for each run, for every set that any run has; then what
/// there is over training.
pub(super) fn overview(runs: &[Named<'_>]) -> String {
    let names: BTreeSet<&str> =
        runs.iter().flat_map(|named| named.run.sets.iter().map(|set| set.name.as_str())).collect();
    let (mut html, mut figures) = (String::new(), Vec::new());
    for name in &names {
        let with: Vec<(&Named<'_>, &SetRecord)> = runs
            .iter()
            .filter_map(|named| {
                Some((named, named.run.sets.iter().find(|set| set.name == **name)?))
            })
            .collect();
        let title = if names.len() > 1 { format!(" on {name}") } else { String::new() };
        html += &set_overview(&title, &with);
        figures.push(delta_se(&title, &with));
        figures.extend(excess(&title, &with));
    }
    let key = legend(&keys(runs));
    let curves = |title: &str, points: fn(&RunRecord) -> &[(u64, f64)], caption: &str| {
        let curves: Vec<_> = runs.iter().map(|n| (n.class.clone(), points(n.run))).collect();
        figure(title, &key, &charts::curves(&curves, title), caption)
    };
    figures.push(curves(
        "Training reward",
        |run| &run.reward,
        "Running means. Rewards of different recipes need not be on one scale.",
    ));
    figures.push(curves(
        "Token entropy of the training draws",
        |run| &run.entropy,
        "Running means, nats per token.",
    ));
    html += "<h3>Over training</h3>\n";
    html + &grid(&figures) + &cost_table(runs)
}

fn keys<'a>(runs: impl IntoIterator<Item = &'a Named<'a>>) -> Vec<(&'a str, &'a str)> {
    runs.into_iter().map(|named| (named.class.as_str(), named.label.as_str())).collect()
}

fn set_overview(title: &str, runs: &[(&Named<'_>, &SetRecord)]) -> String {
    let figures: Vec<&Boundary> = runs.iter().map(|(_, set)| &set.last().boundary).collect();
    let policies: Vec<_> = (runs.iter().zip(&figures))
        .map(|((named, _), b)| (named.class.as_str(), named.label.clone(), *b))
        .collect();
    // One grey curve where all runs started from the same base, each its own otherwise.
    let same_base = figures.windows(2).all(|pair| pair[0].base == pair[1].base);
    let bases: Vec<_> = match same_base {
        true => figures.iter().take(1).map(|b| ("ground", "base".to_owned(), *b)).collect(),
        false => policies
            .iter()
            .map(|(class, label, b)| (*class, format!("base of {label}"), *b))
            .collect(),
    };
    let mut keys = keys(runs.iter().map(|(named, _)| *named));
    keys.push(("ground", if same_base { "the base of all" } else { "dashed: the base of each" }));
    let level = figures.first().map_or(0.0, |b| b.confidence);
    let mut html = format!(
        "<h3>pass@k at each run's last checkpoint{}</h3>\n{}<figure>{}<figcaption>Bands: {} interval \
         over problems.</figcaption></figure>\n",
        esc(title),
        legend(&keys),
        curves::overlaid(&policies, &bases),
        confidence(level),
    );
    html += &caveats(&figures);
    html + &table(runs)
}

fn delta_se(title: &str, runs: &[(&Named<'_>, &SetRecord)]) -> String {
    let curves: Vec<_> = runs
        .iter()
        .map(|(named, set)| (named.class.as_str(), named.label.as_str(), &set.checkpoints[..]))
        .collect();
    figure(
        &format!("Δ_SE{title}"),
        &legend(&keys(runs.iter().map(|(named, _)| *named))),
        &charts::delta_se(&curves),
        "Base pass@k at the largest k less policy pass@1, with its interval.",
    )
}

/// Lost problems beyond chance, where any run has posteriors.
fn excess(title: &str, runs: &[(&Named<'_>, &SetRecord)]) -> Option<String> {
    let known = |set: &SetRecord| set.checkpoints.iter().any(|c| c.boundary.solvability.is_some());
    let with: Vec<&Named<'_>> =
        runs.iter().filter(|(_, set)| known(set)).map(|(named, _)| *named).collect();
    if with.is_empty() {
        return None;
    }
    let curves: Vec<_> = runs
        .iter()
        .map(|(named, set)| (named.class.as_str(), named.label.as_str(), &set.checkpoints[..]))
        .collect();
    Some(figure(
        &format!("Lost beyond chance{title}"),
        &legend(&keys(with)),
        &charts::excess(&curves),
        "Expected problems less what two runs of the base would show, with the interval.",
    ))
}

/// What keeps the curves from being compared.
fn caveats(figures: &[&Boundary]) -> String {
    let differ = |same: fn(&Boundary, &Boundary) -> bool| {
        figures.windows(2).any(|pair| !same(pair[0], pair[1]))
    };
    let ids = |b: &Boundary| {
        let s = &b.solvable;
        let lists = [&s.kept, &s.gained, &s.lost, &s.neither];
        lists.into_iter().flatten().cloned().collect::<BTreeSet<String>>()
    };
    let mut what = Vec::new();
    if figures.windows(2).any(|pair| ids(pair[0]) != ids(pair[1])) {
        what.push("problems");
    }
    if differ(|a, b| a.sampler == b.sampler) {
        what.push("samplers");
    }
    if differ(|a, b| a.n == b.n) {
        what.push("numbers of draws");
    }
    match what.is_empty() {
        true => String::new(),
        false => format!(
            "<p class=\"note warn\">These runs were probed with different {}: their figures are not \
             of one thing.</p>\n",
            what.join(" and ")
        ),
    }
}

fn table(runs: &[(&Named<'_>, &SetRecord)]) -> String {
    let mut html = String::from(
        "<div class=\"scroll\"><table class=\"figures\"><thead><tr><th>run</th><th>step</th>\
         <th>pass@1 %</th><th>pass@k max %</th><th>difference, points</th><th>crossover</th>\
         <th>Δ_SE, points</th><th>kept</th><th>gained</th><th>lost</th><th>neither</th><th>lost beyond chance</th>\
         <th>entropy</th></tr></thead><tbody>\n",
    );
    for (named, set) in runs {
        let b = &set.last().boundary;
        let end = b.k.len() - 1;
        let sets = &b.solvable;
        let cells = [
            set.last().step.to_string(),
            format!("{} → {}", percent(b.base.pass_at_k[0]), percent(b.policy.pass_at_k[0])),
            format!(
                "{} → {} <small>k = {}</small>",
                percent(b.base.pass_at_k[end]),
                percent(b.policy.pass_at_k[end]),
                b.k_max()
            ),
            format!(
                "{} <small>[{}, {}]</small>",
                points(b.delta.pass_at_k[end]),
                points(b.delta.ci_low[end]),
                points(b.delta.ci_high[end])
            ),
            b.crossover_k.map_or("none".into(), |k| k.to_string()),
            points(b.delta_se),
            sets.kept.len().to_string(),
            sets.gained.len().to_string(),
            sets.lost.len().to_string(),
            sets.neither.len().to_string(),
            optional(b.solvability.as_ref().map(|s| s.excess.lost), more),
            b.entropy.map_or("–".into(), |e| format!("{:.3} → {:.3}", e.base, e.policy)),
        ];
        let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
        put(&mut html, format_args!("<tr>{}{cells}</tr>\n", heading(named)));
    }
    html + "</tbody></table></div>\n"
}

fn cost_table(runs: &[Named<'_>]) -> String {
    let row = |named: &Named<'_>| {
        let run = named.run;
        let cost = match run.cost {
            Some(cost) => [grouped(cost.tokens), duration(cost.seconds)],
            None => ["–".to_owned(), "–".to_owned()],
        };
        let [tokens, time] = cost;
        let steps = format!("{} of {}", run.steps, run.max_steps);
        format!(
            "<tr>{}<td>{steps}</td><td>{}</td><td>{tokens}</td><td>{time}</td></tr>\n",
            heading(named),
            run.seed
        )
    };
    format!(
        "<h3>Cost</h3>\n<div class=\"scroll\"><table class=\"figures\"><thead><tr><th>run</th>\
         <th>steps</th><th>seed</th><th>tokens</th><th>time</th></tr></thead><tbody>\n{}</tbody>\
         </table></div>\n",
        runs.iter().map(row).collect::<String>()
    )
}

fn heading(named: &Named<'_>) -> String {
    let (class, label) = (&named.class, esc(&named.label));
    format!("<th><i class=\"swatch {class}\"></i> <a href=\"#{class}\">{label}</a></th>")
}
