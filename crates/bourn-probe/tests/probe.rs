//! Probing a synthetic population: draws, reuse, entropy, examples.

mod common;

use std::collections::BTreeMap;

use bourn_probe::{
    Answer, CompareError, CompareOptions, Draw, DrawSchedule, DrawSource, Extent, Ledger,
    LedgerStore, ProbeError, SourceError, StopRule, boundary, examples, probe, probe_stored,
};
use bourn_verify::Verdict::{Correct, Timeout, Unparsed, Wrong};
use common::{Population, draw, key, lock, named, problem, problems};

const OPTIONS: CompareOptions =
    CompareOptions { confidence: 0.9, resamples: 200, seed: 1, look: 1, epsilon: None };

fn ledger(entries: &[(&str, &str, Vec<Draw>)]) -> Ledger {
    let mut ledger = Ledger::new();
    for (id, prompt, draws) in entries {
        ledger.insert((*id).to_owned(), (*prompt).to_owned(), draws.clone()).unwrap();
    }
    ledger
}

#[test]
fn a_probe_is_every_draw_in_order() {
    let problems = problems(20);
    let mut population = Population::new(5, |_| 0.3);
    let mut told = (0, 0);
    let mut progress = |p: bourn_probe::ProbeProgress| told = (p.draws, p.decided);
    let probed = probe(&problems, &mut population, Extent::Fixed(64), &mut progress).unwrap();
    assert_eq!((probed.made, probed.cut, told), (1280, 0, (1280, 20)));
    let ledger = probed.ledger;
    assert_eq!((ledger.len(), ledger.rule(), population.drawn), (20, None, 1280));
    let outcomes = ledger.outcomes();
    assert!(outcomes.values().all(|o| o.n() == 64));
    // 1280 draws at 0.3: the standard error is 0.013; five of those.
    let correct: u64 = outcomes.values().map(|o| o.c()).sum();
    assert!((correct as f64 / 1280.0 - 0.3).abs() < 0.065, "{correct}");
    // The same problems in another order are the same ledger.
    let reversed: Vec<_> = problems.into_iter().rev().collect();
    let again = probe(&reversed, &mut population, Extent::Fixed(64), &mut |_| {}).unwrap();
    assert_eq!(again.ledger, ledger);
}

#[test]
fn a_stopped_probe_is_the_same_whatever_the_batch() {
    let problems = problems(40);
    // From certain to impossible.
    let success =
        |p: &bourn_task::Problem| (p.id.as_str()[1..].parse::<f64>().unwrap() / 39.0).powi(4);
    let rule = StopRule { successes: 3, n_max: 100 };
    let whole = probe(&problems, &mut Population::new(3, success), Extent::Fixed(100), &mut |_| {});
    let whole = whole.unwrap().ledger;
    // By hand: the draws of the fixed probe up to the third success.
    let mut expect = Ledger::of(Some(rule));
    let mut draws = 0;
    for (id, entry) in whole.entries() {
        let mut left = 3;
        let kept: Vec<Draw> = entry
            .draws()
            .iter()
            .take_while(|draw| {
                let go_on = left > 0;
                left -= i32::from(draw.verdict.is_correct());
                go_on
            })
            .cloned()
            .collect();
        draws += kept.len() as u64;
        expect.insert(id.to_owned(), entry.prompt().to_owned(), kept).unwrap();
    }
    for batch in [1, 2, 7, 64, 1000] {
        let mut population = Population { batch, ..Population::new(3, success) };
        let mut told = 0;
        let mut progress = |p: bourn_probe::ProbeProgress| told = p.draws;
        let probed = probe(&problems, &mut population, Extent::Until(rule), &mut progress).unwrap();
        assert_eq!(probed.ledger, expect, "batch {batch}");
        assert_eq!((probed.made, probed.made - probed.cut, told), (population.drawn, draws, draws));
        assert!(batch > 1 || probed.cut == 0, "one at a time nothing is in flight beyond the stop");
    }
}

