//! SIGKILL when a run enters a system call that changes the disk, and a full disk when it does: by strace,
//! where there is one that may trace. `scripts/kill_everywhere.sh` takes every such call instead of some.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use rand::Rng;

use crate::killed::Killed;
use crate::{asked, rng};

/// Calls that change what is on a disk; not every machine has those with a question mark.
const CALLS: &str = "trace=?mkdir,mkdirat,?rename,renameat,renameat2,?link,linkat,?unlink,unlinkat,\
                     ?rmdir,?chmod,fchmod,fchmodat,ftruncate,fsync,?open,openat,write";
const SIGKILL: i32 = 9;

/// A system call of a run: its name, and which of that name it is, from 1.
type Point = (String, usize);

/// Why nothing can be traced here.
fn obstacle() -> Option<String> {
    let mut tried = Command::new("strace");
    let tried = tried.args(["-qq", "-o", "/dev/null", "-e", CALLS, "true"]).output();
    match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("strace: {error}")),
    }
}

/// Says that nothing was tried, where nothing can be traced.
fn is_skipped() -> bool {
    let obstacle = obstacle();
    if let Some(why) = &obstacle {
        let note = "SKIPPED: no run was stopped at a system call, since none can be traced here";
        // Not by `eprintln!`: of a test that passes, nothing is shown that is printed so.
        let mut shown = std::io::stderr();
        writeln!(shown, "{note} ({why})").unwrap();
    }
    obstacle.is_some()
}

/// Lets a run through under strace, as these arguments say: how it ended, and what it said.
fn traced(killed: &Killed, output: &Path, args: &[&str]) -> (ExitStatus, String) {
    let mut command = Command::new("strace");
    command.arg("-qq").arg("-o").arg(output).args(args).arg("--").arg(env!("CARGO_BIN_EXE_bourn"));
    command.args(killed.args()).current_dir(killed.path("")).env("NO_COLOR", "1");
    let ended = killed.in_cache(command).stdin(Stdio::null()).output().unwrap();
    (ended.status, String::from_utf8_lossy(&ended.stderr).into_owned())
}

/// What is to happen when a run comes to a point.
fn inject(point: &Point, what: &str) -> [String; 4] {
    let (call, count) = point;
    let inject = format!("inject={call}:{what}:when={count}");
    ["-e".into(), format!("trace={call}"), "-e".into(), inject]
}

/// All points of a run that begins with nothing.
fn points(killed: &Killed) -> Vec<Point> {
    let trace = killed.path("trace.txt");
    assert!(traced(killed, &trace, &["-e", CALLS]).0.success());
    killed.ends("a run under strace");
    let (mut counts, mut points) = (BTreeMap::<String, usize>::new(), Vec::new());
    for line in fs::read_to_string(trace).unwrap().lines() {
        let Some((call, arguments)) = line.split_once('(') else { continue };
        let count = counts.entry(call.to_owned()).or_default();
        *count += 1;
        // What is opened to be read changes nothing.
        if !call.starts_with("open") || arguments.contains("O_CREAT") {
            points.push((call.to_owned(), *count));
        }
    }
    assert!(points.len() > 100, "{points:?}");
    points
}

/// Begins a run or goes on with it, and kills it at the point; whether it came there.
fn kill_at(killed: &Killed, point: &Point) -> bool {
    let args = inject(point, "signal=KILL");
    let (ended, _) = traced(killed, Path::new("/dev/null"), &args.each_ref().map(String::as_str));
    // strace ends as what it traced.
    ended.signal() == Some(SIGKILL) || ended.code() == Some(128 + SIGKILL)
}

#[test]
fn a_run_that_is_killed_at_a_system_call_ends_as_if_it_never_was() {
    if is_skipped() {
        return;
    }
    let killed = Killed::new();
    let points = points(&killed);
    let (mut rng, wanted) = (rng("calls"), asked("BOURN_CALLS", 30));
    let (mut kills, mut runs) = (BTreeMap::<String, usize>::new(), 0);
    while kills.values().sum::<usize>() < wanted {
        let mut at = Vec::new();
        // The run, and every other time what goes on with it too.
        for _ in 0..=runs % 2 {
            let point = &points[rng.random_range(0..points.len())];
            if kill_at(&killed, point) {
                *kills.entry(point.0.clone()).or_default() += 1;
                at.push(point);
            }
        }
        killed.ends(&format!("kills at {at:?}"));
        runs += 1;
        assert!(runs <= 4 * wanted, "hardly any kill hits: {kills:?}");
    }
    let count: usize = kills.values().sum();
    println!("{runs} runs, killed at {count} of {} system calls: {kills:?}", points.len());
}

/// Calls that a full disk refuses.
const REFUSED: [&str; 7] = ["mkdir", "mkdirat", "open", "openat", "write", "ftruncate", "fsync"];

/// One refused call is the worst of a full disk: it may be the only one that is.
#[test]
fn a_run_that_finds_the_disk_full_says_so_and_goes_on_when_it_is_not() {
    if is_skipped() {
        return;
    }
    let killed = Killed::new();
    let mut points = points(&killed);
    points.retain(|(call, _)| REFUSED.contains(&call.as_str()));
    let (mut rng, wanted) = (rng("full"), asked("BOURN_REFUSALS", 20));
    let mut ended = BTreeMap::<&str, usize>::new();
    for _ in 0..wanted {
        let point = &points[rng.random_range(0..points.len())];
        let args = inject(point, "error=ENOSPC");
        let args = args.each_ref().map(String::as_str);
        let (status, said) = traced(&killed, Path::new("/dev/null"), &args);
        assert!(!said.contains("panicked"), "{point:?}: {said}");
        // A line on a terminal and a guess at a time are not what a run ends for.
        let how = if status.success() { "went on" } else { "said so" };
        assert!(status.success() || said.contains("No space left"), "{point:?}: {said}");
        *ended.entry(how).or_default() += 1;
        killed.ends(&format!("no space at {point:?}"));
    }
    println!("{wanted} runs, refused one of {} system calls: {ended:?}", points.len());
}
