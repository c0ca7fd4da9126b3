use std::fs;

use super::*;
use crate::file::BEGINNING;

#[test]
fn pages_link_by_relative_addresses() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("my sweep/runs/a#1");
    fs::create_dir_all(&run).unwrap();
    let (own, sweep) = (run.join(PAGE), dir.path().join("my sweep").join(PAGE));
    // There is no report of the sweep, then a file that is none, then one.
    assert_eq!(sweep_page(&run), None);
    fs::write(&sweep, "notes").unwrap();
    assert_eq!(sweep_page(&run), None);
    fs::write(&sweep, BEGINNING).unwrap();
    assert_eq!(sweep_page(&run), Some(sweep.canonicalize().unwrap()));
    let check = |from: &Path, to: &Path, expect: &str| assert_eq!(href(from, to).unwrap(), expect);
    check(&own, &sweep, "../../report.html");
    check(&sweep, &own, "runs/a%231/report.html");
    check(&dir.path().join("page.html"), &sweep, "my%20sweep/report.html");
    // A run that lies elsewhere is part of no sweep, and nothing leads to what does not exist.
    assert_eq!(sweep_page(dir.path()), None);
    assert_eq!(href(&dir.path().join("nowhere/page.html"), &sweep), None);
}
