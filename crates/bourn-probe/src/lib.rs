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

mod ablation;
mod anytime;
mod band;
mod belief;
mod bootstrap;
mod boundary;
mod compare;
mod crossed;
mod detectable;
mod draw;
mod ends;
mod estimate;
mod examples;
mod extent;
mod extrapolate;
pub mod figures;
mod hard;
mod ledger;
mod ledger_file;
mod lines;
mod lock;
mod mcnemar;
mod nested;
mod normal;
mod null;
mod origins;
mod outcomes;
mod paired;
mod pass_hat;
mod poisson_binomial;
mod posterior;
mod prior;
mod prior_check;
mod probe;
mod read;
mod risk;
mod schedule;
mod score;
mod solvability;
mod special;
mod store;
mod support;
#[cfg(test)]
mod synthetic;
mod temperature;
mod upkeep;

pub use ablation::{
    Ablation, AgainstNull, Difference, RunFigures, Spread, SweepRun, SweepVariant, VariantFigures,
    ablation,
};
pub use bootstrap::{MAX_RESAMPLES, min_resamples};
pub use boundary::{
    Boundary, Curve, DrawCounts, EntropyPair, Estimate, Row, Solvable, Spending, Spent, Standing,
    TIE,
};
pub use compare::{CompareError, CompareOptions, Names, boundary, compare, compare_curves};
pub use crossed::{Crossed, crossed, holm};
pub use detectable::{Detectable, detectable};
pub use draw::{Draw, DrawSource, Schedule, SourceError, rounded_entropies};
pub use estimate::{pass_at_k, powers_of_two};
pub use examples::{Answer, Example, Examples, examples};
pub use extent::Extent;
pub use hard::{HardProblem, hard_completions};
pub use ledger::{Ledger, LedgerEntry, LedgerError, LedgerKey};
pub use ledger_file::{read_ledger, write_ledger};
pub use lock::LockedKey;
pub use null::split_base;
pub use origins::{
    Evidence, Reference, ReferenceText, References, ScoreError, Scores, Unscored, origins,
    read_references,
};
pub use outcomes::{MAX_DRAWS, Outcomes, OutcomesError, StopRule, accuracies};
pub use pass_hat::{pass_hat, pass_hat_k};
pub use probe::{ProbeError, Probed, Progress, probe, probe_stored};
pub use read::{ReadError, read_outcomes};
pub use risk::{Risk, risks};
pub use score::{Score, ScoreRequest, ScoreSource};
pub use store::LedgerStore;
pub use temperature::{MATCH_RANGE, Match, Matched, match_temperature, temperature_point};
pub use upkeep::{Holding, Sweep, Sweeping, Swept, Why};
