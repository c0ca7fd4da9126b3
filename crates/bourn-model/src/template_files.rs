//! Where a Hugging Face directory has its chat template.

use std::path::Path;

use serde_json::Value;

use crate::ModelError;
use crate::chat::ChatTemplate;
use crate::json_file::{Object, read_bounded};
use crate::tokenizer::Tokenizer;

/// The template on its own.
pub(crate) const TEMPLATE: &str = "chat_template.jinja";
/// A JSON object with `chat_template`: where processors had theirs.
pub(crate) const TEMPLATE_JSON: &str = "chat_template.json";
/// Templates by name, each a file.
pub(crate) const ADDITIONAL: &str = "additional_chat_templates";
/// What those files' names end in.
pub(crate) const EXTENSION: &str = ".jinja";
const KEY: &str = "chat_template";

/// The template of `chat_template.jinja`, else of `additional_chat_templates/`, else of
/// `tokenizer_config.json` (`transformers`' order for a tokenizer), else of `chat_template.json`, which
/// `transformers` reads for processors alone.
pub(crate) fn read(
    dir: &Path,
    tokenizer_config: Option<&Object>,
    tokenizer: &Tokenizer,
) -> Result<Option<ChatTemplate>, ModelError> {
    let template = |text: &str, path: &Path| {
        let origin = path.display().to_string();
        Some(ChatTemplate::new(text, tokenizer.special_tokens()).read_from(origin))
    };
    let path = dir.join(TEMPLATE);
    if path.exists() {
        return Ok(template(&text_of(&path)?, &path));
    }
    if let Some(path) = additional(&dir.join(ADDITIONAL))? {
        return Ok(template(&text_of(&path)?, &path));
    }
    let legacy = Object::read_optional(&dir.join(TEMPLATE_JSON))?;
    let mut found = None;
    for object in tokenizer_config.into_iter().chain(&legacy) {
        let Some(value) = object.get(KEY) else { continue };
        let text = default_of(value).map_err(|message| object.error(KEY, message))?;
        match found {
            None => found = Some((text, object.path())),
            Some((first, path)) if first != text => tracing::warn!(
                "{}: `{KEY}`: differs from that of {}, which is taken; put the one that is meant into {TEMPLATE}",
                object.path().display(),
                path.display()
            ),
            Some(_) => {}
        }
    }
    Ok(found.and_then(|(text, path)| template(text, path)))
}

/// The file of the default among templates that are files; none where there are no such files.
fn additional(dir: &Path) -> Result<Option<std::path::PathBuf>, ModelError> {
    if !dir.is_dir() {
        return Ok(None);
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(ModelError::io("read", dir))? {
        let name = entry.map_err(ModelError::io("read", dir))?.file_name();
        names.extend(name.to_str().and_then(|n| n.strip_suffix(EXTENSION)).map(str::to_owned));
    }
    names.sort();
    match names.iter().find(|name| *name == "default") {
        Some(name) => Ok(Some(dir.join(format!("{name}{EXTENSION}")))),
        None if names.is_empty() => Ok(None),
        None => {
            let message = format!(
                "has the chat templates {}, and {TEMPLATE} beside it, the one without a name, is missing; copy the one that is meant to it",
                listed(names.iter().map(String::as_str))
            );
            Err(ModelError::file(dir, message))
        }
    }
}

/// A template, or the one that is meant of several with names.
fn default_of(value: &Value) -> Result<&str, String> {
    const FORM: &str = "must be a template, or a list of named ones with one named `default`";
    let list = match value {
        Value::String(text) => return Ok(text),
        Value::Array(list) => list,
        _ => return Err(FORM.to_owned()),
    };
    let text = |entry: &'_ Value| entry["template"].as_str().is_some();
    if list.is_empty() || !list.iter().all(text) {
        return Err(FORM.to_owned());
    }
    let default = list.iter().find(|entry| entry["name"] == "default");
    let only = list.first().filter(|_| list.len() == 1);
    default.or(only).and_then(|entry| entry["template"].as_str()).ok_or_else(|| {
        let names = list.iter().map(|entry| entry["name"].as_str().unwrap_or_default());
        format!(
            "has the templates {} and none named `default`; put the one that is meant into {TEMPLATE}",
            listed(names)
        )
    })
}

/// `a`, `b` in backticks.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn text_of(path: &Path) -> Result<String, ModelError> {
    let text = String::from_utf8(read_bounded(path)?);
    text.map_err(|_| ModelError::file(path, "is not UTF-8"))
}

#[cfg(test)]
#[path = "../tests/unit/template_files.rs"]
mod tests;
