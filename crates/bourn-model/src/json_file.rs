//! JSON objects that know the file they came from, so that an error can name file and key.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::ModelError;

/// More than any configuration, index or tokenizer published (35 MB); a larger file is not one of those.
const MAX_BYTES: u64 = 128 << 20;
/// Most values of a file, each of which takes some fifty bytes of memory: `0,` would become as many
/// from two. The largest tokenizer published has two million.
const MAX_VALUES: usize = 8 << 20;

/// A JSON object, the file it was read from and where in the file it stands.
pub(crate) struct Object {
    path: PathBuf,
    prefix: String,
    map: Map<String, Value>,
}

/// Reads a whole small file, refusing one that is too large to be what it claims.
pub(crate) fn read_bounded(path: &Path) -> Result<Vec<u8>, ModelError> {
    let mut bytes = Vec::new();
    let file = bourn_foreign::open(path).map_err(ModelError::io("open", path))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(ModelError::io("read", path))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ModelError::file(path, format!("is longer than {MAX_BYTES} bytes")));
    }
    // What stands between values; those within texts count too.
    let values = bytes.iter().filter(|&&byte| byte == b',').count();
    if values > MAX_VALUES {
        return Err(ModelError::file(path, format!("holds more than {MAX_VALUES} values")));
    }
    Ok(bytes)
}

impl Object {
    /// Reads a file that holds one JSON object.
    pub(crate) fn read(path: &Path) -> Result<Object, ModelError> {
        let value = serde_json::from_slice(&read_bounded(path)?)
            .map_err(|e| ModelError::file(path, format!("is not valid JSON: {e}")))?;
        match value {
            Value::Object(map) => Ok(Object { path: path.to_owned(), prefix: String::new(), map }),
            _ => Err(ModelError::file(path, "must hold one JSON object")),
        }
    }

    /// As [`Object::read`], or `None` where there is no such file.
    pub(crate) fn read_optional(path: &Path) -> Result<Option<Object>, ModelError> {
        if path.exists() { Self::read(path).map(Some) } else { Ok(None) }
    }

    /// The object under `key`, whose errors name `key.…`.
    pub(crate) fn child(&self, key: &str, map: &Map<String, Value>) -> Object {
        Object {
            path: self.path.clone(),
            prefix: format!("{}{key}.", self.prefix),
            map: map.clone(),
        }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// An error about `key` of this object.
    pub(crate) fn error(&self, key: &str, message: impl Into<String>) -> ModelError {
        ModelError::key(&self.path, &format!("{}{key}", self.prefix), message)
    }

    /// Whether the key is written at all, null included.
    pub(crate) fn contains(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// The value of a key; null is absence.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.map.get(key).filter(|v| !v.is_null())
    }

    /// A string, if present.
    pub(crate) fn string(&self, key: &str) -> Result<Option<String>, ModelError> {
        self.typed(key, "a string", |v| v.as_str().map(str::to_owned))
    }

    /// A boolean, if present.
    pub(crate) fn boolean(&self, key: &str) -> Result<Option<bool>, ModelError> {
        self.typed(key, "true or false", Value::as_bool)
    }

    /// A number, if present.
    pub(crate) fn number(&self, key: &str) -> Result<Option<f64>, ModelError> {
        self.typed(key, "a number", Value::as_f64)
    }

    /// A whole number that fits memory, if present. `2048.0` counts, as some converters write it.
    pub(crate) fn size(&self, key: &str) -> Result<Option<usize>, ModelError> {
        self.typed(key, "a whole number of at least 0", |v| {
            let whole = v.as_f64().filter(|f| f.fract() == 0.0 && (0.0..9e15).contains(f));
            v.as_u64().or(whole.map(|f| f as u64)).and_then(|n| usize::try_from(n).ok())
        })
    }

    fn typed<T>(
        &self,
        key: &str,
        wanted: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, ModelError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match read(value) {
            Some(v) => Ok(Some(v)),
            None => Err(self.error(key, format!("must be {wanted}, not {}", short(value)))),
        }
    }
}

/// A value as an error shows it: whole if short, else its beginning.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
