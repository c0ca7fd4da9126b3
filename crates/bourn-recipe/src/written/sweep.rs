//! The sweep as its user writes it, less its free tables `set` and `grid`: their keys are the
//! recipe's, and are checked as such.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A sweep: one recipe, what changes from run to run, and the seeds.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "bourn sweep")]
pub(crate) struct SweepWritten {
    /// The recipe that every run changes, relative to this file.
    pub recipe: String,
    /// Name of the sweep and of its default directory.
    #[schemars(extend("x-default" = "the file's stem"))]
    pub name: Option<String>,
    /// Seeds; every variant is trained once with each.
    #[serde(default = "seeds")]
    #[schemars(length(min = 1, max = 64))]
    pub seeds: Vec<u64>,
    /// The k of the table's pass@k; those beyond a probe's draws become its largest.
    #[serde(default = "draws")]
    #[schemars(length(min = 1, max = 8))]
    pub k: Vec<u64>,
    /// The variant that the others are compared with.
    #[schemars(extend("x-default" = "the first"))]
    pub reference: Option<String>,
    /// A list of variants; with a `[grid]`, each is combined with every point of it.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub variant: Vec<VariantWritten>,
}

/// One variant of a sweep.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariantWritten {
    /// What tables call it.
    pub name: String,
}

fn seeds() -> Vec<u64> {
    vec![1, 2, 3]
}

fn draws() -> Vec<u64> {
    vec![1, 256]
}
