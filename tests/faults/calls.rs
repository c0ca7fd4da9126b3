//! SIGKILL when a run enters a system call that changes the disk: by strace, where there is one that may
//! trace. `scripts/kill_everywhere.sh` takes every such call of a run instead of some.

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

/// Lets a run through under strace, as these arguments say.
fn traced(killed: &Killed, output: &Path, args: &[&str]) -> ExitStatus {
    let mut command = Command::new("strace");
    command.arg("-qq").arg("-o").arg(output).args(args).arg("--").arg(env!("CARGO_BIN_EXE_bourn"));
    command.args(killed.args()).current_dir(killed.path("")).env("NO_COLOR", "1");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    killed.in_cache(command).status().unwrap()
}

/// All points of a run that begins with nothing.
fn points(killed: &Killed) -> Vec<Point> {
    let trace = killed.path("trace.txt");
    assert!(traced(killed, &trace, &["-e", CALLS]).success());
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
fn kill_at(killed: &Killed, (call, count): &Point) -> bool {
    let inject = format!("inject={call}:signal=KILL:when={count}");
    let only = format!("trace={call}");
    let ended = traced(killed, Path::new("/dev/null"), &["-e", &only, "-e", &inject]);
    // strace ends as what it traced.
    ended.signal() == Some(SIGKILL) || ended.code() == Some(128 + SIGKILL)
}

#[test]
fn a_run_that_is_killed_at_a_system_call_ends_as_if_it_never_was() {
    if let Some(obstacle) = obstacle() {
        let note = "no run was killed at a system call, since none can be traced here";
        // Of a test that passes, what is printed is not shown.
        writeln!(std::io::stderr(), "SKIPPED: {note} ({obstacle})").unwrap();
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
