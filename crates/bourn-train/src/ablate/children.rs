//! The processes of a sweep's runs.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::error::TrainError;
use crate::sealed;

/// How often running processes are looked at.
const POLL: Duration = Duration::from_millis(100);
/// Most of a log that is read for what went wrong.
const MAX_LOG: u64 = 1 << 26;

/// What a process is to do.
pub(super) struct ChildOrder<'a> {
    pub(super) program: &'a Path,
    pub(super) recipe: &'a Path,
    pub(super) directory: &'a Path,
    pub(super) resume: bool,
    pub(super) threads: usize,
    pub(super) cache_dir: &'a Path,
    pub(super) log: &'a Path,
}

/// A running process; it is killed if it is dropped before it has ended, and resumed from its last
/// checkpoint later.
pub(super) struct Child {
    process: std::process::Child,
    interrupted: bool,
}

/// How a process ended.
pub(super) enum Ended {
    Done,
    /// It was asked to stop.
    Interrupted,
    /// What it said last, or how it died.
    Failed(String),
}

impl Child {
    pub(super) fn start(order: &ChildOrder<'_>) -> Result<Child, TrainError> {
        let log = File::create(order.log).map_err(TrainError::io(order.log, "creating the log"))?;
        let errors =
            log.try_clone().map_err(TrainError::io(order.log, "opening the log once more"))?;
        let mut command = Command::new(order.program);
        command.arg("train").arg(order.recipe).arg("--run-dir").arg(order.directory);
        if order.resume {
            command.arg("--resume");
        }
        command
            .env("RAYON_NUM_THREADS", order.threads.to_string())
            .env("BOURN_CACHE", order.cache_dir)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        // Ctrl-C in the terminal reaches the sweep alone, which hands it on: once, so that the runs
        // save, and not again when the user presses it twice.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let process =
            command.spawn().map_err(TrainError::io(order.program, "starting a run with"))?;
        Ok(Child { process, interrupted: false })
    }

    /// Asks the run to save and leave, once.
    pub(super) fn interrupt(&mut self) {
        if std::mem::replace(&mut self.interrupted, true) {
            return;
        }
        #[cfg(unix)]
        {
            use nix::sys::signal::{Signal, kill};
            let pid = nix::unistd::Pid::from_raw(self.process.id() as i32);
            // A process that has just ended needs no signal.
            let _ = kill(pid, Signal::SIGINT);
        }
        #[cfg(not(unix))]
        let _ = self.process.kill();
    }

    /// How it ended; `None` while it runs.
    pub(super) fn ended(&mut self, log: &Path) -> Option<Ended> {
        let status = match self.process.try_wait() {
            Ok(None) => return None,
            Ok(Some(status)) => status,
            Err(error) => return Some(Ended::Failed(format!("cannot be waited for: {error}"))),
        };
        Some(match (status.success(), self.interrupted) {
            (true, _) => Ended::Done,
            (false, true) => Ended::Interrupted,
            (false, false) => {
                Ended::Failed(last_error(log).unwrap_or_else(|| format!("ended with {status}")))
            }
        })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// Waits until it is time to look again.
pub(super) fn pause() {
    std::thread::sleep(POLL);
}

/// The last `error: …` of a log.
fn last_error(log: &Path) -> Option<String> {
    if std::fs::metadata(log).ok()?.len() > MAX_LOG {
        return None;
    }
    let text = sealed::read_text(log).ok()?;
    let line = text.lines().rev().find_map(|line| line.strip_prefix("error: "))?;
    Some(line.to_owned())
}
