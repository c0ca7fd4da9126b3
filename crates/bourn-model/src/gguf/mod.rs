//! Models from a GGUF file: shape, weights and tokenizer, all from the one file.

mod dequantise;
mod model;
mod reader;
mod source;
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

/// Reads a GGUF file; quantised tensors are unpacked to f32.
pub(crate) fn read(path: &Path) -> Result<Contents, ModelError> {
    let file = Gguf::open(path)?;
    let config = model::config(&file)?;
    let tokenizer = tokenizer::read(&file)?;
    let stop_tokens = tokenizer::stop_tokens(&file)?;
    let template = file.text("tokenizer.chat_template")?;
    let special = tokenizer.special_tokens();
    let origin = path.display().to_string();
    let chat_template = template.map(|t| ChatTemplate::new(t, special).read_from(origin));
    let weights = model::weights(&file, &config)?;
    Ok(Contents { config, weights, tokenizer, stop_tokens, chat_template })
}
