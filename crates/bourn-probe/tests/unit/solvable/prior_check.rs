use super::*;
use crate::StopRule;
use crate::synthetic::{draw, rates, stream};

const TRUTH: Prior = Prior { zero: 0.2, alpha: 0.5, beta: 3.0 };

/// The tables against the definition: counts of orders times the marginal likelihood.
#[test]
fn tables_are_the_marginal_likelihood() {
    let choose = |n: u64, k: u64| -> f64 {
        (0..k).map(|i| ((n - i) as f64 / (i + 1) as f64).ln()).sum::<f64>()
    };
    for (n_max, stop) in [(1, 1), (1, 2), (6, 7), (6, 6), (12, 3), (40, 1), (300, 8), (64, 65)] {
        let design = Design { n_max, stop };
        let table = design.distribution(&TRUTH);
        assert_eq!(table.len() as u64, n_max + 1);
        let mut sum = TRUTH.zero;
        for rank in 0..=n_max {
            let (n, c) = design.at(rank);
            // The last draw of a stop is a success.
            let orders = if c == stop { choose(n - 1, c - 1) } else { choose(n, c) };
            sum += (1.0 - TRUTH.zero) * (orders + TRUTH.ln_kernel(n, c)).exp();
            // Some hundreds of roundings of logarithms up to 100.
            assert!((table[rank as usize] - sum).abs() < 1e-11, "{design:?} {rank}");
            let outcomes = if stop > n_max {
                Outcomes::new(n, c).unwrap()
            } else {
                Outcomes::stopped(n, c, StopRule { successes: stop, n_max }).unwrap()
            };
            assert_eq!((Design::of(outcomes), design.rank(outcomes)), (design, rank));
            // And without a table.
            let [low, high] = design.step(&TRUTH, outcomes);
            let before = if rank == 0 { 0.0 } else { table[rank as usize - 1] };
            assert!((low - before).abs() < 1e-11, "{design:?} {rank}: {low} {before}");
            assert!((high - sum).abs() < 1e-11, "{design:?} {rank}: {high} {sum}");
        }
    }
}

/// Draw by draw at rates from the prior, outcomes are as often as the tables say.
#[test]
fn draws_follow_the_tables() {
    for (test, (n_max, stop)) in
        [(12, None), (12, Some(3)), (200, Some(70)), (100, Some(1))].into_iter().enumerate()
    {
        let mut rng = stream("tables", test as u64);
        let rates = rates(TRUTH.zero, TRUTH.alpha, TRUTH.beta, 40_000, &mut rng);
        let drawn = draw(&rates, n_max, stop, &mut rng);
        let design = Design::of(drawn[0]);
        let table = design.distribution(&TRUTH);
        let mut counts = vec![0.0; table.len()];
        for &outcomes in &drawn {
            counts[design.rank(outcomes) as usize] += 1.0;
        }
        // Pearson's statistic, outcomes merged to 50 expected or more.
        let (mut chi, mut cells, mut seen, mut from, mut before) = (0.0, 0, 0.0, 0.0, 0.0);
        for (count, high) in counts.iter().zip(&table) {
            seen += count;
            let expect = (high - from) * 40_000.0;
            if expect >= 50.0 {
                chi += (seen - expect).powi(2) / expect;
                (cells, seen, from, before) = (cells + 1, 0.0, *high, 0.0);
            }
            before += count;
        }
        let _ = before;
        // Mean cells − 1 and variance twice that: five standard deviations.
        let free = f64::from(cells) - 1.0;
        assert!(chi < free + 5.0 * (2.0 * free).sqrt() + 5.0, "{stop:?}: {chi} with {cells}");
    }
}

/// Flat under the truth, by Pearson's statistic against the 99.9% point of χ² with 9 degrees of
/// freedom, 27.9 (the non-randomised histogram varies less than counts do, so that it is one-sided);
/// and far beyond under a prior that is wrong.
#[test]
fn flat_under_the_truth_only() {
    for (n, stop) in [(64, None), (1024, Some(8)), (16, None)] {
        let mut rng = stream("pit", n);
        let rates = rates(TRUTH.zero, TRUTH.alpha, TRUTH.beta, 4000, &mut rng);
        let ranked = ranked(draw(&rates, n, stop, &mut rng).into_iter());
        let truth = histogram(&TRUTH, &ranked);
        // All problems are in it.
        assert!((truth.iter().sum::<f64>() - 4000.0).abs() < 1e-6);
        assert!(distance(&truth) < 27.9, "{n} {stop:?}: {truth:?}");
        for wrong in [
            Prior { zero: 0.01, ..TRUTH },
            Prior { alpha: 2.0, ..TRUTH },
            Prior { beta: 0.8, ..TRUTH },
        ] {
            let histogram = histogram(&wrong, &ranked);
            assert!(distance(&histogram) > 100.0, "{n} {stop:?} {wrong:?}: {histogram:?}");
        }
    }
}

#[test]
fn the_p_value_is_large_for_a_fit_and_small_for_a_misfit() {
    let p_value = |rates: &[f64], name| {
        let mut rng = stream(name, 1);
        let drawn = draw(rates, 64, None, &mut rng);
        let fit = FittedPrior::new(&DistinctCounts::of(drawn.iter().copied()));
        check(&fit, drawn.iter().copied(), 1, 0).p_value
    };
    // Over replications it is uniform, or nearly (simulated from the fit, not the truth): of 60, at
    // most 5% is 3, and P(Binomial(60, 0.05) > 10) is below 0.001.
    let low = (0..60).filter(|&replication| {
        let mut rng = stream("p-value", replication);
        let rates = rates(0.2, 0.5, 3.0, 100, &mut rng);
        p_value(&rates, "p-value draws") <= 0.05
    });
    assert!(low.count() <= 10);
    // Rates of 0.2 and 0.8 only: no Beta is like that.
    let two: Vec<f64> = (0..200).map(|i| if i % 2 == 0 { 0.3 } else { 0.7 }).collect();
    let p = p_value(&two, "two");
    // The least that 99 simulations can give.
    assert_eq!(p, 0.01);
}

/// Too many outcomes for a table: the histogram still holds every problem, and agrees.
#[test]
fn huge_counts_need_no_table() {
    let n = MAX_TABULATED + 8;
    let mut rng = stream("huge", 0);
    let rates = rates(TRUTH.zero, TRUTH.alpha, TRUTH.beta, 2000, &mut rng);
    let drawn = draw(&rates, n, None, &mut rng);
    let fit = FittedPrior::new(&DistinctCounts::of(drawn.iter().copied()));
    let huge = check(&fit, drawn.iter().copied(), 1, 0);
    assert!((huge.pit.iter().sum::<f64>() - 2000.0).abs() < 1e-6);
    // As in `flat_under_the_truth_only`; a fitted prior is flatter still.
    assert!(distance(&huge.pit) < 27.9, "{:?}", huge.pit);
    assert_eq!(huge.p_value, 1.0);
}
