//! Problems: generators with a difficulty dial and dataset readers.
//!
//! **This room knows nothing of Burn, of models or of tokens**: a problem is text with what its
//! verifier needs. Everything here is a function of the recipe, the files it names and counters:
//! nothing holds state that a checkpoint would have to keep.
//!
//! ```
//! use bourn_verify::{Submission, Verdict};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = r#"
//!     model.path = "any"
//!     algorithm.name = "grpo"
//!     optimizer.lr = 1e-4
//!     rollout = { prompts_per_step = 2, max_completion_length = 8 }
//!     train = { max_steps = 1, micro_batch_size = 2 }
//!     probe = { interval = 1, problems = 3 }
//!     task = [{ kind = "countdown", numbers = 3, train_problems = 8 }]
//! "#;
//! let recipe = bourn_recipe::parse(text, "a.toml".as_ref(), &[])?;
//! let problems = bourn_task::load(&recipe)?;
//! assert_eq!((problems.train.len(), problems.held_out.len()), (8, 3));
//! assert!(!problems.train.contains(&problems.held_out[0]));
//!
//! // A problem comes with those who judge what completes it.
//! let said = problems.train[0].judge().verdict(&Submission::of("no expression"))?;
//! assert_eq!(said.verdict, Verdict::Unparsed);
//! # Ok(())
//! # }
//! ```

mod answer;
mod benchmark;
mod columns;
pub mod countdown;
mod dataset;
mod environments;
mod id;
mod inspect;
mod load;
mod problem;
mod prompt;
mod rewards;
mod schedule;
mod survey;

pub use bourn_verify::Reference;
pub use dataset::{Findings, Places};
pub use id::ProblemId;
pub use inspect::{Inspected, Inspection, Overlap, Pair, inspect, listed};
pub use load::{TaskError, load, load_held_out};
pub use problem::{Problem, Problems, Share, render};
pub use prompt::Prompt;
pub use rewards::{Paid, Rewards};
pub use survey::{Column, Reading, Survey, survey};
