//! Figures that no probe writes and no chart can show are refused.

use bourn_probe::Boundary;
use bourn_probe::figures::TemperaturePoint;

/// Says what is wrong with figures that were read from a file.
pub(crate) fn check(figures: &Boundary) -> Result<(), String> {
    let k = &figures.k;
    if k.first().is_none_or(|&first| first == 0) || !k.is_sorted_by(|a, b| a < b) {
        return Err("`k` is no rising list of whole numbers from 1".into());
    }
    let sides = [("base", &figures.base), ("policy", &figures.policy), ("delta", &figures.delta)];
    for (side, curve) in sides {
        for (list, values) in [
            ("pass_at_k", &curve.pass_at_k),
            ("ci_low", &curve.ci_low),
            ("ci_high", &curve.ci_high),
        ] {
            aligned(&format!("{side}.{list}"), values.len(), k.len(), "k")?;
            // The ends of intervals are interpolated: they may be off by their rounding.
            if let Some(value) = values.iter().find(|value| value.abs() > 1.0 + 1e-9) {
                return Err(format!("`{side}.{list}` has {value}, which is no share"));
            }
        }
    }
    parts(figures)
}

/// Lists of the optional parts that belong to the list of k, or to each other.
fn parts(figures: &Boundary) -> Result<(), String> {
    let k = figures.k.len();
    if let Some(p) = &figures.paired {
        for (list, length) in [
            ("base_band", p.base_band.len()),
            ("policy_band", p.policy_band.len()),
            ("delta_band", p.delta_band.len()),
            ("delta_nested", p.delta_nested.len()),
            ("delta_anytime", p.delta_anytime.len()),
            ("detectable", p.detectable.len()),
        ] {
            aligned(&format!("paired.{list}"), length, k, "k")?;
        }
    }
    if let Some(s) = &figures.solvability {
        for (side, fit) in [("base", &s.base), ("policy", &s.policy)] {
            aligned(&format!("solvability.{side}.pass_at_k"), fit.pass_at_k.len(), k, "k")?;
        }
    }
    if let Some(e) = &figures.extrapolation {
        // A side whose fit was refuted has no curve.
        let sides = [("base", &e.base), ("policy", &e.policy)];
        for (side, list) in sides.into_iter().filter(|(_, list)| !list.is_empty()) {
            let name = format!("extrapolation.{side}");
            aligned(&name, list.len(), e.k.len(), "extrapolation.k")?;
        }
    }
    if let Some(t) = &figures.temperatures {
        let lists = |p: &TemperaturePoint| [p.base.len(), p.policy.len(), p.delta.len()];
        let lengths = t.matched.iter().chain(&t.grid).flat_map(lists);
        if let Some(length) = lengths.into_iter().find(|&length| length > k) {
            return Err(format!("`temperatures` has {length} values for {k} of `k`"));
        }
    }
    Ok(())
}

fn aligned(name: &str, length: usize, expect: usize, with: &str) -> Result<(), String> {
    match length == expect {
        true => Ok(()),
        false => Err(format!("`{name}` has {length} values for {expect} of `{with}`")),
    }
}

#[cfg(test)]
#[path = "../tests/unit/check.rs"]
mod tests;
