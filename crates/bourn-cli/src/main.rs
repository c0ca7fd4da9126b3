//! The `bourn` command line: parse, call, print. Results go to standard output, everything else
//! to standard error; the exit code is 0 only if the work was done, and 130 where it was stopped.

mod allocator;
mod commands;
mod help;
mod interrupt;
mod threads;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{ErrorKind, Write};
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use bourn_track::{Console, ConsoleMode};
use clap::{Parser, Subcommand};

/// Longest message of an error, in bytes: more than all the faults that are listed of a recipe take.
const LONGEST_MESSAGE: usize = 32 << 10;

/// Train language models with verifiable rewards, and see what it does to them
#[derive(Parser)]
#[command(
    name = "bourn",
    version,
    long_about = help::ABOUT,
    help_template = help::TEMPLATE,
    after_help = help::AFTER,
    max_term_width = help::WIDTH,
    arg_required_else_help = true
)]
struct Cli {
    /// Say more of what is done: memory, draws, what probes can show
    #[arg(short, long, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a recipe with comments: the quickstart, or one for your model and data
    #[command(after_help = help::INIT)]
    Init(commands::init::InitArgs),
    /// Train the policy of a recipe and probe its boundary
    #[command(after_help = help::TRAIN)]
    Train(commands::train::TrainArgs),
    /// One HTML file that shows what runs did to the boundary
    #[command(after_help = help::REPORT)]
    Report(commands::report::ReportArgs),
    /// Probe the boundary of any two models, or of a run's checkpoint
    #[command(after_help = help::PROBE)]
    Probe(commands::probe::ProbeArgs),
    /// Compare the outcomes of two models, from anywhere
    #[command(after_help = help::COMPARE)]
    Compare(commands::compare::CompareArgs),
    /// Train the variants of a sweep and compare their boundaries
    #[command(after_help = help::ABLATE)]
    Ablate(commands::ablate::AblateArgs),
    /// Completions of a prompt
    #[command(after_help = help::SAMPLE)]
    Sample(commands::sample::SampleArgs),
    /// Log-probs of given completions, JSON lines in and out
    #[command(after_help = help::SCORE)]
    Score(commands::score::ScoreArgs),
    /// Verdicts on given completions, JSON lines in and out
    #[command(after_help = help::VERIFY)]
    Verify(commands::verify::VerifyArgs),
    /// Check, show or document recipes
    #[command(after_help = help::RECIPE)]
    Recipe(commands::recipe::RecipeArgs),
    /// Look at data before training on them: answers, repeats, what the probe shares
    #[command(after_help = help::DATA)]
    Data(commands::data::DataArgs),
    /// Look after the draws of frozen bases that are kept for all runs
    #[command(after_help = help::LEDGER)]
    Ledger(commands::ledger::LedgerArgs),
    /// What this machine gives bourn, and what is wrong with it
    #[command(after_help = help::DOCTOR)]
    Doctor(commands::doctor::DoctorArgs),
    /// Print the completions of a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions(commands::completions::CompletionsArgs),
    /// Write a manual page for each command
    #[command(after_help = help::MAN)]
    Man(commands::man::ManArgs),
}

fn main() -> ExitCode {
    // A model's template is a program of a stranger's.
    if let Some(code) = bourn_model::render_templates_apart() {
        return code;
    }
    std::panic::set_hook(Box::new(tell_of_a_panic));
    let console = Console::new(ConsoleMode::Auto);
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return answered(&said, &console),
    };
    let console = console.verbose(cli.verbose);
    tracing_subscriber::fmt()
        .with_writer(console.make_writer())
        .with_ansi(false)
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
        Command::Init(args) => commands::init::run(args, &console),
        Command::Train(args) => commands::train::run(&args, &console),
        Command::Report(args) => commands::report::run(&args, &console),
        Command::Probe(args) => commands::probe::run(&args, &console),
        Command::Compare(args) => commands::compare::run(&args),
        Command::Ablate(args) => commands::ablate::run(&args, &console),
        Command::Sample(args) => commands::sample::run(&args, &console),
        Command::Score(args) => commands::score::run(&args, &console),
        Command::Data(args) => commands::data::run(&args),
        Command::Verify(args) => commands::verify::run(&args, &console),
        Command::Recipe(args) => commands::recipe::run(&args),
        Command::Ledger(args) => commands::ledger::run(&args, &console),
        Command::Doctor(args) => commands::doctor::run(&args, &console),
        Command::Completions(args) => commands::completions::run(&args),
        Command::Man(args) => commands::man::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of our output has seen enough.
        Err(error) if commands::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            console.line(format!("error: {}", shortened(commands::chain(&error))));
            interrupt::exit_code(&error).map_or(ExitCode::FAILURE, ExitCode::from)
        }
    }
}

/// A message without the middle of what is too long to be read: some parsers quote all that they were given.
fn shortened(text: String) -> String {
    if text.len() <= LONGEST_MESSAGE {
        return text;
    }
    let (beginning, end) = (LONGEST_MESSAGE / 2, text.len() - LONGEST_MESSAGE / 2);
    let (beginning, end) = (text.floor_char_boundary(beginning), text.ceil_char_boundary(end));
    format!("{} … {}", &text[..beginning], &text[end..])
}

/// A mistake of bourn's own. What it says may hold text from elsewhere as well; the console may be what
/// has failed.
fn tell_of_a_panic(panic: &PanicHookInfo<'_>) {
    let mut said = format!("error: bourn itself is wrong here, and not its input: {panic}\n");
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        said += &format!("{trace}\n");
    }
    let _ = std::io::stderr().write_all(bourn_foreign::visible(&said).as_bytes());
}

/// What the command line itself is answered with: help, the version, or what is wrong with it.
fn answered(said: &clap::Error, console: &Console) -> ExitCode {
    let unseen =
        std::env::args_os().any(|arg| arg.to_string_lossy().chars().any(bourn_foreign::is_unseen));
    if said.use_stderr() && unseen {
        // It repeats what was typed, or what a pattern of file names became.
        console.line(said.to_string().trim_end());
    } else if let Err(error) = said.print()
        && error.kind() != ErrorKind::BrokenPipe
        && !said.use_stderr()
    {
        console.line(format!("error: writing to standard output: {error}"));
        return ExitCode::FAILURE;
    }
    u8::try_from(said.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}
