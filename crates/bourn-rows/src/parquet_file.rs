//! Rows of a Parquet file.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;

use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row as ParquetRow};
use serde_json::{Map, Value};

use crate::packed::{self, Opened};
use crate::{MAX_ROW, Row, RowError};

/// Most bytes that the end of a file may say about it.
const MOST_ABOUT: u32 = 1 << 26;
/// Most bytes that a column may have in one group of rows, unpacked.
const MOST_OF_COLUMN: i64 = 1 << 31;

pub(crate) fn for_each<E: From<RowError>>(
    path: &Path,
    opened: &Opened,
    each: &mut impl FnMut(Row) -> Result<bool, E>,
) -> Result<(), E> {
    if opened.packed {
        let problem = "it is a Parquet file packed once more; unpack it (Parquet is packed inside)";
        return Err(RowError::no_rows(path, problem).into());
    }
    let damaged =
        |problem: String| RowError::no_rows(path, format!("a damaged Parquet file: {problem}"));
    let file = packed::reopen(path)?;
    about(path, &file)?;
    let reader = guarded(|| SerializedFileReader::new(file)).map_err(damaged)?;
    for group in reader.metadata().row_groups() {
        for column in group.columns() {
            if let Compression::BROTLI(_) | Compression::LZO = column.compression() {
                let problem = "its columns are packed with brotli or LZO, which are not read; write it \
                               with zstd or snappy";
                return Err(RowError::no_rows(path, problem).into());
            }
            let bytes = column.uncompressed_size();
            if !(0..=MOST_OF_COLUMN).contains(&bytes) {
                let name = column.column_path().string();
                let problem =
                    format!("the column `{name}` says that it has {bytes} bytes in one row group");
                return Err(damaged(problem).into());
            }
        }
    }
    let mut rows: RowIter = guarded(|| reader.get_row_iter(None)).map_err(damaged)?;
    let mut place = 0;
    loop {
        place += 1;
        let row = match guarded(|| rows.next().transpose()) {
            Ok(None) => return Ok(()),
            Ok(Some(row)) => row,
            Err(problem) => {
                return Err(
                    RowError::malformed(path, place, format!("a damaged row: {problem}")).into()
                );
            }
        };
        let columns = columns(&row);
        let bytes: usize = columns.values().map(size).sum();
        if bytes > MAX_ROW {
            let problem = format!("longer than the {} MiB that are read", MAX_ROW >> 20);
            return Err(RowError::malformed(path, place, problem).into());
        }
        if !each(Row { place, columns })? {
            return Ok(());
        }
    }
}

/// What a file says about itself stands at its end, and its length last: looked at before memory is taken.
fn about(path: &Path, mut file: &std::fs::File) -> Result<(), RowError> {
    use std::io::{Read, Seek, SeekFrom};
    let read = RowError::read(path);
    let cut = || RowError::no_rows(path, "a Parquet file without its end: it is cut off");
    let mut last = [0; 8];
    let length = file.metadata().map_err(&read)?.len();
    if length < 12 {
        return Err(cut());
    }
    file.seek(SeekFrom::End(-8)).map_err(&read)?;
    file.read_exact(&mut last).map_err(&read)?;
    file.rewind().map_err(&read)?;
    let bytes = u32::from_le_bytes([last[0], last[1], last[2], last[3]]);
    match &last[4..] {
        b"PARE" => {
            Err(RowError::no_rows(path, "an encrypted Parquet file; write it without encryption"))
        }
        b"PAR1" if bytes > MOST_ABOUT => {
            let problem = format!(
                "a Parquet file whose description has {bytes} bytes; at most {MOST_ABOUT} are read"
            );
            Err(RowError::no_rows(path, problem))
        }
        b"PAR1" => Ok(()),
        _ => Err(cut()),
    }
}

thread_local! {
    /// Whether this thread reads a Parquet file now.
    static READING: Cell<bool> = const { Cell::new(false) };
}

/// The library panics at some files that are damaged: that is an error like any other, and is not shown.
fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    // One hook for the process, in front of the one that was there.
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !READING.get() {
                before(panic);
            }
        }));
    });
    READING.set(true);
    let read = catch_unwind(AssertUnwindSafe(read));
    READING.set(false);
    match read {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("its parts do not fit together".to_owned()),
    }
}

fn columns(row: &ParquetRow) -> Map<String, Value> {
    row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect()
}

/// A value as it is written: the library's own JSON makes 0.10000000149011612 of a 0.1 in single precision,
/// which would be an answer, and base64 of a text that is marked as none.
fn value(field: &Field) -> Value {
    match field {
        Field::Float(x) => x.to_string().parse().map_or(Value::Null, |x: f64| x.into()),
        Field::Bytes(bytes) => {
            std::str::from_utf8(bytes.data()).map_or(Value::Null, |text| text.to_owned().into())
        }
        Field::Group(row) => columns(row).into(),
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        other => other.to_json_value(),
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(size).sum(),
        Value::Object(values) => values.iter().map(|(name, value)| name.len() + size(value)).sum(),
        _ => 8,
    }
}
