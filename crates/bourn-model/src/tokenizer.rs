//! Text to token ids and back, through the `tokenizers` library.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Value, json};

use crate::ModelError;

/// A tokenizer and the names of its special tokens.
#[derive(Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// One more than the largest id.
    vocab_size: usize,
    /// Ids that there are.
    tokens: usize,
    /// Bytes of the longest token, as the vocabulary spells it.
    longest_token: usize,
    /// `bos_token`, `eos_token`, `pad_token`, `unk_token` as far as they are known.
    special: BTreeMap<String, String>,
}

/// Most times by which replacements may lengthen a text; those of published tokenizers stay below 100.
const MOST_GROWTH: u64 = 1 << 12;

/// The roles of special tokens, by `transformers`' names.
pub(crate) const SPECIAL: [&str; 4] = ["bos_token", "eos_token", "pad_token", "unk_token"];

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The vocabulary itself would fill screens.
        let (size, special) = (self.vocab_size, &self.special);
        f.debug_struct("Tokenizer").field("vocab_size", &size).field("special", special).finish()
    }
}

impl PartialEq for Tokenizer {
    /// Equal when the same `tokenizer.json` and special tokens would be written.
    fn eq(&self, other: &Self) -> bool {
        self.special == other.special && self.to_json() == other.to_json()
    }
}

impl Tokenizer {
    /// Reads a `tokenizer.json`; `origin` names it in errors. Truncation and padding that the file
    /// asks for are switched off: bourn never shortens or fills a text behind its user's back.
    ///
    /// # Errors
    /// Bytes that are no such file, or that name ids beyond what a tokenizer may have.
    pub fn from_json(bytes: &[u8], origin: &str) -> Result<Tokenizer, ModelError> {
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes)
            .map_err(|e| error(origin, format!("not a tokenizer.json that can be read: {e}")))?;
        inner.with_truncation(None).map_err(|e| error(origin, e.to_string()))?;
        inner.with_padding(None);
        let parts = json!([inner.get_normalizer(), inner.get_pre_tokenizer(), inner.get_decoder()]);
        if let Some(times) = parts.as_array().into_iter().flatten().map(growth).max()
            && times > MOST_GROWTH
        {
            let problem = format!(
                "its replacements may make a text {times} times as long, and {MOST_GROWTH} times is \
                 as much as any tokenizer needs"
            );
            return Err(error(origin, problem));
        }
        let vocabulary = inner.get_vocab(true);
        let largest = vocabulary.values().max();
        let largest = largest.ok_or_else(|| error(origin, "has no tokens".to_owned()))?;
        let longest_token = vocabulary.keys().map(String::len).max().unwrap_or(0);
        let (vocab_size, special) = (*largest as usize + 1, BTreeMap::new());
        let tokens = vocabulary.values().collect::<HashSet<_>>().len();
        Ok(Tokenizer { inner, vocab_size, tokens, longest_token, special })
    }

    /// The text of a `tokenizer.json`; the same tokenizer gives the same text.
    pub fn to_json(&self) -> String {
        let text = self.inner.to_string(true);
        text.expect("only parts that were read from JSON are in it, and each can be written") + "\n"
    }

    /// Token ids of a text; special tokens written in the text become their ids. `add_special`
    /// adds what the tokenizer puts around every text (a beginning-of-text token, where it has one).
    ///
    /// # Errors
    /// A text that the tokenizer cannot take; its beginning is shown.
    pub fn encode(&self, text: &str, add_special: bool) -> Result<Vec<u32>, ModelError> {
        let encoding = self.inner.encode_fast(text, add_special).map_err(|e| {
            let shown: String = text.chars().take(40).collect();
            error("encoding", format!("cannot encode `{shown}`: {e}"))
        })?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of token ids, without the special ones if `skip_special`. Ids that the vocabulary
    /// does not have give nothing: models pad their embeddings, and a policy may draw such a row.
    ///
    /// # Errors
    /// The tokenizer's decoder fails.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, ModelError> {
        self.inner.decode(ids, skip_special).map_err(|e| error("decoding", e.to_string()))
    }

    /// One more than the largest id: the fewest rows an embedding must have.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// How many ids there are, which need not be all below [`Tokenizer::vocab_size`].
    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Bytes of the longest token, as the vocabulary spells it.
    pub(crate) fn longest_token(&self) -> usize {
        self.longest_token
    }

    /// The id of a token as the vocabulary spells it.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The vocabulary's spelling of an id.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// Whether an id adds anything to the text when special tokens are left out of it.
    pub(crate) fn has_text(&self, id: u32) -> bool {
        let special = |token: &String| self.inner.get_added_vocabulary().is_special_token(token);
        self.token(id).is_some_and(|token| !token.is_empty() && !special(&token))
    }

    /// The id of a special token of this spelling: one that is left out of a completion's text.
    pub(crate) fn special_id(&self, token: &str) -> Option<u32> {
        let id = self.id(token)?;
        (!self.has_text(id)).then_some(id)
    }

    /// Special tokens by role (`bos_token`, `eos_token`, `pad_token`, `unk_token`).
    pub fn special_tokens(&self) -> &BTreeMap<String, String> {
        &self.special
    }

    /// Names the token that has a role, which must be in the vocabulary.
    pub(crate) fn set_special(&mut self, role: &str, token: &str) -> Result<(), String> {
        if self.id(token).is_none() {
            return Err(format!("`{token}` is not in the tokenizer's vocabulary"));
        }
        self.special.insert(role.to_owned(), token.to_owned());
        Ok(())
    }

    /// The token with the largest id, for the error that says it does not fit.
    pub(crate) fn last_token(&self) -> String {
        u32::try_from(self.vocab_size - 1).ok().and_then(|id| self.token(id)).unwrap_or_default()
    }

    /// One token per character: `<pad>` is 0, `<eos>` is 1, then the alphabet's characters in the
    /// order they first occur. A character outside the alphabet is an error when it is encoded.
    pub fn char_level(alphabet: &str) -> Tokenizer {
        let mut seen = BTreeSet::new();
        let characters = alphabet.chars().filter(|c| seen.insert(*c)).map(String::from);
        let tokens = ["<pad>", "<eos>"].into_iter().map(String::from).chain(characters);
        let vocab: serde_json::Map<String, Value> =
            tokens.enumerate().map(|(id, token)| (token, json!(id))).collect();
        let added = [added_token(0, "<pad>", true), added_token(1, "<eos>", true)];
        let file = json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": added,
            "normalizer": null,
            // `[\s\S]` and not `(?s).`: the Python build's regex engine spells that flag otherwise.
            "pre_tokenizer": {
                "type": "Split",
                "pattern": {"Regex": r"[\s\S]"},
                "behavior": "Isolated",
                "invert": false,
            },
            "post_processor": null,
            // Without it, tokens are joined with spaces.
            "decoder": {"type": "Fuse"},
            "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "<no unknown token>"},
        });
        let mut tokenizer = Self::from_json(file.to_string().as_bytes(), "character tokenizer")
            .expect("only the vocabulary varies, and it is a map of distinct strings to ids");
        for (role, token) in [("pad_token", "<pad>"), ("eos_token", "<eos>")] {
            tokenizer.special.insert(role.to_owned(), token.to_owned());
        }
        tokenizer
    }
}

