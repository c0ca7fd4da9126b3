//! Models from a Hugging Face hub.

use std::path::PathBuf;

use bourn_hub::{Holds, Hub, HubId};

use crate::template_files::{ADDITIONAL, EXTENSION, TEMPLATE, TEMPLATE_JSON};
use crate::{ModelError, adapter, safetensors_file};

/// Files that are read where the repository has them.
const SMALL: [&str; 6] = [
    "config.json",
    "tokenizer.json",
    "generation_config.json",
    "tokenizer_config.json",
    TEMPLATE,
    TEMPLATE_JSON,
];
/// Most templates with names of their own that are read.
const MAX_TEMPLATES: usize = 32;
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
    if let Some(file) = adapter::FILES.into_iter().find(|file| model.has(file)) {
        let message = format!("has an adapter, {file}; {}", adapter::ADVICE);
        return Err(model.error(message).into());
    }
    for file in SMALL.into_iter().filter(|file| model.has(file)) {
        model.get(file)?;
    }
    for file in model.files().iter().filter(|file| is_template(file)).take(MAX_TEMPLATES) {
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

/// Whether a file of a repository is a template with a name of its own.
fn is_template(file: &str) -> bool {
    let name = file.strip_prefix(ADDITIONAL).and_then(|rest| rest.strip_prefix('/'));
    name.is_some_and(|name| name.ends_with(EXTENSION) && !name.contains(['/', '\\']))
}

#[cfg(test)]
#[path = "../tests/unit/hub.rs"]
mod tests;
