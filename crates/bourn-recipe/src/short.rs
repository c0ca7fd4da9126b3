//! Recipes whose task stands on the command line: of a probe, and of a verifier by itself.

use std::path::Path;

use toml::{Table, Value};

use crate::{Benchmark, ProbeRecipe, RecipeError, Task, parse};

/// A task as a command line names it. What is `None` is left to the recipe's defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShortTask {
    /// `countdown`, or a data set, all of whose problems are for the probe; of a benchmark its file, and
    /// empty for the hub's.
    pub source: String,
    /// The benchmark's name.
    pub benchmark: Option<String>,
    /// Column of a file that holds the problem's text.
    pub prompt_column: Option<String>,
    /// Column of a file that holds the reference answer.
    pub answer_column: Option<String>,
    /// The verifier.
    pub verifier: Option<String>,
    /// How the verifier finds a completion's answer.
    pub extract: Option<String>,
}

/// The recipe that probes `model` on `task`: written out and parsed, so that it is checked, has its
/// defaults and takes overrides as any other. Its training part is the defaults'.
///
/// # Errors
/// As [`parse`]; the file is called `--task` and its source.
pub fn short(
    task: &ShortTask,
    model: &str,
    overrides: &[String],
) -> Result<ProbeRecipe, RecipeError> {
    let mut written = Table::new();
    let mut set = |key: &str, value: Option<&String>| {
        if let Some(value) = value {
            written.insert(key.to_owned(), Value::from(value.as_str()));
        }
    };
    let is_countdown = task.source == "countdown" && task.benchmark.is_none();
    let path = Some(&task.source).filter(|source| !source.is_empty());
    match &task.benchmark {
        Some(_) => {
            set("kind", Some(&"benchmark".to_owned()));
            set("benchmark", task.benchmark.as_ref());
            set("path", path);
        }
        None if is_countdown => set("kind", Some(&"countdown".to_owned())),
        None => {
            set("kind", Some(&"dataset".to_owned()));
            set("path", path);
            set("probe_path", path);
        }
    }
    // For countdown too, which has no columns: the check says so.
    set("prompt_column", task.prompt_column.as_ref());
    set("answer_column", task.answer_column.as_ref());

    let reward = (task.verifier.is_some() || task.extract.is_some()).then(|| {
        let natural = if is_countdown { "countdown" } else { "math" };
        let verifier = task.verifier.as_deref().unwrap_or(natural);
        let mut reward = Table::from_iter([("verifier".to_owned(), Value::from(verifier))]);
        if let Some(extract) = &task.extract {
            reward.insert("extract".into(), extract.as_str().into());
        }
        Value::Array(vec![reward.into()])
    });
    // Of its own, since a benchmark has a judge of its own.
    written.extend(reward.map(|reward| ("reward".to_owned(), reward)));

    let mut recipe = Table::new();
    recipe.insert("name".into(), "probe".into());
    recipe.insert("task".into(), Value::Array(vec![Value::Table(written)]));
    recipe.insert("model".into(), Table::from_iter([("path".to_owned(), model.into())]).into());
    recipe
        .insert("algorithm".into(), Table::from_iter([("name".to_owned(), "grpo".into())]).into());
    // Its longest problem is known, and a probe that refuses it would have to be told.
    let of = |name: &String| Benchmark::ALL.into_iter().find(|one| one.facts().name == name);
    if let Some(benchmark) = task.benchmark.as_ref().and_then(of) {
        let length = benchmark.facts().prompt_tokens as i64;
        let rollout = Table::from_iter([("max_prompt_length".to_owned(), Value::from(length))]);
        recipe.insert("rollout".into(), rollout.into());
    }
    let file = match &task.benchmark {
        Some(benchmark) => format!("--benchmark {benchmark}"),
        None => format!("--task {}", task.source),
    };
    Ok(parse(&recipe.to_string(), Path::new(&file), overrides)?.into())
}

/// A verifier as a command line names it, with the keys of a `[[reward]]`. What is `None` is left to
/// the recipe's defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShortVerifier {
    /// Which.
    pub verifier: String,
    /// How references are read out of their text.
    pub answer_format: Option<String>,
    /// How it finds a completion's answer.
    pub extract: Option<String>,
    /// What the regex verifier looks for.
    pub pattern: Option<String>,
    /// How many letters the choice verifier knows.
    pub choices: Option<u32>,
    /// Program and arguments of the command verifier.
    pub command: Option<Vec<String>>,
    /// How many processes of it there are.
    pub workers: Option<u32>,
    /// Seconds that it may take for one completion.
    pub timeout: Option<f64>,
    /// The score from which on it finds a completion correct.
    pub threshold: Option<f64>,
}

/// The task that `short` judges: written out and parsed, so that it is checked as any other.
///
/// # Errors
/// As [`parse`]; the key at fault ends in the field's name, or in `verifier`.
pub fn short_verifier(short: &ShortVerifier) -> Result<Task, RecipeError> {
    let is_countdown = short.verifier == "countdown";
    let mut task = Table::new();
    task.insert("kind".into(), if is_countdown { "countdown" } else { "dataset" }.into());
    if !is_countdown {
        task.insert("path".into(), "lines".into());
    }
    if let Some(format) = &short.answer_format {
        task.insert("answer_format".into(), format.as_str().into());
    }
    let mut reward = Table::from_iter([("verifier".to_owned(), short.verifier.as_str().into())]);
    let command = short.command.clone().map(|words| words.into_iter().map(Value::from).collect());
    let keys: [(&str, Option<Value>); 7] = [
        ("extract", short.extract.as_deref().map(Value::from)),
        ("pattern", short.pattern.as_deref().map(Value::from)),
        ("choices", short.choices.map(Value::from)),
        ("command", command.map(Value::Array)),
        ("workers", short.workers.map(Value::from)),
        ("timeout", short.timeout.map(Value::from)),
        ("threshold", short.threshold.map(Value::from)),
    ];
    reward.extend(keys.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    let section =
        |name: &str, value: &str| Value::from(Table::from_iter([(name.into(), value.into())]));
    let recipe = Table::from_iter([
        ("model".to_owned(), section("path", "none")),
        ("algorithm".to_owned(), section("name", "grpo")),
        ("task".to_owned(), Value::Array(vec![task.into()])),
        ("reward".to_owned(), Value::Array(vec![reward.into()])),
    ]);
    let mut recipe = parse(&recipe.to_string(), Path::new("--kind"), &[])?;
    Ok(recipe.tasks.remove(0))
}
