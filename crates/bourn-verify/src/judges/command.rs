//! An external judge: a program that is asked in JSON lines. The protocol is in `docs/judges.md`.

mod pool;
mod worker;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bourn_recipe::Reward;
use bourn_seed::canonical;
use serde::Serialize;
use serde_json::json;

use self::pool::{JudgeProcessPool, ProgramReply};
use super::Verifier;
use crate::{Judge, JudgeError, Judgement, Reference, Submission, Verdict};

/// The judge of one problem; all of a task share the pool.
#[derive(Debug)]
struct CommandJudge {
    pool: Arc<JudgeProcessPool>,
    settings: Arc<str>,
    threshold: f64,
    prompt: String,
    reference: String,
}

/// What is asked, beside the `id` that the pool gives it.
#[derive(Serialize)]
struct Question<'a> {
    prompt: &'a str,
    completion: &'a str,
    reference: &'a str,
    truncated: bool,
}

pub(super) fn open(reward: &Reward, _seed: u64) -> Result<Verifier, JudgeError> {
    let command = &reward.command;
    let settings: Arc<str> = canonical(&json!({
        "command": command,
        "files": files(command)?,
        "threshold": reward.threshold,
        "timeout": reward.timeout,
    }))
    .into();
    let timeout = Duration::from_secs_f64(reward.timeout);
    let pool = Arc::new(JudgeProcessPool::new(command.clone(), reward.workers, timeout));
    let threshold = reward.threshold;
    Verifier::new(move |case| CommandJudge {
        pool: pool.clone(),
        settings: settings.clone(),
        threshold,
        prompt: case.prompt.to_owned(),
        reference: told(case.reference),
    })
}

/// The hash of every argument that is a file, with its place: a program that has changed may judge
/// otherwise.
fn files(command: &[String]) -> Result<Vec<(usize, String)>, JudgeError> {
    let is_file = |(_, argument): &(usize, &String)| Path::new(argument).is_file();
    let hash = |(place, path): (usize, &String)| {
        let problem = |error| format!("{path}: {error}");
        // A judge's data may be larger than memory.
        let mut hasher = blake3::Hasher::new();
        let read = std::fs::File::open(path).and_then(|file| hasher.update_reader(file).map(drop));
        read.map_err(|error| failure(problem(error)))?;
        Ok((place, hasher.finalize().to_hex().to_string()))
    };
    command.iter().enumerate().filter(is_file).map(hash).collect()
}

/// The reference as text: the answer, or the puzzle in JSON.
fn told(reference: &Reference) -> String {
    match reference {
        Reference::Countdown(puzzle) => canonical(puzzle),
        Reference::Math { text, .. } | Reference::Exact(text) => text.clone(),
        // Each of several is asked about by itself.
        Reference::Any(_) => reference.text().unwrap_or_default().to_owned(),
    }
}

fn failure(problem: String) -> JudgeError {
    JudgeError { verifier: "command", problem }
}

impl Judge for CommandJudge {
    fn name(&self) -> &'static str {
        "command"
    }

    fn version(&self) -> u32 {
        1
    }

    fn settings(&self) -> String {
        self.settings.to_string()
    }

    fn verdict(&self, submission: &Submission<'_>) -> Result<Judgement, JudgeError> {
        let question = Question {
            prompt: &self.prompt,
            completion: submission.text,
            reference: &self.reference,
            truncated: submission.truncated,
        };
        Ok(match self.pool.ask(&question)? {
            ProgramReply::Correct(correct) => {
                if correct { Verdict::Correct } else { Verdict::Wrong }.into()
            }
            ProgramReply::Score(score) => {
                let passes = score >= self.threshold;
                let verdict = if passes { Verdict::Correct } else { Verdict::Wrong };
                Judgement { verdict, score: score as f32 }
            }
            ProgramReply::Late => Verdict::Timeout.into(),
        })
    }

    fn reason(&self, _submission: &Submission<'_>, verdict: Verdict) -> String {
        match verdict {
            Verdict::Correct => "the program says that it is right",
            Verdict::Timeout => "the program took longer than `timeout`",
            _ => "the program says that it is wrong",
        }
        .to_owned()
    }

    fn waits(&self) -> bool {
        true
    }
}
