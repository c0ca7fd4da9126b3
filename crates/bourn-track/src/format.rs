//! How figures are worded, alike in tables, pictures and pages.

use std::fmt::Display;

use bourn_probe::{AgainstNull, SHOWN_P, Spread};

/// `1 problem`, `64 problems`.
pub fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// `256 draws`; `64-256 draws` where problems differ, `256 draws (base) and 64 (policy)` where
/// the models do.
pub fn draws(base: [u64; 2], policy: [u64; 2]) -> String {
    let range = |[low, high]: [u64; 2]| {
        if low == high { low.to_string() } else { format!("{low}-{high}") }
    };
    match (base == policy, base) {
        (true, [1, 1]) => "1 draw".to_string(),
        (true, n) => format!("{} draws", range(n)),
        (false, _) => format!("{} draws (base) and {} (policy)", range(base), range(policy)),
    }
}

/// `95%`, `99.9%`.
pub fn confidence(share: f64) -> String {
    // Rounded, because 0.999 × 100 is 99.9 and a bit.
    format!("{}%", (share * 1e6).round() / 1e4)
}

/// A share in percent with one decimal: `12.3`.
pub fn percent(share: f64) -> String {
    // Adding zero turns -0 into 0, and rounding first keeps -0.04 from printing as -0.0.
    format!("{:.1}", (share * 1000.0).round() / 10.0 + 0.0)
}

/// A difference in percentage points with its sign: `+12.3`, `-0.5`, `0.0`.
pub fn points(difference: f64) -> String {
    let text = percent(difference);
    if text.starts_with('-') || text == "0.0" { text } else { format!("+{text}") }
}

/// An expected number of problems with one decimal: `12.3`.
pub fn counted(problems: f64) -> String {
    // As in `percent`.
    format!("{:.1}", (problems * 10.0).round() / 10.0 + 0.0)
}

/// A difference of such numbers with its sign: `+12.3`.
pub fn signed(problems: f64) -> String {
    let text = counted(problems);
    if text.starts_with('-') || text == "0.0" { text } else { format!("+{text}") }
}

/// A space at which no line ends; [`wrapped`] prints it as any other.
const GLUE: char = '\u{a0}';

/// Words that stay on one line where [`wrapped`] breaks a text into lines.
pub fn together(words: &dyn Display) -> String {
    words.to_string().replace(' ', &GLUE.to_string())
}

/// Words on lines of at most `width` characters, the second and later lines indented; a word that is
/// longer has a line of its own, and no word is broken.
pub fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let (mut out, mut length) = (String::new(), 0);
    for word in text.split(' ') {
        let chars = word.chars().count();
        if length > 0 && length + 1 + chars > width {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            length = indent;
        } else if length > 0 {
            out.push(' ');
            length += 1;
        }
        out.push_str(&word.replace(GLUE, " "));
        length += chars;
    }
    out
}

/// A time in seconds: `7s`, `3m05s`, `2h07m`.
pub fn duration(seconds: f64) -> String {
    // A cast saturates; nothing lasts that long.
    let seconds = seconds.max(0.0).round() as u64;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A large number with its digits in groups of three: `1,234,567`.
pub fn grouped(number: f64) -> String {
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

/// What stands in place of a number that chance may be all of.
pub const NONE_SHOWN: &str = "none shown";

/// `0.41 (0.38–0.45)`, and of one seed the value alone.
pub fn spread(s: Spread, show: impl Fn(f64) -> String) -> String {
    match s.least == s.most {
        true => show(s.mean),
        false => format!("{} ({}–{})", show(s.mean), show(s.least), show(s.most)),
    }
}

/// `24.1 (18.0–30.2) [0.2]`, without the range where there is no room; that nothing is shown where chance is
/// not ruled out, a dash where there is no figure.
pub fn against_null(n: Option<AgainstNull>, with_range: bool) -> String {
    let worded = |n: AgainstNull| match with_range {
        _ if n.p > SHOWN_P => NONE_SHOWN.to_owned(),
        true => format!("{} [{}]", spread(n.found, counted), counted(n.null)),
        false => format!("{} [{}]", counted(n.found.mean), counted(n.null)),
    };
    n.map_or_else(|| "–".to_owned(), worded)
}

/// A success rate to two digits: `0.0029`, `0.5`, `4.6e-5`.
pub(crate) fn rate(rate: f64) -> String {
    if rate < 1e-4 {
        return format!("{rate:.1e}");
    }
    let digits = (1 - rate.log10().floor() as i32).max(0) as usize;
    let text = format!("{rate:.digits$}");
    text.trim_end_matches('0').to_string()
}

/// A p-value: `0.034`, `<0.001`.
pub(crate) fn p_value(p: f64) -> String {
    if p < 0.001 { "<0.001".to_string() } else { format!("{p:.3}") }
}

#[cfg(test)]
#[path = "../tests/unit/format.rs"]
mod tests;
