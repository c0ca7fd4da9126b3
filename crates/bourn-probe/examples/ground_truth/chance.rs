//! How often "lost or nearly" and "new or nearly" are findings: of a policy that is the base, and of
//! policies that lost, gained, or both.

use bourn_probe::{CompareError, CompareOptions, StopRule, compare};
use rayon::prelude::*;

use crate::population::{Population, fixed, percent, side};

const REPLICATIONS: u64 = 300;
const OPTIONS: CompareOptions =
    CompareOptions { confidence: 0.95, resamples: 99, seed: 5, look: 1, epsilon: None };
const STOPPED: StopRule = StopRule { successes: 8, n_max: 256 };

/// What one rate is, given where in the population the problem stands.
type Rate = fn(f64) -> f64;

/// A Beta(⅓, 1), what else problems may be, and rates that are as doubtful as can be: ε is 0.0116 at
/// 256 draws.
const BASES: [(&str, Rate); 8] = [
    ("Beta(⅓, 1)", |u| u.powi(3)),
    ("log-uniform from 0.001 to 1", wide),
    ("the same, one in ten never", |u| if u > 0.9 { 0.0 } else { wide(u / 0.9) }),
    ("half at 0.3, half at 0.01", |u| if u < 0.5 { 0.3 } else { 0.01 }),
    ("nine of ten easy, the others at 0.005", |u| if u < 0.9 { 0.2 + 0.7 * u } else { 0.005 }),
    ("U, Beta(½, ½)", |u| (0.5 * std::f64::consts::PI * u).sin().powi(2)),
    ("uniform from 0 to 0.02", |u| 0.02 * u),
    ("all at 0.012", |_| 0.012),
];

/// Log-uniform from 0.001 to 1.
fn wide(u: f64) -> f64 {
    (-7.0 * u).exp()
}

/// Which of twenty kinds a problem is, apart from its rate.
fn kind(u: f64) -> u64 {
    (u * 20_000.0) as u64 % 20
}

/// Policies of the base whose rates are log-uniform.
const POLICIES: [(&str, Rate); 6] = [
    ("the base itself", wide),
    ("one in twenty lost", |u| if kind(u) < 1 { 0.0 } else { wide(u) }),
    ("one in ten lost", |u| if kind(u) < 2 { 0.0 } else { wide(u) }),
    ("one in ten lost, one in ten at 0.2 or more", |u| match kind(u) {
        0 | 1 => 0.0,
        2 | 3 => wide(u).max(0.2),
        _ => wide(u),
    }),
    ("better everywhere (p to the power 0.7)", |u| wide(u).powf(0.7)),
    ("sharpened", |u| if wide(u) > 0.02 { wide(u).sqrt() } else { 0.02 * wide(u) }),
];

/// Problems of a replication, and few.
const PROBLEMS: usize = 96;
const FEW: usize = 30;

/// Prints both tables.
pub(crate) fn report() -> Result<(), CompareError> {
    println!("## Chance\n");
    println!(
        "Share of {REPLICATIONS} replications in which p_lost ≤ 0.05 and in which p_gained ≤ 0.05, in percent, \
         by {} runs under chance each. The policy is the base: both should be at most 5, with a \
         standard error of {}. Draws are stopped at a success; where one rule stands, it is of both models. {PROBLEMS} \
         problems, {FEW} in the first column.\n",
        OPTIONS.resamples,
        percent((0.05 * 0.95 / REPLICATIONS as f64).sqrt()),
    );
    println!(
        "| base | 8 of 256, {FEW} | 8 of 256 | 4 of 256 | 256, all | base 8 of 1024, policy 8 of 256 |"
    );
    println!("|---|---|---|---|---|---|");
    let columns: [([StopRule; 2], usize); 5] = [
        ([STOPPED; 2], FEW),
        ([STOPPED; 2], PROBLEMS),
        ([StopRule { successes: 4, ..STOPPED }; 2], PROBLEMS),
        ([fixed(STOPPED.n_max); 2], PROBLEMS),
        ([StopRule { n_max: 1024, ..STOPPED }, STOPPED], PROBLEMS),
    ];
    for (name, base) in BASES {
        let same = Population { name, base, policy: base };
        row(name, &columns, &same)?;
    }
    println!();
    println!(
        "The same shares where the base is log-uniform from 0.001 to 1 and the policy another, stopped at \
         success 8 of at most 256.\n"
    );
    println!("| policy | {FEW} problems | {PROBLEMS} |");
    println!("|---|---|---|");
    for (name, policy) in POLICIES {
        row(name, &columns[..2], &Population { name, base: wide, policy })?;
    }
    println!();
    Ok(())
}

fn row(
    name: &str,
    columns: &[([StopRule; 2], usize)],
    of: &Population,
) -> Result<(), CompareError> {
    let cells = columns.iter().map(|&(rules, problems)| shares(of, rules, problems));
    let cells: Vec<String> = cells.collect::<Result<_, _>>()?;
    println!("| {name} | {} |", cells.join(" | "));
    Ok(())
}

/// `4.8, 5.0`: how often a loss is a finding, and how often a gain.
fn shares(of: &Population, rules: [StopRule; 2], problems: usize) -> Result<String, CompareError> {
    let one = |replication: u64| -> Result<[u64; 2], CompareError> {
        let rates = of.rates(replication, problems);
        let [base, policy] = [0, 1].map(|model| {
            let rates: Vec<f64> = rates.iter().map(|pair| pair[model]).collect();
            side(&rates, replication, model as u64, rules[model])
        });
        let findings =
            compare(&base, &policy, &CompareOptions { seed: replication, ..OPTIONS })?.findings();
        let sets = [findings.lost_or_nearly, findings.new_or_nearly];
        Ok(sets.map(|set| u64::from(set.is_some_and(|set| set.shown))))
    };
    let [lost, gained] = (0..REPLICATIONS)
        .into_par_iter()
        .map(one)
        .try_reduce(|| [0; 2], |a, b| Ok(std::array::from_fn(|i| a[i] + b[i])))?
        .map(|count| percent(count as f64 / REPLICATIONS as f64));
    Ok(format!("{lost}, {gained}"))
}
