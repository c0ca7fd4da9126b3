//! Whether files hold what a benchmark does.
//!
//! A figure of a benchmark is comparable with others' where its problems are theirs: not a part of them,
//! nor a copy in which somebody has corrected answers, nor the training split. What is compared is the
//! problems and answers and not the file, so that a copy in another format is the same.

use std::collections::BTreeSet;

use bourn_recipe::{BenchmarkTask, Extract};
use bourn_verify::extract;
use serde_json::Value;

use crate::dataset::{Dataset, named};
use crate::load::TaskError;

/// Refuses what is not the benchmark, unless the task says that it may be another.
pub(crate) fn check(of: &BenchmarkTask, set: &Dataset) -> Result<(), TaskError> {
    let facts = of.benchmark.facts();
    let found = all(&set.contents);
    if of.changed || facts.content.contains(&found.as_str()) {
        return Ok(());
    }
    let rows = set.findings.rows;
    let problem = match rows == facts.problems {
        true => format!(
            "it has {rows} problems, as {} has, but not the same ones (their content is {found})",
            facts.name
        ),
        false => format!(
            "it has {rows} problems, and {} has {} (their content is {found})",
            facts.name, facts.problems
        ),
    };
    let problem = format!(
        "{problem}; use the benchmark's own file, or set `changed = true` to measure these and say so"
    );
    Err(TaskError::Benchmark { source_name: named(&of.source), problem })
}

/// What problems and answers come to: 16 hexadecimal digits that depend on no order, no spaces, no marks
/// and no file format.
fn all(contents: &[[u8; 32]]) -> String {
    let mut hasher = blake3::Hasher::new();
    contents.iter().collect::<BTreeSet<_>>().into_iter().for_each(|hash| {
        hasher.update(hash);
    });
    hasher.finalize().to_hex()[..16].to_owned()
}

/// The hash of a problem's text, before any template, and of its answer.
pub(crate) fn content(text: &str, answer: &str) -> [u8; 32] {
    *blake3::hash(format!("{}\n{answer}", bare(text)).as_bytes()).as_bytes()
}

/// Letters and digits.
pub(crate) fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// An answer's letters and digits, whoever can read it. `27.0` and `27` are one answer: files of one
/// benchmark write both.
pub(crate) fn answer(value: &Value, format: Extract) -> String {
    let text = match value {
        Value::String(text) => extract(text, format).unwrap_or_else(|| text.clone()),
        Value::Array(several) => {
            return several.iter().map(|one| answer(one, format)).collect::<Vec<_>>().join("|");
        }
        other => other.to_string(),
    };
    match text.trim().split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => {
            bare(whole)
        }
        _ => bare(&text),
    }
}
