//! Both models at other temperatures, in a few lines of text.

use bourn_probe::figures::TemperaturePoint;
use bourn_probe::{Boundary, Estimate};

use crate::format::points;

/// The lines of the boundary table about other temperatures, none without them: the policy at the
/// base's entropy, or why there is none, then the grid in its order.
pub(crate) fn temperature_lines(boundary: &Boundary) -> Vec<(String, String)> {
    let Some(temperatures) = &boundary.temperatures else { return Vec::new() };
    let mut lines = Vec::new();
    if let Some(reason) = &temperatures.unmatched {
        lines.push(("equal entropy".to_string(), format!("not found: {reason}")));
    }
    if let Some(point) = &temperatures.matched {
        let where_ = format!(
            "policy {:.3} nats/token at temperature {}, base {:.3} at {}",
            point.policy_entropy,
            point.policy_temperature,
            point.base_entropy,
            point.base_temperature
        );
        lines.push(("equal entropy".to_string(), where_));
        lines.push(("  there".to_string(), differences(boundary, point)));
    }
    for point in &temperatures.grid {
        let name = format!("both at {}", point.base_temperature);
        lines.push((name, differences(boundary, point)));
    }
    lines
}

/// `Δpass@1 +12.3 [+10.1, +14.5], Δpass@64 -8.0 [-12.1, -4.0]`, in points.
fn differences(boundary: &Boundary, point: &TemperaturePoint) -> String {
    let last = point.delta.len().saturating_sub(1);
    let mut shown = vec![0, last];
    shown.dedup();
    let at = |&index: &usize| {
        let Estimate { value, ci_low, ci_high } = point.delta.get(index)?;
        let k = boundary.k.get(index)?;
        Some(format!("Δpass@{k} {} [{}, {}]", points(*value), points(*ci_low), points(*ci_high)))
    };
    let differences: Vec<String> = shown.iter().filter_map(at).collect();
    match differences.is_empty() {
        true => "no figures".to_string(),
        false => differences.join(", "),
    }
}

#[cfg(test)]
#[path = "../tests/unit/temperature.rs"]
mod tests;
