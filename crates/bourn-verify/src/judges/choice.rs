//! Multiple choice: the reference is a letter, and so is the answer.
//!
//! The answer is looked for in this order, and the first place that has one decides:
//!
//! 1. the last `\boxed{C}`, also as `\boxed{\text{C}}` and `\boxed{(C)}`; a last box that is not closed,
//!    or holds anything but a choice, is no answer, whatever stands elsewhere;
//! 2. the last "answer is C" or "answer: C", in small letters or large, also with `(` or `**`;
//! 3. the last marked letter, `(C)`;
//! 4. the whole text, if it is a letter.
//!
//! Where that place names two (`B or C`), neither is chosen. A letter in a sentence is no answer: an A may be an article, and an I whoever speaks.

use std::sync::Arc;

use bourn_recipe::Reward;
use bourn_seed::canonical;
use serde_json::json;

use super::Verifier;
use crate::{Judge, JudgeError, Judgement, Reference, Submission, Verdict};

#[derive(Debug)]
struct Choice {
    reference: Arc<Reference>,
    /// How many letters there are to choose from, from A on.
    choices: usize,
}

pub(super) fn open(reward: &Reward, _seed: u64) -> Result<Verifier, JudgeError> {
    let choices = reward.choices;
    Verifier::new(move |case| Choice { reference: case.reference.clone(), choices })
}

impl Judge for Choice {
    fn name(&self) -> &'static str {
        "choice"
    }

    fn version(&self) -> u32 {
        2
    }

    fn settings(&self) -> String {
        canonical(&json!({ "choices": self.choices }))
    }

    fn verdict(&self, submission: &Submission<'_>) -> Result<Judgement, JudgeError> {
        let gold = self.reference.text().and_then(|text| alone(text, self.choices));
        let Some(gold) = gold else { return Ok(Verdict::BadGold.into()) };
        Ok(match chosen(submission.text, self.choices) {
            Some(letter) if letter == gold => Verdict::Correct,
            Some(_) => Verdict::Wrong,
            None => Verdict::Unparsed,
        }
        .into())
    }

    fn answer(&self, text: &str) -> Option<String> {
        chosen(text, self.choices).map(String::from)
    }

    fn reason(&self, _submission: &Submission<'_>, verdict: Verdict) -> String {
        let last = char::from(b'A' + self.choices.clamp(1, 26) as u8 - 1);
        match verdict {
            Verdict::Correct => "the letter is the reference's".to_owned(),
            Verdict::Wrong => "another letter than the reference's".to_owned(),
            Verdict::BadGold => format!("the reference is no letter from A to {last}"),
            Verdict::Unparsed | Verdict::Timeout => {
                format!("no letter from A to {last} where a choice stands")
            }
        }
    }
}

/// The letter that a text chooses, as a capital.
fn chosen(text: &str, choices: usize) -> Option<char> {
    const BOX: &str = "\\boxed{";
    if let Some(at) = text.rfind(BOX) {
        return alone(inside(&text[at + BOX.len()..])?, choices);
    }
    stated(text, choices).unwrap_or_else(|| marked(text, choices).or_else(|| alone(text, choices)))
}

