//! One plain spelling for the many ways of typesetting the same answer.

/// Commands whose braces hold words, not mathematics: dropped, with their braces.
const TEXT: [&str; 9] =
    ["text", "textbf", "textit", "textrm", "mbox", "mathrm", "mathbf", "operatorname", "bf"];

/// Rewrites typography that never changes a number, in one pass.
///
/// Fractions stay `\frac`; `\text{…}` and its like lose command and braces; `\pi`, `\sqrt`,
/// `\times`/`\cdot` and degrees become `π`, `√`, `×` and `°`; `\$` and `\%` lose their backslash;
/// thin spaces between digits become the comma they stand for; every minus sign becomes `-`.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut keep: Vec<bool> = Vec::new(); // for each open brace: is it printed?
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let next = &rest[c.len_utf8()..];
        rest = match c {
            '\\' => command(next, &mut out, &mut keep),
            '{' if next.starts_with(",}") => {
                out.push(',');
                &next[2..]
            }
            '{' => {
                keep.push(true);
                out.push('{');
                next
            }
            '}' => {
                if keep.pop() != Some(false) {
                    out.push('}');
                }
                next
            }
            '\u{2212}' | '\u{2013}' | '\u{fe63}' | '\u{ff0d}' => {
                out.push('-');
                next
            }
            '\u{2009}' | '\u{202f}' => thin_space(next, &mut out),
            '\u{a0}' | '~' => {
                out.push(' ');
                next
            }
            _ => {
                out.push(c);
                next
            }
        };
    }
    if out.contains('°') { out.replace("^{°}", "°").replace("^°", "°") } else { out }
}

/// Writes what the command after a backslash stands for; returns what follows it.
fn command<'a>(rest: &'a str, out: &mut String, keep: &mut Vec<bool>) -> &'a str {
    let name_len = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (name, after) = rest.split_at(name_len);
    let plain = match name {
        "" => return symbol(rest, out),
        "left" | "right" | "displaystyle" => "",
        "quad" | "qquad" => " ",
        "frac" | "dfrac" | "tfrac" | "cfrac" => "\\frac",
        "times" | "cdot" => "×",
        "circ" | "degree" => "°",
        "pi" => "π",
        "sqrt" => "√",
        "percent" => "%",
        _ if TEXT.contains(&name) && after.starts_with('{') => {
            keep.push(false);
            // Words are no factor of the digits before them: `18\text{g}` is `18 g`.
            if out.ends_with(|c: char| c.is_ascii_digit()) {
                out.push(' ');
            }
            return &after[1..];
        }
        _ => {
            out.push('\\');
            name
        }
    };
    out.push_str(plain);
    after
}

/// A backslash before something that is not a letter.
fn symbol<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let Some(c) = rest.chars().next() else {
        out.push('\\');
        return rest;
    };
    let after = &rest[c.len_utf8()..];
    match c {
        // `,\!` is how TeX sets a thousands comma without its space.
        '!' if out.ends_with(',') => return after.trim_start_matches(' '),
        '!' => {}
        ',' => return thin_space(after, out),
        ';' | ':' | ' ' | '(' | ')' | '[' | ']' => out.push(' '),
        '$' | '%' | '#' | '&' | '_' => out.push(c),
        // A printed brace: kept with its backslash, and paired with nothing.
        '{' | '}' => {
            out.push('\\');
            out.push(if c == '{' { '(' } else { ')' });
        }
        _ => {
            out.push('\\');
            out.push(c);
        }
    }
    after
}

/// A thin space separates thousands between digits, and is a space elsewhere.
fn thin_space<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let between = out.ends_with(|c: char| c.is_ascii_digit())
        && rest.starts_with(|c: char| c.is_ascii_digit());
    out.push(if between { ',' } else { ' ' });
    rest
}

/// The end of the brace group that opens at byte `open` of `text` (one past its `}`), or the end
/// of the text where it does not close.
pub(crate) fn group_end(text: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (at, byte) in text.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}
