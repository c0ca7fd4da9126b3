use bourn_probe::Ledger;
use bourn_verify::Verdict;

use super::*;

/// A side of draws given as text and how often it was drawn; texts with `!` are right.
fn of(draws: &[(&str, usize)]) -> ModelAnswers {
    let draw = |text: &str| Draw {
        verdict: if text.contains('!') { Verdict::Correct } else { Verdict::Wrong },
        text: text.to_owned(),
        answer: None,
        tokens: 1,
        logprob: -1.0,
        full_logprob: -1.0,
        entropy: 0.5,
        truncated: false,
        ids: vec![0; 1],
        entropies: vec![0.5; 1],
    };
    let draws =
        draws.iter().flat_map(|&(text, count)| std::iter::repeat_n(draw(text), count)).collect();
    let mut ledger = Ledger::new();
    ledger.insert("p".into(), "prompt".into(), draws).unwrap();
    answers(ledger.get("p").unwrap())
}

#[test]
fn rare_right_answers_are_among_those_shown() {
    let check = |draws: &[(&str, usize)], expect: &[(&str, usize)]| {
        let side = of(draws);
        let shown: Vec<_> = side.answers.iter().map(|a| (a.text.as_str(), a.count)).collect();
        assert_eq!(shown, expect, "{draws:?}");
        let all: usize = draws.iter().map(|(_, count)| count).sum();
        assert_eq!(side.outcomes.n(), all as u64);
    };
    check(&[("a", 1)], &[("a", 1)]);
    check(&[("a", 1), ("b", 2)], &[("b", 2), ("a", 1)]);
    // Equally frequent ones in draw order, not in that of the alphabet.
    check(&[("z", 1), ("a", 1)], &[("z", 1), ("a", 1)]);
    check(
        &[("a", 9), ("b", 8), ("c", 7), ("d", 6), ("e!", 1)],
        &[("a", 9), ("b", 8), ("c", 7), ("e!", 1)],
    );
    check(
        &[("a!", 9), ("b!", 8), ("c!", 7), ("d", 6), ("e", 5), ("f", 4)],
        &[("a!", 9), ("b!", 8), ("d", 6), ("e", 5)],
    );
    check(
        &[("a!", 2), ("b!", 2), ("c!", 2), ("d!", 2), ("e!", 2)],
        &[("a!", 2), ("b!", 2), ("c!", 2), ("d!", 2)],
    );
    // The same text but for the white space around it.
    check(&[(" a", 1), ("a\n", 1)], &[("a", 2)]);
}

#[test]
fn long_texts_lose_their_middle() {
    let check = |text: &str, most, expect: &str| assert_eq!(shorten(text, most), expect);
    check("abcdef", 6, "abcdef");
    check("abcdefg", 4, "ab\n[… 3 characters left out …]\nfg");
    check("äöüäöüä", 5, "äö\n[… 2 characters left out …]\nöüä");
}

#[test]
fn the_surest_changes_come_first() {
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    let sets = Solvable {
        kept: ids(&["k1", "k2"]),
        newly_solved: ids(&["g"]),
        never_solved_again: ids(&["l1", "l2"]),
        neither: ids(&["n"]),
    };
    let side = |c, n| of(&[("x!", c), ("y", n - c)]);
    let base = [("k1", 1), ("k2", 9), ("g", 0), ("l1", 2), ("l2", 5), ("n", 0)];
    let policy = [("k1", 2), ("k2", 1), ("g", 4), ("l1", 0), ("l2", 0), ("n", 0)];
    let sides = |list: [(&str, usize); 6]| {
        list.into_iter().map(|(id, c)| (id.to_owned(), side(c, 10))).collect()
    };
    let mut figures = crate::sample::boundary();
    figures.solvable = sets;
    let records = problems(&figures, sides(base), sides(policy));
    let order: Vec<_> = records.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(order, ["l2", "g", "l1", "k2", "k1", "n"]);
    assert_eq!(records[0].delta(), Some(-0.5));
    // Without the base's draws there is no change to go by.
    let records = problems(&figures, BTreeMap::new(), sides(policy));
    let order: Vec<_> = records.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(order, ["g", "l1", "l2", "k1", "k2", "n"]);
    assert_eq!(records[0].delta(), None);
    // With posteriors, the most probable loss or gain comes first, whatever the counts say.
    let mut solvability = crate::sample::rich().solvability.unwrap();
    let mut known = solvability.problems[0].clone();
    (known.id, known.lost_or_nearly, known.new_or_nearly) = ("k2".into(), 0.7, 0.0);
    solvability.problems = vec![known];
    figures.solvability = Some(solvability);
    let records = problems(&figures, sides(base), sides(policy));
    let order: Vec<_> = records.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(order, ["k2", "l2", "g", "l1", "k1", "n"]);
}
