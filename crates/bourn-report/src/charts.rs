//! What the charts of a report show.

use bourn_probe::{Boundary, Estimate};
use bourn_track::format::{percent, points as in_points, signed};
use maud::Markup;

use crate::axis::Axis;
use crate::chart::{Chart, ChartSize, PointShape};
use crate::problems::{ModelAnswers, ProblemRecord, ProblemStatus};
use crate::read::{ProbedStep, SetRecord};

/// Points of a curve over steps; longer ones are means over equal stretches.
const POINTS: usize = 300;
/// Names under a chart of bars.
const BAR_LABELS: usize = 8;

/// pass@1 and pass@k_max over steps, base and policy.
pub(crate) fn ends(set: &SetRecord, k: u64) -> Markup {
    let ends = set.checkpoints.iter().flat_map(|c| {
        let row = c.boundary.rows().into_iter().find(|row| row.k == k);
        row.map_or([0.0; 2], |row| [row.base.ci_high, row.policy.ci_high])
    });
    // Shares from 0, up to what there is: pass@1 may be a few percent.
    let mut axis = Axis::differences(ends.map(|end| end.min(1.0)));
    axis.cap(1.0_f64.min(axis.high));
    let mut chart = Chart::new(ChartSize::Small, Axis::steps(set.last().step), axis);
    for (side, shape) in [("base", PointShape::Square), ("policy", PointShape::Disc)] {
        let points = over_steps(&set.checkpoints, |b| {
            let index = b.k.iter().position(|&other| other == k)?;
            let e = if side == "base" { &b.base } else { &b.policy }.at(index)?;
            Some((e.value, e.ci_low, e.ci_high))
        });
        let show = |value| format!("{}%", percent(value));
        interval_series(&mut chart, side, shape, &points, &format!("{side}, pass@{k}"), show);
    }
    let label = format!(
        "pass@{k} of base and policy over training: {}",
        in_words(&set.checkpoints, |b| {
            let row = b.rows().into_iter().find(|row| row.k == k)?;
            Some(format!(
                "base {}%, policy {}%",
                percent(row.base.value),
                percent(row.policy.value)
            ))
        },)
    );
    chart.finish(&label, "step")
}

/// Policy less base at one k over steps, with the interval of one look and that of all looks.
pub(crate) fn delta(set: &SetRecord, k: u64) -> Markup {
    let at = |b: &Boundary| Some((b.k.iter().position(|&other| other == k)?, b.delta.clone()));
    let points = over_steps(&set.checkpoints, |b| {
        let (index, delta) = at(b)?;
        delta.at(index).map(parts)
    });
    let anytime = over_steps(&set.checkpoints, |b| {
        let (index, delta) = at(b)?;
        let wide = b.paired.as_ref()?.delta_anytime.get(index)?;
        Some((delta.at(index)?.value, wide.low, wide.high))
    });
    let ends = points.iter().chain(&anytime).flat_map(|&(_, _, low, high)| [low, high]);
    let mut chart =
        Chart::new(ChartSize::Small, Axis::steps(set.last().step), Axis::differences(ends));
    let outer: Vec<_> = anytime.iter().map(|&(x, _, low, high)| (x, low, high)).collect();
    chart.band("policy outer", &outer);
    let name = format!("Δpass@{k} in points");
    interval_series(&mut chart, "policy", PointShape::Disc, &points, &name, in_points);
    let label = format!(
        "policy less base at k = {k} over training: {}",
        in_words(&set.checkpoints, |b| {
            let (index, delta) = at(b)?;
            let e = delta.at(index)?;
            let [value, low, high] = [e.value, e.ci_low, e.ci_high].map(in_points);
            Some(format!("{value} points [{low}, {high}]"))
        },)
    );
    chart.finish(&label, "step")
}

