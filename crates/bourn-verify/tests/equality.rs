//! What is equal by meaning, what is not, and what is not read: a table.

use bourn_recipe::Extract::{self, Answer, Boxed, Hash, LastNumber, Whole};
use bourn_verify::Verdict::{self, Correct, Unparsed, Wrong};
use bourn_verify::math::{BadGold, Basis, answer, read_gold, rule, verify};
use serde::Deserialize;

/// A line of `equality.jsonl`: a reference, and answers to it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    why: String,
    gold: String,
    #[serde(default)]
    equal: Vec<String>,
    #[serde(default)]
    unequal: Vec<String>,
    #[serde(default)]
    unread: Vec<String>,
}

fn lines() -> Vec<Line> {
    let text = include_str!("equality.jsonl");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn equal_unequal_and_unread() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in lines() {
        let gold = match read_gold(&line.gold, Whole) {
            Ok(gold) => gold,
            Err(error) => {
                wrong.push(format!("{}: {error}", line.why));
                continue;
            }
        };
        let groups = [(&line.equal, Correct), (&line.unequal, Wrong), (&line.unread, Unparsed)];
        for (answers, expect) in groups {
            for text in answers {
                count += 1;
                let found = verify(&gold, text, Whole);
                if found != expect {
                    let read = answer(text, Whole);
                    wrong.push(format!(
                        "{}: {:?} beside {:?} is {}: read as {read:?}",
                        line.why,
                        text,
                        line.gold,
                        found.name()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 600, "only {count} pairs");
}

/// Equality is one: what equals a reference, as a reference equals it.
#[test]
fn equality_has_no_direction() {
    // A reference in a base asks for it; an answer in one is worth its value.
    // `(1,200)` is a point to one who asks for a point.
    let directed = [
        "ten as a base",
        "base subscripts",
        "digits that are letters",
        "a point is not a number with a separator",
        // As a reference it is an equation.
        "a sum that is asked for",
        "a line is not its right side",
        "a line through nothing",
    ];
    let mut wrong = Vec::new();
    for line in lines().iter().filter(|line| !directed.contains(&line.why.as_str())) {
        for (answers, expect) in [(&line.equal, Correct), (&line.unequal, Wrong)] {
            for text in answers {
                let Ok(gold) = read_gold(text, Whole) else { continue };
                let found = verify(&gold, &line.gold, Whole);
                if found != expect {
                    wrong.push(format!(
                        "{}: {text:?}, {:?}: {}",
                        line.why,
                        line.gold,
                        found.name()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `answer` tries the places in order, and what begins an answer is not passed over.
#[test]
fn where_an_answer_is_stated() {
    let check = |text: &str, expect: Option<&str>| {
        assert_eq!(answer(text, Answer).as_deref(), expect, "{text:?}");
    };
    check(r"The answer is 3. #### 4 \boxed{5}", Some("5"));
    check(r"\boxed{5} #### 6", Some("5"));
    check(r"\boxed{5} and \boxed{6", None);
    check("it is 4\n#### 5", Some("5"));
    check("####\n", None);
    check(r"#### \boxed{42}", Some("42"));
    check("<answer>7</answer> or 8", Some("7"));
    check("<answer>7</answer> <answer>8", None);
    check(r"<answer>\boxed{7}</answer>", Some("7"));
    check("The answer is 7. It has 2 digits.", Some("7"));
    check("The final answer is: **7**", Some("7"));
    check("Answer: $\\sqrt{12}$", Some("2*3^(1/2)"));
    check("The answer is:\n\n\\[\n7\n\\]\nas said", Some("7"));
    check("The answer is $7$ or $8$.", Some("{7, 8}"));
    check("The answer is $7\nas said", Some("7"));
    check("The answer is – 7.", Some("7"));
    check("The answer is −7.", Some("-7"));
    check("the answer is 7 and a half", None);
    check("the answer is not known", Some("notknown"));
    check("so 3 + 4 = 7", Some("7"));
    check(r"so it is 2\sqrt{3}", None);
    check("", None);
}

/// Boxes side by side are one answer together, and what is boxed again is boxed once.
#[test]
fn several_boxes_are_several_answers() {
    let check = |text: &str, expect: Option<&str>| {
        assert_eq!(answer(text, Boxed).as_deref(), expect, "{text:?}");
        assert_eq!(answer(text, Answer).as_deref(), expect, "{text:?}");
    };
    check(r"\boxed{3} \boxed{5}", Some("{3, 5}"));
    check(r"\boxed{3} or \boxed{5}", Some("{3, 5}"));
    check(r"$\boxed{3}$ and $\boxed{5}$.", Some("{3, 5}"));
    check(r"\boxed{1}, \boxed{2}, \text{ and } \boxed{200}", Some("{1, 2, 200}"));
    check("\\[\\boxed{5}\\]\n\\[\\boxed{5}\\]", Some("5"));
    check(r"First \boxed{3}. Then \boxed{5}", Some("5"));
    check(r"\boxed{\boxed{5}}", Some("5"));
    check(r"\boxed{ \fbox {\boxed{5}} }", Some("5"));
    check(r"\boxed{\boxed{3}, \boxed{5}}", Some("{3, 5}"));
    check(r"\boxed{3, \boxed{5}}", Some("{3, 5}"));
    check(r"\boxed{3, \boxed 5}", Some("{3, 5}"));
    check(r"\boxed{3 + \boxed{5}}", Some("8"));
    check(r"\boxed{3} or \boxed{\boxed{5}}", Some("{3, 5}"));
    check(r"\boxed{\boxed{5}", None);
    check(r"\text{so \boxed{5}}", Some("5"));
    check(r"\boxed{3} or \boxed{5", None);
    check(r"\boxed{3} or \boxed 5", Some("{3, 5}"));
}

/// The cut of a completion pays nothing, and what stands before it whole is still read.
#[test]
fn what_the_end_of_a_cut_text_touches_is_no_answer() {
    let check = |gold: &str, text: &str, how: Extract, expect: Verdict| {
        let gold = read_gold(gold, Whole).unwrap();
        assert_eq!(rule(&gold, text, how, true).verdict, expect, "{how:?} {text:?}");
        // What ended by itself is judged as it stands.
        let ended = rule(&gold, text, how, false).verdict;
        assert_eq!(ended, verify(&gold, text, how), "{how:?} {text:?}");
    };
    check("471", "so we have 471", LastNumber, Unparsed);
    check("471", "so we have 471.", LastNumber, Unparsed);
    check("1", "so we have 1,", LastNumber, Unparsed);
    check("2", "about 2 mill", LastNumber, Unparsed);
    check("471", "$471$", LastNumber, Unparsed);
    check("471", "we have 471 apples and", LastNumber, Correct);
    check("471", "it is 471.\nThe ne", LastNumber, Correct);
    check("471", "#### 471", Hash, Unparsed);
    check("471", "#### 471\n", Hash, Correct);
    check("471", r"\boxed{471", Boxed, Unparsed);
    check("471", r"\boxed{471}", Boxed, Correct);
    check("471", r"\boxed{471} and", Boxed, Correct);
    check("471", r"\boxed 471", Boxed, Unparsed);
    check("471", r"\boxed 471 and", Boxed, Correct);
    check("471", r"\boxed{471}, or \boxed{4", Boxed, Unparsed);
    check("471", "471", Whole, Unparsed);
}

/// A number or another is no answer; a number in two ways of writing it is.
#[test]
fn a_number_or_another_is_no_last_number() {
    let check = |text: &str, expect: Option<&str>| {
        assert_eq!(answer(text, LastNumber).as_deref(), expect, "{text:?}");
    };
    for text in [
        "3 or 5",
        "it is 3 or 5.",
        "$3 or $5",
        "**3** or **5**",
        "3% or 5%",
        "3 or -5",
        "1 or 3 or 5",
    ] {
        check(text, None);
    }
    check(r"\(3\) or \(5\)", None);
    check(r"\boxed{3} or \boxed{5}", None);
    check("0.75 or 3/4", Some("3/4"));
    check("1/2 or 0.5", Some("1/2"));
    check("half, or 50%, so 5", Some("5"));
    check("3 cats or 5 dogs", Some("5"));
    check("1 or 3, and so 5", Some("5"));
    check("for 5", Some("5"));
    check("4 floor 5", Some("5"));
    // What the `or` is between is no number, but a sum or a quotient.
    check("that is $30 + $160 or $190", Some("190"));
    check("100/5 = 5A/5 or 20 = A", Some("20"));
    check("10 - 3 or 7", Some("7"));
    check("x = 3 or 5", None);
    check(&("1 or ".repeat(100_000) + "1"), Some("1"));
    check(&("1 or ".repeat(100_000) + "2"), None);
}

/// The last number of a text is none where it is part of something else.
#[test]
fn a_part_of_a_formula_is_no_last_number() {
    for text in [
        "so it is 5!",
        "it is 5²",
        "it is 2^5",
        "it is 5\\pi",
        "it is 5π",
        "it is 5√2",
        "it is 5\\sqrt{2}",
        "it is 5 \\sqrt{2}",
        "it is \\sqrt{5}",
        "it is √5",
        "it is x/5",
        "it is \\sqrt{2}/5",
        "it is 5/x",
        "it is 5/\\sqrt{2}",
        "it is 5x",
        "it is 5 \\pm 2",
        "it is 2 \\pm 5",
        "it is 2 ± 5",
        "it is 5 \\pmod{7}",
        "it is 5 mod 7",
        "it is 5 (mod 7)",
        "it is 5 and a half",
        "it is 5½",
        "it is 5\\ln 2",
        "it is 101_5",
        "it is 5:5",
        "it is \\frac{x}{5}",
        "it is \\frac{5}{x}",
    ] {
        let gold = read_gold("5", Whole).unwrap();
        assert_ne!(verify(&gold, text, LastNumber), Correct, "{text:?}");
        assert_ne!(verify(&read_gold("7", Whole).unwrap(), text, LastNumber), Correct, "{text:?}");
    }
    let check = |gold: &str, text: &str| {
        let gold = read_gold(gold, Whole).unwrap();
        assert_eq!(verify(&gold, text, LastNumber), Correct, "{text:?}");
    };
    check("-8", "it is - 8");
    check("-8", r"it is -\,8");
    check("-8", "x = - 8.");
    check("-3/4", r"it is -\left(\frac34\right)");
    check("-3/4", r"x = -(\frac{3}{4})");
    check("8", "10 - 8");
    check("8", "Answer - 8");
    check("8", "the answer – 8");
    check("8", "the answer is – 8");
    check("8", "the answer is — 8");
    check("8", "list:\n- 8 apples");
    check("8", "the total - 8");
    check("5", "it takes 5 hours/day");
    check("5", "he ran 5 km/h");
    check("5", r"so 5 \leq x");
    check("5", "it is 5, right");
}

#[test]
fn how_a_verdict_is_known() {
    let basis = |gold: &str, text: &str| {
        let ruling = rule(&read_gold(gold, Whole).unwrap(), text, Whole, false);
        (ruling.verdict, ruling.basis)
    };
    assert_eq!(basis(r"\sqrt{12}", r"2\sqrt3"), (Correct, Some(Basis::Exact)));
    assert_eq!(basis(r"\sin 2x", r"2\sin x\cos x"), (Correct, Some(Basis::Numeric)));
    assert_eq!(basis("5", "6"), (Wrong, Some(Basis::Exact)));
    assert_eq!(basis("5", "?"), (Unparsed, None));
}

#[test]
fn references_that_cannot_be_read_say_why() {
    let check = |text: &str, expect: BadGold| {
        assert_eq!(read_gold(text, Whole).unwrap_err(), expect, "{text}");
    };
    check("", BadGold::Missing("text"));
    check(r"\frac{1}{0}", BadGold::Undefined(r"\frac{1}{0}".into()));
    let why = |text: &str, expect: &str| {
        let BadGold::Unreadable { why, .. } = read_gold(text, Whole).unwrap_err() else {
            panic!("{text}")
        };
        assert_eq!(why, expect, "{text}");
    };
    why(r"\int_0^1 x dx", r"`\int` is not known here");
    why(r"\text{\sum x}", r"`\sum` is not known here");
    why("5 ☃", "`☃` is not known here");
    why(r"2\sqrt{", "a `{` has no partner");
    why("3/4/5", "it is no single expression from its beginning to its end");
    why(&"1+".repeat(5000), "it is longer than 8000 bytes");
    why("1 < 2 = 3", "its signs are known, and together they are no answer that is known here");
}
