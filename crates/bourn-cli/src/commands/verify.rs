//! `bourn verify`: JSON lines in, verdicts out.

use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use bourn_recipe::{RecipeError, ShortVerifier, Task};
use bourn_track::Console;
use bourn_verify::Verdict;
use bourn_verify::lines::{LineError, LineJudge, LineVerdict, read_line};
use rayon::prelude::*;

use super::{print, print_json};

/// Lines judged together at most, and their bytes but for the last. A line that waits for its
/// verdict before it is followed by another is judged at once.
const BLOCK: (usize, usize) = (4096, 4 << 20);

/// Judges completions with the verifiers of training: reads a JSON object a line,
/// {"completion": "…", "gold": "42"}, and writes a verdict a line, in order:
/// {"verdict": "correct", "answer": "42", "reason": "…"}.
///
/// `gold` is text, a number, or a list of them, of which one is enough. For countdown
/// it is {"completion": "(5+7)*3", "numbers": [3, 5, 7], "target": 36}, and "operators"
/// if they are not +, - and *. An "id" comes back; "prompt" and "truncated" are what
/// training would tell the verifier; other keys are let be. The verdict is correct,
/// wrong, unparsed (no answer could be read), timeout or bad_gold (the reference
/// cannot be read).
#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true).args(["kind", "recipe"])))]
pub(crate) struct VerifyArgs {
    /// The lines; - for standard input
    #[arg(default_value = "-")]
    lines: PathBuf,
    /// The verifier
    #[arg(long, value_name = "NAME", value_parser = ["math", "countdown", "exact", "choice", "regex", "command"])]
    kind: Option<String>,
    /// Take the first verifier of a recipe's first task, as training has it
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "kind", "answer_format", "extract", "pattern", "choices", "workers", "timeout", "threshold", "command",
    ])]
    recipe: Option<PathBuf>,
    /// Override a key of the recipe (may be repeated)
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "recipe")]
    overrides: Vec<String>,
    /// Where the answer is in `gold`: hash, boxed, answer, last_number or whole [default: whole]
    #[arg(long, value_name = "NAME")]
    answer_format: Option<String>,
    /// Where a completion's answer is, likewise [default: last_number for math, whole for exact]
    #[arg(long, value_name = "NAME")]
    extract: Option<String>,
    /// What regex looks for
    #[arg(long, value_name = "REGEX", allow_hyphen_values = true)]
    pattern: Option<String>,
    /// Letters that choice knows, from A on [default: 26]
    #[arg(long, value_name = "N")]
    choices: Option<u32>,
    /// Processes of the command's program [default: 1]
    #[arg(long, value_name = "N")]
    workers: Option<u32>,
    /// Seconds that it may take for one line [default: 10]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// Least score that counts as correct [default: 1]
    #[arg(long, value_name = "SCORE")]
    threshold: Option<f64>,
    /// Print how many lines have each verdict, and not the verdicts
    #[arg(long)]
    summary: bool,
    /// Program and arguments of the command; comes last, as all behind it belongs to it
    #[arg(long, value_name = "WORD", num_args = 1.., allow_hyphen_values = true)]
    command: Option<Vec<String>>,
}

