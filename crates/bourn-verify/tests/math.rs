//! Maths and exact answers: the recorded cases, and properties.

use std::fs;
use std::path::Path;

use bourn_recipe::Extract::{self, Boxed, Hash, LastNumber, Whole};
use bourn_verify::math::{BadGold, answer, parse_gold, read_gold, verify};
use bourn_verify::{Verdict, exact, extract};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default)]
    verifier: Kind,
    gold: String,
    #[serde(default = "whole")]
    format: Extract,
    completion: String,
    extract: Extract,
    expect: Verdict,
    #[allow(dead_code, reason = "read by people")]
    why: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Math,
    Exact,
}

fn whole() -> Extract {
    Whole
}

fn judge(case: &Case) -> Verdict {
    match case.verifier {
        Kind::Exact => exact::verify(&case.gold, &case.completion, case.extract),
        Kind::Math => match read_gold(&case.gold, case.format) {
            Ok(gold) => verify(&gold, &case.completion, case.extract),
            Err(_) => Verdict::BadGold,
        },
    }
}

#[test]
fn recorded_cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifier");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let mut wrong = Vec::new();
    let mut count = 0;
    for file in files {
        for (line, text) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let place = format!("{}:{}", file.file_name().unwrap().display(), line + 1);
            let case: Case = serde_json::from_str(text).unwrap_or_else(|e| panic!("{place}: {e}"));
            let verdict = judge(&case);
            count += 1;
            let answered = match case.verifier {
                Kind::Math => answer(&case.completion, case.extract),
                Kind::Exact => exact::answer(&case.completion, case.extract),
            };
            if verdict != Verdict::BadGold && answered.is_some() != (verdict != Verdict::Unparsed) {
                wrong.push(format!("{place}: answer {answered:?}: {text}"));
            }
            if verdict != case.expect {
                wrong.push(format!("{place}: {} instead: {text}", verdict.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 150, "only {count} cases were found");
}

#[test]
fn where_the_answer_stands() {
    let check = |text: &str, how, expect: Option<&str>| {
        assert_eq!(extract(text, how).as_deref(), expect, "{how:?} {text:?}");
    };
    check("so #### 18 ", Hash, Some("18"));
    check("#### 1\n#### 2\nmore", Hash, Some("2"));
    check("#### \n", Hash, None);
    check("18", Hash, None);
    check(r"\boxed{\frac{1}{2}}", Boxed, Some(r"\frac{1}{2}"));
    check(r"\boxed{12}, no, it is \boxed{13}", Boxed, Some("13"));
    check(r"\boxed{12} and \boxed{13}", Boxed, Some("12, 13"));
    check(r"\boxed{12} and \boxed{13", Boxed, None);
    check(r"\boxed{12 \boxed{13}", Boxed, None);
    check(r"\fbox{7}", Boxed, Some("7"));
    check(r"\boxed 42.", Boxed, Some("42"));
    check(r"\boxed 42x", Boxed, None);
    check(r"\boxed\frac12$", Boxed, Some(r"\frac12"));
    check(r"#### \boxed{42}", Hash, Some("42"));
    check(r"#### \boxed{42", Hash, None);
    check(r"\boxed{\boxed{2}}", Boxed, Some("2"));
    check(r"\boxed{1 \boxed{2}}", Boxed, Some(r"1 \boxed{2}"));
    check(r"#### \boxed{\fbox{2}}", Hash, Some("2"));
    check(r"\boxed{\{5\}}", Boxed, Some(r"\{5\}"));
    check(r"\boxed{}", Boxed, None);
    check(r"} \boxed{7} {", Boxed, Some("7"));
    check("from 3 to −5.", LastNumber, Some("-5"));
    check("none", LastNumber, None);
    check("  all of it ", Whole, Some("all of it"));
    check(" \n", Whole, None);
}

#[test]
fn answers_are_canonical() {
    let check = |text: &str, expect: Option<&str>| {
        assert_eq!(answer(text, LastNumber).as_deref(), expect, "{text:?}");
    };
    check("so it is 1,200.", Some("1200"));
    check(r"\frac{6}{4}", Some("3/2"));
    check("1.5 apples", Some("3/2"));
    check("-0.50", Some("-1/2"));
    check("2 million", Some("2000000"));
    check("50%", Some("50%"));
    check("3x", None);
    check("none", None);
    assert_eq!(exact::answer("#### 007 ", Hash).as_deref(), Some("007"));
    assert_eq!(exact::answer(" ", Whole), None);
}

#[test]
fn bad_references_say_why() {
    let check = |text: &str, format, expect: BadGold| {
        assert_eq!(parse_gold(text, format).unwrap_err(), expect, "{text}");
    };
    check("", Whole, BadGold::Missing("text"));
    check("18", Hash, BadGold::Missing("`####` with an answer behind it"));
    check(r"\sqrt{2}", Whole, BadGold::NotANumber(r"\sqrt{2}".into()));
    let long = "x".repeat(100);
    check(&long, Whole, BadGold::NotANumber(format!("{}…", "x".repeat(60))));
}

/// No text is slow: the longest a model could write, made of what the readers stop at.
#[test]
fn hostile_text_takes_linear_time() {
    let gold = parse_gold("18", Whole).unwrap();
    for piece in [
        r"\boxed{",
        r"\frac{",
        "{",
        "}",
        "√[",
        "9",
        "9,",
        "9^",
        "9/",
        "9 ",
        "-",
        "1e9",
        "####",
        "$",
        r"\text{",
        "10^",
        "1 1/",
        "π",
        "(",
        "9e999999999999999999999",
        "9^9^9^9",
    ] {
        let text = piece.repeat(1_000_000 / piece.len());
        for how in [Hash, Boxed, LastNumber, Whole] {
            assert_ne!(verify(&gold, &text, how), Verdict::Correct, "{piece}");
        }
    }
}

/// `n` with commas between its thousands.
fn grouped(n: i64, comma: &str) -> String {
    let digits = n.abs().to_string();
    let mut out = String::new();
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push_str(comma);
        }
        out.push(d);
    }
    if n < 0 { format!("-{out}") } else { out }
}

