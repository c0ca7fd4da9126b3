//! The boundary: estimators, intervals, solvable sets, the base ledger, and the comparison of any
//! two sets of outcomes.
//!
//! **This room knows nothing of models, tensors or Burn.** It asks for draws through one small
//! trait, [`DrawSource`], which the rollout engine implements for real models and a synthetic
//! population implements in tests. It renders nothing either: what it returns is plain data.
//!
//! The way through: [`probe`] or [`probe_stored`] turns problems into a [`Ledger`] of every draw,
//! [`boundary`] compares two ledgers, [`compare`] compares outcome counts from anywhere (read by
//! [`read_outcomes`]), and [`examples`](fn@examples) shows what was lost and gained.

mod bootstrap;
mod boundary;
mod compare;
mod draw;
mod estimate;
mod examples;
pub mod figures;
mod hard;
mod ledger;
mod ledger_file;
mod lines;
mod outcomes;
mod read;
mod store;

pub use bootstrap::{MAX_RESAMPLES, min_resamples};
pub use boundary::{
    Boundary, Curve, DrawCounts, EntropyPair, Estimate, Row, Solvable, Spending, Spent, Standing,
    TIE,
};
pub use compare::{CompareError, CompareOptions, Names, boundary, compare};
pub use draw::{Draw, DrawRequest, DrawSource, ProbeError, SourceError, probe, probe_stored};
pub use estimate::{pass_at_k, powers_of_two};
pub use examples::{Answer, Example, Examples, examples};
pub use hard::{HardProblem, hard_completions};
pub use ledger::{Ledger, LedgerEntry, LedgerError, LedgerKey};
pub use ledger_file::{read_ledger, write_ledger};
pub use outcomes::{MAX_DRAWS, Outcomes, OutcomesError, StopRule, accuracies};
pub use read::{ReadError, read_outcomes};
pub use store::LedgerStore;
