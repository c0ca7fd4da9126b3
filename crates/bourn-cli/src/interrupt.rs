//! Ctrl-C: the first asks the work to save and leave, the second leaves at once. SIGTERM and SIGHUP
//! do the same. The exit code is 128 and the signal's number, as shells have it: 130 for Ctrl-C, 143
//! for SIGTERM.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use anyhow::Context;
use bourn_rollout::RolloutError;
use bourn_track::Console;
use bourn_train::TrainError;

/// The number of SIGINT, which is Ctrl-C.
const INT: i32 = 2;

static STOP: AtomicBool = AtomicBool::new(false);
/// The signal that asked first.
static SIGNAL: AtomicI32 = AtomicI32::new(INT);

/// Installs the handler and returns the flag that it raises.
pub(crate) fn install(console: &Console) -> anyhow::Result<&'static AtomicBool> {
    let console = console.clone();
    listen(move |signal| {
        if STOP.load(Ordering::Relaxed) {
            std::process::exit(128 + signal);
        }
        SIGNAL.store(signal, Ordering::Relaxed);
        STOP.store(true, Ordering::Relaxed);
        console.line("stopping: saving first (again to leave at once, without saving)");
    })
    .context("cannot install the Ctrl-C handler")?;
    Ok(&STOP)
}

/// Calls `heard` with each signal that asks to stop, one after the other, on a thread of its own.
#[cfg(unix)]
fn listen(mut heard: impl FnMut(i32) + Send + 'static) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || signals.forever().for_each(&mut heard))
        .map(drop)
}

#[cfg(not(unix))]
fn listen(mut heard: impl FnMut(i32) + Send + 'static) -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(move || heard(INT))
}

/// The exit code of work that `error` ended because it was asked to stop; `None` where that is not
/// why.
pub(crate) fn exit_code(error: &anyhow::Error) -> Option<u8> {
    let asked = error.chain().filter_map(|cause| cause.downcast_ref()).any(|error| {
        matches!(
            error,
            TrainError::Interrupted { .. }
                | TrainError::PretrainingInterrupted { .. }
                | TrainError::ProbeInterrupted { .. }
                | TrainError::SweepInterrupted { .. }
                | TrainError::Rollout(RolloutError::Interrupted)
        )
    });
    asked.then(|| u8::try_from(128 + SIGNAL.load(Ordering::Relaxed)).unwrap_or(1))
}
