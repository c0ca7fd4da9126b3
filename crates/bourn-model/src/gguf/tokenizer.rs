//! A `tokenizers` tokenizer from GGUF's metadata.
//!
//! GGUF keeps vocabulary, merges or scores, and the *name* of a pre-tokenizer; what the name means
//! is in the tokenizer.json of the models that use it, and is spelled out here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::model::floats;
use super::reader::{Gguf, GgufValue, Texts};
use crate::ModelError;
use crate::tokenizer::{Tokenizer, added_token};

/// GGUF's token types that matter here.
const NORMAL: i64 = 1;
const UNKNOWN: i64 = 2;
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;

/// Most tokens of a vocabulary; published ones have 262,144 at most. The library takes some hundred bytes
/// for each.
const MAX_TOKENS: usize = 1 << 20;

/// Longest piece of a scored vocabulary, in characters; published ones have at most about 100.
const MAX_PIECE: usize = 256;

/// Letters with at most one sign before them, digits, signs, line ends and white space: as the
/// tokenizer.json of Llama 3 and of Qwen2 have it; they differ in how many digits go together.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Tokens and types, checked to be of one length and without repetition.
struct Vocabulary<'a> {
    tokens: &'a Texts,
    types: Vec<i64>,
}

/// The tokenizer, with the special tokens that the file names.
pub(super) fn read(file: &Gguf) -> Result<Tokenizer, ModelError> {
    let key = "tokenizer.ggml.model";
    let kind = file.text(key)?.unwrap_or_default();
    let vocabulary = vocabulary(file)?;
    let (parts, bos_default) = match kind {
        "gpt2" => byte_level(file, &vocabulary)?,
        "llama" => (scored(file, &vocabulary)?, true),
        _ => {
            let message = format!("`{kind}` is not supported; bourn reads gpt2 and llama");
            return Err(file.key_error(key, message));
        }
    };
    let added: Vec<Json> = vocabulary
        .rows()
        .filter(|(_, _, kind)| [UNKNOWN, CONTROL, USER_DEFINED].contains(kind))
        .map(|(id, token, kind)| added_token(id, token, kind != USER_DEFINED))
        .collect();
    let json = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": parts.normalizer,
        "pre_tokenizer": parts.pre_tokenizer,
        "post_processor": around(file, &vocabulary, bos_default)?,
        "decoder": parts.decoder,
        "model": parts.model,
    });
    let origin = file.path.display().to_string();
    let mut tokenizer = Tokenizer::from_json(json.to_string().as_bytes(), &origin)?;
    for (role, name) in [
        ("bos_token", "bos"),
        ("eos_token", "eos"),
        ("pad_token", "padding"),
        ("unk_token", "unknown"),
    ] {
        if let Some((key, token)) = named(file, &vocabulary, name)? {
            tokenizer.set_special(role, token).map_err(|e| file.key_error(&key, e))?;
        }
    }
    Ok(tokenizer)
}

/// End of text, and end of turn where the file has one. Every id under a key of a token is one of the
/// vocabulary's, whatever its role.
pub(super) fn stop_tokens(file: &Gguf) -> Result<BTreeSet<u32>, ModelError> {
    let vocabulary = vocabulary(file)?;
    let role = |key: &String| {
        let rest = key.strip_prefix("tokenizer.ggml.")?;
        rest.strip_suffix("_token_id").map(str::to_owned)
    };
    for role in file.metadata.keys().filter_map(role) {
        named(file, &vocabulary, &role)?;
    }
    let mut stops = BTreeSet::new();
    for name in ["eos", "eot"] {
        let key = format!("tokenizer.ggml.{name}_token_id");
        if let Some(id) = file.size(&key)? {
            let id = u32::try_from(id);
            stops.insert(id.map_err(|_| file.key_error(&key, "is out of range"))?);
        }
    }
    Ok(stops)
}

/// The parts of a tokenizer.json that differ between kinds.
struct TokenizerParts {
    normalizer: Json,
    pre_tokenizer: Json,
    decoder: Json,
    model: Json,
}

