//! Text that becomes part of the page.

/// Text as the content of an element or of a quoted attribute. Everything that is not the page's
/// own goes through here: names, prompts and above all completions, which may hold anything.
///
/// Control characters become their visible signs, so that an escape sequence is seen and a torn
/// text stays one element.
pub(super) fn esc(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(c),
            // U+2400 and on are the pictures of the control characters, in their order.
            '\0'..='\u{1f}' => {
                escaped.push(char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'))
            }
            '\u{7f}' => escaped.push('\u{2421}'),
            '\u{80}'..='\u{9f}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The beginning of a text on one line, for a heading.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", words[..end].trim_end()),
        None => words,
    }
}

/// A word of a shell's command line, quoted where it must be.
pub(super) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+:,@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// A large number with its digits in groups of three: `1,234,567`.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Seconds as a person says them: `42 s`, `3 min 20 s`, `5 h 7 min`.
pub(super) fn duration(seconds: f64) -> String {
    // A cast saturates; no run lasts that long.
    let total = seconds.max(0.0).round() as u64;
    let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest} s"),
        (0, _) => format!("{minutes} min {rest} s"),
        _ => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_its_element() {
        let check = |text: &str, expect: &str| assert_eq!(esc(text), expect);
        check("</pre><script>", "&lt;/pre&gt;&lt;script&gt;");
        check(r#"" onload='x' & y"#, "&quot; onload=&#39;x&#39; &amp; y");
        check("&lt;", "&amp;lt;");
        check("a\u{1b}[31m\0\r\u{7f}\u{85}b", "a␛[31m␀␍␡\u{fffd}b");
        check("two\nlines\tä", "two\nlines\tä");
    }

    #[test]
    fn wording() {
        let check = |got: String, expect: &str| assert_eq!(got, expect);
        check(one_line("  a\n b ", 9), "a b");
        check(one_line("äöü äöü", 4), "äöü…");
        check(shell_word("runs/a-b.1"), "runs/a-b.1");
        check(shell_word("it's"), r"'it'\''s'");
        check(shell_word(""), "''");
        check(grouped(0.0), "0");
        check(grouped(999.0), "999");
        check(grouped(1_234_567.0), "1,234,567");
        check(duration(59.6), "1 min 0 s");
        check(duration(42.0), "42 s");
        check(duration(18_420.0), "5 h 7 min");
        check(duration(f64::NAN), "0 s");
    }
}
