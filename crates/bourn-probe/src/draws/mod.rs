//! Draws: what one is, how a source is asked for them and for their scores, and how many come of a
//! problem until it is decided. **It knows no model and no statistics**: a source draws, and what is left
//! of a problem is its [`Outcomes`](crate::Outcomes).

pub(crate) mod draw;
pub(crate) mod extent;
pub(crate) mod outcomes;
pub(crate) mod probe;
pub(crate) mod read;
pub(crate) mod schedule;
pub(crate) mod score;
