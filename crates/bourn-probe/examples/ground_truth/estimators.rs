//! The estimator against two others: n fixed, and a bootstrap of the best of N with replacement.

use bourn_probe::{Outcomes, StopRule, pass_at_k};
use rayon::prelude::*;

use crate::population::{Population, fixed, percent, stopped, successes};

const REPLICATIONS: u64 = 2000;
const PROBLEMS: usize = 150;
const N_MAX: u64 = 256;
const WIDE: Population = Population { name: "", base: |u| (-7.0 * u).exp(), policy: |_| 0.0 };

type Estimator = (String, StopRule, fn(Outcomes, u64) -> f64);

/// Prints what each estimator of mean pass@k is off by, and how much it varies.
pub(crate) fn report() {
    println!("## Estimators of pass@k\n");
    println!(
        "The same {PROBLEMS} problems (success probabilities log-uniform from 0.0009 to 1) drawn \
         {REPLICATIONS} times: bias and standard deviation of mean pass@k, in points, and draws \
         spent. \"Best of k\" draws k of the n outcomes with replacement and takes the best, \
         as some trainers report it.\n"
    );
    let unbiased = |o, k| pass_at_k(o, k).unwrap_or(f64::NAN);
    // What a bootstrap with replacement comes to: 1 − (1 − c/n)^k.
    let best = |o: Outcomes, k: u64| -(k as f64 * (-o.accuracy()).ln_1p()).exp_m1();
    let mut estimators: Vec<Estimator> = vec![
        ("best of k, n fixed".to_owned(), fixed(N_MAX), best),
        ("unbiased, n fixed".to_owned(), fixed(N_MAX), unbiased),
    ];
    for successes in [16, 8, 4, 1] {
        let rule = StopRule { successes, n_max: N_MAX };
        estimators.push((format!("unbiased, stopped at {successes}"), rule, unbiased));
    }
    let rates = WIDE.rates(0, PROBLEMS);
    println!("| estimator | k = 1 | k = 16 | k = 64 | k = 256 | draws |");
    println!("|---|---|---|---|---|---|");
    for (name, rule, estimate) in estimators {
        let one = |replication: u64| -> [f64; 5] {
            let mut sums = [0.0; 5];
            for (problem, pair) in rates.iter().enumerate() {
                let outcomes = stopped(&successes(replication, 0, problem, pair[0], N_MAX), rule);
                for (sum, k) in sums.iter_mut().zip([1, 16, 64, 256]) {
                    let truth = -(k as f64 * (-pair[0]).ln_1p()).exp_m1();
                    *sum += (estimate(outcomes, k) - truth) / PROBLEMS as f64;
                }
                sums[4] += outcomes.n() as f64 / (PROBLEMS as u64 * N_MAX) as f64;
            }
            sums
        };
        let errors: Vec<[f64; 5]> = (0..REPLICATIONS).into_par_iter().map(one).collect();
        let n = REPLICATIONS as f64;
        let mean = |i: usize| errors.iter().map(|row| row[i]).sum::<f64>() / n;
        let cell = |i: usize| {
            let mean = mean(i);
            let variance = errors.iter().map(|row| (row[i] - mean).powi(2)).sum::<f64>() / n;
            format!("{:+.2} ± {:.2}", 100.0 * mean, 100.0 * variance.sqrt())
        };
        let cells: Vec<String> = (0..4).map(cell).collect();
        println!("| {name} | {} | {}% |", cells.join(" | "), percent(mean(4)));
    }
    println!();
}
