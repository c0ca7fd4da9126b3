//! The comparison of a base and a policy on the same problems: curves, the paired difference, support,
//! extrapolation, and what was lost and gained in the models' own words. **It knows neither where the
//! outcomes are from nor how figures are shown.**

pub(crate) mod compare;
pub(crate) mod examples;
pub(crate) mod extrapolate;
pub(crate) mod finding;
pub(crate) mod hard;
pub(crate) mod paired;
pub(crate) mod support;
