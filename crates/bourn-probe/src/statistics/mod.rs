//! Arithmetic of statistics: the bootstrap, bands, exact tests, intervals that hold at every look, the
//! distributions behind them. **It knows no draw and no model**: it sees numbers, and rows of them.

pub(crate) mod anytime;
pub(crate) mod band;
pub(crate) mod bootstrap;
pub(crate) mod crossed;
pub(crate) mod mcnemar;
pub(crate) mod normal;
pub(crate) mod poisson_binomial;
pub(crate) mod special;
