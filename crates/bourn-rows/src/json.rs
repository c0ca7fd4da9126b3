//! Objects out of JSON lines, or out of a JSON file that holds one array: streamed, with the line each
//! begins on, and no more than one object in memory.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde_json::{Map, Value};

use crate::unique::Unique;
use crate::{MAX_ROW, Row, RowError};

pub(crate) fn for_each<E: From<RowError>>(
    path: &Path,
    input: BufReader<impl Read>,
    each: &mut impl FnMut(Row) -> Result<bool, E>,
) -> Result<(), E> {
    let read_error = RowError::read(path);
    let mut input = Input { inner: input, line: 1 };
    input.skip_mark().map_err(&read_error)?;
    let mut array = Array::None;
    if input.peek_past_space().map_err(&read_error)? == Some(b'[') {
        input.next().map_err(&read_error)?;
        array = Array::First;
    }
    loop {
        let taken = match (input.peek_past_space().map_err(&read_error)?, array) {
            (None, Array::None | Array::Closed) => return Ok(()),
            (None, _) => Err("the array is not closed: the file may be cut off".to_string()),
            (Some(b']'), Array::First | Array::Next) => {
                input.next().map_err(&read_error)?;
                array = Array::Closed;
                continue;
            }
            (Some(b','), Array::Next) => {
                input.next().map_err(&read_error)?;
                array = Array::Comma;
                continue;
            }
            (Some(_), Array::Next | Array::Closed) => {
                Err("a comma, or nothing after the array's end, is needed here".to_string())
            }
            (Some(_), _) => Ok(()),
        };
        let line = input.line;
        let malformed = |problem: String| RowError::malformed(path, line, problem);
        taken.map_err(malformed)?;
        let one_line = matches!(array, Array::None);
        let object = input.object(one_line).map_err(&read_error)?;
        if object.len() > MAX_ROW {
            let limit = MAX_ROW >> 20;
            return Err(malformed(format!("longer than the {limit} MiB that are read")).into());
        }
        let columns = columns(&object).map_err(malformed)?;
        if !each(Row { place: line, columns })? {
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

/// The columns of one object.
fn columns(object: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice::<Unique>(object) {
        Ok(Unique(Value::Object(columns))) => Ok(columns),
        Ok(_) => Err("an object `{…}` is needed".to_string()),
        Err(error) => Err(format!("not JSON: {}", without_place(&error))),
    }
}

/// The parser's message without its own line and column, which count within one object.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((message, _)) => message.to_string(),
        None => text,
    }
}

struct Input<R> {
    inner: BufReader<R>,
    line: u64,
}

impl<R: Read> Input<R> {
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
    /// just past [`MAX_ROW`].
    fn object(&mut self, one_line: bool) -> io::Result<Vec<u8>> {
        let mut object = Vec::new();
        let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
        while let Some(byte) = self.peek()? {
            let outside = depth == 0 && !in_string;
            let ends = if one_line { byte == b'\n' } else { outside && b",]}".contains(&byte) };
            if ends || object.len() > MAX_ROW {
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