#[test]
fn bad_requests_and_bad_sources() {
    /// Reports what it was made with, whatever it is asked for.
    struct Fixed(Result<Vec<(usize, u64, Draw)>, String>);
    impl DrawSource for Fixed {
        fn stream(
            &mut self,
            problems: &[&bourn_task::Problem],
            schedule: &mut dyn DrawSchedule,
        ) -> Result<(), SourceError> {
            for _ in problems {
                schedule.next();
            }
            for (problem, number, draw) in self.0.clone()? {
                schedule.finished(problem, number, draw)?;
            }
            Ok(())
        }
    }
    let two = [problem("a"), problem("b")];
    let check = |problems: &[_], extent, answer, expect: &str| {
        let error = probe(problems, &mut Fixed(answer), extent, &mut |_| {}).unwrap_err();
        assert_eq!(error.to_string(), expect);
    };
    let one = Extent::Fixed(1);
    let good = |problem| (problem, 0, draw(Correct, "x"));
    check(&[], one, Ok(vec![]), "there are no problems to probe: check the task's held-out set");
    for n in [0, u64::MAX] {
        let expect = format!("at most {n} draws a problem, ended by success {}: ", u64::MAX);
        let expect = expect + "ask for 1 to 4294967296 draws, and for success 1 or a later one";
        check(&two, Extent::Fixed(n), Ok(vec![]), &expect);
    }
    let same = [problem("a"), problem("a")];
    check(&same, one, Ok(vec![]), "problem a is asked for twice: problem ids must differ");
    check(&two, one, Err("out of memory".to_owned()), "drawing failed: out of memory");
    let fault = "a fault of the source";
    for (answer, first) in [(vec![], "a"), (vec![good(0)], "b"), (vec![good(1)], "a")] {
        let expect =
            format!("the source of draws stopped before problem {first} had its draws: {fault}");
        check(&two, one, Ok(answer), &expect);
    }
    for (problem, number) in [(0, 1), (0, u64::MAX), (2, 0)] {
        let expect = format!(
            "the source of draws reported draw {number} of problem number {problem}, which was \
             not under way: {fault}"
        );
        check(&two, one, Ok(vec![(problem, number, draw(Wrong, ""))]), &expect);
    }
    let expect = "the source of draws reported draw 0 of problem number 1, which was not under way";
    check(&two, one, Ok(vec![good(1), good(1)]), &format!("{expect}: {fault}"));
    let nan = Draw { entropy: f64::NAN, ..draw(Wrong, "") };
    let expect = "draw 0 of problem b has entropy NaN: it must be a finite number";
    check(&two, one, Ok(vec![good(0), (1, 0, nan)]), expect);
    let nan = Draw { entropies: vec![0.0, f32::NAN], ..draw(Wrong, "") };
    let expect = "draw 0 of problem a has entropies NaN: it must be a finite number";
    check(&two, one, Ok(vec![(0, 0, nan)]), expect);
}

#[test]
fn a_base_is_drawn_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = LedgerStore::open(directory.path().join("ledgers")).unwrap();
    let everything = problems(12);
    let success = |p: &bourn_task::Problem| if p.id.as_str() < "p0006" { 0.5 } else { 0.02 };
    let fresh = |count: usize, extent| {
        let mut population = Population { batch: 1, ..Population::new(9, success) };
        probe(&everything[..count], &mut population, extent, &mut |_| {}).unwrap()
    };
    let check = |key_name: &str, count: usize, extent: Extent, expect_drawn: u64| {
        // One at a time, so that exactly what is lacking is drawn.
        let mut population = Population { batch: 1, ..Population::new(9, success) };
        let key = key(key_name);
        let locked = lock(&store, &key);
        let problems = &everything[..count];
        let probed = probe_stored(&locked, problems, &mut population, extent, &mut |_| {}).unwrap();
        assert_eq!(probed.ledger, fresh(count, extent).ledger, "the same as without a store");
        assert_eq!(population.drawn, expect_drawn, "{key_name} {count} {extent:?}");
        assert_eq!((probed.made, probed.cut), (expect_drawn, 0));
    };
    let made = |count, n, stop| fresh(count, Extent::new(n, stop)).made;
    check("base", 8, Extent::Fixed(16), 8 * 16);
    check("base", 8, Extent::Fixed(16), 0);
    // Fewer draws, fewer problems, an earlier stop.
    check("base", 8, Extent::Fixed(4), 0);
    check("base", 3, Extent::Fixed(16), 0);
    check("base", 8, Extent::new(16, 2), 0);
    // More draws, more problems, both.
    check("base", 8, Extent::Fixed(32), 8 * 16);
    check("base", 10, Extent::Fixed(32), 2 * 32);
    check("base", 12, Extent::Fixed(33), 10 + 2 * 33);
    check("base", 12, Extent::Fixed(33), 0);
    // Another model, stopped early: then a later stop, more draws, both, and a fixed number.
    let (a, b) = (made(8, 40, 1), made(8, 40, 4));
    assert!(a < b && b < 8 * 40, "{a} {b}");
    check("policy", 8, Extent::new(40, 1), a);
    check("policy", 8, Extent::new(40, 4), b - a);
    check("policy", 8, Extent::new(60, 4), made(8, 60, 4) - b);
    check("policy", 8, Extent::new(64, 8), made(8, 64, 8) - made(8, 60, 4));
    check("policy", 8, Extent::Fixed(64), 8 * 64 - made(8, 64, 8));
    check("policy", 8, Extent::new(40, 1), 0);

    // Another prompt for the same id.
    let mut reworded = everything.clone();
    reworded[0].prompt.push('!');
    let get = |problems: &[_], n| store.get(&key("base"), named(problems), Extent::Fixed(n));
    assert!(get(&everything, 33).unwrap().is_some());
    assert!(get(&everything, 34).unwrap().is_none());
    assert!(get(&reworded, 1).unwrap().is_none());
    let base = key("base");
    let mut population = Population::new(9, success);
    let extent = Extent::Fixed(33);
    probe_stored(&lock(&store, &base), &reworded, &mut population, extent, &mut |_| {}).unwrap();
    assert_eq!(population.drawn, 33);
}