/// An entry of `added_tokens` in a `tokenizer.json`.
pub(crate) fn added_token(id: u32, content: &str, special: bool) -> Value {
    json!({
        "id": id,
        "content": content,
        "single_word": false,
        "lstrip": false,
        "rstrip": false,
        "normalized": false,
        "special": special,
    })
}

/// How many times as long the replacements of one part of a `tokenizer.json` make a text at most. Each is
/// made in what the one before it left: twenty that double it make a million of one letter.
fn growth(part: &Value) -> u64 {
    let all = |name: &str| {
        let list = part[name].as_array();
        list.into_iter().flatten().map(growth).fold(1, u64::saturating_mul)
    };
    match part["type"].as_str() {
        Some("Sequence") => ["normalizers", "pretokenizers", "decoders"]
            .map(all)
            .into_iter()
            .fold(1, u64::saturating_mul),
        Some("Replace") => {
            let content = part["content"].as_str().map_or(0, str::len) as u64;
            match part["pattern"]["String"].as_str().map_or(0, str::len) as u64 {
                // What an expression finds may be empty, and stand before every letter.
                0 => content + 1,
                length => content.div_ceil(length).max(1),
            }
        }
        // A letter for each byte, of two bytes at most.
        Some("ByteLevel") => 2,
        // The longest replacement of Unicode's.
        Some("Precompiled") => 18,
        _ => 1,
    }
}

/// A tokenizer error.
pub(crate) fn error(origin: &str, message: String) -> ModelError {
    ModelError::Tokenizer { origin: origin.to_owned(), message }
}

#[cfg(test)]
#[path = "../tests/unit/tokenizer.rs"]
mod tests;
