//! Verdicts on pairs of a reference and an answer, as JSON lines, in order:
//! `{"gold": "\\frac12", "answer": "0.5"}` on stdin gives
//! `{"verdict":"correct","basis":"exact","answer":"1/2"}` on stdout.
//!
//! `cargo run --release -p bourn-verify --example verdicts < pairs.jsonl`

use std::io::{BufRead, BufWriter, Write, stdin, stdout};

use bourn_recipe::Extract;
use bourn_verify::math::{read_gold, rule};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Pair {
    gold: String,
    answer: String,
    #[serde(default = "whole")]
    extract: Extract,
}

fn whole() -> Extract {
    Extract::Whole
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = BufWriter::new(stdout().lock());
    for line in stdin().lock().lines() {
        let pair: Pair = serde_json::from_str(&line?)?;
        let said = match read_gold(&pair.gold, Extract::Whole) {
            Ok(gold) => {
                let ruling = rule(&gold, &pair.answer, pair.extract, false);
                json!({ "verdict": ruling.verdict, "basis": ruling.basis, "answer": ruling.answer })
            }
            Err(problem) => json!({ "verdict": "bad_gold", "reason": problem.to_string() }),
        };
        writeln!(out, "{said}")?;
    }
    Ok(())
}
