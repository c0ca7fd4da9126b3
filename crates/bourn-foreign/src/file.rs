//! Files that somebody named.

use std::fs::{self, File, FileType};
use std::io;
use std::path::Path;

/// Where a process finds what was handed to it open: standard input, and a shell's `<(command)`.
const HANDED_OVER: [&str; 4] =
    ["/dev/stdin", "/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/"];

/// Opens a file for reading. A pipe, which would be waited for until somebody writes to it, and a
/// device are refused: what is read twice, or in no order, is a file.
///
/// # Errors
/// What the system says; what is named is no file.
pub fn open(path: &Path) -> io::Result<File> {
    refuse(path, "give a file")?;
    File::open(path)
}

/// As [`open`], for what is read once and from its beginning on: that may also be handed over open, as
/// `/dev/stdin` or as a shell's `<(command)`.
///
/// # Errors
/// As [`open`].
pub fn open_stream(path: &Path) -> io::Result<File> {
    let handed_over = path.to_str().is_some_and(|path| {
        HANDED_OVER
            .iter()
            .any(|place| path == *place || place.ends_with('/') && path.starts_with(place))
    });
    if !handed_over {
        refuse(path, "give a file, or `/dev/stdin` to have it read what is piped to bourn")?;
    }
    File::open(path)
}

/// Directories are let through: reading one fails at once, and says so.
fn refuse(path: &Path, instead: &str) -> io::Result<()> {
    let kind = fs::metadata(path)?.file_type();
    match kind.is_file() || kind.is_dir() {
        true => Ok(()),
        false => {
            let problem = format!("it is {} and no file; {instead}", name(kind));
            Err(io::Error::new(io::ErrorKind::InvalidInput, problem))
        }
    }
}

#[cfg(unix)]
fn name(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match (kind.is_fifo(), kind.is_socket()) {
        (true, _) => "a pipe",
        (_, true) => "a socket",
        _ => "a device",
    }
}

#[cfg(not(unix))]
fn name(_: FileType) -> &'static str {
    "something else"
}

#[cfg(test)]
#[path = "../tests/unit/file.rs"]
mod tests;
