//! An episode as one flat row of tokens, and what its tokens are trained by.

use crate::Inputs;

/// Why a completion ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Finish {
    /// It drew a stop token, or its text came to its end; the token that did so is its last.
    Stop,
    /// It has as many tokens as it may have.
    #[default]
    Length,
}

/// What follows a completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the episode is over.
    Done,
    /// These tokens, from elsewhere, and then another completion; at least one.
    Continue(Vec<u32>),
}

/// Who wrote a trajectory's own tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The policy, in the step that trains on it.
    #[default]
    Policy,
    /// The frozen base: evidence that a problem can be solved.
    Witness,
    /// Another model.
    Teacher,
    /// A person, or a file of one.
    Human,
}

/// An episode as it is drawn, judged, credited and trained on: one row of tokens.
///
/// Tokens that are not its own (the prompt, what an environment answered) are read and never trained
/// on. The lists hold one value for each of its own tokens, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    /// Every token of the episode, prompt and answers of the environment included.
    pub inputs: Inputs,
    /// Which of them are its own, `[inputs]`.
    pub own: Vec<bool>,
    /// log π of each own token under what drew it, in nats; `None` where nobody knows, and then the
    /// tokens have no place in a ratio.
    pub logprobs: Option<Vec<f32>>,
    /// Entropy of the distribution that each own token was drawn from, in nats; `None` where the
    /// engine does not say.
    pub entropies: Option<Vec<f32>>,
    /// Why the last completion ended.
    pub finish: Finish,
    /// Who wrote the own tokens.
    pub source: Source,
    /// The group that shares a baseline.
    pub group: usize,
}

/// A trajectory whose parts do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrajectoryError {
    /// A list that has not one value a token.
    #[error("a trajectory of {expected} {of} has {found} {list}")]
    Length {
        /// Which list.
        list: &'static str,
        /// What it is a list of.
        of: &'static str,
        /// Values there should be.
        expected: usize,
        /// Values there are.
        found: usize,
    },
    /// A row that begins with what it wrote itself.
    #[error("a trajectory begins with a token of its own: nothing predicts the first token")]
    NoPrompt,
}

impl Trajectory {
    /// A single completion: what was read, then what was written.
    pub fn of_completion(
        prompt: &Inputs,
        tokens: &[u32],
        logprobs: Option<Vec<f32>>,
        entropies: Option<Vec<f32>>,
        finish: Finish,
    ) -> Trajectory {
        let mut inputs = prompt.clone();
        inputs.extend(tokens);
        let mut own = vec![false; prompt.len()];
        own.resize(inputs.len(), true);
        let (source, group) = (Source::Policy, 0);
        Trajectory { inputs, own, logprobs, entropies, finish, source, group }
    }

    /// The same trajectory as one of `group`.
    pub fn in_group(self, group: usize) -> Trajectory {
        Trajectory { group, ..self }
    }

    /// Checks that every list has one value a token, and that something stands before the first own
    /// token.
    ///
    /// # Errors
    /// Names the list.
    pub fn check(&self) -> Result<(), TrajectoryError> {
        let all = self.inputs.len();
        if self.own.len() != all {
            let (list, of, found) = ("marks", "tokens", self.own.len());
            return Err(TrajectoryError::Length { list, of, expected: all, found });
        }
        if self.own.first().is_some_and(|&own| own) {
            return Err(TrajectoryError::NoPrompt);
        }
        let (expected, of) = (self.count(), "own tokens");
        let lists = [("log-probs", &self.logprobs), ("entropies", &self.entropies)];
        for (list, values) in lists {
            let found = values.as_ref().map_or(expected, Vec::len);
            if found != expected {
                return Err(TrajectoryError::Length { list, of, expected, found });
            }
        }
        Ok(())
    }

    /// Number of own tokens.
    pub fn count(&self) -> usize {
        self.own.iter().filter(|&&own| own).count()
    }

    /// The place of the first own token: what stands before it is the prompt.
    pub fn start(&self) -> usize {
        self.own.iter().position(|&own| own).unwrap_or(self.own.len())
    }

    /// The places of the own tokens, in order.
    pub fn places(&self) -> impl Iterator<Item = usize> + '_ {
        self.own.iter().enumerate().filter(|&(_, &own)| own).map(|(place, _)| place)
    }

    /// The own tokens, in order.
    pub fn tokens(&self) -> Vec<u32> {
        self.places().map(|place| self.inputs.ids()[place]).collect()
    }

    /// log π of all own tokens together, in nats; `None` where it is not known.
    pub fn logprob(&self) -> Option<f64> {
        let sum = |values: &Vec<f32>| values.iter().copied().map(f64::from).sum();
        self.logprobs.as_ref().map(sum)
    }

    /// Whether the policy under training drew it.
    pub fn is_policys(&self) -> bool {
        self.source == Source::Policy
    }
}

/// What each own token of a trajectory weighs in each part of the loss, rl + ce + kl. A weight of 0 is
/// no part: the gradient of it is exactly zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signals {
    /// Advantage: weight of the policy gradient, `[own]`.
    pub rl: Vec<f32>,
    /// Weight of the token's log-likelihood.
    pub ce: Weight,
    /// Weight of a reference's KL.
    pub kl: Weight,
    /// Weight of the KL to what drew the token, which holds it where it is (KL-Cov, arXiv 2505.22617).
    pub anchor: Weight,
}

/// A weight of each own token.
#[derive(Clone, Debug, PartialEq)]
pub enum Weight {
    /// The same for all.
    Same(f64),
    /// Each token's own, `[own]`.
    Each(Vec<f32>),
}

impl Default for Weight {
    fn default() -> Weight {
        Weight::Same(0.0)
    }
}

impl Weight {
    /// Whether it is 0 at every token.
    pub fn is_zero(&self) -> bool {
        match self {
            Weight::Same(weight) => *weight == 0.0,
            Weight::Each(weights) => weights.iter().all(|&weight| weight == 0.0),
        }
    }

    /// The weights of `count` tokens, each divided by `by`.
    pub fn over(&self, by: f64, count: usize) -> impl Iterator<Item = f32> + '_ {
        (0..count).map(move |token| match self {
            Weight::Same(weight) => (weight / by) as f32,
            Weight::Each(weights) => {
                (f64::from(weights.get(token).copied().unwrap_or(0.0)) / by) as f32
            }
        })
    }
}

impl Signals {
    /// No part of the loss for any of `count` tokens.
    pub fn silent(count: usize) -> Signals {
        Signals { rl: vec![0.0; count], ..Signals::default() }
    }

    /// Whether any token has a part in the loss.
    pub fn speaks(&self) -> bool {
        let Signals { rl, ce, kl, anchor } = self;
        rl.iter().any(|&weight| weight != 0.0)
            || [ce, kl, anchor].into_iter().any(|weight| !weight.is_zero())
    }
}

#[cfg(test)]
#[path = "../tests/unit/trajectory.rs"]
mod tests;
