//! Problem sources, and the verifiers that can judge them.

use std::path::PathBuf;

use super::Site;
use crate::error::RecipeError;
use crate::recipe::*;
use crate::written::*;

impl Site<'_> {
    pub(super) fn tasks(&self, written: Vec<TaskWritten>) -> Result<Vec<Task>, RecipeError> {
        let tasks = written
            .into_iter()
            .enumerate()
            .map(|(index, task)| self.task(index, task))
            .collect::<Result<Vec<_>, _>>()?;
        if tasks.iter().map(|task| task.weight).sum::<f64>() <= 0.0 {
            return Err(self.error(&["task.0.weight"], "all weights are 0; give one task a share"));
        }
        Ok(tasks)
    }

    fn task(&self, index: usize, written: TaskWritten) -> Result<Task, RecipeError> {
        let (weight, template, kind) = match written {
            TaskWritten::Countdown(task) => {
                let kind = self.countdown(index, &task)?;
                (task.weight, task.template, TaskKind::Countdown(kind))
            }
            TaskWritten::Jsonl(task) => {
                let kind = JsonlTask {
                    path: PathBuf::from(task.path),
                    probe_path: task.probe_path.map(PathBuf::from),
                    prompt_column: task.prompt_column,
                    answer_column: task.answer_column,
                    answer_format: task.answer_format,
                    max_problems: task.max_problems,
                };
                (task.weight, task.template, TaskKind::Jsonl(kind))
            }
        };
        if !template.contains("{prompt}") {
            return Err(self.error(
                &[&format!("task.{index}.template")],
                "lacks `{prompt}`, the place where the problem's text goes",
            ));
        }
        Ok(Task { weight, template, kind })
    }

    fn countdown(
        &self,
        index: usize,
        written: &CountdownWritten,
    ) -> Result<CountdownTask, RecipeError> {
        let numbers = match written.numbers {
            NumbersWritten::Count(Count(count)) => (count, count),
            NumbersWritten::Between(Count(fewest), Count(most)) => (fewest, most),
        };
        let range = (written.range.0.0, written.range.1.0);
        let target = (written.target.0.0, written.target.1.0);
        let ordered = [
            ("numbers", numbers.0 <= numbers.1),
            ("range", range.0 <= range.1),
            ("target", target.0 <= target.1),
        ];
        if let Some((key, _)) = ordered.iter().find(|(_, ordered)| !ordered) {
            return Err(self.error(
                &[&format!("task.{index}.{key}")],
                "the first is greater than the second; write the smaller one first",
            ));
        }
        Ok(CountdownTask {
            numbers,
            range,
            target,
            operators: written.operators.clone(),
            train_problems: written.train_problems,
        })
    }

    /// A fresh model's vocabulary and demonstrations are those of countdown.
    pub(super) fn vocabulary(&self, model: &Model, tasks: &[Task]) -> Result<(), RecipeError> {
        let foreign = tasks.iter().position(|task| !matches!(task.kind, TaskKind::Countdown(_)));
        match (&model.source, foreign) {
            (ModelSource::Architecture(_), Some(index)) => Err(self.error(
                &[&format!("task.{index}.kind")],
                "a fresh architecture learns from countdown demonstrations and knows no other \
                 text; use kind = \"countdown\", or a published model through `model.path`",
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn rewards(
        &self,
        written: Option<Vec<RewardWritten>>,
        tasks: &[Task],
    ) -> Result<Vec<Reward>, RecipeError> {
        let rewards = match written {
            Some(written) => written
                .into_iter()
                .enumerate()
                .map(|(index, reward)| self.reward(index, &reward))
                .collect::<Result<Vec<_>, _>>()?,
            None => tasks.iter().take(1).map(|task| natural_reward(&task.kind)).collect(),
        };
        for (index, reward) in rewards.iter().enumerate() {
            if let Some(at) = tasks.iter().position(|task| !judges(reward.verifier, &task.kind)) {
                let verifier = word(&reward.verifier);
                let kind = kind_word(&tasks[at].kind);
                return Err(self.error(
                    &[&format!("reward.{index}.verifier"), &format!("task.{at}.kind")],
                    format!(
                        "the {verifier} verifier cannot judge {kind} problems, and every verifier \
                         judges every task; {}",
                        remedy(&tasks[at].kind)
                    ),
                ));
            }
        }
        if rewards.iter().map(|reward| reward.weight).sum::<f64>() <= 0.0 {
            return Err(self.error(
                &["reward.0.weight"],
                "the weights of all rewards sum to 0 or less, so that no answer would be worth \
                 finding; raise one",
            ));
        }
        Ok(rewards)
    }

    fn reward(&self, index: usize, written: &RewardWritten) -> Result<Reward, RecipeError> {
        if written.verifier == VerifierKind::Countdown && written.extract.is_some() {
            return Err(self.error(
                &[&format!("reward.{index}.extract")],
                "has no effect: the countdown verifier reads the whole completion; remove it",
            ));
        }
        if written.verifier == VerifierKind::Random {
            if index == 0 {
                return Err(self.error(
                    &["reward.0.verifier"],
                    "random cannot come first: the first reward gives the raw verdict, which the \
                     probe measures; put the task's verifier there, with `weight = 0.0` if it is to \
                     pay nothing",
                ));
            }
            if written.extract.is_some() {
                return Err(self.error(
                    &[&format!("reward.{index}.extract")],
                    "has no effect: the random verifier reads no answer; remove it",
                ));
            }
        }
        let extract = written.extract.unwrap_or(natural_extract(written.verifier));
        let (weight, step_weight) = (written.weight, written.step_weight);
        let stepless = match written.verifier {
            VerifierKind::Exact => Some("the exact verifier compares text, which has no steps"),
            VerifierKind::Format => Some("the format verifier looks at the answer, not at steps"),
            VerifierKind::Random => Some("the random verifier looks at nothing, so at no steps"),
            VerifierKind::Countdown | VerifierKind::Math => None,
        };
        if let Some(why) = stepless.filter(|_| step_weight > 0.0) {
            let problem = format!("has no effect: {why}; remove it");
            return Err(self.error(&[&format!("reward.{index}.step_weight")], problem));
        }
        Ok(Reward { verifier: written.verifier, extract, weight, step_weight })
    }
}

fn judges(verifier: VerifierKind, kind: &TaskKind) -> bool {
    match (verifier, kind) {
        (VerifierKind::Countdown, TaskKind::Countdown(_)) => true,
        // A puzzle has many right answers and no reference to compare with.
        (VerifierKind::Math | VerifierKind::Exact, TaskKind::Countdown(_)) => false,
        (VerifierKind::Math | VerifierKind::Exact, TaskKind::Jsonl(_)) => true,
        (VerifierKind::Countdown, TaskKind::Jsonl(_)) => false,
        (VerifierKind::Format | VerifierKind::Random, _) => true,
    }
}

fn natural_reward(kind: &TaskKind) -> Reward {
    let verifier = match kind {
        TaskKind::Countdown(_) => VerifierKind::Countdown,
        TaskKind::Jsonl(_) => VerifierKind::Math,
    };
    Reward { verifier, extract: natural_extract(verifier), weight: 1.0, step_weight: 0.0 }
}

fn natural_extract(verifier: VerifierKind) -> Extract {
    match verifier {
        VerifierKind::Math | VerifierKind::Format => Extract::LastNumber,
        VerifierKind::Countdown | VerifierKind::Exact | VerifierKind::Random => Extract::Whole,
    }
}

fn remedy(kind: &TaskKind) -> &'static str {
    match kind {
        TaskKind::Countdown(_) => "use \"countdown\" here, and countdown tasks only",
        TaskKind::Jsonl(_) => "use \"math\" or \"exact\" here, and jsonl tasks only",
    }
}

fn kind_word(kind: &TaskKind) -> &'static str {
    match kind {
        TaskKind::Countdown(_) => "countdown",
        TaskKind::Jsonl(_) => "jsonl",
    }
}

fn word(verifier: &VerifierKind) -> &'static str {
    match verifier {
        VerifierKind::Countdown => "countdown",
        VerifierKind::Math => "math",
        VerifierKind::Exact => "exact",
        VerifierKind::Format => "format",
        VerifierKind::Random => "random",
    }
}
