//! Guesses, rare solutions, and what hard problems were solved with.
#![allow(missing_docs)]

mod common;

use std::collections::BTreeMap;

use bourn_probe::{
    CompareOptions, CrossScores, Draw, Evidence, Ledger, References, hard_completions, origins,
};
use bourn_verify::Verdict;

#[test]
fn guesses_and_rare_solutions() {
    let ledger = |rows: &[(&str, u64, u64)]| {
        let mut ledger = Ledger::new();
        for &(id, n, c) in rows {
            let one = |i| {
                let verdict = if i < c { Verdict::Correct } else { Verdict::Wrong };
                Draw { answer: Some(format!("{verdict:?}")), ..common::draw(verdict, "x") }
            };
            ledger.insert(id.to_owned(), id.to_owned(), (0..n).map(one).collect()).unwrap();
        }
        ledger
    };
    let base =
        ledger(&[("a", 100, 4), ("b", 100, 5), ("c", 100, 0), ("d", 100, 50), ("e", 100, 1)]);
    let guesses = ledger(&[("a", 16, 1), ("b", 16, 0), ("c", 16, 0), ("d", 16, 7), ("e", 16, 16)]);
    let (none, empty) = (References::new(), CrossScores::default());
    let evidence = Evidence {
        under_base: &empty,
        under_policy: &empty,
        references: &none,
        guesses: Some(&guesses),
        nucleus: true,
        most: 4,
    };
    let figures = origins(&base, &base, &evidence, &CompareOptions::default());
    assert_eq!(figures.rarely_solved, ["a", "e"]);
    let found = figures.guesses.unwrap();
    // c was never guessed: nothing says that it can be.
    assert_eq!(found.guessable, ["a", "e"]);
    assert_eq!(found.n, 16);
    // 1e-12: a handful of roundings.
    assert!((found.rate.value - (1.0 + 7.0 + 16.0) / 16.0 / 5.0).abs() < 1e-12);
    // Two answers where some are right and some wrong.
    assert!(figures.base_answer_entropy.value > 0.1);
    assert_eq!(figures.base_answer_entropy, figures.policy_answer_entropy);
    assert_eq!(figures.token_entropy.len(), 5);
    assert!(figures.token_entropy.iter().all(|q| q.base == 0.5 && q.policy == 0.5));
    // JSON keeps it all.
    let text = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<bourn_probe::figures::Guesses>(&text).unwrap(), found);
}

#[test]
fn hard_problems_with_their_correct_completions() {
    // An id with (text, count, correct).
    type BoundaryRow<'a> = (&'a str, &'a [(&'a str, u64, bool)]);
    let ledger = |rows: &[BoundaryRow<'_>]| {
        let mut ledger = Ledger::new();
        for (id, texts) in rows {
            let draws = texts.iter().flat_map(|&(text, count, correct)| {
                let verdict = if correct { Verdict::Correct } else { Verdict::Wrong };
                (0..count).map(move |_| common::draw(verdict, text))
            });
            ledger.insert((*id).to_owned(), format!("{id}?"), draws.collect()).unwrap();
        }
        ledger
    };
    let base = ledger(&[
        ("both", &[("x", 1, true), ("no", 99, false)]),
        ("easy", &[("y", 50, true), ("no", 50, false)]),
        ("gained", &[("no", 100, false)]),
        ("never", &[("no", 100, false)]),
        ("lost", &[("p", 2, true), ("q", 3, true), ("r", 10, true), ("no", 85, false)]),
    ]);
    let policy = ledger(&[
        ("both", &[("x", 2, true), ("no", 98, false)]),
        ("easy", &[("y", 90, true), ("no", 10, false)]),
        ("gained", &[("z", 60, true), ("no", 40, false)]),
        ("never", &[("no", 100, false)]),
        ("lost", &[("no", 100, false)]),
    ]);
    let found = hard_completions(&base, &policy, 0.05, 2);
    let rows: Vec<_> =
        found.iter().map(|h| (h.id.as_str(), h.hard_for_base, h.hard_for_policy)).collect();
    assert_eq!(rows, [("both", true, true), ("gained", true, false), ("lost", false, true)]);
    let texts = |answers: &[bourn_probe::Answer]| -> BTreeMap<String, u64> {
        answers.iter().map(|a| (a.text.clone(), a.count)).collect()
    };
    assert_eq!(found[2].base_correct.iter().map(|a| a.count).collect::<Vec<_>>(), [10, 3]);
    assert_eq!(texts(&found[2].base_correct), BTreeMap::from([("r".into(), 10), ("q".into(), 3)]));
    assert!(found[2].policy_correct.is_empty() && found[1].base_correct.is_empty());
    assert_eq!(found[1].policy_correct[0].text, "z");
    assert_eq!((found[1].prompt.as_str(), found[1].policy.c()), ("gained?", 60));
    assert!(hard_completions(&base, &policy, 0.0, 2).is_empty());
}
