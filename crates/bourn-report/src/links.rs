//! Links from one page to another: relative, so that a directory can be moved with its pages.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use crate::file::is_report;

/// A page's name in the directory of a run and in that of a sweep.
pub(crate) const PAGE: &str = "report.html";

/// The report of the sweep that the run in `dir` is a part of: `SWEEP/report.html` of
/// `SWEEP/runs/RUN`. `None` where there is no such report.
pub(crate) fn sweep_page(dir: &Path) -> Option<PathBuf> {
    let dir = dir.canonicalize().ok()?;
    let runs = dir.parent().filter(|runs| runs.file_name().is_some_and(|name| name == "runs"))?;
    let page = runs.parent()?.join(PAGE);
    is_report(&page).then_some(page)
}

/// What a link on the page `from` to the file `to` has as its address; `None` where there is no way
/// from one to the other, or a directory on it does not exist.
pub(crate) fn href(from: &Path, to: &Path) -> Option<String> {
    let directory = |path: &Path| {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.unwrap_or(Path::new(".")).canonicalize().ok()
    };
    let (from, to) = (directory(from)?, directory(to)?.join(to.file_name()?));
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    if shared == 0 {
        return None;
    }
    let mut parts = vec!["..".to_owned(); from.len() - shared];
    for part in &to[shared..] {
        match part {
            Component::Normal(name) => parts.push(encoded(name.to_str()?)),
            _ => return None,
        }
    }
    Some(parts.join("/"))
}

/// A name as part of an address: everything but unreserved characters (RFC 3986, 2.3) is escaped.
fn encoded(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(text, "%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
#[path = "../tests/unit/links.rs"]
mod tests;
