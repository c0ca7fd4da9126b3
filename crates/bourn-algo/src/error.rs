use thiserror::Error;

/// Why a calculation was refused. A mismatch of lengths is always an error: nothing broadcasts.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum AlgoError {
    /// No rewards at all.
    #[error("there are no rewards: a step needs at least one group of completions")]
    Empty,
    /// The completions are not those of the groups, or a group has none.
    #[error(
        "{len} values are not those of {groups} groups with {grouped} completions in all: give one \
         for every completion, and no group without any"
    )]
    Groups {
        /// Values given.
        len: usize,
        /// Groups there are.
        groups: usize,
        /// Completions in all of them.
        grouped: usize,
    },
    /// A reward that no baseline can be taken of.
    #[error(
        "the reward at index {index} is {value}: rewards must be finite and below 1.7e38 in \
         magnitude"
    )]
    Reward {
        /// Position in the rewards given.
        index: usize,
        /// The reward.
        value: f32,
    },
    /// Two lists that describe the same things differ in length.
    #[error("`{name}` has {got} entries where {expected} are expected: give one for every {per}")]
    Length {
        /// The list at fault.
        name: &'static str,
        /// Its length.
        got: usize,
        /// The length it must have.
        expected: usize,
        /// What one entry stands for.
        per: &'static str,
    },
    /// A coefficient asks for a term whose values are missing.
    #[error("completion {completion} has no `{name}`: give it, or set `{coefficient}` to 0")]
    Missing {
        /// Position in the completions given.
        completion: usize,
        /// The values that are missing.
        name: &'static str,
        /// The coefficient that asks for them.
        coefficient: &'static str,
    },
    /// A baseline of the other completions, where there are none.
    #[error("a group of one completion has no others to be held against: draw two or more")]
    NoOthers,
    /// pass@k of fewer than k completions.
    #[error(
        "pass@{k} with this baseline cannot be estimated from {group} completions: draw more, or \
         lower k"
    )]
    PassAtK {
        /// The k asked for.
        k: usize,
        /// Completions of the group.
        group: usize,
    },
    /// Dr. GRPO divides by the longest completion allowed.
    #[error(
        "`max_completion_length` is 0: the `dr_grpo` loss divides by it, so set it to 1 or more"
    )]
    MaxCompletionLength,
}

/// `Ok` where a list has one entry for each of `expected` things.
pub(crate) fn check_length(
    name: &'static str,
    got: usize,
    expected: usize,
    per: &'static str,
) -> Result<(), AlgoError> {
    if got == expected { Ok(()) } else { Err(AlgoError::Length { name, got, expected, per }) }
}
