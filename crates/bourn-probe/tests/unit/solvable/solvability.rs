use proptest::prelude::*;

use super::*;
use crate::figures::SolvableState;
use crate::synthetic::{draw, named, rates, stream};
use crate::{Boundary, MAX_DRAWS, StopRule, compare};

const OPTIONS: CompareOptions =
    CompareOptions { confidence: 0.9, resamples: 99, seed: 3, look: 1, epsilon: None };

fn population(problems: usize, n: u64, stop: Option<u64>) -> Boundary {
    let mut rng = stream("population", n);
    let of_base = rates(0.2, 0.4, 6.0, problems, &mut rng);
    let of_policy = rates(0.3, 0.6, 1.0, problems, &mut rng);
    let base = named(&draw(&of_base, n, stop, &mut rng));
    let policy = named(&draw(&of_policy, n, stop, &mut rng));
    compare(&base, &policy, &OPTIONS).unwrap()
}

#[test]
fn epsilon_is_what_the_draws_can_see() {
    // (1 − ε)^n = 0.05.
    for n in [1, 64, 1024, 65_536] {
        let missed = (1.0 - default_epsilon(n)).powi(n as i32);
        assert!((missed - 0.05).abs() < 1e-12 * n as f64, "{n}: {missed}");
    }
    // About 3/n.
    assert!((default_epsilon(1024) * 1024.0 - 2.99).abs() < 0.01);
    let figures = population(20, 64, None).solvability.unwrap();
    assert_eq!(figures.epsilon, default_epsilon(64));
}

#[test]
fn figures_agree_with_their_parts() {
    for (n, stop) in [(64, None), (512, Some(8))] {
        let boundary = population(80, n, stop);
        let solvability = boundary.solvability.as_ref().unwrap();
        for sizes in [&solvability.expected, &solvability.null] {
            let SetSizes { kept, new_or_nearly: gained, lost_or_nearly: lost, neither } = sizes;
            let sum: f64 = [kept, gained, lost, neither].map(|size| size.value).iter().sum();
            // 80 problems, each with four probabilities that sum to 1.
            assert!((sum - 80.0).abs() < 1e-9, "{sum}");
            for size in [kept, gained, lost, neither] {
                // The count's interval holds its expectation, to the count it rounds to.
                assert!(size.ci_low <= size.value + 1.0 && size.value - 1.0 <= size.ci_high);
            }
        }
        let lost: f64 = solvability.problems.iter().map(|problem| problem.lost_or_nearly).sum();
        assert!((lost - solvability.expected.lost_or_nearly.value).abs() < 1e-9);
        let excess =
            solvability.expected.new_or_nearly.value - solvability.null.new_or_nearly.value;
        assert!((solvability.excess.new_or_nearly.value - excess).abs() < 1e-12);
        // The fit's own curve follows the unbiased one, and the unsolved that it expects are about
        // those seen: it was fitted to them. A tenth is two standard errors of a mean of 80.
        for (fit, curve) in
            [(&solvability.base, &boundary.base), (&solvability.policy, &boundary.policy)]
        {
            for (fit, unbiased) in fit.pass_at_k.iter().zip(&curve.pass_at_k) {
                assert!((fit - unbiased).abs() < 0.1, "{fit} {unbiased}");
            }
            assert!((fit.unsolved_expected - fit.unsolved_observed).abs() < 0.1, "{fit:?}");
            let last = 1.0 - fit.pass_at_k.last().unwrap();
            assert!((fit.unsolved_expected - last).abs() < 1e-12);
            assert!((fit.pit.iter().sum::<f64>() - 80.0).abs() < 1e-6);
            assert!(fit.p_value > 0.0 && fit.p_value <= 1.0);
        }
        // A solved problem is not called "not detected" where many draws solved it, and one that
        // no draw solved is not called solvable.
        for problem in &solvability.problems {
            if boundary.solvable.neither.contains(&problem.id) {
                assert_ne!(problem.base, SolvableState::Solvable);
                assert_ne!(problem.policy, SolvableState::Solvable);
            }
        }
        let support = boundary.support.as_ref().unwrap();
        let kept = boundary.solvable.kept.len() as f64;
        let lost = boundary.solvable.never_solved_again.len() as f64;
        assert!((support.srr.unwrap().value - kept / (kept + lost)).abs() < 1e-15);
        for pair in support.cover.windows(2) {
            assert!(pair[0].base.value >= pair[1].base.value, "falls with τ");
        }
        let extrapolation = boundary.extrapolation.as_ref().unwrap();
        assert_eq!(extrapolation.k, [2, 4, 8, 16].map(|times| times * n));
        for curve in [&extrapolation.base, &extrapolation.policy] {
            assert!(curve.windows(2).all(|pair| pair[0].value <= pair[1].value));
            assert!(curve.iter().all(|at| at.ci_low <= at.ci_high));
        }
        assert_eq!(extrapolation.good_toulmin.unwrap().k, 2 * n);
    }
}

