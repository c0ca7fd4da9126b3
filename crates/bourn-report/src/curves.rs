//! Curves over k: pass@k with its intervals and bands, and what lies beyond the draws.

use bourn_probe::figures::{Interval, TemperaturePoint};
use bourn_probe::{Boundary, Curve, Estimate};
use bourn_track::format::percent;
use bourn_track::words::crossing;
use maud::Markup;

use crate::axis::{Axis, log2};
use crate::beyond::Beyond;
use crate::chart::{Chart, ChartSize, PointShape};

const X: &str = "k: draws per problem";

/// pass@k of base and policy over k: intervals, bands, crossover, and what is extrapolated.
pub(crate) fn pass_at_k(b: &Boundary) -> Markup {
    let mut k = b.k.clone();
    let beyond = Beyond::of(b);
    k.extend(beyond.draws().filter(|&more| more > b.k_max()));
    k.sort_unstable();
    k.dedup();
    let mut chart = Chart::new(ChartSize::Large, Axis::draws(&k), Axis::shares());
    if k.len() > b.k.len() {
        chart.beyond(log2(b.k_max()), "extrapolated");
    }
    if let Some(paired) = &b.paired {
        band(&mut chart, b, &paired.base_band, "base");
        band(&mut chart, b, &paired.policy_band, "policy");
    }
    let findings = b.findings();
    if let Some(k) = findings.crossing().and(b.crossover_k) {
        chart.rule(log2(k), &format!("cross {}", crossing(&findings)));
    }
    curve(&mut chart, &b.k, &b.base, "base", PointShape::Square, "base");
    curve(&mut chart, &b.k, &b.policy, "policy", PointShape::Disc, "policy");
    extrapolated(&mut chart, b, &beyond);
    if let Some((low, high)) = crossover_interval(b) {
        let title = format!("the curves cross {}", crossing(&findings));
        chart.span(log2(low), high.map(log2), &title);
    }
    chart.finish(&in_words(b), X)
}

/// pass@k of one checkpoint, to stand among those of the others.
pub(crate) fn small(b: &Boundary) -> Markup {
    let mut chart = Chart::new(ChartSize::Tiny, Axis::few_draws(&b.k), Axis::halves());
    for (side, curve) in [("base", &b.base), ("policy", &b.policy)] {
        let at = |i: usize| Some((log2(*b.k.get(i)?), curve.at(i)?));
        let points: Vec<_> = (0..b.k.len()).filter_map(at).collect();
        let ends: Vec<_> = points.iter().map(|(x, e)| (*x, e.ci_low, e.ci_high)).collect();
        chart.band(side, &ends);
        let line: Vec<_> = points.iter().map(|(x, e)| (*x, e.value)).collect();
        chart.line(side, &line);
    }
    if let Some(k) = b.findings().crossing().and(b.crossover_k) {
        chart.rule(log2(k), "");
    }
    chart.finish(&in_words(b), X)
}

/// pass@k of several policies over k, and of their bases as `(class, label, figures)`.
pub(crate) fn overlaid(
    policies: &[(&str, String, &Boundary)],
    bases: &[(&str, String, &Boundary)],
) -> Markup {
    let longest = policies.iter().map(|(.., b)| &b.k).max_by_key(|k| k.last().copied());
    let empty = Vec::new();
    let k = longest.unwrap_or(&empty);
    let mut chart = Chart::new(ChartSize::Large, Axis::draws(k), Axis::shares());
    for (class, label, b) in bases {
        let points: Vec<_> =
            b.k.iter().zip(&b.base.pass_at_k).map(|(&k, &share)| (log2(k), share)).collect();
        chart.line(&format!("dashed {class}"), &points);
        let titled = |(&(x, y), &k)| (x, y, format!("{label}, pass@{k}: {}%", percent(y)));
        let dots: Vec<_> = points.iter().zip(&b.k).map(titled).collect();
        chart.dots(class, PointShape::Square, &dots);
    }
    for (class, label, b) in policies {
        curve(&mut chart, &b.k, &b.policy, class, PointShape::Disc, label);
    }
    let words = policies.iter().map(|(_, label, b)| format!("{label}: {}", in_words(b)));
    let words = words.collect::<Vec<_>>().join("; ");
    chart.finish(&format!("pass@k of every run's policy, and of the base. {words}"), X)
}

