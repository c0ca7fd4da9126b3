//! Runs that are killed at any moment, and files that are not what was written: a seeded campaign, small
//! enough for every change. `BOURN_KILLS`, `BOURN_CALLS` and `BOURN_TAMPERINGS` say how many of each,
//! `BOURN_SEED` which; with `--nocapture` it says what came of them (docs/reliability.md).

// How long a run takes says when it may be killed.
#![allow(clippy::disallowed_methods)]

#[path = "../support/mod.rs"]
mod support;

#[cfg(target_os = "linux")]
mod calls;
mod killed;
mod kills;
mod tamperings;

use std::str::FromStr;

use support::Place;

/// A short base, two steps, a probe before and after each, a checkpoint after each.
const SHORT: [&str; 12] = [
    "train",
    "small.toml",
    "--set",
    "base.steps=20",
    "--set",
    "train.max_steps=2",
    "--set",
    "checkpoint.interval=1",
    "--set",
    "probe.interval=1",
    "--set",
    "probe.problems=4",
];

fn short<'a>(run: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&SHORT[..], &["--run-dir", run], more].concat()
}

/// A number from the environment.
fn asked<T: FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A generator of its own for each part of the campaign.
fn rng(purpose: &str) -> impl rand::Rng {
    bourn_seed::rng(asked("BOURN_SEED", 1), purpose, &[])
}

/// A place with a whole run in it.
fn with_whole(more: &[&str]) -> Place {
    let place = Place::new();
    place.ok(&short("whole", more));
    place
}
