//! The correct completions of hard problems, for reading.

use serde::Serialize;

use crate::comparison::examples::most_frequent;
use crate::{Answer, Ledger, Outcomes};

/// A problem that a model seldom solves, with what it says when it does: whether the reasoning
/// holds, or the answer was come by otherwise, takes a reader to tell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HardProblem {
    /// The problem's id.
    pub id: String,
    /// The problem's prompt.
    pub prompt: String,
    /// Draws and correct draws of the base.
    pub base: Outcomes,
    /// Draws and correct draws of the policy.
    pub policy: Outcomes,
    /// Whether the base's accuracy is below the bound.
    pub hard_for_base: bool,
    /// Whether the policy's accuracy is below the bound.
    pub hard_for_policy: bool,
    /// Distinct correct completions of the base, the most frequent first.
    pub base_correct: Vec<Answer>,
    /// Distinct correct completions of the policy, the most frequent first.
    pub policy_correct: Vec<Answer>,
}

/// The problems whose accuracy under base or policy is below `below` (a fraction) and that one of
/// them solved, in id order, each with at most `per_problem` distinct correct completions of either
/// model, told apart by their texts. Problems that only one ledger has are left out.
pub fn hard_completions(
    base: &Ledger,
    policy: &Ledger,
    below: f64,
    per_problem: usize,
) -> Vec<HardProblem> {
    let hard = |(id, in_base): (&str, &crate::LedgerEntry)| {
        let in_policy = policy.get(id)?;
        let (of_base, of_policy) = (in_base.outcomes(), in_policy.outcomes());
        let [hard_for_base, hard_for_policy] = [of_base, of_policy].map(|o| o.accuracy() < below);
        let solved = of_base.solved() || of_policy.solved();
        ((hard_for_base || hard_for_policy) && solved).then(|| HardProblem {
            id: id.to_owned(),
            prompt: in_base.prompt().to_owned(),
            base: of_base,
            policy: of_policy,
            hard_for_base,
            hard_for_policy,
            base_correct: most_frequent(in_base, per_problem, |draw| draw.verdict.is_correct()),
            policy_correct: most_frequent(in_policy, per_problem, |draw| draw.verdict.is_correct()),
        })
    };
    base.entries().filter_map(hard).collect()
}
