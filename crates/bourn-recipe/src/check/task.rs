//! Problem sources, and the verifiers that can judge them.

use super::Site;
use crate::conform::alternatives;
use crate::data_formats::DataFormat;
use crate::error::RecipeError;
use crate::recipe::*;
use crate::verifiers::Reads;
use crate::written::*;

/// The rewards that a task was written with, where it has any of its own.
pub(super) type OwnRewards = Option<Vec<RewardWritten>>;

impl Site<'_> {
    /// The tasks, without rewards, and the rewards of their own that they were written with.
    pub(super) fn tasks(
        &self,
        mut written: Vec<TaskWritten>,
    ) -> Result<(Vec<Task>, Vec<OwnRewards>), RecipeError> {
        let own = written.iter_mut().map(|task| task.rewards().take()).collect();
        let tasks = written
            .into_iter()
            .enumerate()
            .map(|(index, task)| self.task(index, task))
            .collect::<Result<Vec<_>, _>>()?;
        if tasks.iter().map(|task| task.weight).sum::<f64>() <= 0.0 {
            return Err(self.error(&["task.0.weight"], "all weights are 0; give one task a share"));
        }
        Ok((tasks, own))
    }

    fn task(&self, index: usize, written: TaskWritten) -> Result<Task, RecipeError> {
        let (weight, template, environment, kind) = match written {
            TaskWritten::Countdown(task) => {
                let kind = self.countdown(index, &task)?;
                (task.weight, task.template, task.environment, TaskKind::Countdown(kind))
            }
            TaskWritten::Dataset(task) => {
                let kind = self.dataset(index, &task)?;
                (task.weight, task.template, task.environment, TaskKind::Dataset(kind))
            }
            TaskWritten::Benchmark(task) => {
                let source = match task.path {
                    Some(path) => DataSource::new(&path),
                    None => task.benchmark.facts().on_hub(),
                };
                let (benchmark, changed) = (task.benchmark, task.changed);
                let kind = BenchmarkTask { benchmark, source, changed };
                (task.weight, task.template, task.environment, TaskKind::Benchmark(kind))
            }
        };
        if !template.contains("{prompt}") {
            return Err(self.error(
                &[&format!("task.{index}.template")],
                "lacks `{prompt}`, the place where the problem's text goes",
            ));
        }
        let environment = environment.unwrap_or_default();
        Ok(Task { weight, template, kind, rewards: Vec::new(), environment })
    }

    fn dataset(&self, index: usize, task: &DatasetWritten) -> Result<DatasetTask, RecipeError> {
        let (prompt, answer) = task.format.map_or(("question", "answer"), DataFormat::columns);
        let column =
            |own: &Option<String>, usual: &str| own.clone().unwrap_or_else(|| usual.to_owned());
        let columns = Columns {
            prompt: column(&task.prompt_column, prompt),
            answer: column(&task.answer_column, answer),
            answer_format: task.answer_format,
        };
        if task.format.is_some() && task.prompt_column.is_some() && task.answer_column.is_some() {
            let problem = "has no effect: both columns are named; remove it, or them";
            return Err(self.error(&[&format!("task.{index}.format")], problem));
        }
        let source = DataSource {
            path: task.path.clone(),
            config: task.config.clone(),
            split: task.split.clone(),
        };
        let held_out = DataSource { split: task.probe_split.clone(), ..source.clone() };
        let probe = match &task.probe_path {
            Some(path) if *path == source.path => Some(DataSource {
                split: held_out.split.or(source.split.clone()),
                ..source.clone()
            }),
            // Another data set has configurations of its own.
            Some(path) => Some(DataSource { path: path.clone(), config: None, ..held_out }),
            None if task.probe_split.is_none() => None,
            None if held_out == source => {
                let problem = "is the training problems' split; name another";
                return Err(self.error(&[&format!("task.{index}.probe_split")], problem));
            }
            None => Some(held_out),
        };
        Ok(DatasetTask { source, probe, columns, max_problems: task.max_problems })
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

    /// Gives every task its rewards: its own, else the recipe's, else its natural one.
    pub(super) fn rewards(
        &self,
        tasks: &mut [Task],
        own: Vec<OwnRewards>,
        shared: Option<Vec<RewardWritten>>,
    ) -> Result<(), RecipeError> {
        if shared.is_some() && own.iter().all(Option::is_some) {
            let problem = "has no effect: every [[task]] has rewards of its own; remove it";
            return Err(self.error(&["reward"], problem));
        }
        let shared = shared.map(|written| self.listed("reward", &written)).transpose()?;
        for (at, (task, own)) in tasks.iter_mut().zip(own).enumerate() {
            let of_task = format!("task.{at}.reward");
            let place = if own.is_none() && shared.is_some() { "reward" } else { &of_task };
            task.rewards = match (own, &shared) {
                (Some(own), _) => self.listed(place, &own)?,
                // What it measures is comparable only where it is judged as everywhere.
                (None, _) if matches!(task.kind, TaskKind::Benchmark(_)) => {
                    vec![natural_reward(&task.kind)]
                }
                (None, Some(shared)) => shared.clone(),
                (None, None) => vec![natural_reward(&task.kind)],
            };
            self.fits(place, at, task)?;
        }
        Ok(())
    }

    /// The rewards under `place`.
    fn listed(&self, place: &str, written: &[RewardWritten]) -> Result<Vec<Reward>, RecipeError> {
        let one = |(index, reward)| self.reward(&format!("{place}.{index}"), index, reward);
        written.iter().enumerate().map(one).collect()
    }

    /// Whether a task's rewards can judge its problems, and pay for something.
    fn fits(&self, place: &str, at: usize, task: &Task) -> Result<(), RecipeError> {
        let unfit = |reward: &Reward| !reward.verifier.facts().reads.fits(&task.kind);
        if let Some(index) = task.rewards.iter().position(unfit) {
            let verifier = task.rewards[index].verifier.name();
            let kind = kind_word(&task.kind);
            let apart = match place {
                "reward" => ", or give tasks of another kind a [[task.reward]] of their own",
                _ => "",
            };
            return Err(self.error(
                &[&format!("{place}.{index}.verifier"), &format!("task.{at}.kind")],
                format!(
                    "the {verifier} verifier cannot judge {kind} problems; use {} here{apart}",
                    fitting(&task.kind)
                ),
            ));
        }
        let compares = |reward: &&Reward| reward.verifier.facts().reads == Reads::Numbers;
        let watching = task.rewards.iter().position(|r| r.second_opinion && compares(&r));
        let paying =
            task.rewards.iter().filter(|reward| !reward.second_opinion).any(|r| compares(&r));
        if let Some(index) = watching.filter(|_| !paying) {
            return Err(self.error(
                &[&format!("{place}.{index}.verifier")],
                format!(
                    "the {} verifier reads references as mathematics, which those that pay do not; \
                     put it first, and the other behind it as the second opinion",
                    task.rewards[index].verifier.name()
                ),
            ));
        }
        if task.rewards.iter().map(|reward| reward.weight).sum::<f64>() <= 0.0 {
            return Err(self.error(
                &[&format!("{place}.0.weight")],
                "the weights of all rewards sum to 0 or less, so that no answer would be worth \
                 finding; raise one",
            ));
        }
        Ok(())
    }

    fn reward(
        &self,
        place: &str,
        index: usize,
        written: &RewardWritten,
    ) -> Result<Reward, RecipeError> {
        let (verifier, facts) = (written.verifier, written.verifier.facts());
        if facts.knows_nothing && index == 0 {
            return Err(self.error(
                &[&format!("{place}.verifier")],
                format!(
                    "{} cannot come first: the first reward gives the raw verdict, which the probe \
                     measures; put the task's verifier there, with `weight = 0.0` if it is to pay \
                     nothing",
                    verifier.name()
                ),
            ));
        }
        if let (Err(why), Some(_)) = (facts.extract, written.extract) {
            let problem = format!("has no effect: {why}; remove it");
            return Err(self.error(&[&format!("{place}.extract")], problem));
        }
        let second_opinion = written.second_opinion;
        if second_opinion {
            self.only_watches(place, index, written)?;
        }
        let natural = Reward::new(verifier);
        let weight = if second_opinion { 0.0 } else { written.weight.unwrap_or(natural.weight) };
        let step_weight = written.step_weight.unwrap_or(natural.step_weight);
        if let Some(why) = facts.stepless.filter(|_| step_weight > 0.0) {
            let problem = format!("has no effect: {why}; remove it");
            return Err(self.error(&[&format!("{place}.step_weight")], problem));
        }
        let extract = written.extract.unwrap_or(natural.extract);
        let mut reward = Reward { extract, weight, step_weight, second_opinion, ..natural };
        macro_rules! take {
            ($from:ident, $to:ident; $($key:ident),*) => {
                $(self.own_key(place, verifier, stringify!($key), &$from.$key, &mut $to.$key)?;)*
            };
        }
        verifier_keys!(take, written, reward);
        (facts.check)(&reward)
            .map_err(|(key, problem)| self.error(&[&format!("{place}.{key}")], problem))?;
        Ok(reward)
    }

    /// Whether a second opinion has another before it, and nothing that would be paid.
    fn only_watches(
        &self,
        place: &str,
        index: usize,
        written: &RewardWritten,
    ) -> Result<(), RecipeError> {
        if index == 0 {
            return Err(self.error(
                &[&format!("{place}.second_opinion")],
                "the first reward gives the raw verdict, which others are held against; put it \
                 behind that one",
            ));
        }
        let weights = [("weight", written.weight), ("step_weight", written.step_weight)];
        match weights.iter().find(|(_, weight)| weight.is_some()) {
            Some((key, _)) => Err(self.error(
                &[&format!("{place}.{key}")],
                "has no effect: a second opinion pays nothing; remove it",
            )),
            None => Ok(()),
        }
    }

    /// Takes a key over, if the verifier has it.
    fn own_key<T: Clone>(
        &self,
        place: &str,
        verifier: VerifierKind,
        key: &str,
        written: &Option<T>,
        checked: &mut T,
    ) -> Result<(), RecipeError> {
        let has = |verifier: &&VerifierKind| verifier.facts().keys.contains(&key);
        let problem = match written {
            None if verifier.facts().needs.contains(&key) => {
                let problem = format!(
                    "the {} verifier needs `{key}`, which is missing; add it",
                    verifier.name()
                );
                return Err(self.error(&[&format!("{place}.verifier")], problem));
            }
            Some(value) if has(&&verifier) => {
                *checked = value.clone();
                return Ok(());
            }
            None => return Ok(()),
            Some(_) => {
                let names: Vec<&str> =
                    VerifierKind::ALL.iter().filter(has).map(|verifier| verifier.name()).collect();
                format!("has no effect: it is a key of {}; remove it", alternatives(&names))
            }
        };
        Err(self.error(&[&format!("{place}.{key}")], problem))
    }

    /// Refuses rewards for steps, which an algorithm that reads raw verdicts never sees.
    pub(super) fn no_steps(&self, tasks: &[Task], algorithm: &str) -> Result<(), RecipeError> {
        for (at, task) in tasks.iter().enumerate() {
            let paid = task.rewards.iter().position(|reward| reward.step_weight > 0.0);
            if let Some(index) = paid {
                let own = format!("task.{at}.reward.{index}.step_weight");
                let shared = format!("reward.{index}.step_weight");
                let problem = format!(
                    "has no effect: {algorithm} takes advantages from raw verdicts; remove it"
                );
                return Err(self.error(&[&own, &shared], problem));
            }
        }
        Ok(())
    }
}

fn natural_reward(kind: &TaskKind) -> Reward {
    match kind {
        TaskKind::Countdown(_) => Reward::new(VerifierKind::Countdown),
        TaskKind::Dataset(_) => Reward::new(VerifierKind::Math),
        TaskKind::Benchmark(_) => {
            Reward { extract: Extract::Answer, ..Reward::new(VerifierKind::Math) }
        }
    }
}

/// The verifiers that are made for such problems, as alternatives.
fn fitting(kind: &TaskKind) -> String {
    let fits = |verifier: &&VerifierKind| {
        let reads = verifier.facts().reads;
        reads != Reads::Any && reads.fits(kind)
    };
    let names: Vec<&str> = VerifierKind::ALL.iter().filter(fits).map(|v| v.name()).collect();
    alternatives(&names)
}

fn kind_word(kind: &TaskKind) -> &'static str {
    match kind {
        TaskKind::Countdown(_) => "countdown",
        TaskKind::Dataset(_) => "dataset",
        TaskKind::Benchmark(_) => "benchmark",
    }
}
