//! Boxes: `\boxed{…}`, `\fbox{…}`, and `\boxed` without braces.

use std::borrow::Cow;

/// The commands that box an answer.
const MARKS: [&str; 2] = ["\\boxed", "\\fbox"];
/// What may stand between two boxes of one answer, besides white space.
const JOINTS: [&str; 20] = [
    "$",
    "\\(",
    "\\)",
    "\\[",
    "\\]",
    ",",
    ";",
    "*",
    "and",
    "or",
    "\\text{and}",
    "\\text{ and }",
    "\\text{or}",
    "\\text{ or }",
    "\\quad",
    "\\qquad",
    "\\,",
    "\\;",
    "\\ ",
    "&",
];
/// Most boxes round one another that are one.
const MAX_NESTED: usize = 8;
/// Most boxes of one answer.
const MAX_JOINED: usize = 20;

/// Whether a box begins in `text`.
pub(super) fn is_in(text: &str) -> bool {
    MARKS.iter().any(|mark| text.contains(mark))
}

/// The inside of the box that begins last, with those of boxes that nothing but `and`, `or` or a
/// comma parts from it: one answer in several boxes, or several answers. What is boxed again is one.
pub(super) fn joined(text: &str) -> Option<Cow<'_, str>> {
    let inside = outer(text)?;
    let mut found = vec![peeled(inside)];
    let mut start = offset(text, inside);
    while found.len() < MAX_JOINED
        && let Some(mark) = MARKS.iter().filter_map(|mark| text[..start].rfind(mark)).max()
        && let before = without_joints(&text[..mark])
        && let Some(inside) = outer(before)
        && before.len() == offset(text, inside) + inside.len() + 1
    {
        start = offset(text, inside);
        if !found.contains(&peeled(inside)) {
            found.push(peeled(inside));
        }
    }
    found.reverse();
    Some(if found.len() == 1 { Cow::Borrowed(found[0]) } else { Cow::Owned(found.join(", ")) })
}

/// Where `inside`, a part of `text`, begins in it.
fn offset(text: &str, inside: &str) -> usize {
    inside.as_ptr() as usize - text.as_ptr() as usize
}

/// `text` without what stands between two boxes of one answer at its end.
fn without_joints(text: &str) -> &str {
    let mut text = text.trim_end();
    while let Some(less) = JOINTS.iter().find_map(|joint| text.strip_suffix(joint)) {
        text = less.trim_end();
    }
    text
}

/// The inside of the box that begins last, or of the one round it: what is boxed again is part of that.
/// `None` where it is not closed.
pub(super) fn last(text: &str) -> Option<&str> {
    outer(text).map(peeled)
}

/// What is boxed and nothing else is that.
fn peeled(inside: &str) -> &str {
    let mut inside = inside.trim();
    let mut levels = 0;
    while levels < MAX_NESTED
        && let Some(length) = mark(inside)
        && let group = inside[length..].trim_start()
        && group.starts_with('{')
        && crate::latex::group_end(group, 0) == group.len()
        && let Some(less) = group[1..].strip_suffix('}')
    {
        inside = less.trim();
        levels += 1;
    }
    inside
}

/// [`last`] as it stands. One pass, however many are left open.
fn outer(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut open: Vec<(usize, bool)> = Vec::new(); // where the inside starts; is it a box?
    // Start of the box round all others that are open.
    let mut round: Option<usize> = None;
    // Start of the last box, and its inside.
    let mut last: Option<(usize, Option<(usize, usize)>)> = None;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'\\' {
            match mark(&text[at..]) {
                Some(length) => {
                    at += length;
                    let spaces =
                        text[at..].len() - text[at..].trim_start_matches([' ', '\n']).len();
                    if bytes.get(at + spaces) == Some(&b'{') {
                        at += spaces + 1;
                        last = Some((*round.get_or_insert(at), None));
                        open.push((at, true));
                    } else if let Some(start) = round {
                        last = Some((start, None));
                    } else {
                        let start = at + spaces;
                        let inside = without_braces(&text[start..]);
                        last = Some((start, inside.map(|length| (start, start + length))));
                    }
                }
                // An escaped brace is a printed one, and nests nothing.
                None => at += 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
            }
            continue;
        }
        match bytes[at] {
            b'{' => open.push((at + 1, false)),
            b'}' => {
                if let Some((start, true)) = open.pop()
                    && round == Some(start)
                {
                    round = None;
                    last = Some((start, Some((start, at))));
                }
            }
            _ => {}
        }
        at += 1;
    }
    if round.is_some() {
        return None;
    }
    let (start, end) = last?.1?;
    Some(&text[start..end])
}

/// Whether the last box has no braces and runs to the end of the text.
pub(super) fn touches_end(text: &str) -> bool {
    let inside = last(text);
    inside.is_some_and(|inside| text.ends_with(inside))
}

/// Length of a mark at the start of `text`.
fn mark(text: &str) -> Option<usize> {
    MARKS.iter().find_map(|mark| {
        let after = text.strip_prefix(mark)?;
        (!after.starts_with(|c: char| c.is_ascii_alphabetic())).then_some(mark.len())
    })
}

/// Length of what a box without braces holds: a number, a letter, or a formula up to its end.
/// `None` where what follows may belong to it.
fn without_braces(text: &str) -> Option<usize> {
    if text.starts_with('\\') {
        let end = text.find(['$', '\n', ' ']).unwrap_or(text.len());
        let end = text[..end].find("\\)").unwrap_or(end);
        let end = text[..end].find("\\]").unwrap_or(end);
        return Some(text[..end].trim_end_matches(['.', ',']).len()).filter(|length| *length > 0);
    }
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits =
        text[sign..].bytes().take_while(|b| b.is_ascii_digit() || b".,".contains(b)).count();
    let length = if digits > 0 {
        text[..sign + digits].trim_end_matches(['.', ',']).len()
    } else {
        text.chars().next().filter(|c| c.is_alphanumeric())?.len_utf8()
    };
    let goes_on = |c: char| c.is_alphanumeric() || "\\^_/!{([%°√π".contains(c);
    let after = &text[length..];
    let ends = after.is_empty()
        || after.starts_with("\\)")
        || after.starts_with("\\]")
        || !after.starts_with(goes_on);
    ends.then_some(length)
}
