//! The ground-truth bench: do the boundary's intervals hold what they should, what do they find, and
//! what do the draws cost? Synthetic populations, whose truth is known, go through the same
//! `compare` as a real run's outcomes. Prints a Markdown report:
//!
//!     cargo run --release -p bourn-probe --example ground_truth [OUTCOMES.jsonl]
//!
//! OUTCOMES.jsonl, if given, holds a real model's draws (`{"problem": "id", "draws": [0, 1, …]}`,
//! as `bourn compare` reads them, in draw order, as many for every problem); the cost section then
//! stops these early too.

mod cost;
mod coverage;
mod estimators;
mod population;
mod power;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("# Ground-truth bench\n");
    coverage::report()?;
    estimators::report()?;
    power::report()?;
    cost::report()?;
    if let Some(path) = std::env::args_os().nth(1) {
        cost::report_file(path.as_ref())?;
    }
    Ok(())
}
