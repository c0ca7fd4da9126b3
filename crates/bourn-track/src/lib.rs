//! What a run leaves behind for people: TensorBoard event files, the metrics file, console
//! progress, tables and the pass@k picture. The HTML report is a room of its own, `bourn-report`.
//!
//! **This room computes no figure**: it is given numbers and shows them. It knows nothing of
//! models, tensors or Burn, and it alone may look at the wall clock.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use bourn_track::{MetricsFile, read_metrics, tags};
//!
//! let dir = tempfile::tempdir()?;
//! let path = dir.path().join("metrics.jsonl");
//! let mut metrics = MetricsFile::create(&path)?;
//! for (step, reward) in [(1, 0.25), (2, 0.5)] {
//!     metrics.append(step, &BTreeMap::from([(tags::REWARD.to_owned(), reward)]))?;
//! }
//! // Steps never go back, and what is written reads back as the same number.
//! assert!(metrics.append(1, &BTreeMap::new()).is_err());
//! assert_eq!(read_metrics(&path)?[1].values[tags::REWARD], 0.5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// Events carry the time at which they were written, and progress has a rate; no figure does.
#![allow(clippy::disallowed_methods)]

mod ablation;
mod append;
mod board;
mod boundary;
mod canvas;
mod console;
mod ending;
mod error;
pub mod format;
mod hparams;
mod layout;
mod messages;
mod metrics;
mod origins;
mod paired;
mod parts;
mod picture;
mod samples;
mod table;
pub mod tags;
mod temperature;
mod tensorboard;
pub mod words;
mod written;

#[cfg(test)]
#[path = "../tests/unit/ablation_sample.rs"]
mod ablation_sample;
#[cfg(test)]
#[path = "../tests/unit/sample.rs"]
mod sample;

pub use ablation::{
    AblationGrid, FailedRun, ablation_costs, ablation_csv, ablation_differences, ablation_figures,
    ablation_markdown, ablation_notes, ablation_runs_csv, ablation_table,
};
pub use board::Board;
pub use boundary::boundary_scalars;
pub use console::{Console, ConsoleMode, ConsoleWriter, ProgressStage};
pub use ending::comparison;
pub use error::TrackError;
pub use hparams::HParam;
pub use metrics::{MetricsFile, MetricsLine, read_metrics};
pub use paired::{detectable_line, detectable_rows};
pub use picture::{Picture, pass_at_k_picture};
pub use samples::samples;
pub use table::{boundary_table, count_rows, derived_table, examples_table, facts};
pub use tensorboard::EventWriter;
pub use written::{WRITTEN, Written, file_faults, file_hash};