/// Runs the command.
pub(crate) fn run(args: &VerifyArgs, console: &Console) -> anyhow::Result<()> {
    let (task, seed) = task(args)?;
    let judge = LineJudge::new(&task, seed)?;
    // Whoever asks a program waits for it.
    let threads = rayon::current_num_threads().max(task.rewards[0].workers);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let (name, input): (String, Box<dyn Read>) = match args.lines == Path::new("-") {
        true => ("standard input".to_owned(), Box::new(io::stdin())),
        false => {
            let name = args.lines.display().to_string();
            let file = bourn_foreign::open_stream(&args.lines).with_context(|| name.clone())?;
            (name, Box::new(file))
        }
    };
    let mut input = BufReader::with_capacity(1 << 16, input);
    let mut counts = Counts::default();
    let mut stage = console.stage("judging", 0, "line");
    let mut number = 0;
    loop {
        // What was judged before a line at fault is not lost.
        let (block, fault) = read_block(&mut input, &mut number);
        if block.is_empty() && fault.is_none() {
            break;
        }
        let said: Vec<_> =
            pool.install(|| block.par_iter().map(|(_, line)| judge.judge(line)).collect());
        let mut text = String::new();
        let mut fault = fault.map(|error| anyhow!("{name}:{number}: {error}"));
        for ((number, _), said) in block.iter().zip(said) {
            match said {
                Ok(said) => {
                    counts.add(&said);
                    if !args.summary {
                        text += &serde_json::to_string(&said)?;
                        text.push('\n');
                    }
                }
                Err(LineError::Malformed(problem)) => {
                    fault = Some(anyhow!("{name}:{number}: {problem}"));
                    break;
                }
                Err(LineError::Judge(error)) => {
                    fault = Some(anyhow!("{name}:{number}: {error}"));
                    break;
                }
            }
        }
        if !text.is_empty() {
            console.suspend(|| print_json(text.trim_end()))?;
        }
        stage.inc(block.len() as u64);
        if let Some(fault) = fault {
            return Err(fault);
        }
    }
    drop(stage);
    if args.summary { print(&counts.table()) } else { Ok(()) }
}

/// The task whose verifier judges, and the seed of its run.
fn task(args: &VerifyArgs) -> anyhow::Result<(Task, u64)> {
    if let Some(path) = &args.recipe {
        let mut recipe = bourn_recipe::load(path, &args.overrides)?;
        return Ok((recipe.tasks.remove(0), recipe.seed));
    }
    let short = ShortVerifier {
        verifier: args.kind.clone().unwrap_or_default(),
        answer_format: args.answer_format.clone(),
        extract: args.extract.clone(),
        pattern: args.pattern.clone(),
        choices: args.choices,
        command: args.command.clone(),
        workers: args.workers,
        timeout: args.timeout,
        threshold: args.threshold,
    };
    let option = |error: RecipeError| {
        let key = error.key.rsplit([' ', '.']).next().unwrap_or_default().replace('_', "-");
        let option = if key == "verifier" { "kind" } else { &key };
        anyhow!("--{option}: {}", error.problem)
    };
    Ok((bourn_recipe::short_verifier(&short).map_err(option)?, 0))
}

/// Numbered lines, as far as they can be had without waiting, and what is wrong with the next.
type Block = (Vec<(u64, Vec<u8>)>, Option<io::Error>);

fn read_block(input: &mut BufReader<Box<dyn Read>>, number: &mut u64) -> Block {
    let (mut block, mut bytes) = (Vec::new(), 0);
    while block.is_empty()
        || block.len() < BLOCK.0 && bytes < BLOCK.1 && input.buffer().contains(&b'\n')
    {
        let mut line = Vec::new();
        *number += 1;
        match read_line(input, &mut line) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => return (block, Some(error)),
        }
        if *number == 1 && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        if !line.trim_ascii().is_empty() {
            bytes += line.len();
            block.push((*number, line));
        }
    }
    (block, None)
}

/// How many lines have each verdict.
#[derive(Default)]
struct Counts {
    lines: u64,
    of: [u64; Verdict::ALL.len()],
}

impl Counts {
    fn add(&mut self, said: &LineVerdict) {
        self.lines += 1;
        for (verdict, count) in Verdict::ALL.iter().zip(&mut self.of) {
            *count += u64::from(*verdict == said.verdict);
        }
    }

    fn table(&self) -> String {
        let mut text = String::new();
        for (verdict, count) in Verdict::ALL.iter().zip(&self.of) {
            let share = 100.0 * *count as f64 / self.lines.max(1) as f64;
            text += &format!("{:<9}{count:>12}  {share:5.1}%\n", verdict.name());
        }
        text + &format!("{:<9}{:>12}", "lines", self.lines)
    }
}
