//! Does a tree conform to the schema? Keys, types and ranges, in the order in which a reader meets
//! them.

use serde_json::Value as Json;

use crate::error::{RecipeError, shown};
use crate::names;
use crate::nearest::nearest;
use crate::schema::{holds_tables, kind, name, properties, table_branches};
use crate::tree::{KeyStep, SourceMark, Sources, Table, TreeEntry, TreeNode, TreeValue};

/// Checks a whole recipe against its schema.
pub(crate) fn conform(
    sources: &Sources,
    schema: &Json,
    root: &TreeNode,
) -> Result<(), RecipeError> {
    Walk { sources, root: schema, path: Vec::new() }.value(schema, root, root.mark)
}

struct Walk<'a> {
    sources: &'a Sources,
    root: &'a Json,
    path: Vec<KeyStep>,
}

impl Walk<'_> {
    fn value(
        &mut self,
        schema: &Json,
        node: &TreeNode,
        mark: SourceMark,
    ) -> Result<(), RecipeError> {
        if !table_branches(schema).is_empty() {
            return match &node.value {
                TreeValue::Table(table) => self.table(schema, table, mark),
                other => Err(self.wrong_type(schema, other, mark)),
            };
        }
        if let Some(branches) = schema.get("anyOf").and_then(Json::as_array) {
            let branch = branches.iter().find(|branch| is_type(branch, &node.value));
            return match branch {
                Some(branch) => self.value(branch, node, mark),
                None => Err(self.wrong_type(schema, &node.value, mark)),
            };
        }
        if !is_type(schema, &node.value) {
            return Err(self.wrong_type(schema, &node.value, mark));
        }
        match &node.value {
            TreeValue::Integer(number) => self.range(schema, NumericValue::Integer(*number), mark),
            TreeValue::Float(number) => self.range(schema, NumericValue::Float(*number), mark),
            TreeValue::String(text) => self.string(schema, text, mark),
            TreeValue::Array(items) => self.array(schema, items, mark),
            TreeValue::Boolean(_) | TreeValue::DateTime | TreeValue::Table(_) => Ok(()),
        }
    }

    fn table(&mut self, schema: &Json, table: &Table, mark: SourceMark) -> Result<(), RecipeError> {
        let schema = self.branch(schema, table, mark)?;
        let known = |key: &str| properties(schema).any(|(name, _)| name == key);
        let stray = table
            .iter()
            .filter(|(key, _)| !known(key))
            .min_by_key(|(_, entry)| Sources::order(entry.mark));
        if let Some((key, entry)) = stray {
            return Err(self.unknown(schema, key, entry));
        }
        let required = schema.get("required").and_then(Json::as_array);
        for key in required.into_iter().flatten().filter_map(Json::as_str) {
            if !table.contains_key(key) {
                return Err(self.missing(key, &schema["properties"][key], mark));
            }
        }
        let mut written: Vec<(&String, &TreeEntry)> = table.iter().collect();
        written.sort_by_key(|(_, entry)| Sources::order(entry.mark));
        for (key, entry) in written {
            self.path.push(KeyStep::Key(key.clone()));
            self.value(&schema["properties"][key], &entry.node, entry.mark)?;
            self.path.pop();
        }
        Ok(())
    }

    /// The schema of this table among those that differ by `kind`.
    fn branch<'s>(
        &mut self,
        schema: &'s Json,
        table: &Table,
        mark: SourceMark,
    ) -> Result<&'s Json, RecipeError> {
        let branches = table_branches(schema);
        if let [only] = branches.as_slice() {
            return Ok(only);
        }
        let kinds: Vec<&str> = branches.iter().copied().filter_map(kind).collect();
        let offered = alternatives(&kinds);
        let Some(TreeEntry { mark, node }) = table.get("kind") else {
            self.path.push(KeyStep::Key("kind".to_string()));
            return Err(self.error(mark, format!("missing; it is one of {offered}")));
        };
        let chosen = match &node.value {
            TreeValue::String(text) => {
                branches.iter().copied().find(|branch| kind(branch) == Some(text.as_str()))
            }
            _ => None,
        };
        chosen.ok_or_else(|| {
            self.path.push(KeyStep::Key("kind".to_string()));
            self.no_such_name(schema, &kinds, &node.value, *mark)
        })
    }

    fn array(
        &mut self,
        schema: &Json,
        items: &[TreeNode],
        mark: SourceMark,
    ) -> Result<(), RecipeError> {
        let bound = |key: &str| schema.get(key).and_then(Json::as_u64);
        let count = items.len() as u64;
        let (least, most) = (bound("minItems").unwrap_or(0), bound("maxItems").unwrap_or(u64::MAX));
        if count < least || count > most {
            let (one, noun) =
                if holds_tables(schema) { ("table", "tables") } else { ("value", "values") };
            let wanted = match (least, most) {
                (least, most) if least == most => format!("{least} {noun}"),
                (1, _) if count < least => format!("at least one {one}"),
                (least, _) if count < least => format!("at least {least} {noun}"),
                (_, most) => format!("at most {most} {noun}"),
            };
            return Err(self.error(mark, format!("expected {wanted}, found {count}")));
        }
        let tuple = schema.get("prefixItems").and_then(Json::as_array);
        for (index, item) in items.iter().enumerate() {
            let schema = match tuple {
                Some(tuple) => tuple.get(index),
                None => schema.get("items"),
            };
            let Some(schema) = schema else { continue };
            self.path.push(KeyStep::Index(index));
            self.value(schema, item, item.mark)?;
            self.path.pop();
        }
        if schema["uniqueItems"] == true {
            let values: Vec<Json> = items.iter().map(TreeNode::to_json).collect();
            let twice = (1..items.len()).find(|&index| values[..index].contains(&values[index]));
            if let Some(index) = twice {
                let what = items[index].value.describe();
                return Err(self.error(items[index].mark, format!("{what} stands here twice")));
            }
        }
        Ok(())
    }

    fn string(&mut self, schema: &Json, text: &str, mark: SourceMark) -> Result<(), RecipeError> {
        let names = names_of(schema);
        if !names.is_empty() && !names.contains(&text) {
            let found = TreeValue::String(text.to_string());
            return Err(self.no_such_name(schema, &names, &found, mark));
        }
        if text.is_empty() && schema.get("minLength").is_some() {
            return Err(self.error(mark, "must not be empty".to_string()));
        }
        let (found, most) = (text.chars().count() as u64, schema["maxLength"].as_u64());
        if let Some(most) = most.filter(|&most| found > most) {
            let problem = format!("must be at most {most} characters long, found {found}");
            return Err(self.error(mark, problem));
        }
        Ok(())
    }

    fn range(
        &mut self,
        schema: &Json,
        number: NumericValue,
        mark: SourceMark,
    ) -> Result<(), RecipeError> {
        if !number.is_finite() {
            return Err(self.error(mark, format!("must be finite, found {number}")));
        }
        let broken = [
            ("minimum", "at least", number.below(&schema["minimum"], false)),
            ("exclusiveMinimum", "above", number.below(&schema["exclusiveMinimum"], true)),
            ("maximum", "at most", number.above(&schema["maximum"], false)),
            ("exclusiveMaximum", "below", number.above(&schema["exclusiveMaximum"], true)),
        ]
        .into_iter()
        .find(|(.., broken)| *broken)
        .map(|(key, word, _)| (key.ends_with("inimum"), word, plain(&schema[key])));
        let Some((too_small, word, bound)) = broken else { return Ok(()) };
        let hint = match schema["x-hint"].as_str() {
            Some(hint) if too_small => format!(": {hint}"),
            _ => String::new(),
        };
        Err(self.error(mark, format!("must be {word} {bound}, found {number}{hint}")))
    }

    fn unknown(&mut self, schema: &Json, key: &str, entry: &TreeEntry) -> RecipeError {
        let path = self.section();
        let is_table = match &entry.node.value {
            TreeValue::Table(_) => true,
            TreeValue::Array(items) => items.iter().any(|item| item.value.as_table().is_some()),
            _ => false,
        };
        let problem = names::unknown(self.root, &path, schema, key, is_table);
        self.path.push(KeyStep::Key(key.to_string()));
        // The schema has no header for a section that it does not know.
        let name = match (&entry.node.value, path.is_empty() && is_table) {
            (TreeValue::Table(_), true) => format!("[{}]", shown(key)),
            (_, true) => format!("[[{}]]", shown(key)),
            (_, false) => name(self.root, &self.path),
        };
        self.sources.error(entry.mark, &name, problem)
    }

    fn missing(&mut self, key: &str, schema: &Json, mark: SourceMark) -> RecipeError {
        let about = schema["description"].as_str().map(first_sentence);
        let about = about.map(|about| format!(" ({about})")).unwrap_or_default();
        self.path.push(KeyStep::Key(key.to_string()));
        let is_section = holds_tables(schema) || !table_branches(schema).is_empty();
        let problem = match is_section {
            true => format!("missing section; add it{about}"),
            false => format!("missing key; add it with {}{about}", expected(schema)),
        };
        self.error(mark, problem)
    }

    fn no_such_name(
        &self,
        schema: &Json,
        names: &[&str],
        found: &TreeValue,
        mark: SourceMark,
    ) -> RecipeError {
        // A name that others have says what was meant, which the nearest name does not.
        if let TreeValue::String(text) = found
            && let Some(advice) = schema["x-instead"][text].as_str()
        {
            return self.error(mark, format!("no such name: \"{text}\"; {advice}"));
        }
        let near = match found {
            TreeValue::String(text) => nearest(text, names.iter().copied()),
            _ => None,
        };
        let near = near.map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default();
        let problem = format!("expected {}, found {}{near}", alternatives(names), found.describe());
        self.error(mark, problem)
    }

    fn wrong_type(&self, schema: &Json, found: &TreeValue, mark: SourceMark) -> RecipeError {
        let names = names_of(schema);
        if !names.is_empty() {
            return self.no_such_name(schema, &names, found, mark);
        }
        let advice = match found {
            TreeValue::String(text) if text.parse::<f64>().is_ok() && takes_number(schema) => {
                "; remove the quotes".to_string()
            }
            // Beyond 2^53 a float no longer tells which integer was meant.
            TreeValue::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                format!("; write {}", *number as i64)
            }
            TreeValue::Table(_) if holds_tables(schema) => {
                format!("; write {}, once for each", name(self.root, &self.path))
            }
            TreeValue::Array(_) if !table_branches(schema).is_empty() => {
                format!("; write {}, once", name(self.root, &self.path))
            }
            _ => String::new(),
        };
        let problem = format!("expected {}, found {}{advice}", expected(schema), found.describe());
        self.error(mark, problem)
    }

    fn error(&self, mark: SourceMark, problem: String) -> RecipeError {
        self.sources.error(mark, &name(self.root, &self.path), problem)
    }

    /// The dotted path of the schema's section, without indices.
    fn section(&self) -> String {
        let keys: Vec<&str> = self
            .path
            .iter()
            .filter_map(|step| match step {
                KeyStep::Key(key) => Some(key.as_str()),
                KeyStep::Index(_) => None,
            })
            .collect();
        keys.join(".")
    }
}

