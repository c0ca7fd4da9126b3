//! The user's wish to stop, as whoever works for long asks for it.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether to go on: until the user has asked to stop.
pub(crate) fn go_on(stop: &AtomicBool) -> ControlFlow<()> {
    match stop.load(Ordering::Relaxed) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    }
}
