//! Scratch.
use std::path::{Path, PathBuf};
fn main() {
    let mut args: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    let out = args.remove(0);
    let runs: Vec<_> = args
        .iter()
        .map(|p| bourn_track::report::read_run(p).unwrap_or_else(|e| panic!("{e}")))
        .collect();
    let page = bourn_track::report::render_report(&runs).unwrap();
    bourn_track::report::write_report(Path::new(&out), &page).unwrap();
    println!("{} bytes", page.len());
}