#[derive(Clone, Copy)]
enum NumericValue {
    Integer(i128),
    Float(f64),
}

impl NumericValue {
    fn is_finite(self) -> bool {
        match self {
            NumericValue::Integer(_) => true,
            NumericValue::Float(number) => number.is_finite(),
        }
    }

    fn below(self, bound: &Json, exclusive: bool) -> bool {
        self.compare(bound).is_some_and(|order| order.is_lt() || (exclusive && order.is_eq()))
    }

    fn above(self, bound: &Json, exclusive: bool) -> bool {
        self.compare(bound).is_some_and(|order| order.is_gt() || (exclusive && order.is_eq()))
    }

    fn compare(self, bound: &Json) -> Option<std::cmp::Ordering> {
        match self {
            // Exact where both are integers: a seed near 2^64 is no float.
            NumericValue::Integer(number) => match bound.as_i64() {
                Some(bound) => Some(number.cmp(&i128::from(bound))),
                None => (number as f64).partial_cmp(&bound.as_f64()?),
            },
            NumericValue::Float(number) => number.partial_cmp(&bound.as_f64()?),
        }
    }
}

impl std::fmt::Display for NumericValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NumericValue::Integer(number) => write!(f, "{number}"),
            NumericValue::Float(number) => write!(f, "{number:?}"),
        }
    }
}

