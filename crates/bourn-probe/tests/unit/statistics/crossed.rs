use bourn_seed::rng;
use rand::Rng;

use super::*;

const ANY: (f64, f64) = (-1e9, 1e9);

#[test]
fn students_quantiles_are_those_of_tables() {
    // Abramowitz and Stegun, table 26.10, three decimals.
    let check = |df: f64, confidence: f64, expect: f64| {
        let got = t_quantile(df, confidence);
        assert!((got - expect).abs() < 5e-4 * expect, "{df} {confidence}: {got}");
        assert!((t_two_sided(got, df) - (1.0 - confidence)).abs() < 1e-10);
    };
    check(1.0, 0.95, 12.706);
    check(2.0, 0.95, 4.303);
    check(4.0, 0.95, 2.776);
    check(10.0, 0.9, 1.812);
    check(120.0, 0.99, 2.617);
    // Two degrees of freedom in closed form: P(|T| < t) = t/√(2 + t²).
    let t = 1.7_f64;
    let exact = 1.0 - t / (2.0 + t * t).sqrt();
    assert!((t_two_sided(t, 2.0) - exact).abs() < 1e-13);
}

#[test]
fn worked_by_hand() {
    // Two seeds, three problems. Means: seeds 2 and 4, problems 2, 3, 4, all 3.
    // SS_problem = 2·(1 + 0 + 1) = 4, MS 2. SS_seed = 3·(1 + 1) = 6, MS 6.
    // Rest: every cell is 3 + (problem − 3) + (seed − 3), but for ±0.5 in two columns.
    let values = [vec![1.5, 2.0, 2.5], vec![2.5, 4.0, 5.5]];
    // Rest by cell: 1.5 − 2 − 2 + 3 = 0.5, 0, −0.5, and the negatives: SS 1, df 2, MS 0.5.
    // Variance of the mean (2 + 6 − 0.5)/6 = 1.25; df = 7.5²/(4/2 + 36/1 + 0.25/2) = 1.4754...
    let got = crossed(&values, ANY, 0.95).unwrap();
    assert!((got.estimate.value - 3.0).abs() < 1e-12);
    let df = 56.25 / 38.125;
    let half = t_quantile(df, 0.95) * 1.25_f64.sqrt();
    assert!((got.estimate.ci_high - 3.0 - half).abs() < 1e-9, "{got:?}");
    assert!((got.seed_sd.unwrap() - 2.0_f64.sqrt()).abs() < 1e-12);
}

#[test]
fn one_seed_is_the_t_interval_over_problems() {
    let values = [vec![1.0, 2.0, 3.0, 4.0]];
    let got = crossed(&values, ANY, 0.95).unwrap();
    // Standard deviation √(5/3), by √4; t(3) = 3.182446.
    let half = 3.182_446_305 * (5.0_f64 / 3.0).sqrt() / 2.0;
    assert!((got.estimate.ci_high - 2.5 - half).abs() < 1e-6, "{got:?}");
    assert_eq!(got.seed_sd, None);
}

#[test]
fn seeds_that_agree_are_the_interval_over_problems_and_problems_that_agree_that_over_seeds() {
    let row = vec![0.1, 0.4, 0.7, 0.2];
    let one = crossed(std::slice::from_ref(&row), (0.0, 1.0), 0.9).unwrap();
    let three = crossed(&[row.clone(), row.clone(), row], (0.0, 1.0), 0.9).unwrap();
    assert!((one.estimate.ci_low - three.estimate.ci_low).abs() < 1e-12);
    // Three seeds, each the same on every problem: t(2) times s/√3, whatever the problems.
    let seeds = [vec![0.2; 5], vec![0.3; 5], vec![0.4; 5]];
    let got = crossed(&seeds, (0.0, 1.0), 0.95).unwrap().estimate;
    let half = 4.302_652_73 * 0.1 / 3.0_f64.sqrt();
    assert!((got.ci_low - (0.3 - half)).abs() < 1e-7, "{got:?}");
}

#[test]
fn where_all_agree_it_is_the_exact_bound_and_without_values_there_is_none() {
    let all = crossed(&[vec![1.0; 96], vec![1.0; 96]], (0.0, 1.0), 0.95).unwrap().estimate;
    let bound = 0.025_f64.powf(1.0 / 96.0);
    assert!((all.ci_low - bound).abs() < 1e-12 && all.ci_high == 1.0, "{all:?}");
    assert_eq!(crossed(&[], (0.0, 1.0), 0.95), None);
    assert_eq!(crossed(&[vec![]], (0.0, 1.0), 0.95), None);
    assert_eq!(crossed(&[vec![0.1], vec![0.1, 0.2]], (0.0, 1.0), 0.95), None);
    let single = crossed(&[vec![0.1], vec![0.5]], (0.0, 1.0), 0.95).unwrap();
    assert_eq!((single.estimate.ci_low, single.estimate.ci_high, single.p_value), (0.0, 1.0, 1.0));
}

/// Normal by the sum of twelve uniforms, which is near enough for a coverage.
fn normal(rng: &mut impl Rng) -> f64 {
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}

#[test]
fn the_interval_covers_the_mean_it_is_of() {
    // Problems alone, seeds alone, both, and neither vary beyond the rest.
    for (case, [problem_sd, seed_sd, rest_sd]) in
        [[1.0, 0.0, 1.0], [0.2, 0.5, 1.0], [1.0, 0.3, 1.0], [0.0, 0.0, 1.0]].into_iter().enumerate()
    {
        let replications = 2000;
        let covered = (0..replications)
            .filter(|&replication| {
                let mut rng = rng(7, "test/crossed", &[case as u64, replication]);
                let problems: Vec<f64> = (0..40).map(|_| problem_sd * normal(&mut rng)).collect();
                let values: Vec<Vec<f64>> = (0..3)
                    .map(|_| {
                        let seed = seed_sd * normal(&mut rng);
                        problems.iter().map(|p| p + seed + rest_sd * normal(&mut rng)).collect()
                    })
                    .collect();
                let e = crossed(&values, ANY, 0.95).unwrap().estimate;
                e.ci_low <= 0.0 && 0.0 <= e.ci_high
            })
            .count();
        let share = covered as f64 / replications as f64;
        // Satterthwaite's degrees of freedom are themselves estimated, which costs up to two points
        // where seeds vary about as much as the noise; four standard errors of a share of 0.95 in
        // 2,000 are two points more.
        assert!(share > 0.91, "case {case}: {share}");
    }
}

#[test]
fn holms_p_values_by_hand() {
    assert_eq!(holm(&[0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
    assert_eq!(holm(&[0.5, 0.9]), [1.0, 1.0]);
    assert_eq!(holm(&[]), Vec::<f64>::new());
}
