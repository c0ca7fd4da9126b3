//! The boundary: estimators, intervals, solvable sets, the base ledger, and the comparison of any
//! two sets of outcomes.
//!
//! **This room knows nothing of models, tensors or Burn.** It asks for draws and for scores through
//! two small traits, [`DrawSource`] and [`ScoreSource`], which the rollout engine implements for
//! real models and a synthetic population implements in tests. It renders nothing either: what it
//! returns is plain data.
//!
//! The way through: [`probe`] or [`probe_stored`] turns problems into a [`Ledger`] of every draw,
//! [`boundary`] compares two ledgers, [`compare`] compares outcome counts from anywhere (read by
//! [`read_outcomes`]), and [`examples`](fn@examples) shows what was lost and gained. [`Unscored`]
//! says what each model has to be asked about the other's draws, and [`origins`](fn@origins) makes
//! figures of the answers.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use bourn_probe::{CompareOptions, Outcomes, OutcomesError, compare};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Of eight draws of each problem, so many are correct.
//! let outcomes = |correct: [u64; 3]| -> Result<BTreeMap<String, Outcomes>, OutcomesError> {
//!     let ids = ["easy", "hard", "never"].map(str::to_owned);
//!     ids.into_iter().zip(correct).map(|(id, c)| Ok((id, Outcomes::new(8, c)?))).collect()
//! };
//! let (base, policy) = (outcomes([4, 1, 0])?, outcomes([8, 0, 0])?);
//! let boundary = compare(&base, &policy, &CompareOptions::default())?;
//!
//! // What the policy no longer solves in its draws.
//! assert_eq!(boundary.solvable.never_solved_again, ["hard"]);
//! // pass@1 rose from (4/8 + 1/8)/3 to 1/3; with eight draws the base solves two problems, not one.
//! assert_eq!(boundary.k, [1, 2, 4, 8]);
//! let delta = &boundary.delta.pass_at_k;
//! assert!((delta[0] - 1.0 / 8.0).abs() < 1e-12 && (delta[3] + 1.0 / 3.0).abs() < 1e-12);
//! // At two draws the base is ahead already: 1 − C(4,2)/C(8,2) + 2/8 is more than 1.
//! assert_eq!(boundary.crossover_k, Some(2));
//! # Ok(())
//! # }
//! ```

mod ablation;
mod comparison;
mod draws;
mod estimators;
pub mod figures;
mod ledger;
mod origins;
mod solvable;
mod statistics;
#[cfg(test)]
#[path = "../tests/unit/synthetic.rs"]
mod synthetic;
mod temperature;

pub use ablation::{
    Ablation, AgainstNull, Difference, RunFigures, Spread, SweepRun, SweepVariant, VariantFigures,
    ablation,
};
pub use comparison::compare::{
    CompareError, CompareOptions, Names, boundary, compare, compare_curves,
};
pub use comparison::examples::{Answer, Example, Examples, examples, most_frequent};
pub use comparison::finding::{Change, Findings, SHOWN_P, SHOWN_POWER, SetFinding, Shown, Stretch};
pub use comparison::hard::{HardProblem, hard_completions};
pub use draws::draw::{Draw, DrawSchedule, DrawSource, SourceError, rounded_entropies};
pub use draws::extent::Extent;
pub use draws::outcomes::{MAX_DRAWS, Outcomes, OutcomesError, StopRule, accuracies};
pub use draws::probe::{ProbeError, ProbeProgress, Probed, probe, probe_stored};
pub use draws::read::{ReadError, read_outcomes};
pub use draws::score::{Score, ScoreRequest, ScoreSource};
pub use estimators::detectable::{Detectable, detectable};
pub use estimators::estimate::{pass_at_k, powers_of_two};
pub use figures::boundary::{
    Boundary, BoundaryRow, Curve, DrawCounts, EntropyPair, Estimate, Solvable, Spending, Spent,
    Standing,
};
pub use ledger::file::{read_ledger, write_ledger};
pub use ledger::lock::LockedKey;
pub use ledger::store::LedgerStore;
pub use ledger::upkeep::{Holding, StoreSweep, Sweeping, Swept, Why};
pub use ledger::{Ledger, LedgerEntry, LedgerError, LedgerKey};
pub use origins::{
    CrossScores, Evidence, ReferenceCompletion, ReferenceText, References, ScoreError, Unscored,
    origins, read_references,
};
pub use solvable::risk::{Risk, risks};
pub use statistics::bootstrap::{MAX_RESAMPLES, min_resamples};
pub use temperature::{Match, Matched, match_temperature, temperature_point};
