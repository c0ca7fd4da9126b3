//! Which problems a model can solve, with probabilities: a prior fitted to all problems, the posterior
//! of each, and what two runs of the base would show by chance. **It knows no completion and no id's
//! meaning**: a problem is its [`Outcomes`](crate::Outcomes), counts under a rule.

pub(crate) mod mixture;
pub(crate) mod null;
pub(crate) mod posterior;
pub(crate) mod prior;
pub(crate) mod prior_check;
pub(crate) mod risk;
pub(crate) mod solvability;
