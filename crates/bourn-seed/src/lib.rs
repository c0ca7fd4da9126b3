//! Counter-based random numbers: every draw is a function of what it is for.
//!
//! **This room keeps no state**: there is no generator that a checkpoint would have to hold, and none
//! to fall out of step. The purposes and their counters are listed in `docs/invariants.md`.
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
#[path = "../tests/unit/lib.rs"]
mod tests;
