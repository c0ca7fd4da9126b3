//! `bourn init [FILE]`: a recipe to begin with.

mod questions;

use std::io::{BufReader, IsTerminal, stderr, stdin};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bourn_model::{SourceKind, seems_chat};
use bourn_recipe::{Extract, QUICKSTART, Recipe, Starter, StarterData, StarterModel, VerifierKind};
use bourn_task::{Column, Reading, Survey, survey};
use bourn_track::Console;
use bourn_track::format::plural;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use self::questions::Questions;
use super::{print, write_file};

/// The data that is no file, and the model that is made for it.
const COUNTDOWN: &str = "countdown";
const SMALL: &str = "small";
/// The verifiers of a data set that need no key of their own.
const VERIFIERS: [VerifierKind; 3] =
    [VerifierKind::Math, VerifierKind::Exact, VerifierKind::Choice];

/// Write a recipe with comments: the quickstart, or one for your model and data.
#[derive(clap::Args, Default)]
pub(crate) struct InitArgs {
    /// The recipe to write [default: recipe.toml, or quickstart.toml]
    file: Option<PathBuf>,
    /// Write the quickstart, which needs no model, no data and no network
    #[arg(
        long,
        conflicts_with_all = ["model", "data", "probe_data", "prompt_column", "answer_column",
            "answer_format", "verifier", "extract", "chat", "no_chat"]
    )]
    quickstart: bool,
    /// A Hugging Face directory, a hub id, a GGUF file or a run's checkpoint; or `small`, which
    /// is made for countdown
    #[arg(long)]
    model: Option<String>,
    /// A file of problems (JSON lines, CSV, Parquet); or `countdown`, puzzles that are generated
    #[arg(long)]
    data: Option<String>,
    /// A file of held-out problems [default: split off --data]
    #[arg(long, value_name = "FILE", requires = "data")]
    probe_data: Option<String>,
    /// Column of the problem's text [default: by its name]
    #[arg(long, value_name = "NAME", requires = "data")]
    prompt_column: Option<String>,
    /// Column of the right answer [default: by its name]
    #[arg(long, value_name = "NAME", requires = "data")]
    answer_column: Option<String>,
    /// Where in its column the answer stands [default: by its looks]
    #[arg(long, value_name = "WHERE", requires = "data", value_parser = extracts())]
    answer_format: Option<Extract>,
    /// Who says what is right [default: by the looks of answers]
    #[arg(long, value_name = "NAME", requires = "data", value_parser = verifiers())]
    verifier: Option<VerifierKind>,
    /// Where in a completion the answer is looked for [default: the verifier's]
    #[arg(long, value_name = "WHERE", requires = "data", value_parser = extracts())]
    extract: Option<Extract>,
    /// Prompts go through the model's chat template [default: by its name or files]
    #[arg(long, requires = "model", conflicts_with = "no_chat")]
    chat: bool,
    /// Prompts do not go through a chat template
    #[arg(long, requires = "model")]
    no_chat: bool,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
}

fn extracts() -> impl TypedValueParser<Value = Extract> {
    PossibleValuesParser::new(Extract::ALL.map(Extract::name)).map(|name| {
        let named = Extract::ALL.into_iter().find(|extract| extract.name() == name);
        named.expect("the parser knows these names alone")
    })
}

fn verifiers() -> impl TypedValueParser<Value = VerifierKind> {
    PossibleValuesParser::new(VERIFIERS.map(VerifierKind::name)).map(|name| {
        let named = VERIFIERS.into_iter().find(|verifier| verifier.name() == name);
        named.expect("the parser knows these names alone")
    })
}

/// Runs the command.
pub(crate) fn run(mut args: InitArgs, console: &Console) -> anyhow::Result<()> {
    if args.quickstart {
        let file = args.file.clone().unwrap_or_else(|| "quickstart.toml".into());
        check_place(&file, args.force)?;
        return finish(&args, &file, QUICKSTART, console);
    }
    let terminal = stdin().is_terminal() && stderr().is_terminal();
    if terminal && args.model.is_none() && args.data.is_none() {
        // Before anybody has answered anything.
        args.file.as_deref().map_or(Ok(()), |file| check_place(file, args.force))?;
        Questions::new(BufReader::new(stdin()), stderr()).fill(&mut args)?;
    }
    let file = args.place();
    check_place(&file, args.force)?;
    let text = starter(&args)?.to_toml(&file);
    finish(&args, &file, &text, console)
}

impl InitArgs {
    fn place(&self) -> PathBuf {
        self.file.clone().unwrap_or_else(|| "recipe.toml".into())
    }
}

/// A recipe may be written at `file`.
fn check_place(file: &Path, force: bool) -> anyhow::Result<()> {
    let shown = file.display();
    if file.extension().is_none_or(|extension| extension != "toml") {
        bail!("{shown}: a recipe's name ends in .toml; data is named with --data");
    }
    if file.is_dir() {
        bail!("{shown} is a directory; name a file");
    }
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty());
    if let Some(dir) = dir.filter(|dir| !dir.is_dir()) {
        bail!("{shown}: there is no directory {}", dir.display());
    }
    if file.exists() && !force {
        bail!("{shown} is there already; name another file, or replace it with --force");
    }
    Ok(())
}

