//! A checked recipe as text: for the run directory, for `recipe show`, and as the key of the base.

use std::path::Path;

use bourn_foreign::is_unseen;
use serde::Serialize;

use crate::check::{critic_effect, effect};
use crate::recipe::*;
use crate::written::*;

impl Recipe {
    /// The resolved recipe as TOML, every default written out. Loading it gives an equal recipe.
    pub fn to_toml(&self) -> String {
        let text = toml::to_string(&Written::from(self)).expect(
            "tables with string keys, strings, booleans and numbers: all of them have a TOML form",
        );
        let text: String = text.lines().map(|line| short_number(line) + "\n").collect();
        let Some(shown) = visible(&text) else { return text };
        // Within single quotes an escape is none.
        match crate::parse(&shown, Path::new("recipe.toml"), &[]) {
            Ok(again) if again == *self => shown,
            _ => text,
        }
    }

    /// Canonical text of everything that determines the trained base: the model's source, `[base]`,
    /// the tasks. Equal texts mean equal bases; a hash of it names a cached one.
    pub fn base_key(&self) -> String {
        #[derive(Serialize)]
        struct BaseKey<'a> {
            version: u32,
            model: &'a ModelSource,
            base: Option<Base<'a>>,
            tasks: Vec<TaskSource<'a>>,
        }
        #[derive(Serialize)]
        struct Base<'a> {
            seed: u64,
            steps: u64,
            batch_size: usize,
            optimizer: Optimizer,
            demonstrations: &'a Demonstrations,
        }
        // Its problems, and not what they are judged by.
        #[derive(Serialize)]
        struct TaskSource<'a> {
            weight: f64,
            template: &'a str,
            kind: &'a TaskKind,
        }
        let tasks = self.tasks.iter();
        let tasks = tasks.map(|Task { weight, template, kind, rewards: _, environment: _ }| {
            TaskSource { weight: *weight, template, kind }
        });
        let base = self.base.as_ref().map(|base| Base {
            seed: base.seed,
            steps: base.steps,
            batch_size: base.batch_size,
            optimizer: base.optimizer(),
            demonstrations: &base.demonstrations,
        });
        let (model, tasks) = (&self.model.source, tasks.collect());
        let key = BaseKey { version: 1, model, base, tasks };
        // Fields are written in the order of their declaration.
        serde_json::to_string(&key).expect("structs, strings and numbers have a JSON form")
    }
}

/// TOML with escapes, as `\u202E`, in the place of characters that are not seen; `None` where there is none.
fn visible(text: &str) -> Option<String> {
    let hides = |c: char| is_unseen(c) && !matches!(c, '\n' | '\t');
    let escaped = |c: char| match (hides(c), u32::from(c)) {
        (true, code @ 0..=0xffff) => format!("\\u{code:04X}"),
        (true, code) => format!("\\U{code:08X}"),
        (false, _) => c.into(),
    };
    text.contains(hides).then(|| text.chars().map(escaped).collect())
}

/// A line whose value is a number below 1e-4 with an exponent: nobody counts the zeros of 0.00000001.
fn short_number(line: &str) -> String {
    let small = |text: &str| text.parse::<f64>().ok().filter(|v| *v != 0.0 && v.abs() < 1e-4);
    match line.split_once(" = ").and_then(|(key, value)| Some((key, small(value)?))) {
        Some((key, number)) => format!("{key} = {number:e}"),
        None => line.to_owned(),
    }
}

impl From<&Recipe> for Written {
    fn from(recipe: &Recipe) -> Self {
        // Once, where all tasks have the same.
        let first = recipe.tasks.first().map(|task| &task.rewards);
        // A benchmark does not go by what is shared.
        let goes_by = |task: &Task, first: &Vec<Reward>| {
            task.rewards == *first && !matches!(task.kind, TaskKind::Benchmark(_))
        };
        let shared = first.filter(|first| recipe.tasks.iter().all(|task| goes_by(task, first)));
        Written {
            extends: None,
            name: Some(recipe.name.clone()),
            seed: recipe.seed,
            device: recipe.device,
            model: model(&recipe.model),
            base: recipe.base.clone(),
            task: recipe.tasks.iter().map(|own| task(own, shared.is_none())).collect(),
            reward: shared.map(|shared| rewards(shared)),
            rollout: recipe.rollout.clone(),
            algorithm: algorithm(&recipe.algorithm),
            critic: recipe.critic.as_ref().map(critic),
            implicit_reward: recipe.implicit_reward.clone(),
            optimizer: recipe.optimizer.clone(),
            train: recipe.train.clone(),
            probe: probe(&recipe.probe),
            replay: recipe.replay.as_ref().into(),
            checkpoint: recipe.checkpoint.clone(),
            log: recipe.log.clone(),
        }
    }
}

/// Only what has an effect: the other keys would be refused.
fn algorithm(settings: &Algorithm) -> AlgorithmWritten {
    macro_rules! emit {
        ($from:ident; $($key:ident),*) => {
            AlgorithmWritten {
                name: $from.name,
                $($key: effect(stringify!($key), $from).is_ok().then_some($from.$key),)*
            }
        };
    }
    algorithm_keys!(emit, settings)
}

