use super::*;
use crate::solvable::prior::FittedPrior;
use crate::synthetic::{draw, named, rates, stream};
use crate::{Boundary, MAX_DRAWS, compare};

const OPTIONS: CompareOptions =
    CompareOptions { confidence: 0.9, resamples: 60, seed: 1, look: 1, epsilon: None };

/// Policy and base are the same model on the same problems.
fn same(replication: u64, problems: usize, n: u64, stop: Option<u64>) -> Boundary {
    let mut rng = stream("null", replication);
    let rates = rates(0.25, 0.4, 8.0, problems, &mut rng);
    let [base, policy] = [0, 1].map(|_| named(&draw(&rates, n, stop, &mut rng)));
    compare(&base, &policy, &CompareOptions { seed: replication, ..OPTIONS }).unwrap()
}

/// Where nothing was lost, few are told to be: of all problems that are said to be lost with a
/// probability of 0.95 or more, and of runs with p_lost ≤ 0.05.
#[test]
fn no_loss_no_claim() {
    let runs = 150;
    let (mut problems, mut claims, mut low_lost, mut low_gained) = (0, 0, 0, 0);
    let mut outside = 0;
    for (n, stop) in [(128, None), (512, Some(8))] {
        for replication in 0..runs {
            let figures = same(replication, 60, n, stop).solvability.unwrap();
            problems += figures.problems.len();
            claims +=
                figures.problems.iter().filter(|problem| problem.lost_or_nearly >= 0.95).count();
            low_lost += usize::from(figures.p_lost <= 0.05);
            low_gained += usize::from(figures.p_gained <= 0.05);
            let lost = figures.excess.lost_or_nearly;
            outside += usize::from(lost.ci_low > 0.0 || lost.ci_high < 0.0);
        }
        eprintln!(
            "{n} {stop:?}: claims {claims}/{problems} lost {low_lost} gained {low_gained} outside {outside}"
        );
    }
    assert!(claims * 20 <= problems, "{claims} claims of {problems}");
    // 5% of 300 is 15 with a standard deviation of 3.8: three of those above it.
    assert!(low_lost <= 26, "p_lost ≤ 0.05 in {low_lost}");
    assert!(low_gained <= 26, "p_gained ≤ 0.05 in {low_gained}");
    // At most 10% of 300, which is 30; the interval also holds the count's own uncertainty.
    assert!(outside <= 30, "excess without 0 in {outside}");
}

/// Nor where no Beta distribution fits the rates: nine problems in ten are easy, and the others hardly
/// ever solved.
#[test]
fn no_claim_where_no_beta_fits() {
    let (mut low_lost, mut low_gained) = (0, 0);
    for replication in 0..100 {
        let mut rng = stream("easy", replication);
        let rate = |u: f64| if u < 0.9 { 0.2 + 0.7 * u / 0.9 } else { 0.005 };
        let rates: Vec<f64> = (0..96).map(|_| rate(rng.random())).collect();
        let [base, policy] = [0, 1].map(|_| named(&draw(&rates, 256, Some(8), &mut rng)));
        let options = CompareOptions { seed: replication, ..OPTIONS };
        let figures = compare(&base, &policy, &options).unwrap().solvability.unwrap();
        low_lost += usize::from(figures.p_lost <= 0.05);
        low_gained += usize::from(figures.p_gained <= 0.05);
    }
    // 5% of 100 is 5 with a standard deviation of 2.2: three of those above it.
    assert!(low_lost <= 11, "p_lost ≤ 0.05 in {low_lost}");
    assert!(low_gained <= 11, "p_gained ≤ 0.05 in {low_gained}");
}

/// A third of what the base solves is lost for good: it is seen.
#[test]
fn a_loss_is_found() {
    for (n, stop) in [(128, None), (512, Some(8))] {
        let mut rng = stream("loss", n);
        let mut rates = rates(0.25, 0.4, 8.0, 90, &mut rng);
        let base = named(&draw(&rates, n, stop, &mut rng));
        let epsilon = crate::solvable::solvability::default_epsilon(n);
        let mut lost = 0;
        for rate in rates.iter_mut().filter(|rate| **rate > 0.03).step_by(2) {
            (*rate, lost) = (0.0, lost + 1);
        }
        let policy = named(&draw(&rates, n, stop, &mut rng));
        let figures = compare(&base, &policy, &OPTIONS).unwrap().solvability.unwrap();
        assert_eq!(figures.epsilon, epsilon);
        // The least that 60 replicates can say.
        assert_eq!(figures.p_lost, 1.0 / 61.0);
        let excess = figures.excess.lost_or_nearly;
        // The true number is inside an interval that leaves the null's noise out.
        assert!(excess.ci_low > 0.5 * f64::from(lost), "{excess:?} {lost}");
        assert!(figures.expected.lost_or_nearly.ci_low <= f64::from(lost) + 3.0, "{figures:?}");
        assert!(figures.p_gained > 0.05, "{}", figures.p_gained);
        let sure = figures.problems.iter().filter(|problem| problem.lost_or_nearly >= 0.95).count();
        assert!(sure > 0);
    }
}

