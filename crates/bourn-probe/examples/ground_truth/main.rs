//! The ground-truth bench: do the boundary's intervals hold what they should, what do they find, and
//! what do the draws cost? Synthetic populations, whose truth is known, go through the same
//! inference as a real run's outcomes. Prints a Markdown report:
//!
//!     cargo run --release -p bourn-probe --example ground_truth [SECTION or OUTCOMES.jsonl]…
//!
//! The sections are coverage, estimators, power, words, chance, cost and batch; all of them if none is named.
//! OUTCOMES.jsonl holds a real model's draws (`{"problem": "id", "draws": [0, 1, …]}`, as
//! `bourn compare` reads them, in draw order, as many for every problem), which are stopped early
//! like the synthetic ones.

mod batch;
mod chance;
mod cost;
mod coverage;
mod estimators;
mod population;
mod power;
mod words;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const SECTIONS: [&str; 7] =
        ["coverage", "estimators", "power", "words", "chance", "cost", "batch"];
    let mut wanted: Vec<String> = std::env::args().skip(1).collect();
    if wanted.is_empty() {
        wanted = SECTIONS.map(str::to_owned).to_vec();
    }
    println!("# Ground-truth bench\n");
    for section in wanted {
        match section.as_str() {
            "coverage" => coverage::report()?,
            "estimators" => estimators::report(),
            "power" => power::report()?,
            "words" => words::report()?,
            "chance" => chance::report()?,
            "cost" => cost::report()?,
            "batch" => cost::report_batch()?,
            path => cost::report_file(path.as_ref())?,
        }
    }
    Ok(())
}
