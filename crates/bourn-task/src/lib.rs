//! Problems: generators with a difficulty dial and dataset readers.
//!
//! **This room knows nothing of Burn, of models or of tokens**: a problem is text with what its
//! verifier needs. Everything here is a function of the recipe, the files it names and counters:
//! nothing holds state that a checkpoint would have to keep.

pub mod countdown;
mod dataset;
mod environments;
mod id;
mod load;
mod problem;
mod records;
mod rewards;
mod schedule;

pub use bourn_verify::Reference;
pub use id::ProblemId;
pub use load::{TaskError, load, load_held_out};
pub use problem::{Problem, Problems, Share, render};
pub use rewards::{Paid, Rewards};
