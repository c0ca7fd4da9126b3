//! Rendering in a process of its own: this program again, which reads jobs a line and answers each with
//! a line. It has bounds of memory and of time, and one that ends by them is an error for who asked.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
#[cfg(unix)]
use std::sync::atomic::AtomicU64;
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
/// Addresses that the process may use beside those that it begins with: a hundred times what a prompt takes.
#[cfg(unix)]
const MEMORY: u64 = 512 << 20;
/// mimalloc, where it is the allocator, sets a gibibyte of addresses aside before anything is asked for, in
/// which no bound would be felt.
const RESERVE: (&str, &str) = ("MIMALLOC_ARENA_RESERVE", "32MiB");
/// Processor time that a prompt may take, in microseconds: a thousand times what a prompt takes.
const TIME: u64 = 1_000_000;
/// How often the time is looked at.
#[cfg(unix)]
const LOOK: Duration = Duration::from_millis(20);
/// Whole seconds after which the system ends a process that does not look.
#[cfg(unix)]
const SECONDS: u64 = 3;
/// Last words of a process that ends itself over a prompt.
const LATE: &str = "the prompt's time is over";
/// How long an answer is waited for, by the clock: where the system bounds no processor time, and where
/// it is short of processors.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is read of what a process said before it ended, in bytes.
const SAID: u64 = 4096;

/// Processor time at which the prompt's is over, in microseconds, in the process that renders.
#[cfg(unix)]
static OVER: AtomicU64 = AtomicU64::new(u64::MAX);
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
    // A pipe that nobody empties is no place for what the engine says when it fails.
    std::panic::set_hook(Box::new(|_| {}));
    let serve = || serve(&mut io::stdin().lock(), &mut io::stdout(), more_time);
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

/// Answers every job until there is none: a line of JSON, `{"Ok": prompt}` or `{"Err": reason}`. Calls
/// `begin` before each.
fn serve(jobs: &mut impl BufRead, answers: &mut impl Write, begin: impl Fn()) -> io::Result<()> {
    let mut line = Vec::new();
    while jobs.read_until(b'\n', &mut line)? > 0 {
        begin();
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
        start
            .env(RESERVE.0, RESERVE.1)
            .arg(ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
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
    let late =
        || format!("rendering it takes more than {} second of processor time", TIME / 1_000_000);
    let what = [
        ("overflowed its stack", format!("it nests deeper than a stack of {} MiB", STACK >> 20)),
        ("memory allocation of", "rendering it takes more memory than it may".to_owned()),
        (LATE, late()),
        ("SIGXCPU", late()),
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

/// Bounds the memory of this process, has it leave no core, and has its time looked at. Where the system
/// has no such bound, the time that is left to take memory in is short.
fn bound() {
    #[cfg(unix)]
    {
        use nix::sys::resource::Resource;
        lower(Resource::RLIMIT_AS, addresses().saturating_add(MEMORY));
        lower(Resource::RLIMIT_CORE, 0);
        // Without it the system's whole seconds are all there is.
        let _ = thread::Builder::new().stack_size(64 << 10).spawn(watch);
    }
}

/// Bytes of addresses in use; none where the system does not say.
#[cfg(unix)]
fn addresses() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kibibytes =
        size.and_then(|size| size.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kibibytes.unwrap_or(0) << 10
}

/// Ends this process when the prompt's time is over.
#[cfg(unix)]
fn watch() {
    loop {
        thread::sleep(LOOK);
        if used() > OVER.load(Ordering::Relaxed) {
            // It takes no memory, of which there may be none.
            let _ = io::stderr().write_all(LATE.as_bytes());
            std::process::abort();
        }
    }
}

/// Gives this process the time for another prompt. It ends by itself when that is over, also where nobody
/// is left to end it.
fn more_time() {
    #[cfg(unix)]
    {
        let used = used();
        OVER.store(used.saturating_add(TIME), Ordering::Relaxed);
        lower(nix::sys::resource::Resource::RLIMIT_CPU, used.div_ceil(1_000_000) + SECONDS);
    }
}

/// Processor time of this process, in microseconds; 0 where the system does not say.
#[cfg(unix)]
fn used() -> u64 {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike;
    let usage = getrusage(UsageWho::RUSAGE_SELF);
    let sum = |usage: nix::sys::resource::Usage| {
        usage.user_time().num_microseconds() + usage.system_time().num_microseconds()
    };
    usage.map_or(0, |usage| sum(usage).unsigned_abs())
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