proptest! {
    #[test]
    fn every_dress_of_an_integer(n in -10_000_000i64..10_000_000) {
        let gold = parse_gold(&n.to_string(), Whole).unwrap();
        for value in [n, n + 1] {
            let expect = if value == n { Verdict::Correct } else { Verdict::Wrong };
            for number in [
                value.to_string(),
                grouped(value, ","),
                grouped(value, "{,}"),
                grouped(value, r",\!"),
                format!("{value}.0"),
                format!("{}/2", 2 * value),
                format!("{value}.00e0"),
                value.to_string().replace('-', "−"),
            ] {
                for (text, how) in [
                    (number.clone(), Whole),
                    (format!("${number}"), Whole),
                    (format!("{number} dollars"), Whole),
                    (format!(r"we get \boxed{{{number}\text{{ cm}}}}."), Boxed),
                    (format!(r"\boxed{{\${number}}}"), Boxed),
                    (format!("3 + 4 = 7\n#### {number}\n"), Hash),
                    (format!("there are 3 cats, so the answer is {number}."), LastNumber),
                    (format!("x = ${number} in all"), LastNumber),
                    (format!("**{number}** km"), LastNumber),
                ] {
                    prop_assert_eq!(verify(&gold, &text, how), expect, "{:?} {}", how, text);
                }
            }
        }
    }

    #[test]
    fn fractions_are_exact(top in -999i64..999, bottom in 1i64..999, times in 1i64..50) {
        let gold = parse_gold(&format!("{top}/{bottom}"), Whole).unwrap();
        let (t, b) = (top * times, bottom * times);
        for text in [format!("{t}/{b}"), format!(r"\frac{{{t}}}{{{b}}}"), format!("${t} / {b}$")] {
            prop_assert_eq!(verify(&gold, &text, Whole), Verdict::Correct, "{}", text);
        }
        let off = format!("{}/{}", t + 1, b);
        prop_assert_eq!(verify(&gold, &off, Whole), Verdict::Wrong);
    }

    #[test]
    fn no_text_panics(
        text in ".{0,60}",
        maths in r"[-0-9.,/%$^_{}()\[\] ×√π\\a-fx=*#]{0,40}",
        soup in prop::collection::vec(prop::sample::select(vec![
            r"\boxed{", r"\frac", "{", "}", "1", "23", ",", ".", "-", "/", " ", "%", "e", "^",
            r"\text{", r"\!", r"\,", "×", "10", "$", "√", "°", "million", "=", "####",
        ]), 0..20),
    ) {
        let gold = parse_gold("18", Whole).unwrap();
        let soup = soup.concat();
        for text in [&text, &maths, &soup] {
            for how in [Hash, Boxed, LastNumber, Whole] {
                let verdict = verify(&gold, text, how);
                // An answer is judged exactly where one is found that reads as a reference.
                let unread = read_gold(text, how).is_err();
                prop_assert_eq!(verdict == Verdict::Unparsed, unread, "{:?} {}", how, text);
            }
        }
    }
}

/// A full stop at the end of what was cut may be a decimal point.
#[test]
fn what_the_length_limit_may_have_cut_is_no_answer() {
    let gold = bourn_verify::math::read_gold("471", Extract::Whole).unwrap();
    let check = |text: &str, truncated: bool, expect: Verdict| {
        let ruling = bourn_verify::math::rule(&gold, text, Extract::Answer, truncated);
        assert_eq!(ruling.verdict, expect, "{text:?}");
    };
    for text in
        ["The answer is 471", "The answer is 471.", "**The answer is 471.**", "The answer is 471. "]
    {
        check(text, true, Verdict::Unparsed);
        check(text, false, Verdict::Correct);
    }
    check("The answer is 471. That is", true, Verdict::Correct);
}
