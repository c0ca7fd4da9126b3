//! Adapters (LoRA and its like, as `peft` saves them) beside a model's weights, or instead of them. What
//! they change is not computed, so that none is passed over.

use std::path::Path;

use crate::ModelError;
use crate::json_file::Object;

const CONFIG: &str = "adapter_config.json";
/// The files that a directory with an adapter has.
pub(crate) const FILES: [&str; 3] = [CONFIG, "adapter_model.safetensors", "adapter_model.bin"];

/// What to do about one.
pub(crate) const ADVICE: &str = "bourn does not apply it: merge it into the model (peft's \
     `merge_and_unload`, then `save_pretrained`), or move it away to have the model without it";

/// Refuses a directory that has an adapter.
pub(crate) fn refuse(dir: &Path) -> Result<(), ModelError> {
    let paths = FILES.map(|name| dir.join(name));
    let Some(path) = paths.iter().find(|path| path.exists()) else { return Ok(()) };
    // Of which model is worth knowing, and not worth an error of its own.
    let base = Object::read_optional(&dir.join(CONFIG)).ok().flatten();
    let base = base.and_then(|object| object.string("base_model_name_or_path").ok().flatten());
    let of = base.map(|base| format!(" of `{base}`")).unwrap_or_default();
    Err(ModelError::file(path, format!("is an adapter{of}; {ADVICE}")))
}
