//! A recipe's text as a tree in which every key remembers where it was written.
//!
//! Extending merges trees and overriding edits them, so that whatever is found wrong later is
//! reported at the file and line (or `--set`) that is responsible for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use toml::de::{DeTable, DeValue};

use crate::error::{Place, RecipeError, shown};

/// Where a key or value begins. Lines are counted only when an error needs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceMark {
    source: usize,
    offset: usize,
}

/// A value and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct TreeNode {
    pub mark: SourceMark,
    pub value: TreeValue,
}

/// A key's place and its value.
#[derive(Clone, Debug)]
pub(crate) struct TreeEntry {
    pub mark: SourceMark,
    pub node: TreeNode,
}

pub(crate) type Table = BTreeMap<String, TreeEntry>;

/// TOML's values. Integers lie in `i64::MIN..=u64::MAX`.
#[derive(Clone, Debug)]
pub(crate) enum TreeValue {
    String(String),
    Integer(i128),
    Float(f64),
    Boolean(bool),
    DateTime,
    Array(Vec<TreeNode>),
    Table(Table),
}

/// One step of the way from the root to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyStep {
    Key(String),
    Index(usize),
}

enum SourceFile {
    File { path: PathBuf, text: String },
    Override(String),
}

/// Every text that takes part in a recipe: its file, the files it extends, the overrides.
#[derive(Default)]
pub(crate) struct Sources(Vec<SourceFile>);

