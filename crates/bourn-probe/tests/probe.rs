//! Probing a synthetic population: draws, reuse, entropy, examples.

mod common;

use std::collections::BTreeMap;

use bourn_probe::{
    Answer, CompareError, CompareOptions, Draw, DrawRequest, DrawSource, Ledger, LedgerStore,
    ProbeError, SourceError, boundary, examples, probe, probe_stored,
};
use bourn_verify::Verdict::{Correct, Timeout, Unparsed, Wrong};
use common::{Population, draw, key, named, problem, problems};

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
    let mut told = 0;
    let ledger = probe(&problems, &mut population, 64, &mut |draws| told += draws).unwrap();
    assert_eq!((ledger.len(), told, population.drawn), (20, 1280, 1280));
    let outcomes = ledger.outcomes();
    assert!(outcomes.values().all(|o| o.n() == 64));
    // 1280 draws at 0.3: the standard error is 0.013; five of those.
    let correct: u64 = outcomes.values().map(|o| o.c()).sum();
    assert!((correct as f64 / 1280.0 - 0.3).abs() < 0.065, "{correct}");
    // The same problems in another order are the same ledger.
    let reversed: Vec<_> = problems.into_iter().rev().collect();
    assert_eq!(probe(&reversed, &mut population, 64, &mut |_| {}).unwrap(), ledger);
}

#[test]
fn bad_requests_and_bad_sources() {
    /// Returns what it was made with.
    struct Fixed(Result<Vec<Vec<Draw>>, String>);
    impl DrawSource for Fixed {
        fn draw(
            &mut self,
            _: &[DrawRequest<'_>],
            _: &mut dyn FnMut(u64),
        ) -> Result<Vec<Vec<Draw>>, SourceError> {
            Ok(self.0.clone()?)
        }
    }
    let two = [problem("a"), problem("b")];
    let check = |problems: &[_], n, answer, expect: &str| {
        let error = probe(problems, &mut Fixed(answer), n, &mut |_| {}).unwrap_err();
        assert_eq!(error.to_string(), expect);
    };
    let good = || vec![draw(Correct, "x")];
    check(&[], 1, Ok(vec![]), "there are no problems to probe: check the task's held-out set");
    check(&two, 0, Ok(vec![]), "0 draws a problem: ask for 1 to 4294967296");
    check(
        &two,
        u64::MAX,
        Ok(vec![]),
        &format!("{} draws a problem: ask for 1 to 4294967296", u64::MAX),
    );
    check(
        &[problem("a"), problem("a")],
        1,
        Ok(vec![]),
        "problem a is asked for twice: problem ids must differ",
    );
    check(&two, 1, Err("out of memory".to_owned()), "drawing failed: out of memory");
    check(
        &two,
        1,
        Ok(vec![good()]),
        "asked for 2 problems, the source of draws returned 1: a fault of the source",
    );
    check(
        &two,
        1,
        Ok(vec![good(), vec![]]),
        "asked for 1 draws of problem b, the source of draws returned 0: a fault of the source",
    );
    let nan = Draw { entropy: f64::NAN, ..draw(Wrong, "") };
    check(
        &two,
        1,
        Ok(vec![good(), vec![nan]]),
        "draw 0 of problem b has entropy NaN: it must be a finite number",
    );
}

#[test]
fn a_base_is_drawn_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = LedgerStore::open(directory.path().join("ledgers")).unwrap();
    let everything = problems(12);
    let success = |p: &bourn_task::Problem| if p.id.as_str() < "p0006" { 0.5 } else { 0.02 };
    let fresh = |count: usize, n| {
        probe(&everything[..count], &mut Population::new(9, success), n, &mut |_| {}).unwrap()
    };
    let check = |key_name: &str, count: usize, n: u64, expect_drawn: u64| {
        let mut population = Population::new(9, success);
        let mut told = 0;
        let ledger = probe_stored(
            &store,
            &key(key_name),
            &everything[..count],
            &mut population,
            n,
            &mut |draws| told += draws,
        )
        .unwrap();
        assert_eq!(ledger, fresh(count, n), "the same as without a store");
        assert_eq!(population.drawn, expect_drawn, "{key_name} {count} {n}");
        assert_eq!(told, count as u64 * n);
    };
    check("base", 8, 16, 8 * 16);
    check("base", 8, 16, 0);
    // Fewer draws, fewer problems.
    check("base", 8, 4, 0);
    check("base", 3, 16, 0);
    // More draws, more problems, both.
    check("base", 8, 32, 8 * 16);
    check("base", 10, 32, 2 * 32);
    check("base", 12, 33, 10 + 2 * 33);
    check("base", 12, 33, 0);
    // Another model.
    check("policy", 8, 16, 8 * 16);

    // Another prompt for the same id.
    let mut reworded = everything.clone();
    reworded[0].prompt.push('!');
    assert!(store.get(&key("base"), named(&everything), 33).unwrap().is_some());
    assert!(store.get(&key("base"), named(&everything), 34).unwrap().is_none());
    assert!(store.get(&key("base"), named(&reworded), 1).unwrap().is_none());
    let mut population = Population::new(9, success);
    probe_stored(&store, &key("base"), &reworded, &mut population, 33, &mut |_| {}).unwrap();
    assert_eq!(population.drawn, 33);
}

