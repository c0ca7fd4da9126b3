//! The clock that says how long things took; nothing but times that are said and logged as such see it.

use std::time::Instant;

/// Now.
#[allow(clippy::disallowed_methods)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
