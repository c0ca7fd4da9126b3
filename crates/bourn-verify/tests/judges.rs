//! Judges as the rest of bourn asks them.

mod common;

use bourn_recipe::{Extract, Reward, VerifierKind};
use bourn_verify::{Reference, Submission, Verdict, open};
use common::{judge, text};

/// What a judge is called in recipes, and what its verdicts are stored under. A line changes only with
/// the verdicts: then the version is raised.
#[test]
fn names_settings_and_versions() {
    let identity = |reward: &Reward| judge(reward, text("x")).identity();
    let of = |verifier| identity(&Reward { pattern: "a(b)".into(), ..Reward::new(verifier) });
    let found: Vec<String> = VerifierKind::ALL.iter().map(|&verifier| of(verifier)).collect();
    assert_eq!(
        found,
        [
            "countdown {} version 1",
            r#"math {"extract":"last_number"} version 3"#,
            r#"exact {"extract":"whole"} version 3"#,
            r#"format {"extract":"last_number"} version 3"#,
            r#"random {"seed":1} version 1"#,
            r#"regex {"pattern":"a(b)"} version 1"#,
            r#"choice {"choices":26} version 2"#,
            r#"command {"command":[],"files":[],"threshold":1.0,"timeout":10.0} version 1"#,
        ]
    );
    for (verifier, identity) in VerifierKind::ALL.iter().zip(found) {
        assert!(identity.starts_with(&format!("{} ", verifier.name())), "{identity}");
    }
    // What is paid, and how fast, changes no verdict.
    let math = Reward::new(VerifierKind::Math);
    let paid = Reward { weight: 0.5, step_weight: 1.0, workers: 3, ..math.clone() };
    assert_eq!(identity(&paid), identity(&math));
    assert_ne!(identity(&Reward { extract: Extract::Boxed, ..math.clone() }), identity(&math));
}

#[test]
fn a_score_is_that_of_the_verdict() {
    let judge = judge(&Reward::new(VerifierKind::Exact), text("yes"));
    let scores = ["yes", "no", ""].map(|text| judge.verdict(&Submission::of(text)).unwrap().score);
    assert_eq!(scores, [1.0, 0.0, 0.0]);
}

#[test]
fn the_regex_verifier_takes_the_last_match() {
    let check = |pattern: &str, completion: &str, answer: Option<&str>| {
        let reward = Reward { pattern: pattern.into(), ..Reward::new(VerifierKind::Regex) };
        let judge = judge(&reward, text(" 42 "));
        assert_eq!(judge.answer(completion).as_deref(), answer, "{pattern} {completion:?}");
        let expect = match answer {
            Some("42") => Verdict::Correct,
            Some(_) => Verdict::Wrong,
            None => Verdict::Unparsed,
        };
        assert_eq!(judge.verdict(&Submission::of(completion)).unwrap(), expect.into());
    };
    // All of it, its first group, its group of that name.
    check(r"\d+", "7, then 42.", Some("42"));
    check(r"\d+", "42, then 7.", Some("7"));
    check(r"is (\d+)(\.)?", "it is 41, no, it is 42.", Some("42"));
    check(r"(it|that) is (?<answer>\d+)", "it is 41; that is 42", Some("42"));
    check(r"is(.*)", "is  42 \nand on", Some("42"));
    // Nothing, or nothing in the group.
    check(r"is (\d+)", "forty-two", None);
    check(r"is (\d+)", "", None);
    check(r"(\d+)|none", "42 or none", None);
    check(r"is(.*)", "is   ", None);
    // The longest of a run of digits, not the last digit; letters beyond ASCII.
    check(r"\d+", "é 4242", Some("4242"));
    check(r"\b\w+$", "größe 42", Some("42"));
}

#[test]
fn the_regex_verifier_stops_looking() {
    let verdict = |pattern: &str, completion: &str| {
        let reward = Reward { pattern: pattern.into(), ..Reward::new(VerifierKind::Regex) };
        judge(&reward, text("a")).verdict(&Submission::of(completion)).unwrap().verdict
    };
    assert_eq!(verdict("a", &"a".repeat(1 << 14)), Verdict::Correct);
    assert_eq!(verdict("a", &"a".repeat((1 << 14) + 1)), Verdict::Timeout);
    assert_eq!(verdict("b", &"a".repeat(1 << 18)), Verdict::Unparsed);
    assert_eq!(verdict("b", &"a".repeat((1 << 18) + 1)), Verdict::Timeout);
    // What a backtracking engine never comes to the end of.
    assert_eq!(verdict("(a*)*c", &"a".repeat(1 << 12)), Verdict::Unparsed);
    let bad = Reward { pattern: "(".into(), ..Reward::new(VerifierKind::Regex) };
    let error = open(&bad, 1).err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("the regex verifier: not a pattern: unclosed group"));
}

/// A line of `choice.jsonl`.
#[derive(serde::Deserialize)]
struct Case {
    gold: String,
    text: String,
    verdict: Verdict,
    #[serde(default = "four")]
    choices: usize,
}

fn four() -> usize {
    4
}

#[test]
fn letters_of_multiple_choice() {
    let lines = include_str!("choice.jsonl").lines();
    for line in lines.filter(|line| !line.starts_with("//")) {
        let case: Case = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let reward = Reward { choices: case.choices, ..Reward::new(VerifierKind::Choice) };
        let judge = judge(&reward, text(&case.gold));
        let found = judge.verdict(&Submission::of(&case.text)).unwrap().verdict;
        assert_eq!(found, case.verdict, "{line}: read {:?}", judge.answer(&case.text));
        let readable = matches!(found, Verdict::Correct | Verdict::Wrong);
        assert!(found == Verdict::BadGold || readable == judge.answer(&case.text).is_some());
    }
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "(\\\\boxed\\{|\\\\text\\{|\\}|answer|Answer| is |: |\\(|\\)|\\*\\*|[A-Fa-f]|é|\\n| ){0,12}") {
        for verifier in [VerifierKind::Choice, VerifierKind::Regex] {
            let reward = Reward { pattern: "(?:is|:) *(.)".into(), ..Reward::new(verifier) };
            let judge = judge(&reward, Reference::Exact("A".into()));
            let verdict = judge.verdict(&Submission::of(&text)).unwrap().verdict;
            let readable = matches!(verdict, Verdict::Correct | Verdict::Wrong);
            proptest::prop_assert_eq!(readable, judge.answer(&text).is_some());
        }
    }
}
