//! Where in a text the answer stands.

use std::borrow::Cow;

use bourn_recipe::Extract;

use crate::number;

mod boxed;

/// The text of the answer, trimmed and never empty; `None` where there is no answer.
///
/// - `hash`: the rest of the line after the last `####`; of a box on it, the inside.
/// - `boxed`: the inside of the last `\boxed{…}` or `\fbox{…}` (the innermost, if nested), or what
///   stands behind a `\boxed` without braces. Where the last box is not closed, there is none.
/// - `last_number`: the last number, as written, with its sign.
/// - `whole`: all of it.
pub fn extract(text: &str, how: Extract) -> Option<String> {
    if how == Extract::LastNumber {
        return number::last_number_text(text);
    }
    place(text, how).map(Cow::into_owned)
}

/// What [`extract`] gives, of every way but by the last number.
pub(crate) fn place(text: &str, how: Extract) -> Option<Cow<'_, str>> {
    let found = match how {
        Extract::LastNumber => return number::last_number_text(text).map(Cow::Owned),
        Extract::Hash => after_hash(text)?,
        Extract::Boxed => boxed::last(text)?,
        Extract::Whole => text,
    };
    let found = found.trim();
    (!found.is_empty()).then_some(Cow::Borrowed(found))
}

/// Whether the end of a text that was cut may be part of the answer, or the answer of a part of it.
pub(crate) fn is_cut(text: &str, how: Extract) -> bool {
    match how {
        Extract::Whole => true,
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