impl<'a> Vocabulary<'a> {
    fn rows(&self) -> impl Iterator<Item = (u32, &'a str, i64)> + '_ {
        let numbered = (0u32..).zip(self.tokens.iter().zip(&self.types));
        numbered.map(|(id, (token, kind))| (id, token, *kind))
    }

    fn ids(&self) -> serde_json::Map<String, Json> {
        self.rows().map(|(id, token, _)| (token.to_owned(), json!(id))).collect()
    }
}

fn vocabulary(file: &Gguf) -> Result<Vocabulary<'_>, ModelError> {
    let key = "tokenizer.ggml.tokens";
    let tokens = file.texts(key)?.ok_or_else(|| file.key_error(key, "is missing"))?;
    if tokens.len() > MAX_TOKENS {
        let message = format!("has {} tokens; at most {MAX_TOKENS} are read", tokens.len());
        return Err(file.key_error(key, message));
    }
    let mut seen = BTreeMap::new();
    for (id, token) in tokens.iter().enumerate() {
        if let Some(first) = seen.insert(token, id) {
            let message = format!("has the token `{token}` twice, with the ids {first} and {id}");
            return Err(file.key_error(key, message));
        }
    }
    let key = "tokenizer.ggml.token_type";
    let types = match file.metadata.get(key) {
        None => vec![NORMAL; tokens.len()],
        Some(GgufValue::Ints(types)) if types.len() == tokens.len() => types.clone(),
        Some(_) => {
            let message = format!("must be an array of {} integers, one a token", tokens.len());
            return Err(file.key_error(key, message));
        }
    };
    Ok(Vocabulary { tokens, types })
}

/// The token whose id the metadata gives under `tokenizer.ggml.{name}_token_id`, and that key.
fn named<'a>(
    file: &Gguf,
    vocabulary: &Vocabulary<'a>,
    name: &str,
) -> Result<Option<(String, &'a str)>, ModelError> {
    let key = format!("tokenizer.ggml.{name}_token_id");
    let Some(id) = file.size(&key)? else { return Ok(None) };
    match vocabulary.tokens.get(id) {
        Some(token) => Ok(Some((key, token))),
        None => {
            let message = format!("{id} is not one of the {} tokens", vocabulary.tokens.len());
            Err(file.key_error(&key, message))
        }
    }
}

