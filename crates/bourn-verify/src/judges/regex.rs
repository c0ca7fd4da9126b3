//! Equality of the reference and what a pattern finds: the last match's group named `answer`, else its
//! first group, else all of it.
//!
//! Matching takes time in proportion to the text. Looking for the last match begins anew behind each,
//! so that the number of matches is bounded too.

use std::sync::Arc;

use bourn_recipe::Reward;
use bourn_seed::canonical;
use regex::Regex;
use serde_json::json;

use super::Verifier;
use crate::{Judge, JudgeError, Judgement, Reference, Submission, Verdict};

/// Longest text that is searched, in bytes.
const MAX_TEXT: usize = 1 << 18;
/// Most matches that are looked through.
const MAX_MATCHES: usize = 1 << 14;

#[derive(Debug)]
struct Pattern {
    reference: Arc<Reference>,
    pattern: Regex,
}

pub(super) fn open(reward: &Reward, _seed: u64) -> Result<Verifier, JudgeError> {
    let pattern = bourn_recipe::pattern(&reward.pattern)
        .map_err(|problem| JudgeError { verifier: "regex", problem })?;
    Verifier::new(move |case| Pattern {
        reference: case.reference.clone(),
        pattern: pattern.clone(),
    })
}

impl Judge for Pattern {
    fn name(&self) -> &'static str {
        "regex"
    }

    fn version(&self) -> u32 {
        1
    }

    fn settings(&self) -> String {
        canonical(&json!({ "pattern": self.pattern.as_str() }))
    }

    fn verdict(&self, submission: &Submission<'_>) -> Result<Judgement, JudgeError> {
        let gold = self.reference.text().map_or("", str::trim);
        if gold.is_empty() {
            return Ok(Verdict::BadGold.into());
        }
        Ok(match found(&self.pattern, submission.text) {
            Ok(Some(answer)) if answer == gold => Verdict::Correct,
            Ok(Some(_)) => Verdict::Wrong,
            Ok(None) => Verdict::Unparsed,
            Err(TooMuch) => Verdict::Timeout,
        }
        .into())
    }

    fn answer(&self, text: &str) -> Option<String> {
        found(&self.pattern, text).ok().flatten().map(str::to_owned)
    }

    fn reason(&self, _submission: &Submission<'_>, verdict: Verdict) -> String {
        match verdict {
            Verdict::Correct => "what the pattern finds is the reference",
            Verdict::Wrong => "what the pattern finds is not the reference",
            Verdict::Unparsed => "the pattern finds no answer",
            Verdict::Timeout => "more text or more matches than are looked through",
            Verdict::BadGold => "the reference is empty, or no text",
        }
        .to_owned()
    }
}

/// More text, or more matches, than are looked through.
struct TooMuch;

/// The answer, trimmed and never empty.
fn found<'t>(pattern: &Regex, text: &'t str) -> Result<Option<&'t str>, TooMuch> {
    if text.len() > MAX_TEXT {
        return Err(TooMuch);
    }
    let mut matches = pattern.find_iter(text);
    let last = matches.by_ref().take(MAX_MATCHES).last();
    if matches.next().is_some() {
        return Err(TooMuch);
    }
    let groups = last.and_then(|last| pattern.captures_at(text, last.start()));
    let Some(groups) = groups else { return Ok(None) };
    // Which group it is, is said by the pattern: one that took no part in the match is no answer.
    let named = pattern.capture_names().any(|name| name == Some("answer"));
    let group = match (named, pattern.captures_len()) {
        (true, _) => groups.name("answer"),
        (false, 2..) => groups.get(1),
        (false, _) => groups.get(0),
    };
    Ok(group.map(|group| group.as_str().trim()).filter(|answer| !answer.is_empty()))
}
