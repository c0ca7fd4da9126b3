use super::*;
use crate::{CompareOptions, compare};

fn outcomes(list: &[(u64, u64)]) -> BTreeMap<String, Outcomes> {
    let entry = |(index, &(n, c)): (usize, &(u64, u64))| {
        (format!("p{index}"), Outcomes::new(n, c).unwrap())
    };
    list.iter().enumerate().map(entry).collect()
}

fn run(seed: u64, policy: &[(u64, u64)]) -> SweepRun {
    let base = outcomes(&[(4, 1), (4, 1), (4, 0)]);
    let policy = outcomes(policy);
    let options = CompareOptions { resamples: 200, ..CompareOptions::default() };
    let boundary = compare(&base, &policy, &options).unwrap();
    SweepRun { seed, boundary, base, policy, tokens: Some(100.0), seconds: None }
}

fn variant(name: &str, runs: Vec<SweepRun>) -> SweepVariant {
    SweepVariant { name: name.into(), changes: Vec::new(), runs }
}

#[test]
fn figures_worked_by_hand() {
    let a =
        variant("a", vec![run(1, &[(4, 4), (4, 0), (4, 0)]), run(2, &[(4, 2), (4, 0), (4, 0)])]);
    let b =
        variant("b", vec![run(2, &[(4, 2), (4, 2), (4, 0)]), run(3, &[(4, 0), (4, 0), (4, 0)])]);
    let none = variant("none", Vec::new());
    let all = ablation("s", "heldout", &[a, none, b], "a", &[1, 64], 0.95).unwrap();
    assert_eq!((all.k.clone(), all.curve_k.clone()), (vec![1, 4], vec![1, 2, 4]));
    assert_eq!((all.variants.len(), all.reference, all.problems), (2, Some(0), 3));
    assert!(all.one_base);
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    let a = &all.variants[0];
    // pass@1: seeds 1/3 and 1/6, mean 1/4; base (1/4 + 1/4)/3 = 1/6.
    near(a.policy[0].value, 0.25);
    near(a.base[0].value, 1.0 / 6.0);
    near(a.change[0].value, 0.25 - 1.0 / 6.0);
    near(a.seed_sd[0].unwrap(), (1.0 / 6.0) / 2.0_f64.sqrt());
    // pass@4 of the base is 2/3.
    near(a.delta_se.value, 2.0 / 3.0 - 0.25);
    assert_eq!(a.tokens, Some(Spread { mean: 100.0, least: 100.0, most: 100.0 }));
    assert_eq!(a.seconds, None);
    // b − a on seed 2 alone: at k = 1 problem p1 gains 1/2, at k = 4 it gains 1.
    let [one, four] = [&all.differences[0], &all.differences[1]];
    assert_eq!((one.from, one.of, one.k, one.seeds), (0, 1, 1, 1));
    near(one.difference.value, 0.5 / 3.0);
    near(four.difference.value, 1.0 / 3.0);
    assert!(one.p_holm.unwrap() >= one.p_value);
}

#[test]
fn a_variant_less_itself_is_nothing_and_order_does_not_matter() {
    let runs = || vec![run(1, &[(4, 3), (4, 1), (4, 0)]), run(2, &[(4, 2), (4, 0), (4, 1)])];
    let other = || vec![run(1, &[(4, 1), (4, 1), (4, 0)]), run(2, &[(4, 4), (4, 2), (4, 1)])];
    let same = [variant("a", runs()), variant("b", runs())];
    let same = ablation("s", "heldout", &same, "a", &[1], 0.95).unwrap();
    assert_eq!(same.differences[0].difference.value, 0.0);
    assert_eq!(same.differences[0].p_value, 1.0);
    let there = [variant("a", runs()), variant("b", other())];
    let there = ablation("s", "heldout", &there, "a", &[1], 0.95).unwrap().differences[0];
    let back = [variant("b", other()), variant("a", runs())];
    let back = ablation("s", "heldout", &back, "a", &[1], 0.95).unwrap().differences[0];
    assert_eq!(there.difference, back.difference);
    // The other problems of another task cannot be paired.
    let mut elsewhere = variant("b", other());
    for run in &mut elsewhere.runs {
        run.policy = run.policy.iter().map(|(id, o)| (format!("x{id}"), *o)).collect();
    }
    let pair = [variant("a", runs()), elsewhere];
    assert!(ablation("s", "heldout", &pair, "a", &[1], 0.95).unwrap().differences.is_empty());
}

#[test]
fn the_p_of_several_seeds_is_twice_their_mean() {
    assert_eq!(combined_p(&[]), 1.0);
    assert_eq!(combined_p(&[0.04]), 0.04);
    assert_eq!(combined_p(&[0.25, 0.125]), 0.375);
    assert_eq!(combined_p(&[0.9, 0.5, 0.8]), 1.0);
}
