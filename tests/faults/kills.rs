//! SIGKILL at random moments, and when something is seen on the disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rand::Rng;

use crate::support::{Place, assert_same_run, names, text};
use crate::{asked, rng, short, with_whole};

/// Kills of one run, one after the other, before it is let through.
const KILLS_OF_A_RUN: usize = 3;
const KEEP: [&str; 2] = ["--set", "checkpoint.keep_last=1"];

fn start(place: &Place, resume: bool) -> Child {
    let more = [&KEEP[..], if resume { &["--resume"] } else { &[] }].concat();
    let mut command = place.command(&short("killed", &more));
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Whether the next command has to say `--resume`: what it is told if it does not.
fn is_begun(place: &Place) -> bool {
    place.path("killed/recipe.toml").exists()
}

/// Goes on until the run is done: it must be the one that was not killed.
fn ends_as(place: &Place, whole: &Path, after: &str) {
    let resume: &[&str] = if is_begun(place) { &["--resume"] } else { &[] };
    let ended = place.bourn(&short("killed", &[&KEEP[..], resume].concat()));
    let said = text(&ended.stderr);
    assert!(ended.status.success(), "after {after}: {said}");
    assert!(!said.contains("damaged"), "after {after}: {said}");
    assert_same_run(whole, &place.path("killed"));
    fs::remove_dir_all(place.path("killed")).unwrap();
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
    let place = with_whole(&KEEP);
    let whole = place.path("whole");
    let begun = Instant::now();
    place.ok(&short("killed", &KEEP));
    let length = begun.elapsed();
    fs::remove_dir_all(place.path("killed")).unwrap();

    let (mut rng, runs) = (rng("kills"), asked("BOURN_KILLS", 20));
    let mut kills = 0;
    for run in 0..runs {
        for _ in 0..rng.random_range(1..=KILLS_OF_A_RUN) {
            let child = start(&place, is_begun(&place));
            std::thread::park_timeout(length.mul_f64(rng.random_range(0.0..1.0)));
            kills += usize::from(kill(child));
        }
        ends_as(&place, &whole, &format!("the kills of run {run}"));
    }
    println!("{runs} runs, killed {kills} times, ended with the bytes of one that was not");
    assert!(kills * 2 >= runs, "{kills} kills hit a run at work");
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
    let place = with_whole(&KEEP);
    let whole = place.path("whole");
    let mut seen = 0;
    for (dir, begins) in SIGHTS {
        let mut child = start(&place, false);
        let dir: PathBuf = place.path("killed").join(dir);
        let there = || dir.is_dir() && names(&dir).iter().any(|name| name.starts_with(begins));
        while child.try_wait().unwrap().is_none() && !there() {
            std::thread::park_timeout(Duration::from_micros(50));
        }
        seen += usize::from(kill(child));
        ends_as(&place, &whole, &format!("a kill at {begins}"));
    }
    println!("{seen} of {} sights were seen in time", SIGHTS.len());
    // What stays there is seen.
    assert!(seen >= 6, "{seen}");
}