/// Byte-level BPE with its pre-tokenizer, and whether its models begin a text with a BOS token.
fn byte_level(file: &Gguf, vocabulary: &Vocabulary) -> Result<(TokenizerParts, bool), ModelError> {
    let key = "tokenizer.ggml.pre";
    let name = file.text(key)?.ok_or_else(|| {
        file.key_error(key, "is missing, so how text is split is unknown; convert the model again")
    })?;
    let level = |regex: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": regex});
    let sequence =
        |first: Json, last: Json| json!({"type": "Sequence", "pretokenizers": [first, last]});
    let split = |regex: &str| json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false});
    let nfc = json!({"type": "NFC"});
    let digits = json!({"type": "Digits", "individual_digits": true});
    let (normalizer, pre_tokenizer, whole_words, bos) = match name {
        "default" | "gpt-2" => (Json::Null, level(true), false, false),
        "smollm" => (Json::Null, sequence(digits, level(true)), false, false),
        "llama-bpe" | "llama3" | "llama-v3" => {
            (Json::Null, sequence(split(LLAMA3), level(false)), true, true)
        }
        "qwen2" | "deepseek-r1-qwen" => (nfc, sequence(split(QWEN2), level(false)), false, false),
        _ => {
            let message = format!(
                "`{name}` is not supported; bourn knows default, gpt-2, smollm, llama-bpe and qwen2"
            );
            return Err(file.key_error(key, message));
        }
    };
    let key = "tokenizer.ggml.merges";
    let merges = file.texts(key)?.ok_or_else(|| file.key_error(key, "is missing"))?;
    let merges = merges
        .iter()
        .map(|merge| {
            let pair = merge.split_once(' ').filter(|(a, b)| !a.is_empty() && !b.contains(' '));
            pair.ok_or_else(|| file.key_error(key, format!("`{merge}` is not a pair of tokens")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let model = bpe(vocabulary, &merges, None, whole_words);
    Ok((TokenizerParts { normalizer, pre_tokenizer, decoder: level(true), model }, bos))
}

/// A `BPE` model; an `unknown` token makes it one with byte fallback.
fn bpe(
    vocabulary: &Vocabulary,
    merges: &[(&str, &str)],
    unknown: Option<&str>,
    whole_words: bool,
) -> Json {
    json!({
        "type": "BPE",
        "dropout": null,
        "unk_token": unknown,
        "continuing_subword_prefix": null,
        "end_of_word_suffix": null,
        "fuse_unk": unknown.is_some(),
        "byte_fallback": unknown.is_some(),
        // A piece that is itself a token is that token, whatever the merges say (Llama 3).
        "ignore_merges": whole_words,
        "vocab": vocabulary.ids(),
        "merges": merges,
    })
}

/// SentencePiece BPE: scores become merges, best first, as `transformers` converts them.
fn scored(file: &Gguf, vocabulary: &Vocabulary) -> Result<TokenizerParts, ModelError> {
    let key = "tokenizer.ggml.scores";
    let scores = floats(file, key)?.ok_or_else(|| file.key_error(key, "is missing"))?;
    if scores.len() != vocabulary.tokens.len() {
        let message = format!("has {} scores for {} tokens", scores.len(), vocabulary.tokens.len());
        return Err(file.key_error(key, message));
    }
    let merges = merges_of(file, vocabulary, &scores)?;
    let unknown = match named(file, vocabulary, "unknown")? {
        Some((_, token)) => token,
        None => {
            let row = vocabulary.rows().find(|(_, _, kind)| *kind == UNKNOWN);
            let key = "tokenizer.ggml.unknown_token_id";
            row.map(|row| row.1).ok_or_else(|| file.key_error(key, "is missing"))?
        }
    };
    let prefix = file.boolean("tokenizer.ggml.add_space_prefix")?.unwrap_or(true);
    let spaces = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let prepend = json!({"type": "Prepend", "prepend": "▁"});
    let normalizers = if prefix { vec![prepend, spaces] } else { vec![spaces] };
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if prefix {
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    Ok(TokenizerParts {
        normalizer: json!({"type": "Sequence", "normalizers": normalizers}),
        pre_tokenizer: Json::Null,
        decoder: json!({"type": "Sequence", "decoders": decoders}),
        model: bpe(vocabulary, &merges, Some(unknown), false),
    })
}

/// Every way to make a piece of two pieces, in the order of the whole's score. Ties go to the
/// longer left part, then to vocabulary order, as `transformers`' converter has them.
fn merges_of<'a>(
    file: &Gguf,
    vocabulary: &Vocabulary<'a>,
    scores: &[f32],
) -> Result<Vec<(&'a str, &'a str)>, ModelError> {
    let normal = || vocabulary.rows().filter(|(_, _, kind)| *kind == NORMAL);
    let ids: BTreeMap<&str, u32> = normal().map(|(id, token, _)| (token, id)).collect();
    let mut ranked = Vec::new();
    for (id, token, _) in normal() {
        let length = token.chars().count();
        if length > MAX_PIECE {
            let message =
                format!("token {id} has {length} characters; at most {MAX_PIECE} are read");
            return Err(file.key_error("tokenizer.ggml.tokens", message));
        }
        let mut ways = Vec::new();
        for (split, (at, _)) in token.char_indices().enumerate().skip(1) {
            let (left, right) = token.split_at(at);
            if let (Some(&l), Some(&r)) = (ids.get(left), ids.get(right)) {
                ways.push((l, r, scores[id as usize], split, length - split, left, right));
            }
        }
        ways.sort_by_key(|way| (way.0, way.1));
        ranked.extend(ways);
    }
    // Stable, so that what is left equal stays in vocabulary order.
    ranked.sort_by(|a, b| b.2.total_cmp(&a.2).then(b.3.cmp(&a.3)).then(b.4.cmp(&a.4)));
    Ok(ranked.into_iter().map(|way| (way.5, way.6)).collect())
}

/// The BOS and EOS tokens that the file asks to be put around every text.
fn around(file: &Gguf, vocabulary: &Vocabulary, bos_default: bool) -> Result<Json, ModelError> {
    let mut single = vec![json!({"Sequence": {"id": "A", "type_id": 0}})];
    let mut pair = vec![
        json!({"Sequence": {"id": "A", "type_id": 0}}),
        json!({"Sequence": {"id": "B", "type_id": 1}}),
    ];
    let mut specials = serde_json::Map::new();
    for (name, default) in [("bos", bos_default), ("eos", false)] {
        let key = format!("tokenizer.ggml.add_{name}_token");
        let asked = file.boolean(&key)?;
        let token = named(file, vocabulary, name)?;
        let token = match (asked.unwrap_or(default), token) {
            (false, _) => continue,
            (true, Some((_, token))) => token,
            (true, None) if asked.is_none() => continue,
            (true, None) => {
                let message = format!("is true and tokenizer.ggml.{name}_token_id is missing");
                return Err(file.key_error(&key, message));
            }
        };
        let id = vocabulary.tokens.iter().position(|t| t == token);
        specials.insert(token.into(), json!({"id": token, "ids": [id], "tokens": [token]}));
        for list in [&mut single, &mut pair] {
            let at = if name == "bos" { 0 } else { list.len() };
            list.insert(at, json!({"SpecialToken": {"id": token, "type_id": 0}}));
        }
    }
    if specials.is_empty() {
        return Ok(Json::Null);
    }
    let kind = "TemplateProcessing";
    Ok(json!({"type": kind, "single": single, "pair": pair, "special_tokens": specials}))
}
