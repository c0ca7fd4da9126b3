//! The JSON schema of a recipe and the sections that can be read out of it.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as Json};

use crate::error::shown;
use crate::tree::KeyStep;
use crate::written::Written;

/// The JSON schema (draft 2020-12) of a recipe as its user writes it, for editors and for checks.
/// `x-default` describes a default that depends on other keys, `x-hint` says why a range is as it is,
/// `x-instead` what to write in place of names that others have.
pub fn json_schema() -> Json {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<Written>().as_value().clone();
    remove_null(&mut schema);
    schema
}

/// TOML has no null: an optional key is left out, never set to nothing.
pub(crate) fn remove_null(schema: &mut Json) {
    match schema {
        Json::Array(items) => items.iter_mut().for_each(remove_null),
        Json::Object(object) => {
            for key in ["anyOf", "oneOf"] {
                let Some(Json::Array(branches)) = object.get_mut(key) else { continue };
                branches.retain(|branch| branch["type"] != "null");
                if branches.len() == 1
                    && let Some(Json::Object(only)) = branches.pop()
                {
                    object.remove(key);
                    // What the field says of itself stands before what its type says.
                    for (key, value) in only {
                        object.entry(key).or_insert(value);
                    }
                }
            }
            if let Some(Json::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if types.len() == 1 {
                    object["type"] = types.remove(0);
                }
            }
            match object.get_mut("default") {
                Some(Json::Object(defaults)) => defaults.retain(|_, value| !value.is_null()),
                Some(Json::Null) => drop(object.remove("default")),
                _ => {}
            }
            object.values_mut().for_each(remove_null);
        }
        _ => {}
    }
}

/// The branch of a schema that describes tables, for each kind of table it allows.
pub(crate) fn table_branches(schema: &Json) -> Vec<&Json> {
    match schema.get("oneOf").and_then(Json::as_array) {
        Some(branches) => branches.iter().filter(|branch| branch["type"] == "object").collect(),
        None if schema["type"] == "object" => vec![schema],
        None => Vec::new(),
    }
}

/// The keys of one table's schema, in the order of their definition.
pub(crate) fn properties(table: &Json) -> impl Iterator<Item = (&String, &Json)> {
    table.get("properties").and_then(Json::as_object).into_iter().flat_map(Map::iter)
}

/// The value of `kind` that selects this branch of a tagged table.
pub(crate) fn kind(table: &Json) -> Option<&str> {
    table["properties"]["kind"]["const"].as_str()
}

/// A table of the recipe: `[rollout]`, `[[task]]` of one kind, `[model.architecture]`.
pub(crate) struct Section<'a> {
    /// Dotted path; empty for the top level.
    pub path: String,
    /// As a header: `[[task]]`; empty for the top level.
    pub title: String,
    /// Which of several tables under this title it is.
    pub kind: Option<&'a str>,
    pub schema: &'a Json,
}

/// Every table of the schema, in the order of its definition; one that stands in several places
/// (`[[reward]]`, `[[task.reward]]`) where its path is shortest, and the first of those.
pub(crate) fn sections(schema: &Json) -> Vec<Section<'_>> {
    let root = Section { path: String::new(), title: String::new(), kind: None, schema };
    let mut all = vec![root];
    collect(schema, "", &mut all);
    let shortest = |(place, section): (usize, &Section<'_>)| {
        let before = |(other_place, other): (usize, &Section<'_>)| {
            other.schema["properties"] == section.schema["properties"]
                && (other.path.len(), other_place) < (section.path.len(), place)
        };
        !all.iter().enumerate().any(before)
    };
    let keep: Vec<bool> = all.iter().enumerate().map(shortest).collect();
    all.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(section, _)| section).collect()
}

fn collect<'a>(table: &'a Json, path: &str, found: &mut Vec<Section<'a>>) {
    for (key, schema) in properties(table) {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let (tables, title) = match schema.get("items") {
            Some(items) => (table_branches(items), format!("[[{path}]]")),
            None => (table_branches(schema), format!("[{path}]")),
        };
        for schema in tables {
            let title = title.clone();
            found.push(Section { path: path.clone(), title, kind: kind(schema), schema });
            collect(schema, &path, found);
        }
    }
}

/// A path as its user knows it: `[rollout] temperature`, `[[probe.sampler]] top_p`, `seed`.
pub(crate) fn name(schema: &Json, path: &[KeyStep]) -> String {
    let mut at = Some(schema);
    let mut keys: Vec<String> = Vec::new();
    let mut section = String::new();
    // What was passed since the section's header.
    let mut rest: Vec<String> = Vec::new();
    for step in path {
        let part = match step {
            KeyStep::Key(key) => shown(key),
            KeyStep::Index(index) => index.to_string(),
        };
        at = at.and_then(|schema| below(schema, step));
        if let KeyStep::Key(_) = step {
            keys.push(part.clone());
        }
        rest.push(part);
        let header = match at {
            Some(schema) if !table_branches(schema).is_empty() => match step {
                KeyStep::Key(_) => Some(format!("[{}]", keys.join("."))),
                KeyStep::Index(_) => Some(format!("[[{}]]", keys.join("."))),
            },
            Some(schema) if holds_tables(schema) => Some(format!("[[{}]]", keys.join("."))),
            _ => None,
        };
        if let Some(header) = header {
            section = header;
            rest.clear();
        }
    }
    match (section.is_empty(), rest.is_empty()) {
        (true, _) => rest.join("."),
        (false, true) => section,
        (false, false) => format!("{section} {}", rest.join(".")),
    }
}

/// Is it an array of tables?
pub(crate) fn holds_tables(schema: &Json) -> bool {
    schema.get("items").is_some_and(|items| !table_branches(items).is_empty())
}

fn below<'a>(schema: &'a Json, step: &KeyStep) -> Option<&'a Json> {
    match step {
        KeyStep::Key(key) => table_branches(schema)
            .into_iter()
            .find_map(|branch| branch.get("properties").and_then(|keys| keys.get(key))),
        KeyStep::Index(index) => match schema.get("prefixItems") {
            Some(tuple) => tuple.get(index),
            None => schema.get("items"),
        },
    }
}
