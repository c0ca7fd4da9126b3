//! How the page words things, and how text from elsewhere becomes part of it.

use bourn_foreign::visible;
use maud::Render;

/// Text that is not the page's own: names, prompts and above all completions, which may hold
/// anything. It is escaped as all text is, and what is not seen is written out: an escape sequence is
/// read, and a text that is written backwards stays in its order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Foreign<T>(pub(crate) T);

impl<T: AsRef<str>> Render for Foreign<T> {
    fn render_to(&self, page: &mut String) {
        visible(self.0.as_ref()).render_to(page);
    }
}

/// The beginning of a text on one line, for a heading.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", words[..end].trim_end()),
        None => words,
    }
}

/// A word of a shell's command line, quoted where it must be.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+:,@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Three significant digits; what is below 0.0001 or above a million as a power of ten.
pub(crate) fn significant(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-4..1e6).contains(&size) {
        return format!("{value:.1e}");
    }
    let decimals = (2.0 - size.log10().floor()).clamp(0.0, 7.0) as usize;
    format!("{value:.decimals$}")
}

/// A setting as people write it: at most three decimals, and no zeros at the end.
pub(crate) fn trimmed(value: f64) -> String {
    format!("{}", (value * 1000.0).round() / 1000.0)
}

/// A small share in percent: three significant digits.
pub(crate) fn percents(share: f64) -> String {
    significant(100.0 * share)
}

/// A p-value: three decimals, or that it is smaller.
pub(crate) fn p_value(p: f64) -> String {
    if p < 0.001 { "p < 0.001".into() } else { format!("p = {p:.3}") }
}

#[cfg(test)]
#[path = "../tests/unit/text.rs"]
mod tests;
