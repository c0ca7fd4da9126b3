//! Rows of a CSV file: its first line names the columns, and every value is text.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use csv::ReaderBuilder;
use serde_json::{Map, Value};

use crate::{MAX_ROW, Row, RowError};

/// What the reader may read ahead of a row.
const AHEAD: usize = 1 << 16;

pub(crate) fn for_each<E: From<RowError>>(
    path: &Path,
    input: impl Read,
    each: &mut impl FnMut(Row) -> Result<bool, E>,
) -> Result<(), E> {
    let left = Rc::new(Cell::new(MAX_ROW + AHEAD));
    let bounded = PerRow { inner: input, left: left.clone() };
    let separator = match crate::layout::ending(&path.to_string_lossy()) {
        Some("tsv") => b'\t',
        _ => b',',
    };
    let mut reader =
        ReaderBuilder::new().delimiter(separator).buffer_capacity(AHEAD).from_reader(bounded);
    let headers = reader.headers().map_err(|error| problem(path, 1, &error))?.clone();
    if let Some(name) = repeated(headers.iter()) {
        let problem = format!("the column `{name}` stands twice in the first line; rename one");
        return Err(RowError::malformed(path, 1, problem).into());
    }
    if let [only] = headers.iter().collect::<Vec<_>>()[..]
        && let Some(other) = only.chars().find(|c| ";\t|".contains(*c))
    {
        let problem = format!(
            "the first line names one column, `{only}`: are its columns parted by {other:?}? Write \
             them with commas, or with tabs in a file that ends in .tsv"
        );
        return Err(RowError::malformed(path, 1, problem).into());
    }
    let mut record = csv::StringRecord::new();
    loop {
        left.set(MAX_ROW + AHEAD);
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(error) => return Err(problem(path, line, &error).into()),
        }
        let place = record.position().map_or(line, csv::Position::line);
        let columns = headers.iter().zip(&record);
        let columns: Map<String, Value> =
            columns.map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
        if !each(Row { place, columns })? {
            return Ok(());
        }
    }
}

fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = std::collections::BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

/// The error with its place.
fn problem(path: &Path, line: u64, error: &csv::Error) -> RowError {
    let malformed = |line, problem: String| RowError::malformed(path, line, problem);
    match error.kind() {
        csv::ErrorKind::Io(source) => match source.get_ref() {
            Some(inner) if inner.is::<TooLong>() => malformed(line, inner.to_string()),
            _ => RowError::Read {
                path: path.to_owned(),
                source: io::Error::new(source.kind(), source.to_string()),
            },
        },
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => malformed(
            pos.as_ref().map_or(line, csv::Position::line),
            format!("there are {len} values, and the first line names {expected_len} columns"),
        ),
        csv::ErrorKind::Utf8 { pos, .. } => malformed(
            pos.as_ref().map_or(line, csv::Position::line),
            "it is not UTF-8 text".to_owned(),
        ),
        _ => malformed(line, error.to_string()),
    }
}

/// Fails where one row is longer than a row may be: an open quotation mark makes one of all the rest.
struct PerRow<R> {
    inner: R,
    left: Rc<Cell<usize>>,
}

#[derive(Debug, thiserror::Error)]
#[error("longer than the {} MiB that are read; is a quotation mark left open?", MAX_ROW >> 20)]
struct TooLong;

impl<R: Read> Read for PerRow<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.get().checked_sub(read) {
            Some(left) => self.left.set(left),
            None => return Err(io::Error::new(io::ErrorKind::InvalidData, TooLong)),
        }
        Ok(read)
    }
}
