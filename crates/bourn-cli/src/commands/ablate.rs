//! `bourn ablate SWEEP`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, bail};
use bourn_track::{Console, FailedRun, ablation_table, derived_table};
use bourn_train::ablate::{AblateOptions, Found, ablate, found};
use bourn_train::{Forecast, Preview, memory};

use super::{check_directory, print, print_json};
use crate::{interrupt, threads};

/// Train every variant of a sweep with every seed, and compare their boundaries on the same problems.
/// The same command goes on where it was stopped. See docs/ablations.md.
#[derive(clap::Args)]
pub(crate) struct AblateArgs {
    /// The sweep, a TOML file
    sweep: PathBuf,
    /// Where runs, tables and the report are written [default: runs/NAME-OF-THE-SWEEP]
    #[arg(long)]
    run_dir: Option<PathBuf>,
    /// Most runs at once, no more than one a core [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Memory that all runs at once are expected to stay below [default: four fifths of what is free]
    #[arg(long, value_name = "GIB", value_parser = gibibytes)]
    memory: Option<u64>,
    /// Print the runs and what each is expected to take, and train nothing
    #[arg(long, conflicts_with = "tables")]
    dry_run: bool,
    /// Train nothing; make tables and report of the runs that are done
    #[arg(long)]
    tables: bool,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &AblateArgs, console: &Console) -> anyhow::Result<()> {
    let sweep = bourn_recipe::load_sweep(&args.sweep)?;
    if args.dry_run {
        return dry_run(&sweep);
    }
    let directory = args.run_dir.clone().unwrap_or_else(|| PathBuf::from("runs").join(&sweep.name));
    check_directory(&directory)?;
    let options = AblateOptions {
        directory,
        cache_dir: bourn_train::base::default_cache_dir(),
        program: std::env::current_exe().context("cannot find the program that is running")?,
        jobs: args.jobs.map(|jobs| threads::bounded_jobs(jobs.into(), console)),
        memory: args.memory,
    };
    let failed = match args.tables {
        true => Vec::new(),
        false => ablate(&sweep, &options, console, interrupt::install(console)?)?,
    };
    let Found { sets, files, faults } = found(&sweep, &options, &failed)?;
    faults.iter().for_each(|fault| console.warn(fault));
    match args.json {
        true => print_json(&serde_json::to_string_pretty(&sets)?)?,
        false => {
            let files = files.iter().map(|path| ("written".to_owned(), path.display().to_string()));
            let tables: Vec<String> = sets.iter().map(ablation_table).collect();
            print(&format!(
                "{}\n{}",
                tables.join("\n"),
                derived_table(&files.collect::<Vec<_>>())
            ))?;
        }
    }
    match &failed[..] {
        [] => Ok(()),
        failed => {
            let line = |run: &FailedRun| {
                format!("{}, seed {}: {} ({})", run.variant, run.seed, run.problem, run.log)
            };
            let lines: Vec<String> = failed.iter().map(line).collect();
            bail!(
                "{} of the runs failed; the same command tries them again:\n{}",
                failed.len(),
                lines.join("\n")
            )
        }
    }
}

fn dry_run(sweep: &bourn_recipe::Sweep) -> anyhow::Result<()> {
    let (seeds, cache_dir) = (sweep.seeds.len(), bourn_train::base::default_cache_dir());
    let count = sweep.variants.len() * seeds;
    let mut rows = vec![(
        "runs".to_owned(),
        format!("{} variants x {seeds} seeds = {count}", sweep.variants.len()),
    )];
    let (mut times, mut bases) = (Vec::new(), BTreeSet::new());
    for variant in &sweep.variants {
        let recipe = &variant.recipes[0];
        bourn_train::check_probe(&recipe.probe)?;
        let changes: Vec<String> =
            variant.changes.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        let bytes = memory::preview(recipe)?
            .map(|parts| parts.iter().map(|(_, bytes)| bytes).sum::<u64>().div_ceil(1 << 20));
        let memory = bytes.map_or("memory not known".into(), |mib| format!("{mib} MiB"));
        let steps = recipe.train.max_steps;
        let changes = if changes.is_empty() { "as written".into() } else { changes.join(", ") };
        // The first run of a base makes it and draws from it, for all others.
        let Preview { forecast, further, .. } = bourn_train::preview(recipe, &cache_dir)?;
        let first = if bases.insert(recipe.base_key()) { forecast } else { further };
        times.push(first);
        times.extend(std::iter::repeat_n(further, seeds - 1));
        let time = further.map_or("time not known".into(), |time| format!("{time} each"));
        rows.push((variant.name.clone(), format!("{steps} steps, {memory}, {time}: {changes}")));
    }
    // Not by jobs: runs side by side share the cores that one alone has.
    let time = times.into_iter().sum::<Option<Forecast>>();
    let time = time.map_or("not known: the model is not on this machine".into(), |time| {
        format!("{time}, one run after the other")
    });
    rows.push(("time".into(), time));
    print(&derived_table(&rows))
}

/// A number of GiB as bytes.
fn gibibytes(text: &str) -> Result<u64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => {
            Ok((number * (1u64 << 30) as f64) as u64)
        }
        _ => Err("give a number of GiB above 0, such as 12 or 1.5".into()),
    }
}
