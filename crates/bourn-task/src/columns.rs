//! Columns of a row by the names that recipes give them.

use std::borrow::Cow;
use std::path::Path;

use serde_json::{Map, Value};

use crate::load::TaskError;

/// A row and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub path: &'a Path,
    pub line: u64,
    pub columns: &'a Map<String, Value>,
}

impl Place<'_> {
    /// An error about this row.
    pub(crate) fn malformed(&self, problem: String) -> TaskError {
        TaskError::Malformed { path: self.path.to_path_buf(), line: self.line, problem }
    }
}

/// The column of a name, or of the first of several (`a|b`) that there is. `a.b` is the column b inside
/// a, unless a column is called so; a text that holds a JSON object is gone into as well.
pub(crate) fn find<'a>(columns: &'a Map<String, Value>, name: &str) -> Option<Cow<'a, Value>> {
    if let Some(value) = columns.get(name) {
        return Some(Cow::Borrowed(value));
    }
    name.split('|').find_map(|name| {
        let name = name.trim();
        columns.get(name).map(Cow::Borrowed).or_else(|| {
            let (outer, inner) = name.split_once('.')?;
            inside(columns.get(outer)?, inner)
        })
    })
}

fn inside<'a>(value: &'a Value, name: &str) -> Option<Cow<'a, Value>> {
    match value {
        Value::Object(columns) => find(columns, name),
        Value::String(text) => match serde_json::from_str(text).ok()? {
            Value::Object(columns) => {
                find(&columns, name).map(|found| Cow::Owned(found.into_owned()))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The value of a column that a key of the recipe names.
///
/// # Errors
/// There is none; the error names those that there are, also inside others.
pub(crate) fn column<'a>(
    place: &Place<'a>,
    named: (&'static str, &str),
) -> Result<Cow<'a, Value>, TaskError> {
    find(place.columns, named.1).ok_or_else(|| {
        let names = names(place.columns);
        missing_column(place.path, place.line, names.iter(), named)
    })
}

/// The columns that there are, those inside others as `a.b`.
pub(crate) fn names(columns: &Map<String, Value>) -> Vec<String> {
    const LISTED: usize = 64;
    let mut names = Vec::new();
    for (name, value) in columns {
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                names.extend(inner.keys().map(|key| format!("{name}.{key}")));
            }
            _ => names.push(name.clone()),
        }
    }
    names.truncate(LISTED);
    names
}

/// The error that there is no such column, which a key of the recipe names, where there are
/// `columns`.
pub(crate) fn missing_column<'a>(
    path: &Path,
    line: u64,
    columns: impl Iterator<Item = &'a String> + Clone,
    (key, name): (&'static str, &str),
) -> TaskError {
    let names: Vec<String> = columns.clone().map(|key| format!("`{key}`")).collect();
    let nearest = bourn_recipe::nearest(name, columns.map(String::as_str))
        .map_or_else(String::new, |key| format!(" (the nearest is `{key}`)"));
    TaskError::MissingColumn {
        path: path.to_path_buf(),
        line,
        column: name.to_string(),
        columns: names.join(", "),
        nearest,
        key,
    }
}

#[cfg(test)]
#[path = "../tests/unit/columns.rs"]
mod tests;
