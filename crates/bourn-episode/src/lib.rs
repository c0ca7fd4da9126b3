//! What flows through a step: what a model reads, what came of it, and what it is trained by.
//!
//! - [`Inputs`]: token ids with inserts (pictures, once there are any). *The* prompt type.
//! - [`Trajectory`]: an episode as one flat row of tokens, with a mask of those that the policy drew.
//! - [`Signals`]: for each of these tokens, what it weighs in each part of the loss.
//! - [`Next`]: what follows a completion: nothing, or tokens from elsewhere.
//!
//! **This room knows no model, no text, no reward and no algorithm.** A trajectory does not say what it
//! was worth, and there is no prompt and no completion in it: a prompt is tokens that are not its own.

mod inputs;
mod trajectory;

pub use inputs::{Features, Hash, Inputs, InputsError, Insert};
pub use trajectory::{Finish, Next, Signals, Source, Trajectory, TrajectoryError, Weight};
