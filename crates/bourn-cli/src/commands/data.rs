//! `bourn data check|show`.

use std::path::Path;

use anyhow::Context;
use bourn_model::prompt::Prompter;
use bourn_recipe::{ModelSource, ProbeRecipe, Recipe, ShortTask, Task, TaskKind};
use bourn_task::{Inspected, Inspection, Problem, inspect, listed};
use clap::Subcommand;
use serde_json::json;

use super::{open_model, print, print_json};

/// What a data set is, before anything is trained on it.
#[derive(clap::Args)]
pub(crate) struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Subcommand)]
enum DataCommand {
    /// Rows, columns, answers that cannot be read, repeats, what probe and training share, lengths
    Check {
        #[command(flatten)]
        of: Of,
        /// Print one JSON object for each set of problems
        #[arg(long)]
        json: bool,
    },
    /// A few problems as the model is given them, with their answers
    Show {
        #[command(flatten)]
        of: Of,
        /// How many
        #[arg(short, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
        n: u16,
    },
}

#[derive(clap::Args)]
struct Of {
    /// A recipe, or data: a file, a pattern of names, a directory, a hub id
    data: String,
    /// The data set's columns are named as verl, trl, nemo-rl or prime-rl names them
    #[arg(long, value_name = "NAME")]
    format: Option<String>,
    /// Column that holds the problem's text or messages [default: question]
    #[arg(long, value_name = "NAME")]
    prompt_column: Option<String>,
    /// Column that holds the reference answer [default: answer]
    #[arg(long, value_name = "NAME")]
    answer_column: Option<String>,
    /// How the answer is read out of it: whole, hash, boxed, answer or last_number [default: whole]
    #[arg(long, value_name = "NAME")]
    answer_format: Option<String>,
    /// Of a directory or a hub's data set, which configuration
    #[arg(long, value_name = "NAME")]
    config: Option<String>,
    /// Of a directory or a hub's data set, which split
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// Held-out problems, which are compared with the others
    #[arg(long, value_name = "DATA")]
    probe: Option<String>,
    /// Who judges: math, exact or choice [default: math]
    #[arg(long, value_name = "NAME")]
    verifier: Option<String>,
    /// A benchmark, whose files `data` are
    #[arg(long, value_name = "NAME")]
    benchmark: Option<String>,
    /// Count tokens with this model's tokenizer, and show prompts as it reads them
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Override a key of the recipe (may be repeated)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

/// The tasks that are asked about, and the model that reads their prompts.
struct Subject {
    tasks: Vec<Task>,
    prompter: Option<Prompter>,
    /// The recipe's longest prompt, in tokens.
    longest: Option<usize>,
}

/// Runs the command.
pub(crate) fn run(args: &DataArgs) -> anyhow::Result<()> {
    let of = match &args.command {
        DataCommand::Check { of, .. } | DataCommand::Show { of, .. } => of,
    };
    let subject = of.subject()?;
    let mut seen: Vec<(String, Inspection)> = Vec::new();
    for task in &subject.tasks {
        let Some(inspection) = inspect(task)? else {
            print("countdown: generated, by numbers and targets")?;
            continue;
        };
        match args.command {
            DataCommand::Check { json: true, .. } => {
                for (side, set) in sides(&inspection) {
                    let found = as_json(&subject, &task_name(task), side, set, &inspection)?;
                    print_json(&found.to_string())?;
                }
            }
            DataCommand::Check { .. } => print(&checked(&subject, &inspection)?)?,
            DataCommand::Show { n, .. } => {
                for (_, set) in sides(&inspection) {
                    for problem in set.problems.iter().take(usize::from(n)) {
                        print(&shown(&subject, problem)?)?;
                    }
                }
            }
        }
        seen.push((task_name(task), inspection));
    }
    match args.command {
        DataCommand::Check { json: false, .. } => across(&seen),
        _ => Ok(()),
    }
}

impl Of {
    fn subject(&self) -> anyhow::Result<Subject> {
        let is_recipe = Path::new(&self.data).extension().is_some_and(|end| end == "toml");
        let (tasks, prompter, longest) = match is_recipe {
            true => {
                self.refuse_beside_a_recipe()?;
                let recipe = bourn_recipe::load(Path::new(&self.data), &self.overrides)?;
                let prompter = self.prompter(&recipe)?;
                (recipe.tasks, prompter, Some(recipe.rollout.max_prompt_length))
            }
            false => {
                let recipe = self.short()?;
                let prompter = match &self.model {
                    None => None,
                    Some(model) => {
                        let asked = recipe.measured().model;
                        let bundle = open_model(model)?;
                        Some(Prompter::new(&bundle, asked.chat_template, &asked.system_prompt)?)
                    }
                };
                (self.tasks(&recipe), prompter, None)
            }
        };
        Ok(Subject { tasks, prompter, longest })
    }

