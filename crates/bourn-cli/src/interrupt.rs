//! Ctrl-C: the first asks the work to save and leave, the second leaves at once.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use bourn_track::Console;

static STOP: AtomicBool = AtomicBool::new(false);

/// Installs the handler and returns the flag that it raises.
pub(crate) fn install(console: &Console) -> anyhow::Result<&'static AtomicBool> {
    let console = console.clone();
    ctrlc::set_handler(move || {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        console.line("stopping: saving first (again to leave at once, without saving)");
    })
    .context("cannot install the Ctrl-C handler")?;
    Ok(&STOP)
}