/// The simulated null at half the draws and the base's own halves agree: the mean over populations
/// of their difference is 0 to four standard errors.
#[test]
fn split_draws_agree_with_the_null() {
    let runs = 40;
    let mut differences = Vec::new();
    for replication in 0..runs {
        let mut rng = stream("split", replication);
        let rates = rates(0.25, 0.4, 8.0, 80, &mut rng);
        let base = draw(&rates, 256, None, &mut rng);
        let epsilon = crate::solvable::solvability::default_epsilon(128);
        let split = split_base(&base, epsilon, 20, replication).unwrap();
        let split = split.iter().map(|sizes| sizes[2]).sum::<f64>() / 20.0;
        // One half, against runs in the place of the other.
        let halves: Vec<Outcomes> = base.iter().map(|&o| halves(o, &mut rng)[0]).collect();
        let halves = named(&halves);
        let options = CompareOptions { epsilon: Some(epsilon), ..OPTIONS };
        let null = compare(&halves, &halves, &options).unwrap().solvability.unwrap().null;
        differences.push(null.lost_or_nearly.value - split);
    }
    let mean = differences.iter().sum::<f64>() / runs as f64;
    let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (runs - 1) as f64;
    let error = (variance / runs as f64).sqrt();
    assert!(mean.abs() < 4.0 * error, "{mean} ± {error}");
    // So that the four errors say something.
    assert!(error < 0.25, "{error}");
}

#[test]
fn splits_need_exchangeable_draws() {
    let fixed = |n, c| Outcomes::new(n, c).unwrap();
    let rule = StopRule { successes: 2, n_max: 9 };
    let stopped = |n, c| Outcomes::stopped(n, c, rule).unwrap();
    assert!(split_base(&[], 0.1, 3, 0).is_none());
    assert!(split_base(&[fixed(8, 3), fixed(1, 0)], 0.1, 3, 0).is_none());
    assert!(split_base(&[fixed(8, 3), stopped(5, 2)], 0.1, 3, 0).is_none());
    let splits = split_base(&[fixed(8, 3), stopped(9, 1)], 0.1, 3, 0).unwrap();
    for sizes in splits {
        // Four probabilities of each of two problems.
        assert!((sizes.iter().sum::<f64>() - 2.0).abs() < 1e-12);
    }
    for c in 0..=9 {
        let [first, second] = halves(fixed(9, c), &mut stream("halves", c));
        assert_eq!((first.n(), second.n()), (4, 4));
        assert!(first.c() + second.c() <= c && first.c() + second.c() + 1 >= c);
    }
}

/// Rates at the ends and the largest counts: outcomes that obey their rule, at once.
#[test]
fn extreme_rates_and_rules() {
    let mut rng = stream("extreme", 0);
    for rate in [0.0, 1e-300, 1e-12, 0.5, 1.0 - 1e-16, 1.0, f64::NAN] {
        for n_max in [1, 64, MAX_DRAWS] {
            let fixed = outcomes(Outcomes::new(n_max, 0).unwrap(), rate, &mut rng);
            assert_eq!((fixed.n(), fixed.rule()), (n_max, None));
            for successes in [1, 64, 65, 1_000_000, MAX_DRAWS, u64::MAX] {
                let rule = StopRule { successes, n_max };
                let like = Outcomes::stopped(n_max, 0, rule).unwrap();
                let drawn = outcomes(like, rate, &mut rng);
                assert_eq!(drawn.rule(), Some(rule));
            }
        }
    }
    let sure = outcomes(Outcomes::new(64, 0).unwrap(), 1.0, &mut rng);
    assert_eq!(sure.c(), 64);
}

/// The expected sizes between two halves of the base's own draws: what [`crate::compare`]'s null
/// should show at half the draws, from draws that were made.
///
/// Each problem's n draws are split at random (they are exchangeable), so that both halves are
/// independent runs of one model. `None` where some problem has fewer than two draws or stopped
/// early, whose draws are not exchangeable. One value of `[kept, gained, lost, neither]` a split.
fn split_base(base: &[Outcomes], epsilon: f64, splits: usize, seed: u64) -> Option<Vec<[f64; 4]>> {
    if base.is_empty() || base.iter().any(|o| o.n() < 2 || o.ended_by_success()) {
        return None;
    }
    let split = |split: u64| {
        let mut rng = rng(seed, "probe/split", &[split]);
        let halves: Vec<[Outcomes; 2]> = base.iter().map(|&o| halves(o, &mut rng)).collect();
        let side = |side: usize| DistinctCounts::of(halves.iter().map(move |half| half[side]));
        let (first, second) = (side(0), side(1));
        let solvable =
            |counts: &DistinctCounts| at_least(counts, &FittedPrior::new(counts).prior, epsilon);
        let (by_first, by_second) = (solvable(&first), solvable(&second));
        sizes(first.of.iter().zip(&second.of).map(|(&a, &b)| (by_first[a], by_second[b])))
    };
    Some((0..splits as u64).into_par_iter().map(split).collect())
}

/// ⌊n/2⌋ of the draws, taken without replacement, and as many of the others.
fn halves(outcomes: Outcomes, rng: &mut impl Rng) -> [Outcomes; 2] {
    let half = outcomes.n() / 2;
    let (mut left, mut correct) = (outcomes.n(), outcomes.c());
    let mut take = || {
        let mut taken = 0;
        for _ in 0..half {
            let hit = u64::from(rng.random_range(0..left) < correct);
            (left, correct, taken) = (left - 1, correct - hit, taken + hit);
        }
        taken
    };
    // Counts of a half are counts: at least one draw, and no more correct than drawn.
    [take(), take()].map(|c| Outcomes::new(half, c).unwrap_or(outcomes))
}
