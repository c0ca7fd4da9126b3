//! Both models at other temperatures.

use bourn_probe::figures::TemperaturePoint;

use super::curves;
use super::read::SetRecord;
use super::section::{figure, grid, legend};
use super::table::{optional, table, trimmed};
use crate::format::{percent, points};

/// The part of the page about temperature; empty where the recipe does not ask for it.
pub(super) fn section(set: &SetRecord) -> String {
    let b = &set.last().boundary;
    let Some(t) = &b.temperatures else { return String::new() };
    let mut html = String::from("<h3>Temperature</h3>\n");
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
        html += &grid(&[figure("pass@k at equal entropy", &legend(&keys), &chart, &caption)]);
    } else {
        html +=
            "<p class=\"note\">No temperature of the policy has the base's token entropy.</p>\n";
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
