//! The likelihood of texts that somebody else wrote: what pretraining maximises, and imitation.

use std::sync::atomic::{AtomicBool, Ordering};

use bourn_model::transformer::{Packed, Transformer};
use bourn_rollout::RolloutError;

use crate::learner::{Loss, NonFinite, Objective, UpdateError};
use crate::loss::value_of;
use crate::world::World;

/// A prompt, and what is to be said after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LabelledText {
    /// What is read.
    pub prompt: Vec<u32>,
    /// What is learned; not empty.
    pub completion: Vec<u32>,
}

/// −log π of the completions' tokens, on average over all of them; a "group" is a demonstration.
pub(crate) struct Likelihood<'d> {
    /// What is to be said.
    pub demonstrations: &'d [LabelledText],
    /// Demonstrations of one forward and backward.
    pub micro_batch_size: usize,
    /// What ends the work between two of them, by [`RolloutError::Interrupted`].
    pub stop: Option<&'d AtomicBool>,
}

/// Demonstrations packed for one forward.
pub(crate) struct Texts {
    packed: Packed,
    positions: Vec<i64>,
    targets: Vec<u32>,
    /// Tokens of the whole minibatch.
    tokens: f64,
}

impl Objective for Likelihood<'_> {
    type Batch = Texts;

    const NORM: &'static str = "the gradient norm";

    fn batches(&mut self, groups: &[usize], world: &dyn World) -> Result<Vec<Texts>, UpdateError> {
        let of = |&index: &usize| &self.demonstrations[index];
        let mut tokens = [groups.iter().map(|index| of(index).completion.len() as f64).sum()];
        world.sum(&mut tokens)?;
        let [tokens] = tokens;
        let pack = |groups: &[usize]| {
            let mut texts = Texts {
                packed: Packed::default(),
                positions: Vec::new(),
                targets: Vec::new(),
                tokens,
            };
            for LabelledText { prompt, completion } in groups.iter().map(of) {
                let read = prompt.iter().chain(&completion[..completion.len() - 1]).copied();
                let first = texts.packed.push(read).start + prompt.len() - 1;
                let positions = first..first + completion.len();
                texts.positions.extend(positions.map(|position| position as i64));
                texts.targets.extend(completion);
            }
            texts
        };
        Ok(groups.chunks(self.micro_batch_size.max(1)).map(pack).collect())
    }

    fn loss(&mut self, model: &Transformer, batch: &Texts) -> Result<Loss, UpdateError> {
        if self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Err(RolloutError::Interrupted.into());
        }
        let Texts { packed, positions, targets, tokens } = batch;
        let (scores, trace) = model.score(packed, positions.clone(), targets, 1.0, false);
        let scalar = scores.logprobs.sum() * (-1.0 / tokens);
        let value = value_of(&scalar)?;
        if !value.is_finite() {
            let (what, problem) = ("the loss", String::new());
            return Err(UpdateError::NonFinite(NonFinite { what, value, problem }));
        }
        Ok(Loss { scalar, trace, value })
    }

    fn problems(&self, _: &[usize]) -> String {
        String::new()
    }
}
