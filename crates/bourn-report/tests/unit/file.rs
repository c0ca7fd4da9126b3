use std::fs;

use super::*;
use crate::run_fixture::RunFixture;

#[test]
fn only_a_report_is_replaced() {
    let fixture = RunFixture::new();
    let (page, path) = (fixture.page(&["run"]), fixture.path("report.html"));
    write_report(&path, &page).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), page);
    let other = page.replace("seed 3", "seed 4");
    write_report(&path, &other).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), other);

    for mine in ["", "<!DOCTYPE html>\n<p>mine", "notes"] {
        fs::write(&path, mine).unwrap();
        let error = write_report(&path, &page).unwrap_err().to_string();
        assert!(error.contains("report.html") && error.contains("--output"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), mine);
    }
    let error = write_report(&fixture.path("nowhere/report.html"), &page).unwrap_err().to_string();
    assert!(error.contains("nowhere"), "{error}");
    assert_eq!(fs::read_dir(fixture.path("")).unwrap().count(), 2, "something was left behind");
}
