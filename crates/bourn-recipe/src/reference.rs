//! The reference page of all keys, from the same definition as the check.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::AlgorithmName;
use crate::conform::{names_of, plain};
use crate::schema::{Section, json_schema, properties, sections, table_branches};

/// Every key of a recipe with its type, default and meaning, as a Markdown page.
pub fn reference_markdown() -> String {
    let schema = json_schema();
    let mut page = String::from(
        "# Recipe reference\n\n\
         Generated from the definition that recipes are checked against. A recipe is a TOML file; \
         a key that is not listed here is an error. `--set section.key=value` sets one key of any \
         section, `--set task.0.key=value` one of the first `[[task]]`.\n",
    );
    for section in sections(&schema) {
        page.push_str(&section_markdown(&section));
        if section.path == "algorithm" {
            page.push_str(&defaults_by_algorithm());
        }
    }
    page
}

/// What every name of `[algorithm]` sets: the first in full, the others where they differ from it.
fn defaults_by_algorithm() -> String {
    let settings = |name: AlgorithmName| {
        let json = serde_json::to_value(name.settings()).unwrap_or_default();
        let mut keys: BTreeMap<String, Json> =
            json.as_object().cloned().unwrap_or_default().into_iter().collect();
        keys.remove("name");
        keys
    };
    let first = AlgorithmName::ALL[0];
    let plain = settings(first);
    let mut page = String::from(
        "\n### Defaults by `name`\n\nThe first row has every key, the others what differs from it.\n\n\
         | name | defaults |\n|---|---|\n",
    );
    for &name in AlgorithmName::ALL {
        let own = settings(name);
        let shown =
            own.iter().filter(|&(key, value)| name == first || plain.get(key) != Some(value));
        let cells: Vec<String> =
            shown.map(|(key, value)| format!("`{key} = {}`", toml_value(value))).collect();
        page.push_str(&format!("| `{}` | {} |\n", name.name(), cells.join(", ")));
    }
    page
}

fn section_markdown(section: &Section<'_>) -> String {
    let heading = match (section.title.as_str(), section.kind) {
        ("", _) => "Top level".to_string(),
        (title, None) => format!("`{title}`"),
        (title, Some(kind)) => format!("`{title}` with `kind = \"{kind}\"`"),
    };
    let about = text_of(section.schema);
    let mut page = format!("\n## {heading}\n\n{about}\n\n");
    page.push_str("| key | type | default | meaning |\n|---|---|---|---|\n");
    let required: Vec<&str> = section.schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    for (key, schema) in properties(section.schema) {
        let default = default_of(schema, required.contains(&key.as_str()));
        let row = [&format!("`{key}`"), &type_of(schema), &default, &meaning_of(schema)];
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        page.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    page
}

fn type_of(schema: &Json) -> String {
    let names = names_of(schema);
    if !names.is_empty() {
        return names.iter().map(|name| format!("`\"{name}\"`")).collect::<Vec<_>>().join(", ");
    }
    if let Some(branches) = schema["anyOf"].as_array() {
        return branches.iter().map(type_of).collect::<Vec<_>>().join(" or ");
    }
    if !table_branches(schema).is_empty() {
        return "table".to_string();
    }
    match schema["type"].as_str() {
        Some("array") => array_of(schema),
        Some("boolean") => "true or false".to_string(),
        Some(name) => format!("{name}{}", range_of(schema)),
        None => String::new(),
    }
}

fn array_of(schema: &Json) -> String {
    match (schema["prefixItems"].as_array(), schema.get("items")) {
        (Some(tuple), _) => {
            let parts: Vec<String> = tuple.iter().map(type_of).collect();
            format!("[{}]", parts.join(", "))
        }
        (None, Some(items)) if !table_branches(items).is_empty() => "tables".to_string(),
        (None, Some(items)) => format!("array of {}", type_of(items)),
        (None, None) => "array".to_string(),
    }
}

fn range_of(schema: &Json) -> String {
    let bound =
        |key: &str, sign: &str| schema.get(key).map(|bound| format!("{sign} {}", plain(bound)));
    let bounds: Vec<String> = [
        bound("minimum", "≥"),
        bound("exclusiveMinimum", ">"),
        bound("maximum", "≤"),
        bound("exclusiveMaximum", "<"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if bounds.is_empty() { String::new() } else { format!(" {}", bounds.join(", ")) }
}

fn default_of(schema: &Json, required: bool) -> String {
    if required {
        return "**required**".to_string();
    }
    if let Some(words) = schema["x-default"].as_str() {
        return words.to_string();
    }
    match schema.get("default") {
        None | Some(Json::Null) => String::new(),
        Some(Json::Object(_)) => "see below".to_string(),
        Some(value) => format!("`{}`", toml_value(value)),
    }
}

/// A default as it would be written in a recipe.
fn toml_value(value: &Json) -> String {
    match value {
        Json::Array(items) => {
            format!("[{}]", items.iter().map(toml_value).collect::<Vec<_>>().join(", "))
        }
        Json::Number(number) if number.is_f64() => match number.as_f64() {
            Some(float) => format!("{float:?}"),
            None => number.to_string(),
        },
        other => other.to_string(),
    }
}

fn meaning_of(schema: &Json) -> String {
    let mut text = text_of(schema);
    if text.is_empty() && schema.get("const").is_some() {
        return "Chooses this table's keys.".to_string();
    }
    // What each name of an enumeration means.
    for branch in schema["oneOf"].as_array().into_iter().flatten() {
        if let (Some(name), about) = (branch["const"].as_str(), text_of(branch))
            && !about.is_empty()
        {
            text.push_str(&format!(" `\"{name}\"`: {}.", about.trim_end_matches('.')));
        }
    }
    text
}

fn text_of(schema: &Json) -> String {
    schema["description"]
        .as_str()
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