/// pass@k over k of the variants of a sweep as `(class, label, figures)`, and of their bases; the
/// marks of the second eight are squares.
pub(crate) fn variants(k: &[u64], of: &[(String, String, &[Estimate])], bases: usize) -> Markup {
    let mut chart = Chart::new(ChartSize::Large, Axis::draws(k), Axis::shares());
    let mut words = Vec::new();
    for (index, (class, label, list)) in of.iter().enumerate() {
        let shape = match index {
            index if index < bases => PointShape::Diamond,
            index if (index - bases) % 16 < 8 => PointShape::Disc,
            _ => PointShape::Square,
        };
        curve(&mut chart, k, &to_curve(list), class, shape, label);
        if let (Some(first), Some(last)) = (list.first(), list.last()) {
            words.push(format!("{label} {}% to {}%", percent(first.value), percent(last.value)));
        }
    }
    let words = words.join("; ");
    chart.finish(&format!("pass@k of every variant, from the least k to the largest: {words}"), X)
}

/// Both models where their token entropies are equal, with the policy at the base's own
/// temperature as a thin line.
pub(crate) fn matched(b: &Boundary, point: &TemperaturePoint) -> Markup {
    let mut chart = Chart::new(ChartSize::Small, Axis::draws(&b.k), Axis::shares());
    let unmatched: Vec<_> =
        b.k.iter().zip(&b.policy.pass_at_k).map(|(&k, &share)| (log2(k), share)).collect();
    chart.line("dashed ground", &unmatched);
    for (side, shape, list) in
        [("base", PointShape::Square, &point.base), ("policy", PointShape::Disc, &point.policy)]
    {
        curve(&mut chart, &b.k, &to_curve(list), side, shape, side);
    }
    let at = |list: &[Estimate]| list.last().map_or("–".into(), |e| percent(e.value));
    let label = format!(
        "pass@k at equal token entropy: at the largest k base {}%, policy {}%",
        at(&point.base),
        at(&point.policy)
    );
    chart.finish(&label, X)
}

/// The unbiased curve of one model and what the fitted prior makes of it.
pub(crate) fn fitted(b: &Boundary, side: &str, unbiased: &Curve, fit: &[f64]) -> Markup {
    let mut chart = Chart::new(ChartSize::Small, Axis::draws(&b.k), Axis::shares());
    let shape = if side == "base" { PointShape::Square } else { PointShape::Disc };
    curve(&mut chart, &b.k, unbiased, side, shape, side);
    let points =
        b.k.iter()
            .zip(fit)
            .map(|(&k, &share)| (log2(k), share, format!("fit, pass@{k}: {}%", percent(share))));
    chart.dots("hollow", PointShape::Diamond, &points.collect::<Vec<_>>());
    let apart = fit.iter().zip(&unbiased.pass_at_k).map(|(a, b)| (a - b).abs());
    let label = format!(
        "pass@k of the {side}, unbiased and fitted: at most {} points apart",
        percent(apart.fold(0.0, f64::max))
    );
    chart.finish(&label, X)
}

fn to_curve(list: &[Estimate]) -> Curve {
    Curve {
        pass_at_k: list.iter().map(|e| e.value).collect(),
        ci_low: list.iter().map(|e| e.ci_low).collect(),
        ci_high: list.iter().map(|e| e.ci_high).collect(),
    }
}

