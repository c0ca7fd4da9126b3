//! The training loop, losses, pretraining, checkpoints and exact resume.
//!
//! Begin with [`run`]: it is the table of contents of the whole system. **This room knows
//! nothing of the command line**: it is given a recipe, a console and a flag to stop.

pub mod ablate;
pub mod announce;
pub mod base;
pub mod checkpoint;
pub mod credit;
pub mod critic;
pub mod drawing;
pub mod engine;
pub mod engine_source;
mod episodes;
mod error;
pub mod experience;
pub mod implicit;
mod judging;
pub mod learner;
pub mod learners;
pub mod likelihood;
pub mod logbook;
pub mod loss;
pub mod memory;
pub mod metrics;
pub mod optimizer;
pub mod origins;
pub mod probe;
pub mod prompts;
pub mod replay;
pub mod run;
pub mod rundir;
pub mod sealed;
pub mod settings;
pub mod side;
pub mod standalone;
mod stopping;
mod temperature;
#[cfg(test)]
#[path = "../tests/unit/testing.rs"]
mod testing;
pub mod update;
pub mod world;

pub use announce::detectable_before;
pub use error::TrainError;
pub use memory::{check_context, engine_options};
pub use probe::check_probe;
pub use run::{Outcome, RunOptions, train, train_in};
pub use standalone::{ProbeModels, ProbeOptions, Probing, probe_of_run};