/// Any two figures of a checkpoint over steps, of base and policy or of two kinds of problems, as
/// `(class, shape, name, figure)`.
pub(crate) fn series(
    checkpoints: &[ProbedStep],
    axis: fn(&[f64]) -> Axis,
    kinds: &[StepSeries<'_>],
    show: fn(f64) -> String,
    label: &str,
) -> Markup {
    let all: Vec<_> =
        kinds.iter().map(|kind| over_steps(checkpoints, |b| (kind.figure)(b).map(parts))).collect();
    let ends: Vec<f64> =
        all.iter().flatten().flat_map(|&(_, value, low, high)| [value, low, high]).collect();
    let last = checkpoints.last().map_or(0, |c| c.step);
    let mut chart = Chart::new(ChartSize::Small, Axis::steps(last), axis(&ends));
    for (kind, points) in kinds.iter().zip(&all) {
        interval_series(&mut chart, kind.class, kind.shape, points, kind.name, show);
    }
    let words = in_words(checkpoints, |b| {
        let figure = |kind: &StepSeries<'_>| {
            Some(format!("{} {}", kind.name, show((kind.figure)(b)?.value)))
        };
        let figures: Vec<_> = kinds.iter().filter_map(figure).collect();
        (!figures.is_empty()).then(|| figures.join(", "))
    });
    chart.finish(&format!("{label}: {words}"), "step")
}

/// One figure of [`series`].
pub(crate) struct StepSeries<'a> {
    pub(crate) class: &'a str,
    pub(crate) shape: PointShape,
    pub(crate) name: &'a str,
    pub(crate) figure: fn(&Boundary) -> Option<Estimate>,
}

fn parts(e: Estimate) -> (f64, f64, f64) {
    (e.value, e.ci_low, e.ci_high)
}

/// The figure at the first and the last checkpoint that has it, for those who do not see a chart.
pub(crate) fn in_words(
    checkpoints: &[ProbedStep],
    of: impl Fn(&Boundary) -> Option<String>,
) -> String {
    let at = |c: &ProbedStep| of(&c.boundary).map(|text| format!("at step {}, {text}", c.step));
    let first = checkpoints.iter().enumerate().find_map(|(index, c)| Some((index, at(c)?)));
    let last = checkpoints.iter().enumerate().rev().find_map(|(index, c)| Some((index, at(c)?)));
    match (first, last) {
        (Some((a, first)), Some((b, last))) if a != b => format!("{first}; {last}"),
        (Some((_, first)), _) => first,
        _ => "no figures".to_owned(),
    }
}

/// Δ_SE over steps of one or several runs, as `(class, label, checkpoints)`.
pub(crate) fn delta_se(runs: &[(&str, &str, &[ProbedStep])]) -> Markup {
    let of = |b: &Boundary| Some((b.delta_se, b.delta_se_ci_low, b.delta_se_ci_high));
    let points = |value| format!("{} points", percent(value));
    over_runs(runs, of, Axis::differences, points, "Δ_SE over training, with its interval")
}

/// Problems lost or nearly, less what chance would show, over steps of several runs.
pub(crate) fn excess(runs: &[(&str, &str, &[ProbedStep])]) -> Markup {
    let of = |b: &Boundary| Some(parts(b.solvability.as_ref()?.excess.lost_or_nearly));
    over_runs(
        runs,
        of,
        Axis::values,
        signed,
        "problems lost or nearly, less chance, with their interval",
    )
}

/// One figure with its interval over steps of several runs.
fn over_runs(
    runs: &[(&str, &str, &[ProbedStep])],
    of: fn(&Boundary) -> Option<(f64, f64, f64)>,
    axis: fn(std::vec::IntoIter<f64>) -> Axis,
    show: fn(f64) -> String,
    label: &str,
) -> Markup {
    let last = runs.iter().flat_map(|(.., list)| list.iter()).map(|c| c.step).max().unwrap_or(0);
    let all: Vec<_> = runs.iter().map(|(.., list)| over_steps(list, of)).collect();
    let ends = all.iter().flatten().flat_map(|&(_, value, low, high)| [value, low, high]);
    let y = axis(ends.collect::<Vec<_>>().into_iter());
    let mut chart = Chart::new(ChartSize::Small, Axis::steps(last), y);
    let mut words = Vec::new();
    for ((class, name, checkpoints), points) in runs.iter().zip(&all) {
        interval_series(&mut chart, class, PointShape::Disc, points, name, show);
        let said = in_words(checkpoints, |b| Some(show(of(b)?.0)));
        words.push(format!("{name} {said}"));
    }
    chart.finish(&format!("{label}: {}", words.join("; ")), "step")
}

