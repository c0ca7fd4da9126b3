//! What the draws of a problem say of it: unbiased estimates of pass@k and pass^k, the noise of these
//! under the rule that ended the drawing, and the smallest difference that the noise lets one tell.
//! **It knows no completion**: a problem is its [`Outcomes`](crate::Outcomes), counts under a rule.

pub(crate) mod belief;
pub(crate) mod detectable;
pub(crate) mod ends;
pub(crate) mod estimate;
pub(crate) mod nested;
pub(crate) mod pass_hat;
