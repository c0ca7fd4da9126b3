//! Equality of the trimmed text.

use bourn_recipe::Extract;

use crate::{Verdict, extract};

/// Compares what `extract` finds in `completion` with the reference, both trimmed, byte for byte.
///
/// An empty answer is [`Verdict::Unparsed`], even where the reference is empty too; an empty
/// reference is [`Verdict::BadGold`].
pub fn verify(gold: &str, completion: &str, how: Extract) -> Verdict {
    let gold = gold.trim();
    if gold.is_empty() {
        return Verdict::BadGold;
    }
    match answer(completion, how) {
        Some(answer) if answer == gold => Verdict::Correct,
        Some(_) => Verdict::Wrong,
        None => Verdict::Unparsed,
    }
}

/// The answer that [`verify`] compares: what `extract` finds, trimmed. `None` where there is none.
pub fn answer(completion: &str, how: Extract) -> Option<String> {
    extract(completion, how)
}
