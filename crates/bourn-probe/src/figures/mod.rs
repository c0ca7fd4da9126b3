//! The boundary figures as plain data; `docs/boundary.md` defines each of them. **It knows nothing of
//! how they are computed**: what is here is read from files and shown, field by field.
//!
//! Every part is optional in [`Boundary`](crate::Boundary), so that files of earlier versions can
//! be read, and so that figures that need draws or scores are absent where only counts are known.

pub(crate) mod boundary;
mod extrapolation;
mod origins;
mod paired;
mod solvability;
mod support;
mod temperatures;

pub use extrapolation::{Extrapolation, GoodToulmin};
pub use origins::{
    Discoveries, Discovery, EntropyQuantile, Guesses, Origins, Perplexity, Pooled, PooledRate,
    WitnessMass, Witnesses,
};
pub use paired::{CrossoverInterval, McNemar, Paired};
pub use solvability::{PriorFit, ProblemState, SetSizes, Solvability, SolvableState};
pub use support::{Cover, PassHatK, Support};
pub use temperatures::{TemperaturePoint, Temperatures};

use serde::{Deserialize, Serialize};

/// The ends of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl From<f64> for Interval {
    /// The interval that is this point.
    fn from(value: f64) -> Self {
        Self { low: value, high: value }
    }
}
