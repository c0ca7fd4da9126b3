use std::collections::BTreeSet;

use rand::RngCore;

use super::*;

#[test]
fn streams_differ_in_every_argument() {
    let calls: [(u64, &str, &[u64]); 8] = [
        (1, "a", &[]),
        (2, "a", &[]),
        (1, "b", &[]),
        (1, "", &[]),
        (1, "a", &[0]),
        (1, "a", &[1]),
        (1, "a", &[0, 0]),
        (1, "a", &[1, 0]),
    ];
    let first: BTreeSet<u64> = calls.iter().map(|(s, p, c)| rng(*s, p, c).next_u64()).collect();
    assert_eq!(first.len(), calls.len());
    assert_eq!(rng(1, "a", &[7]).next_u64(), rng(1, "a", &[7]).next_u64());
}

/// Another machine, another release: the same stream, or ledgers would not match.
#[test]
fn streams_never_change() {
    assert_eq!(rng(1, "test", &[2, 3]).next_u64(), STREAM);
    assert_eq!(content_hash(&[b"ab", b"c"]), HASH);
    assert_ne!(content_hash(&[b"a", b"bc"]), HASH);
}

#[derive(Default, Serialize)]
struct Old {
    width: usize,
    eps: f64,
}

#[derive(Default, Serialize)]
struct New {
    #[serde(skip_serializing_if = "Option::is_none")]
    scaling: Option<f64>,
    eps: f64,
    bias: Option<bool>,
    #[serde(skip_serializing_if = "is_default")]
    heads: Vec<u64>,
    width: usize,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[test]
fn a_new_defaulted_field_changes_nothing() {
    let old = canonical(&Old { width: 3, eps: 1e-5 });
    assert_eq!(old, r#"{"eps":0.00001,"width":3}"#);
    let new = New { width: 3, eps: 1e-5, ..New::default() };
    assert_eq!(canonical(&new), old);
    // One that says something does.
    assert_ne!(canonical(&New { heads: vec![1], ..new }), old);
}

#[test]
fn the_order_of_keys_does_not_matter() {
    let read = |text: &str| canonical(&serde_json::from_str::<Value>(text).unwrap());
    let one = read(r#"{"b": [{"d": 1, "c": null}], "a": "\"x\n"}"#);
    assert_eq!(one, read(r#"{"a": "\"x\n", "b": [{"d": 1}]}"#));
    assert_eq!(one, r#"{"a":"\"x\n","b":[{"d":1}]}"#);
}

const STREAM: u64 = 7_821_694_815_479_374_785;
const HASH: u64 = 0xa0968c014f3fc7bd;
