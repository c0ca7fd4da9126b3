//! The patterns of the regex verifier.

use regex::{Error, Regex, RegexBuilder};

/// Most bytes that a pattern may take when it is compiled.
const MAX_BYTES: usize = 1 << 20;

/// A pattern, compiled. Searching takes time in proportion to the text, whatever the pattern.
///
/// # Errors
/// What is wrong with it, in one sentence.
pub fn pattern(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text).size_limit(MAX_BYTES).build().map_err(|error| match error {
        // The last line of a drawing with a mark under the place.
        Error::Syntax(drawing) => {
            let last = drawing.lines().last().unwrap_or_default();
            format!("not a pattern: {}", last.trim_start_matches("error: "))
        }
        Error::CompiledTooBig(_) => {
            format!("takes more than {} MiB when compiled; write a smaller one", MAX_BYTES >> 20)
        }
        other => format!("not a pattern: {other}"),
    })
}
