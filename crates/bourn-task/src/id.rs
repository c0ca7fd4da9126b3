//! What a problem is called.

use std::fmt;
use std::sync::Arc;

use bourn_episode::Hash;
use bourn_seed::content_hash;

/// A problem's id: the hash of its prompt and reference, as text and as a number. Ids are in the
/// order of their texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProblemId {
    text: Arc<str>,
    number: u64,
}

impl ProblemId {
    /// The id that this content gives: texts, and the hashes of what stands in the prompt beside text.
    pub(crate) fn of(parts: &[&[u8]], inserts: &[Hash]) -> ProblemId {
        let hashes = inserts.iter().map(Hash::as_slice);
        let number = content_hash(&parts.iter().copied().chain(hashes).collect::<Vec<_>>());
        ProblemId { text: format!("{number:016x}").into(), number }
    }

    /// An id that reads as `name`: for problems that are made up, and have no content to hash.
    pub fn named(name: &str) -> ProblemId {
        ProblemId { text: name.into(), number: content_hash(&[name.as_bytes()]) }
    }

    /// 16 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same as a number: a counter of random draws.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl fmt::Display for ProblemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
#[path = "../tests/unit/id.rs"]
mod tests;
