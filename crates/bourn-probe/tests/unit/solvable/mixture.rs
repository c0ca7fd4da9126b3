use super::*;
use crate::MAX_DRAWS;
use crate::synthetic::stream;

fn mean_of_draws(mixture: &Mixture, place: usize, seed: u64) -> f64 {
    let mut rng = stream("mixture", seed);
    (0..20_000).map(|_| mixture.draw(place, &mut rng)).sum::<f64>() / 20_000.0
}

/// EM never lowers the likelihood, and the masses are a distribution.
#[test]
fn the_fit_is_a_distribution_that_explains_more() {
    let pairs = [(256, 0), (256, 3), (40, 8), (9, 8), (256, 1)];
    let weights = [30.0, 4.0, 20.0, 40.0, 2.0];
    let rates = grid(256);
    let rows: Vec<Vec<f64>> = pairs.iter().map(|&(n, c)| likelihood(&rates, n, c)).collect();
    let explained = |masses: &[f64]| -> f64 {
        let of = |row: &Vec<f64>| row.iter().zip(masses).map(|(l, m)| l * m).sum::<f64>().ln();
        rows.iter().zip(weights).map(|(row, weight)| weight * of(row)).sum()
    };
    let masses = fit(&rows, &weights, rates.len());
    assert!((masses.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    assert!(masses.iter().all(|&mass| mass >= 0.0));
    let flat = vec![1.0 / rates.len() as f64; rates.len()];
    assert!(explained(&masses) > explained(&flat) + 10.0);
}

/// What many draws say of a problem wins over the others, and what few say does not.
#[test]
fn draws_follow_the_posterior() {
    // A hundred problems at 0.3 beside a hundred at 0.01, and one that was drawn twice.
    let mut counts = vec![(1000, 300); 100];
    counts.extend(vec![(1000, 10); 100]);
    counts.push((2, 0));
    let counts = DistinctCounts::of_pairs(counts.into_iter());
    let mixture = Mixture::new(&counts, 1000);
    let place = |pair| counts.pairs.iter().position(|&other| other == pair).unwrap();
    let [high, low, twice] =
        [(1000, 300), (1000, 10), (2, 0)].map(|pair| mean_of_draws(&mixture, place(pair), 1));
    // The grid is a fifth of a logit wide.
    assert!((high - 0.3).abs() < 0.03, "{high}");
    assert!((low - 0.01).abs() < 0.002, "{low}");
    // Bayes by hand with two rates: two failures leave 0.49 : 0.98.
    let by_hand = (0.49 * 0.3 + 0.9801 * 0.01) / (0.49 + 0.9801);
    assert!((twice - by_hand).abs() < 0.02, "{twice} {by_hand}");
}

/// Never solved may be impossible, always solved may be sure; one success is no impossibility.
#[test]
fn the_ends_of_the_grid() {
    for n_max in [1, 2, 1024, MAX_DRAWS] {
        let counts = DistinctCounts::of_pairs([(n_max, 0), (n_max, n_max)].into_iter());
        let mixture = Mixture::new(&counts, n_max);
        let mut rng = stream("ends", n_max);
        let never: Vec<f64> = (0..400).map(|_| mixture.draw(0, &mut rng)).collect();
        let always: Vec<f64> = (0..400).map(|_| mixture.draw(1, &mut rng)).collect();
        assert!(never.iter().chain(&always).all(|rate| (0.0..=1.0).contains(rate)));
        assert!(never.contains(&0.0) && !always.contains(&0.0));
        assert!(grid(n_max).is_sorted());
    }
}
