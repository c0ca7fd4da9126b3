use bourn_probe::{Answer, Outcomes};
use bourn_verify::Verdict;

use super::*;
use crate::sample;

fn examples(count: usize) -> Examples {
    let answer = |text: &str, count, verdict| Answer { text: text.into(), count, verdict };
    let example = |place: usize| Example {
        id: format!("p{place}"),
        prompt: format!("{place} 5 2 -> 11: and a prompt that is as long as prompts are"),
        base: Outcomes::new(36, 8).unwrap(),
        policy: Outcomes::new(1024, 0).unwrap(),
        correct: vec![answer("5+8-2", 2, Verdict::Correct)],
        wrong: vec![answer("2+8+5 is what it says instead of what is right", 686, Verdict::Wrong)],
    };
    Examples { never_solved_again: (0..count).map(example).collect(), newly_solved: Vec::new() }
}

#[track_caller]
fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= WIDTH, "{line:?}");
        assert_eq!(line, line.trim_end());
    }
}

#[test]
fn the_end_of_a_run() {
    let mut b = sample::rich();
    b.paired.as_mut().unwrap().look = 3;
    let text = comparison(&b, Some(&examples(25)));
    fits(&text);
    assert!(text.lines().count() <= 20, "{text}");
    insta::assert_snapshot!("ending_rich", text);
}

#[test]
fn the_end_of_a_comparison_of_counts() {
    let mut b = sample::boundary();
    (b.entropy, b.sampler, b.set) = (None, None, None);
    let text = comparison(&b, None);
    fits(&text);
    insta::assert_snapshot!("ending_bare", text);
}

#[test]
fn rows_are_the_ends_the_crossover_and_one_between() {
    let check = |length: usize, crossover: Option<u64>, expect: &[u64]| {
        let mut b = sample::boundary();
        b.k.truncate(length);
        let rows: Vec<u64> = chosen(&b.findings(), crossover).iter().map(|c| c.k).collect();
        assert_eq!(rows, expect, "{length} {crossover:?}");
    };
    check(9, Some(16), &[1, 16, 64, 256]);
    check(9, Some(2), &[1, 2, 32, 256]);
    check(9, Some(64), &[1, 64, 128, 256]);
    // Without room between, as without a crossover.
    check(9, Some(128), &[1, 4, 32, 256]);
    check(9, Some(256), &[1, 4, 32, 256]);
    check(9, None, &[1, 4, 32, 256]);
    check(4, Some(2), &[1, 2, 4, 8]);
    check(1, None, &[1]);
    check(0, None, &[]);
}

#[test]
fn one_model_gets_no_word() {
    let mut b = sample::boundary();
    b.policy_is_base = true;
    let text = comparison(&b, Some(&examples(0)));
    fits(&text);
    assert!(text.contains("the same model here") && !text.contains("worse"), "{text}");
}
