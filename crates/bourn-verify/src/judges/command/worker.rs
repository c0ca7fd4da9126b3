//! One process, and the threads that write to it and read from it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::Duration;

use super::failure;
use super::pool::PoolMessage;
use crate::JudgeError;

/// Longest line that is read, in bytes.
const MAX_LINE: u64 = 1 << 20;
/// What is kept of the end of standard error, in bytes.
const KEPT: usize = 4096;
/// How long the end of a process and of its standard error is waited for, in tens of milliseconds.
const PATIENCE: usize = 50;

/// Something that a worker did.
pub(super) enum Event {
    /// It wrote a line, or the beginning of one that is too long.
    Line(Vec<u8>),
    /// It ended, or closed a pipe.
    Closed,
}

/// A running process.
pub(super) struct Worker {
    child: Child,
    /// Lines for it. They wait here and not in the pipe: who asks is never held up by a process that
    /// writes before it reads.
    lines: Sender<String>,
    said: Arc<Mutex<VecDeque<u8>>>,
    /// Hung up once standard error has been read to its end.
    silent: Receiver<()>,
}

impl Worker {
    /// Starts a process whose doings are told to `pool` under `number`.
    pub(super) fn start(
        command: &[String],
        number: u64,
        pool: &Sender<PoolMessage>,
    ) -> Result<Worker, JudgeError> {
        let [program, arguments @ ..] = command else {
            return Err(failure("there is no program to start".to_owned()));
        };
        let mut start = Command::new(program);
        start.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C is for bourn, which ends it when it has saved; and what it starts ends with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut start, 0);
        let mut child = start.spawn().map_err(|error| {
            failure(format!("`{program}` cannot be started: {error}; check the reward's `command`"))
        })?;
        let (lines, to_write) = channel();
        if let Some(stdin) = child.stdin.take() {
            let pool = pool.clone();
            spawn(move || write(stdin, &to_write, number, &pool));
        }
        if let Some(stdout) = child.stdout.take() {
            let pool = pool.clone();
            spawn(move || read(stdout, number, &pool));
        }
        let said = Arc::new(Mutex::new(VecDeque::new()));
        let (speaks, silent) = channel();
        if let Some(stderr) = child.stderr.take() {
            let said = said.clone();
            spawn(move || {
                drain(stderr, &said);
                drop(speaks);
            });
        }
        Ok(Worker { child, lines, said, silent })
    }

    /// Has a line written to it.
    pub(super) fn tell(&self, line: String) {
        // Where the writer has ended, the pool has been told that the pipe is closed.
        let _ = self.lines.send(line);
    }

    /// Ends it and all that it has started.
    pub(super) fn kill(mut self) {
        self.signal();
        let _ = self.child.wait();
    }

    /// How a process that is ending or has closed a pipe ended, and what it said at last.
    pub(super) fn ended(mut self) -> (String, String) {
        let mut status = None;
        for _ in 0..PATIENCE {
            status = self.child.try_wait().ok().flatten();
            if status.is_some() {
                break;
            }
            sleep(Duration::from_millis(10));
        }
        let how = match status {
            Some(status) => status.to_string(),
            None => "it closed its standard input or output".to_owned(),
        };
        let _ = self.silent.recv_timeout(Duration::from_millis(10 * PATIENCE as u64));
        let said: Vec<u8> = match self.said.lock() {
            Ok(said) => said.iter().copied().collect(),
            Err(_) => Vec::new(),
        };
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        self.kill();
        (how, said)
    }

    fn signal(&mut self) {
        #[cfg(unix)]
        {
            use nix::sys::signal::{Signal, killpg};
            // Its group is its own, with all that it has started.
            let _ = killpg(nix::unistd::Pid::from_raw(self.child.id() as i32), Signal::SIGKILL);
        }
        let _ = self.child.kill();
    }
}

fn write(mut stdin: ChildStdin, lines: &Receiver<String>, number: u64, pool: &Sender<PoolMessage>) {
    while let Ok(line) = lines.recv() {
        if stdin.write_all(line.as_bytes()).and_then(|()| stdin.flush()).is_err() {
            let _ = pool.send(PoolMessage::Of(number, Event::Closed));
            return;
        }
    }
}

fn read(stdout: impl Read, number: u64, pool: &Sender<PoolMessage>) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        let read = stdout.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        let event = match read {
            Ok(1..) => Event::Line(line),
            Ok(0) | Err(_) => Event::Closed,
        };
        let last = matches!(event, Event::Closed);
        if pool.send(PoolMessage::Of(number, event)).is_err() || last {
            return;
        }
    }
}

/// Reads what it says on standard error, so that it is never held up there, and keeps the end.
fn drain(mut stderr: impl Read, said: &Mutex<VecDeque<u8>>) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = stderr.read(&mut bytes) {
        let mut said = said.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        said.extend(&bytes[..count]);
        let over = said.len().saturating_sub(KEPT);
        said.drain(..over);
    }
}
