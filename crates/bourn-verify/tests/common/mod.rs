//! Judges of one problem.
#![allow(missing_docs, reason = "each test file uses its part")]

use std::sync::Arc;

use bourn_recipe::Reward;
use bourn_verify::{Case, Judge, Reference, open};

pub(crate) fn judge(reward: &Reward, reference: Reference) -> Arc<dyn Judge> {
    let reference = Arc::new(reference);
    open(reward, 1).unwrap().judge(Case { reference: &reference, prompt: "1 + 1?", problem: 7 })
}

pub(crate) fn text(text: &str) -> Reference {
    Reference::Exact(text.to_owned())
}
