//! What flows through a step: what a model reads, what came of it, and what it is trained by.
//!
//! - [`Inputs`]: token ids with inserts (pictures, once there are any). *The* prompt type.
//! - [`Trajectory`]: an episode as one flat row of tokens, with a mask of those that the policy drew.
//! - [`Signals`]: for each of these tokens, what it weighs in each part of the loss.
//! - [`Next`]: what follows a completion: nothing, or tokens from elsewhere.
//! - [`Message`]: what a prompt of several parts is before a model's template and tokenizer see it.
//!
//! **This room knows no model, no reward and no algorithm, and does nothing with text.** A trajectory does not say what it
//! was worth, and there is no prompt and no completion in it: a prompt is tokens that are not its own.
//!
//! ```
//! use bourn_episode::{Finish, Inputs, Trajectory};
//!
//! # fn main() -> Result<(), bourn_episode::TrajectoryError> {
//! // The policy read 7 8 and wrote 3 4.
//! let prompt = Inputs::from(vec![7, 8]);
//! let mut episode = Trajectory::of_completion(&prompt, &[3, 4], None, None, Finish::Stop);
//!
//! // An environment answered 9, and the policy wrote 5: read alike, but only 5 is its own.
//! episode.inputs.extend(&[9, 5]);
//! episode.own.extend([false, true]);
//! episode.logprobs = Some(vec![-0.5, -0.25, -1.0]);
//! episode.check()?;
//! assert_eq!(episode.tokens(), [3, 4, 5]);
//! assert_eq!((episode.start(), episode.logprob()), (2, Some(-1.75)));
//!
//! // A list has one value for each own token, and none for what was read.
//! episode.logprobs = Some(vec![0.0; 6]);
//! assert!(episode.check().is_err());
//! # Ok(())
//! # }
//! ```

mod inputs;
mod message;
mod trajectory;

pub use inputs::{Features, Hash, Inputs, InputsError, Insert};
pub use message::Message;
pub use trajectory::{Finish, Next, Signals, Source, Trajectory, TrajectoryError, Weight};