impl Sources {
    /// The tree of a file's text.
    pub(crate) fn parse(&mut self, path: &Path, text: &str) -> Result<TreeNode, RecipeError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = self.0.len();
        self.0.push(SourceFile::File { path: path.to_path_buf(), text: text.to_string() });
        match DeTable::parse(text) {
            Ok(table) => {
                let value = self.table(source, table.get_ref())?;
                Ok(TreeNode { mark: SourceMark { source, offset: 0 }, value })
            }
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                let problem = format!("not valid TOML: {}", error.message());
                Err(self.error(SourceMark { source, offset }, "", problem))
            }
        }
    }

    /// Registers the override of `key`; everything in `value` is marked as its doing.
    pub(crate) fn add_override(&mut self, key: &str) -> SourceMark {
        self.0.push(SourceFile::Override(key.to_string()));
        SourceMark { source: self.0.len() - 1, offset: 0 }
    }

    /// The value of an override: TOML if it is, else the text itself.
    pub(crate) fn override_value(
        &self,
        mark: SourceMark,
        text: &str,
    ) -> Result<TreeNode, RecipeError> {
        match DeValue::parse(text) {
            Ok(value) => self.node(mark.source, 0, value.get_ref()),
            Err(_) => Ok(TreeNode { mark, value: TreeValue::String(text.to_string()) }),
        }
    }

    /// An error about `key` at a mark.
    pub(crate) fn error(
        &self,
        mark: SourceMark,
        key: &str,
        problem: impl Into<String>,
    ) -> RecipeError {
        let place = match &self.0[mark.source] {
            SourceFile::Override(key) => Place::Override(shown(key)),
            SourceFile::File { path, text } => {
                let (line, column) = line_and_column(text, mark.offset);
                Place::Text { file: path.clone(), line, column }
            }
        };
        RecipeError { place, key: key.to_string(), problem: problem.into() }
    }

    /// Sorts by where things were written: the order in which a reader meets them.
    pub(crate) fn order(mark: SourceMark) -> (usize, usize) {
        (mark.source, mark.offset)
    }

    fn table(&self, source: usize, table: &DeTable<'_>) -> Result<TreeValue, RecipeError> {
        let mut entries = Table::new();
        for (key, value) in table {
            let mark = SourceMark { source, offset: key.span().start };
            let node = self.node(source, value.span().start, value.get_ref())?;
            entries.insert(key.get_ref().to_string(), TreeEntry { mark, node });
        }
        Ok(TreeValue::Table(entries))
    }

    fn node(
        &self,
        source: usize,
        offset: usize,
        value: &DeValue<'_>,
    ) -> Result<TreeNode, RecipeError> {
        let mark = SourceMark { source, offset };
        let value = match value {
            DeValue::String(text) => TreeValue::String(text.to_string()),
            DeValue::Boolean(truth) => TreeValue::Boolean(*truth),
            DeValue::Datetime(_) => TreeValue::DateTime,
            DeValue::Integer(digits) => {
                let number = i128::from_str_radix(digits.as_str(), digits.radix()).ok();
                let held = i128::from(i64::MIN)..=i128::from(u64::MAX);
                match number.filter(|number| held.contains(number)) {
                    Some(number) => TreeValue::Integer(number),
                    None => {
                        let problem = format!(
                            "the integer {} does not fit into 64 bits",
                            shown(digits.as_str())
                        );
                        return Err(self.error(mark, "", problem));
                    }
                }
            }
            // Rust reads all that TOML writes; a decimal too large becomes infinite and is refused
            // by the check of its key.
            DeValue::Float(digits) => TreeValue::Float(digits.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Array(items) => TreeValue::Array(
                items
                    .iter()
                    .map(|item| self.node(source, item.span().start, item.get_ref()))
                    .collect::<Result<_, _>>()?,
            ),
            DeValue::Table(table) => self.table(source, table)?,
        };
        Ok(TreeNode { mark, value })
    }
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

impl TreeValue {
    pub(crate) fn as_table(&self) -> Option<&Table> {
        match self {
            TreeValue::Table(table) => Some(table),
            _ => None,
        }
    }

    /// What it is, with its value where that is short: `the integer 5`, `a table`.
    pub(crate) fn describe(&self) -> String {
        match self {
            TreeValue::String(text) => format!("the string \"{}\"", shown(text)),
            TreeValue::Integer(number) => format!("the integer {number}"),
            TreeValue::Float(number) => format!("the number {number:?}"),
            TreeValue::Boolean(truth) => format!("{truth}"),
            TreeValue::DateTime => "a date-time".to_string(),
            TreeValue::Array(_) => "an array".to_string(),
            TreeValue::Table(_) => "a table".to_string(),
        }
    }
}

impl TreeNode {
    /// What `over` says on top of what is here: tables merge, everything else replaces.
    pub(crate) fn merge(&mut self, over: TreeNode) {
        match (&mut self.value, over.value) {
            (TreeValue::Table(here), TreeValue::Table(over_table)) => {
                self.mark = over.mark;
                for (key, entry) in over_table {
                    match here.get_mut(&key) {
                        Some(old) => {
                            old.mark = entry.mark;
                            old.node.merge(entry.node);
                        }
                        None => {
                            here.insert(key, entry);
                        }
                    }
                }
            }
            (here, value) => {
                *here = value;
                self.mark = over.mark;
            }
        }
    }

    /// The mark of the key at `path`, or of its nearest ancestor that was written, and whether
    /// the path itself was.
    pub(crate) fn find(&self, path: &[KeyStep]) -> (SourceMark, bool) {
        let mut mark = self.mark;
        let mut node = self;
        for step in path {
            let next = match (&node.value, step) {
                (TreeValue::Table(table), KeyStep::Key(key)) => {
                    table.get(key).map(|entry| (entry.mark, &entry.node))
                }
                (TreeValue::Array(items), KeyStep::Index(index)) => {
                    items.get(*index).map(|item| (item.mark, item))
                }
                _ => None,
            };
            match next {
                Some(next) => (mark, node) = next,
                None => return (mark, false),
            }
        }
        (mark, true)
    }

    /// The tree without its marks. Dates, which no key takes, become null.
    pub(crate) fn to_json(&self) -> Json {
        match &self.value {
            TreeValue::String(text) => Json::from(text.as_str()),
            TreeValue::Boolean(truth) => Json::from(*truth),
            TreeValue::Float(number) => Json::from(*number),
            TreeValue::DateTime => Json::Null,
            TreeValue::Integer(number) => match u64::try_from(*number) {
                Ok(number) => Json::from(number),
                // Integers were bounded when they were read: what is no u64 is a negative i64.
                Err(_) => i64::try_from(*number).map_or(Json::Null, Json::from),
            },
            TreeValue::Array(items) => items.iter().map(TreeNode::to_json).collect(),
            TreeValue::Table(table) => Json::Object(
                table.iter().map(|(key, entry)| (key.clone(), entry.node.to_json())).collect(),
            ),
        }
    }
}

/// The steps of a dotted path; a part made of digits is an index.
pub(crate) fn steps(dotted: &str) -> Vec<KeyStep> {
    dotted
        .split('.')
        .map(|part| match part.parse() {
            Ok(index) => KeyStep::Index(index),
            Err(_) => KeyStep::Key(part.to_string()),
        })
        .collect()
}
