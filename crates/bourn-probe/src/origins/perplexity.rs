//! The perplexity of each model's completions, correct and wrong, under each model.

use super::interval::Resampling;
use super::trace::{ModelDraws, ProblemTrace};
use crate::Score;
use crate::figures::Perplexity;

/// Where completions are from, as figures name it.
const ORIGINS: [&str; 3] = ["base", "policy", "reference"];

/// Log-prob and tokens, summed over completions.
#[derive(Clone, Copy, Default)]
struct LogprobSums {
    nats: f64,
    tokens: f64,
    completions: u64,
}

impl LogprobSums {
    /// Adds a completion that was drawn `count` times.
    fn add(&mut self, score: Score, count: u64) {
        if count == 0 || score.tokens == 0 {
            return;
        }
        // Exact conversion: counts are at most 2³².
        let count = count as f64;
        self.nats += count * score.full_logprob;
        self.tokens += count * f64::from(score.tokens);
        self.completions += 1;
    }
}

/// Every cell of the matrix that has completions: under base and policy, of base, policy and
/// reference, correct and wrong.
pub(super) fn perplexities(traces: &[ProblemTrace], resampling: &Resampling) -> Vec<Perplexity> {
    let mut cells = Vec::new();
    for under in &ORIGINS[..2] {
        for of in ORIGINS {
            for correct in [true, false] {
                let sums: Vec<LogprobSums> =
                    traces.iter().map(|t| of_problem(t, under, of, correct)).collect();
                cells.extend(cell(traces, &sums, resampling).map(|(pooled, problems)| {
                    Perplexity {
                        under: (*under).to_owned(),
                        of: of.to_owned(),
                        correct,
                        pooled,
                        completions: sums.iter().map(|sum| sum.completions).sum(),
                        problems,
                    }
                }));
            }
        }
    }
    cells
}

type Cell = (crate::Estimate, Vec<(String, f64)>);

/// One cell's figures; `None` where no completion has a token.
fn cell(traces: &[ProblemTrace], sums: &[LogprobSums], resampling: &Resampling) -> Option<Cell> {
    let rows = sums.iter().map(|sum| (sum.nats, sum.tokens));
    let pooled = resampling.ratio(rows, perplexity)?;
    let problems = traces.iter().zip(sums).filter(|(_, sum)| sum.tokens > 0.0);
    let problems = problems.map(|(t, sum)| (t.id.clone(), perplexity(sum.nats / sum.tokens)));
    Some((pooled, problems.collect()))
}

/// exp of minus a mean log-prob, finite: at a low temperature a token may be less likely than any
/// float, and JSON has no infinity.
fn perplexity(mean: f64) -> f64 {
    (-mean).exp().min(f64::MAX)
}

fn of_problem(trace: &ProblemTrace, under: &str, of: &str, correct: bool) -> LogprobSums {
    let mut sums = LogprobSums::default();
    let mut add_side = |side: &ModelDraws| {
        for c in side.completions.iter().filter(|c| c.correct == correct) {
            let score = if under == of { Some(c.own) } else { c.other };
            if let Some(score) = score {
                sums.add(score, c.sampled);
            }
        }
    };
    match of {
        "base" => add_side(&trace.base),
        "policy" => add_side(&trace.policy),
        _ => {
            for r in trace.references.iter().filter(|r| r.correct == correct) {
                sums.add(if under == "base" { r.base } else { r.policy }, 1);
            }
        }
    }
    sums
}