    fn refuse_beside_a_recipe(&self) -> anyhow::Result<()> {
        let of_data = [
            ("--format", &self.format),
            ("--prompt-column", &self.prompt_column),
            ("--answer-column", &self.answer_column),
            ("--answer-format", &self.answer_format),
            ("--config", &self.config),
            ("--split", &self.split),
            ("--probe", &self.probe),
            ("--verifier", &self.verifier),
            ("--benchmark", &self.benchmark),
        ];
        match of_data.iter().find(|(_, value)| value.is_some()) {
            Some((option, _)) => anyhow::bail!(
                "{} is a recipe, which says itself what {option} says of data; use --set task.0.…",
                self.data
            ),
            None => Ok(()),
        }
    }

    /// The recipe's model, where it can be opened at no cost, or the one that is asked for.
    fn prompter(&self, recipe: &Recipe) -> anyhow::Result<Option<Prompter>> {
        let model = match (&self.model, &recipe.model.source) {
            (Some(model), _) => model,
            (None, ModelSource::Path(path)) if Path::new(path).exists() => path,
            _ => return Ok(None),
        };
        let bundle = open_model(model)?;
        let asked = &recipe.model;
        Ok(Some(Prompter::new(&bundle, asked.chat_template, &asked.system_prompt)?))
    }

    /// A recipe over the data alone.
    fn short(&self) -> anyhow::Result<ProbeRecipe> {
        let mut overrides = Vec::new();
        let chosen = [
            ("format", &self.format),
            ("answer_format", &self.answer_format),
            ("config", &self.config),
            ("split", &self.split),
        ];
        for (key, value) in chosen {
            overrides.extend(value.as_ref().map(|value| format!("task.0.{key}={value}")));
        }
        overrides.extend(self.overrides.iter().cloned());
        let verifier = self.verifier.clone().or_else(|| Some("math".to_owned()));
        // What is read is all of mathematics, and not the plain numbers that a last number is.
        let extract = verifier.as_ref().filter(|name| *name == "math").map(|_| "answer".to_owned());
        let of_benchmark = self.benchmark.is_some();
        let task = ShortTask {
            source: self.data.clone(),
            benchmark: self.benchmark.clone(),
            prompt_column: self.prompt_column.clone(),
            answer_column: self.answer_column.clone(),
            verifier: verifier.filter(|_| !of_benchmark || self.verifier.is_some()),
            extract: extract.filter(|_| !of_benchmark),
        };
        Ok(bourn_recipe::short(&task, "none", &overrides)?)
    }

    fn tasks(&self, recipe: &ProbeRecipe) -> Vec<Task> {
        let mut tasks = recipe.measured().tasks.to_vec();
        for task in &mut tasks {
            if let TaskKind::Dataset(data) = &mut task.kind {
                data.probe = self.probe.as_deref().map(bourn_recipe::DataSource::new);
            }
        }
        tasks
    }
}

/// What the tasks of a recipe share with one another's probes.
fn across(seen: &[(String, Inspection)]) -> anyhow::Result<()> {
    for (trained, of_training) in seen {
        let others = seen.iter().filter(|(name, _)| name != trained);
        for (probed, of_probe) in others {
            let (Some(train), Some(probe)) = (&of_training.train, &of_probe.probe) else {
                continue;
            };
            let overlap = train.overlap(probe);
            print(&format!("\n{trained} in training, {probed} for the probe:"))?;
            print(&pairs("  in both (left out of training)", &overlap.shared))?;
            print(&pairs("  in both but for marks and spaces (not left out)", &overlap.alike))?;
        }
    }
    Ok(())
}

fn pairs(what: &str, pairs: &[bourn_task::Pair]) -> String {
    match pairs.len() {
        0 => format!("{what}: none"),
        count => format!("{what}: {count}: {}", listed(pairs)),
    }
}

fn task_name(task: &Task) -> String {
    match &task.kind {
        TaskKind::Countdown(_) => "countdown".to_owned(),
        TaskKind::Dataset(data) => data.source.path.clone(),
        TaskKind::Benchmark(of) => of.benchmark.facts().name.to_owned(),
    }
}

fn sides(inspection: &Inspection) -> Vec<(&'static str, &Inspected)> {
    let Inspection { train, probe, .. } = inspection;
    let sides = [("train", train), ("probe", probe)];
    sides.into_iter().filter_map(|(side, set)| Some((side, set.as_ref()?))).collect()
}

/// The smallest, the median and the largest.
fn spread(mut lengths: Vec<usize>) -> Option<(usize, usize, usize)> {
    lengths.sort_unstable();
    Some((*lengths.first()?, lengths[lengths.len() / 2], *lengths.last()?))
}

/// The prompts' lengths in tokens, where there is a model to count them.
fn tokens(subject: &Subject, set: &Inspected) -> anyhow::Result<Option<Vec<usize>>> {
    let Some(prompter) = &subject.prompter else { return Ok(None) };
    let encode = |problem: &Problem| {
        let inputs = prompter.encode_problem(&problem.prompt, &problem.messages);
        Ok(inputs.with_context(|| problem.origin.clone())?.len())
    };
    set.problems.iter().map(encode).collect::<anyhow::Result<Vec<_>>>().map(Some)
}

/// The problems whose prompts the recipe has no room for: a run that meets one refuses to begin.
fn too_long<'a>(subject: &Subject, set: &'a Inspected, tokens: &[usize]) -> Vec<&'a str> {
    let is_too_long = |length: &usize| subject.longest.is_some_and(|most| *length > most);
    let problems = set.problems.iter().zip(tokens).filter(|(_, length)| is_too_long(length));
    problems.map(|(problem, _)| problem.origin.as_str()).collect()
}

