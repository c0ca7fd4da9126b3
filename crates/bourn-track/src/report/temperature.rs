//! Both models at other temperatures.

use bourn_probe::figures::TemperaturePoint;
use bourn_probe::{Boundary, Estimate};

use super::axis::Axis;
use super::chart::{Chart, Mark, Size};
use super::curves;
use super::html::esc;
use super::read::SetRecord;
use super::section::{figure, grid, legend};
use super::table::{optional, table, trimmed};
use crate::format::{percent, points};

/// The part of the page about temperature; empty where the recipe does not ask for it.
pub(super) fn section(set: &SetRecord) -> String {
    let b = &set.last().boundary;
    let Some(t) = &b.temperatures else { return String::new() };
    let mut html = String::from("<h3>Temperature</h3>\n");
    let mut figures = Vec::new();
    if let Some(point) = &t.matched {
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
        let chart = curves::matched(b, point);
        figures.push(figure("pass@k at equal entropy", &legend(&keys), &chart, &caption));
    } else if let Some(reason) = &t.unmatched {
        html += &format!(
            "<p class=\"note\">No temperature of the policy has the base's token entropy: {}.</p>\n",
            esc(reason)
        );
    }
    if t.grid.len() > 1 {
        figures.extend([b.k[0], b.k_max()].map(|k| grid_figure(b, &t.grid, k)));
    }
    if !figures.is_empty() {
        html += &grid(&figures);
    }
    let (first, last) = (b.k[0], b.k_max());
    let head = [
        "temperatures".to_owned(),
        "entropy, nats".to_owned(),
        format!("base pass@{first} %"),
        format!("policy pass@{first} %"),
        format!("base pass@{last} %"),
        format!("policy pass@{last} %"),
        format!("difference at {last}, points"),
        "draws".to_owned(),
    ];
    let head: Vec<_> = head.iter().map(String::as_str).collect();
    let end = b.k.len() - 1;
    let row = |(what, point): (&str, &TemperaturePoint)| {
        vec![
            format!(
                "{} → {}{what}",
                trimmed(point.base_temperature),
                trimmed(point.policy_temperature)
            ),
            format!("{:.3} → {:.3}", point.base_entropy, point.policy_entropy),
            optional(point.base.first().copied(), percent),
            optional(point.policy.first().copied(), percent),
            optional(point.base.get(end).copied(), percent),
            optional(point.policy.get(end).copied(), percent),
            optional(point.delta.get(end).copied(), points),
            point.draws.to_string(),
        ]
    };
    let matched = t.matched.iter().map(|point| (" <small>matched</small>", point));
    let rows: Vec<_> = matched.chain(t.grid.iter().map(|point| ("", point))).map(row).collect();
    if !rows.is_empty() {
        html += &table("figures at other temperatures", &head, &rows);
        html += "<p class=\"note\">Arrows: base → policy.</p>\n";
    }
    html
}

/// pass@k at one k of both models, each over its own temperature.
fn grid_figure(b: &Boundary, points: &[TemperaturePoint], k: u64) -> String {
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
    let mut chart = Chart::new(Size::Small, Axis::values(all().map(|(t, _)| *t)), y);
    let mut words = Vec::new();
    for (name, mark, list) in [("base", Mark::Square, &base), ("policy", Mark::Disc, &policy)] {
        let said = |(t, e): &(f64, Estimate)| {
            let [value, low, high] = [e.value, e.ci_low, e.ci_high].map(percent);
            format!("{name} at {}: {value}% [{low}, {high}]", trimmed(*t))
        };
        let band: Vec<_> = list.iter().map(|(t, e)| (*t, e.ci_low, e.ci_high)).collect();
        let line: Vec<_> = list.iter().map(|(t, e)| (*t, e.value)).collect();
        let dots: Vec<_> = list.iter().map(|p| (p.0, p.1.value, said(p))).collect();
        chart.band(name, &band);
        chart.line(name, &line);
        chart.dots(name, mark, &dots);
        words.extend(list.iter().map(said));
    }
    figure(
        &format!("pass@{k} by temperature"),
        &legend(&[("base", "frozen base, squares"), ("policy", "policy, discs")]),
        &chart.finish(&format!("pass@{k} by temperature: {}", words.join("; ")), "temperature"),
        "Each model at its own temperature, with its interval over problems.",
    )
}
