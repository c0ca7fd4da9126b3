//! SIGKILL at random moments, and when something is seen on the disk.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rand::Rng;

use crate::killed::Killed;
use crate::support::names;
use crate::{asked, rng};

/// Kills of one run, one after the other, before it is let through.
const KILLS_OF_A_RUN: usize = 3;

fn start(killed: &Killed) -> Child {
    killed.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Ends a run as a power cut does; whether it was still at work.
fn kill(mut child: Child) -> bool {
    let at_work = child.try_wait().unwrap().is_none();
    // It may end on its own in between.
    let _ = child.kill();
    child.wait().unwrap();
    at_work
}

#[test]
fn a_run_that_is_killed_at_any_moment_ends_as_if_it_never_was() {
    let killed = Killed::new();
    let begun = Instant::now();
    killed.ends("nothing");
    let length = begun.elapsed();

    let (mut rng, wanted) = (rng("kills"), asked("BOURN_KILLS", 20));
    let (mut kills, mut runs) = (0, 0);
    while kills < wanted {
        for _ in 0..rng.random_range(1..=KILLS_OF_A_RUN) {
            let child = start(&killed);
            std::thread::park_timeout(length.mul_f64(rng.random_range(0.0..1.0)));
            kills += usize::from(kill(child));
        }
        killed.ends(&format!("the kills of run {runs}"));
        runs += 1;
        assert!(runs <= 4 * wanted, "{kills} kills hit a run at work");
    }
    println!("{runs} runs, killed {kills} times, ended with the bytes of one that was not");
}

/// What is seen in the run directory when a run is killed: each is there for a moment only, some of them
/// less than it takes to look.
const SIGHTS: [(&str, &str); 13] = [
    ("", ".lock"),
    ("", "recipe.toml"),
    ("", "metrics.jsonl"),
    ("tensorboard", "policy"),
    ("boundary", ".ledger-"),
    ("boundary", "base-"),
    ("boundary", "step-000000-heldout.json"),
    ("", "timing.jsonl"),
    ("checkpoints", ".writing-"),
    ("checkpoints", "step-000001"),
    ("boundary", "step-000002-heldout.draws"),
    ("checkpoints", "step-000002"),
    ("checkpoints", ".removing-"),
];

#[test]
fn a_run_that_is_killed_when_something_appears_ends_as_if_it_never_was() {
    let killed = Killed::new();
    let mut seen = 0;
    for (dir, begins) in SIGHTS {
        let mut child = start(&killed);
        let dir: PathBuf = killed.run().join(dir);
        let there = || dir.is_dir() && names(&dir).iter().any(|name| name.starts_with(begins));
        while child.try_wait().unwrap().is_none() && !there() {
            std::thread::park_timeout(Duration::from_micros(50));
        }
        seen += usize::from(kill(child));
        killed.ends(&format!("a kill at {begins}"));
    }
    println!("{seen} of {} sights were seen in time", SIGHTS.len());
    // What stays there is seen.
    assert!(seen >= 6, "{seen}");
}
