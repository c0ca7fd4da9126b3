//! The real binary on a small recipe, in a directory of its own.

// Each test file has a copy of this module, and none uses all of it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::thread::spawn;
use std::time::Duration;

use tempfile::TempDir;

/// A recipe that trains in seconds: two layers, a short base, four steps, probes at 0, 2 and 4.
pub(crate) const RECIPE: &str = r#"
seed = 7
[model]
architecture = { hidden_size = 32, num_layers = 2, num_heads = 2, intermediate_size = 64, max_position = 48 }
[base]
steps = 150
batch_size = 64
lr = 3e-3
warmup_steps = 5
demonstrations = { correct = 0.7, random = 0.3 }
[[task]]
kind = "countdown"
numbers = 2
range = [1, 9]
target = [1, 81]
train_problems = 64
[rollout]
prompts_per_step = 8
num_generations = 4
max_prompt_length = 16
max_completion_length = 10
[algorithm]
name = "grpo"
[optimizer]
lr = 1e-3
[train]
max_steps = 4
num_iterations = 2
minibatches = 2
micro_batch_size = 8
[probe]
interval = 2
problems = 6
n_max = 8
stop = 2
resamples = 200
[[probe.sampler]]
temperature = 1.0
top_p = 1.0
[checkpoint]
interval = 2
keep_last = 0
"#;

/// A directory with the recipe in it and a cache of its own.
pub(crate) struct Place {
    dir: TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(dir.path().join("small.toml"), RECIPE).expect("the recipe is written");
        Place { dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `bourn` with these arguments, in this directory.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bourn"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .env("BOURN_CACHE", self.path("cache"))
            .env("NO_COLOR", "1");
        command
    }

    pub(crate) fn bourn(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the binary runs")
    }

    /// Runs a command that might never end; here it is ended after a minute.
    pub(crate) fn within_a_minute(&self, command: &mut Command) -> Output {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.expect("the binary starts");
        let id = child.id().to_string();
        let (ended, end) = channel();
        spawn(move || ended.send(child.wait_with_output()));
        match end.recv_timeout(Duration::from_secs(60)) {
            Ok(output) => output.expect("what it says is read"),
            Err(_) => {
                let _ = Command::new("kill").args(["-KILL", &id]).status();
                panic!("{command:?} has not ended within a minute");
            }
        }
    }

    /// Runs and expects success; returns standard output.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let output = self.bourn(args);
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Starts, waits until standard error says `until`, sends the signal and waits for the end: the exit
    /// code, and all that was said.
    pub(crate) fn signalled(
        &self,
        args: &[&str],
        until: &str,
        signal: &str,
    ) -> (Option<i32>, String) {
        let mut command = self.command(args);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut log = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut said = String::new();
        while !said.contains(until) {
            let read = log.read_line(&mut said).expect("it is text");
            assert!(read > 0, "{args:?} ended before it said {until:?}: {said}");
        }
        let id = child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().expect("there is kill");
        assert!(sent.success());
        log.read_to_string(&mut said).expect("it is text");
        (child.wait().expect("it ends").code(), said)
    }

    /// Runs and expects failure; returns standard error.
    pub(crate) fn fails(&self, args: &[&str]) -> String {
        let output = self.bourn(args);
        let stderr = text(&output.stderr);
        assert!(!output.status.success(), "{args:?} succeeded: {}", text(&output.stdout));
        assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
        stderr
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every file below `dir` but those whose bytes hold the time of day, with its content.
pub(crate) fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut waiting = vec![dir.to_path_buf()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(&next).expect("the directory is read") {
            let path = entry.expect("the entry is read").path();
            let name = path.strip_prefix(dir).expect("it is below").display().to_string();
            if path.is_dir() {
                waiting.push(path);
            } else if !name.starts_with("tensorboard")
                // These say how long things took.
                && !["timing.jsonl", "report.html"].contains(&name.as_str())
            {
                found.push((name, fs::read(&path).expect("the file is read")));
            }
        }
    }
    found.sort();
    found
}

/// Two runs left the same files with the same bytes.
pub(crate) fn assert_same_run(a: &Path, b: &Path) {
    let (a, b) = (files(a), files(b));
    let names = |files: &[(String, Vec<u8>)]| -> Vec<String> {
        files.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&a), names(&b));
    for ((name, a), (_, b)) in a.iter().zip(&b) {
        assert!(a == b, "{name} differs");
    }
}

/// Names of everything in a directory, in order.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("the directory is read");
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.expect("the entry is read").file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

/// Copies a directory with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the directory is made");
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        match from.is_dir() {
            true => copy(&from, &to),
            false => drop(fs::copy(from, to).expect("the file is copied")),
        }
    }
}

/// Writes the manifest of a sealed directory that was altered, as somebody would who wants it loaded.
pub(crate) fn seal(dir: &Path) {
    let manifest = dir.join("MANIFEST.json");
    let (mut hashes, mut sizes) = (serde_json::Map::new(), serde_json::Map::new());
    for name in names(dir).into_iter().filter(|name| name != "MANIFEST.json") {
        let bytes = fs::read(dir.join(&name)).expect("the file is read");
        hashes.insert(name.clone(), blake3::hash(&bytes).to_hex().to_string().into());
        sizes.insert(name, bytes.len().into());
    }
    let text = serde_json::json!({ "blake3": hashes, "bytes": sizes });
    fs::write(manifest, format!("{text:#}\n")).expect("the manifest is written");
}
