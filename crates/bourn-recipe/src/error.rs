//! What is wrong with a recipe, and where.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a recipe is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file as a whole: it is missing, too large or unreadable.
    File(PathBuf),
    /// A position in a file's text.
    Text {
        /// The recipe file that holds the key (of several, where one extends another).
        file: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// Column in characters, counted from 1.
        column: usize,
    },
    /// An override of the command line; holds its key, `a.b` of `--set a.b=c`.
    Override(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(file) => write!(f, "{}", file.display()),
            Place::Text { file, line, column } => {
                write!(f, "{}:{line}:{column}", file.display())
            }
            Place::Override(key) => write!(f, "--set {key}"),
        }
    }
}

/// What is wrong with a recipe: one sentence that says where, which key, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {key}{}{problem}", if .key.is_empty() { "" } else { ": " })]
pub struct RecipeError {
    /// Where the key stands.
    pub place: Place,
    /// The key at fault with its section, `[rollout] num_generations`; empty if no key is.
    pub key: String,
    /// What is wrong and what to do.
    pub problem: String,
}

impl RecipeError {
    pub(crate) fn file(file: &Path, problem: impl Into<String>) -> Self {
        let place = Place::File(file.to_path_buf());
        RecipeError { place, key: String::new(), problem: problem.into() }
    }

    /// The file at fault, if it is a file and not the command line.
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::File(file) | Place::Text { file, .. } => Some(file),
            Place::Override(_) => None,
        }
    }

    /// The line at fault (from 1), if there is one.
    pub fn line(&self) -> Option<usize> {
        match &self.place {
            Place::Text { line, .. } => Some(*line),
            Place::File(_) | Place::Override(_) => None,
        }
    }
}

/// Text from a recipe for use in a message: control characters escaped, at most 60 characters.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    // Two more than the limit are enough to know that it is passed, whatever the text's length.
    let escaped: String = text.chars().take(LONGEST + 2).flat_map(char::escape_debug).collect();
    // Quotes need no escape here: they are printed between backticks or inside quotes for the eye.
    let escaped = escaped.replace("\\\"", "\"").replace("\\'", "'");
    match escaped.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &escaped[..cut]),
        None => escaped,
    }
}
