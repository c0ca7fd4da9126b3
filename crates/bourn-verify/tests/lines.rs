//! Verdicts on lines: what is written of each, and which lines have none.

use bourn_recipe::{ShortVerifier, short_verifier};
use bourn_verify::lines::{LineJudge, MAX_LINE, read_line};

fn short(verifier: &str) -> ShortVerifier {
    ShortVerifier { verifier: verifier.to_owned(), ..ShortVerifier::default() }
}

fn open(short: &ShortVerifier) -> LineJudge {
    LineJudge::new(&short_verifier(short).unwrap(), 1).unwrap()
}

fn said(judge: &LineJudge, line: &str) -> String {
    match judge.judge(line.as_bytes()) {
        Ok(said) => serde_json::to_string(&said).unwrap(),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn every_verdict_has_its_answer_and_its_reason() {
    let boxed = ShortVerifier { extract: Some("boxed".into()), ..short("math") };
    let check = |short: &ShortVerifier, lines: &[(&str, &str)]| {
        let judge = open(short);
        for (line, expect) in lines {
            assert_eq!(said(&judge, line), *expect, "{line}");
        }
    };
    check(
        &boxed,
        &[
            (
                r#"{"completion": "\\boxed{\\frac{2}{4}}", "gold": 0.5}"#,
                r#"{"verdict":"correct","answer":"1/2","reason":"equal in exact arithmetic"}"#,
            ),
            (
                r#"{"id": [7], "completion": "\\boxed{3}", "gold": ["4", 5]}"#,
                r#"{"id":[7],"verdict":"wrong","answer":"3","reason":"read to its end, and it means something else"}"#,
            ),
            (
                r#"{"completion": "\\boxed{3}", "gold": ["4", "3"], "other": 1}"#,
                r#"{"verdict":"correct","answer":"3","reason":"equal in exact arithmetic"}"#,
            ),
            (
                r#"{"completion": "\\boxed{3", "gold": "3"}"#,
                r#"{"verdict":"unparsed","answer":null,"reason":"there is no balanced `\\boxed{…}` with an answer in it"}"#,
            ),
            (
                r#"{"completion": "\\boxed 3", "gold": "3", "truncated": true}"#,
                r#"{"verdict":"unparsed","answer":null,"reason":"the completion was cut where its answer stands"}"#,
            ),
            (
                r#"{"completion": "\\boxed{\\int x}", "gold": "3"}"#,
                r#"{"verdict":"unparsed","answer":null,"reason":"`\\int x` cannot be read: `\\int` is not known here"}"#,
            ),
            (
                r#"{"completion": "\\boxed{3}", "gold": "\\sum n"}"#,
                r#"{"verdict":"bad_gold","answer":null,"reason":"the reference `\\sum n` cannot be read as mathematics: `\\sum` is not known here"}"#,
            ),
            (
                r#"{"completion": "\\boxed{3}", "gold": "10^{10^9}"}"#,
                r#"{"verdict":"timeout","answer":"3","reason":"deciding takes more work than one answer may have"}"#,
            ),
        ],
    );
    check(
        &short("math"),
        &[
            (
                r#"{"completion": "3 \\pi", "gold": 3}"#,
                r#"{"verdict":"unparsed","answer":null,"reason":"there is no number that stands alone at its end"}"#,
            ),
            (
                r#"{"completion": "3", "gold": "\\pi"}"#,
                r#"{"verdict":"bad_gold","answer":null,"reason":"the reference `\\pi` is not a number"}"#,
            ),
        ],
    );
    check(
        &short("countdown"),
        &[
            (
                r#"{"completion": "(5+7)*3 = 36", "numbers": [3, 5, 7], "target": 36}"#,
                r#"{"verdict":"correct","answer":"(5+7)*3","reason":"it uses each number once and is 36"}"#,
            ),
            (
                r#"{"completion": "5+7", "numbers": [3, 5, 7], "target": 12}"#,
                r#"{"verdict":"wrong","answer":"5+7","reason":"it does not use each number exactly once, and no other"}"#,
            ),
            (
                r#"{"completion": "7/5", "numbers": [5, 7], "target": 12}"#,
                r#"{"verdict":"wrong","answer":"7/5","reason":"the puzzle does not allow `/`"}"#,
            ),
            (
                r#"{"completion": "7/5", "numbers": [5, 7], "target": 12, "operators": ["/"]}"#,
                r#"{"verdict":"wrong","answer":"7/5","reason":"it is 7/5, not 12"}"#,
            ),
            (
                r#"{"completion": "5+7=13", "numbers": [5, 7], "target": 12}"#,
                r#"{"verdict":"wrong","answer":"5+7=13","reason":"it says 13, not 12"}"#,
            ),
            (
                r#"{"completion": "5+", "numbers": [5, 7], "target": 12}"#,
                r#"{"verdict":"unparsed","answer":null,"reason":"no single expression: byte 2: a number or `(` is missing"}"#,
            ),
            (
                r#"{"completion": "5+7", "numbers": [], "target": 12}"#,
                r#"{"verdict":"bad_gold","answer":null,"reason":"a puzzle has 1 to 6 numbers from 0 to 1000000"}"#,
            ),
        ],
    );
    check(
        &ShortVerifier { choices: Some(4), ..short("choice") },
        &[
            (
                r#"{"completion": "The answer is C.", "gold": "(c)"}"#,
                r#"{"verdict":"correct","answer":"C","reason":"the letter is the reference's"}"#,
            ),
            (
                r#"{"completion": "The answer is C.", "gold": "E"}"#,
                r#"{"verdict":"bad_gold","answer":null,"reason":"the reference is no letter from A to D"}"#,
            ),
        ],
    );
    check(
        &ShortVerifier { pattern: Some("<a>(.*)</a>".into()), ..short("regex") },
        &[
            (
                r#"{"completion": "<a>Paris</a>", "gold": "Paris"}"#,
                r#"{"verdict":"correct","answer":"Paris","reason":"what the pattern finds is the reference"}"#,
            ),
            (
                r#"{"completion": "Paris", "gold": "Paris"}"#,
                r#"{"verdict":"unparsed","answer":null,"reason":"the pattern finds no answer"}"#,
            ),
            (
                r#"{"completion": "Paris", "gold": " "}"#,
                r#"{"verdict":"bad_gold","answer":null,"reason":"the reference has no text; check `answer_format`"}"#,
            ),
        ],
    );
    check(
        &ShortVerifier { answer_format: Some("hash".into()), ..short("exact") },
        &[
            (
                r#"{"completion": " Paris ", "gold": "It is\n#### Paris"}"#,
                r#"{"verdict":"correct","answer":"Paris","reason":"the text is the reference"}"#,
            ),
            (
                r#"{"completion": "Paris", "gold": "It is Paris"}"#,
                r#"{"verdict":"bad_gold","answer":null,"reason":"the reference has no `####` with an answer behind it; check `answer_format`"}"#,
            ),
        ],
    );
}

/// Of several answers any is right, and where one of them cannot be read nobody knows what is wrong.
#[test]
fn a_reference_that_is_not_read_whole_is_bad() {
    let math = open(&short("math"));
    let bad = |line: &str, part: &str| {
        let said = said(&math, line);
        assert!(said.contains("\"bad_gold\"") && said.contains(part), "{line}: {said}");
    };
    // JSON would make 12345678901234567000000 of it.
    bad(r#"{"completion": "3", "gold": 12345678901234567890123}"#, "write it as text");
    bad(r#"{"completion": "3", "gold": ["3", "\\sum n"]}"#, "\\sum");
}

#[test]
fn a_line_that_cannot_be_judged_is_an_error() {
    let math = open(&short("math"));
    let countdown = open(&short("countdown"));
    let check = |judge: &LineJudge, line: &str, part: &str| {
        let said = said(judge, line);
        assert!(said.starts_with("error: ") && said.contains(part), "{line}: {said}");
    };
    check(&math, "nonsense", "column 2: expected ident");
    check(&math, "[]", "column");
    check(&math, "{}", "missing field `completion`");
    check(&math, r#"{"completion": 3, "gold": 3}"#, "expected a string");
    check(&math, r#"{"completion": "3"}"#, "`gold`, the reference, is missing");
    check(&math, r#"{"completion": "3", "gold": []}"#, "`gold` is an empty list");
    check(&math, r#"{"completion": "3", "gold": true}"#, "`gold` is text, a number, or a list");
    check(&countdown, r#"{"completion": "3", "gold": 3}"#, "a puzzle needs `numbers`");
}

#[test]
fn a_program_is_asked_what_training_would_ask() {
    // It says back what it was told, as far as a score can say it.
    let program = "import json,sys\nfor line in sys.stdin:\n a=json.loads(line)\n \
                   ok=(a['prompt'],a['reference'],a['truncated'])==('Q','7',True)\n \
                   print(json.dumps({'id':a['id'],'score':0.25 if ok else 1}),flush=True)";
    let command = ["python3", "-c", program].map(str::to_owned).to_vec();
    let judge = open(&ShortVerifier { command: Some(command), ..short("command") });
    assert_eq!(
        said(&judge, r#"{"prompt": "Q", "completion": "x", "gold": 7, "truncated": true}"#),
        r#"{"verdict":"wrong","score":0.25,"answer":null,"reason":"the program says that it is wrong"}"#
    );
    let fails = ShortVerifier { command: Some(vec!["false".into()]), ..short("command") };
    let said = said(&open(&fails), r#"{"completion": "x", "gold": 7}"#);
    assert!(said.contains("error: the command verifier: `false` ended"), "{said}");
}

#[test]
fn options_are_checked_as_a_recipe_is() {
    let check = |short: ShortVerifier, key: &str, part: &str| {
        let error = short_verifier(&short).unwrap_err();
        assert!(error.key.ends_with(key) && error.problem.contains(part), "{error}");
    };
    check(ShortVerifier { choices: Some(1), ..short("choice") }, "choices", "2");
    check(ShortVerifier { choices: Some(5), ..short("math") }, "choices", "it is a key of");
    check(short("regex"), "verifier", "needs `pattern`");
    check(ShortVerifier { pattern: Some("(".into()), ..short("regex") }, "pattern", "unclosed");
    check(short("command"), "verifier", "needs `command`");
    check(ShortVerifier { extract: Some("box".into()), ..short("math") }, "extract", "boxed");
    let countdown = ShortVerifier { extract: Some("boxed".into()), ..short("countdown") };
    check(countdown, "extract", "whole completion");
    let formatted = ShortVerifier { answer_format: Some("hash".into()), ..short("countdown") };
    check(formatted, "answer_format", "remove one");
}

#[test]
fn lines_are_read_within_a_bound() {
    let mut line = Vec::new();
    let mut input = &b"one\n\ntwo"[..];
    let mut found = Vec::new();
    while read_line(&mut input, &mut line).unwrap() {
        found.push(String::from_utf8(line.clone()).unwrap());
    }
    assert_eq!(found, ["one\n", "\n", "two"]);
    let long = vec![b' '; MAX_LINE + 1];
    let error = read_line(&mut &long[..], &mut line).unwrap_err().to_string();
    assert!(error.contains("longer than the 16 MiB"), "{error}");
}
