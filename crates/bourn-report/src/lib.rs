//! The report: one HTML file that shows what one run, several, or a sweep did to the boundary, and
//! a page of hard problems beside it for reading.
//!
//! This room knows how a run directory is laid out ([`read_run`]) and what a page of it says
//! ([`render_report`]). **It computes no figure**: every number is one that the run wrote, or a
//! count of its draws. **It knows nothing of models, tensors, training or the clock**, writes
//! nothing but pages ([`write_report`]), and opens nothing but run directories.
//!
//! A page needs nothing but itself: charts are inline SVG, there is no request to any network (the
//! page's own policy forbids it), and without JavaScript the last checkpoint is shown. Its markup
//! is `maud`'s, in which text is escaped unless it is a constant of ours.
//!
//! ```
//! use bourn_report::{read_run, render_report, write_report};
//!
//! // What `bourn train` leaves of a run of two steps that was never probed.
//! let run = tempfile::tempdir()?;
//! let recipe = "name = 'tiny <run>'\nseed = 1\n[train]\nmax_steps = 2\n";
//! std::fs::write(run.path().join("recipe.toml"), recipe)?;
//! let metrics = "{\"step\":1,\"train/reward\":0.25}\n{\"step\":2,\"train/reward\":0.5}\n";
//! std::fs::write(run.path().join("metrics.jsonl"), metrics)?;
//!
//! let page = render_report(&[read_run(run.path())?])?;
//! assert!(page.contains("<h1>tiny &lt;run&gt;</h1>") && page.contains("This run was never probed"));
//! write_report(&run.path().join("report.html"), &page)?;
//!
//! assert_eq!(render_report(&[]).unwrap_err().to_string(), "0 runs: a report shows 1 to 8");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ablation;
mod axis;
mod beyond;
mod chart;
mod charts;
mod check;
mod compare;
mod cost;
mod curves;
mod error;
mod file;
mod frames;
mod hard;
mod links;
mod origins;
mod page;
mod probe_file;
mod problem_filters;
mod problem_list;
mod problems;
mod read;
mod section;
mod sets;
mod support;
mod table;
mod temperature;
mod text;
mod training;
mod words;

#[cfg(test)]
#[path = "../../bourn-track/tests/unit/ablation_sample.rs"]
mod ablation_sample;
#[cfg(test)]
#[path = "../tests/unit/run_fixture.rs"]
mod run_fixture;
#[cfg(test)]
#[path = "../../bourn-track/tests/unit/sample.rs"]
mod sample;

pub use ablation::{SweptRun, render_ablation, write_ablation};
pub use cost::time_words;
pub use error::ReportError;
pub use file::write_report;
pub use hard::{HardSet, read_hard, render_hard};
pub use page::{render_report, render_report_at};
pub use probe_file::{PROBE_FILE, ProbeFile, ProbedModel};
pub use read::{RunRecord, TrainingCost, read_cost, read_run};

/// Most runs on one page: as many as there are colours to tell them apart.
pub(crate) const MAX_RUNS: usize = 8;
