use bourn_verify::Verdict;

use super::*;
use crate::sample;

fn check(name: &str, table: &str) {
    for line in table.lines() {
        assert!(line.chars().count() <= usize::from(WIDTH), "{line:?}");
        assert_eq!(line, line.trim_end());
        assert!(!line.contains('\x1b'));
    }
    insta::assert_snapshot!(name, table);
}

#[test]
fn boundary_with_everything() {
    check("boundary_full", &boundary_table(&sample::boundary()));
}

#[test]
fn boundary_of_outcomes_from_anywhere() {
    let mut boundary = sample::boundary();
    (boundary.entropy, boundary.sampler, boundary.set) = (None, None, None);
    boundary.n.policy = [64, 128];
    boundary.k.truncate(7);
    check("boundary_bare", &boundary_table(&boundary));
}

#[test]
fn boundary_of_problems_that_stopped_early() {
    let mut boundary = sample::boundary();
    (boundary.entropy, boundary.sampler) = (None, None);
    let side = |spent| Spent { spent, full: 24_576, saved: 24_576 - spent };
    boundary.draws = Some(Spending { base: side(2_345), policy: side(24_576) });
    check("boundary_stopped", &boundary_table(&boundary));
    assert_eq!(spent(&Spent::default()), "0 of 0 (0 saved, 0.0%)");
}

#[test]
fn boundary_with_solvable_sets() {
    let rich = sample::rich();
    let mut boundary = sample::boundary();
    (boundary.solvability, boundary.support) = (rich.solvability, rich.support);
    let table = boundary_table(&boundary);
    check("boundary_solvability", &table);
    // The new lines fit a narrow terminal.
    for name in ["ε =", "lost or nearly", "new or nearly", "support"] {
        let line = table.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        assert!(line.chars().count() <= 80, "{line:?}");
    }
    let figures = boundary.support.as_mut().unwrap();
    (figures.ndr, figures.sds) = (None, None);
    assert!(boundary_table(&boundary).contains("NDR -, SDS -, NSCR"));
}

#[test]
fn long_names_wrap() {
    let mut boundary = sample::boundary();
    boundary.sampler = Some("temperature 0.6, ".repeat(12));
    check("boundary_long", &boundary_table(&boundary));
}

#[test]
fn derived() {
    let rows = [("samples per step", "512 = 32 prompts x 16"), ("memory", "0.9 GB")];
    let rows = rows.map(|(name, value)| (name.to_string(), value.to_string()));
    check("derived", &derived_table(&rows));
    assert_eq!(derived_table(&[]), "");
}

#[test]
fn whatever_the_figures_there_is_a_table() {
    let mut boundary = sample::boundary();
    boundary.k.clear();
    boundary.delta.pass_at_k.clear();
    boundary.delta_se = f64::NAN;
    let table = boundary_table(&boundary);
    assert!(table.contains("No difference shown."), "{table}");
    assert!(table.contains("NaN"), "{table}");
}

fn example(id: &str, base_correct: u64, policy_correct: u64, answers: [&[&str]; 2]) -> Example {
    let list = |texts: &[&str], verdict| {
        let answer = |text: &&str| Answer { text: text.to_string(), count: 3, verdict };
        texts.iter().map(answer).collect()
    };
    Example {
        id: id.to_string(),
        prompt: "3 7 12 -> 24".to_string(),
        base: Outcomes::new(256, base_correct).unwrap(),
        policy: Outcomes::new(256, policy_correct).unwrap(),
        correct: list(answers[0], Verdict::Correct),
        wrong: list(answers[1], Verdict::Wrong),
    }
}

#[test]
fn lost_and_gained_examples() {
    let long = format!("First {} so the answer is 24", "and then ".repeat(50));
    let examples = [
        example("a1b2", 3, 0, [&["12*(7-3)/2", "(7-3)*12/2"], &["3+7+12"]]),
        example("c3d4", 0, 9, [&[&long], &["\x1b[31mred\nline", ""]]),
        example("e5f6", 1, 0, [&["12+12"], &["7"]]),
    ];
    check("examples", &examples_table(&examples, 2));
    assert!(!examples_table(&examples, 3).contains("more"));
    assert!(!examples_table(&[], 3).contains("more"));
}

#[test]
fn shortened_texts() {
    let check = |text: &str, most, expect: &str| assert_eq!(shorten(text, most), expect);
    check("a  b\n c", 9, "a b c");
    check("123456789", 9, "123456789");
    check("1234567890", 9, "123...890");
    check("äöüäöüäöüß", 9, "äöü...öüß");
    check("1234567890", 0, "...");
    check("a\u{85}\u{202e}b\r\n", 20, r"a \u{202e}b");
}

/// What is written out counts in a column's width.
#[test]
fn cells_hold_nothing_that_is_not_seen() {
    let rows = [("a\u{1b}", "b\u{202e}"), ("c", "d")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(facts(&rows, 0), "a\\u{1b}  b\\u{202e}\nc        d");
    check("unseen", &derived_table(&rows));
}
