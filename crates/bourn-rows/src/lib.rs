//! Rows of data files, as the field has them.
//!
//! [`Source`] says which files are meant: a file, a pattern of names, a directory with a data set in it,
//! a hub's. [`for_each`] reads the rows of one: JSON lines, a JSON array, CSV or Parquet, told by what
//! the file holds and packed or not. A row is an object, its place a line, or in Parquet the row's number.
//!
//! **This room does not know what a column is for.** Files come from strangers: no more than one row is
//! in memory, and what is no data is called what it is.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dir = tempfile::tempdir()?;
//! let path = dir.path().join("train.csv");
//! std::fs::write(&path, "question,answer\n1+1,2\n")?;
//! let mut rows = Vec::new();
//! bourn_rows::for_each(&path, |row| {
//!     rows.push((row.place, row.columns["answer"].clone()));
//!     Ok::<_, bourn_rows::RowError>(true)
//! })?;
//! assert_eq!(rows, [(2, "2".into())]);
//! # Ok(())
//! # }
//! ```

mod csv_file;
mod error;
mod json;
mod layout;
mod packed;
mod parquet_file;
mod source;
mod unique;

use std::io::BufReader;
use std::path::Path;

use serde_json::{Map, Value};

pub use error::RowError;
pub use source::Source;

/// Longest row, in bytes.
pub const MAX_ROW: usize = 1 << 20;

/// A row of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The line that it begins on, counted from 1; in Parquet, its number.
    pub place: u64,
    /// Its columns, in the file's order.
    pub columns: Map<String, Value>,
}

/// What a file holds, by its content.
#[derive(Clone, Copy, PartialEq)]
enum Content {
    Json,
    Csv,
    Parquet,
}

/// Calls `each` with every row of a file, until it returns `false`.
///
/// # Errors
/// The file cannot be read, a row is none, or `each` fails.
pub fn for_each<E: From<RowError>>(
    path: &Path,
    mut each: impl FnMut(Row) -> Result<bool, E>,
) -> Result<(), E> {
    let opened = packed::open(path)?;
    match content(path, &opened) {
        Content::Parquet => parquet_file::for_each(path, &opened, &mut each),
        Content::Csv => csv_file::for_each(path, BufReader::new(opened.reader), &mut each),
        Content::Json => json::for_each(path, BufReader::new(opened.reader), &mut each),
    }
}

/// Parquet by its first bytes; CSV by the file's name, since any text may be one.
fn content(path: &Path, opened: &packed::Opened) -> Content {
    let end = layout::ending(&path.to_string_lossy());
    match opened.head.starts_with(b"PAR1") {
        true => Content::Parquet,
        false if end == Some("csv") || end == Some("tsv") => Content::Csv,
        false => Content::Json,
    }
}