/// What is found of a task, as text.
fn checked(subject: &Subject, inspection: &Inspection) -> anyhow::Result<String> {
    let mut lines = Vec::new();
    let count = |places: &bourn_task::Places| match places.count {
        0 => "none".to_owned(),
        count => format!("{count}: {places}"),
    };
    for (side, set) in sides(inspection) {
        let findings = &set.findings;
        let files = match findings.files {
            1 => String::new(),
            files => format!(" in {files} files"),
        };
        let what = if side == "probe" { ", for the probe" } else { "" };
        lines.push(format!(
            "{}: {} rows{files}, {} problems{what}",
            findings.name, findings.rows, findings.problems
        ));
        lines.push(format!("  columns      {}", findings.columns.join(", ")));
        let reason = match findings.unreadable.count {
            0 => String::new(),
            _ => format!("\n               the first: {}", findings.reason),
        };
        lines.push(format!("  unreadable   {}{reason}", count(&findings.unreadable)));
        lines.push(format!("  repeated     {}", count(&findings.repeated)));
        lines.push(format!("  disagreeing  {}", count(&findings.disagreeing)));
        let characters = set.problems.iter().map(|problem| problem.prompt.chars().count());
        if let Some((least, median, most)) = spread(characters.collect()) {
            lines.push(format!("  characters   {least} to {most}, median {median}, of a prompt"));
        }
        if let Some(tokens) = tokens(subject, set)?
            && let Some((least, median, most)) = spread(tokens.clone())
        {
            lines.push(format!("  tokens       {least} to {most}, median {median}, of a prompt"));
            let long = too_long(subject, set, &tokens);
            if let (Some(first), Some(longest)) = (long.first(), subject.longest) {
                lines.push(format!(
                    "  too long     {}: more than rollout.max_prompt_length = {longest}; the first: {first}",
                    long.len()
                ));
            }
        }
    }
    if inspection.train.is_some() && inspection.probe.is_some() {
        lines.push(pairs("in both (left out of training)", &inspection.shared));
        lines.push(pairs("in both but for marks and spaces (not left out)", &inspection.alike));
    } else {
        lines.push(pairs("alike but for marks and spaces", &inspection.alike));
    }
    if let Some((_, set)) = sides(inspection).first()
        && let Some(first) = set.problems.first()
    {
        lines.push(String::new());
        lines.push(shown(subject, first)?);
    }
    Ok(lines.join("\n"))
}

/// A problem as the model is given it.
fn shown(subject: &Subject, problem: &Problem) -> anyhow::Result<String> {
    let (prompt, read_by) = match &subject.prompter {
        None => (problem.prompt.clone(), ""),
        Some(prompter) => {
            let rendered = prompter.render_problem(&problem.prompt, &problem.messages)?;
            (rendered, ", as the model reads it")
        }
    };
    let answer = match &*problem.reference {
        bourn_task::Reference::Any(several) => {
            let texts: Vec<&str> = several.iter().filter_map(|one| one.text()).collect();
            format!("any of {}", texts.join(" | "))
        }
        one => one.text().unwrap_or_default().to_owned(),
    };
    Ok(format!("--- {}{read_by}\n{prompt}\n--- answer: {answer}", problem.origin))
}

fn as_json(
    subject: &Subject,
    name: &str,
    side: &str,
    set: &Inspected,
    inspection: &Inspection,
) -> anyhow::Result<serde_json::Value> {
    let findings = &set.findings;
    let places =
        |places: &bourn_task::Places| json!({"count": places.count, "first": places.first});
    let spread = |spread: Option<(usize, usize, usize)>| {
        spread.map(|(least, median, most)| json!({"least": least, "median": median, "most": most}))
    };
    let pairs = |pairs: &[bourn_task::Pair]| -> Vec<serde_json::Value> {
        pairs.iter().map(|pair| json!([pair.one, pair.other])).collect()
    };
    let characters = set.problems.iter().map(|problem| problem.prompt.chars().count()).collect();
    let lengths = tokens(subject, set)?;
    Ok(json!({
        "task": name,
        "side": side,
        "source": findings.name,
        "files": findings.files,
        "rows": findings.rows,
        "problems": findings.problems,
        "columns": findings.columns,
        "unreadable": places(&findings.unreadable),
        "reason": (findings.unreadable.count > 0).then_some(&findings.reason),
        "repeated": places(&findings.repeated),
        "disagreeing": places(&findings.disagreeing),
        "characters": spread(self::spread(characters)),
        "tokens": spread(lengths.clone().and_then(self::spread)),
        "too_long": lengths.map(|tokens| too_long(subject, set, &tokens).len()),
        "shared": pairs(&inspection.shared),
        "alike": pairs(&inspection.alike),
    }))
}
