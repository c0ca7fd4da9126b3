//! How often "lost or nearly" and "new or nearly" are findings: of a policy that is the base, and of
//! policies that lost, gained, or both.

use bourn_probe::{CompareError, CompareOptions, StopRule, compare};
use rayon::prelude::*;

use crate::population::{Population, fixed, percent, side};

const REPLICATIONS: u64 = 400;
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

/// Prints both tables.
pub(crate) fn report() -> Result<(), CompareError> {
    println!("## Chance\n");
    println!(
        "Share of {REPLICATIONS} replications in which p_lost ≤ 0.05 and in which p_gained ≤ 0.05, in percent, \
         by {} runs under chance each. The policy is the base: both should be at most 5, with a \
         standard error of 1.1.\n",
        OPTIONS.resamples
    );
    println!("| base | draws | 30 problems | 96 | 300 |");
    println!("|---|---|---|---|---|");
    let rules: [(&str, [StopRule; 2], &[usize]); 4] = [
        ("stopped at success 8 of at most 256", [STOPPED; 2], &[30, 96, 300]),
        ("stopped at 4", [StopRule { successes: 4, ..STOPPED }; 2], &[96]),
        ("256 fixed", [fixed(STOPPED.n_max); 2], &[96]),
        (
            "base at 8 of 1024, policy 8 of 256",
            [StopRule { n_max: 1024, ..STOPPED }, STOPPED],
            &[96],
        ),
    ];
    for (name, base) in BASES {
        for (how, rules, sizes) in rules {
            let cells: Vec<String> = [30, 96, 300]
                .into_iter()
                .map(|problems| {
                    let same = Population { name, base, policy: base };
                    match sizes.contains(&problems) {
                        true => shares(&same, rules, problems),
                        false => Ok(String::new()),
                    }
                })
                .collect::<Result<_, _>>()?;
            println!("| {name} | {how} | {} |", cells.join(" | "));
        }
    }
    println!();
    println!(
        "The same shares where the base is log-uniform from 0.001 to 1 and the policy another, stopped at \
         success 8 of at most 256.\n"
    );
    println!("| policy | 30 problems | 96 | 300 |");
    println!("|---|---|---|---|");
    for (name, policy) in POLICIES {
        let of = Population { name, base: wide, policy };
        let cells: Vec<String> = [30, 96, 300]
            .into_iter()
            .map(|problems| shares(&of, [STOPPED; 2], problems))
            .collect::<Result<_, _>>()?;
        println!("| {name} | {} |", cells.join(" | "));
    }
    println!();
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
