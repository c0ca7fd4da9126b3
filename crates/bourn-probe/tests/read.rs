//! Outcome files: both forms, and an error with its line for everything else.

mod common;

use std::fmt::Write as _;

use bourn_probe::read_outcomes;

/// Reads a file of this content; the message of an error comes without the directory.
fn read(content: impl AsRef<[u8]>) -> Result<Vec<(String, u64, u64)>, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f.jsonl");
    std::fs::write(&path, content).unwrap();
    let prefix = format!("{}/", directory.path().display());
    let outcomes = read_outcomes(&path).map_err(|e| e.to_string().replace(&prefix, ""))?;
    Ok(outcomes.into_iter().map(|(id, o)| (id, o.n(), o.c())).collect())
}

#[test]
fn both_forms() {
    let check = |content: &str, expect: &[(&str, u64, u64)]| {
        let expect: Vec<_> = expect.iter().map(|&(id, n, c)| (id.to_owned(), n, c)).collect();
        assert_eq!(read(content), Ok(expect), "{content}");
    };
    check(r#"{"problem":"a","draws":[0,1,1,0,0]}"#, &[("a", 5, 2)]);
    check(r#"{"problem":"a","draws":[true,false]}"#, &[("a", 2, 1)]);
    check(r#"{"problem":"a","draws":[true,0,1]}"#, &[("a", 3, 2)]);
    check(r#"{"c":3,"n":256,"problem":"a"}"#, &[("a", 256, 3)]);
    check(
        "{\"problem\":\"b\",\"n\":1,\"c\":0}\r\n\n  \n{\"problem\":\"a\",\"draws\":[1]}\n",
        &[("a", 1, 1), ("b", 1, 0)],
    );
    // What a data frame writes of two forms in one table.
    check(r#"{"problem":"a","draws":null,"n":2,"c":1}"#, &[("a", 2, 1)]);
    check(
        "{\"problem\":7,\"n\":2,\"c\":1}\n{\"problem\":-1,\"n\":1,\"c\":1}",
        &[("-1", 1, 1), ("7", 2, 1)],
    );
    check("\u{feff}{\"problem\":\"ä 1\",\"n\":2,\"c\":1}", &[("ä 1", 2, 1)]);
    let long = format!(r#"{{"problem":"a","draws":[{}1]}}"#, "false, ".repeat(65_535));
    check(&long, &[("a", 65_536, 1)]);
}

#[test]
fn stopping_rules() {
    let check = |content: &str, expect: &[(&str, u64, u64)]| {
        let expect: Vec<_> = expect.iter().map(|&(id, n, c)| (id.to_owned(), n, c)).collect();
        assert_eq!(read(content), Ok(expect), "{content}");
    };
    check(r#"{"problem":"a","n":57,"c":8,"stop":8,"n_max":1024}"#, &[("a", 57, 8)]);
    check(r#"{"problem":"a","n":1024,"c":0,"stop":8,"n_max":1024}"#, &[("a", 1024, 0)]);
    // Draws beyond the second success and beyond the fourth draw do not count, wherever the rule
    // stands in the line.
    check(r#"{"problem":"a","draws":[0,1,1,1,0],"stop":2,"n_max":8}"#, &[("a", 3, 2)]);
    check(r#"{"n_max":4,"stop":2,"draws":[0,0,0,1,1],"problem":"a"}"#, &[("a", 4, 1)]);
    // A mixed file, and what a data frame writes of one.
    check(
        concat!(
            r#"{"problem":"a","n":4,"c":2,"stop":null,"n_max":null}"#,
            "\n",
            r#"{"problem":"b","draws":[1,1],"n":null,"stop":1,"n_max":4}"#,
        ),
        &[("a", 4, 2), ("b", 1, 1)],
    );
}

#[test]
fn errors() {
    let mut shown = String::new();
    for content in [
        "",
        "\n\n",
        r#"["a",[1],null,null]"#,
        "{",
        "nonsense",
        r#"{"problem":"a","n":2,"c":1} {"problem":"b","n":2,"c":1}"#,
        r#"{"problem":"a"}"#,
        r#"{"n":2,"c":1}"#,
        r#"{"problem":"a","n":2}"#,
        r#"{"problem":"a","c":2}"#,
        r#"{"problem":"a","n":2,"c":3}"#,
        r#"{"problem":"a","n":0,"c":0}"#,
        r#"{"problem":"a","n":-2,"c":0}"#,
        r#"{"problem":"a","n":2.5,"c":0}"#,
        r#"{"problem":"a","n":18446744073709551615,"c":0}"#,
        r#"{"problem":"a","draws":[]}"#,
        r#"{"problem":"a","draws":[0,2]}"#,
        r#"{"problem":"a","draws":[0,0.5]}"#,
        r#"{"problem":"a","draws":[0,null]}"#,
        r#"{"problem":"a","draws":"01"}"#,
        r#"{"problem":"a","draws":[1],"n":1,"c":1}"#,
        r#"{"problem":"a","draws":[1],"n":1}"#,
        r#"{"problem":"a","n":2,"c":1,"sampler":"x"}"#,
        r#"{"problem":"a","n":57,"c":7,"stop":8,"n_max":1024}"#,
        r#"{"problem":"a","n":57,"c":9,"stop":8,"n_max":1024}"#,
        r#"{"problem":"a","n":1025,"c":8,"stop":8,"n_max":1024}"#,
        r#"{"problem":"a","n":57,"c":8,"stop":8}"#,
        r#"{"problem":"a","n":57,"c":8,"n_max":1024}"#,
        r#"{"problem":"a","n":57,"c":8,"stop":0,"n_max":1024}"#,
        r#"{"problem":"a","n":57,"c":8,"stop":8,"n_max":0}"#,
        r#"{"problem":"a","n":57,"c":8,"stop":8,"n_max":18446744073709551615}"#,
        r#"{"problem":"a","n":0,"c":0,"stop":8,"n_max":1024}"#,
        r#"{"problem":"a","draws":[0,1],"stop":2,"n_max":4}"#,
        r#"{"problem":"a","draws":[],"stop":2,"n_max":4}"#,
        r#"{"problem":"a","draws":[0,1],"stop":2}"#,
        r#"{"problem":"a","stop":8,"n_max":1024}"#,
        r#"{"problem":"a","problem":"b","n":2,"c":1}"#,
        r#"{"problem":null,"n":2,"c":1}"#,
        r#"{"problem":1.5,"n":2,"c":1}"#,
        r#"{"problem":"","n":2,"c":1}"#,
        "{\"problem\":\"a\",\"n\":2,\"c\":1}\n\n{\"problem\":\"a\",\"draws\":[1]}",
        "{\"problem\":\"7\",\"n\":2,\"c\":1}\n{\"problem\":7,\"n\":2,\"c\":1}",
        "{\"problem\":\"a\",\"n\":2,\"c\":1}\n{\"problem\":\"b\",\"n\":1,\"c\":",
    ] {
        writeln!(shown, "{content:?}\n  {}", read(content).unwrap_err()).unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn hostile_files() {
    let check = |content: Vec<u8>, part: &str| {
        let error = read(content).unwrap_err();
        assert!(error.contains(part) && error.len() < 400, "{error}");
    };
    check(vec![b' '; 3 << 20], "f.jsonl:1: the line is longer than 1048576 bytes");
    check([b"{\"problem\":".to_vec(), vec![b'['; 1 << 19]].concat(), "f.jsonl:1: ");
    check(b"{\"problem\":\"\xff\",\"n\":1,\"c\":1}".to_vec(), "f.jsonl:1: ");
    check(vec![0; 100], "f.jsonl:1: ");
    let id = format!(r#"{{"problem":"{}","n":1,"c":1}}"#, "x".repeat(1025));
    check(id.into_bytes(), "the problem id is longer than 1024 bytes");
}

#[test]
fn a_file_that_cannot_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let missing = read_outcomes(directory.path().join("no.jsonl")).unwrap_err().to_string();
    assert!(missing.contains("no.jsonl: cannot be read: "), "{missing}");
    let folder = read_outcomes(directory.path()).unwrap_err().to_string();
    assert!(folder.contains("cannot be read: "), "{folder}");
}