fn critic(settings: &Critic) -> CriticWritten {
    macro_rules! emit {
        ($from:ident; $($key:ident),*) => {
            CriticWritten {
                $($key: critic_effect(stringify!($key), $from).is_ok().then_some($from.$key),)*
            }
        };
    }
    critic_keys!(emit, settings)
}

fn model(model: &Model) -> ModelWritten {
    let (path, architecture) = match &model.source {
        ModelSource::Path(path) => (Some(path.clone()), None),
        ModelSource::Architecture(shape) => (None, Some(architecture(shape))),
    };
    ModelWritten {
        path,
        chat_template: model.chat_template,
        system_prompt: model.system_prompt.clone(),
        architecture,
    }
}

fn architecture(shape: &Architecture) -> ArchitectureWritten {
    ArchitectureWritten {
        hidden_size: shape.hidden_size,
        num_layers: shape.num_layers,
        num_heads: shape.num_heads,
        num_kv_heads: Some(shape.num_kv_heads),
        intermediate_size: Some(shape.intermediate_size),
        max_position: shape.max_position,
        rope_theta: shape.rope_theta,
        tie_embeddings: shape.tie_embeddings,
    }
}

fn task(task: &Task, with_rewards: bool) -> TaskWritten {
    let (weight, template) = (task.weight, task.template.clone());
    let reward = with_rewards.then(|| rewards(&task.rewards));
    let environment =
        Some(task.environment.clone()).filter(|own| *own != EnvironmentKind::default());
    match &task.kind {
        TaskKind::Countdown(kind) => TaskWritten::Countdown(CountdownWritten {
            weight,
            template,
            numbers: NumbersWritten::Between(Count(kind.numbers.0), Count(kind.numbers.1)),
            range: (CountdownNumber(kind.range.0), CountdownNumber(kind.range.1)),
            target: (CountdownTarget(kind.target.0), CountdownTarget(kind.target.1)),
            operators: kind.operators.clone(),
            train_problems: kind.train_problems,
            reward,
            environment: environment.clone(),
        }),
        TaskKind::Dataset(kind) => {
            let DatasetTask { source, probe, columns, max_problems } = kind;
            TaskWritten::Dataset(DatasetWritten {
                weight,
                template,
                path: source.path.clone(),
                config: source.config.clone(),
                split: source.split.clone(),
                probe_path: probe.as_ref().map(|probe| probe.path.clone()),
                probe_split: probe.as_ref().and_then(|probe| probe.split.clone()),
                format: None,
                prompt_column: Some(columns.prompt.clone()),
                answer_column: Some(columns.answer.clone()),
                answer_format: columns.answer_format,
                max_problems: *max_problems,
                reward,
                environment,
            })
        }
        TaskKind::Benchmark(kind) => TaskWritten::Benchmark(BenchmarkWritten {
            weight,
            benchmark: kind.benchmark,
            template,
            path: (kind.source != kind.benchmark.facts().on_hub())
                .then(|| kind.source.path.clone()),
            changed: kind.changed,
            reward,
            environment,
        }),
    }
}

fn rewards(rewards: &[Reward]) -> Vec<RewardWritten> {
    rewards.iter().map(reward).collect()
}

/// Only the keys that its verifier has.
fn reward(reward: &Reward) -> RewardWritten {
    let facts = reward.verifier.facts();
    macro_rules! emit {
        ($from:ident, $facts:ident; $($key:ident),*) => {
            RewardWritten {
                verifier: $from.verifier,
                extract: $facts.extract.is_ok().then_some($from.extract),
                weight: (!$from.second_opinion).then_some($from.weight),
                step_weight: (!$from.second_opinion).then_some($from.step_weight),
                second_opinion: $from.second_opinion,
                $($key: $facts.keys.contains(&stringify!($key)).then(|| $from.$key.clone()),)*
            }
        };
    }
    verifier_keys!(emit, reward, facts)
}

fn probe(probe: &Probe) -> ProbeWritten {
    ProbeWritten {
        interval: probe.interval,
        problems: probe.problems,
        n_max: probe.n_max,
        stop: probe.stop,
        confidence: probe.confidence,
        resamples: probe.resamples,
        seed: probe.seed,
        sampler: Some(probe.samplers.clone()),
        scores: probe.scores,
        references: probe.references.as_ref().map(|path| path.to_string_lossy().into_owned()),
        guess: probe.guess.clone(),
        temperature: probe.temperature.as_ref().map(temperature),
    }
}

fn temperature(temperature: &Temperature) -> TemperatureWritten {
    TemperatureWritten {
        matched: temperature.matched,
        grid: temperature.grid.clone(),
        n_max: Some(temperature.n_max),
        stop: Some(temperature.stop),
        match_draws: temperature.match_draws,
        every: temperature.every,
    }
}
