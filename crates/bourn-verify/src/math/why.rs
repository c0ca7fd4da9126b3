//! Why a verdict is what it is, in a few words for people. Nothing here decides anything.

use bourn_recipe::Extract;

use super::{Basis, Fail, Ruling, excerpt, plain, structured, token};
use crate::Verdict;

/// Why [`rule`](super::rule) says what it says of a completion, in a few words.
pub fn why(ruling: &Ruling, completion: &str, extract: Extract, truncated: bool) -> String {
    let words = match (ruling.verdict, ruling.basis) {
        (Verdict::Correct, Some(Basis::Numeric)) => "equal in more than seventy digits; no proof",
        (Verdict::Correct, _) => "equal in exact arithmetic",
        (Verdict::Wrong, _) => "read to its end, and it means something else",
        (Verdict::Timeout, _) => "deciding takes more work than one answer may have",
        (Verdict::BadGold, _) => "the reference cannot be read",
        (Verdict::Unparsed, _) => return unparsed(completion, extract, truncated),
    };
    words.to_owned()
}

fn unparsed(completion: &str, extract: Extract, truncated: bool) -> String {
    if truncated && crate::extract::is_cut(completion, extract) {
        return "the completion was cut where its answer stands".to_owned();
    }
    let extract = crate::extract::stated(completion, extract);
    let Some(found) = crate::extract::place(completion, extract) else {
        return format!("there is no {}", place(extract));
    };
    if extract == Extract::LastNumber {
        return format!("`{}` is part of something that is no plain number", excerpt(&found));
    }
    let why = match structured(&found) {
        Some(Err(Fail::Undefined)) => "it has no value: it divides by zero, or the like".to_owned(),
        read => unreadable(&found, read.is_some()),
    };
    format!("`{}` cannot be read: {why}", excerpt(&found))
}

/// Where an answer is looked for, behind "there is no".
pub(crate) fn place(format: Extract) -> &'static str {
    match format {
        Extract::Hash => "`####` with an answer behind it",
        Extract::Boxed => "balanced `\\boxed{…}` with an answer in it",
        Extract::Answer => "answer that is boxed or announced, and no number",
        Extract::LastNumber => "number that stands alone at its end",
        Extract::Whole => "text",
    }
}

/// What stands in the way of an answer; `parsed` where every sign of it is understood.
pub(super) fn unreadable(found: &str, parsed: bool) -> String {
    if found.len() > token::MAX_ANSWER {
        return format!("it is longer than {} bytes", token::MAX_ANSWER);
    }
    if parsed {
        return "its signs are known, and together they are no answer that is known here"
            .to_owned();
    }
    if let Some(unknown) = token::unknown(found) {
        return format!("`{}` is not known here", excerpt(&unknown));
    }
    if let Some(open) = unbalanced(found) {
        return format!("a `{open}` has no partner");
    }
    match plain(found, Extract::Whole) {
        Some(_) => "it is more than one answer".to_owned(),
        None => "it is no single expression from its beginning to its end".to_owned(),
    }
}

/// The brace that is not closed, or closes nothing.
fn unbalanced(text: &str) -> Option<char> {
    let mut depth = 0usize;
    let mut escaped = false;
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' if depth == 0 => return Some('}'),
            '}' => depth -= 1,
            _ => {}
        }
    }
    (depth > 0).then_some('{')
}
