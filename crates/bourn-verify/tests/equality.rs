//! What is equal by meaning, what is not, and what is not read: a table, and no text that hangs.

use std::time::{Duration, Instant};

use bourn_recipe::Extract::{self, Boxed, Hash, LastNumber, Whole};
use bourn_verify::Verdict::{self, Correct, Timeout, Unparsed, Wrong};
use bourn_verify::math::{BadGold, Basis, answer, read_gold, rule, verify};
use proptest::prelude::*;
use serde::Deserialize;

/// A line of `equality.jsonl`: a reference, and answers to it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    why: String,
    gold: String,
    #[serde(default)]
    equal: Vec<String>,
    #[serde(default)]
    unequal: Vec<String>,
    #[serde(default)]
    unread: Vec<String>,
}

fn lines() -> Vec<Line> {
    let text = include_str!("equality.jsonl");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn equal_unequal_and_unread() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in lines() {
        let gold = match read_gold(&line.gold, Whole) {
            Ok(gold) => gold,
            Err(error) => {
                wrong.push(format!("{}: {error}", line.why));
                continue;
            }
        };
        let groups = [(&line.equal, Correct), (&line.unequal, Wrong), (&line.unread, Unparsed)];
        for (answers, expect) in groups {
            for text in answers {
                count += 1;
                let found = verify(&gold, text, Whole);
                if found != expect {
                    let read = answer(text, Whole);
                    wrong.push(format!(
                        "{}: {:?} beside {:?} is {}: read as {read:?}",
                        line.why,
                        text,
                        line.gold,
                        found.name()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 600, "only {count} pairs");
}

/// Equality is one: what equals a reference, as a reference equals it.
#[test]
fn equality_has_no_direction() {
    // A reference in a base asks for it; an answer in one is worth its value.
    // `(1,200)` is a point to one who asks for a point.
    let directed = [
        "ten as a base",
        "base subscripts",
        "digits that are letters",
        "a point is not a number with a separator",
    ];
    let mut wrong = Vec::new();
    for line in lines().iter().filter(|line| !directed.contains(&line.why.as_str())) {
        for (answers, expect) in [(&line.equal, Correct), (&line.unequal, Wrong)] {
            for text in answers {
                let Ok(gold) = read_gold(text, Whole) else { continue };
                let found = verify(&gold, &line.gold, Whole);
                if found != expect {
                    wrong.push(format!("{}: {text:?}, {:?}: {}", line.why, line.gold, found.name()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
