//! Where in a text the answer stands.

use bourn_recipe::Extract;

use crate::number;

/// The text of the answer, trimmed and never empty; `None` where there is no answer.
///
/// - `hash`: the rest of the line after the last `####`.
/// - `boxed`: the inside of the last `\boxed{…}` whose braces balance (the innermost, if nested).
/// - `last_number`: the last number, as written, with its sign.
/// - `whole`: all of it.
pub fn extract(text: &str, how: Extract) -> Option<String> {
    let found = match how {
        Extract::LastNumber => return number::last_number_text(text),
        Extract::Hash => after_hash(text)?,
        Extract::Boxed => boxed(text)?,
        Extract::Whole => text,
    };
    let found = found.trim();
    (!found.is_empty()).then(|| found.to_string())
}

/// The first line with anything on it after the last `####`.
pub(crate) fn after_hash(text: &str) -> Option<&str> {
    let (_, rest) = text.rsplit_once("####")?;
    rest.trim_start().lines().next()
}

/// The inside of the last balanced `\boxed{…}`, in one pass however many are left open.
pub(crate) fn boxed(text: &str) -> Option<&str> {
    const MARK: &[u8] = b"\\boxed{";
    let bytes = text.as_bytes();
    let mut open: Vec<(usize, bool)> = Vec::new(); // where the inside starts; is it a box?
    let mut best: Option<(usize, usize)> = None;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(MARK) {
            at += MARK.len();
            open.push((at, true));
            continue;
        }
        match bytes[at] {
            // An escaped brace is a printed one, and nests nothing.
            b'\\' => at += 1,
            b'{' => open.push((at + 1, false)),
            b'}' => {
                if let Some((start, true)) = open.pop()
                    && best.is_none_or(|(last, _)| start > last)
                {
                    best = Some((start, at));
                }
            }
            _ => {}
        }
        at += 1;
    }
    best.map(|(start, end)| &text[start..end])
}