fn curve(chart: &mut Chart, k: &[u64], curve: &Curve, class: &str, shape: PointShape, name: &str) {
    let at = |i: usize| Some((log2(*k.get(i)?), curve.at(i)?));
    let points: Vec<_> = (0..k.len()).filter_map(at).collect();
    let band: Vec<_> = points.iter().map(|(x, e)| (*x, e.ci_low, e.ci_high)).collect();
    let line: Vec<_> = points.iter().map(|(x, e)| (*x, e.value)).collect();
    let dot = |((x, e), k): (&(f64, Estimate), &u64)| (*x, e.value, said(name, *k, e));
    chart.band(class, &band);
    chart.line(class, &line);
    chart.dots(class, shape, &points.iter().zip(k).map(dot).collect::<Vec<_>>());
}

fn said(name: &str, k: u64, e: &Estimate) -> String {
    let interval = format!("[{}, {}]", percent(e.ci_low), percent(e.ci_high));
    format!("{name}, pass@{k}: {}% {interval}", percent(e.value))
}

fn band(chart: &mut Chart, b: &Boundary, band: &[Interval], side: &str) {
    let ends = b.k.iter().zip(band).map(|(&k, ends)| (log2(k), ends.low, ends.high));
    chart.band(&format!("{side} outer"), &ends.collect::<Vec<_>>());
}

/// What lies beyond the draws, from the last point on.
fn extrapolated(chart: &mut Chart, b: &Boundary, beyond: &Beyond<'_>) {
    for (side, shape, drawn, list) in [
        ("base", PointShape::Square, &b.base, beyond.base),
        ("policy", PointShape::Disc, &b.policy, beyond.policy),
    ] {
        if list.is_empty() {
            continue;
        }
        let last = b.k.len().checked_sub(1).and_then(|last| drawn.at(last));
        let points: Vec<_> = last
            .map(|e| (log2(b.k_max()), e))
            .into_iter()
            .chain(beyond.k.iter().zip(list).map(|(&k, &e)| (log2(k), e)))
            .collect();
        let ends: Vec<_> = points.iter().map(|(x, e)| (*x, e.ci_low, e.ci_high)).collect();
        let line: Vec<_> = points.iter().map(|(x, e)| (*x, e.value)).collect();
        chart.band(&format!("{side} outer"), &ends);
        chart.line(&format!("{side} beyond"), &line);
        let name = format!("{side}, extrapolated");
        let dots = beyond.k.iter().zip(list).map(|(&k, e)| (log2(k), e.value, said(&name, k, e)));
        chart.dots(&format!("{side} hollow"), shape, &dots.collect::<Vec<_>>());
    }
    let Some((k, pair)) = beyond.good_toulmin else { return };
    for (side, e, aside) in [("base", pair[0], -0.12), ("policy", pair[1], 0.12)] {
        let Some(e) = e else { continue };
        let x = log2(k) + aside;
        chart.whiskers(side, &[(x, e.ci_low, e.ci_high)]);
        let dot = (x, e.value, said(&format!("{side}, Good–Toulmin"), k, &e));
        chart.dots(&format!("{side} hollow"), PointShape::Diamond, &[dot]);
    }
}

/// The ends of the crossover's interval over the resamples, the upper one absent if it is "no
/// crossover"; `None` where a crossing is not shown, or nothing was computed.
pub(crate) fn crossover_interval(b: &Boundary) -> Option<(u64, Option<u64>)> {
    b.findings().crossing()?;
    let interval = &b.paired.as_ref()?.crossover;
    Some((interval.low?, interval.high))
}

/// What a chart of pass@k says, for those who do not see it.
fn in_words(b: &Boundary) -> String {
    let rows = b.rows();
    let at = |row: &bourn_probe::BoundaryRow| {
        let [base, policy] = [row.base, row.policy].map(|e| {
            let (low, high) = (percent(e.ci_low), percent(e.ci_high));
            format!("{}% [{low}, {high}]", percent(e.value))
        });
        format!("at k = {}, base {base}, policy {policy}", row.k)
    };
    let ends = [rows.first(), rows.last().filter(|_| rows.len() > 1)];
    let ends: Vec<_> = ends.into_iter().flatten().map(at).collect();
    format!("pass@k: {}; the curves cross: {}", ends.join("; "), crossing(&b.findings()))
}

#[cfg(test)]
#[path = "../tests/unit/curves.rs"]
mod tests;
