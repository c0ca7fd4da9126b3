//! The typed recipe: TOML as written, checked, with defaults, errors and a schema.
//!
//! **This room knows nothing of Burn, of models or of training**, and does no I/O beyond reading
//! the recipe's own file (and the files it extends).
//!
//! What the user wrote (`written`) and what was checked ([`Recipe`]) are two types where a default
//! depends on other keys, and one where it does not. The written types are the one definition of the
//! keys: the JSON schema is derived from them, every file is held against that schema by a tree that
//! remembers where each key stands (`tree`, `conform`), and only what needs several keys at once is
//! checked by hand (`check`). Choices of arithmetic are `bourn-algo`'s own.
//!
//! ```
//! use std::path::Path;
//!
//! let text = r#"
//!     [model]
//!     path = "Qwen/Qwen2.5-0.5B"
//!     [[task]]
//!     kind = "countdown"
//!     [algorithm]
//!     name = "dapo"
//! "#;
//! let recipe = bourn_recipe::parse(text, Path::new("mine.toml"), &["train.max_steps=7".into()])?;
//! assert_eq!((recipe.name.as_str(), recipe.train.max_steps), ("mine", 7));
//! // The algorithm's name has chosen its settings; from here on nobody reads the name.
//! assert!(recipe.algorithm.epsilon_high > recipe.algorithm.epsilon);
//! // What it resolves to is a recipe, and the same one.
//! assert_eq!(bourn_recipe::parse(&recipe.to_toml(), Path::new("mine.toml"), &[])?, recipe);
//!
//! let typing_error = format!("{text}[train]\nmax_stpes = 7\n");
//! let error = bourn_recipe::parse(&typing_error, Path::new("mine.toml"), &[]).unwrap_err();
//! let error = error.to_string();
//! assert!(error.starts_with("mine.toml:9:1") && error.contains("max_steps"), "{error}");
//! # Ok::<(), bourn_recipe::RecipeError>(())
//! ```

mod algorithm;
mod algorithms;
mod base;
mod benchmarks;
mod check;
mod conform;
mod data_formats;
mod derived;
mod device;
mod emit;
mod environments;
mod error;
mod implicit;
mod names;
mod nearest;
mod pattern;
mod probing;
mod recipe;
mod reference;
mod schema;
mod short;
mod source;
mod stages;
mod starter;
mod sweep;
mod training;
mod tree;
mod verifiers;
mod written;

use std::path::Path;

pub use algorithm::*;
pub use algorithms::AlgorithmName;
pub use benchmarks::{Benchmark, BenchmarkFacts};
pub use data_formats::DataFormat;
pub use error::{Place, RecipeError};
pub use nearest::nearest;
pub use pattern::pattern;
pub use recipe::*;
pub use reference::reference_markdown;
pub use schema::json_schema;
pub use short::{ShortTask, ShortVerifier, short, short_verifier};
pub use stages::{Measured, ProbeRecipe};
pub use starter::{QUICKSTART, Starter, StarterData, StarterModel};
pub use sweep::{Sweep, Variant, load_sweep};
pub use verifiers::{Facts, Reads};

/// Reads a recipe's file, follows `extends`, applies the overrides (`a.b=c`, in order) and checks
/// the result.
///
/// # Errors
/// The first thing that is wrong, with its file, line, column and key, and what to do about it.
pub fn load(path: &Path, overrides: &[String]) -> Result<Recipe, RecipeError> {
    parse(&source::read(path)?, path, overrides)
}

/// [`load`] for a text that is already here; `file` names it in errors and gives the directory that
/// `extends` is relative to.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, file: &Path, overrides: &[String]) -> Result<Recipe, RecipeError> {
    let mut sources = tree::Sources::default();
    let tree = source::resolve(&mut sources, text, file, overrides)?;
    let schema = json_schema();
    conform::conform(&sources, &schema, &tree)?;
    check::check(&sources, &schema, &tree, file)
}
