//! Models from a GGUF file: shape, weights and tokenizer, all from the one file.

mod dequantise;
mod model;
mod reader;
mod rope;
mod source;
mod split;
mod template;
mod tokenizer;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use crate::chat::ChatTemplate;
use crate::tokenizer::Tokenizer;
use crate::{ModelConfig, ModelError, Weights};

use reader::Gguf;

/// What a GGUF file holds.
pub(crate) struct Contents {
    pub config: ModelConfig,
    pub weights: Weights,
    pub tokenizer: Tokenizer,
    pub stop_tokens: BTreeSet<u32>,
    pub chat_template: Option<ChatTemplate>,
}

/// Whether a file begins as a GGUF does.
pub(crate) fn is_gguf(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = bourn_foreign::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == reader::MAGIC
}

/// What a file says that it is, where that is no model.
fn refuse_other_than_models(file: &Gguf) -> Result<(), ModelError> {
    let key = "general.type";
    let message = match file.text(key)? {
        None | Some("model") => return Ok(()),
        Some("adapter") => {
            "`adapter`: this is a LoRA adapter, not a model; merge it into its base (llama.cpp's \
             llama-export-lora does) and give the merged file"
                .to_owned()
        }
        Some(other) => format!("`{other}`: this is not a model; give the model's own file"),
    };
    Err(file.key_error(key, message))
}

/// Reads a GGUF file; quantised tensors are unpacked to f32.
pub(crate) fn read(path: &Path) -> Result<Contents, ModelError> {
    let file = Gguf::open(path)?;
    refuse_other_than_models(&file)?;
    let config = model::config(&file)?;
    let tokenizer = tokenizer::read(&file)?;
    let stop_tokens = tokenizer::stop_tokens(&file)?;
    let chat_template = template::read(&file, &tokenizer)?;
    let weights = model::weights(&file, &config)?;
    Ok(Contents { config, weights, tokenizer, stop_tokens, chat_template })
}
