//! The training loop, losses, pretraining, checkpoints and exact resume.
//!
//! Begin with [`run`]: it is the table of contents of the whole system. **This room knows
//! nothing of the command line**: it is given a recipe, a console and a flag to stop.

pub mod ablate;
mod announce;
pub mod base;
pub mod checkpoint;
mod credit;
mod critic;
mod drawing;
pub mod engine;
mod engine_source;
mod episodes;
mod error;
pub mod experience;
mod implicit;
mod judging;
pub mod learner;
mod learners;
mod likelihood;
mod logbook;
mod loss;
pub mod memory;
mod metrics;
pub mod optimizer;
mod origins;
pub mod probe;
mod prompts;
mod replay;
pub mod run;
mod rundir;
mod sealed;
pub mod settings;
mod side;
mod standalone;
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
