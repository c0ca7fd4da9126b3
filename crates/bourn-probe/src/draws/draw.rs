//! What a draw is, and how draws are asked for.

use std::error::Error;

use bourn_task::Problem;
use bourn_verify::Verdict;
use serde::{Deserialize, Serialize};

use crate::ProbeError;

/// One completion of a problem, with what the probe needs to know of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draw {
    /// The raw verdict.
    pub verdict: Verdict,
    /// The final answer in its canonical form, as [`Judge::answer`](bourn_verify::Judge::answer)
    /// gives it; `None` where there is none to read.
    pub answer: Option<String>,
    /// The text of the completion.
    pub text: String,
    /// Tokens of the completion, its end token included if it was drawn.
    pub tokens: u32,
    /// Log-prob of the completion under the sampler that drew it, truncation included, in nats: a
    /// sum over tokens.
    pub logprob: f64,
    /// Log-prob of the completion under the whole softmax at the sampler's temperature, in nats: a
    /// sum over tokens, at most [`Draw::logprob`].
    pub full_logprob: f64,
    /// Entropy over the full vocabulary at the sampler's temperature, in nats: a mean over the
    /// tokens; 0 where there are none.
    pub entropy: f64,
    /// Whether the completion was cut at the token budget.
    pub truncated: bool,
    /// The tokens, so that the completion can be scored exactly: text may be cut into tokens in
    /// another way than they were drawn.
    pub ids: Vec<u32>,
    /// The entropy before each token, in nats, rounded by [`rounded_entropies`].
    pub entropies: Vec<f32>,
}

/// Token entropies to three decimals, which is finer than any quantile of them is known and a third
/// of the room in a file.
pub fn rounded_entropies(entropies: &[f32]) -> Vec<f32> {
    // In f64, so that the result is the f32 nearest to the decimal, which prints as that decimal.
    let round = |&nats: &f32| ((f64::from(nats) * 1000.0).round() / 1000.0) as f32;
    entropies.iter().map(round).collect()
}

/// What a source of draws may fail with; shown to the user as it is.
pub type SourceError = Box<dyn Error + Send + Sync>;

/// Where draws come from: a model with its sampler and its verifier.
pub trait DrawSource {
    /// Draws what `schedule` asks for, as many completions at once as the source can hold.
    ///
    /// Whenever there is room for one more completion the source asks [`DrawSchedule::next`], and it
    /// reports each that ends to [`DrawSchedule::finished`], in any order. It may give up those that
    /// are no longer [wanted](DrawSchedule::is_wanted). The call ends when `next` gives nothing and
    /// nothing is under way. A draw is a pure function of (seed, problem id, number of the draw),
    /// whatever else is under way with it.
    ///
    /// # Errors
    /// Whatever keeps the source from drawing, and each error of [`DrawSchedule::finished`], passed on
    /// as it is.
    fn stream(
        &mut self,
        problems: &[&Problem],
        schedule: &mut dyn DrawSchedule,
    ) -> Result<(), SourceError>;
}

/// What decides which draws are made next; problems are given by their place in the list that the
/// source was handed.
pub trait DrawSchedule {
    /// The draw to start now: problem, and number of the draw from 0. `None` if nothing may start
    /// before another draw has finished.
    fn next(&mut self) -> Option<(usize, u64)>;

    /// Whether `next` may name this problem again. Once it may not it never will, and the source
    /// need not hold the problem's prompt for it.
    fn is_open(&self, problem: usize) -> bool;

    /// Whether a draw under way is still of use; if not, it may be given up, and is then not
    /// reported.
    fn is_wanted(&self, problem: usize, number: u64) -> bool;

    /// Takes a draw that has ended. An error ends the call of the source, which passes it on.
    ///
    /// # Errors
    /// A draw that is not under way, one whose log-prob or entropy is not finite, or draws that the
    /// store cannot take.
    fn finished(&mut self, problem: usize, number: u64, draw: Draw) -> Result<(), ProbeError>;
}
