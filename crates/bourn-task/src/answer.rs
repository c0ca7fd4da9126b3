//! A reference out of an answer column.

use std::sync::Arc;

use bourn_recipe::{Extract, Reads, Reward, Task};
use bourn_verify::math::{parse_gold, read_gold};
use bourn_verify::{Reference, extract};
use serde_json::Value;

/// How the answer column becomes a reference.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Answers {
    /// Plain numbers, which is what completions are asked for.
    Numbers,
    /// Numbers and any other mathematics.
    Mathematics,
    Text,
}

/// Most answers of which any is right.
const MOST: usize = 64;

impl Answers {
    /// How a task's references are read: as mathematics if one of its verifiers compares that, and as
    /// plain numbers if those look for nothing but the last number of a completion.
    pub(crate) fn of(task: &Task) -> Answers {
        let compare = |reward: &&Reward| reward.verifier.facts().reads == Reads::Numbers;
        let mut rewards = task.rewards.iter().filter(compare).peekable();
        if rewards.peek().is_none() {
            return Answers::Text;
        }
        match rewards.all(|reward| reward.extract == Extract::LastNumber) {
            true => Answers::Numbers,
            false => Answers::Mathematics,
        }
    }

    /// The reference in the answer column, or why there is none. Of a list any is right, and all must be
    /// read: half of it would be another problem.
    pub(crate) fn reference(self, answer: &Value, format: Extract) -> Result<Reference, String> {
        let Value::Array(several) = answer else { return self.one(answer, format) };
        if several.is_empty() || several.len() > MOST {
            return Err(format!("{} answers are listed; 1 to {MOST} may be", several.len()));
        }
        let mut read: Vec<Arc<Reference>> = Vec::new();
        for answer in several {
            let reference = self.one(answer, format)?;
            if !read.iter().any(|before| before.agrees(&reference)) {
                read.push(Arc::new(reference));
            }
        }
        Ok(match read.as_slice() {
            [only] => Reference::clone(only),
            _ => Reference::Any(read),
        })
    }

    fn one(self, answer: &Value, format: Extract) -> Result<Reference, String> {
        // A number needs no extraction: it is the answer.
        let (text, format) = match answer {
            Value::String(text) => (text.clone(), format),
            Value::Number(number) => (number.to_string(), Extract::Whole),
            other => return Err(format!("`{other}` is neither text nor a number")),
        };
        let found = extract(&text, format);
        let gold = match self {
            Answers::Text => {
                let missing = || "there is no answer where `answer_format` looks for it".to_owned();
                return found.map(Reference::Exact).ok_or_else(missing);
            }
            Answers::Numbers => parse_gold(&text, format),
            Answers::Mathematics => read_gold(&text, format),
        };
        let gold = gold.map_err(|error| error.to_string())?;
        Ok(Reference::Math { gold, text: found.unwrap_or_default() })
    }

    /// The format by which an answer can be read that the recipe's cannot.
    pub(crate) fn readable_as(self, answer: &Value) -> Option<&'static str> {
        let formats = [Extract::Hash, Extract::Boxed, Extract::LastNumber];
        let can = |format: &Extract| self.reference(answer, *format).is_ok();
        formats.into_iter().find(can).map(Extract::name)
    }
}

/// Whether an answer that is compared as a text holds GSM8K's mark before its own answer.
pub(crate) fn is_hashed(answer: &Value, format: Extract, answers: Answers) -> bool {
    let text = answer.as_str().unwrap_or_default();
    let whole = format == Extract::Whole && answers == Answers::Text;
    whole && extract(text, Extract::Hash).is_some()
}