/// Checks the recipe as `bourn recipe check` and the beginning of a run do, and writes it.
fn finish(args: &InitArgs, file: &Path, text: &str, console: &Console) -> anyhow::Result<()> {
    let recipe = bourn_recipe::parse(text, file, &[]).context("nothing is written")?;
    bourn_train::check_probe(&recipe.probe).context("nothing is written")?;
    let problems = bourn_task::load(&recipe).context("nothing is written")?;
    if problems.held_out.is_empty() {
        bail!(
            "nothing is written: there are too few problems to hold any out; name a file of them \
               with --probe-data"
        );
    }
    for warning in &problems.warnings {
        console.warn(warning);
    }
    write_file(file, text.as_bytes(), args.force)?;
    let shown = file.display();
    let train = plural(problems.train.len() as u64, "problem");
    print(&format!(
        "{shown}: written, {train} to train on, {} held out{}\n\
         next: bourn train {shown} --dry-run, then without --dry-run",
        problems.held_out.len(),
        verifier_words(&recipe),
    ))
}

fn verifier_words(recipe: &Recipe) -> String {
    let reward = recipe.tasks.first().and_then(|task| task.rewards.first());
    reward.map_or_else(String::new, |reward| format!(", verifier {}", reward.verifier.name()))
}

/// What the options ask for.
fn starter(args: &InitArgs) -> anyhow::Result<Starter> {
    let (model, data) = match (&args.model, &args.data) {
        (Some(model), Some(data)) => (model, data),
        (None, None) => bail!("--model and --data are missing; `bourn init --help` has examples"),
        (None, Some(_)) => bail!(
            "--model is missing: a Hugging Face directory, a hub id, a GGUF file, or `{SMALL}` for \
             countdown"
        ),
        (Some(_), None) => bail!("--data is missing: a file of problems, or `{COUNTDOWN}`"),
    };
    let of_files = [
        ("--probe-data", args.probe_data.is_some()),
        ("--prompt-column", args.prompt_column.is_some()),
        ("--answer-column", args.answer_column.is_some()),
        ("--answer-format", args.answer_format.is_some()),
        ("--verifier", args.verifier.is_some()),
        ("--extract", args.extract.is_some()),
    ];
    let of_file = of_files.into_iter().find_map(|(name, given)| given.then_some(name));
    match (model == SMALL, data == COUNTDOWN, of_file) {
        (_, true, Some(option)) => {
            bail!("{option} is for a file; {COUNTDOWN} has its own verifier")
        }
        (true, false, _) => bail!(
            "--model {SMALL} is made from demonstrations of countdown: take --data {COUNTDOWN} with \
             it, or a model that there is for {data}"
        ),
        (true, true, None) if args.chat => bail!("--model {SMALL} has no chat template"),
        (true, true, None) => Ok(Starter::Small),
        (false, true, None) => Ok(Starter::Countdown(starter_model(args, model)?)),
        (false, false, _) => {
            let found = survey(Path::new(data)).context("--data")?;
            let data = starter_data(args, data, &found)?;
            Ok(Starter::Data(starter_model(args, model)?, data))
        }
    }
}

fn starter_model(args: &InitArgs, model: &str) -> anyhow::Result<StarterModel> {
    SourceKind::of(model).context("--model")?;
    let chat_template = args.chat || !args.no_chat && seems_chat(model);
    Ok(StarterModel { path: model.to_owned(), chat_template })
}

fn starter_data(args: &InitArgs, path: &str, found: &Survey) -> anyhow::Result<StarterData> {
    let prompt = match &args.prompt_column {
        Some(name) => found.column(name).context("--prompt-column")?,
        None => named(found.prompt(), "--prompt-column", "the problem's text", path, found)?,
    };
    let answer = match &args.answer_column {
        Some(name) => found.column(name).context("--answer-column")?,
        None => {
            named(found.answer(&prompt.name), "--answer-column", "the right answer", path, found)?
        }
    };
    let reading = reading(args, answer)?;
    let probe = args.probe_data.as_ref().map(|path| -> anyhow::Result<_> {
        Ok((path.clone(), survey(Path::new(path)).context("--probe-data")?.problems))
    });
    Ok(StarterData {
        path: path.to_owned(),
        probe: probe.transpose()?,
        prompt_column: prompt.name.clone(),
        answer_column: answer.name.clone(),
        answer_format: reading.answer_format,
        verifier: reading.verifier,
        extract: reading.extract,
        problems: found.problems,
        longest: prompt.longest,
    })
}

/// The column that was found, or an error that names the option that says which it is.
fn named<'s>(
    column: Option<&'s Column>,
    option: &str,
    what: &str,
    path: &str,
    found: &Survey,
) -> anyhow::Result<&'s Column> {
    column.with_context(|| {
        let names: Vec<String> = found.columns.iter().map(|c| format!("`{}`", c.name)).collect();
        format!(
            "{option} is missing: which column of {path} holds {what} cannot be told from the names \
             of those that every line has ({})",
            names.join(", ")
        )
    })
}

/// How answers are read: as they look, unless the options say otherwise.
fn reading(args: &InitArgs, answer: &Column) -> anyhow::Result<Reading> {
    let Some(looks) = answer.reading else {
        bail!(
            "the column `{}` holds neither text nor numbers ({}); name another with --answer-column",
            answer.name,
            answer.example
        );
    };
    let with = match args.verifier {
        Some(verifier) if verifier != looks.verifier => {
            Reading { answer_format: looks.answer_format, ..Reading::with(verifier) }
        }
        _ => looks,
    };
    Ok(Reading {
        answer_format: args.answer_format.unwrap_or(with.answer_format),
        verifier: with.verifier,
        extract: args.extract.or(with.extract),
    })
}

#[cfg(test)]
#[path = "../../tests/unit/commands/init.rs"]
mod tests;
