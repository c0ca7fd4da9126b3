//! `bourn recipe check|show|schema|reference`.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Subcommand;

use super::{chain, print, print_json, print_text};

/// Check, show or document recipes.
#[derive(clap::Args)]
pub(crate) struct RecipeArgs {
    #[command(subcommand)]
    command: RecipeCommand,
}

#[derive(Subcommand)]
enum RecipeCommand {
    /// Check recipes; nothing is printed but errors and one line for each
    Check {
        /// The recipes
        #[arg(required = true)]
        recipes: Vec<PathBuf>,
        /// Override a key (may be repeated)
        #[arg(long = "set", value_name = "KEY=VALUE")]
        overrides: Vec<String>,
    },
    /// Print the resolved recipe: everything that was left out, filled in
    Show {
        /// The recipe
        recipe: PathBuf,
        /// Override a key (may be repeated)
        #[arg(long = "set", value_name = "KEY=VALUE")]
        overrides: Vec<String>,
    },
    /// Print the JSON schema of recipes
    Schema,
    /// Print the reference page: every key with its type, default and meaning
    Reference,
}

fn check(path: &Path, overrides: &[String]) -> anyhow::Result<()> {
    Ok(bourn_train::check_probe(&bourn_recipe::load(path, overrides)?.probe)?)
}

/// Runs the command.
pub(crate) fn run(args: &RecipeArgs) -> anyhow::Result<()> {
    match &args.command {
        RecipeCommand::Check { recipes, overrides } => {
            let mut faults = Vec::new();
            for path in recipes {
                match check(path, overrides) {
                    Ok(()) => print(&format!("{}: ok", path.display()))?,
                    Err(error) => faults.push(chain(&error)),
                }
            }
            match faults.is_empty() {
                true => Ok(()),
                false => bail!(faults.join("\nerror: ")),
            }
        }
        RecipeCommand::Show { recipe, overrides } => {
            print_text(&bourn_recipe::load(recipe, overrides)?.to_toml())
        }
        RecipeCommand::Schema => {
            print_json(&serde_json::to_string_pretty(&bourn_recipe::json_schema())?)
        }
        RecipeCommand::Reference => print(&bourn_recipe::reference_markdown()),
    }
}
