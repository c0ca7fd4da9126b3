//! What is asked of the engine and what it answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use bourn_episode::{Finish, Inputs, Next};
use bourn_kernel::Storage;
use bourn_model::StopStrings;

use crate::error::RolloutError;
use crate::sampler::checked_temperature;

/// How much the engine may do at once, which changes memory and speed and no result; and how it
/// keeps the weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// Completions decoded at once.
    pub batch_size: usize,
    /// Upper bound of the KV cache in bytes; [`cache_bytes`](crate::cache_bytes) and
    /// [`device_cache_bytes`](crate::device_cache_bytes) say how much a batch needs. Memory is taken
    /// as sequences grow; on the CPU it is kept for the next call.
    pub cache_bytes: usize,
    /// How the model's matrices are kept. Rounded ones make another model: it is this one that is
    /// drawn from and that gives the log-probs.
    pub storage: Storage,
}

/// Completions to draw from one prompt: the sample indices `first .. first + count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The prompt; at least one token.
    pub prompt: &'a Inputs,
    /// The problem's id, which is part of the seed and names the problem in errors.
    pub stream: &'a str,
    /// First sample index.
    pub first: u64,
    /// How many completions.
    pub count: u64,
}

/// A prompt that completions are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prompt<'a> {
    /// What the model reads; at least one token.
    pub prompt: &'a Inputs,
    /// The problem's id, which is part of the seed and names the problem in errors.
    pub stream: &'a str,
}

/// What decides which completions are drawn next; prompts are given by their index in the list that
/// [`Rollouts::draw`](crate::Rollouts::draw) was handed.
///
/// What is drawn from a prompt under a sample index is an *episode*: one completion or, where the
/// work goes on with tokens from elsewhere, several, its turns.
pub trait Work {
    /// The episode to start now, as prompt and sample index; `None` if none may start before
    /// another has ended. Asked whenever there is room for one more.
    fn next(&mut self) -> Option<(usize, u64)>;

    /// Whether `next` may name the prompt again; once it may not, its cache is not kept for it.
    fn is_open(&self, prompt: usize) -> bool;

    /// Whether an episode under way is still of use; if not, it is given up without a word. Asked
    /// whenever a completion has ended.
    fn is_wanted(&self, prompt: usize, sample: u64) -> bool {
        let _ = (prompt, sample);
        true
    }

    /// Takes a completion that has ended and says what follows it. `room` is how many tokens the
    /// episode may still take, given or drawn.
    ///
    /// After [`Next::Continue`] the row keeps its cache: it reads these tokens and draws another
    /// completion, of at most [`Sampling::max_tokens`] and of what is left of the room. They must
    /// leave room for one token at least.
    ///
    /// # Errors
    /// [`Stopped`] ends the call with [`RolloutError::Interrupted`].
    fn finished(
        &mut self,
        prompt: usize,
        sample: u64,
        completion: Completion,
        room: usize,
    ) -> Result<Next, Stopped>;
}

/// Work that is broken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// How tokens are drawn.
///
/// The distribution is made in the order of `transformers`' logits processors: temperature, then
/// top-k, then top-p on what top-k left (renormalised), then min-p. Where tokens are equally
/// likely, the one with the smaller id counts as the likelier.
#[derive(Clone, Debug)]
pub struct Sampling {
    /// Softmax temperature, from 1e-4 to 1e4; or 0 for the likeliest token (greedy), whose
    /// log-probs and entropies are then those at temperature 1.
    pub temperature: f64,
    /// Keep the likeliest tokens up to the one that brings their probability to this; 1 for all.
    pub top_p: f64,
    /// Keep this many of the likeliest tokens; 0 for all.
    pub top_k: usize,
    /// Drop tokens below this share of the likeliest one's probability; 0 for none.
    pub min_p: f64,
    /// Longest completion, in tokens; at least 1.
    pub max_tokens: usize,
    /// Most tokens of an episode beyond its prompt, over all its turns; `None` where there is but one,
    /// for `max_tokens`. Cache for so many is set aside for every row.
    pub row_tokens: Option<usize>,
    /// Tokens that end a completion.
    pub stop_tokens: BTreeSet<u32>,
    /// Texts that end a completion beside them, looked for in its own tokens; `None` for none.
    pub stop_strings: Option<Arc<StopStrings>>,
    /// Seed of the run.
    pub seed: u64,
    /// What the draws are for; part of the seed.
    pub purpose: String,
    /// Step of the run; part of the seed.
    pub step: u64,
}

impl Sampling {
    /// The full distribution at temperature 1, for single completions of up to `max_tokens` that
    /// nothing else ends.
    pub fn new(max_tokens: usize) -> Sampling {
        Sampling {
            temperature: 1.0,
            top_p: 1.0,
            top_k: 0,
            min_p: 0.0,
            max_tokens,
            row_tokens: None,
            stop_tokens: BTreeSet::new(),
            stop_strings: None,
            seed: 0,
            purpose: String::new(),
            step: 0,
        }
    }

    /// The full distribution at `temperature`, to score with.
    ///
    /// # Errors
    /// The temperature is not from 1e-4 to 1e4.
    pub fn whole(temperature: f64) -> Result<Sampling, RolloutError> {
        checked_temperature(temperature)?;
        Ok(Sampling { temperature, ..Sampling::new(1) })
    }

    /// Most tokens of a row beyond its prompt.
    pub fn room(&self) -> usize {
        self.row_tokens.unwrap_or(self.max_tokens)
    }
}

/// One completion; the lists are equally long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Completion {
    /// Token ids, the one that ended it included.
    pub tokens: Vec<u32>,
    /// log π of each token under the full softmax at the temperature, in nats.
    pub logprobs: Vec<f32>,
    /// log-probability of each token under the distribution it was drawn from, truncated and
    /// renormalised; 0 when greedy.
    pub sampled_logprobs: Vec<f32>,
    /// Entropy of the full softmax at the temperature before each token, in nats; `None` where the
    /// engine does not say ([`Capabilities::entropies`](crate::Capabilities)).
    pub entropies: Option<Vec<f32>>,
    /// Why it ended.
    pub finish: Finish,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Episodes drawn to their end, each once however many turns it had; completions scored.
    pub completions_done: u64,
    /// Tokens drawn or scored.
    pub tokens_done: u64,
}

/// A completion whose tokens are to be scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoreItem<'a> {
    /// The prompt; at least one token.
    pub prompt: &'a Inputs,
    /// Token ids to score; may be empty.
    pub completion: &'a [u32],
}

/// Scores of one completion, a value a token; the lists are equally long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scored {
    /// log π of each token under the full softmax at the temperature, in nats.
    pub logprobs: Vec<f32>,
    /// log-probability of each token under the sampler with its truncation; `None` for a token that
    /// the truncation leaves out, which the sampler could not have drawn there.
    pub sampled_logprobs: Vec<Option<f32>>,
    /// Entropy of the full softmax at the temperature before each token, in nats; `None` where the
    /// engine does not say.
    pub entropies: Option<Vec<f32>>,
}

impl Scored {
    /// Scores of a completion of no tokens, with entropies.
    pub(crate) fn of_nothing() -> Scored {
        Scored { entropies: Some(Vec::new()), ..Scored::default() }
    }

    /// Appends the scores of the next token.
    pub(crate) fn push(&mut self, logprob: f32, sampled_logprob: Option<f32>, entropy: f32) {
        self.logprobs.push(logprob);
        self.sampled_logprobs.push(sampled_logprob);
        self.entropies.get_or_insert_default().push(entropy);
    }
}
