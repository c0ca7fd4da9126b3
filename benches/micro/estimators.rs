//! What a probe computes once the draws are there: pass@k, the bootstrap, the posteriors. Items are
//! problems.

// A bench has nobody to hand an error to.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use bourn_probe::{
    CompareOptions, Outcomes, StopRule, compare, compare_curves, pass_at_k, powers_of_two,
};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use rand::Rng;

// The allocator of `bourn` itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

/// Outcomes of `problems` of every difficulty, drawn up to `n_max` times or to 8 correct answers.
fn outcomes(problems: usize, n_max: u64, model: u64) -> BTreeMap<String, Outcomes> {
    let rule = StopRule { successes: 8, n_max };
    let problem = |index: usize| {
        let mut random = bourn_seed::rng(1, "bench outcomes", &[model, index as u64]);
        let rate = random.random::<f64>().powi(6);
        let (mut n, mut c) = (0, 0);
        while n < n_max && c < rule.successes {
            n += 1;
            c += u64::from(random.random::<f64>() < rate);
        }
        (format!("{index:05}"), Outcomes::stopped(n, c, rule).unwrap())
    };
    (0..problems).map(problem).collect()
}

#[divan::bench(args = [256, 1024, 65536])]
fn pass_at_every_power_of_two(bencher: Bencher, n: u64) {
    let problems: Vec<Outcomes> = (0..64).map(|c| Outcomes::new(n, c).unwrap()).collect();
    let ks = powers_of_two(n);
    bencher.counter(ItemsCount::new(problems.len())).bench_local(|| {
        let of =
            |&outcomes: &Outcomes| ks.iter().filter_map(|&k| pass_at_k(outcomes, k)).sum::<f64>();
        problems.iter().map(of).sum::<f64>()
    });
}

/// The curves of two models with 1,000 bootstrap resamples.
#[divan::bench(args = [64, 256])]
fn bootstrap(bencher: Bencher, problems: usize) {
    let (base, policy) = (outcomes(problems, 256, 0), outcomes(problems, 256, 1));
    let options = CompareOptions::default();
    bencher
        .counter(ItemsCount::new(problems))
        .bench_local(|| compare_curves(black_box(&base), &policy, &options).unwrap());
}

/// The same with everything else that a probe reports: fitted priors, posteriors, solvable sets and
/// their null. What it takes longer than `bootstrap` is theirs.
#[divan::bench(args = [64, 256])]
fn bootstrap_and_posteriors(bencher: Bencher, problems: usize) {
    let (base, policy) = (outcomes(problems, 256, 0), outcomes(problems, 256, 1));
    let options = CompareOptions::default();
    bencher
        .counter(ItemsCount::new(problems))
        .bench_local(|| compare(black_box(&base), &policy, &options).unwrap());
}