/// Reading back what is written gives the same figures: no NaN became null.
fn finite(boundary: &Boundary) {
    let text = serde_json::to_string(boundary).unwrap();
    let back: Boundary = serde_json::from_str(&text).unwrap();
    assert_eq!(&back, boundary, "{text}");
}

#[test]
fn one_seed_one_result_and_options_are_obeyed() {
    let figures = population(40, 64, Some(8));
    assert_eq!(figures, population(40, 64, Some(8)));
    finite(&figures);
    let mut rng = stream("options", 0);
    let rates = rates(0.2, 0.4, 6.0, 30, &mut rng);
    let [base, policy] = [0, 1].map(|_| named(&draw(&rates, 64, None, &mut rng)));
    let at = |epsilon| compare(&base, &policy, &CompareOptions { epsilon, ..OPTIONS });
    let solvability = at(Some(0.25)).unwrap().solvability.unwrap();
    assert_eq!(solvability.epsilon, 0.25);
    // A lower bar is passed by more.
    let kept = |epsilon| at(Some(epsilon)).unwrap().solvability.unwrap().expected.kept.value;
    assert!(kept(0.01) > kept(0.25) && kept(0.25) > kept(0.9));
    for epsilon in [0.0, 1.0, -0.1, f64::NAN] {
        let error = at(Some(epsilon)).unwrap_err().to_string();
        assert!(error.contains("is not between 0 and 1: give the success rate"), "{error}");
    }
}

#[test]
fn the_largest_counts() {
    let rule = StopRule { successes: 3, n_max: MAX_DRAWS };
    let base = [
        Outcomes::new(MAX_DRAWS, MAX_DRAWS / 3).unwrap(),
        Outcomes::stopped(MAX_DRAWS, 1, rule).unwrap(),
    ];
    let policy = [Outcomes::stopped(5, 3, rule).unwrap(), Outcomes::new(MAX_DRAWS, 0).unwrap()];
    let figures = compare(&named(&base), &named(&policy), &OPTIONS).unwrap();
    finite(&figures);
}

/// Many problems take no longer than they must; that this test ends is its point, and the figures
/// are those of the population.
#[test]
fn ten_thousand_problems() {
    let figures = population(10_000, 1024, Some(8)).solvability.unwrap();
    let expected = &figures.expected;
    let sum = [expected.kept, expected.new_or_nearly, expected.lost_or_nearly, expected.neither];
    assert!((sum.iter().map(|size| size.value).sum::<f64>() - 1e4).abs() < 1e-6);
    // Independent draws of two populations: P(base < ε)·P(policy ≥ ε) of them are gained. Known
    // from the priors; 3% is six standard errors of a share near a fifth.
    let share = |zero: f64, a: f64, b: f64| {
        (1.0 - zero) * crate::statistics::special::beta_tails(a, b, figures.epsilon).upper
    };
    let (base, policy) = (share(0.2, 0.4, 6.0), share(0.3, 0.6, 1.0));
    assert!((expected.new_or_nearly.value / 1e4 - (1.0 - base) * policy).abs() < 0.03);
    assert!((expected.kept.value / 1e4 - base * policy).abs() < 0.03);
}

fn outcomes() -> impl Strategy<Value = Outcomes> {
    let n = prop_oneof![1_u64..4, 1_u64..3000, Just(65_536_u64)];
    let fixed = (n.clone(), any::<prop::sample::Index>())
        .prop_map(|(n, c)| Outcomes::new(n, c.index(n as usize + 1) as u64).unwrap());
    let ends = prop_oneof![Just(0_u64), Just(u64::MAX)];
    let extreme = (n.clone(), ends).prop_map(|(n, c)| Outcomes::new(n, c.min(n)).unwrap());
    let stopped = (n, 1_u64..70, any::<prop::sample::Index>()).prop_map(|(n_max, stop, at)| {
        let rule = StopRule { successes: stop, n_max };
        let design = at.index(n_max as usize + 1) as u64;
        // One of the outcomes that the rule can end with.
        if design < stop {
            Outcomes::stopped(n_max, design, rule).unwrap()
        } else {
            Outcomes::stopped(stop + n_max - design, stop, rule).unwrap()
        }
    });
    prop_oneof![fixed, extreme, stopped]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn whatever_the_outcomes_figures_are_finite(
        pairs in prop::collection::vec((outcomes(), outcomes()), 1..12),
        alike in any::<bool>(),
    ) {
        let pairs = if alike { vec![pairs[0]; pairs.len()] } else { pairs };
        let (base, policy): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let options = CompareOptions { resamples: 19, ..OPTIONS };
        let figures = compare(&named(&base), &named(&policy), &options).unwrap();
        finite(&figures);
        let solvability = figures.solvability.unwrap();
        let SetSizes { kept, new_or_nearly: gained, lost_or_nearly: lost, neither } = solvability.expected;
        let sum: f64 = [kept, gained, lost, neither].map(|size| size.value).iter().sum();
        prop_assert!((sum - base.len() as f64).abs() < 1e-9);
    }
}
