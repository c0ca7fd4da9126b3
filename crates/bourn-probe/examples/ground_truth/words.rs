//! How often the words that bourn prints are said, and how often they are wrong.

use bourn_probe::{CompareError, CompareOptions, Shown, StopRule, compare, powers_of_two};
use rayon::prelude::*;

use crate::population::{Population, percent, side};

const REPLICATIONS: u64 = 200;
const PROBLEMS: usize = 96;
const RULE: StopRule = StopRule { successes: 8, n_max: 256 };
const OPTIONS: CompareOptions =
    CompareOptions { confidence: 0.95, resamples: 399, seed: 5, look: 1, epsilon: None };

const POLICIES: [Population; 3] = [
    Population { name: "the base itself", base: wide, policy: wide },
    Population {
        name: "a fifth better, nothing lost",
        base: wide,
        policy: |u| (1.2 * wide(u)).min(1.0),
    },
    Population { name: "sharpened", base: wide, policy: |u| sharpened(wide(u)) },
];

/// Log-uniform from 0.001 to 1.
fn wide(u: f64) -> f64 {
    (-7.0 * u).exp()
}

/// What was solved in one of 50 draws or more is solved more often, the rest at a fiftieth of its rate.
fn sharpened(p: f64) -> f64 {
    if p > 0.02 { p.sqrt() } else { 0.02 * p }
}

/// Counts of one replication: a word said, or an interval that holds the truth.
type Counts = [f64; 8];

/// Prints how often each word is said, and how often one that is not true.
pub(crate) fn report() -> Result<(), CompareError> {
    println!("## Words\n");
    println!(
        "{PROBLEMS} problems, stopped at success 8 of at most {}, 95%; share of {REPLICATIONS} \
         replications in which each word is said of a policy whose truth is known. \"Wrong\" is better or \
         worse at any k at which the population's mean says otherwise; in the first row every word is. The \
         last column is how often the 95% interval of the expected number of problems lost or nearly holds \
         the true one.\n",
        RULE.n_max
    );
    println!(
        "| policy | look | better at 1 | worse at 1 | better at 256 | worse at 256 | wrong at any k | \
         crossing | lost or nearly | interval holds |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for of in POLICIES {
        let apart = |k: u64| {
            let [base, policy] = of.truth(k);
            policy - base
        };
        let truth: Vec<f64> = powers_of_two(RULE.n_max).into_iter().map(apart).collect();
        for look in [1, 4] {
            let one = |replication| counts(&of, &truth, look, replication);
            let sums = (0..REPLICATIONS)
                .into_par_iter()
                .map(one)
                .try_reduce(|| [0.0; 8], |a, b| Ok(std::array::from_fn(|i| a[i] + b[i])))?;
            let cells: Vec<String> =
                sums.iter().map(|sum| percent(sum / REPLICATIONS as f64)).collect();
            println!("| {} | {look} | {} |", of.name, cells.join(" | "));
        }
    }
    println!();
    Ok(())
}

fn counts(
    of: &Population,
    truth: &[f64],
    look: u64,
    replication: u64,
) -> Result<Counts, CompareError> {
    let rates = of.rates(replication, PROBLEMS);
    let [base, policy] = [0, 1].map(|place| {
        let rates: Vec<f64> = rates.iter().map(|pair| pair[place]).collect();
        side(&rates, replication, place as u64, RULE)
    });
    let boundary = compare(&base, &policy, &CompareOptions { look, ..OPTIONS })?;
    let findings = boundary.findings();
    let solvability = boundary.solvability.as_ref().expect("compare fills it");
    let lost = rates
        .iter()
        .filter(|[base, policy]| *base >= solvability.epsilon && *policy < solvability.epsilon);
    let (lost, expected) = (lost.count() as f64, solvability.expected.lost_or_nearly);
    let (first, last) = (&findings.changes[0], findings.changes.last().expect("there are k"));
    let wrong = findings.changes.iter().zip(truth).any(|(change, &truth)| match change.shown {
        Shown::Better => truth <= 0.0,
        Shown::Worse => truth >= 0.0,
        Shown::Neither => false,
    });
    let found = [
        first.shown == Shown::Better,
        first.shown == Shown::Worse,
        last.shown == Shown::Better,
        last.shown == Shown::Worse,
        wrong,
        findings.crossing().is_some(),
        findings.lost_or_nearly.is_some_and(|found| found.shown),
        expected.ci_low <= lost && lost <= expected.ci_high,
    ];
    Ok(found.map(|found| f64::from(u8::from(found))))
}
