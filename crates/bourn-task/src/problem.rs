//! A problem, and the problems of a run.

use std::sync::Arc;

use bourn_env::{Environment, SingleTurn};
use bourn_episode::Message;
use bourn_recipe::Operator;
use bourn_verify::countdown::Puzzle;
use bourn_verify::{Case, Judge, Reference};

use crate::id::ProblemId;
use crate::prompt::Prompt;
use crate::rewards::{Paid, Rewards};

/// A prompt with those who judge what completes it.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The hash of prompt and reference; who judges is no part of it.
    pub id: ProblemId,
    /// What the policy is given, after the recipe's template, as people and judges read it.
    pub prompt: String,
    /// The conversation that it is given instead, where it is more than one message of a user.
    pub messages: Vec<Message>,
    /// What a completion is held against.
    pub reference: Arc<Reference>,
    /// Where it came from: `countdown`, or a file's name and line (`train.jsonl:12`).
    pub origin: String,
    /// The judges, at least one, and what they pay; the first gives the raw verdict.
    pub rewards: Vec<Paid>,
    /// What answers a completion; a single turn, unless the task has another.
    pub environment: Arc<dyn Environment>,
}

/// Equal are problems that are put, judged and answered alike, and come from the same place.
impl PartialEq for Problem {
    fn eq(&self, other: &Problem) -> bool {
        let Problem { id, prompt, messages, reference, origin, rewards, environment } = self;
        (id, prompt, messages, reference)
            == (&other.id, &other.prompt, &other.messages, &other.reference)
            && (origin, rewards) == (&other.origin, &other.rewards)
            && environment.identity() == other.environment.identity()
    }
}

impl Problem {
    /// A problem with the id that its prompt and reference give it, under its task's rewards.
    pub fn new(
        put: impl Into<Prompt>,
        reference: Reference,
        origin: String,
        rewards: &Rewards,
    ) -> Problem {
        let Prompt { text: prompt, messages, content: _ } = put.into();
        let mut content = vec![prompt.clone()];
        content.extend(answer_content(&reference));
        // A conversation that reads like another, or like a text, is another problem.
        content.extend(messages.iter().flat_map(|m| [m.role.clone(), m.content.clone()]));
        let mut parts: Vec<&[u8]> = vec![kind(&reference).as_bytes()];
        parts.extend(content.iter().map(String::as_bytes));
        let id = ProblemId::of(&parts, &[]);
        let reference = Arc::new(reference);
        let case = Case { reference: &reference, prompt: &prompt, problem: id.number() };
        let (environment, rewards) = (Arc::clone(&rewards.environment), rewards.of(case));
        Problem { id, prompt, messages, reference, origin, rewards, environment }
    }

    /// A problem that nobody judges, for whoever draws from no model.
    pub fn unjudged(id: ProblemId, prompt: String, reference: Reference) -> Problem {
        let (reference, origin) = (Arc::new(reference), "synthetic".to_owned());
        let environment = Arc::new(SingleTurn);
        let (messages, rewards) = (Vec::new(), Vec::new());
        Problem { id, prompt, messages, reference, origin, rewards, environment }
    }

    /// Who gives the raw verdict.
    pub fn judge(&self) -> &dyn Judge {
        &*self.rewards[0].judge
    }
}

fn kind(reference: &Reference) -> &'static str {
    match reference {
        Reference::Countdown(_) => "countdown",
        Reference::Math { .. } => "math",
        Reference::Exact(_) => "exact",
        Reference::Any(_) => "any",
    }
}

/// Everything about a reference that a verdict depends on.
fn answer_content(reference: &Reference) -> Vec<String> {
    match reference {
        Reference::Countdown(puzzle) => vec![countdown_content(puzzle)],
        Reference::Math { text, .. } | Reference::Exact(text) => vec![text.clone()],
        Reference::Any(several) => several
            .iter()
            .flat_map(|one| [kind(one).to_owned()].into_iter().chain(answer_content(one)))
            .collect(),
    }
}

/// Everything about a puzzle that a verdict depends on: `[3, 5] 8 [Add, Mul]`. Ids are made of it.
fn countdown_content(puzzle: &Puzzle) -> String {
    let mut operators = puzzle.operators.clone();
    operators.sort_unstable();
    operators.dedup();
    let name = |op: &Operator| match op {
        Operator::Add => "Add",
        Operator::Sub => "Sub",
        Operator::Mul => "Mul",
        Operator::Div => "Div",
    };
    let numbers: Vec<String> = puzzle.numbers.iter().map(i64::to_string).collect();
    let operators: Vec<&str> = operators.iter().map(name).collect();
    format!("[{}] {} [{}]", numbers.join(", "), puzzle.target, operators.join(", "))
}

/// The prompt that a recipe's template makes of a problem's text: every `{prompt}` is replaced.
pub fn render(template: &str, text: &str) -> String {
    template.replace("{prompt}", text)
}

/// The problems of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Problems {
    /// Training problems, task by task; ordered by id within a task.
    pub train: Vec<Problem>,
    /// Which of [`Problems::train`] belong to each task, and the task's share of the prompts.
    pub train_weight: Vec<Share>,
    /// Held-out problems for the probe, none of which is trained on. Asking for fewer gives the
    /// first of these; no run seed and no order of lines changes them.
    pub held_out: Vec<Problem>,
    /// What the user should know, one sentence each.
    pub warnings: Vec<String>,
}

/// A task's part of the training problems.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Index of the task's first problem in [`Problems::train`].
    pub first: usize,
    /// How many problems it has.
    pub count: usize,
    /// Its weight relative to the other tasks.
    pub weight: f64,
}

#[cfg(test)]
#[path = "../tests/unit/problem.rs"]
mod tests;
