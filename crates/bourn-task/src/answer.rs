//! What is said of answers that cannot be read, or are read as something else than was meant.

use bourn_recipe::{Extract, Task};
use bourn_verify::{Reference, extract};
use serde_json::Value;

/// The format by which an answer can be read that the recipe's cannot.
pub(crate) fn readable_as(answer: &Value, task: &Task) -> Option<&'static str> {
    let formats = [Extract::Hash, Extract::Boxed, Extract::LastNumber];
    let can = |format: &Extract| Reference::of_value(answer, *format, &task.rewards).is_ok();
    formats.into_iter().find(can).map(Extract::name)
}

/// Whether an answer that is compared as a text holds GSM8K's mark before its own answer.
pub(crate) fn is_hashed(answer: &Value, format: Extract, reference: &Reference) -> bool {
    let text = answer.as_str().unwrap_or_default();
    let whole = format == Extract::Whole && matches!(reference, Reference::Exact(_));
    whole && extract(text, Extract::Hash).is_some()
}
