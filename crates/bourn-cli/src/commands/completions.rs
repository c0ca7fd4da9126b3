//! `bourn completions SHELL`.

use clap::CommandFactory;
use clap_complete::aot::{Shell, generate};

use super::print;
use crate::Cli;

/// Print the completions of a shell
#[derive(clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Runs the command.
pub(crate) fn run(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "bourn", &mut script);
    print(&String::from_utf8(script)?)
}
