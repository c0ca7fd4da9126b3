//! Several runs beside each other.

use std::collections::BTreeSet;

use bourn_probe::Boundary;
use bourn_track::format::{confidence, grouped, percent, points};
use bourn_track::words::{
    self, LOST_OR_NEARLY, NEVER_SOLVED_AGAIN, NEW_OR_NEARLY, NEWLY_SOLVED, crossing, standing, word,
};
use maud::{Markup, Render, html};

use crate::cost::time_words;
use crate::frames::set_cells;
use crate::page::NamedRun;
use crate::read::{RunRecord, SetRecord};
use crate::section::{figure, fold, grid, legend};
use crate::table::{dash, optional, table};
use crate::text::Foreign;
use crate::{charts, curves};

/// Overlaid curves and a table with a row for each run, for every set that any run has; then what
/// there is over training.
pub(crate) fn overview(runs: &[NamedRun<'_>]) -> Markup {
    let names: BTreeSet<&str> =
        runs.iter().flat_map(|named| named.run.sets.iter().map(|set| set.name.as_str())).collect();
    let (mut sets, mut figures, mut folded) = (Vec::new(), Vec::new(), Vec::new());
    for name in &names {
        let with: Vec<(&NamedRun<'_>, &SetRecord)> = runs
            .iter()
            .filter_map(|named| {
                Some((named, named.run.sets.iter().find(|set| set.name == **name)?))
            })
            .collect();
        let title = if names.len() > 1 { format!(" on {name}") } else { String::new() };
        let first = sets.is_empty();
        let of_set = if first { &mut figures } else { &mut folded };
        of_set.push(delta_se(&title, &with));
        of_set.extend(excess(&title, &with));
        let overview = set_overview(&title, &with);
        sets.push((title, overview));
    }
    let curves = |title: &str, points: fn(&RunRecord) -> &[(u64, f64)], caption: &str| {
        let curves: Vec<_> = runs.iter().map(|n| (n.class.clone(), points(n.run))).collect();
        figure(title, &keys(runs), charts::curves(&curves, title), caption)
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
    html! {
        @for (index, (title, set)) in sets.iter().enumerate() {
            @match index {
                0 => (set),
                _ => (fold(&format!("pass@k and figures{title}"), html! { (set) })),
            }
        }
        h3 { "Over training" }
        (grid(&figures))
        @if !folded.is_empty() {
            (fold("Over training, the other sets", grid(&folded)))
        }
        h3 { "Cost" }
        (cost_table(runs))
    }
}

fn keys<'a>(runs: impl IntoIterator<Item = &'a NamedRun<'a>>) -> Vec<(&'a str, &'a str)> {
    runs.into_iter().map(|named| (named.class.as_str(), named.label.as_str())).collect()
}

fn set_overview(title: &str, runs: &[(&NamedRun<'_>, &SetRecord)]) -> Markup {
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
    html! {
        h3 { "pass@k at each run's last checkpoint" (Foreign(title)) }
        div.beside {
            figure {
                (legend(&keys))
                (curves::overlaid(&policies, &bases))
                figcaption { "Bands: " (confidence(level)) " interval over problems." }
            }
            dl.standings {
                @for ((named, _), b) in runs.iter().zip(&figures) {
                    dt { i.swatch.(named.class) {} " " (Foreign(&named.label)) }
                    dd { (standing(&b.findings())) }
                }
            }
        }
        (caveats(&figures))
        (figures_table(runs))
    }
}

fn delta_se(title: &str, runs: &[(&NamedRun<'_>, &SetRecord)]) -> Markup {
    let curves: Vec<_> = runs
        .iter()
        .map(|(named, set)| (named.class.as_str(), named.label.as_str(), &set.checkpoints[..]))
        .collect();
    figure(
        &format!("Δ_SE{title}"),
        &keys(runs.iter().map(|(named, _)| *named)),
        charts::delta_se(&curves),
        "Base pass@k at the largest k less policy pass@1, with its interval.",
    )
}

/// Problems lost or nearly, less chance, where any run has posteriors.
fn excess(title: &str, runs: &[(&NamedRun<'_>, &SetRecord)]) -> Option<Markup> {
    let known = |set: &SetRecord| set.checkpoints.iter().any(|c| c.boundary.solvability.is_some());
    let with: Vec<&NamedRun<'_>> =
        runs.iter().filter(|(_, set)| known(set)).map(|(named, _)| *named).collect();
    if with.is_empty() {
        return None;
    }
    let curves: Vec<_> = runs
        .iter()
        .map(|(named, set)| (named.class.as_str(), named.label.as_str(), &set.checkpoints[..]))
        .collect();
    let found = with.iter().zip(runs.iter().filter(|(_, set)| known(set))).filter_map(
        |(named, (_, set))| {
            let found = set.last().boundary.findings().lost_or_nearly?;
            Some(format!("{}: {}", named.label, words::set(found)))
        },
    );
    let found = found.collect::<Vec<_>>().join("; ");
    Some(figure(
        &format!("Lost or nearly, less chance{title}"),
        &keys(with.iter().copied()),
        charts::excess(&curves),
        &format!(
            "Expected problems less what two runs of the base would show, with the interval. At the \
             last checkpoint, {found}."
        ),
    ))
}

/// What keeps the curves from being compared.
fn caveats(figures: &[&Boundary]) -> Markup {
    let differ = |same: fn(&Boundary, &Boundary) -> bool| {
        figures.windows(2).any(|pair| !same(pair[0], pair[1]))
    };
    let ids = |b: &Boundary| {
        let s = &b.solvable;
        let lists = [&s.kept, &s.newly_solved, &s.never_solved_again, &s.neither];
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
    html! {
        @if !what.is_empty() {
            p.note.warn {
                "These runs were probed with different " (what.join(" and "))
                ": their figures are not of one thing."
            }
        }
    }
}

fn figures_table(runs: &[(&NamedRun<'_>, &SetRecord)]) -> Markup {
    let head = [
        "run",
        "step",
        "pass@1 %",
        "pass@k max %",
        "change there, points",
        "shown there",
        "the curves cross",
        "Δ_SE, points",
        NEVER_SOLVED_AGAIN,
        NEWLY_SOLVED,
        LOST_OR_NEARLY,
        NEW_OR_NEARLY,
        "entropy",
    ];
    let row = |(named, set): &(&NamedRun<'_>, &SetRecord)| {
        let b = &set.last().boundary;
        let end = b.k.len() - 1;
        let pair = |index: usize| {
            let [base, policy] = [&b.base, &b.policy].map(|curve| percent(curve.pass_at_k[index]));
            format!("{base} → {policy}")
        };
        let findings = b.findings();
        let change = findings.changes.last();
        let shown = match change {
            _ if findings.policy_is_base => "one model".render(),
            Some(change) => word(change.shown).render(),
            None => dash(),
        };
        let mut cells = vec![
            heading(named),
            set.last().step.render(),
            pair(0).render(),
            html! { (pair(end)) " " small { "k = " (b.k_max()) } },
            optional(change.map(|change| change.delta), points),
            shown,
            crossing(&findings).render(),
            points(b.delta_se).render(),
        ];
        cells.extend(set_cells(b));
        let entropy = b.entropy.map(|e| format!("{:.3} → {:.3}", e.base, e.policy));
        cells.push(entropy.map_or_else(dash, |text| text.render()));
        cells
    };
    let rows: Vec<_> = runs.iter().map(row).collect();
    html! { div.wrap { (table("the figures of every run", &head, &rows)) } }
}

fn cost_table(runs: &[NamedRun<'_>]) -> Markup {
    let row = |named: &NamedRun<'_>| {
        let run = named.run;
        let [tokens, time] = match run.cost {
            Some(cost) => [grouped(cost.tokens).render(), time_words(&cost).render()],
            None => [dash(), dash()],
        };
        vec![
            heading(named),
            format!("{} of {}", run.steps, run.max_steps).render(),
            run.seed.render(),
            tokens,
            time,
        ]
    };
    let rows: Vec<_> = runs.iter().map(row).collect();
    table("what every run cost", &["run", "steps", "seed", "tokens", "time"], &rows)
}

fn heading(named: &NamedRun<'_>) -> Markup {
    let NamedRun { class, label, .. } = named;
    html! { i.swatch.(class) {} " " a href={ "#" (class) } { (Foreign(label)) } }
}
