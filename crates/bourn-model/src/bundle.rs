//! Opening and saving a model with everything that belongs to it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::chat::ChatTemplate;
use crate::config::ModelConfig;
use bourn_hub::{Hub, HubId};

use crate::hub;
use crate::json_file::{Object, read_bounded};
use crate::special_ids::{self, check_fits, tell_ids_without_text};
use crate::tokenizer::{SPECIAL, Tokenizer};
use crate::weights::{self, Weights, weights_hash};
use crate::{ModelError, adapter, gguf, safetensors_file, template_files};

const CONFIG: &str = "config.json";
const GENERATION: &str = "generation_config.json";
const TOKENIZER: &str = "tokenizer.json";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

/// Files without which a directory that [`save`] wrote is no model.
pub const FILES: [&str; 3] = [CONFIG, "model.safetensors", TOKENIZER];

/// A model as it was opened: everything but the device it will run on.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The shape.
    pub config: ModelConfig,
    /// Every tensor, in f32, unless they were taken.
    weights: Option<Weights>,
    /// The directory or file that was opened.
    path: PathBuf,
    /// Text to ids and back; every id has a row in the embedding.
    pub tokenizer: Tokenizer,
    /// Ids that end a completion; possibly none.
    pub stop_tokens: BTreeSet<u32>,
    /// How messages become a prompt, where the model has a way.
    pub chat_template: Option<ChatTemplate>,
    /// [`weights_hash`] of the weights.
    pub weights_hash: String,
    /// What [`open`] was asked for.
    pub source: String,
}

/// Weights of fewer bytes stay with a bundle that they were taken from: reading them again would save
/// nothing that matters.
pub const KEPT_BELOW: usize = 256 << 20;

impl Bundle {
    /// A model that was made here. It is not in any file, so that its weights always stay with it.
    pub fn new(config: ModelConfig, weights: Weights, tokenizer: Tokenizer) -> Bundle {
        Bundle {
            weights_hash: weights_hash(&weights),
            config,
            weights: Some(weights),
            path: PathBuf::new(),
            tokenizer,
            stop_tokens: BTreeSet::new(),
            chat_template: None,
            source: String::new(),
        }
    }

    /// Every tensor, in f32; read again where they were taken.
    ///
    /// # Errors
    /// The files can no longer be read, or hold other weights now.
    pub fn weights(&self) -> Result<Cow<'_, Weights>, ModelError> {
        if let Some(weights) = &self.weights {
            return Ok(Cow::Borrowed(weights));
        }
        if !self.path.exists() {
            let message = "was there when it was opened, and is gone; put it back, and resume";
            return Err(ModelError::file(&self.path, message));
        }
        let again = open_at(&self.path, &self.source)?;
        if again.weights_hash != self.weights_hash {
            let message = "holds other weights than when it was opened; put the old ones back, or start anew with the new ones";
            return Err(ModelError::file(&self.path, message));
        }
        let weights = again.weights;
        let missing = || ModelError::file(&self.path, "was read again without its weights");
        weights.map(Cow::Owned).ok_or_else(missing)
    }

    /// The weights, which [`Bundle::weights`] then reads again where they are large: a frozen base is
    /// asked for now and then, and need not fill memory in between.
    ///
    /// # Errors
    /// As [`Bundle::weights`].
    pub fn take_weights(&mut self) -> Result<Weights, ModelError> {
        self.take_from(KEPT_BELOW)
    }

    fn take_from(&mut self, kept_below: usize) -> Result<Weights, ModelError> {
        let weights = self.weights()?.into_owned();
        let bytes: usize = weights.values().map(|tensor| size_of_val(&*tensor.data)).sum();
        if bytes >= kept_below && !self.path.as_os_str().is_empty() {
            self.weights = None;
        }
        Ok(weights)
    }
}

