//! The engine on tiny random models of every family: against the formulas in f64, against the
//! Burn forward, and against itself in other batches.

mod common;
mod device;
mod device_limits;
mod identity;
mod parity;
mod prefixes;
mod reference;
mod requests;
mod streams;
mod turns;
