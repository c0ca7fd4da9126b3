//! Asking for scores: how likely given completions are under a model.

use bourn_task::Problem;

use crate::SourceError;

/// A completion to score.
#[derive(Clone, Copy, Debug)]
pub struct ScoreRequest<'a> {
    /// The problem it answers, with the prompt that it follows.
    pub problem: &'a Problem,
    /// Its tokens, as they were drawn ([`Draw::ids`](crate::Draw::ids)).
    pub ids: &'a [u32],
}

/// How likely a completion is under a model and a sampler.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Log-prob under the whole softmax at the sampler's temperature, in nats: a sum over tokens.
    pub full_logprob: f64,
    /// Tokens scored.
    pub tokens: u32,
    /// Log-prob under the sampler with its truncation, in nats: a sum over tokens; `None` where a
    /// token is outside the sampler's support, so that the sampler could not have drawn it.
    pub sampled_logprob: Option<f64>,
    /// Place from 0 of the first token outside the support; `None` where there is none.
    pub outside: Option<u32>,
}

/// Where scores come from: a model with a sampler.
pub trait ScoreSource {
    /// Scores each request, in their order, by teacher forcing. `done` is told how many more are
    /// scored, as they are.
    ///
    /// # Errors
    /// Whatever keeps the source from scoring.
    fn score(
        &mut self,
        requests: &[ScoreRequest<'_>],
        done: &mut dyn FnMut(u64),
    ) -> Result<Vec<Score>, SourceError>;
}
