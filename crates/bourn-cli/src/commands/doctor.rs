//! `bourn doctor`.

use std::env;
use std::io::{IsTerminal, stderr, stdout};
use std::path::Path;

use anyhow::bail;
use bourn_recipe::Device;
use bourn_track::{Console, facts};
use bourn_train::base::default_cache_dir;
use bourn_train::doctor::{self, Finding, State};
use serde_json::json;

use super::{print, print_json};
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
        true => print_json(&serde_json::to_string_pretty(
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
    let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    let looks = match (stderr().is_terminal(), dumb) {
        (false, _) => "plain lines, because standard error is no terminal",
        (true, true) => "plain lines, because TERM is dumb",
        (true, false) if console.colour() => "bars and colour",
        (true, false) => "bars without colour, because NO_COLOR is set",
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
    let remedy = finding.remedy.iter().map(|remedy| (String::new(), format!("to do: {remedy}")));
    let rows = [(format!("{state:6}{}", finding.what), finding.says.clone())];
    facts(&rows.into_iter().chain(remedy).collect::<Vec<_>>(), INDENT) + "\n"
}