/// Opens a Hugging Face directory, a `.gguf` file or a hub id (`org/name[@revision]`). A path that
/// exists goes before a hub id of the same spelling.
///
/// The hub is asked as `HF_HOME`, `HF_ENDPOINT`, `HF_HUB_OFFLINE` and `HF_TOKEN` say.
///
/// # Errors
/// A source that is neither, a file that is missing, damaged or larger than it may be, a model of another
/// family; each names the file, and the key or tensor.
pub fn open(source: &str) -> Result<Bundle, ModelError> {
    let path = Path::new(source);
    if path.exists() {
        return open_at(path, source);
    }
    let id = HubId::parse(source).filter(|_| !source.ends_with(".gguf"));
    let id = id.ok_or_else(|| ModelError::NotFound(source.to_owned()))?;
    open_directory(&hub::fetch(&Hub::from_environment()?, &id)?, source)
}

/// Opens a Hugging Face directory or a `.gguf` file. Its name need not be text, and is no hub id.
///
/// # Errors
/// As [`open`].
pub fn open_path(path: &Path) -> Result<Bundle, ModelError> {
    let source = path.display().to_string();
    if path.exists() { open_at(path, &source) } else { Err(ModelError::NotFound(source)) }
}

fn open_at(path: &Path, source: &str) -> Result<Bundle, ModelError> {
    if path.is_dir() {
        return open_directory(path, source);
    }
    if gguf::is_gguf(path) {
        return open_gguf(path, source);
    }
    let message = "is not a GGUF file; give a Hugging Face directory, a .gguf file or a hub id";
    Err(ModelError::file(path, message))
}

fn open_gguf(path: &Path, source: &str) -> Result<Bundle, ModelError> {
    let contents = gguf::read(path)?;
    check_fits(path, &contents.config, &contents.tokenizer, &contents.stop_tokens)?;
    tell_ids_without_text(source, &contents.config, &contents.tokenizer);
    Ok(Bundle {
        weights_hash: weights_hash(&contents.weights),
        config: contents.config,
        weights: Some(contents.weights),
        path: path.to_owned(),
        tokenizer: contents.tokenizer,
        stop_tokens: contents.stop_tokens,
        chat_template: contents.chat_template,
        source: source.to_owned(),
    })
}

/// Opens a Hugging Face directory; the small files first, so that a wrong one costs no reading.
pub(crate) fn open_directory(dir: &Path, source: &str) -> Result<Bundle, ModelError> {
    let need = |name: &str, hint: &str| {
        let path = dir.join(name);
        if path.is_file() {
            return Ok(path);
        }
        Err(ModelError::MissingFile { path, hint: hint.to_owned() })
    };
    adapter::refuse(dir)?;
    let hint = "a Hugging Face directory holds config.json, tokenizer.json and model.safetensors; for a GGUF, give the file's own path";
    let config_object = Object::read(&need(CONFIG, hint)?)?;
    let config = ModelConfig::from_object(&config_object)?;
    let hint = "bourn reads the `tokenizers` format; `AutoTokenizer.from_pretrained(…).save_pretrained(…)` writes it for most models";
    let tokenizer_path = need(TOKENIZER, hint)?;
    let origin = tokenizer_path.display().to_string();
    let mut tokenizer = Tokenizer::from_json(&read_bounded(&tokenizer_path)?, &origin)?;
    let tokenizer_config = Object::read_optional(&dir.join(TOKENIZER_CONFIG))?;
    if let Some(object) = &tokenizer_config {
        name_special_tokens(&mut tokenizer, object)?;
    }
    let generation = Object::read_optional(&dir.join(GENERATION))?;
    let mut stop_tokens = BTreeSet::new();
    for object in generation.iter().chain([&config_object]) {
        stop_tokens.extend(special_ids::read(object, &config)?);
    }
    let eos = tokenizer.special_tokens().get("eos_token");
    stop_tokens.extend(eos.and_then(|token| tokenizer.id(token)));
    check_fits(&tokenizer_path, &config, &tokenizer, &stop_tokens)?;
    let chat_template = template_files::read(dir, tokenizer_config.as_ref(), &tokenizer)?;
    let weights = safetensors_file::read_directory(dir, &config)?;
    tell_ids_without_text(source, &config, &tokenizer);
    let weights_hash = weights_hash(&weights);
    Ok(Bundle {
        config,
        weights: Some(weights),
        path: dir.to_owned(),
        tokenizer,
        stop_tokens,
        chat_template,
        weights_hash,
        source: source.to_owned(),
    })
}