#[test]
fn what_was_drawn_before_a_failure_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let store = LedgerStore::open(directory.path()).unwrap();
    let (key, problems) = (key("b"), problems(4));
    let locked = lock(&store, &key);
    let extent = Extent::Fixed(50);
    let run = |fails_after| {
        let mut population = Population { fails_after, ..Population::new(2, |_| 0.3) };
        let result = probe_stored(&locked, &problems, &mut population, extent, &mut |_| {});
        (result, population.drawn)
    };
    let (failed, before) = run(100);
    assert!(matches!(failed, Err(ProbeError::Source(_))));
    let (probed, after) = run(u64::MAX);
    // Twice drawn is at most what was under way, and what had finished ahead of it: sixteen draws
    // of one to twenty steps.
    let twice = before + after - 200;
    assert!(before >= 100 && twice <= 2 * 16, "{before} {after}");
    let expect = probe(&problems, &mut Population::new(2, |_| 0.3), extent, &mut |_| {}).unwrap();
    assert_eq!(probed.unwrap().ledger, expect.ledger);
}

#[test]
fn entropy_counts_each_token_once() {
    let of = |tokens, entropy| Draw { tokens, entropy, ..draw(Correct, "x") };
    let base = ledger(&[("a", "A", vec![of(3, 1.0), of(1, 0.0)]), ("b", "B", vec![of(4, 0.5)])]);
    let policy = ledger(&[("a", "A", vec![of(2, 0.25)]), ("b", "B", vec![of(6, 0.25)])]);
    let entropy = boundary(&base, &policy, &OPTIONS).unwrap().entropy.unwrap();
    // (3·1 + 1·0 + 4·0.5)/8; a mean over draws would be 0.5.
    assert_eq!((entropy.base, entropy.policy), (0.625, 0.25));
    // Resamples of two problems: both a (0.75), both b (0.5), one of each (0.625).
    assert_eq!((entropy.base_ci_low, entropy.base_ci_high), (0.5, 0.75));
    assert_eq!((entropy.policy_ci_low, entropy.policy_ci_high), (0.25, 0.25));

    let silent = ledger(&[("a", "A", vec![of(0, 0.0)]), ("b", "B", vec![of(0, 0.0)])]);
    assert_eq!(boundary(&base, &silent, &OPTIONS).unwrap().entropy, None);
    // One problem without tokens: the resamples of it alone have no mean.
    let half = ledger(&[("a", "A", vec![of(0, 0.0)]), ("b", "B", vec![of(2, 0.5)])]);
    let entropy = boundary(&half, &half, &OPTIONS).unwrap().entropy.unwrap();
    assert_eq!((entropy.base, entropy.base_ci_low, entropy.base_ci_high), (0.5, 0.5, 0.5));
}

#[test]
fn base_and_policy_answer_the_same_prompts() {
    let base = ledger(&[("a", "A", vec![draw(Wrong, "")]), ("b", "B", vec![draw(Wrong, "")])]);
    let policy = ledger(&[("a", "A", vec![draw(Wrong, "")]), ("b", "B?", vec![draw(Wrong, "")])]);
    assert_eq!(
        boundary(&base, &policy, &OPTIONS).unwrap_err(),
        CompareError::PromptDiffers("b".to_owned())
    );
}

