//! Counter-based random numbers: every draw is a function of what it is for.
//!
//! **This room keeps no state**: there is no generator that a checkpoint would have to hold, and none
//! to fall out of step. The purposes and their counters are listed in `ARCHITECTURE.md`.
//!
//! ```
//! use rand::Rng;
//!
//! // The third completion of problem 7 in step 2, whatever was drawn before it.
//! let mut random = bourn_seed::rng(1, "train", &[2, 7, 3]);
//! let again = bourn_seed::rng(1, "train", &[2, 7, 3]).random::<u64>();
//! assert_eq!(random.random::<u64>(), again);
//! ```

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::Value;

/// The generator for one purpose and one set of counters (step, problem, sample, …) of a run.
///
/// The ChaCha key is the BLAKE3 hash of all three, each with its length, so that no two different
/// calls share a stream: `("a", [1])` and `("a", [1, 0])` are unrelated.
pub fn rng(seed: u64, purpose: &str, counters: &[u64]) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"bourn seed 1");
    hasher.update(&seed.to_le_bytes());
    hasher.update(&(purpose.len() as u64).to_le_bytes());
    hasher.update(purpose.as_bytes());
    for counter in counters {
        hasher.update(&counter.to_le_bytes());
    }
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

/// A hash of `parts`, each with its length, as 64 bits: for ids, splits and orders.
pub fn content_hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_be_bytes(first)
}

/// The JSON of `value` on one line, in one way only: keys in order at every depth, and nothing of
/// what is `null`. For keys of caches, which outlive the code that made them.
///
/// A field that is new must leave old keys as they were: where it has its default it is not written
/// (`skip_serializing_if`).
pub fn canonical(value: &impl Serialize) -> String {
    let json = serde_json::to_value(value);
    sorted(json.expect("structs, strings and numbers have a JSON form")).to_string()
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut pairs: Vec<(String, Value)> =
                map.into_iter().filter(|(_, value)| !value.is_null()).collect();
            pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
            pairs.into_iter().map(|(key, value)| (key, sorted(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
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
}
