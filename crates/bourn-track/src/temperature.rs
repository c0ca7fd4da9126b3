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
mod tests {
    use super::*;
    use crate::sample;
    use crate::table::derived_table;

    #[test]
    fn lines_fit_80_columns() {
        let mut boundary = sample::rich();
        let lines = temperature_lines(&boundary);
        let text = derived_table(&lines);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text, @"
         equal entropy  policy 0.510 nats/token at temperature 1.35, base 0.512 at 0.6
           there        Δpass@1 +26.5 [+23.5, +29.5], Δpass@256 -26.5 [-29.5, -23.5]
         both at 0.6    Δpass@1 +16.5 [+13.5, +19.5], Δpass@256 -36.5 [-39.5, -33.5]
         both at 1      Δpass@1 +21.5 [+18.5, +24.5], Δpass@256 -31.5 [-34.5, -28.5]
        ");

        // The curve of fewer draws ends earlier, and one of no k says so.
        let temperatures = boundary.temperatures.as_mut().unwrap();
        temperatures.grid.truncate(1);
        temperatures.grid[0].delta.truncate(1);
        (temperatures.matched, temperatures.unmatched) = (None, Some("it jumps".to_string()));
        let lines = temperature_lines(&boundary);
        assert_eq!(lines[0], ("equal entropy".to_string(), "not found: it jumps".to_string()));
        assert_eq!(lines.len(), 2);
        assert!(lines[1].1.starts_with("Δpass@1 ") && !lines[1].1.contains(", Δ"), "{lines:?}");
        boundary.temperatures.as_mut().unwrap().grid[0].delta.clear();
        assert_eq!(temperature_lines(&boundary)[1].1, "no figures");
        boundary.temperatures = None;
        assert_eq!(temperature_lines(&boundary), []);
    }
}
