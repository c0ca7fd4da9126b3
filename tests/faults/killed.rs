//! A run that is killed, with a cache of its own, and what must come of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Place, assert_same_run, text};
use crate::{short, with_whole};

const RUN: &str = "killed";
const CACHE: &str = "killed-cache";
/// Old checkpoints are deleted on the way, and so are there to be killed at.
const KEEP: [&str; 2] = ["--set", "checkpoint.keep_last=1"];

/// A run that was not killed, and one that is, as often as is wanted.
pub(crate) struct Killed {
    place: Place,
}

impl Killed {
    pub(crate) fn new() -> Killed {
        Killed { place: with_whole(&KEEP) }
    }

    /// A path in its place.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.place.path(name)
    }

    /// The run that is to be killed.
    pub(crate) fn run(&self) -> std::path::PathBuf {
        self.place.path(RUN)
    }

    /// The arguments of the command that goes on, or begins.
    pub(crate) fn args(&self) -> Vec<&str> {
        // Without its recipe there is nothing yet, and `--resume` would be refused.
        let begun = self.run().join("recipe.toml").exists();
        short(RUN, &[&KEEP[..], if begun { &["--resume"] } else { &[] }].concat())
    }

    /// That command.
    pub(crate) fn command(&self) -> Command {
        self.in_cache(self.place.command(&self.args()))
    }

    /// Gives a command the cache.
    pub(crate) fn in_cache(&self, mut command: Command) -> Command {
        command.env("BOURN_CACHE", self.path(CACHE));
        command
    }

    /// Goes on until the run is done: it must be the one that was not killed, and nothing half-written
    /// is left of it. Then it is deleted.
    pub(crate) fn ends(&self, after: &str) {
        let ended = self.command().output().unwrap();
        let said = text(&ended.stderr);
        assert!(ended.status.success(), "after {after}: {said}");
        assert!(!said.contains("damaged"), "after {after}: {said}");
        assert_same_run(&self.path("whole"), &self.run());
        for place in [self.run(), self.path(CACHE)] {
            let left = unfinished(&place);
            assert!(left.is_empty(), "after {after}, there is {left:?}");
        }
        self.forget();
    }

    /// Deletes the run and its cache.
    pub(crate) fn forget(&self) {
        let _ = fs::remove_dir_all(self.run());
        let _ = fs::remove_dir_all(self.path(CACHE));
    }
}

/// Hidden names below `dir` but those of locks.
fn unfinished(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') && name != ".lock" {
            found.push(name);
        } else if entry.path().is_dir() {
            found.extend(unfinished(&entry.path()));
        }
    }
    found
}
