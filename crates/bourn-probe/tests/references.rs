//! Reference files: what is read, and what is refused with the line.
#![allow(missing_docs)]

mod common;

use std::io::Write;

use bourn_probe::{ReadError, read_references};
use bourn_task::Problem;
use common::problem;

fn problems() -> Vec<Problem> {
    // The prompt of one is the id of another.
    vec![problem("a"), problem("b"), Problem { prompt: "a".to_owned(), ..problem("c") }]
}

/// A problem's id with its texts, each with the line that it stood on.
type Read = (String, Vec<(usize, String)>);

fn read(text: &str) -> Result<Vec<Read>, ReadError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let found = read_references(file.path(), &problems())?;
    let texts = |texts: Vec<bourn_probe::ReferenceText>| {
        texts.into_iter().map(|text| (text.line, text.completion)).collect()
    };
    Ok(found.into_iter().map(|(id, list)| (id, texts(list))).collect())
}

#[test]
fn problems_are_named_by_id_or_prompt() {
    let text = concat!(
        "\u{feff}{\"problem\": \"b\", \"completion\": \"first\"}\n\n",
        "{\"problem\": \"b = ?\", \"completion\": \"second\"}\n",
        "{\"problem\": \"a\", \"completion\": \"an id before a prompt\"}\n",
        "{\"problem\": \"elsewhere\", \"completion\": \"of no problem here\"}\n",
        "{\"completion\": \"first\", \"problem\": \"b\"}",
    );
    let expect = [
        ("a".to_owned(), vec![(4, "an id before a prompt".to_owned())]),
        ("b".to_owned(), vec![(1, "first".to_owned()), (3, "second".to_owned())]),
    ];
    assert_eq!(read(text).unwrap(), expect);
}

#[test]
fn what_is_malformed_is_named_with_its_line() {
    let check = |text: &str, expect: &str| {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(expect), "{text:?}: {error}");
    };
    let good = "{\"problem\": \"a\", \"completion\": \"x\"}\n";
    check(&format!("{good}nonsense\n"), ":2: is no JSON object");
    check(
        &format!("{good}\n{{\"problem\": \"a\"}}\n"),
        ":3: column 16: missing field `completion`",
    );
    check("{\"problem\": \"a\", \"completion\": 3}\n", ":1: column 32: invalid type: integer `3`");
    check("{\"problem\": \"a\", \"completion\": \"\"}\n", ":1: the completion is empty");
    check("{\"problem\": \"a\", \"completion\": \"x\", \"n\": 1}\n", "unknown field `n`");
    check("[\"a\", \"x\"]\n", ":1: is no JSON object");
    check("", "has no completion for any of the probe's problems");
    check("{\"problem\": \"z\", \"completion\": \"x\"}\n", "name them by id or by prompt");
    let missing = read_references("/nowhere/at/all.jsonl", &problems()).unwrap_err();
    assert!(missing.to_string().contains("cannot be read"), "{missing}");
}
