//! The report: one HTML file that shows what one run, or several, did to the boundary.
//!
//! The file needs nothing but itself: charts are inline SVG, there is no request to any network
//! (the page's own policy forbids it), and without JavaScript the last checkpoint is shown. It
//! computes no figure either: every number is one that the run wrote, or a count of its draws.

mod ablation;
mod axis;
mod chart;
mod charts;
mod check;
mod compare;
mod cost;
mod curves;
mod error;
mod frames;
mod hard;
mod html;
mod origins;
mod page;
mod probe_file;
mod problem_list;
mod problems;
mod read;
mod section;
mod sets;
mod support;
mod table;
mod temperature;
mod words;

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

pub use ablation::render_ablation;
pub use error::ReportError;
pub use hard::{HardSet, read_hard, render_hard};
pub(crate) use html::grouped;
pub use page::render_report;
pub use probe_file::{PROBE_FILE, ProbeFile, ProbedModel};
pub use problems::{Answer, ProblemRecord, Side, Status};
pub use read::{Checkpoint, Cost, RunRecord, SetRecord, read_cost, read_run};

/// Most runs on one page: as many as there are colours to tell them apart.
pub const MAX_RUNS: usize = 8;
/// How every report begins, by which a later one knows what it may replace.
const BEGINNING: &str = "<!DOCTYPE html>\n<!-- bourn report -->\n";

/// Writes a page of [`render_report`] to `path`: beside it first, flushed, then renamed. A report
/// that is there is replaced.
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

/// Whether there is nothing at `path`, or a report.
fn is_free(path: &Path) -> Result<bool, ReportError> {
    let file = match File::open(path) {
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
mod parts_tests;
#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