/// Reads `bos_token` and its like, each a text or an object with `content`.
fn name_special_tokens(tokenizer: &mut Tokenizer, object: &Object) -> Result<(), ModelError> {
    for role in SPECIAL {
        let Some(value) = object.get(role) else { continue };
        let token = value.as_str().or_else(|| value.get("content").and_then(Value::as_str));
        let token = token.ok_or_else(|| object.error(role, "must be a token's text"))?;
        match (tokenizer.set_special(role, token), role) {
            (Ok(()), _) => {}
            // Files name such tokens that no vocabulary has, and nothing here writes them.
            (Err(e), "pad_token" | "unk_token") => {
                tracing::warn!("{}: `{role}`: {e}; it is left out", object.path().display());
            }
            (Err(e), _) => return Err(object.error(role, e)),
        }
    }
    Ok(())
}

/// Writes a Hugging Face directory that `transformers` opens: `dir` must exist and be empty. Every
/// file, and the directory, is on disk when this returns; renaming the directory into place is the
/// caller's. `open` gives back what was saved.
///
/// # Errors
/// A directory that is not there or not empty, a file that cannot be written, weights that are not the
/// configuration's.
pub fn save(
    dir: &Path,
    config: &ModelConfig,
    weights: &Weights,
    tokenizer: &Tokenizer,
    stop_tokens: &BTreeSet<u32>,
    chat_template: Option<&ChatTemplate>,
) -> Result<(), ModelError> {
    let mut entries = std::fs::read_dir(dir).map_err(ModelError::io("read", dir))?;
    if entries.next().is_some() {
        return Err(ModelError::file(
            dir,
            "is not empty; a model is saved into an empty directory",
        ));
    }
    config.check().map_err(|(key, message)| ModelError::key(&dir.join(CONFIG), key, message))?;
    weights::check(config, weights)?;
    check_fits(dir, config, tokenizer, stop_tokens)?;

    let path = safetensors_file::write(dir, weights)?;
    let file = File::open(&path).map_err(ModelError::io("open", &path))?;
    file.sync_all().map_err(ModelError::io("write", &path))?;
    write(dir, TOKENIZER, tokenizer.to_json().as_bytes())?;
    write_json(dir, TOKENIZER_CONFIG, &tokenizer_config(config, tokenizer, chat_template))?;

    let mut generation = json!({"_from_model_config": false});
    let mut model = config.to_hf_json();
    let id =
        |role: &str| tokenizer.special_tokens().get(role).and_then(|token| tokenizer.id(token));
    for object in [&mut generation, &mut model] {
        for (key, role) in [("bos_token_id", "bos_token"), ("pad_token_id", "pad_token")] {
            if let Some(id) = id(role) {
                object[key] = json!(id);
            }
        }
        let stops: Vec<u32> = stop_tokens.iter().copied().collect();
        object["eos_token_id"] = match stops[..] {
            [] => Value::Null,
            [one] => json!(one),
            _ => json!(stops),
        };
    }
    write_json(dir, CONFIG, &model)?;
    write_json(dir, GENERATION, &generation)?;
    let handle = File::open(dir).map_err(ModelError::io("open", dir))?;
    handle.sync_all().map_err(ModelError::io("write", dir))
}

fn tokenizer_config(
    config: &ModelConfig,
    tokenizer: &Tokenizer,
    chat_template: Option<&ChatTemplate>,
) -> Value {
    let mut object = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": config.max_position,
        "clean_up_tokenization_spaces": false,
    });
    for (role, token) in tokenizer.special_tokens() {
        object[role] = json!(token);
    }
    if let Some(template) = chat_template {
        object["chat_template"] = json!(template.source());
    }
    object
}

fn write_json(dir: &Path, name: &str, value: &Value) -> Result<(), ModelError> {
    // `{:#}` is serde_json's indented form, and cannot fail for a value.
    write(dir, name, format!("{value:#}\n").as_bytes())
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), ModelError> {
    let path = dir.join(name);
    let mut file = File::create(&path).map_err(ModelError::io("create", &path))?;
    file.write_all(bytes).map_err(ModelError::io("write", &path))?;
    file.sync_all().map_err(ModelError::io("write", &path))
}

#[cfg(test)]
#[path = "../tests/unit/bundle.rs"]
mod tests;
