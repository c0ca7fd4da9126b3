//! `bourn man DIR`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::{check_directory, print, write_file};
use crate::Cli;

/// Write a manual page for each command
#[derive(clap::Args)]
pub(crate) struct ManArgs {
    /// Directory to write them in; it is made if it is not there, earlier pages are replaced
    dir: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: &ManArgs) -> anyhow::Result<()> {
    let shown = args.dir.display();
    if args.dir.exists() && !args.dir.is_dir() {
        bail!("{shown} is a file; name the directory that the pages are to be in");
    }
    check_directory(&args.dir)?;
    // All are made before the first is written.
    let mut pages = Vec::new();
    let mut bourn = Cli::command().disable_help_subcommand(true);
    bourn.build();
    collect(&bourn, &mut pages)?;
    fs::create_dir_all(&args.dir).with_context(|| format!("{shown}: creating the directory"))?;
    for (name, page) in &pages {
        write_file(&args.dir.join(name), page, true)?;
    }
    print(&format!("{} pages in {shown}; read one with `man -l {shown}/bourn.1`", pages.len()))
}

/// The pages of `command` and of all below it, with their files' names.
fn collect(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> anyhow::Result<()> {
    let page = Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text)?;
    pages.push((page.get_filename(), text));
    command.get_subcommands().try_for_each(|below| collect(below, pages))
}
