//! What is known of one problem's completions under both models: the plain data that every figure
//! of the origins is computed from.

use std::collections::BTreeMap;

use crate::{Draw, Score};

/// One problem with the distinct completions of both models, each under both models.
#[derive(Clone, Debug)]
pub(super) struct ProblemTrace {
    /// The problem's id.
    pub id: String,
    /// What the base drew.
    pub base: ModelDraws,
    /// What the policy drew.
    pub policy: ModelDraws,
    /// What neither drew: solutions from a file.
    pub references: Vec<Outside>,
}

/// The counted draws of one model for one problem.
#[derive(Clone, Debug)]
pub(super) struct ModelDraws {
    /// Counted draws.
    pub draws: u64,
    /// Distinct completions, in the order in which they were first drawn.
    pub completions: Vec<ScoredCompletion>,
    /// Of the last counted draw, where a success ended the drawing: which completion it was.
    pub ended_by: Option<usize>,
}

/// A distinct completion of one model.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScoredCompletion {
    /// Whether it is correct.
    pub correct: bool,
    /// Counted draws of it.
    pub count: u64,
    /// Of those, how many are in the sample of its class (see [`Distinct::sampled`]).
    pub sampled: u64,
    /// Under the model that drew it.
    pub own: Score,
    /// Under the other model; known of all correct completions and of all sampled ones.
    pub other: Option<Score>,
}

/// A completion that comes from no draw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outside {
    /// Whether it is correct.
    pub correct: bool,
    /// Under the base.
    pub base: Score,
    /// Under the policy.
    pub policy: Score,
}

/// A distinct completion among draws, before it is scored elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Distinct<'a> {
    /// The first draw of it.
    pub draw: &'a Draw,
    /// Draws of it.
    pub count: u64,
    /// Draws of it in the sample of its class: the draws of that class, in draw order, up to the
    /// one that would bring one distinct completion too many. A draw's place says nothing of what
    /// was drawn, so that the sample stands for the class but for the cut at its end; counting
    /// *all* draws of the completions that came first would favour the frequent ones.
    pub sampled: u64,
}

impl Distinct<'_> {
    /// Whether its score under the other model is needed: of every correct one for the witnesses,
    /// of the wrong ones for the sample.
    pub(super) fn is_wanted(&self) -> bool {
        self.draw.verdict.is_correct() || self.sampled > 0
    }
}

/// The distinct completions of these draws, by token ids, in the order in which they were first
/// drawn; and for each draw, which of them it was. The sample of either class, correct and wrong,
/// has at most `most` of them.
pub(super) fn distinct(draws: &[Draw], most: usize) -> (Vec<Distinct<'_>>, Vec<usize>) {
    let mut places: BTreeMap<&[u32], usize> = BTreeMap::new();
    let mut found: Vec<Distinct<'_>> = Vec::new();
    // Of either class: distinct completions, and whether the sample has ended.
    let (mut kinds, mut full) = ([0; 2], [false; 2]);
    let which = draws
        .iter()
        .map(|draw| {
            let class = usize::from(draw.verdict.is_correct());
            let place = *places.entry(&draw.ids).or_insert(found.len());
            if place == found.len() {
                found.push(Distinct { draw, count: 0, sampled: 0 });
                kinds[class] += 1;
                full[class] |= kinds[class] > most;
            }
            found[place].count += 1;
            found[place].sampled += u64::from(!full[class]);
            place
        })
        .collect();
    (found, which)
}