fn is_type(schema: &Json, value: &TreeValue) -> bool {
    let type_name = match schema["type"].as_str() {
        Some(name) => name,
        None if !names_of(schema).is_empty() => "string",
        None => return false,
    };
    match value {
        TreeValue::String(_) => type_name == "string",
        TreeValue::Integer(_) => type_name == "integer" || type_name == "number",
        TreeValue::Float(_) => type_name == "number",
        TreeValue::Boolean(_) => type_name == "boolean",
        TreeValue::Array(_) => type_name == "array",
        TreeValue::Table(_) => type_name == "object",
        TreeValue::DateTime => false,
    }
}

fn takes_number(schema: &Json) -> bool {
    is_type(schema, &TreeValue::Integer(0))
        || schema["anyOf"].as_array().is_some_and(|branches| branches.iter().any(takes_number))
}

/// The strings that an enumeration allows; none for any other schema.
pub(crate) fn names_of(schema: &Json) -> Vec<&str> {
    let plain = schema.get("enum").and_then(Json::as_array).into_iter().flatten();
    let documented = schema.get("oneOf").and_then(Json::as_array).into_iter().flatten();
    plain
        .chain(documented.map(|branch| &branch["const"]))
        .chain(schema.get("const"))
        .filter_map(Json::as_str)
        .collect()
}

