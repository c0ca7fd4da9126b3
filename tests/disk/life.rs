//! Every state of a run directory, one after the other, as if the run were killed in it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::short;
use crate::support::{self, Place, assert_same_run, copy, names, text};

/// What a run does to its directory, in order; `whole` is one that ended, `stopped` one that ended after
/// its first step.
struct Life<'a> {
    whole: &'a Path,
    stopped: &'a Path,
    run: PathBuf,
    /// Called after each deed, as if the run were killed there.
    each: &'a mut dyn FnMut(&Path, &str),
    states: usize,
}

impl Life<'_> {
    fn deed(&mut self, what: &str) {
        self.states += 1;
        (self.each)(&self.run, what);
    }

    fn put(&mut self, name: &str, bytes: &[u8]) {
        let path = self.run.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self.deed(name);
    }

    /// A file that is written beside its place and renamed.
    fn publish(&mut self, dir: &str, name: &str, scratch: &str) {
        let bytes = fs::read(self.whole.join(dir).join(name)).unwrap();
        let beside = self.run.join(dir).join(scratch);
        self.put(Path::new(dir).join(scratch).to_str().unwrap(), &bytes[..bytes.len() / 2]);
        fs::write(&beside, bytes).unwrap();
        fs::rename(beside, self.run.join(dir).join(name)).unwrap();
        self.deed(name);
    }

    /// Lines of a step, the last of them half at first.
    fn lines(&mut self, name: &str, step: &str, which: &str) {
        let whole = fs::read_to_string(self.whole.join(name)).unwrap();
        let own =
            |line: &&str| line.starts_with(&format!("{{\"step\":{step},")) && line.contains(which);
        let lines: String = whole.split_inclusive('\n').filter(own).collect();
        assert!(!lines.is_empty(), "{name} has no {which} of step {step}");
        let before = fs::read_to_string(self.run.join(name)).unwrap_or_default();
        self.put(name, format!("{before}{}", &lines[..lines.len() - 20]).as_bytes());
        self.put(name, format!("{before}{lines}").as_bytes());
    }

    fn probe(&mut self, step: &str) {
        fs::create_dir_all(self.run.join("boundary")).unwrap();
        let stem = format!("step-00000{step}-heldout");
        self.publish("boundary", &format!("{stem}.draws.jsonl.zst"), ".ledger-ab.tmp");
        if step == "0" {
            self.publish("boundary", "base-heldout.draws.jsonl.zst", ".ledger-cd.tmp");
        }
        self.publish("boundary", &format!("{stem}.png"), ".writing-ef");
        self.publish("boundary", &format!("{stem}.json"), ".writing-gh");
        self.lines("metrics.jsonl", step, "boundary/");
        self.lines("timing.jsonl", step, "probe");
    }

    /// A checkpoint is filled, file by file, and takes its name.
    fn checkpoint(&mut self, of: &Path, name: &str) {
        let (from, to) = (of.join("checkpoints").join(name), "checkpoints/.writing-ij");
        let mut all = names(&from);
        // It is written last.
        all.retain(|file| file != "MANIFEST.json");
        for file in all.iter().map(String::as_str).chain(["MANIFEST.json"]) {
            self.put(&format!("{to}/{file}"), &fs::read(from.join(file)).unwrap());
        }
        fs::rename(self.run.join(to), self.run.join("checkpoints").join(name)).unwrap();
        self.deed(name);
    }

    /// A checkpoint gives up its name and goes, file by file.
    fn remove_checkpoint(&mut self, name: &str) {
        let checkpoints = self.run.join("checkpoints");
        let aside = checkpoints.join(format!(".removing-{name}"));
        fs::rename(checkpoints.join(name), &aside).unwrap();
        self.deed("renaming what is to be deleted");
        for file in names(&aside) {
            fs::remove_file(aside.join(file)).unwrap();
            self.deed("deleting");
        }
        fs::remove_dir(aside).unwrap();
        self.deed("deleted");
    }

    fn live(&mut self) {
        fs::create_dir(&self.run).unwrap();
        self.deed("nothing");
        self.put(".lock", b"");
        self.publish("", "recipe.toml", ".writing-kl");
        self.put("metrics.jsonl", b"");
        self.put("tensorboard/base/events.out.tfevents.1.bourn", b"");
        self.probe("0");
        self.lines("metrics.jsonl", "1", "train/reward");
        self.lines("timing.jsonl", "1", "step_time");
        self.probe("1");
        let (whole, stopped) = (self.whole, self.stopped);
        self.checkpoint(stopped, "step-000001");
        self.lines("metrics.jsonl", "2", "train/reward");
        self.lines("timing.jsonl", "2", "step_time");
        self.probe("2");
        self.checkpoint(whole, "step-000002");
        self.remove_checkpoint("step-000001");
    }
}

#[test]
fn every_state_that_a_kill_leaves_goes_on_by_the_command_that_is_named() {
    let place = Place::new();
    place.ok(&short("whole", &[]));
    // Killed after its first checkpoint, which is that of a run that was not stopped.
    let keep = ["--set", "checkpoint.keep_last=0"];
    place.ok(&short("all", &keep));
    let whole = place.path("whole");
    let stopped = place.path("stopped");
    copy(&place.path("all"), &stopped);
    with_recipe_of(&stopped.join("checkpoints/step-000001"), &whole);

    let mut each = |run: &Path, what: &str| {
        let goes_on = |first: &[&str], then: &[&str], hint: &str| {
            let state = place.path("state");
            let _ = fs::remove_dir_all(&state);
            copy(run, &state);
            let tried = place.bourn(&short("state", first));
            let mut said = text(&tried.stderr);
            if !tried.status.success() {
                assert!(said.contains(hint), "after {what}, {first:?}: {said}");
                let ended = place.bourn(&short("state", then));
                said = text(&ended.stderr);
                assert!(ended.status.success(), "after {what}, {then:?}: {said}");
            }
            assert!(!said.contains("damaged") && !said.contains("missing"), "after {what}: {said}");
            assert_same_run(&whole, &state);
            tried.status.success()
        };
        // Which of the two goes on is decided by whether the recipe is there.
        let begun = run.join("recipe.toml").exists();
        let fresh = goes_on(&[], &["--resume"], "--resume");
        assert_eq!(fresh, !begun, "after {what}");
        if fresh {
            assert!(!goes_on(&["--resume"], &[], "start without --resume"), "after {what}");
        }
    };
    let run = place.path("life");
    let mut life = Life { whole: &whole, stopped: &stopped, run, each: &mut each, states: 0 };
    life.live();
    assert!(life.states > 60, "{}", life.states);
    let life = life.run;
    // What was played is what is done.
    assert_same_run(&whole, &life);
}

/// Makes a checkpoint one of the run in `run`, whose recipe differs in what is kept.
fn with_recipe_of(checkpoint: &Path, run: &Path) {
    let path = checkpoint.join("written.json");
    let mut written: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    written["recipe"] = fs::read_to_string(run.join("recipe.toml")).unwrap().into();
    fs::write(&path, format!("{written}\n")).unwrap();
    support::seal(checkpoint);
}
