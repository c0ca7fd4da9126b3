//! What was lost and gained, in the models' own words.

use std::collections::BTreeMap;

use bourn_verify::Verdict;
use serde::Serialize;

use crate::ledger::LedgerEntry;
use crate::{Draw, Ledger, Outcomes};

/// Lost and gained problems with answers of both models.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Examples {
    /// Solved by the base only: its correct answers, and what the policy answers now.
    pub never_solved_again: Vec<Example>,
    /// Solved by the policy only: its correct answers, and what the base answered.
    pub newly_solved: Vec<Example>,
}

/// A problem that only one of the two models solved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Example {
    /// The problem's id.
    pub id: String,
    /// The problem's prompt.
    pub prompt: String,
    /// Draws and correct draws of the base.
    pub base: Outcomes,
    /// Draws and correct draws of the policy.
    pub policy: Outcomes,
    /// Correct answers of the model that solved it, the most frequent first.
    pub correct: Vec<Answer>,
    /// Answers of the other model, none of them correct, the most frequent first.
    pub wrong: Vec<Answer>,
}

/// A distinct answer and how often it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The completion's text without the white space around it.
    pub text: String,
    /// Draws with this text and verdict.
    pub count: u64,
    /// The raw verdict.
    pub verdict: Verdict,
}

/// Every lost and every gained problem, with at most `per_problem` distinct answers of each model.
///
/// The problems that the winning model solved most often come first (the surest losses and gains),
/// then by id. Problems that only one ledger has are left out.
pub fn examples(base: &Ledger, policy: &Ledger, per_problem: usize) -> Examples {
    let mut examples = Examples::default();
    for (id, in_base) in base.entries() {
        let Some(in_policy) = policy.get(id) else { continue };
        let (of_base, of_policy) = (in_base.outcomes(), in_policy.outcomes());
        let (winner, loser, list) = match (of_base.solved(), of_policy.solved()) {
            (true, false) => (in_base, in_policy, &mut examples.never_solved_again),
            (false, true) => (in_policy, in_base, &mut examples.newly_solved),
            _ => continue,
        };
        list.push(Example {
            id: id.to_owned(),
            prompt: in_base.prompt().to_owned(),
            base: of_base,
            policy: of_policy,
            correct: most_frequent(winner, per_problem, |draw| draw.verdict.is_correct()),
            wrong: most_frequent(loser, per_problem, |draw| !draw.verdict.is_correct()),
        });
    }
    // Stable: equally sure ones stay in id order. The loser's accuracy is 0.
    let surest = |a: &Example, b: &Example| {
        let sure = |e: &Example| e.base.accuracy() + e.policy.accuracy();
        sure(b).total_cmp(&sure(a))
    };
    examples.never_solved_again.sort_by(surest);
    examples.newly_solved.sort_by(surest);
    examples
}

/// The most frequent distinct answers among the draws that `keep` keeps; of equally frequent ones
/// the first drawn comes first.
pub fn most_frequent(entry: &LedgerEntry, most: usize, keep: fn(&Draw) -> bool) -> Vec<Answer> {
    let mut counts: BTreeMap<(&str, Verdict), (u64, usize)> = BTreeMap::new();
    for (number, draw) in entry.draws().iter().enumerate().filter(|(_, draw)| keep(draw)) {
        counts.entry((draw.text.trim(), draw.verdict)).or_insert((0, number)).0 += 1;
    }
    let mut answers: Vec<_> = counts.into_iter().collect();
    answers.sort_by_key(|&(_, (count, first))| (std::cmp::Reverse(count), first));
    let answer = |((text, verdict), (count, _)): ((&str, _), _)| Answer {
        text: text.to_owned(),
        count,
        verdict,
    };
    answers.into_iter().take(most).map(answer).collect()
}
