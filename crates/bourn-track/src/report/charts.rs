//! What the charts of a report show.

use bourn_probe::{Boundary, Curve};

use super::chart::{Axis, Chart, Mark, Size, log2};
use super::problems::{ProblemRecord, Side, Status};
use super::read::{Checkpoint, SetRecord};
use crate::format::percent;

/// Points of a curve over steps; longer ones are means over equal stretches.
const POINTS: usize = 300;
/// Names under a chart of bars.
const BAR_LABELS: usize = 8;

/// pass@k of base and policy over k.
pub(super) fn pass_at_k(boundary: &Boundary) -> String {
    let mut chart = Chart::new(Size::Large, Axis::draws(&boundary.k), Axis::shares());
    if let Some(k) = boundary.crossover_k {
        chart.rule(log2(k), &format!("crossover k = {k}"));
    }
    curve(&mut chart, &boundary.k, &boundary.base, "base", Mark::Square, "base");
    curve(&mut chart, &boundary.k, &boundary.policy, "policy", Mark::Disc, "policy");
    chart.finish("pass@k of base and policy with their intervals", "k: draws per problem")
}

/// pass@k of several policies over k, and of their bases as `(class, label, figures)`.
pub(super) fn overlaid(
    policies: &[(&str, String, &Boundary)],
    bases: &[(&str, String, &Boundary)],
) -> String {
    let longest = policies.iter().map(|(.., b)| &b.k).max_by_key(|k| k.last().copied());
    let empty = Vec::new();
    let k = longest.unwrap_or(&empty);
    let mut chart = Chart::new(Size::Large, Axis::draws(k), Axis::shares());
    for (class, label, b) in bases {
        let points: Vec<_> =
            b.k.iter().zip(&b.base.pass_at_k).map(|(&k, &share)| (log2(k), share)).collect();
        chart.line(&format!("dashed {class}"), &points);
        let titled = |(&(x, y), &k)| (x, y, format!("{label}, pass@{k}: {}%", percent(y)));
        let dots: Vec<_> = points.iter().zip(&b.k).map(titled).collect();
        chart.dots(class, Mark::Square, &dots);
    }
    for (class, label, b) in policies {
        curve(&mut chart, &b.k, &b.policy, class, Mark::Disc, label);
    }
    chart.finish("pass@k of every run's policy, and of the base", "k: draws per problem")
}

fn curve(chart: &mut Chart, k: &[u64], curve: &Curve, class: &str, mark: Mark, name: &str) {
    let at = |i: usize| Some((log2(*k.get(i)?), curve.at(i)?));
    let points: Vec<_> = (0..k.len()).filter_map(at).collect();
    let band: Vec<_> = points.iter().map(|(x, e)| (*x, e.ci_low, e.ci_high)).collect();
    let line: Vec<_> = points.iter().map(|(x, e)| (*x, e.value)).collect();
    let dot = |((x, e), k): (&(f64, bourn_probe::Estimate), &u64)| {
        let interval = format!("[{}, {}]", percent(e.ci_low), percent(e.ci_high));
        (*x, e.value, format!("{name}, pass@{k}: {}% {interval}", percent(e.value)))
    };
    chart.band(class, &band);
    chart.line(class, &line);
    chart.dots(class, mark, &points.iter().zip(k).map(dot).collect::<Vec<_>>());
}

/// pass@1 and pass@k_max over steps, base and policy.
pub(super) fn ends(set: &SetRecord, k: u64) -> String {
    let mut chart = Chart::new(Size::Small, Axis::steps(set.last().step), Axis::shares());
    for (side, mark) in [("base", Mark::Square), ("policy", Mark::Disc)] {
        let points = over_steps(&set.checkpoints, |b| {
            let index = b.k.iter().position(|&other| other == k)?;
            let e = if side == "base" { &b.base } else { &b.policy }.at(index)?;
            Some((e.value, e.ci_low, e.ci_high))
        });
        interval_series(&mut chart, side, mark, &points, |value| {
            format!("{side}, pass@{k}: {}%", percent(value))
        });
    }
    chart.finish(&format!("pass@{k} of base and policy over training"), "step")
}

/// Δ_SE over steps of one or several runs, as `(class, label, checkpoints)`.
pub(super) fn delta_se(runs: &[(&str, &str, &[Checkpoint])]) -> String {
    let of = |b: &Boundary| Some((b.delta_se, b.delta_se_ci_low, b.delta_se_ci_high));
    let all = || runs.iter().flat_map(|(.., checkpoints)| checkpoints.iter());
    let last = all().map(|c| c.step).max().unwrap_or(0);
    let ends = all().flat_map(|c| [c.boundary.delta_se_ci_low, c.boundary.delta_se_ci_high]);
    let axis = Axis::differences(ends.chain(all().map(|c| c.boundary.delta_se)));
    let mut chart = Chart::new(Size::Small, Axis::steps(last), axis);
    for (class, label, checkpoints) in runs {
        let title = |value| format!("{label}: {} points", percent(value));
        interval_series(&mut chart, class, Mark::Disc, &over_steps(checkpoints, of), title);
    }
    chart.finish("Δ_SE over training, with its interval", "step")
}

