//! What early stopping saves, and what it costs in width.

use std::collections::BTreeMap;
use std::path::Path;

use bourn_probe::{
    Boundary, CompareError, CompareOptions, Extent, ProbeError, StopRule, compare_curves,
};
use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::batch::{Made, SLOTS, drawn};
use crate::population::{Population, Side, fixed, percent, stopped, successes};

const REPLICATIONS: u64 = 100;
const PROBLEMS: usize = 150;
const BATCH_REPLICATIONS: u64 = 10;
const N_MAX: u64 = 1024;
const STOPS: [u64; 8] = [1, 2, 3, 4, 6, 8, 12, 16];
const KS: [u64; 4] = [1, 16, 256, 1024];
/// How much wider than with n fixed an interval may be.
const MOST: f64 = 1.1;
const OPTIONS: CompareOptions =
    CompareOptions { confidence: 0.95, resamples: 399, seed: 5, look: 1, epsilon: None };

/// Three mixes of difficulty; the policy has sharpened, as training does.
const MIXES: [Population; 3] = [
    Population { name: "easy", base: easy, policy: |u| sharpened(easy(u)) },
    Population { name: "wide", base: wide, policy: |u| sharpened(wide(u)) },
    Population { name: "hard", base: hard, policy: |u| sharpened(hard(u)) },
];

/// Uniform from 0.05 to 0.95.
fn easy(u: f64) -> f64 {
    0.05 + 0.9 * u
}

/// Log-uniform from 0.0003 to 1.
fn wide(u: f64) -> f64 {
    10.0_f64.powf(-3.5 * u)
}

/// Three in ten never solved, the others log-uniform from 0.0001 to 0.1.
fn hard(u: f64) -> f64 {
    if u < 0.3 { 0.0 } else { 10.0_f64.powf(-1.0 - 3.0 * (u - 0.3) / 0.7) }
}

fn sharpened(p: f64) -> f64 {
    if p > 0.02 { p.sqrt() } else { 0.2 * p }
}

/// All successes of each problem's draws, of base and policy.
type Draws = Vec<[Vec<u64>; 2]>;

/// What one rule costs at a set of draws.
#[derive(Clone, Copy, Default)]
struct Cost {
    /// Draws spent on the base, as a share of n_max each.
    spent: f64,
    /// Widths of the intervals of the base's pass@k, and of Δpass@k, at [`KS`].
    base: [f64; 4],
    delta: [f64; 4],
}

impl Cost {
    fn plus(self, other: Self) -> Self {
        let sum = |a: [f64; 4], b: [f64; 4]| std::array::from_fn(|i| a[i] + b[i]);
        Self {
            spent: self.spent + other.spent,
            base: sum(self.base, other.base),
            delta: sum(self.delta, other.delta),
        }
    }
}

fn cost(draws: &Draws, rule: StopRule) -> Result<Cost, CompareError> {
    let side = |model: usize| -> Side {
        let one =
            |(i, pair): (usize, &[Vec<u64>; 2])| (format!("p{i:05}"), stopped(&pair[model], rule));
        draws.iter().enumerate().map(one).collect()
    };
    let (base, policy) = (side(0), side(1));
    let spent = base.values().map(|o| o.n()).sum::<u64>() as f64;
    let b = compare_curves(&base, &policy, &OPTIONS)?;
    let width = |pick: fn(&Boundary, usize) -> f64| {
        KS.map(|k| b.k.iter().position(|&at| at == k).map_or(f64::NAN, |i| pick(&b, i)))
    };
    Ok(Cost {
        spent: spent / (draws.len() as u64 * rule.n_max) as f64,
        base: width(|b, i| b.base.ci_high[i] - b.base.ci_low[i]),
        delta: width(|b, i| b.delta.ci_high[i] - b.delta.ci_low[i]),
    })
}

/// E[min(N_r, n_max)] at success probability `p`, N_r the draw of success number r (negative
/// binomial): Σ over n < n_max of P(fewer than r successes in n draws), by the recursion over n.
fn expected_draws(p: f64, rule: StopRule) -> f64 {
    let mut open = vec![0.0; rule.successes as usize];
    open[0] = 1.0;
    let mut sum = 0.0;
    for _ in 0..rule.n_max {
        sum += open.iter().sum::<f64>();
        for c in (1..open.len()).rev() {
            open[c] = open[c] * (1.0 - p) + open[c - 1] * p;
        }
        open[0] *= 1.0 - p;
    }
    sum
}

/// Mean over the population, by the midpoint rule.
fn in_theory(population: &Population, rule: StopRule) -> f64 {
    const POINTS: u32 = 2000;
    let draws = |point: u32| {
        expected_draws((population.base)((f64::from(point) + 0.5) / f64::from(POINTS)), rule)
    };
    let sum: f64 = (0..POINTS).into_par_iter().map(draws).collect::<Vec<_>>().iter().sum();
    sum / f64::from(POINTS) / rule.n_max as f64
}

