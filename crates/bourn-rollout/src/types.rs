//! What is asked of the engine and what it answers.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

pub use bourn_episode::Finish;
use bourn_kernel::Storage;

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
    /// Token ids of the prompt; at least one.
    pub prompt: &'a [u32],
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
    /// Token ids; at least one.
    pub prompt: &'a [u32],
    /// The problem's id, which is part of the seed and names the problem in errors.
    pub stream: &'a str,
}

/// What decides which completions are drawn next; prompts are given by their index in the list that
/// [`Engine::stream`](crate::Engine::stream) was handed.
pub trait Work {
    /// The completion to start now, as prompt and sample index; `None` if none may start before
    /// another has ended. Asked whenever there is room for one more.
    fn next(&mut self) -> Option<(usize, u64)>;

    /// Whether `next` may name the prompt again; once it may not, its cache is not kept for it.
    fn is_open(&self, prompt: usize) -> bool;

    /// Whether a completion under way is still of use; if not, it is given up without a word.
    fn is_wanted(&self, prompt: usize, sample: u64) -> bool {
        let _ = (prompt, sample);
        true
    }

    /// Takes a completion that has ended; a break ends the call with
    /// [`RolloutError::Interrupted`](crate::RolloutError::Interrupted).
    fn finished(&mut self, prompt: usize, sample: u64, completion: Completion) -> ControlFlow<()>;
}

/// Ends completions by what their tokens say: asked after each with all tokens so far, where the
/// completion has not ended before. A function of these tokens alone, or completions would depend
/// on their batch.
#[derive(Clone)]
pub struct StopText(pub Arc<StopRule>);

/// Whether a completion of these tokens ends with the last of them.
pub type StopRule = dyn Fn(&[u32]) -> bool + Send + Sync;

impl std::fmt::Debug for StopText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StopText")
    }
}

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
    /// Tokens that end a completion.
    pub stop_tokens: BTreeSet<u32>,
    /// What ends a completion beside them; `None` for nothing.
    pub stop_text: Option<StopText>,
    /// Seed of the run.
    pub seed: u64,
    /// What the draws are for; part of the seed.
    pub purpose: String,
    /// Step of the run; part of the seed.
    pub step: u64,
}

/// One completion; the four lists are equally long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Completion {
    /// Token ids, the one that ended it included.
    pub tokens: Vec<u32>,
    /// log π of each token under the full softmax at the temperature, in nats.
    pub logprobs: Vec<f32>,
    /// log-probability of each token under the distribution it was drawn from, truncated and
    /// renormalised; 0 when greedy.
    pub sampled_logprobs: Vec<f32>,
    /// Entropy of the full softmax at the temperature before each token, in nats.
    pub entropies: Vec<f32>,
    /// Why it ended.
    pub finish: Finish,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Completions drawn or scored to their end.
    pub completions_done: u64,
    /// Tokens drawn or scored.
    pub tokens_done: u64,
}

/// A completion whose tokens are to be scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoreItem<'a> {
    /// Token ids of the prompt; at least one.
    pub prompt: &'a [u32],
    /// Token ids to score; may be empty.
    pub completion: &'a [u32],
}

/// Scores of one completion, a value a token; the three lists are equally long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scored {
    /// log π of each token under the full softmax at the temperature, in nats.
    pub logprobs: Vec<f32>,
    /// log-probability of each token under the sampler with its truncation; `None` for a token that
    /// the truncation leaves out, which the sampler could not have drawn there.
    pub sampled_logprobs: Vec<Option<f32>>,
    /// Entropy of the full softmax at the temperature before each token, in nats.
    pub entropies: Vec<f32>,
}