/// A schema's type in words: `an integer`, `one of "a" and "b"`.
pub(crate) fn expected(schema: &Json) -> String {
    let names = names_of(schema);
    if !names.is_empty() {
        return alternatives(&names);
    }
    if let Some(branches) = schema.get("anyOf").and_then(Json::as_array) {
        return branches.iter().map(expected).collect::<Vec<_>>().join(" or ");
    }
    if !table_branches(schema).is_empty() {
        return "a table".to_string();
    }
    match schema["type"].as_str() {
        Some("integer") => "an integer".to_string(),
        Some("number") => "a number".to_string(),
        Some("string") => "a string".to_string(),
        Some("boolean") => "true or false".to_string(),
        Some("array") => match (schema["prefixItems"].as_array(), schema.get("items")) {
            (Some(tuple), _) => format!("an array of {} integers", tuple.len()),
            (None, Some(items)) if !table_branches(items).is_empty() => {
                "an array of tables".to_string()
            }
            (None, Some(items)) => format!("an array of {}", expected(items)),
            (None, None) => "an array".to_string(),
        },
        _ => "something else".to_string(),
    }
}

/// `"a", "b" or "c"`.
pub(crate) fn alternatives(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// A bound as its user would write it: `1` rather than `1.0`.
pub(crate) fn plain(number: &Json) -> String {
    match number.as_f64() {
        _ if number.is_u64() || number.is_i64() => number.to_string(),
        Some(float) if float.fract() == 0.0 && float.abs() < 9e15 => format!("{}", float as i64),
        Some(float) => format!("{float:?}"),
        None => number.to_string(),
    }
}

fn first_sentence(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.split_once(". ") {
        Some((first, _)) => first.to_string(),
        None => line.trim_end_matches('.').to_string(),
    }
}