fn head(reference: &Cost) {
    println!(
        "| stop | draws % | in theory % | base k=1 | k=16 | k=256 | k=1024 | delta k=1 | k=16 | k=256 | k=1024 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let points = |widths: [f64; 4]| widths.map(percent).join(" | ");
    println!(
        "| never (points) | 100.0 | 100.0 | {} | {} |",
        points(reference.base),
        points(reference.delta)
    );
}

fn line(stop: u64, cost: &Cost, theory: Option<f64>, reference: &Cost) {
    let ratios = |widths: [f64; 4], to: [f64; 4]| -> String {
        let ratio = |i: usize| format!("{:.2}", widths[i] / to[i]);
        (0..4).map(ratio).collect::<Vec<_>>().join(" | ")
    };
    let theory = theory.map_or(String::new(), percent);
    println!(
        "| {stop} | {} | {theory} | {} | {} |",
        percent(cost.spent),
        ratios(cost.base, reference.base),
        ratios(cost.delta, reference.delta),
    );
}

/// Whether no interval of the base is more than [`MOST`] times as wide as with n fixed.
fn is_narrow(widths: [f64; 4], reference: [f64; 4]) -> bool {
    widths.iter().zip(reference).all(|(width, reference)| *width <= MOST * reference)
}

/// Prints the cost tables of the three mixes.
pub(crate) fn report() -> Result<(), CompareError> {
    println!("## Cost\n");
    println!(
        "{PROBLEMS} problems, n_max = {N_MAX}, means of {REPLICATIONS} replications. Draws spent on the \
         base as a share of n fixed at {N_MAX}, beside E[min(N_r, n_max)] of the negative binomial; \
         then the width of the 95% intervals as a multiple of their width with n fixed (first line, \
         in points): of the base's pass@k and of Δpass@k.\n"
    );
    let mut narrow: BTreeMap<u64, [bool; 2]> = STOPS.map(|stop| (stop, [true; 2])).into();
    for mix in MIXES {
        let one = |replication: u64| -> Result<Vec<Cost>, CompareError> {
            let rates = mix.rates(replication, PROBLEMS);
            let all = |(problem, pair): (usize, &[f64; 2])| {
                [0, 1].map(|model: usize| {
                    successes(replication, model as u64, problem, pair[model], N_MAX)
                })
            };
            let draws: Draws = rates.iter().enumerate().map(all).collect();
            let rules = std::iter::once(fixed(N_MAX))
                .chain(STOPS.map(|successes| StopRule { successes, n_max: N_MAX }));
            rules.map(|rule| cost(&draws, rule)).collect()
        };
        let sums = (0..REPLICATIONS).into_par_iter().map(one).try_reduce(
            || vec![Cost::default(); STOPS.len() + 1],
            |a, b| Ok(a.into_iter().zip(b).map(|(a, b)| a.plus(b)).collect()),
        )?;
        let over = |widths: [f64; 4]| widths.map(|width| width / REPLICATIONS as f64);
        let means: Vec<Cost> = sums
            .into_iter()
            .map(|sum| Cost {
                spent: sum.spent / REPLICATIONS as f64,
                base: over(sum.base),
                delta: over(sum.delta),
            })
            .collect();
        println!("### {}\n", mix.name);
        head(&means[0]);
        for (&stop, cost) in STOPS.iter().zip(&means[1..]) {
            let theory = in_theory(&mix, StopRule { successes: stop, n_max: N_MAX });
            line(stop, cost, Some(theory), &means[0]);
            let here = [is_narrow(cost.base, means[0].base), is_narrow(cost.delta, means[0].delta)];
            if let Some(all) = narrow.get_mut(&stop) {
                *all = [all[0] && here[0], all[1] && here[1]];
            }
        }
        println!();
    }
    for (which, what) in ["base's pass@k", "Δpass@k"].into_iter().enumerate() {
        match narrow.iter().find(|(_, all)| all[which]) {
            Some((stop, _)) => println!(
                "Smallest stop at which no interval of the {what} is more than {MOST} times as wide, on any mix: {stop}.\n"
            ),
            None => println!(
                "At none of these stops is every interval of the {what} at most {MOST} times as wide.\n"
            ),
        }
    }
    Ok(())
}

/// Prints what the scheduler draws in vain on each mix.
pub(crate) fn report_batch() -> Result<(), ProbeError> {
    println!("## Draws in vain\n");
    println!(
        "The probe of {PROBLEMS} problems by a source of {SLOTS} completions under way at once, of 20 to \
         400 tokens; {BATCH_REPLICATIONS} replications. Completions started as a share of n fixed at \
         {N_MAX}, and in brackets the share of them that lay beyond their problem's stop and was \
         cut.\n"
    );
    println!("| stop | {} |", MIXES.map(|mix| mix.name).join(" | "));
    println!("|---|---|---|---|");
    for stop in STOPS {
        let cell = |mix: &Population| -> Result<String, ProbeError> {
            let one = |replication: u64| {
                let rates: Vec<f64> =
                    mix.rates(replication, PROBLEMS).iter().map(|pair| pair[0]).collect();
                drawn(&rates, replication, Extent::new(N_MAX, stop))
            };
            let sum = (0..BATCH_REPLICATIONS)
                .into_par_iter()
                .map(one)
                .try_reduce(Made::default, |a, b| {
                    Ok(Made { made: a.made + b.made, cut: a.cut + b.cut })
                })?;
            let full = BATCH_REPLICATIONS * PROBLEMS as u64 * N_MAX;
            let share = percent(sum.made as f64 / full as f64);
            Ok(format!("{share} ({})", percent(sum.cut as f64 / sum.made as f64)))
        };
        let cells = MIXES.iter().map(cell).collect::<Result<Vec<_>, _>>()?;
        println!("| {stop} | {} |", cells.join(" | "));
    }
    println!();
    Ok(())
}

/// Prints the cost table of a file of a real model's draws, stopped early: means over random orders
/// of each problem's draws, which are exchangeable, so that the table is not about the luck of one.
pub(crate) fn report_file(path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    #[derive(serde::Deserialize)]
    struct Line {
        draws: Vec<u8>,
    }
    let mut problems: Vec<Vec<u8>> = Vec::new();
    for line in std::fs::read_to_string(path)?.lines().filter(|line| !line.trim().is_empty()) {
        let line: Line = serde_json::from_str(line)?;
        if problems.first().is_some_and(|first| first.len() != line.draws.len()) {
            return Err(format!("{}: not as many draws for every problem", path.display()).into());
        }
        problems.push(line.draws);
    }
    let n_max = problems.first().ok_or("the file has no problems")?.len() as u64;
    println!(
        "### {}: {} problems, {n_max} draws each, means over {REPLICATIONS} orders of them\n",
        path.display(),
        problems.len()
    );
    let orders: Vec<Draws> = (0..REPLICATIONS).map(|order| shuffled(&problems, order)).collect();
    let mean = |rule: StopRule| -> Result<Cost, CompareError> {
        let costs: Vec<Cost> =
            orders.par_iter().map(|draws| cost(draws, rule)).collect::<Result<_, _>>()?;
        let sum = costs.into_iter().fold(Cost::default(), Cost::plus);
        let share = |values: [f64; 4]| values.map(|value| value / REPLICATIONS as f64);
        let spent = sum.spent / REPLICATIONS as f64;
        Ok(Cost { spent, base: share(sum.base), delta: share(sum.delta) })
    };
    let reference = mean(fixed(n_max))?;
    println!("| stop | draws % | in theory % | k=1 | k=16 | k=256 | k=1024 |");
    println!("|---|---|---|---|---|---|---|");
    let points = reference.base.map(|width| format!("{:.2}", 100.0 * width)).join(" | ");
    println!("| never (points) | 100.0 | 100.0 | {points} |");
    for stop in STOPS {
        let rule = StopRule { successes: stop, n_max };
        let cost = mean(rule)?;
        let theory = |draws: &Vec<u8>| {
            let correct = draws.iter().filter(|&&draw| draw == 1).count();
            expected_draws(correct as f64 / n_max as f64, rule)
        };
        let theory =
            problems.iter().map(theory).sum::<f64>() / (problems.len() as u64 * n_max) as f64;
        let ratio = |i: usize| format!("{:.2}", cost.base[i] / reference.base[i]);
        let ratios = (0..4).map(ratio).collect::<Vec<_>>().join(" | ");
        println!("| {stop} | {} | {} | {ratios} |", percent(cost.spent), percent(theory));
    }
    println!();
    Ok(())
}

/// The numbers of the correct draws, from 1, after a shuffle of each problem's draws; twice, since a
/// model is compared with itself.
fn shuffled(problems: &[Vec<u8>], order: u64) -> Draws {
    let mut rng = bourn_seed::rng(OPTIONS.seed, "order of draws", &[order]);
    let shuffle = |draws: &Vec<u8>| {
        let mut draws = draws.clone();
        draws.shuffle(&mut rng);
        let correct: Vec<u64> =
            (1..).zip(&draws).filter(|(_, draw)| **draw == 1).map(|(at, _)| at).collect();
        [correct.clone(), correct]
    };
    problems.iter().map(shuffle).collect()
}
