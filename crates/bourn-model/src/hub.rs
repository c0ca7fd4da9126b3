//! Models from a Hugging Face hub.

use std::path::PathBuf;

use bourn_hub::{Holds, Hub, HubId};

use crate::{ModelError, safetensors_file};

/// Files that are read where the repository has them.
const SMALL: [&str; 5] = [
    "config.json",
    "tokenizer.json",
    "generation_config.json",
    "tokenizer_config.json",
    "chat_template.jinja",
];
const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// The model by which the hub is asked whether it answers; small, and the one of bourn's recipes.
const KNOWN: &str = "HuggingFaceTB/SmolLM2-135M-Instruct";

/// Asks the hub for the file list of a model that the public one has.
///
/// # Errors
/// It does not answer, or does not have it.
pub fn ask_hub() -> Result<(), ModelError> {
    let known = HubId::parse(KNOWN).expect("the id is one");
    Ok(Hub::from_environment()?.ask(&known)?)
}

/// The directory that holds the model's files, downloaded first unless offline.
pub(crate) fn fetch(hub: &Hub, id: &HubId) -> Result<PathBuf, ModelError> {
    let model = hub.snapshot(Holds::Model, id)?;
    for file in SMALL.into_iter().filter(|file| model.has(file)) {
        model.get(file)?;
    }
    if model.has(SINGLE) {
        model.get(SINGLE)?;
    } else if model.has(INDEX) {
        for shard in safetensors_file::shards(&model.get(INDEX)?)?.keys() {
            model.get(shard)?;
        }
    } else {
        return Err(model
            .error(format!(
                "has neither {SINGLE} nor {INDEX}; for a GGUF, download the file and give its path"
            ))
            .into());
    }
    Ok(model.complete()?)
}

#[cfg(test)]
#[path = "../tests/unit/hub.rs"]
mod tests;
