//! `bourn report RUN…`.

use std::path::{Path, PathBuf};

use bourn_report::{read_hard, read_run, render_hard, render_report_at, write_report};
use bourn_track::Console;

use super::print;

/// Show what training did to the boundary: one HTML file that needs nothing else. See
/// docs/report.md.
#[derive(clap::Args)]
pub(crate) struct ReportArgs {
    /// Run directories, as `bourn train` wrote them
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The file to write; an earlier report is replaced, anything else is not [default:
    /// RUN/report.html, or report.html for several runs]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write a second page: the correct completions of hard problems, for reading their reasoning
    #[arg(long, value_name = "FILE")]
    hard: Option<PathBuf>,
    /// Share of correct draws below which a problem is hard for a model
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, requires = "hard")]
    below: f64,
}

/// Runs the command.
pub(crate) fn run(args: &ReportArgs, console: &Console) -> anyhow::Result<()> {
    let output = args.output.clone().unwrap_or_else(|| default_output(&args.runs));
    if args.hard.as_ref() == Some(&output) {
        anyhow::bail!("--hard and the report both name `{}`: give two files", output.display());
    }
    let runs = args.runs.iter().map(|run| read_run(run)).collect::<Result<Vec<_>, _>>()?;
    for (path, run) in args.runs.iter().zip(&runs) {
        let warn = |fault| console.warn(format!("{} is damaged: {fault}", path.display()));
        run.faults().iter().for_each(warn);
    }
    let page = render_report_at(&runs, &output)?;
    let mut pages = vec![(output, page)];
    if let Some(path) = &args.hard {
        let sets = args.runs.iter().map(|run| read_hard(run, args.below));
        let sets = sets.collect::<Result<Vec<_>, _>>()?.concat();
        pages.push((path.clone(), render_hard(&sets, args.below)?));
    }
    for (path, page) in pages {
        write_report(&path, &page)?;
        print(&path.display().to_string())?;
    }
    Ok(())
}

fn default_output(runs: &[PathBuf]) -> PathBuf {
    match runs {
        [only] => only.join("report.html"),
        _ => Path::new("report.html").to_path_buf(),
    }
}
