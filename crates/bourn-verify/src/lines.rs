//! Verdicts on completions that come as JSON lines, from anywhere: what `bourn verify` writes.
//!
//! The judges are those of training. A line that cannot be read is an error and no verdict; a
//! reference that cannot be read is a verdict.

use std::io::{self, BufRead};
use std::sync::Arc;

use bourn_recipe::{Extract, Operator, Reads, Reward, Task, TaskKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::countdown::Puzzle;
use crate::{Case, Explained, JudgeError, Reference, Submission, Verdict, Verifier, open};

/// Longest line that is read, in bytes.
pub const MAX_LINE: usize = 16 << 20;
/// Most numbers of a puzzle, and the largest number and target: as in a recipe.
const PUZZLE: (usize, i64, i64) = (6, 1_000_000, 1_000_000_000);

/// A verifier that judges lines.
pub struct LineJudge {
    verifier: Verifier,
    rewards: Vec<Reward>,
    format: Extract,
    operators: Vec<Operator>,
}

/// What is said of one line, as it is written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LineVerdict {
    /// The line's own, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
    /// The verdict.
    pub verdict: Verdict,
    /// The score, where it is not what the verdict says: a program may grade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    /// The answer that was read, in a form that is the same for every way of writing it.
    pub answer: Option<String>,
    /// Why, in a few words.
    pub reason: String,
}

/// Why a line has no verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// It is no line that can be judged.
    #[error("{0}")]
    Malformed(String),
    /// The judge failed.
    #[error(transparent)]
    Judge(#[from] JudgeError),
}

/// A line as it is written. Other keys are the reader's own and are let be.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Line {
    completion: String,
    #[serde(default)]
    gold: Option<Value>,
    #[serde(default)]
    numbers: Option<Vec<i64>>,
    #[serde(default)]
    target: Option<i64>,
    #[serde(default)]
    operators: Option<Vec<Operator>>,
    #[serde(default)]
    prompt: Option<String>,
    #[serde(default)]
    truncated: bool,
    #[serde(default)]
    id: Option<Value>,
}

impl LineJudge {
    /// Makes the first verifier of a task ready, with what the task says of its references.
    ///
    /// # Errors
    /// A verifier that cannot be made ready: a file of its that is not there.
    pub fn new(task: &Task, seed: u64) -> Result<LineJudge, JudgeError> {
        let (format, operators) = match &task.kind {
            TaskKind::Countdown(puzzles) => (Extract::Whole, puzzles.operators.clone()),
            TaskKind::Dataset(data) => (data.columns.answer_format, Vec::new()),
            TaskKind::Benchmark(_) => (Extract::Whole, Vec::new()),
        };
        let verifier = open(&task.rewards[0], seed)?;
        Ok(LineJudge { verifier, rewards: task.rewards.clone(), format, operators })
    }

    /// Judges one line. Of several references one that the answer meets is enough, and all must be read.
    ///
    /// # Errors
    /// The line is no JSON object with a completion and a reference; the judge fails.
    pub fn judge(&self, line: &[u8]) -> Result<LineVerdict, LineError> {
        let line: Line =
            serde_json::from_slice(line.trim_ascii_end()).map_err(|error| malformed(&error))?;
        match self.reference(&line)? {
            Ok(reference) => Ok(self.one(&line, reference)?),
            Err(reason) => Ok(LineVerdict {
                id: line.id,
                verdict: Verdict::BadGold,
                score: None,
                answer: None,
                reason,
            }),
        }
    }

    fn one(&self, line: &Line, reference: Reference) -> Result<LineVerdict, JudgeError> {
        let reference = Arc::new(reference);
        let prompt = line.prompt.as_deref().unwrap_or_default();
        let judge = self.verifier.judge(Case { reference: &reference, prompt, problem: 0 });
        let truncated = line.truncated;
        let submission = Submission { truncated, ..Submission::of(&line.completion) };
        let Explained { judgement, answer, reason } = judge.explain(&submission)?;
        let verdict = judgement.verdict;
        let whole = if verdict.is_correct() { 1.0 } else { 0.0 };
        let score = (judgement.score != whole).then_some(judgement.score);
        Ok(LineVerdict { id: line.id.clone(), verdict, score, answer, reason })
    }

    /// The line's reference; of one that cannot be read, why.
    fn reference(&self, line: &Line) -> Result<Result<Reference, String>, LineError> {
        let fail = |problem: &str| Err(LineError::Malformed(problem.to_owned()));
        let reads = self.rewards[0].verifier.facts().reads;
        let puzzle = line.gold.is_none() && line.numbers.is_some();
        if reads == Reads::Puzzles || reads == Reads::Any && puzzle {
            let (Some(numbers), Some(target)) = (&line.numbers, line.target) else {
                return fail("a puzzle needs `numbers` and `target`");
            };
            return Ok(self.puzzle(numbers, target, line.operators.as_deref()));
        }
        let is_one = |gold: &Value| gold.is_string() || gold.is_number();
        match &line.gold {
            None | Some(Value::Null) => fail("`gold`, the reference, is missing"),
            Some(Value::Array(golds)) if golds.is_empty() => fail("`gold` is an empty list"),
            Some(Value::Array(golds)) if !golds.iter().all(is_one) => {
                fail("`gold` is text, a number, or a list of them")
            }
            Some(gold) if !gold.is_array() && !is_one(gold) => {
                fail("`gold` is text, a number, or a list of them")
            }
            Some(gold) => Ok(Reference::of_value(gold, self.format, &self.rewards)),
        }
    }

    fn puzzle(
        &self,
        numbers: &[i64],
        target: i64,
        operators: Option<&[Operator]>,
    ) -> Result<Reference, String> {
        let (most, largest, furthest) = PUZZLE;
        if !(1..=most).contains(&numbers.len())
            || numbers.iter().any(|n| !(0..=largest).contains(n))
        {
            return Err(format!("a puzzle has 1 to {most} numbers from 0 to {largest}"));
        }
        if target.abs() > furthest {
            return Err(format!("a puzzle's target lies within {furthest}"));
        }
        let operators = operators.unwrap_or(&self.operators).to_vec();
        Ok(Reference::Countdown(Puzzle { numbers: numbers.to_vec(), target, operators }))
    }
}

/// serde_json would name line 1 of the line.
fn malformed(error: &serde_json::Error) -> LineError {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    LineError::Malformed(format!(
        "column {}: {what}; a line is one JSON object with `completion` and its reference",
        error.column()
    ))
}

/// Reads the next line into `line`, without its end; `false` where there is none.
///
/// # Errors
/// Reading fails, or the line is longer than [`MAX_LINE`].
pub fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let limit = MAX_LINE as u64 + 1;
    let count = io::Read::take(input, limit).read_until(b'\n', line)?;
    if count > MAX_LINE {
        let problem = format!("longer than the {} MiB of a line that are read", MAX_LINE >> 20);
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    Ok(count > 0)
}
