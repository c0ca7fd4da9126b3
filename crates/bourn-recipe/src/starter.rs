//! Recipes to begin with: text that says what each of its keys is, for someone who has none yet.

mod text;

use std::path::Path;

use toml::Value;

use crate::recipe::{Extract, VerifierKind};
use text::*;

/// The recipe that needs nothing but this program: `recipes/quickstart.toml`.
pub const QUICKSTART: &str = include_str!("../../../recipes/quickstart.toml");

/// A recipe that is not written yet.
#[derive(Clone, Debug, PartialEq)]
pub enum Starter {
    /// Countdown with a small model that is made for it: what the quickstart resolves to.
    Small,
    /// Countdown with a model that there is.
    Countdown(StarterModel),
    /// A data set with a model that there is.
    Data(StarterModel, StarterData),
}

/// A model that there is.
#[derive(Clone, Debug, PartialEq)]
pub struct StarterModel {
    /// A Hugging Face directory, a hub id, a GGUF file or a run's checkpoint.
    pub path: String,
    /// Whether prompts go through its chat template.
    pub chat_template: bool,
}

/// A data set, as far as a recipe has to know it.
#[derive(Clone, Debug, PartialEq)]
pub struct StarterData {
    /// The training problems.
    pub path: String,
    /// The held-out problems and how many there are, at least; split off `path` where they have no file
    /// of their own.
    pub probe: Option<(String, usize)>,
    /// Column of the problem's text.
    pub prompt_column: String,
    /// Column of the right answer.
    pub answer_column: String,
    /// Where in its column the answer stands.
    pub answer_format: Extract,
    /// Who says what is right.
    pub verifier: VerifierKind,
    /// Where in a completion the answer is looked for; only for a verifier that looks there.
    pub extract: Option<Extract>,
    /// Problems of `path`, or the first so many of them.
    pub problems: usize,
    /// The longest problem's text, in bytes.
    pub longest: usize,
}

/// Problems of a step, and held-out ones: what a first run on two cores has time for.
const PROMPTS: usize = 8;
const HELD_OUT: usize = 16;
/// Tokens that a chat template adds, its own system message included.
const CHAT: usize = 64;

impl Starter {
    /// The recipe's text. `file` is where it will be written: its comments say what to run.
    pub fn to_toml(&self, file: &Path) -> String {
        let mut text = head(file, self.change_first());
        let sections = match self {
            Starter::Small => {
                let task = format!("{PUZZLES}{PUZZLE_REWARD}");
                [SMALL_MODEL.to_owned(), task, SMALL_REST.to_owned()]
            }
            Starter::Countdown(of) => {
                let rest = rest(&Sizes {
                    prompts: PROMPTS,
                    held_out: HELD_OUT,
                    prompt: 192,
                    completion: 48,
                });
                let task = format!("{PUZZLES}{PUZZLE_TEMPLATE}{PUZZLE_REWARD}");
                [model(of), task, rest]
            }
            Starter::Data(of, data) => [model(of), task(data), rest(&Sizes::of(data))],
        };
        for section in sections {
            text.push_str(&section);
        }
        text
    }

    /// The keys that are most likely to want another value, as a sentence.
    fn change_first(&self) -> &'static str {
        match self {
            Starter::Small => {
                "`numbers` under [[task]] makes the puzzles harder,\n\
                 # `max_steps` under [train] the run longer."
            }
            Starter::Countdown(_) | Starter::Data(..) => {
                "`max_completion_length` under [rollout], so that the model\n\
                 # comes to its answer; then `lr` under [optimizer], `max_steps` under [train]."
            }
        }
    }
}

/// What a recipe counts by.
struct Sizes {
    prompts: usize,
    held_out: usize,
    prompt: usize,
    completion: usize,
}

