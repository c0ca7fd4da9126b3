//! `bourn report RUN…`.

use std::path::{Path, PathBuf};

use bourn_track::report::{read_run, render_report, write_report};

use super::print;

/// Show what training did to the boundary: one HTML file that needs nothing else. See
/// docs/report.md.
#[derive(clap::Args)]
pub struct Args {
    /// Run directories, as `bourn train` wrote them
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The file to write; an earlier report is replaced, anything else is not [default:
    /// RUN/report.html, or report.html for several runs]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let runs = args.runs.iter().map(|run| read_run(run)).collect::<Result<Vec<_>, _>>()?;
    let page = render_report(&runs)?;
    let output = args.output.clone().unwrap_or_else(|| default_output(&args.runs));
    write_report(&output, &page)?;
    print(&output.display().to_string())
}

fn default_output(runs: &[PathBuf]) -> PathBuf {
    match runs {
        [only] => only.join("report.html"),
        _ => Path::new("report.html").to_path_buf(),
    }
}