/// What stands before the brace that closes what was opened before `text`.
fn inside(text: &str) -> Option<&str> {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(&text[..at]),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// A text that is a letter and nothing else, but for brackets, emphasis and a full stop.
fn alone(text: &str, choices: usize) -> Option<char> {
    let mut text = text.trim();
    while let Some(inner) = ["\\text", "\\textbf", "\\mathrm", "\\mathbf"]
        .iter()
        .find_map(|command| text.strip_prefix(command)?.strip_prefix('{')?.strip_suffix('}'))
    {
        text = inner.trim();
    }
    let text = text.trim_matches(|c: char| "*().: ".contains(c));
    let mut letters = text.chars();
    let letter = letters.next().filter(|_| letters.next().is_none())?;
    choice(letter, choices)
}

/// The letter behind the last "answer is" or "answer:" that has one; none where it has several.
fn stated(text: &str, choices: usize) -> Option<Option<char>> {
    // As long as the text, so that places are the same.
    let lower = text.to_ascii_lowercase();
    let mut places: Vec<usize> = lower.match_indices("answer").map(|(at, _)| at + 6).collect();
    while let Some(at) = places.pop() {
        let rest = text[at..].trim_start_matches(['*', ' ']);
        let says = rest.strip_prefix(':').or_else(|| {
            let (word, rest) = rest.split_at_checked(2)?;
            (word.eq_ignore_ascii_case("is") && rest.starts_with([' ', ':', '*', '(']))
                .then_some(rest)
        });
        let Some(rest) = says else { continue };
        let rest = rest.trim_start_matches(|c: char| "*:(\n ".contains(c));
        if let Some(letter) = first_letter(rest, choices) {
            // Of two that are named, neither is chosen.
            let more = goes_on(&rest[letter.len_utf8()..], letter, choices);
            return Some((!more).then_some(letter));
        }
    }
    None
}

/// Whether a letter is followed by another one to choose: `B or C`, `B, C`, `B/C`, `(B) and (C)`.
fn goes_on(after: &str, letter: char, choices: usize) -> bool {
    let marks = |text: &'static str| move |c: char| text.contains(c);
    let rest = after.trim_start_matches(marks("*)] "));
    let mut next = rest.trim_start_matches(marks(",/&;? "));
    for word in ["and/or ", "or ", "and ", "maybe ", "perhaps ", "possibly "] {
        let begins = next.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
        next = if begins { next[word.len()..].trim_start() } else { next };
    }
    if next.len() == rest.len() {
        return false;
    }
    let next = next.trim_start_matches(marks("*([ "));
    let other = next.chars().next().filter(char::is_ascii_uppercase);
    let alone = !next.get(1..).unwrap_or_default().starts_with(char::is_alphanumeric);
    let other = other.filter(|_| alone).and_then(|other| choice(other, choices));
    other.is_some_and(|other| other != letter.to_ascii_uppercase())
}

/// Words behind "the answer is A" after which the A is no article.
const REASONS: [&str; 4] = ["because", "since", "as", "for"];

/// The letter that `text` begins with, if it is one by itself and not the beginning of a phrase.
fn first_letter(text: &str, choices: usize) -> Option<char> {
    let letter = text.chars().next()?;
    let found = choice(letter, choices)?;
    let rest = &text[letter.len_utf8()..];
    if rest.starts_with(|c: char| c.is_alphanumeric() || "'’_-".contains(c)) {
        return None;
    }
    let next = rest.trim_start_matches([' ', '\t']);
    let word: String = next.chars().take_while(|c| c.is_alphabetic()).collect();
    let in_phrase = next.len() < rest.len() && !word.is_empty() && !REASONS.contains(&&word[..]);
    let may_be_word = letter.is_lowercase() || "AI".contains(letter);
    (!(in_phrase && may_be_word)).then_some(found)
}

/// The last letter in round brackets that stand by themselves: not the `(s)` of `number(s)`.
fn marked(text: &str, choices: usize) -> Option<char> {
    let mut places: Vec<usize> = text.match_indices('(').map(|(at, _)| at).collect();
    while let Some(at) = places.pop() {
        let mut inside = text[at + 1..].chars();
        let letter = inside.next().and_then(|letter| choice(letter, choices));
        let apart = !text[..at].ends_with(char::is_alphanumeric);
        if apart && letter.is_some() && inside.next() == Some(')') {
            return letter;
        }
    }
    None
}

/// The capital of a letter, where it is one of the choices.
fn choice(letter: char, choices: usize) -> Option<char> {
    let capital = letter.to_ascii_uppercase();
    let place = (capital as usize).checked_sub('A' as usize)?;
    (place < choices.min(26)).then_some(capital)
}
