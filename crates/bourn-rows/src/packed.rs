//! Opens a file, unpacks what is packed, and says of what is no data what it is.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::RowError;

/// How many bytes of a file's beginning are looked at.
const HEAD: usize = 512;
/// Most bytes that a packed file may come to. A terabyte of blanks packs to a few megabytes: it is no
/// danger to memory, and would be read for an hour.
const MOST_UNPACKED: u64 = 1 << 36;

/// A file that is open, from its beginning.
pub(crate) struct Opened {
    /// What it holds, unpacked.
    pub reader: Box<dyn Read>,
    /// The first bytes of that.
    pub head: Vec<u8>,
    /// Whether it is packed as a whole.
    pub packed: bool,
}

/// Beginnings of files that hold no rows, or not in a way that is read; what they are, and what to do.
const FOREIGN: [(&[u8], &str); 12] = [
    (b"version https://git-lfs", "it is a Git LFS pointer, not the file: run `git lfs pull` there"),
    (b"PK\x03\x04", "it is a zip archive (or a spreadsheet); unpack it and name the file inside"),
    (b"7z\xbc\xaf\x27\x1c", "it is a 7z archive; unpack it and name the file inside"),
    (b"BZh", "it is packed with bzip2; unpack it, or pack it with gzip or zstd"),
    (b"\xfd7zXZ\0", "it is packed with xz; unpack it, or pack it with gzip or zstd"),
    (b"\xff\xfe", "it is UTF-16 text; write it as UTF-8 (`iconv -f utf-16 -t utf-8`)"),
    (b"\xfe\xff", "it is UTF-16 text; write it as UTF-8 (`iconv -f utf-16 -t utf-8`)"),
    (b"ARROW1", "it is an Arrow file; write it as Parquet (`Dataset.to_parquet`)"),
    (b"\xff\xff\xff\xff", "it is an Arrow stream; write it as Parquet (`Dataset.to_parquet`)"),
    (b"SQLite format 3", "it is a SQLite database; write its table as CSV or JSON lines"),
    (b"<!DOCTYPE", "it is a web page; download the file itself"),
    (b"<html", "it is a web page; download the file itself"),
];

/// Opens `path` and looks at its beginning.
///
/// # Errors
/// It cannot be read, or is something without rows.
pub(crate) fn open(path: &Path) -> Result<Opened, RowError> {
    let read = RowError::read(path);
    let mut file = bourn_foreign::open(path).map_err(&read)?;
    let head = head(&mut file).map_err(&read)?;
    file.rewind().map_err(&read)?;
    let unpacked: Option<Box<dyn Read>> = match head {
        _ if head.starts_with(b"\x1f\x8b") => {
            Some(Box::new(MultiGzDecoder::new(file.try_clone().map_err(&read)?)))
        }
        _ if head.starts_with(b"\x28\xb5\x2f\xfd") => {
            Some(Box::new(zstd::Decoder::new(file.try_clone().map_err(&read)?).map_err(&read)?))
        }
        _ => None,
    };
    let opened = match unpacked {
        None => Opened { reader: Box::new(file), head, packed: false },
        Some(unpacked) => {
            let mut unpacked = Bounded { inner: unpacked, left: MOST_UNPACKED };
            let head = self::head(&mut unpacked).map_err(&read)?;
            let reader = Box::new(Cursor::new(head.clone()).chain(unpacked));
            Opened { reader, head, packed: true }
        }
    };
    let is = |(begins, _): &&(&[u8], &str)| opened.head.starts_with(begins);
    if let Some((_, problem)) = FOREIGN.iter().find(is) {
        return Err(RowError::no_rows(path, *problem));
    }
    if opened.head.get(257..262) == Some(b"ustar") {
        return Err(RowError::no_rows(
            path,
            "it is a tar archive; unpack it and name the file inside",
        ));
    }
    Ok(opened)
}

fn head(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    from.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// What is read up to a bound, beyond which it fails.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let problem = format!("unpacked it has more than {} GiB", MOST_UNPACKED >> 30);
            io::Error::new(io::ErrorKind::InvalidData, problem)
        })?;
        Ok(read)
    }
}

/// Opens a file anew, for what is read in any order.
pub(crate) fn reopen(path: &Path) -> Result<File, RowError> {
    bourn_foreign::open(path).map_err(RowError::read(path))
}
