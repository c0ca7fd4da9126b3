//! Text and files from elsewhere, shown and opened with care.
//!
//! A model's files, a data set and what a model writes may hold anything. [`visible`] makes a text of
//! it that a terminal, a table or a page can be given: what has no shape of its own, and would act on
//! what is around it, is written out. [`json`] does it to JSON, which stays the same JSON. [`open`]
//! opens what is a file, and does not wait for a pipe that nobody writes to.
//!
//! **This room does not know what a text or a file is for.** Whatever prints goes through it: the
//! console, the results on standard output, the report.
//!
//! ```
//! // An answer that would clear the screen, and one that would be read backwards.
//! assert_eq!(bourn_foreign::visible("\u{1b}[2J7"), "\\u{1b}[2J7");
//! assert_eq!(bourn_foreign::visible("\u{202e}21"), "\\u{202e}21");
//! // Lines, tabs and everything that is seen stay.
//! assert_eq!(bourn_foreign::visible("Δ\tä\n日本"), "Δ\tä\n日本");
//! ```

mod file;
mod text;

pub use file::{open, open_stream};
pub use text::{is_unseen, json, visible};
