//! Answers that are announced: `<answer>…</answer>`, "the answer is …".

use super::boxed;

const OPEN: &str = "<answer>";
const CLOSE: &str = "</answer>";
/// What stands round a formula.
const DELIMITERS: [(&str, &str); 4] = [("\\[", "\\]"), ("$$", "$$"), ("\\(", "\\)"), ("$", "$")];
/// What announces an answer, in lower case.
const PHRASES: [&str; 6] =
    ["answer is", "answer:", "answer =", "answer**:", "answer:**", "answer is:"];

/// Whether an answer is announced.
pub(super) fn is_in(text: &str) -> bool {
    text.contains(OPEN) || announced(text).is_some()
}

/// The last `<answer>`, where it is closed; without any, what the last phrase announces, to the end
/// of its sentence.
pub(super) fn answer(text: &str) -> Option<&str> {
    if let Some((_, rest)) = text.rsplit_once(OPEN) {
        let inside = rest.split_once(CLOSE)?.0;
        return if boxed::is_in(inside) { boxed::last(inside) } else { Some(inside) };
    }
    let from = announced(text)?;
    let rest = text[from..].trim_start_matches([' ', ':', '*', '\n']);
    // A dash with a space behind it sets the answer apart, and is no sign.
    let dash = ["\u{2013} ", "\u{2014} "].iter().find_map(|dash| rest.strip_prefix(dash));
    let rest = dash.unwrap_or(rest);
    Some(rest[..sentence(rest)].trim())
}

/// Whether the answer's end is not there to be seen.
pub(super) fn touches_end(text: &str) -> bool {
    match answer(text) {
        Some(_) if text.contains(OPEN) => false,
        // A full stop may be a decimal point: `471.` is the beginning of 471.5 as well.
        Some(answer) => bare(text).ends_with(bare(answer)),
        None => true,
    }
}

fn bare(text: &str) -> &str {
    text.trim_end_matches(['.', '*', ' ', '\n', '\r', '\t'])
}

/// The byte behind the last phrase that announces an answer.
fn announced(text: &str) -> Option<usize> {
    // ASCII only, so that bytes stay where they are.
    let lower = text.to_ascii_lowercase();
    PHRASES.iter().filter_map(|phrase| lower.rfind(phrase).map(|at| at + phrase.len())).max()
}

/// Length of the first sentence or line; a formula at its start may have several lines.
fn sentence(text: &str) -> usize {
    let formula = DELIMITERS.iter().find_map(|(open, close)| {
        let inside = text.strip_prefix(open)?;
        inside.find(close).map(|at| open.len() + at + close.len())
    });
    let from = formula.unwrap_or(0);
    let line = text[from..].find('\n').map_or(text.len(), |at| from + at);
    text[from..line].find(". ").map_or(line, |at| from + at)
}
