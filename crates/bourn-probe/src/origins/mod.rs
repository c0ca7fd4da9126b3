//! Where the correct answers came from: completions of each model under the other.
//!
//! The way through: two [`Unscored`] say what each model has to be asked about the other's
//! completions, a [`ScoreSource`](crate::ScoreSource) answers, and [`origins`] makes the figures of
//! both ledgers and both [`CrossScores`].

mod entropy;
mod guess;
mod interval;
mod perplexity;
mod pooled;
mod references;
mod scores;
mod trace;
mod witnesses;

pub(crate) use references::FORM as REFERENCE_FORM;
pub use references::{ReferenceText, read_references};
pub use scores::{CrossScores, ReferenceCompletion, References, ScoreError, Unscored};

use crate::figures::Origins;
use crate::{CompareOptions, Draw, Ledger, LedgerEntry};
use interval::Resampling;
use scores::{own_score, own_scores};
use trace::{ModelDraws, Outside, ProblemTrace, ScoredCompletion, distinct};

/// What the figures are made of besides the draws.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Completions of the policy, and references, under the base.
    pub under_base: &'a CrossScores,
    /// Completions of the base, and references, under the policy.
    pub under_policy: &'a CrossScores,
    /// Solutions from elsewhere.
    pub references: &'a References,
    /// The base's answers without reasoning, where there are any.
    pub guesses: Option<&'a Ledger>,
    /// Whether the sampler cuts tokens away (top_p below 1, top_k, min_p): only then is there a
    /// nucleus to be outside of.
    pub nucleus: bool,
    /// Distinct completions of a class, correct or wrong, that enter perplexities, for each problem
    /// and model; the same as [`Unscored::new`] was given.
    pub most: usize,
}

/// Where the correct answers came from, over the problems that both ledgers have.
///
/// A completion without a score, which [`Unscored`] would have asked for, is left out of the
/// figures that need it, which keeps lower bounds what they are.
pub fn origins(
    base: &Ledger,
    policy: &Ledger,
    evidence: &Evidence<'_>,
    options: &CompareOptions,
) -> Origins {
    let resampling = Resampling::new(options);
    let traces: Vec<ProblemTrace> = base
        .entries()
        .filter_map(|(id, of_base)| Some(trace(id, of_base, policy.get(id)?, evidence)))
        .collect();
    let answer_entropy = |ledger: &Ledger| {
        let entropies = ledger.entries().map(|(_, e)| entropy::answer_entropy(e.draws()));
        resampling.mean(entropies)
    };
    Origins {
        perplexity: perplexity::perplexities(&traces, &resampling),
        witnesses: witnesses::witnesses(&traces, &resampling),
        discoveries: witnesses::discoveries(&traces, evidence.nucleus, &resampling),
        pooled: Some(pooled::pooled(&traces)),
        base_answer_entropy: answer_entropy(base),
        policy_answer_entropy: answer_entropy(policy),
        token_entropy: entropy::token_quantiles(draws(base), draws(policy)),
        rarely_solved: guess::rarely_solved(base),
        guesses: evidence.guesses.map(|ledger| guess::guesses(base, ledger, &resampling)),
        tokens_scored: evidence.under_base.tokens() + evidence.under_policy.tokens(),
    }
}

fn draws(ledger: &Ledger) -> impl Iterator<Item = &Draw> {
    ledger.entries().flat_map(|(_, entry)| entry.draws())
}

fn trace(
    id: &str,
    base: &LedgerEntry,
    policy: &LedgerEntry,
    evidence: &Evidence<'_>,
) -> ProblemTrace {
    let (by_base, by_policy) = (own_scores(Some(base)), own_scores(Some(policy)));
    // What a model drew itself it need not be asked about.
    let under_base =
        |ids: &[u32]| by_base.get(ids).copied().or_else(|| evidence.under_base.get(id, ids));
    let under_policy =
        |ids: &[u32]| by_policy.get(ids).copied().or_else(|| evidence.under_policy.get(id, ids));
    let references = evidence.references.get(id).into_iter().flatten();
    let reference = |r: &ReferenceCompletion| {
        let (base, policy) = (under_base(&r.ids)?, under_policy(&r.ids)?);
        Some(Outside { correct: r.correct, base, policy })
    };
    ProblemTrace {
        id: id.to_owned(),
        base: side(base, evidence.most, under_policy),
        policy: side(policy, evidence.most, under_base),
        references: references.filter_map(reference).collect(),
    }
}

fn side(
    entry: &LedgerEntry,
    most: usize,
    under_other: impl Fn(&[u32]) -> Option<crate::Score>,
) -> ModelDraws {
    let (found, which) = distinct(entry.draws(), most);
    let completion = |d: &trace::Distinct<'_>| ScoredCompletion {
        correct: d.draw.verdict.is_correct(),
        count: d.count,
        sampled: d.sampled,
        own: own_score(d.draw),
        // Asked for or not: what the other model happened to draw too is known all the same, but
        // only what is wanted is a sample.
        other: if d.is_wanted() { under_other(&d.draw.ids) } else { None },
    };
    ModelDraws {
        draws: which.len() as u64,
        completions: found.iter().map(completion).collect(),
        ended_by: which.last().copied().filter(|_| entry.outcomes().ended_by_success()),
    }
}

#[cfg(test)]
#[path = "../../tests/unit/origins/mod.rs"]
mod tests;
