//! Text that may hold anything.

use std::borrow::Cow;

/// Whether a character has no shape of its own and changes what is around it: control characters of
/// both sets (ESC and CSI begin sequences that a terminal obeys), marks that turn the direction of
/// writing, ends of lines that not everything takes for one, and letters that are not seen at all.
///
/// Joiners (U+200C, U+200D) and variation selectors are none: Persian, Hindi and emoji are spelled
/// with them, and they move nothing.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A text as it can be shown anywhere: what [`is_unseen`] is written out, `\u{1b}`; lines and tabs
/// stay. What this gives, it leaves as it is.
pub fn visible(text: &str) -> Cow<'_, str> {
    written_out(text, |c, out| out.extend(c.escape_default()))
}

/// JSON that says the same, and can be shown anywhere: what [`is_unseen`] is written as `\u202e`.
/// Between values there is none of it but the ends of lines, which stay.
pub fn json(text: &str) -> Cow<'_, str> {
    written_out(text, |c, out| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

fn written_out(text: &str, write: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let hides = |c: char| is_unseen(c) && c != '\n' && c != '\t';
    let Some(first) = text.find(hides) else { return Cow::Borrowed(text) };
    let mut out = text[..first].to_owned();
    for c in text[first..].chars() {
        match hides(c) {
            true => write(c, &mut out),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
#[path = "../tests/unit/text.rs"]
mod tests;
