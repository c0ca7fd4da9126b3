//! `bourn train RECIPE`.

use std::path::{Path, PathBuf};

use bourn_recipe::Recipe;
use bourn_report::{read_cost, time_words};
use bourn_track::{Console, count_rows, derived_table, detectable_rows, facts};
use bourn_train::memory::mebibytes;
use bourn_train::{Outcome, RunOptions};

use super::{check_directory, figures, print};
use crate::interrupt;

/// Train the policy of a recipe and probe its boundary.
#[derive(clap::Args)]
pub(crate) struct TrainArgs {
    /// The recipe, a TOML file
    recipe: PathBuf,
    /// Override a key of the recipe: --set train.max_steps=10 (may be repeated)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Where the run is written [default: runs/NAME-OF-THE-RECIPE]
    #[arg(long)]
    run_dir: Option<PathBuf>,
    /// Continue the run that is in the run directory
    #[arg(long)]
    resume: bool,
    /// Stop after this many steps in all; the schedules stay those of the recipe
    #[arg(long, value_name = "N")]
    max_steps: Option<u64>,
    /// Print the resolved recipe and what follows from it, and train nothing
    #[arg(long)]
    dry_run: bool,
    /// End with every figure of the last probe, not the twenty lines that matter
    #[arg(long)]
    full: bool,
}

/// Runs the command.
pub(crate) fn run(args: &TrainArgs, console: &Console) -> anyhow::Result<()> {
    let recipe = bourn_recipe::load(&args.recipe, &args.overrides)?;
    let run_dir = args.run_dir.clone().unwrap_or_else(|| PathBuf::from("runs").join(&recipe.name));
    if args.dry_run {
        bourn_train::check_probe(&recipe.probe)?;
        return dry_run(&recipe, console);
    }
    check_directory(&run_dir)?;
    let stop = interrupt::install(console)?;
    let options = RunOptions {
        run_dir,
        resume: args.resume,
        max_steps: args.max_steps,
        cache_dir: bourn_train::base::default_cache_dir(),
    };
    let outcome = bourn_train::train(&recipe, &options, console, stop)?;
    print(&ending(&options.run_dir, &outcome, args.full)?)
}

fn dry_run(recipe: &Recipe, console: &Console) -> anyhow::Result<()> {
    let preview = bourn_train::preview(recipe, &bourn_train::base::default_cache_dir())?;
    preview.warnings.iter().for_each(|warning| console.warn(warning));
    let mut rows = count_rows(recipe.derived());
    let [train, held_out] = preview.problems;
    rows.push(("problems to train on".into(), train.to_string()));
    rows.push(("problems held out".into(), held_out.to_string()));
    if recipe.probe.interval > 0 {
        rows.extend(detectable_rows(&bourn_train::detectable_before(
            &recipe.probe,
            held_out,
            None,
        )));
    }
    match bourn_train::memory::preview(recipe)? {
        Some(parts) => {
            let total: u64 = parts.iter().map(|(_, bytes)| bytes).sum();
            rows.extend(parts.into_iter().map(|(part, bytes)| (part, mebibytes(bytes))));
            rows.push(("memory, at most about".into(), mebibytes(total)));
        }
        None => rows.push(("memory".into(), "not known: the model is not on this machine".into())),
    }
    let time = preview
        .forecast
        .map_or("not known: the model is not on this machine".into(), |f| f.to_string());
    rows.push(("time".into(), time));
    print(&format!("{}\n{}", recipe.to_toml(), derived_table(&rows)))
}

/// What the last probe found, where the time went, and where to look further.
fn ending(run_dir: &Path, outcome: &Outcome, full: bool) -> anyhow::Result<String> {
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
    if let Some(cost) = read_cost(&run_dir.join("timing.jsonl"))? {
        row("time", time_words(&cost));
    }
    row("report", format!("bourn report {}", run_dir.display()));
    if let Some(dir) = &outcome.tensorboard {
        row("curves", format!("tensorboard --logdir {}", dir.display()));
    }
    row("checkpoint", outcome.checkpoint.display().to_string());
    let figures = figures(&outcome.boundaries, &outcome.examples, full);
    // Apart from what was said before.
    let figures =
        if figures.is_empty() { figures } else { format!("\n{}\n\n", figures.trim_end()) };
    Ok(figures + &facts(&rows, 0))
}
