//! Rendering in a process of its own: this program again, which reads jobs a line and answers each with
//! a line. It has bounds of memory and of time, and one that ends by them is an error for who asked.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::{RenderJob, engine};

/// What the process is started with, and nothing else.
const ARGUMENT: &str = "render-chat-templates";
/// Stack that templates are parsed and rendered on: an expression nests as deep as it likes, until then.
const STACK: usize = 64 << 20;
/// Memory of the process, its program included.
#[cfg(unix)]
const MEMORY: u64 = 1 << 30;
/// Seconds of processor time that a prompt may take, and a part of one, for they are counted whole.
const SECONDS: u64 = 2;
/// How long an answer is waited for, by the clock: where the system bounds no processor time, and where
/// it is short of processors.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is read of what a process said before it ended, in bytes.
const SAID: u64 = 4096;

/// Whether templates are rendered apart.
static APART: AtomicBool = AtomicBool::new(false);
/// The process that renders, once there is one: a property of this process, as its allocator is. Jobs
/// carry all that they need, so that it serves every model.
static WORKER: Mutex<Option<Worker>> = Mutex::new(None);

/// Has every chat template of this process rendered in a process of its own, which is started with the
/// first prompt: this program again. To be called first in `main`. Where this process is that one, it
/// serves, and what is returned is its exit code.
pub fn render_templates_apart() -> Option<ExitCode> {
    if !std::env::args_os().skip(1).eq([OsStr::new(ARGUMENT)]) {
        APART.store(true, Ordering::Relaxed);
        return None;
    }
    bound();
    let serve = || serve(&mut io::stdin().lock(), &mut io::stdout());
    let served = thread::Builder::new().stack_size(STACK).spawn(serve);
    let served = served.map(|thread| matches!(thread.join(), Ok(Ok(()))));
    Some(if served.unwrap_or(false) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Renders in the process for it; `None` where this process renders itself.
pub(super) fn render(job: &RenderJob<'_>) -> Option<Result<String, String>> {
    if !APART.load(Ordering::Relaxed) {
        return None;
    }
    let mut place = WORKER.lock().unwrap_or_else(PoisonError::into_inner);
    // One that was ended from outside while there was nothing to do is replaced.
    let running = place.take().and_then(Worker::running);
    let mut worker = match running.map_or_else(Worker::start, Ok) {
        Ok(worker) => worker,
        Err(error) => return Some(Err(format!("the process that renders it: {error}"))),
    };
    match worker.ask(job) {
        Ok(answer) => {
            *place = Some(worker);
            Some(answer)
        }
        Err(late) => Some(Err(worker.ended(late))),
    }
}

/// Answers every job until there is none: a line of JSON, `{"Ok": prompt}` or `{"Err": reason}`.
fn serve(jobs: &mut impl BufRead, answers: &mut impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    while jobs.read_until(b'\n', &mut line)? > 0 {
        more_time();
        let job: RenderJob<'_> = serde_json::from_slice(&line)?;
        let rendered = std::panic::catch_unwind(|| engine::render(&job));
        let answer = rendered.unwrap_or_else(|_| Err("the template engine failed".to_owned()));
        serde_json::to_writer(&mut *answers, &answer)?;
        answers.write_all(b"\n")?;
        answers.flush()?;
        line.clear();
    }
    Ok(())
}

/// A process that renders.
struct Worker {
    child: Child,
    jobs: ChildStdin,
    answers: Receiver<Vec<u8>>,
    said: ChildStderr,
}

impl Worker {
    fn start() -> io::Result<Worker> {
        let mut start = Command::new(program()?);
        start.arg(ARGUMENT).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C is for bourn, which may want a prompt still before it leaves; and this one ends with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut start, 0);
        let mut child = start.spawn()?;
        let (Some(jobs), Some(stdout), Some(said)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("its pipes are missing"));
        };
        let (answer, answers) = channel();
        thread::spawn(move || read(stdout, &answer));
        Ok(Worker { child, jobs, answers, said })
    }

    /// The same, if it has not ended.
    fn running(mut self) -> Option<Worker> {
        matches!(self.child.try_wait(), Ok(None)).then_some(self)
    }

    /// Waits for the answer; an error is that there is none, and whether it was waited for in vain.
    fn ask(&mut self, job: &RenderJob<'_>) -> Result<Result<String, String>, bool> {
        let mut line = serde_json::to_vec(job).map_err(|_| false)?;
        line.push(b'\n');
        self.jobs.write_all(&line).and_then(|()| self.jobs.flush()).map_err(|_| false)?;
        let answer = self.answers.recv_timeout(PATIENCE);
        let answer = answer.map_err(|error| error == RecvTimeoutError::Timeout)?;
        serde_json::from_slice(&answer).map_err(|_| false)
    }

    /// Ends it, and says why there is no answer.
    fn ended(mut self, late: bool) -> String {
        if late {
            return format!("rendering it takes more than {} seconds", PATIENCE.as_secs());
        }
        // Where its pipes are closed it has ended already; one that answers nonsense ends here.
        let _ = self.child.kill();
        let mut said = Vec::new();
        let _ = self.said.by_ref().take(SAID).read_to_end(&mut said);
        let status = self.child.wait().map_or_else(|error| error.to_string(), |s| s.to_string());
        reason(&String::from_utf8_lossy(&said), &status)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(stdout: ChildStdout, answers: &Sender<Vec<u8>>) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        match stdout.read_until(b'\n', &mut line) {
            Ok(1..) if answers.send(line).is_ok() => {}
            _ => return,
        }
    }
}

/// What a process that ended over a template says of the template, by its last words or how it ended.
fn reason(said: &str, status: &str) -> String {
    let what = [
        ("overflowed its stack", format!("it nests deeper than a stack of {} MiB", STACK >> 20)),
        ("memory allocation of", "rendering it takes more memory than it may".to_owned()),
        ("SIGXCPU", format!("rendering it takes more than {SECONDS} seconds of processor time")),
    ];
    let found = what.into_iter().find(|(words, _)| said.contains(words) || status.contains(words));
    found.map_or_else(
        || format!("the process that renders it ended: {status} {}", said.trim()).trim().to_owned(),
        |(_, what)| what,
    )
}

/// This program, also where its file has been replaced since it began.
fn program() -> io::Result<PathBuf> {
    match cfg!(target_os = "linux") {
        true => Ok("/proc/self/exe".into()),
        false => std::env::current_exe(),
    }
}

/// Bounds the memory of this process, and has it leave no core. Where the system has no such bound, the
/// time that is left to take memory in is short.
fn bound() {
    #[cfg(unix)]
    {
        use nix::sys::resource::Resource;
        lower(Resource::RLIMIT_AS, MEMORY);
        lower(Resource::RLIMIT_CORE, 0);
    }
}

/// Gives this process the time for another prompt. It ends by itself when that is over, also where nobody
/// is left to end it.
fn more_time() {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, UsageWho, getrusage};
        use nix::sys::time::TimeValLike;
        if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
            let used =
                usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
            lower(Resource::RLIMIT_CPU, used.unsigned_abs().div_ceil(1_000_000) + SECONDS);
        }
    }
}

/// Lowers a bound that this process has set for itself, which can be raised again.
#[cfg(unix)]
fn lower(what: nix::sys::resource::Resource, most: u64) {
    use nix::sys::resource::{getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(what) {
        let _ = setrlimit(what, most.min(hard), hard);
    }
}

#[cfg(test)]
#[path = "../../tests/unit/chat/process.rs"]
mod tests;