#[test]
fn only_correct_is_correct() {
    let draws = [Correct, Wrong, Unparsed, Timeout].map(|v| draw(v, "x")).to_vec();
    let outcomes = ledger(&[("a", "A", draws)]).outcomes()["a"];
    assert_eq!((outcomes.n(), outcomes.c()), (4, 1));
}

#[test]
fn examples_show_the_surest_losses_first() {
    let many = |list: &[(bourn_verify::Verdict, &str)]| {
        list.iter().map(|&(v, text)| draw(v, text)).collect::<Vec<_>>()
    };
    let (wrong, silent) = (many(&[(Wrong, "9")]), many(&[(Unparsed, "")]));
    let base = ledger(&[
        ("a-kept", "A", many(&[(Correct, "1")])),
        ("b-lost", "B", many(&[(Wrong, "7"), (Wrong, "8"), (Correct, "2"), (Wrong, "6")])),
        ("c-lost", "C", many(&[(Correct, " 3\n"), (Correct, "1+2"), (Wrong, "5"), (Correct, "3")])),
        ("d-gained", "D", many(&[(Wrong, "no"), (Unparsed, "?"), (Wrong, "no ")])),
        ("e-neither", "E", silent.clone()),
        ("f-base-only", "F", many(&[(Correct, "1")])),
    ]);
    let policy = ledger(&[
        ("a-kept", "A", many(&[(Correct, "1")])),
        ("b-lost", "B", many(&[(Wrong, "y"), (Wrong, "x"), (Wrong, "x"), (Wrong, "z")])),
        ("c-lost", "C", wrong),
        ("d-gained", "D", many(&[(Correct, "4")])),
        ("e-neither", "E", silent),
    ]);
    let found = examples(&base, &policy, 2);
    let ids: Vec<_> =
        found.never_solved_again.iter().chain(&found.newly_solved).map(|e| e.id.as_str()).collect();
    assert_eq!(ids, ["c-lost", "b-lost", "d-gained"]);
    let answer = |text: &str, count, verdict| Answer { text: text.to_owned(), count, verdict };
    let lost = &found.never_solved_again[0];
    assert_eq!((lost.prompt.as_str(), lost.base.c(), lost.policy.n()), ("C", 3, 1));
    assert_eq!(lost.correct, [answer("3", 2, Correct), answer("1+2", 1, Correct)]);
    assert_eq!(lost.wrong, [answer("9", 1, Wrong)]);
    // At most two; of equally frequent ones the first drawn.
    assert_eq!(found.never_solved_again[1].wrong, [answer("x", 2, Wrong), answer("y", 1, Wrong)]);
    assert_eq!(found.newly_solved[0].correct, [answer("4", 1, Correct)]);
    assert_eq!(found.newly_solved[0].wrong, [answer("no", 2, Wrong), answer("?", 1, Unparsed)]);
}

/// A policy that concentrates: ahead at k = 1, behind at large k, and the figures say so.
#[test]
fn the_paper_effect_is_seen_where_it_is() {
    let problems = problems(80);
    let hard: BTreeMap<String, bool> =
        problems.iter().enumerate().map(|(i, p)| (p.id.to_string(), i % 2 == 0)).collect();
    let probe_of = |seed, easy_rate, hard_rate| {
        let success =
            |p: &bourn_task::Problem| if hard[p.id.as_str()] { hard_rate } else { easy_rate };
        let mut population = Population::new(seed, success);
        probe(&problems, &mut population, Extent::Fixed(128), &mut |_| {}).unwrap().ledger
    };
    let (base, policy) = (probe_of(1, 0.2, 0.05), probe_of(2, 0.8, 0.0));
    let b = boundary(&base, &policy, &OPTIONS).unwrap();
    // E pass@1 is 0.125 and 0.4; 1 − 0.95¹²⁸ = 0.9986 of the hard ones are lost.
    assert!(b.delta.ci_low[0] > 0.0 && b.delta.ci_high[7] < 0.0, "{b:?}");
    // The expected curves cross between k = 8 (0.585 against 0.5) and k = 4 (0.388 against 0.499).
    assert_eq!(b.crossover_k, Some(8));
    assert!(b.solvable.never_solved_again.len() >= 38 && b.solvable.newly_solved.is_empty());
    assert_eq!(
        examples(&base, &policy, 1).never_solved_again.len(),
        b.solvable.never_solved_again.len()
    );
}
