//! `bourn compare BASE.jsonl POLICY.jsonl`.

use std::path::PathBuf;

use bourn_probe::{CompareOptions, compare, read_outcomes};

use super::{figures, print, print_json};

/// Compare the outcomes of two models, from anywhere. See docs/formats.md.
#[derive(clap::Args)]
pub(crate) struct CompareArgs {
    /// Outcomes of the base: one JSON object a line
    base: PathBuf,
    /// Outcomes of the policy, for the same problems
    policy: PathBuf,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Print every figure, not the lines that matter
    #[arg(long, conflicts_with = "json")]
    full: bool,
    /// Confidence of the intervals
    #[arg(long, default_value_t = 0.95)]
    confidence: f64,
    /// Bootstrap resamples over problems
    #[arg(long, default_value_t = 2000)]
    resamples: usize,
    /// Seed of the resampling
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Which look at these problems this is: the any-time interval holds at all of them at once
    #[arg(long, default_value_t = 1)]
    look: u64,
    /// Success rate that counts as solvable [default: what n_max draws miss with 5% probability]
    #[arg(long)]
    epsilon: Option<f64>,
}

/// Runs the command.
pub(crate) fn run(args: &CompareArgs) -> anyhow::Result<()> {
    let base = read_outcomes(&args.base)?;
    let policy = read_outcomes(&args.policy)?;
    let options = CompareOptions {
        confidence: args.confidence,
        resamples: args.resamples,
        seed: args.seed,
        look: args.look,
        epsilon: args.epsilon,
    };
    let boundary = compare(&base, &policy, &options)?;
    if args.json {
        print_json(&serde_json::to_string_pretty(&boundary)?)
    } else {
        print(figures(&[boundary], &[], args.full).trim_end())
    }
}
