//! Steps of a text: what is one, where it ends, whether it is right.

use bourn_recipe::Operator;
use bourn_verify::countdown::Puzzle;
use bourn_verify::steps::{self, StepVerdict};
use proptest::prelude::*;

/// Each step as the text up to its end and its verdict.
fn shown(text: &str, steps: Vec<StepVerdict>) -> Vec<(&str, bool)> {
    steps.into_iter().map(|step| (&text[..step.end], step.correct)).collect()
}

#[track_caller]
fn check(text: &str, expect: &[(&str, bool)]) {
    assert_eq!(shown(text, steps::equations(text)), expect, "{text}");
}

#[test]
fn equations_of_a_text() {
    check("3 * 4 = 12", &[("3 * 4 = 12", true)]);
    check("3*4=13, then", &[("3*4=13", false)]);
    check(
        "So 3 + 4 = 7. Then 7 × 5 = 36.",
        &[("So 3 + 4 = 7", true), ("So 3 + 4 = 7. Then 7 × 5 = 36", false)],
    );
    // Wrong once and right once.
    check("2 + 2 = 4 * 2 = 8", &[("2 + 2 = 4 * 2", false), ("2 + 2 = 4 * 2 = 8", true)]);
    // GSM8K's calculator marks.
    check("<<48/2=24>>24 clips", &[("<<48/2=24", true)]);
    check("- 1,200 - $200 = $1,000", &[("- 1,200 - $200 = $1,000", true)]);
    check("-3 + 4 = 1", &[("-3 + 4 = 1", true)]);
    check("3 - 4 = -1", &[("3 - 4 = -1", true)]);
    check("(3 + 4 = 7)", &[("(3 + 4 = 7", true)]);
    check("(3 + 4) * 2 = (14)", &[("(3 + 4) * 2 = (14)", true)]);
    check("0.5 * 3 = 1.50", &[("0.5 * 3 = 1.50", true)]);
    // Rounded to its own places, and not to fewer.
    check("1/3 = 0.33", &[("1/3 = 0.33", true)]);
    check("2/3 = 0.66", &[("2/3 = 0.66", false)]);
    check("10/3 = 3", &[("10/3 = 3", false)]);
}

#[test]
fn what_is_no_equation() {
    for text in ["", "=", "x = 5", "5 = 5", "1 + 1", "1 + = 2", "2^3 = 8", "1/0 = 3", "a + b = c"] {
        check(text, &[]);
    }
    // The power and the letter end a side; what is left of it is judged no further.
    check("y = 2 + 2", &[]);
    let long = format!("{} = 2", "1+".repeat(200));
    check(&long, &[]);
}

#[test]
fn countdown_numbers_are_steps() {
    let puzzle = Puzzle {
        numbers: vec![3, 7, 3],
        target: 24,
        operators: vec![Operator::Add, Operator::Mul],
    };
    let check = |text: &str, expect: &[(&str, bool)]| {
        assert_eq!(shown(text, steps::countdown(&puzzle, text)), expect, "{text}");
    };
    check("3*7+3", &[("3", true), ("3*7", true), ("3*7+3", true)]);
    // The third 3 is one too many, and 9 was never there.
    check("3+3+3+9", &[("3", true), ("3+3", true), ("3+3+3", false), ("3+3+3+9", false)]);
    check("3*7=21", &[("3", true), ("3*7", true), ("3*7=21", true)]);
    check("7+3=24", &[("7", true), ("7+3", true), ("7+3=24", false)]);
    check("no", &[]);
}

proptest! {
    #[test]
    fn any_sum_that_is_right_is_found_right(a in 0i64..10_000, b in 0i64..10_000, off in -3i64..3) {
        let text = format!("thus {a} + {b} = {}", a + b + off);
        let steps = steps::equations(&text);
        prop_assert_eq!(steps, [StepVerdict { end: text.len(), correct: off == 0 }]);
    }

    #[test]
    fn no_text_panics(text in any::<String>(), arithmetic in "[0-9+*/(). =,$×−-]{0,60}") {
        let puzzle = Puzzle { numbers: vec![1, 2], target: 3, operators: vec![Operator::Add] };
        for text in [text, arithmetic] {
            for step in steps::countdown(&puzzle, &text) {
                prop_assert!(text.is_char_boundary(step.end));
            }
        }
    }
}