/// Token entropy over steps: of the probe's draws, and of the training draws.
pub(crate) fn entropy(set: &SetRecord, training: &[(u64, f64)]) -> Markup {
    let training = thinned(training);
    let base = over_steps(&set.checkpoints, |b| {
        b.entropy.map(|e| (e.base, e.base_ci_low, e.base_ci_high))
    });
    let policy = over_steps(&set.checkpoints, |b| {
        b.entropy.map(|e| (e.policy, e.policy_ci_low, e.policy_ci_high))
    });
    let highs = base.iter().chain(&policy).map(|point| point.3);
    let last = training.last().map_or(0.0, |point| point.0).max(set.last().step as f64);
    let axis = Axis::values(highs.chain(training.iter().map(|point| point.1)));
    let mut chart = Chart::new(ChartSize::Small, Axis::steps(last as u64), axis);
    chart.line("faint", &training);
    for (class, shape, points) in
        [("base", PointShape::Square, &base), ("policy", PointShape::Disc, &policy)]
    {
        interval_series(&mut chart, class, shape, points, class, |v| format!("{v:.3} nats"));
    }
    let words = in_words(&set.checkpoints, |b| {
        b.entropy.map(|e| format!("base {:.3}, policy {:.3} nats", e.base, e.policy))
    });
    chart.finish(&format!("token entropy over training, with the training draws': {words}"), "step")
}

/// Curves over steps of one or several runs, as `(class, points)`; with one, its running mean lies
/// over it.
pub(crate) fn curves(runs: &[(String, &[(u64, f64)])], label: &str) -> Markup {
    let last = runs.iter().filter_map(|(_, points)| points.last()).map(|point| point.0).max();
    let values = runs.iter().flat_map(|(_, points)| points.iter().map(|point| point.1));
    let (x, y) = (Axis::steps(last.unwrap_or(0)), Axis::values(values));
    let mut chart = Chart::new(ChartSize::Small, x, y);
    for (class, points) in runs {
        let points = thinned(points);
        if runs.len() == 1 {
            chart.line("faint", &points);
        }
        chart.line(class, &smoothed(&points));
    }
    chart.finish(label, "step")
}

/// Who solved how many problems at every checkpoint, as stacked bars.
pub(crate) fn flow(checkpoints: &[&ProbedStep]) -> Markup {
    let names: Vec<_> = checkpoints.iter().map(|c| c.step.to_string()).collect();
    let most = checkpoints.iter().map(|c| c.boundary.problems).max().unwrap_or(0);
    let mut y = Axis::counts(most as f64);
    y.cap(most as f64);
    let mut chart = Chart::new(ChartSize::Small, Axis::names(&names, BAR_LABELS), y);
    for (index, checkpoint) in checkpoints.iter().enumerate() {
        let x = index as f64;
        let mut below = 0;
        for status in ProblemStatus::ALL {
            let count = status.ids(&checkpoint.boundary.solvable).len();
            if count == 0 {
                continue;
            }
            let title = format!("step {}: {} {count}", checkpoint.step, status.name());
            let y = (below as f64, (below + count) as f64);
            chart.bar(status.class(), (x - 0.38, x + 0.38), y, &title, &count.to_string());
            below += count;
        }
    }
    let words = checkpoints.last().map_or(String::new(), |c| {
        let count =
            |s: ProblemStatus| format!("{} {}", s.ids(&c.boundary.solvable).len(), s.name());
        format!(": at step {}, {}", c.step, ProblemStatus::ALL.map(count).join(", "))
    });
    chart.finish(&format!("problems by who solved them, at every checkpoint{words}"), "step")
}