impl Sizes {
    fn of(data: &StarterData) -> Sizes {
        // A file that is split gives at most half of itself.
        let (held_out, left) = match data.probe {
            Some((_, problems)) => (problems.clamp(1, HELD_OUT), data.problems),
            None => {
                let held_out = (data.problems / 4).clamp(1, HELD_OUT);
                (held_out, data.problems.saturating_sub(held_out))
            }
        };
        // English has four bytes a token and more, figures and formulas fewer.
        let prompt = (data.longest / 3 + 2 * CHAT).next_multiple_of(64);
        // A letter or a word takes less room than a calculation.
        let completion = if data.verifier == VerifierKind::Math { 128 } else { 96 };
        Sizes { prompts: (left / 2).clamp(1, PROMPTS), held_out, prompt, completion }
    }
}

/// The comment that a recipe begins with.
fn head(file: &Path, change_first: &str) -> String {
    let shown = shown(file);
    let run = file
        .file_stem()
        .map_or_else(|| "recipe".into(), |stem| shown_text(&stem.to_string_lossy()));
    format!(
        "# A recipe for bourn: all about a run in one file.\n\
         #\n\
         #   bourn train {shown} --dry-run\n\
         #       what it comes to, with its memory; trains nothing\n\
         #   bourn train {shown}\n\
         #       trains and measures; Ctrl-C saves, `--resume` goes on\n\
         #   bourn report runs/{run}\n\
         #       what training did to the boundary, as one HTML file\n\
         #\n\
         # Change first: {change_first}\n\
         #\n\
         # Every key that is not here has a default: `bourn recipe show FILE` fills them\n\
         # in, `bourn recipe reference` says what each means.\n\
         \n{SEED}"
    )
}

/// A path in a comment: one line, and quoted where a shell would take it apart.
fn shown(path: &Path) -> String {
    shown_text(&path.to_string_lossy())
}

fn shown_text(text: &str) -> String {
    let text: String = text.chars().filter(|c| !bourn_foreign::is_unseen(*c)).collect();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@".contains(c);
    if text.chars().all(plain) { text } else { format!("'{text}'") }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn model(of: &StarterModel) -> String {
    let (path, chat) = (quoted(&of.path), of.chat_template);
    format!("{MODEL}path = {path}\n{CHAT_TEMPLATE}chat_template = {chat}\n\n")
}

fn task(data: &StarterData) -> String {
    let StarterData { path, prompt_column, answer_column, answer_format, verifier, .. } = data;
    let mut text = format!("{DATA}path = {}\n", quoted(path));
    text += &match &data.probe {
        Some((path, _)) => format!("{PROBE_PATH}probe_path = {}\n", quoted(path)),
        None => PROBE_SPLIT.to_owned(),
    };
    text += &format!(
        "{COLUMNS}prompt_column = {}\nanswer_column = {}\n{ANSWER_FORMAT}answer_format = {}\n\
         {TEMPLATE}template = {}\n\n{REWARD}{}verifier = {}\n",
        quoted(prompt_column),
        quoted(answer_column),
        quoted(answer_format.name()),
        quoted(&format!("{{prompt}}\n{}", instruction(data))),
        meaning(*verifier),
        quoted(verifier.name()),
    );
    if let Some(extract) = data.extract {
        text += &format!("{EXTRACT}extract = {}\n", quoted(extract.name()));
    }
    text + "\n"
}

/// What the template asks for, so that the verifier finds it.
fn instruction(data: &StarterData) -> &'static str {
    match (data.verifier, data.extract) {
        (VerifierKind::Choice, _) => {
            "Think briefly, then end with \"The answer is\" and the letter of your choice."
        }
        (_, Some(Extract::Boxed)) => "Think step by step, and put the final answer in \\boxed{}.",
        (_, Some(Extract::Hash)) => "Think step by step, then write #### and the final answer.",
        (_, Some(Extract::LastNumber)) => "Think briefly, then end with the answer as a number.",
        _ => "Write the answer and nothing else.",
    }
}

fn rest(sizes: &Sizes) -> String {
    let Sizes { prompts, held_out, prompt, completion } = sizes;
    REST.replace("{prompts}", &prompts.to_string())
        .replace("{held_out}", &held_out.to_string())
        .replace("{prompt_length}", &prompt.to_string())
        .replace("{completion_length}", &completion.to_string())
}

#[cfg(test)]
#[path = "../tests/unit/starter.rs"]
mod tests;
