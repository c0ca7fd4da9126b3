//! Asking for draws: the one place that knows what a problem is.

use std::collections::BTreeSet;
use std::error::Error;

use bourn_task::Problem;
use bourn_verify::Verdict;
use serde::{Deserialize, Serialize};

use crate::ledger::check_finite;
use crate::ledger_file::Segment;
use crate::{Ledger, LedgerError, LedgerKey, LedgerStore, MAX_DRAWS};

/// One completion of a problem, with what the probe needs to know of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draw {
    /// The raw verdict.
    pub verdict: Verdict,
    /// The text of the completion.
    pub text: String,
    /// Tokens of the completion, its end token included if it was drawn.
    pub tokens: u32,
    /// Log-prob of the completion under the sampler that drew it, in nats: a sum over tokens.
    pub logprob: f64,
    /// Entropy over the full vocabulary at the sampler's temperature, in nats: a mean over the
    /// tokens; 0 where there are none.
    pub entropy: f64,
    /// Whether the completion was cut at the token budget.
    pub truncated: bool,
}

/// A run of draws of one problem: numbers `first` to `first + count − 1`.
#[derive(Clone, Copy, Debug)]
pub struct DrawRequest<'a> {
    /// The problem.
    pub problem: &'a Problem,
    /// Number of the first draw.
    pub first: u64,
    /// How many draws, at least 1.
    pub count: u64,
}

/// What a source of draws may fail with; shown to the user as it is.
pub type SourceError = Box<dyn Error + Send + Sync>;

/// Where draws come from: a model with its sampler and its verifier.
pub trait DrawSource {
    /// Draws what is asked for: one list for each request, in the order of the requests, each in
    /// draw order. A draw is a pure function of (seed, problem id, number of the draw), whatever
    /// else is asked for with it. `done` is told how many more draws are finished, as they finish.
    fn draw(
        &mut self,
        requests: &[DrawRequest<'_>],
        done: &mut dyn FnMut(u64),
    ) -> Result<Vec<Vec<Draw>>, SourceError>;
}

/// Why a probe could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No problems.
    #[error("there are no problems to probe: check the task's held-out set")]
    NoProblems,
    /// An impossible number of draws.
    #[error("{0} draws a problem: ask for 1 to {MAX_DRAWS}")]
    Draws(u64),
    /// The same problem twice.
    #[error("problem {0} is asked for twice: problem ids must differ")]
    Duplicate(String),
    /// The source failed.
    #[error("drawing failed: {0}")]
    Source(#[source] SourceError),
    /// The source did not return what it was asked for.
    #[error("asked for {asked} {of}, the source of draws returned {got}: a fault of the source")]
    Count {
        /// What was miscounted.
        of: String,
        /// How many were asked for.
        asked: u64,
        /// How many came.
        got: u64,
    },
    /// The draws cannot be kept, or the kept ones not be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Draws `n` completions of every problem; `done` is told of draws as they finish, `n` times
/// `problems.len()` in all.
pub fn probe(
    problems: &[Problem],
    source: &mut dyn DrawSource,
    n: u64,
    done: &mut dyn FnMut(u64),
) -> Result<Ledger, ProbeError> {
    check(problems, n)?;
    let held = vec![Vec::new(); problems.len()];
    let drawn = draw_missing(problems, &held, source, n, done)?;
    collect(problems, held, drawn)
}

/// As [`probe`], but draws only what `store` does not hold under `key`, and stores it: the second
/// run of the same base draws nothing, a larger `n` or more problems draw the difference.
pub fn probe_stored(
    store: &LedgerStore,
    key: &LedgerKey,
    problems: &[Problem],
    source: &mut dyn DrawSource,
    n: u64,
    done: &mut dyn FnMut(u64),
) -> Result<Ledger, ProbeError> {
    check(problems, n)?;
    let wanted = problems.iter().map(|p| (p.id.as_str(), p.prompt.as_str()));
    let mut stored = store.held(key, wanted, n)?;
    let held: Vec<Vec<Draw>> =
        problems.iter().map(|p| stored.remove(&p.id).unwrap_or_default()).collect();
    let reused: usize = held.iter().map(Vec::len).sum();
    if reused > 0 {
        done(reused as u64);
    }
    let drawn = draw_missing(problems, &held, source, n, done)?;
    let segments: Vec<Segment<'_>> = (problems.iter().zip(&held).zip(&drawn))
        .filter(|(_, drawn)| !drawn.is_empty())
        .map(|((problem, held), draws)| Segment {
            id: (&problem.id).into(),
            prompt: (&problem.prompt).into(),
            first: held.len() as u64,
            draws: draws.into(),
        })
        .collect();
    if !segments.is_empty() {
        store.put_segments(key, segments)?;
    }
    collect(problems, held, drawn)
}

fn check(problems: &[Problem], n: u64) -> Result<(), ProbeError> {
    if problems.is_empty() {
        return Err(ProbeError::NoProblems);
    }
    if n == 0 || n > MAX_DRAWS {
        return Err(ProbeError::Draws(n));
    }
    let mut seen = BTreeSet::new();
    match problems.iter().find(|p| !seen.insert(&p.id)) {
        Some(problem) => Err(ProbeError::Duplicate(problem.id.clone())),
        None => Ok(()),
    }
}

/// The draws that each problem's held ones lack of `n`, in the order of the problems.
fn draw_missing(
    problems: &[Problem],
    held: &[Vec<Draw>],
    source: &mut dyn DrawSource,
    n: u64,
    done: &mut dyn FnMut(u64),
) -> Result<Vec<Vec<Draw>>, ProbeError> {
    let request = |(problem, held): (_, &Vec<Draw>)| {
        let first = held.len() as u64;
        DrawRequest { problem, first, count: n.saturating_sub(first) }
    };
    let requests: Vec<DrawRequest<'_>> =
        problems.iter().zip(held).map(request).filter(|r| r.count > 0).collect();
    let drawn = match requests.as_slice() {
        [] => Vec::new(),
        requests => source.draw(requests, done).map_err(ProbeError::Source)?,
    };
    let miscounted = |of, asked, got| {
        if asked == got { Ok(()) } else { Err(ProbeError::Count { of, asked, got }) }
    };
    miscounted("problems".to_owned(), requests.len() as u64, drawn.len() as u64)?;
    for (request, draws) in requests.iter().zip(&drawn) {
        let id = &request.problem.id;
        miscounted(format!("draws of problem {id}"), request.count, draws.len() as u64)?;
        check_finite(id, request.first, draws)?;
    }
    // Back beside the problems: those that lacked nothing get nothing.
    let mut drawn = drawn.into_iter();
    let beside = |held: &Vec<Draw>| match (held.len() as u64) < n {
        true => drawn.next().unwrap_or_default(),
        false => Vec::new(),
    };
    Ok(held.iter().map(beside).collect())
}

fn collect(
    problems: &[Problem],
    held: Vec<Vec<Draw>>,
    drawn: Vec<Vec<Draw>>,
) -> Result<Ledger, ProbeError> {
    let mut ledger = Ledger::new();
    for ((problem, mut draws), more) in problems.iter().zip(held).zip(drawn) {
        draws.extend(more);
        ledger.insert(problem.id.clone(), problem.prompt.clone(), draws)?;
    }
    Ok(ledger)
}
