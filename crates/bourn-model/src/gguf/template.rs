//! The chat template of a GGUF file: the one without a name, else the only one with a name.

use super::reader::Gguf;
use crate::ModelError;
use crate::chat::ChatTemplate;
use crate::tokenizer::Tokenizer;

const KEY: &str = "tokenizer.chat_template";

pub(super) fn read(file: &Gguf, tokenizer: &Tokenizer) -> Result<Option<ChatTemplate>, ModelError> {
    let named = || file.metadata.keys().filter(|key| key.starts_with("tokenizer.chat_template."));
    let text = match (file.text(KEY)?, named().next()) {
        (Some(text), _) => text,
        (None, None) => return Ok(None),
        (None, Some(only)) if named().count() == 1 => file.text(only)?.unwrap_or_default(),
        (None, Some(_)) => {
            let names: Vec<String> = named().map(|key| format!("`{key}`")).collect();
            let message = format!(
                "is missing, and which of {} is meant is not said; give one of them this name",
                names.join(", ")
            );
            return Err(file.key_error(KEY, message));
        }
    };
    let template = ChatTemplate::new(text, tokenizer.special_tokens());
    Ok(Some(template.read_from(file.path.display().to_string())))
}
