//! `bourn recipe check|show|schema|reference`.

use std::path::PathBuf;

use clap::Subcommand;

use super::print;

/// Check, show or document recipes.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
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

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    match &args.command {
        Command::Check { recipes, overrides } => {
            for path in recipes {
                bourn_train::check_probe(&bourn_recipe::load(path, overrides)?)?;
                print(&format!("{}: ok", path.display()))?;
            }
            Ok(())
        }
        Command::Show { recipe, overrides } => {
            print(&bourn_recipe::load(recipe, overrides)?.to_toml())
        }
        Command::Schema => print(&serde_json::to_string_pretty(&bourn_recipe::json_schema())?),
        Command::Reference => print(&bourn_recipe::reference_markdown()),
    }
}
