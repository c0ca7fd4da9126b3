//! `bourn doctor`.

use std::env;
use std::io::{IsTerminal, stderr, stdout};
use std::path::Path;

use anyhow::bail;
use bourn_recipe::Device;
use bourn_track::Console;
use bourn_train::base::default_cache_dir;
use bourn_train::doctor::{self, Finding, State};
use serde_json::json;

use super::print;
use crate::{help, threads};

/// Column at which what was found begins.
const INDENT: usize = 17;

/// What this machine gives bourn, and what is wrong with it. Nothing is changed.
#[derive(clap::Args)]
pub(crate) struct DoctorArgs {
    /// Also ask the model hub whether it answers
    #[arg(long)]
    network: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &DoctorArgs, console: &Console) -> anyhow::Result<()> {
    let mut findings = vec![
        version(),
        doctor::processor(),
        doctor::threads(rayon::current_num_threads(), threads::refused()),
        doctor::memory(),
    ];
    findings.extend(doctor::devices());
    findings.extend(doctor::cache(&default_cache_dir()));
    findings.push(doctor::runs(Path::new("runs")));
    findings.extend(doctor::hub(args.network));
    findings.push(terminal(console));

    let wrong = findings.iter().filter(|finding| finding.state == State::Wrong).count();
    match args.json {
        true => print(&serde_json::to_string_pretty(
            &json!({ "version": env!("CARGO_PKG_VERSION"), "wrong": wrong, "findings": findings }),
        )?)?,
        false => print(&findings.iter().map(shown).collect::<String>())?,
    }
    match wrong {
        0 => Ok(()),
        1 => bail!("one thing is wrong"),
        _ => bail!("{wrong} things are wrong"),
    }
}

fn version() -> Finding {
    let built = |device: &Device| bourn_model::built_for(*device);
    let mut features: Vec<&str> = Device::all().filter(built).map(Device::feature).collect();
    features.dedup();
    let says = format!("bourn {}, built for {}", env!("CARGO_PKG_VERSION"), features.join(", "));
    match cfg!(debug_assertions) {
        false => Finding::ok("version", says),
        true => Finding::note(
            "version",
            format!("{says}, without optimisation: many times slower"),
            "build with `--release`",
        ),
    }
}

/// How progress and tables are shown.
fn terminal(console: &Console) -> Finding {
    let why = [
        (!stderr().is_terminal(), "standard error is no terminal"),
        (env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()), "NO_COLOR is set"),
        (env::var_os("TERM").is_some_and(|term| term == "dumb"), "TERM is dumb"),
    ];
    let why = why.into_iter().find_map(|(is, why)| is.then_some(why));
    let looks = match why {
        None if console.colour() => "bars and colour".to_owned(),
        None => "plain lines".to_owned(),
        Some(why) => format!("plain lines, because {why}"),
    };
    let wide = terminal_size::terminal_size_of(stdout())
        .or(terminal_size::terminal_size_of(stderr()))
        .map(|(width, _)| usize::from(width.0));
    match wide {
        Some(wide) if wide < help::WIDTH => {
            let says = format!("{looks}; {wide} columns");
            Finding::note("terminal", says, format!("tables want {} columns", help::WIDTH))
        }
        Some(wide) => Finding::ok("terminal", format!("{looks}; {wide} columns")),
        None => Finding::ok("terminal", looks),
    }
}

/// A finding as lines of a terminal.
fn shown(finding: &Finding) -> String {
    let state = match finding.state {
        State::Ok => "ok",
        State::Note => "note",
        State::Wrong => "wrong",
    };
    let mut text = wrapped(&format!("{state:6}{:11}", finding.what), &finding.says);
    if let Some(remedy) = &finding.remedy {
        text += &wrapped(&format!("{:INDENT$}", ""), &format!("to do: {remedy}"));
    }
    text
}

/// `words` behind `head`, and below their beginning where the line is full. A word that is longer than
/// a line, such as a path, stays whole.
fn wrapped(head: &str, words: &str) -> String {
    let (mut text, mut column) = (head.to_owned(), INDENT);
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if column > INDENT && column + 1 + length > help::WIDTH {
            text += &format!("\n{:INDENT$}", "");
            column = INDENT;
        }
        if column > INDENT {
            text.push(' ');
            column += 1;
        }
        text += word;
        column += length;
    }
    text + "\n"
}
