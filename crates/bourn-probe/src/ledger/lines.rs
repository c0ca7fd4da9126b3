//! Lines of bounded length from a stream.

use std::io::{self, BufRead, Read};

/// One line longer than it may be.
#[derive(Debug)]
pub(crate) enum LineError {
    /// The line has more bytes than the bound.
    TooLong,
    /// Reading failed.
    Io(io::Error),
}

/// Reads the next line into `line` (which it empties first), with its line feed if it has one.
/// Returns whether there was a line; never holds more than `max` + 1 bytes of it.
pub(crate) fn next_line(
    reader: &mut impl BufRead,
    line: &mut Vec<u8>,
    max: usize,
) -> Result<bool, LineError> {
    line.clear();
    // One byte more than allowed tells a line of `max` bytes from a longer one.
    let read = reader.take(max as u64 + 1).read_until(b'\n', line).map_err(LineError::Io)?;
    if read > max && line.last() != Some(&b'\n') {
        return Err(LineError::TooLong);
    }
    Ok(read > 0)
}

#[cfg(test)]
#[path = "../../tests/unit/ledger/lines.rs"]
mod tests;
