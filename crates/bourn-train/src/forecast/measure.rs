//! How fast this machine draws and fits with a model of some shape: a few seconds of either.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use bourn_episode::Inputs;
use bourn_model::transformer::Transformer;
use bourn_rollout::{Progress, Request, RolloutEngine, RolloutError, Rollouts, Sampling, generate};
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
/// Most tokens of a forward and backward, and the arithmetic that either may take (6 operations a
/// parameter and token of it, 2 of a prompt that is read): some seconds of two cores.
const FITTED: usize = 2048;
const ARITHMETIC: u64 = 1_000_000_000_000;

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
    /// Share of completions that take a gradient; `None` where all do, or it is not known.
    #[serde(default)]
    pub trained: Option<f64>,
}

/// What groups that were drawn and judged for a trial say of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    /// How many there were.
    pub groups: usize,
    /// Their completions.
    pub completions: usize,
    /// Completions that take a gradient.
    pub trained: usize,
    /// Tokens that were drawn.
    pub tokens: usize,
    /// What drawing and judging them took.
    pub seconds: f64,
}

impl Speeds {
    /// As a trial corrects them: its completions ended by themselves. A few groups say little of how
    /// many have advantages; it is taken as if there were one more, half of which had.
    pub(crate) fn after(self, trial: Trial) -> Speeds {
        let Trial { groups, completions, trained, tokens, seconds } = trial;
        let (completions, tokens, groups) =
            (completions.max(1) as f64, tokens.max(1) as f64, groups as f64);
        let share = trained as f64 / completions;
        Speeds {
            draw: tokens / seconds.max(f64::MIN_POSITIVE),
            completion: Some(tokens / completions),
            trained: Some((groups * share + 0.5) / (groups + 1.0)),
            ..self
        }
    }
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

/// Measures it; `None` once `stop` is raised. Nothing is changed: no update is made, draws are functions
/// of their counters, and the engine, which gives its memory up while there are gradients as it does in
/// a step, has the model's weights again.
///
/// # Errors
/// As drawing and fitting.
pub(crate) fn measure(
    subject: &Subject<'_>,
    engine: &mut dyn RolloutEngine,
    model: &Transformer,
    descent: &Descent,
    stop: &AtomicBool,
) -> Result<Option<Speeds>, TrainError> {
    let &Subject { prompts, ref sampling, rows, micro_batch_size, completion } = subject;
    let parameters = model.config().parameters().max(1);
    let prompts = affordable(prompts, ARITHMETIC / (2 * parameters));
    let prompt = prompts.iter().map(Inputs::len).sum::<usize>() as f64 / prompts.len() as f64;
    let drawn =
        quickest(|drawn: &Drawn| drawn.seconds, || draw(engine, prompts, sampling, rows, stop))?;
    let ends = !sampling.stop_tokens.is_empty() || sampling.stop_strings.is_some();
    // Those that were broken off count for what they had: the maximum-likelihood mean of lengths that
    // end at a constant rate.
    let own = drawn.tokens as f64 / (drawn.ended.max(1)) as f64;
    let own = ends.then(|| own.min(sampling.max_tokens as f64));
    let completion = completion.or(own);

    let length = completion.unwrap_or(sampling.max_tokens as f64).ceil().max(1.0) as usize;
    let most = FITTED.min((ARITHMETIC / (6 * parameters)) as usize);
    let texts = texts(prompts, length, micro_batch_size, most);
    let tokens: usize = texts.iter().map(|t| t.prompt.len() + t.completion.len()).sum();
    if stop.load(Ordering::Relaxed) {
        return Ok(None);
    }
    engine.release();
    let seconds = quickest(|seconds: &f64| *seconds, || fit(model, descent, &texts));
    engine.update_from(model)?;
    let seconds = seconds?;
    Ok(Some(Speeds {
        draw: drawn.tokens.max(1) as f64 / drawn.seconds.max(f64::MIN_POSITIVE),
        fit: tokens as f64 / seconds.max(f64::MIN_POSITIVE),
        prompt,
        completion,
        trained: None,
    }))
}

/// As many of the prompts as have so many tokens together, and one at least.
fn affordable(prompts: &[Inputs], tokens: u64) -> &[Inputs] {
    let mut left = tokens;
    let fits = |prompt: &&Inputs| match left.checked_sub(prompt.len() as u64) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let count = prompts.iter().take_while(fits).count();
    &prompts[..count.max(1).min(prompts.len())]
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
    stop: &AtomicBool,
) -> Result<Drawn, TrainError> {
    let each = rows.div_ceil(prompts.len()) as u64;
    let request = |prompt| Request { prompt, stream: "forecast", first: 0, count: each };
    let requests: Vec<Request<'_>> = prompts.iter().map(request).collect();
    let nothing = Progress { completions_done: 0, tokens_done: 0 };
    let (started, mut last) = (clock::now(), nothing);
    let outcome = generate(engine, &requests, sampling, &mut |progress| {
        last = progress;
        // Before the first token nothing is known yet.
        let enough = progress.tokens_done > 0 && started.elapsed().as_secs_f64() > LONGEST;
        match enough || stop.load(Ordering::Relaxed) {
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

/// Texts of this length after the prompts, as many as a micro batch takes and as have `most` tokens, or
/// one that is cut to it; which tokens they are does not matter to the time.
fn texts(
    prompts: &[Inputs],
    length: usize,
    micro_batch_size: usize,
    most: usize,
) -> Vec<LabelledText> {
    let length = length.min((most / 2).max(1));
    let of = |prompt: &Inputs| {
        let prompt: Vec<u32> = prompt.ids().iter().copied().take(most.max(1)).collect();
        let last = *prompt.last().unwrap_or(&0);
        LabelledText { completion: vec![last; length], prompt }
    };
    let longest = prompts.iter().map(Inputs::len).max().unwrap_or(1) + length;
    let rows = micro_batch_size.min(most / longest).max(1);
    prompts.iter().cycle().take(rows).map(of).collect()
}

/// Seconds of one gradient.
fn fit(model: &Transformer, descent: &Descent, texts: &[LabelledText]) -> Result<f64, TrainError> {
    let started = clock::now();
    let all: Vec<usize> = (0..texts.len()).collect();
    let mut objective =
        Likelihood { demonstrations: texts, micro_batch_size: texts.len(), stop: None };
    let gradient = descent.gradient(model, &all, &mut objective, &Alone);
    let seconds = started.elapsed().as_secs_f64();
    match gradient {
        // A number that is none takes as long.
        Ok(_) | Err(UpdateError::NonFinite(_)) => Ok(seconds),
        Err(UpdateError::Train(error)) => Err(error),
    }
}
