//! What `bourn init` asks on a terminal. Each answer is what an option would have said.

use std::io::{BufRead, Write};
use std::path::Path;

use anyhow::{Context, bail};
use bourn_foreign::visible;
use bourn_model::{SourceKind, seems_chat};
use bourn_recipe::VerifierKind;
use bourn_task::{Column, Survey, survey};

use super::{COUNTDOWN, InitArgs, SMALL, VERIFIERS, check_place};

/// The model that is offered for a data set: small, and tuned to follow instructions.
const OFFERED: &str = "HuggingFaceTB/SmolLM2-135M-Instruct";
/// Characters of an example that are shown.
const EXAMPLE: usize = 44;

/// Questions with what they are answered by and where they are asked.
pub(super) struct Questions<R, W> {
    answers: R,
    out: W,
}

impl<R: BufRead, W: Write> Questions<R, W> {
    pub(super) fn new(answers: R, out: W) -> Questions<R, W> {
        Questions { answers, out }
    }

    /// Asks for everything that `args` does not say.
    pub(super) fn fill(&mut self, args: &mut InitArgs) -> anyhow::Result<()> {
        self.say("A recipe in a few questions; an empty answer takes what is in [brackets].\n")?;
        let about = format!("Problems: a file, or {COUNTDOWN}, puzzles that are generated");
        let (data, found) = self.ask(&about, Some(COUNTDOWN), |data| {
            let found = if data == COUNTDOWN { None } else { Some(survey(Path::new(data))?) };
            Ok((data.to_owned(), found))
        })?;
        args.data = Some(data);
        match &found {
            None => {
                let about =
                    format!("Model: a directory, hub id or GGUF file, or {SMALL}, made here");
                self.model(args, &about, SMALL)?;
            }
            Some(found) => {
                self.model(args, "Model: a directory, hub id or GGUF file", OFFERED)?;
                self.data(args, found)?;
            }
        }
        if args.file.is_none() {
            let force = args.force;
            let names = (2..).map(|number| format!("recipe-{number}.toml"));
            let mut names = std::iter::once("recipe.toml".to_owned()).chain(names);
            let free = names.find(|name| force || !Path::new(name).exists());
            args.file = Some(self.ask("Recipe to write", free.as_deref(), |file| {
                check_place(Path::new(file), force)?;
                Ok(file.into())
            })?);
        }
        Ok(())
    }

    fn model(&mut self, args: &mut InitArgs, about: &str, offered: &str) -> anyhow::Result<()> {
        let model = self.ask(about, Some(offered), |model| {
            if model == SMALL && offered != SMALL {
                bail!("`{SMALL}` is made for {COUNTDOWN} alone");
            }
            if model != SMALL {
                SourceKind::of(model)?;
            }
            Ok(model.to_owned())
        })?;
        if model != SMALL {
            let usual = if seems_chat(&model) { "yes" } else { "no" };
            let about = "Put prompts into the model's chat format (right for tuned models)";
            args.chat = self.ask(about, Some(usual), |answer| match answer {
                "yes" | "y" => Ok(true),
                "no" | "n" => Ok(false),
                _ => bail!("yes or no"),
            })?;
            args.no_chat = !args.chat;
        }
        args.model = Some(model);
        Ok(())
    }

    fn data(&mut self, args: &mut InitArgs, found: &Survey) -> anyhow::Result<()> {
        self.say("Columns:\n")?;
        for column in &found.columns {
            let example = short(&column.example);
            self.say(&format!("  {:20} {example}\n", column.name))?;
        }
        let usual = found.prompt().map(|column| column.name.as_str());
        let prompt = self.column("Column of the problem's text", usual, found)?;
        let usual = found.answer(&prompt.name).map(|column| column.name.as_str());
        let answer = self.column("Column of the right answer", usual, found)?;
        let names = VERIFIERS.map(VerifierKind::name);
        let about = format!("Verifier: {}", names.join(", "));
        let usual = answer.reading.map(|reading| reading.verifier.name());
        args.verifier = Some(self.ask(&about, usual, |answer| {
            let named = VERIFIERS.into_iter().find(|verifier| verifier.name() == answer);
            named.with_context(|| format!("there is no `{answer}` among them"))
        })?);
        let about = "Held-out problems: a file, or split, which takes some of these";
        args.probe_data = self.ask(about, Some("split"), |file| match file {
            "split" => Ok(None),
            file => {
                survey(Path::new(file))?;
                Ok(Some(file.to_owned()))
            }
        })?;
        (args.prompt_column, args.answer_column) =
            (Some(prompt.name.clone()), Some(answer.name.clone()));
        Ok(())
    }

    fn column<'s>(
        &mut self,
        about: &str,
        usual: Option<&str>,
        found: &'s Survey,
    ) -> anyhow::Result<&'s Column> {
        self.ask(about, usual, |name| Ok(found.column(name)?))
    }

    /// Asks until `read` takes the answer; an empty one is `usual`.
    fn ask<T>(
        &mut self,
        about: &str,
        usual: Option<&str>,
        read: impl Fn(&str) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        loop {
            let offer = usual.map_or_else(String::new, |usual| format!(" [{usual}]"));
            self.say(&format!("{about}{offer}: "))?;
            let mut line = String::new();
            if self.answers.read_line(&mut line).context("reading an answer")? == 0 {
                bail!("no more answers came; nothing is written");
            }
            let answer = match (line.trim(), usual) {
                ("", None) => continue,
                ("", Some(usual)) => usual,
                (answer, _) => answer,
            };
            match read(answer) {
                Ok(read) => return Ok(read),
                Err(error) => self.say(&format!("  {error:#}\n"))?,
            }
        }
    }

    fn say(&mut self, text: &str) -> anyhow::Result<()> {
        self.out.write_all(visible(text).as_bytes())?;
        Ok(self.out.flush()?)
    }
}

/// The beginning of a value, on one line.
fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().take(EXAMPLE).collect();
    if cut.len() < line.len() { cut + "…" } else { cut }
}
