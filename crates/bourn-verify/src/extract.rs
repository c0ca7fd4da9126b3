//! Where in a text the answer stands.

use std::borrow::Cow;

use bourn_recipe::Extract;

use crate::number;

mod boxed;
mod phrase;

/// The text of the answer, trimmed and never empty; `None` where there is no answer.
///
/// - `hash`: the rest of the line after the last `####`; of a box on it, the inside.
/// - `boxed`: the inside of the last `\boxed{…}` or `\fbox{…}` (of the one round it, if nested), or what
///   stands behind a `\boxed` without braces. Where the last box is not closed, there is none. Boxes
///   that nothing but `and`, `or` or a comma parts are one answer together: `\boxed{3} or \boxed{5}`.
/// - `answer`: the first of these that there is a beginning of: a box, `####`, `<answer>…</answer>`, "the
///   answer is" with the rest of its sentence, the last number. What one begins is the answer, or
///   there is none: where a box is not closed, no other place is tried.
/// - `last_number`: the last number, as written, with its sign.
/// - `whole`: all of it.
pub fn extract(text: &str, how: Extract) -> Option<String> {
    place(text, how).map(Cow::into_owned)
}

/// What [`extract`] gives, without a copy where it is part of the text.
pub(crate) fn place(text: &str, how: Extract) -> Option<Cow<'_, str>> {
    let found = match stated(text, how) {
        Extract::LastNumber => return number::last_number_text(text).map(Cow::Owned),
        Extract::Answer => phrase::answer(text)?,
        Extract::Hash => after_hash(text)?,
        Extract::Boxed => match boxed::joined(text)? {
            Cow::Borrowed(inside) => inside,
            several => return Some(several),
        },
        Extract::Whole => text,
    };
    let found = found.trim();
    (!found.is_empty()).then_some(Cow::Borrowed(found))
}

/// The way that `answer` comes down to in this text: [`Extract::Answer`] itself for `<answer>` and "the
/// answer is".
pub(crate) fn stated(text: &str, how: Extract) -> Extract {
    match how {
        Extract::Answer if boxed::is_in(text) => Extract::Boxed,
        Extract::Answer if text.contains("####") => Extract::Hash,
        Extract::Answer if !phrase::is_in(text) => Extract::LastNumber,
        how => how,
    }
}

/// Whether the end of a text that was cut may be part of the answer, or the answer of a part of it.
pub(crate) fn is_cut(text: &str, how: Extract) -> bool {
    match stated(text, how) {
        Extract::Whole => true,
        Extract::Answer => phrase::touches_end(text),
        // Until the line ends, it may go on.
        Extract::Hash => {
            text.rsplit_once("####").is_some_and(|(_, rest)| !rest.trim_start().contains('\n'))
        }
        Extract::Boxed => boxed::touches_end(text),
        Extract::LastNumber => number::touches_end(text),
    }
}

/// The first line with anything on it after the last `####`; of a box there, the inside.
fn after_hash(text: &str) -> Option<&str> {
    let (_, rest) = text.rsplit_once("####")?;
    let line = rest.trim_start().lines().next()?;
    if boxed::is_in(line) { boxed::last(line) } else { Some(line) }
}
