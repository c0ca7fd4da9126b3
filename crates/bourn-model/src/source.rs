//! What a model's name names, without opening or fetching it.

use std::path::Path;

use bourn_hub::HubId;

use crate::json_file::read_bounded;
use crate::template_files::{ADDITIONAL, EXTENSION, TEMPLATE, TEMPLATE_JSON};
use crate::{ModelError, adapter, gguf};

/// Parts of names by which publishers tell tuned models from plain ones.
const TUNED: [&str; 3] = ["instruct", "chat", "assistant"];

/// What a model's name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A Hugging Face directory on this machine.
    Directory,
    /// A GGUF file on this machine.
    Gguf,
    /// A hub id; whether there is such a model only the hub knows.
    Hub,
}

impl SourceKind {
    /// What `source` names, by its spelling and a look at the directory.
    ///
    /// # Errors
    /// Neither a model's directory, nor a GGUF file, nor a hub id.
    pub fn of(source: &str) -> Result<SourceKind, ModelError> {
        let path = Path::new(source);
        if path.is_dir() {
            let config = path.join("config.json");
            if !config.is_file() {
                adapter::refuse(path)?;
                let hint = "a model's directory has one; a run's models are in its checkpoints";
                return Err(ModelError::MissingFile { path: config, hint: hint.to_owned() });
            }
            return Ok(SourceKind::Directory);
        }
        if path.exists() {
            let message =
                "is not a GGUF file; give a Hugging Face directory, a .gguf file or a hub id";
            return match gguf::is_gguf(path) {
                true => Ok(SourceKind::Gguf),
                false => Err(ModelError::file(path, message)),
            };
        }
        match HubId::parse(source).filter(|_| !source.ends_with(".gguf")) {
            Some(_) => Ok(SourceKind::Hub),
            None => Err(ModelError::NotFound(source.to_owned())),
        }
    }
}

/// Whether prompts should go through the model's chat template: it has one in its directory, and
/// elsewhere its name says that it was tuned. A guess, to be offered and not to be acted on unsaid.
pub fn seems_chat(source: &str) -> bool {
    let path = Path::new(source);
    let name = source.to_ascii_lowercase();
    let tuned = TUNED.iter().any(|part| name.contains(part)) || name.ends_with("-it");
    if !path.is_dir() {
        return tuned;
    }
    let config = read_bounded(&path.join("tokenizer_config.json")).unwrap_or_default();
    let key = b"\"chat_template\"";
    let default = format!("{ADDITIONAL}/default{EXTENSION}");
    let files = [TEMPLATE, TEMPLATE_JSON, &default];
    let file = files.iter().any(|file| path.join(file).exists());
    file || config.windows(key.len()).any(|part| part == key)
}

#[cfg(test)]
#[path = "../tests/unit/source.rs"]
mod tests;
