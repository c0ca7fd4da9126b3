//! The `bourn` command line: parse, call, print. Results go to standard output, everything else
//! to standard error; the exit code is 0 only if the work was done.

mod allocator;
mod commands;
mod interrupt;
mod threads;

use std::process::ExitCode;

use bourn_track::{Console, ConsoleMode};
use clap::{Parser, Subcommand};

/// Train language-model policies with verifiable rewards, and see what it does to the boundary.
#[derive(Parser)]
#[command(name = "bourn", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train the policy of a recipe and probe its boundary
    Train(commands::train::TrainArgs),
    /// Probe the boundary of any two models, or of a run's checkpoint
    Probe(commands::probe::ProbeArgs),
    /// Compare the outcomes of two models, from anywhere
    Compare(commands::compare::CompareArgs),
    /// Train the variants of a sweep and compare their boundaries
    Ablate(commands::ablate::AblateArgs),
    /// One HTML file that shows what runs did to the boundary
    Report(commands::report::ReportArgs),
    /// Log-probs of given completions, JSON lines in and out
    Score(commands::score::ScoreArgs),
    /// Completions of a prompt
    Sample(commands::sample::SampleArgs),
    /// Look after the draws of frozen bases that are kept for all runs
    Ledger(commands::ledger::LedgerArgs),
    /// Check, show or document recipes
    Recipe(commands::recipe::RecipeArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let console = Console::new(ConsoleMode::Auto);
    tracing_subscriber::fmt()
        .with_writer(console.make_writer())
        .with_ansi(console.colour())
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("BOURN_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,tiny_skia=error")),
        )
        .without_time()
        .init();
    if matches!(cli.command, Command::Train(_)) {
        allocator::keep_memory();
    }
    // Once this process is the one that stays.
    threads::bound(&console);
    let done = match cli.command {
        Command::Train(args) => commands::train::run(&args, &console),
        Command::Probe(args) => commands::probe::run(&args, &console),
        Command::Compare(args) => commands::compare::run(&args),
        Command::Ablate(args) => commands::ablate::run(&args, &console),
        Command::Report(args) => commands::report::run(&args),
        Command::Score(args) => commands::score::run(&args, &console),
        Command::Sample(args) => commands::sample::run(&args, &console),
        Command::Ledger(args) => commands::ledger::run(&args, &console),
        Command::Recipe(args) => commands::recipe::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of our output has seen enough.
        Err(error) if commands::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            console.line(format!("error: {}", commands::chain(&error)));
            ExitCode::FAILURE
        }
    }
}
