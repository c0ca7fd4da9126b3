//! Texts that end a completion.

use std::sync::Arc;

use crate::{ModelError, Tokenizer};

/// Most stop strings there may be.
const MAX_STRINGS: usize = 16;
/// Longest stop string, in bytes.
const MAX_BYTES: usize = 256;
/// Continuation bytes of the longest character.
const CONTINUATION: usize = 3;

/// Texts that end a completion: it ends with the first token after which its own text (the prompt
/// does not count) has one of them. That token may bring more than the rest of the text.
#[derive(Clone, Debug)]
pub struct StopStrings {
    tokenizer: Arc<Tokenizer>,
    strings: Vec<String>,
    /// Tokens that are looked at: as many as the longest string has bytes, since each that gives
    /// any text gives a byte at least, and one in front, whose leading space a decoder may strip.
    tail: usize,
}

impl StopStrings {
    /// Stop strings as `tokenizer` spells them.
    ///
    /// # Errors
    /// [`ModelError::StopString`] for a string that is empty, too long or no text, and for too many.
    pub fn new(tokenizer: Arc<Tokenizer>, strings: Vec<String>) -> Result<StopStrings, ModelError> {
        let refuse = |string: &str, problem: String| {
            let string = string.chars().take(40).collect();
            Err(ModelError::StopString { string, problem })
        };
        if let Some(string) = strings.get(MAX_STRINGS) {
            return refuse(string, format!("there may be {MAX_STRINGS} at most"));
        }
        for string in &strings {
            if string.is_empty() {
                return refuse(string, "it is empty, and every text has that".to_owned());
            }
            if string.len() > MAX_BYTES {
                let problem =
                    format!("it has {} bytes, and may have {MAX_BYTES} at most", string.len());
                return refuse(string, problem);
            }
            if string.contains(char::REPLACEMENT_CHARACTER) {
                let problem = "U+FFFD stands for bytes that are no text; leave it out";
                return refuse(string, problem.to_owned());
            }
        }
        let tail = strings.iter().map(String::len).max().map_or(0, |longest| longest + 1);
        Ok(StopStrings { tokenizer, strings, tail })
    }

    /// The strings.
    pub fn strings(&self) -> &[String] {
        &self.strings
    }

    /// Whether a completion that had not ended before its last token ends with it.
    ///
    /// Only the last few tokens are decoded, so that a token costs the same wherever it stands.
    pub fn ends(&self, tokens: &[u32]) -> bool {
        // Tokens without a text (special ones, ids beyond the vocabulary) change nothing, and may
        // stand between the tokens of a stop string.
        let speaks = |id: &&u32| self.tokenizer.has_text(**id);
        if self.strings.is_empty() || tokens.last().is_none_or(|last| !speaks(&last)) {
            return false;
        }
        let most = self.tail + CONTINUATION;
        let mut tail: Vec<u32> = tokens.iter().rev().filter(speaks).take(most).copied().collect();
        tail.reverse();
        // Where the first token begins inside a character, what is left of that is no text, and
        // some decoders then take all bytes that follow for none either. At most this many tokens
        // can begin inside one character.
        for start in 0..=CONTINUATION.min(tail.len() - 1) {
            // What cannot be decoded is found so when the whole completion is.
            let Ok(text) = self.tokenizer.decode(&tail[start..], true) else { return false };
            if self.strings.iter().any(|string| text.contains(string)) {
                return true;
            }
            if !text.starts_with(char::REPLACEMENT_CHARACTER) {
                return false;
            }
        }
        false
    }
}

#[cfg(test)]
#[path = "../tests/unit/stop.rs"]
mod tests;
