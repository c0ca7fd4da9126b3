//! How fast this machine draws and fits with a model of some shape: a few seconds of either.

use std::ops::ControlFlow;

use bourn_episode::Inputs;
use bourn_model::transformer::Transformer;
use bourn_rollout::{Progress, Request, RolloutError, Rollouts, Sampling, generate};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::error::TrainError;
use crate::learner::{Descent, UpdateError};
use crate::likelihood::{LabelledText, Likelihood};
use crate::world::Alone;

/// Seconds after which drawing is broken off.
const LONGEST: f64 = 6.0;
/// Seconds that measuring either goes on for, and how often at most: the quickest counts, which is
/// warm, and least disturbed by what else the machine does.
const ENOUGH: f64 = 1.5;
const TRIES: usize = 6;
/// Most tokens of a forward and backward.
const FITTED: usize = 2048;

/// How fast a machine is with a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Speeds {
    /// Tokens drawn a second.
    pub draw: f64,
    /// Tokens that go forward and back in a second.
    pub fit: f64,
    /// Mean length of a prompt in tokens.
    pub prompt: f64,
    /// Mean length of a completion in tokens; `None` where only the longest is known.
    pub completion: Option<f64>,
}

/// What is measured.
pub(crate) struct Subject<'a> {
    /// Prompts, at least one.
    pub prompts: &'a [Inputs],
    /// How completions are drawn.
    pub sampling: Sampling,
    /// Completions under way at once.
    pub rows: usize,
    /// Trajectories of a forward and backward.
    pub micro_batch_size: usize,
    /// Mean length of a completion, where it is known; else it is that of the draws, if they end by
    /// themselves.
    pub completion: Option<f64>,
}

/// Measures it. Nothing is changed: no update is made, and draws are functions of their counters.
///
/// # Errors
/// As drawing and fitting.
pub(crate) fn measure(
    subject: &Subject<'_>,
    engine: &mut dyn Rollouts,
    model: &Transformer,
    descent: &Descent,
) -> Result<Speeds, TrainError> {
    let &Subject { prompts, ref sampling, rows, micro_batch_size, completion } = subject;
    let prompt = prompts.iter().map(Inputs::len).sum::<usize>() as f64 / prompts.len() as f64;
    let drawn = quickest(|drawn: &Drawn| drawn.seconds, || draw(engine, prompts, sampling, rows))?;
    let ends = !sampling.stop_tokens.is_empty() || sampling.stop_strings.is_some();
    // Those that were broken off count for what they had: the maximum-likelihood mean of lengths that
    // end at a constant rate.
    let own = drawn.tokens as f64 / (drawn.ended.max(1)) as f64;
    let own = ends.then(|| own.min(sampling.max_tokens as f64));
    let completion = completion.or(own);

    let length = completion.unwrap_or(sampling.max_tokens as f64).ceil().max(1.0) as usize;
    let texts = texts(prompts, length, micro_batch_size);
    let tokens: usize = texts.iter().map(|t| t.prompt.len() + t.completion.len()).sum();
    let seconds = quickest(|seconds: &f64| *seconds, || fit(model, descent, &texts))?;
    Ok(Speeds {
        draw: drawn.tokens.max(1) as f64 / drawn.seconds.max(f64::MIN_POSITIVE),
        fit: tokens as f64 / seconds.max(f64::MIN_POSITIVE),
        prompt,
        completion,
    })
}

/// The try that took the least time.
fn quickest<T>(
    time: impl Fn(&T) -> f64,
    mut once: impl FnMut() -> Result<T, TrainError>,
) -> Result<T, TrainError> {
    let mut best = once()?;
    let mut spent = time(&best);
    for _ in 1..TRIES {
        if spent >= ENOUGH {
            break;
        }
        let next = once()?;
        spent += time(&next);
        if time(&next) < time(&best) {
            best = next;
        }
    }
    Ok(best)
}

/// What was drawn until it ended or was broken off.
struct Drawn {
    tokens: u64,
    ended: u64,
    seconds: f64,
}

fn draw(
    engine: &mut dyn Rollouts,
    prompts: &[Inputs],
    sampling: &Sampling,
    rows: usize,
) -> Result<Drawn, TrainError> {
    let each = rows.div_ceil(prompts.len()) as u64;
    let request = |prompt| Request { prompt, stream: "forecast", first: 0, count: each };
    let requests: Vec<Request<'_>> = prompts.iter().map(request).collect();
    let nothing = Progress { completions_done: 0, tokens_done: 0 };
    let (started, mut last) = (clock::now(), nothing);
    let outcome = generate(engine, &requests, sampling, &mut |progress| {
        last = progress;
        // Before the first token nothing is known yet.
        match progress.tokens_done > 0 && started.elapsed().as_secs_f64() > LONGEST {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    match outcome {
        Ok(_) | Err(RolloutError::Interrupted) => {
            Ok(Drawn { tokens: last.tokens_done, ended: last.completions_done, seconds })
        }
        Err(error) => Err(error.into()),
    }
}

/// Texts of this length after the prompts, as many as a micro batch takes; which tokens they are does
/// not matter to the time.
fn texts(prompts: &[Inputs], length: usize, micro_batch_size: usize) -> Vec<LabelledText> {
    let of = |prompt: &Inputs| {
        let prompt = prompt.ids().to_vec();
        let last = *prompt.last().unwrap_or(&0);
        LabelledText { completion: vec![last; length], prompt }
    };
    let longest = prompts.iter().map(Inputs::len).max().unwrap_or(1) + length;
    let most = micro_batch_size.min(FITTED.div_ceil(longest)).max(1);
    prompts.iter().cycle().take(most).map(of).collect()
}

/// Seconds of one gradient.
fn fit(model: &Transformer, descent: &Descent, texts: &[LabelledText]) -> Result<f64, TrainError> {
    let started = clock::now();
    let all: Vec<usize> = (0..texts.len()).collect();
    let mut objective = Likelihood { demonstrations: texts, micro_batch_size: texts.len() };
    let gradient = descent.gradient(model, &all, &mut objective, &Alone);
    let seconds = started.elapsed().as_secs_f64();
    match gradient {
        // A number that is none takes as long.
        Ok(_) | Err(UpdateError::NonFinite(_)) => Ok(seconds),
        Err(UpdateError::Train(error)) => Err(error),
    }
}
