//! Ids of tokens with a role: each must be one of the model's.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use serde_json::Value;

use crate::ModelError;
use crate::config::ModelConfig;
use crate::json_file::Object;
use crate::tokenizer::Tokenizer;

/// Checks the ids of a configuration, and gives those that end a text: `eos_token_id`, a number or a
/// list of them.
pub(crate) fn read(object: &Object, config: &ModelConfig) -> Result<BTreeSet<u32>, ModelError> {
    for key in ["bos_token_id", "pad_token_id"] {
        // Old files write −1 for none.
        let none = object.get(key).and_then(Value::as_i64) == Some(-1);
        if !none {
            ids(object, key, config)?;
        }
    }
    ids(object, "eos_token_id", config)
}

fn ids(object: &Object, key: &str, config: &ModelConfig) -> Result<BTreeSet<u32>, ModelError> {
    let list = match object.get(key) {
        None => return Ok(BTreeSet::new()),
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    let rows = config.vocab_size;
    let id = |value: &Value| {
        let id = value.as_u64().ok_or_else(|| object.error(key, "must be token ids"))?;
        u32::try_from(id).ok().filter(|&id| (id as usize) < rows).ok_or_else(|| {
            let message = format!(
                "{id} is beyond the model's vocabulary of {rows} tokens, whose ids go from 0 to {}; correct it, or leave it out",
                rows - 1
            );
            object.error(key, message)
        })
    };
    list.iter().map(id).collect()
}

/// Every id of the tokenizer, and every stop token, must have a row in the embedding.
pub(crate) fn check_fits(
    path: &Path,
    config: &ModelConfig,
    tokenizer: &Tokenizer,
    stop_tokens: &BTreeSet<u32>,
) -> Result<(), ModelError> {
    let beyond = |what: String, id: u64| ModelError::Vocabulary {
        origin: path.display().to_string(),
        what,
        id,
        vocab_size: config.vocab_size,
    };
    if tokenizer.vocab_size() > config.vocab_size {
        let what = format!("the tokenizer's token `{}`", tokenizer.last_token());
        return Err(beyond(what, tokenizer.vocab_size() as u64 - 1));
    }
    match stop_tokens.last() {
        Some(&id) if id as usize >= config.vocab_size => {
            Err(beyond("the stop token".to_owned(), id.into()))
        }
        _ => Ok(()),
    }
}

/// Says, once for each model, how many rows of its embedding no token of the tokenizer stands for.
/// Models pad their embeddings. Such rows are drawn from as they are, as `transformers` and other
/// engines do: the log-probs are those of the whole row of logits, and an id without a text adds none.
pub(crate) fn tell_ids_without_text(source: &str, config: &ModelConfig, tokenizer: &Tokenizer) {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let without = config.vocab_size.saturating_sub(tokenizer.tokens());
    if without == 0 {
        return;
    }
    let mut told = TOLD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if told.insert(source.to_owned()) {
        tracing::warn!(
            "{source}: {without} of the model's {} ids have no token in the tokenizer; they may be drawn, and add nothing to a text",
            config.vocab_size
        );
    }
}