#[test]
fn a_source_that_fails_stores_nothing() {
    struct Broken;
    impl DrawSource for Broken {
        fn draw(
            &mut self,
            _: &[DrawRequest<'_>],
            _: &mut dyn FnMut(u64),
        ) -> Result<Vec<Vec<Draw>>, SourceError> {
            Err("stopped".into())
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let store = LedgerStore::open(directory.path()).unwrap();
    let error = probe_stored(&store, &key("b"), &problems(2), &mut Broken, 4, &mut |_| {});
    assert!(matches!(error, Err(ProbeError::Source(_))));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
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
    let ids: Vec<_> = found.lost.iter().chain(&found.gained).map(|e| e.id.as_str()).collect();
    assert_eq!(ids, ["c-lost", "b-lost", "d-gained"]);
    let answer = |text: &str, count, verdict| Answer { text: text.to_owned(), count, verdict };
    let lost = &found.lost[0];
    assert_eq!((lost.prompt.as_str(), lost.base.c(), lost.policy.n()), ("C", 3, 1));
    assert_eq!(lost.correct, [answer("3", 2, Correct), answer("1+2", 1, Correct)]);
    assert_eq!(lost.wrong, [answer("9", 1, Wrong)]);
    // At most two; of equally frequent ones the first drawn.
    assert_eq!(found.lost[1].wrong, [answer("x", 2, Wrong), answer("y", 1, Wrong)]);
    assert_eq!(found.gained[0].correct, [answer("4", 1, Correct)]);
    assert_eq!(found.gained[0].wrong, [answer("no", 2, Wrong), answer("?", 1, Unparsed)]);
}

/// A policy that concentrates: ahead at k = 1, behind at large k, and the figures say so.
#[test]
fn the_paper_effect_is_seen_where_it_is() {
    let problems = problems(80);
    let hard: BTreeMap<String, bool> =
        problems.iter().enumerate().map(|(i, p)| (p.id.clone(), i % 2 == 0)).collect();
    let probe_of = |seed, easy_rate, hard_rate| {
        let success = |p: &bourn_task::Problem| if hard[&p.id] { hard_rate } else { easy_rate };
        probe(&problems, &mut Population::new(seed, success), 128, &mut |_| {}).unwrap()
    };
    let (base, policy) = (probe_of(1, 0.2, 0.05), probe_of(2, 0.8, 0.0));
    let b = boundary(&base, &policy, &OPTIONS).unwrap();
    // E pass@1 is 0.125 and 0.4; 1 − 0.95¹²⁸ = 0.9986 of the hard ones are lost.
    assert!(b.delta.ci_low[0] > 0.0 && b.delta.ci_high[7] < 0.0, "{b:?}");
    // The expected curves cross between k = 8 (0.585 against 0.5) and k = 4 (0.388 against 0.499).
    assert_eq!(b.crossover_k, Some(8));
    assert!(b.solvable.lost.len() >= 38 && b.solvable.gained.is_empty());
    assert_eq!(examples(&base, &policy, 1).lost.len(), b.solvable.lost.len());
}
