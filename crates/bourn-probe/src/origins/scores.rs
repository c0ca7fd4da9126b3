//! Asking for scores: what of one model's completions the other has to be asked about.

use std::collections::BTreeMap;

use bourn_task::Problem;

use super::trace::distinct;
use crate::{Ledger, LedgerEntry, Score, ScoreRequest, ScoreSource, SourceError};

/// Tokens that are asked for in one call: it bounds what a source holds at once.
const TOKENS_AT_ONCE: usize = 1 << 20;

/// Why completions could not be scored.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// The source failed.
    #[error("scoring failed: {0}")]
    Source(#[source] SourceError),
    /// The source did not return what it was asked for.
    #[error("asked for {asked} scores, the source returned {got}: a fault of the source")]
    Count {
        /// How many were asked for.
        asked: usize,
        /// How many came.
        got: usize,
    },
    /// A score that no mean could hold.
    #[error(
        "a completion of problem {id} was scored with {what} {value}: it must be a finite number"
    )]
    NotFinite {
        /// The problem.
        id: String,
        /// `full_logprob` or `sampled_logprob`.
        what: &'static str,
        /// What it was.
        value: f64,
    },
}

/// A completion that comes from no draw, as token ids, with its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceCompletion {
    /// Token ids, with an end token.
    pub ids: Vec<u32>,
    /// Whether the verifier calls it correct.
    pub correct: bool,
}

/// References of each problem, by problem id.
pub type References = BTreeMap<String, Vec<ReferenceCompletion>>;

/// The completions that one model is to be asked about.
pub struct Unscored<'a> {
    requests: Vec<ScoreRequest<'a>>,
}

/// Scores under one model: of completions that the other model drew, and of references.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CrossScores {
    problems: BTreeMap<String, BTreeMap<Vec<u32>, Score>>,
    tokens: u64,
}

impl<'a> Unscored<'a> {
    /// What the model that drew `own` has to be asked about: of the draws of the other
    /// model in `drawn`, every distinct correct completion and at most `most` wrong ones a problem,
    /// and every reference. What it drew itself has its scores already and is left out.
    ///
    /// Problems that `drawn` lacks are left out.
    pub fn new(
        problems: &'a [Problem],
        own: &Ledger,
        drawn: &'a Ledger,
        references: &'a References,
        most: usize,
    ) -> Self {
        let mut requests = Vec::new();
        for problem in problems {
            let Some(entry) = drawn.get(problem.id.as_str()) else { continue };
            let (found, _) = distinct(entry.draws(), most);
            let wanted = found.iter().filter(|d| d.is_wanted()).map(|d| d.draw.ids.as_slice());
            let listed = references.get(problem.id.as_str()).into_iter().flatten();
            let held = own_scores(own.get(problem.id.as_str()));
            let mut asked: Vec<&[u32]> = wanted
                .chain(listed.map(|r| r.ids.as_slice()))
                .filter(|ids| !held.contains_key(ids))
                .collect();
            asked.sort_unstable();
            asked.dedup();
            requests.extend(asked.into_iter().map(|ids| ScoreRequest { problem, ids }));
        }
        Self { requests }
    }

    /// Completions to score.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether there is nothing to score.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Scores them; `done` is told of completions as they finish, [`len`](Self::len) in all.
    ///
    /// # Errors
    /// What the source fails with, another number of scores than was asked for, or one that is not
    /// finite.
    pub fn score(
        &self,
        source: &mut dyn ScoreSource,
        done: &mut dyn FnMut(u64),
    ) -> Result<CrossScores, ScoreError> {
        let mut scores = CrossScores::default();
        let mut rest = self.requests.as_slice();
        while !rest.is_empty() {
            let mut tokens = 0;
            let fits = |request: &&ScoreRequest<'_>| {
                tokens += request.ids.len();
                tokens <= TOKENS_AT_ONCE
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (now, later) = rest.split_at(count);
            let scored = source.score(now, done).map_err(ScoreError::Source)?;
            if scored.len() != now.len() {
                let (asked, got) = (now.len(), scored.len());
                return Err(ScoreError::Count { asked, got });
            }
            for (request, score) in now.iter().zip(scored) {
                check_score(request.problem.id.as_str(), &score)?;
                scores.insert(request.problem.id.as_str(), request.ids, score);
            }
            rest = later;
        }
        Ok(scores)
    }
}

impl CrossScores {
    /// Tokens scored: what teacher forcing cost.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    fn insert(&mut self, id: &str, ids: &[u32], score: Score) {
        self.tokens += u64::from(score.tokens);
        self.problems.entry(id.to_owned()).or_default().insert(ids.to_vec(), score);
    }

    /// The score of a completion of a problem.
    pub(super) fn get(&self, id: &str, ids: &[u32]) -> Option<Score> {
        self.problems.get(id)?.get(ids).copied()
    }
}

/// The score that a model's own draw has.
pub(super) fn own_score(draw: &crate::Draw) -> Score {
    Score {
        full_logprob: draw.full_logprob,
        tokens: draw.tokens,
        sampled_logprob: Some(draw.logprob),
        outside: None,
    }
}

/// The scores that a model's own draws of one problem have, by token ids.
pub(super) fn own_scores(entry: Option<&LedgerEntry>) -> BTreeMap<&[u32], Score> {
    let draws = entry.map(LedgerEntry::draws).unwrap_or_default();
    draws.iter().map(|draw| (draw.ids.as_slice(), own_score(draw))).collect()
}

/// Refuses what no mean could hold.
fn check_score(id: &str, score: &Score) -> Result<(), ScoreError> {
    let values =
        [("full_logprob", Some(score.full_logprob)), ("sampled_logprob", score.sampled_logprob)];
    match values
        .into_iter()
        .find_map(|(what, value)| Some((what, value.filter(|v| !v.is_finite())?)))
    {
        Some((what, value)) => Err(ScoreError::NotFinite { id: id.to_owned(), what, value }),
        None => Ok(()),
    }
}
