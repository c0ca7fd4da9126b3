//! `bourn probe`.

use std::path::{Path, PathBuf};

use bourn_recipe::{ProbeRecipe, ShortTask};
use bourn_track::Console;
use bourn_train::{ProbeModels, ProbeOptions, Probing, probe_of_run};

use super::{check_directory, figures, open_model, print, print_json};
use crate::interrupt;

/// The boundary of any two models, without training: pass@k, and the problems that
/// are never solved again or newly solved. Draws are kept, so that a second probe draws only what the first did not.
#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("subject").required(true).args(["run", "base"])))]
pub(crate) struct ProbeArgs {
    /// The base: a Hugging Face directory, a hub id, a GGUF file or a run's checkpoint
    #[arg(long, value_name = "MODEL", requires = "policy")]
    base: Option<String>,
    /// The policy, likewise
    #[arg(long, value_name = "MODEL", requires = "base")]
    policy: Option<String>,
    /// A recipe for its tasks, rewards and [probe]; or `countdown`; or a data set: a file (JSON lines, CSV,
    /// Parquet), a directory, a hub id. With --benchmark, the benchmark's file
    #[arg(long, value_name = "TASK", requires = "base")]
    task: Option<String>,
    /// A benchmark: gsm8k, math500, aime24, aime25, amc23, minerva or olympiadbench; from the hub, unless
    /// --task names its file
    #[arg(long, value_name = "NAME", requires = "base")]
    benchmark: Option<String>,
    /// A run: its last checkpoint against its base, as its recipe says
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// The run's checkpoint at this step
    #[arg(long, value_name = "STEP", requires = "run", conflicts_with = "base")]
    checkpoint: Option<u64>,
    /// Column of a file that holds the problem's text [default: question]
    #[arg(long, value_name = "NAME", requires = "task")]
    prompt_column: Option<String>,
    /// Column of a file that holds the reference answer [default: answer]
    #[arg(long, value_name = "NAME", requires = "task")]
    answer_column: Option<String>,
    /// Verifier of a file's problems: math or exact [default: math]
    #[arg(long, value_name = "NAME", requires = "task")]
    verifier: Option<String>,
    /// Where a completion's answer is: hash, boxed, last_number or whole [default: the verifier's]
    #[arg(long, value_name = "NAME", requires = "task")]
    extract: Option<String>,
    /// Override a key of the recipe: --set probe.n_max=1024 (may be repeated)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Write figures, draws and the resolved recipe here; `bourn report` reads it
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print the figures as JSON, one object a line for each sampler
    #[arg(long)]
    json: bool,
    /// Print every figure, not the lines that matter
    #[arg(long, conflicts_with = "json")]
    full: bool,
}

/// Runs the command.
pub(crate) fn run(args: &ProbeArgs, console: &Console) -> anyhow::Result<()> {
    args.output.as_deref().map_or(Ok(()), check_directory)?;
    let stop = interrupt::install(console)?;
    let options = ProbeOptions {
        output: args.output.clone(),
        cache_dir: bourn_train::base::default_cache_dir(),
    };
    let (probing, models) =
        match (&args.run, &args.base, &args.policy, args.task.as_ref().or(args.benchmark.as_ref()))
        {
            (Some(run), ..) => {
                probe_of_run(run, args.checkpoint, &args.overrides, options, console, stop)?
            }
            (None, Some(base), Some(policy), Some(_)) => {
                let probing = Probing::new(recipe(args, base)?, options)?;
                let (base, policy) = (open_model(base)?, open_model(policy)?);
                (probing, ProbeModels { base, policy, step: 0 })
            }
            _ => anyhow::bail!("give --base, --policy and --task or --benchmark; or --run"),
        };
    let results = probing.run(&models, console, stop)?;
    if args.json {
        for result in &results {
            print_json(&serde_json::to_string(&result.boundary)?)?;
        }
        return Ok(());
    }
    let (boundaries, examples): (Vec<_>, Vec<_>) =
        results.into_iter().map(|result| (result.boundary, result.examples)).unzip();
    print(figures(&boundaries, &examples, args.full).trim_end())
}

/// The recipe that probes `base` on the task that is asked for.
fn recipe(args: &ProbeArgs, base: &str) -> anyhow::Result<ProbeRecipe> {
    let task = args.task.as_deref().unwrap_or_default();
    let short = ShortTask {
        source: task.to_owned(),
        benchmark: args.benchmark.clone(),
        prompt_column: args.prompt_column.clone(),
        answer_column: args.answer_column.clone(),
        verifier: args.verifier.clone(),
        extract: args.extract.clone(),
    };
    if args.benchmark.is_some() || Path::new(task).extension().is_none_or(|end| end != "toml") {
        return Ok(bourn_recipe::short(&short, base, &args.overrides)?);
    }
    let of_files = [&short.prompt_column, &short.answer_column, &short.verifier, &short.extract];
    if of_files.iter().any(|option| option.is_some()) {
        anyhow::bail!(
            "{task} is a recipe, which says itself what --prompt-column, --answer-column, \
             --verifier and --extract say of a file; use --set task.0.prompt_column=… and the like"
        );
    }
    Ok(ProbeRecipe::load(Path::new(task), base, &args.overrides)?)
}
