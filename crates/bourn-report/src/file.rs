//! The file of a page.

use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use crate::error::ReportError;

/// How every page begins, by which a later one knows what it may replace.
pub(crate) const BEGINNING: &str = "<!DOCTYPE html>\n<!-- bourn report -->\n";

/// Writes a page of this room to `path`: beside it first, flushed, then renamed. A page that is
/// there is replaced.
///
/// # Errors
/// Refuses to replace what is no report; otherwise names what could not be written.
pub fn write_report(path: &Path, page: &str) -> Result<(), ReportError> {
    if !is_free(path)? {
        return Err(ReportError::Foreign { path: path.to_path_buf() });
    }
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".report-").suffix(".tmp");
    // A report is for everyone whom the directory is for; the umask still applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(dir).map_err(ReportError::io("create a file in", dir))?;
    file.write_all(page.as_bytes())
        .and_then(|()| file.as_file().sync_all())
        .map_err(ReportError::io("write", path))?;
    file.persist(path).map_err(|error| ReportError::io("replace", path)(error.error))?;
    Ok(())
}

/// Whether there is a report at `path`.
pub(crate) fn is_report(path: &Path) -> bool {
    path.is_file() && is_free(path).unwrap_or(false)
}

/// Whether there is nothing at `path`, or a report.
fn is_free(path: &Path) -> Result<bool, ReportError> {
    let file = match bourn_foreign::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(ReportError::io("read", path)(error)),
    };
    let mut beginning = Vec::new();
    let read = file.take(BEGINNING.len() as u64).read_to_end(&mut beginning);
    read.map_err(ReportError::io("read", path))?;
    Ok(beginning == BEGINNING.as_bytes())
}

#[cfg(test)]
#[path = "../tests/unit/file.rs"]
mod tests;
