//! How often a true loss is found.

use bourn_probe::{
    CompareError, CompareOptions, StopRule, compare_curves, detectable, powers_of_two,
};
use rayon::prelude::*;

use crate::population::{Population, percent, side};

const REPLICATIONS: u64 = 400;
const PROBLEMS: usize = 150;
const RULE: StopRule = StopRule { successes: 8, n_max: 256 };
const WIDE: Population = Population { name: "", base: |u| (-7.0 * u).exp(), policy: |_| 0.0 };
const OPTIONS: CompareOptions =
    CompareOptions { confidence: 0.9, resamples: 399, seed: 5, look: 1, epsilon: None };

/// Prints how often losses of several sizes are found, by each of the tests.
pub(crate) fn report() -> Result<(), CompareError> {
    println!("## Power\n");
    let base: Vec<f64> = WIDE.rates(0, PROBLEMS).iter().map(|pair| pair[0]).collect();
    let known = side(&base, 0, 0, RULE);
    let told =
        detectable(PROBLEMS, RULE, Some(&known), &powers_of_two(RULE.n_max), OPTIONS.confidence);
    let at_k_max = told.delta.last().copied().unwrap_or(f64::NAN);
    println!(
        "{PROBLEMS} problems, stopped at success 8 of at most {}, at 90% confidence. The policy is the \
         base, but cannot solve some of the problems at all. Share of {REPLICATIONS} replications \
         in which each test finds a loss at k = 256 (upper end below 0, or p < 0.1 with more lost \
         than gained). The first row is the false alarms, which should be at most 5% (a two-sided \
         error of 10%). Before the draws, the smallest difference that can be shown on these problems was \
         given as {} points, and the fewest one-sided losses as {}.\n",
        RULE.n_max,
        percent(at_k_max),
        told.losses
    );
    println!(
        "| problems lost | true Δpass@256 | bootstrap | nested | band | any-time, look 1 | look 5 | McNemar |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for lost in [0, 3, 6, 9, 12, 16, 24] {
        let one = |replication: u64| -> Result<[f64; 7], CompareError> {
            // Every problem anew, so that the intervals' own target, the population, is it.
            let rates: Vec<f64> =
                WIDE.rates(replication, PROBLEMS).iter().map(|pair| pair[0]).collect();
            // Spread over the ids: the any-time interval bets on the problems in their order, and all
            // losses first would be a run of luck that no real order has.
            let is_lost = |i: usize| (i * lost) % PROBLEMS < lost;
            let now: Vec<f64> =
                rates.iter().enumerate().map(|(i, &p)| if is_lost(i) { 0.0 } else { p }).collect();
            let pass = |p: f64| -(256.0 * (-p).ln_1p()).exp_m1();
            let true_loss = rates.iter().zip(&now).map(|(b, p)| pass(*p) - pass(*b)).sum::<f64>();
            let (base, policy) =
                (side(&rates, replication, 0, RULE), side(&now, replication, 1, RULE));
            let first = compare_curves(&base, &policy, &OPTIONS)?;
            let fifth = compare_curves(
                &base,
                &policy,
                &CompareOptions { look: 5, resamples: 19, ..OPTIONS },
            )?;
            let last = first.k.len() - 1;
            let paired = first.paired.expect("compare fills it");
            let fifth = fifth.paired.expect("compare fills it");
            let found = [
                first.delta.ci_high[last] < 0.0,
                paired.delta_nested[last].high < 0.0,
                paired.delta_band[last].high < 0.0,
                paired.delta_anytime[last].high < 0.0,
                fifth.delta_anytime[last].high < 0.0,
                paired.mcnemar.p_value < 0.1
                    && paired.mcnemar.never_solved_again > paired.mcnemar.newly_solved,
            ];
            let mut row = [true_loss / PROBLEMS as f64; 7];
            row.iter_mut()
                .skip(1)
                .zip(found)
                .for_each(|(cell, found)| *cell = f64::from(u8::from(found)));
            Ok(row)
        };
        let sums = (0..REPLICATIONS)
            .into_par_iter()
            .map(one)
            .try_reduce(|| [0.0; 7], |a, b| Ok(std::array::from_fn(|i| a[i] + b[i])))?;
        let cells: Vec<String> =
            sums.iter().map(|sum| percent(sum / REPLICATIONS as f64)).collect();
        println!("| {lost} | {} |", cells.join(" | "));
    }
    println!();
    Ok(())
}