/// Token entropy over steps: of the probe's draws, and of the training draws.
pub(super) fn entropy(set: &SetRecord, training: &[(u64, f64)]) -> String {
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
    let mut chart = Chart::new(Size::Small, Axis::steps(last as u64), axis);
    chart.line("faint", &training);
    for (class, mark, points) in [("base", Mark::Square, &base), ("policy", Mark::Disc, &policy)] {
        interval_series(&mut chart, class, mark, points, |v| format!("{class}: {v:.3} nats/token"));
    }
    chart.finish("token entropy over training, of base, policy and training draws", "step")
}

/// Curves over steps of one or several runs, as `(class, points)`; with one, its running mean lies
/// over it.
pub(super) fn curves(runs: &[(String, &[(u64, f64)])], label: &str) -> String {
    let last = runs.iter().filter_map(|(_, points)| points.last()).map(|point| point.0).max();
    let values = runs.iter().flat_map(|(_, points)| points.iter().map(|point| point.1));
    let (x, y) = (Axis::steps(last.unwrap_or(0)), Axis::values(values));
    let mut chart = Chart::new(Size::Small, x, y);
    for (class, points) in runs {
        let points = thinned(points);
        if runs.len() == 1 {
            chart.line("faint", &points);
        }
        chart.line(class, &smoothed(&points));
    }
    chart.finish(label, "step")
}

/// Kept, gained, lost and neither at every checkpoint, as stacked bars.
pub(super) fn flow(checkpoints: &[&Checkpoint]) -> String {
    let names: Vec<_> = checkpoints.iter().map(|c| c.step.to_string()).collect();
    let most = checkpoints.iter().map(|c| c.boundary.problems).max().unwrap_or(0);
    let mut y = Axis::counts(most as f64);
    y.cap(most as f64);
    let mut chart = Chart::new(Size::Small, Axis::names(&names, BAR_LABELS), y);
    for (index, checkpoint) in checkpoints.iter().enumerate() {
        let x = index as f64;
        let mut below = 0;
        for status in Status::ALL {
            let count = status.ids(&checkpoint.boundary.solvable).len();
            if count == 0 {
                continue;
            }
            let title = format!("step {}: {} {count}", checkpoint.step, status.name());
            let y = (below as f64, (below + count) as f64);
            chart.bar(status.name(), (x - 0.38, x + 0.38), y, &title, &count.to_string());
            below += count;
        }
    }
    chart.finish("problems kept, gained, lost and solved by neither, at every checkpoint", "step")
}

/// How many problems have which share of correct draws, base beside policy. The first bin is the
/// problems without a single correct draw, the others are tenths.
pub(super) fn accuracies(problems: &[ProblemRecord]) -> String {
    let count = |of: fn(&ProblemRecord) -> Option<&Side>| {
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
    let mut chart = Chart::new(Size::Small, x, Axis::counts(f64::from(most)));
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
    checkpoints: &[Checkpoint],
    of: impl Fn(&Boundary) -> Option<(f64, f64, f64)>,
) -> Vec<(f64, f64, f64, f64)> {
    let point = |c: &Checkpoint| {
        of(&c.boundary).map(|(value, low, high)| (c.step as f64, value, low, high))
    };
    checkpoints.iter().filter_map(point).collect()
}

fn interval_series(
    chart: &mut Chart,
    class: &str,
    mark: Mark,
    points: &[(f64, f64, f64, f64)],
    title: impl Fn(f64) -> String,
) {
    let band: Vec<_> = points.iter().map(|&(x, _, low, high)| (x, low, high)).collect();
    let line: Vec<_> = points.iter().map(|&(x, value, ..)| (x, value)).collect();
    let dot = |&(x, value, low, high): &(f64, f64, f64, f64)| {
        let title = format!("step {x}, {} [{low:.3}, {high:.3}]", title(value));
        (x, value, title)
    };
    chart.band(class, &band);
    chart.line(class, &line);
    // So many marks would be one thick line.
    if points.len() <= 40 {
        chart.dots(class, mark, &points.iter().map(dot).collect::<Vec<_>>());
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
mod tests {
    use super::*;

    #[test]
    fn bins_are_tenths_and_nothing() {
        let check = |c, n, expect| assert_eq!(bin(c, n), expect, "{c} of {n}");
        check(0, 10, 0);
        check(1, 1000, 1);
        check(1, 10, 1);
        check(11, 100, 2);
        check(3, 10, 3);
        check(9, 10, 9);
        check(91, 100, 10);
        check(10, 10, 10);
        check(1 << 32, 1 << 32, 10);
    }

    #[test]
    fn long_curves_become_means() {
        assert_eq!(thinned(&[(1, 0.5), (2, 1.5)]), [(1.0, 0.5), (2.0, 1.5)]);
        let long: Vec<_> = (0..600).map(|i| (i, f64::from(i as u32 % 2))).collect();
        let thin = thinned(&long);
        assert_eq!((thin.len(), thin[0], thin[299]), (300, (0.5, 0.5), (598.5, 0.5)));
        assert_eq!(thinned(&[]), []);
        // Forty points reach two to each side; the ends have fewer around them.
        let ramp: Vec<_> = (0..40).map(|i| (f64::from(i), f64::from(i))).collect();
        let smooth = smoothed(&ramp);
        assert_eq!((smooth[0].1, smooth[1].1, smooth[20].1, smooth[39].1), (1.0, 1.5, 20.0, 38.0));
    }
}
