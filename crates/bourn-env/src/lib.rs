//! Environments: what answers a completion, and when an episode is over.
//!
//! An [`Environment`] is told an episode as people read it, a [`Transcript`], and says whether it is
//! over or what the policy reads next. What it writes is read and never trained on. The single turn,
//! [`SingleTurn`], is the environment of a problem that has none.
//!
//! **This room knows no token, no model and no reward**: it does not say whether an episode went well,
//! which is a judge's to say.
//!
//! ```
//! use bourn_env::{Environment, Reply, SingleTurn, Transcript, Turn};
//!
//! let turns = [Turn { completion: "42".into(), truncated: false, observation: None }];
//! let transcript = Transcript { prompt: "6 * 7 = ", turns: &turns };
//! assert_eq!(SingleTurn.reply(&transcript).unwrap(), Reply::Done);
//! ```

use std::fmt::Debug;

/// What answers the completions of one task's problems.
///
/// **A reply is a function of the transcript alone**, so that an episode is the same whatever is drawn
/// beside it, and a step that is drawn again after an interruption is the same step.
pub trait Environment: Send + Sync + Debug {
    /// Its name and every setting that a reply depends on, for keys of what is stored; it changes
    /// whenever the same transcript would get another reply.
    fn identity(&self) -> String;

    /// Most completions of an episode. After so many it is over, and nothing is asked.
    fn turns(&self) -> usize;

    /// Most tokens of an episode beyond its prompt, drawn and read; `None` where one completion is all
    /// there is.
    fn tokens(&self) -> Option<usize>;

    /// What follows the last completion of an episode.
    ///
    /// # Errors
    /// Something that the environment needs has failed. That ends no episode: a run that took it for
    /// an end would be paid for a crash.
    fn reply(&self, transcript: &Transcript<'_>) -> Result<Reply, EnvironmentError>;
}

/// An episode as people read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transcript<'a> {
    /// What the policy was given first.
    pub prompt: &'a str,
    /// What followed; the last turn has no observation yet.
    pub turns: &'a [Turn],
}

/// A completion and what answered it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// What the policy wrote.
    pub completion: String,
    /// Whether it ran into the length limit.
    pub truncated: bool,
    /// What the environment answered; `None` where the episode ended with it.
    pub observation: Option<String>,
}

/// What follows a completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing: the episode is over.
    Done,
    /// This text, which the policy reads before it writes on.
    Observation(String),
}

/// Why an environment gave no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {environment} environment: {problem}")]
pub struct EnvironmentError {
    /// Which environment.
    pub environment: String,
    /// What happened, and what to do about it.
    pub problem: String,
}

/// One completion, and nothing answers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SingleTurn;

impl Environment for SingleTurn {
    fn identity(&self) -> String {
        "single turn".to_owned()
    }

    fn turns(&self) -> usize {
        1
    }

    fn tokens(&self) -> Option<usize> {
        None
    }

    fn reply(&self, _: &Transcript<'_>) -> Result<Reply, EnvironmentError> {
        Ok(Reply::Done)
    }
}
