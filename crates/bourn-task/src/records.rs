//! Objects out of a JSONL file, or out of a JSON file that holds one array: streamed, with the
//! line each begins on, and no more than one object in memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde_json::{Map, Value};

use crate::load::TaskError;

/// Longest object, in bytes.
pub(crate) const MAX_OBJECT: usize = 1 << 20;

/// Calls `each` with the line and columns of every object, until it returns `false`.
pub(crate) fn for_each(
    path: &Path,
    mut each: impl FnMut(u64, Map<String, Value>) -> Result<bool, TaskError>,
) -> Result<(), TaskError> {
    let read_error = |source| TaskError::Read { path: path.to_path_buf(), source };
    let file = bourn_foreign::open(path).map_err(read_error)?;
    let mut input = Input { inner: BufReader::new(file), line: 1 };
    input.skip_mark().map_err(read_error)?;
    let mut array = Array::None;
    if input.peek_past_space().map_err(read_error)? == Some(b'[') {
        input.next().map_err(read_error)?;
        array = Array::First;
    }
    loop {
        let taken = match (input.peek_past_space().map_err(read_error)?, array) {
            (None, Array::None | Array::Closed) => return Ok(()),
            (None, _) => Err("the array is not closed: the file may be cut off".to_string()),
            (Some(b']'), Array::First | Array::Next) => {
                input.next().map_err(read_error)?;
                array = Array::Closed;
                continue;
            }
            (Some(b','), Array::Next) => {
                input.next().map_err(read_error)?;
                array = Array::Comma;
                continue;
            }
            (Some(_), Array::Next | Array::Closed) => {
                Err("a comma, or nothing after the array's end, is needed here".to_string())
            }
            (Some(_), _) => Ok(()),
        };
        let line = input.line;
        let malformed = |problem| TaskError::Malformed { path: path.to_path_buf(), line, problem };
        taken.map_err(malformed)?;
        let one_line = matches!(array, Array::None);
        let object = input.object(one_line).map_err(read_error)?;
        if object.len() > MAX_OBJECT {
            let limit = MAX_OBJECT >> 20;
            return Err(malformed(format!("longer than the {limit} MiB that are read")));
        }
        let columns = match serde_json::from_slice::<Value>(&object) {
            Ok(Value::Object(columns)) => columns,
            Ok(_) => return Err(malformed("an object `{…}` is needed".to_string())),
            Err(error) => return Err(malformed(format!("not JSON: {}", without_place(&error)))),
        };
        if !each(line, columns)? {
            return Ok(());
        }
        if !one_line {
            array = Array::Next;
        }
    }
}

/// Where in an array the reader is.
#[derive(Clone, Copy)]
enum Array {
    /// The file is no array: one object a line.
    None,
    /// Behind `[`.
    First,
    /// Behind a comma: another object must follow.
    Comma,
    /// Behind an object.
    Next,
    Closed,
}

/// The parser's message without its own line and column, which count within one object.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((message, _)) => message.to_string(),
        None => text,
    }
}

struct Input {
    inner: BufReader<File>,
    line: u64,
}

impl Input {
    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.inner.fill_buf()?.first().copied())
    }

    fn next(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek()?;
        if byte.is_some() {
            self.inner.consume(1);
        }
        self.line += u64::from(byte == Some(b'\n'));
        Ok(byte)
    }

    /// Skips the byte-order mark that some editors write.
    fn skip_mark(&mut self) -> io::Result<()> {
        if self.inner.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            self.inner.consume(3);
        }
        Ok(())
    }

    fn peek_past_space(&mut self) -> io::Result<Option<u8>> {
        while let Some(byte) = self.peek()? {
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            self.next()?;
        }
        Ok(None)
    }

    /// The bytes of one object: up to the end of the line, or to where its brackets close. Stops
    /// just past [`MAX_OBJECT`].
    fn object(&mut self, one_line: bool) -> io::Result<Vec<u8>> {
        let mut object = Vec::new();
        let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
        while let Some(byte) = self.peek()? {
            let outside = depth == 0 && !in_string;
            let ends = if one_line { byte == b'\n' } else { outside && b",]}".contains(&byte) };
            if ends || object.len() > MAX_OBJECT {
                break;
            }
            object.push(byte);
            self.next()?;
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => depth += 1,
                // More close than open only on a malformed line, which the parser then names.
                b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
                _ => continue,
            }
            let closed = depth == 0 && !in_string && b"}]".contains(&byte);
            if closed && !one_line {
                break;
            }
        }
        Ok(object)
    }
}