/// How many problems have which share of correct draws, base beside policy. The first bin is the
/// problems without a single correct draw, the others are tenths.
pub(crate) fn accuracies(problems: &[ProblemRecord]) -> Markup {
    let count = |of: fn(&ProblemRecord) -> Option<&ModelAnswers>| {
        let mut bins = [0u32; 11];
        for side in problems.iter().filter_map(of) {
            bins[bin(side.outcomes.c(), side.outcomes.n())] += 1;
        }
        bins
    };
    let (base, policy) = (count(|p| p.base.as_ref()), count(|p| p.policy.as_ref()));
    let most = base.iter().chain(&policy).max().copied().unwrap_or(0);
    let names: Vec<_> =
        (0..11).map(|i| if i == 0 { "0".into() } else { format!("{}0", i) }).collect();
    let x = Axis::names(&names, names.len());
    let mut chart = Chart::new(ChartSize::Small, x, Axis::counts(f64::from(most)));
    for i in 0..11 {
        let x = i as f64;
        let range = match i {
            0 => "no correct draw".to_owned(),
            _ => format!("above {}% to {}%", 10 * (i - 1), 10 * i),
        };
        for (side, bins, from, to) in
            [("base", &base, x - 0.4, x - 0.02), ("policy", &policy, x + 0.02, x + 0.4)]
        {
            let title = format!("{side}, {range}: {} problems", bins[i]);
            chart.bar(side, (from, to), (0.0, f64::from(bins[i])), &title, "");
        }
    }
    chart.finish(
        "number of problems by share of correct draws, of base and policy",
        "correct draws, up to %",
    )
}

/// 0 for no correct draw, then the tenths (0, 10%], (10%, 20%], ….
fn bin(c: u64, n: u64) -> usize {
    // Whole numbers: c and n are at most 2³², and 3/10 is no float.
    (10 * c).div_ceil(n.max(1)).min(10) as usize
}

/// (step, value, low, high) of every checkpoint that has the figure.
fn over_steps(
    checkpoints: &[ProbedStep],
    of: impl Fn(&Boundary) -> Option<(f64, f64, f64)>,
) -> Vec<(f64, f64, f64, f64)> {
    let point = |c: &ProbedStep| {
        of(&c.boundary).map(|(value, low, high)| (c.step as f64, value, low, high))
    };
    checkpoints.iter().filter_map(point).collect()
}

fn interval_series(
    chart: &mut Chart,
    class: &str,
    shape: PointShape,
    points: &[(f64, f64, f64, f64)],
    name: &str,
    show: impl Fn(f64) -> String,
) {
    let band: Vec<_> = points.iter().map(|&(x, _, low, high)| (x, low, high)).collect();
    let line: Vec<_> = points.iter().map(|&(x, value, ..)| (x, value)).collect();
    let dot = |&(x, value, low, high): &(f64, f64, f64, f64)| {
        let title = format!("step {x}, {name}: {} [{}, {}]", show(value), show(low), show(high));
        (x, value, title)
    };
    chart.band(class, &band);
    chart.line(class, &line);
    // So many marks would be one thick line.
    if points.len() <= 40 {
        chart.dots(class, shape, &points.iter().map(dot).collect::<Vec<_>>());
    }
}

/// At most [`POINTS`] points: means over equal stretches of steps.
fn thinned(points: &[(u64, f64)]) -> Vec<(f64, f64)> {
    let stretch = points.len().div_ceil(POINTS).max(1);
    let mean = |points: &[(u64, f64)]| {
        let n = points.len() as f64;
        let sum = |of: fn(&(u64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
        (sum(|point| point.0 as f64), sum(|point| point.1))
    };
    points.chunks(stretch).map(mean).collect()
}

/// The mean of the points up to a twentieth of them to both sides of each.
fn smoothed(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let reach = points.len() / 20;
    let mean = |(index, point): (usize, &(f64, f64))| {
        let around = &points[index.saturating_sub(reach)..(index + reach + 1).min(points.len())];
        (point.0, around.iter().map(|point| point.1).sum::<f64>() / around.len() as f64)
    };
    points.iter().enumerate().map(mean).collect()
}

#[cfg(test)]
#[path = "../tests/unit/charts.rs"]
mod tests;
