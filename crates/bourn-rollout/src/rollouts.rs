//! The front door: what any engine that draws can be asked, whatever stands behind it.

use std::ops::ControlFlow;

use bourn_model::Weights;
use bourn_model::transformer::Transformer;

use crate::error::{RolloutError, problem};
use crate::listed::Listed;
use crate::types::{Completion, Progress, Prompt, Request, Sampling, ScoreItem, Scored, Work};

/// What an engine can do beyond drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Its log-probs are those of training's forward pass bit for bit.
    pub exact: bool,
    /// It gives the entropy before each token.
    pub entropies: bool,
    /// It scores completions that it did not draw.
    pub scores: bool,
    /// It reads inputs with inserts.
    pub inserts: bool,
    /// Rows go on after [`Next::Continue`](bourn_episode::Next).
    pub continues: bool,
}

/// Draws and scores completions of the model that it holds.
pub trait Rollouts {
    /// What it can do; what it cannot is refused with [`RolloutError::Unsupported`] when it is asked
    /// for.
    fn capabilities(&self) -> Capabilities;

    /// Draws the episodes that `work` asks for, for as long as it asks, and hands each completion
    /// back as it ends; each is a function of prompt, stream, sample index, turn and `sampling`,
    /// whatever is under way with it.
    ///
    /// The t-th token of a completion is drawn with the t-th number of a ChaCha8 stream keyed by
    /// (seed, purpose, step, stream, sample index) and, from the second turn on, the turn's number.
    /// `on_progress` is called after every pass of the model; where it breaks, the call ends with
    /// [`RolloutError::Interrupted`].
    ///
    /// # Errors
    /// Names the problem at fault: an empty or overlong prompt, a token outside the vocabulary,
    /// tokens to go on with that do not fit, a cache too small for one row, logits that are not finite.
    fn draw(
        &mut self,
        prompts: &[Prompt<'_>],
        sampling: &Sampling,
        work: &mut dyn Work,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), RolloutError>;

    /// log π(token | prompt, tokens before) of each token of each completion under the full softmax
    /// at the temperature of `sampling` and under its truncation, with the entropies before them: what
    /// [`Rollouts::draw`] gives for the same tokens. Only what makes a distribution of logits is used
    /// of `sampling`; [`Sampling::whole`] is the full distribution.
    ///
    /// `on_progress` is called after every pass of the model; where it breaks, the call ends with
    /// [`RolloutError::Interrupted`].
    ///
    /// # Errors
    /// Names the item at fault by its index: an empty or overlong prompt, a token outside the
    /// vocabulary, a cache too small for it alone, logits that are not finite.
    fn score(
        &mut self,
        items: &[ScoreItem<'_>],
        sampling: &Sampling,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<Scored>, RolloutError>;
}

/// Holds weights that can be replaced, given up and taken back.
pub trait HoldWeights {
    /// Replaces the weights, after an optimiser update; their memory is reused.
    ///
    /// # Errors
    /// Names the tensor that is missing or misshapen; the old weights are then still there.
    fn load(&mut self, weights: &Weights) -> Result<(), RolloutError>;

    /// [`HoldWeights::load`] with weights that nothing else needs: the memory of each may be given up
    /// as it is taken over, where nothing shares it.
    ///
    /// # Errors
    /// As [`HoldWeights::load`].
    fn refill(&mut self, weights: Weights) -> Result<(), RolloutError> {
        self.load(&weights)
    }

    /// Gives up the memory of weights and cache, as far as that is of use, until weights come again:
    /// gradients and activations can have it in between. To draw before that is an error.
    fn release(&mut self);

    /// Replaces the weights by those of `model`.
    ///
    /// # Errors
    /// As [`HoldWeights::load`].
    fn update_from(&mut self, model: &Transformer) -> Result<(), RolloutError> {
        self.load(&weights_of(model)?)
    }
}

/// A model's weights on the host.
pub(crate) fn weights_of(model: &Transformer) -> Result<Weights, RolloutError> {
    model.to_weights().map_err(|error| RolloutError::Device { message: error.to_string() })
}

/// What training holds: an engine that draws, of weights that follow the policy's.
pub trait RolloutEngine: Rollouts + HoldWeights {}

impl<E: Rollouts + HoldWeights> RolloutEngine for E {}

/// Draws the completions of each request, in the order of their sample indices.
///
/// # Errors
/// As [`Rollouts::draw`]; sample indices that run past the last.
pub fn generate(
    engine: &mut dyn Rollouts,
    requests: &[Request<'_>],
    sampling: &Sampling,
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Vec<Vec<Completion>>, RolloutError> {
    for &Request { stream, first, count, .. } in requests {
        if first.checked_add(count).is_none() {
            return Err(RolloutError::SampleIndex { subject: problem(stream), first, count });
        }
    }
    let prompts: Vec<Prompt<'_>> =
        requests.iter().map(|r| Prompt { prompt: r.prompt, stream: r.stream }).collect();
    let mut work = Listed::new(requests);
    engine.draw(&prompts, sampling, &mut work, on_progress)?;
    Ok(work.into_results())
}
