//! Both models at other temperatures.

use bourn_probe::figures::{TemperaturePoint, Temperatures};
use bourn_probe::{Boundary, Estimate};
use bourn_track::format::{percent, points};
use maud::{Markup, Render, html};

use crate::axis::Axis;
use crate::chart::{Chart, ChartSize, PointShape};
use crate::curves;
use crate::read::SetRecord;
use crate::section::{figure, fold, grid};
use crate::table::{optional, table};
use crate::text::{Foreign, trimmed};

/// The part of the page about temperature; empty where the recipe does not ask for it.
pub(crate) fn section(set: &SetRecord) -> Markup {
    let b = &set.last().boundary;
    let Some(t) = &b.temperatures else { return Markup::default() };
    let mut figures: Vec<_> = t.matched.iter().map(|point| matched_figure(b, point)).collect();
    if t.grid.len() > 1 {
        figures.extend([b.k[0], b.k_max()].map(|k| grid_figure(b, &t.grid, k)));
    }
    let unmatched = t.unmatched.as_ref().filter(|_| t.matched.is_none());
    fold(
        "Temperature: both models at others, and at equal entropy",
        html! {
            @if let Some(reason) = unmatched {
                p.note {
                    "No temperature of the policy has the base's token entropy: " (Foreign(reason)) "."
                }
            }
            @if !figures.is_empty() { (grid(&figures)) }
            @if t.matched.is_some() || !t.grid.is_empty() {
                (figures_table(b, t))
                p.note { "Arrows: base → policy." }
            }
        },
    )
}

fn figures_table(b: &Boundary, t: &Temperatures) -> Markup {
    let (first, last, end) = (b.k[0], b.k_max(), b.k.len() - 1);
    let head = [
        "temperatures",
        "entropy, nats",
        &format!("base pass@{first} %"),
        &format!("policy pass@{first} %"),
        &format!("base pass@{last} %"),
        &format!("policy pass@{last} %"),
        &format!("difference at {last}, points"),
        "draws",
    ];
    let row = |(matched, point): (bool, &TemperaturePoint)| {
        let temperatures = html! {
            (trimmed(point.base_temperature)) " → " (trimmed(point.policy_temperature))
            @if matched { " " small { "matched" } }
        };
        vec![
            temperatures,
            format!("{:.3} → {:.3}", point.base_entropy, point.policy_entropy).render(),
            optional(point.base.first().copied(), percent),
            optional(point.policy.first().copied(), percent),
            optional(point.base.get(end).copied(), percent),
            optional(point.policy.get(end).copied(), percent),
            optional(point.delta.get(end).copied(), points),
            point.draws.render(),
        ]
    };
    let matched = t.matched.iter().map(|point| (true, point));
    let rows: Vec<_> = matched.chain(t.grid.iter().map(|point| (false, point))).map(row).collect();
    table("figures at other temperatures", &head, &rows)
}

/// pass@k of both where their token entropies are equal.
fn matched_figure(b: &Boundary, point: &TemperaturePoint) -> Markup {
    let caption = format!(
        "The policy at temperature {}, where its token entropy ({:.3} nats) is the base's at {} \
         ({:.3}). What is left of a difference is not for want of randomness.",
        trimmed(point.policy_temperature),
        point.policy_entropy,
        trimmed(point.base_temperature),
        point.base_entropy
    );
    let keys = [
        ("base", "frozen base"),
        ("policy", "policy at the matched temperature"),
        ("ground", "policy as probed, dashed"),
    ];
    figure("pass@k at equal entropy", &keys, curves::matched(b, point), &caption)
}

/// pass@k at one k of both models, each over its own temperature.
fn grid_figure(b: &Boundary, points: &[TemperaturePoint], k: u64) -> Markup {
    let index = b.k.iter().position(|&other| other == k).unwrap_or(0);
    let side = |base: bool| {
        let point = |p: &TemperaturePoint| match base {
            true => Some((p.base_temperature, *p.base.get(index)?)),
            false => Some((p.policy_temperature, *p.policy.get(index)?)),
        };
        let mut list: Vec<(f64, Estimate)> = points.iter().filter_map(point).collect();
        list.sort_by(|a, b| a.0.total_cmp(&b.0));
        list
    };
    let (base, policy) = (side(true), side(false));
    let all = || base.iter().chain(&policy);
    let mut y = Axis::differences(all().map(|(_, e)| e.ci_high.min(1.0)));
    y.cap(1.0_f64.min(y.high));
    let mut chart = Chart::new(ChartSize::Small, Axis::values(all().map(|(t, _)| *t)), y);
    let mut words = Vec::new();
    for (name, shape, list) in
        [("base", PointShape::Square, &base), ("policy", PointShape::Disc, &policy)]
    {
        let said = |(t, e): &(f64, Estimate)| {
            let [value, low, high] = [e.value, e.ci_low, e.ci_high].map(percent);
            format!("{name} at {}: {value}% [{low}, {high}]", trimmed(*t))
        };
        let band: Vec<_> = list.iter().map(|(t, e)| (*t, e.ci_low, e.ci_high)).collect();
        let line: Vec<_> = list.iter().map(|(t, e)| (*t, e.value)).collect();
        let dots: Vec<_> = list.iter().map(|p| (p.0, p.1.value, said(p))).collect();
        chart.band(name, &band);
        chart.line(name, &line);
        chart.dots(name, shape, &dots);
        words.extend(list.iter().map(said));
    }
    figure(
        &format!("pass@{k} by temperature"),
        &[("base", "frozen base, squares"), ("policy", "policy, discs")],
        chart.finish(&format!("pass@{k} by temperature: {}", words.join("; ")), "temperature"),
        "Each model at its own temperature, with its interval over problems.",
    )
}
