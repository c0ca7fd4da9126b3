//! What a run leaves on the disk: every state that a kill can leave goes on by the command that is named,
//! and what is not as it was written is named.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use support::{Place, assert_same_run, copy, files, names, text};

/// Short enough to be done again from dozens of states: two steps, a probe before and after each, a
/// checkpoint after each, of which the last stays.
const SHORT: [&str; 12] = [
    "train",
    "small.toml",
    "--set",
    "train.max_steps=2",
    "--set",
    "checkpoint.interval=1",
    "--set",
    "checkpoint.keep_last=1",
    "--set",
    "probe.interval=1",
    "--set",
    "probe.problems=4",
];

fn short<'a>(run: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&SHORT[..], &["--run-dir", run], more].concat()
}

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

#[test]
fn a_manifest_that_is_emptied_and_a_file_that_is_slipped_in_are_refused() {
    let place = Place::new();
    place.ok(&short("run", &["--max-steps", "1"]));
    place.ok(&short("other", &["--max-steps", "1", "--set", "seed=8"]));
    let weights = "checkpoints/step-000001/model.safetensors";
    let manifest = place.path("run/checkpoints/step-000001/MANIFEST.json");
    let refused = |parts: &[&str]| {
        let error = place.fails(&short("run", &["--resume"]));
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?}: {error}");
    };
    let [own, listed] = [&place.path("run").join(weights), &manifest].map(|f| fs::read(f).unwrap());
    fs::copy(place.path("other").join(weights), place.path("run").join(weights)).unwrap();
    refused(&["model.safetensors", "checksum"]);
    fs::write(&manifest, "{\"blake3\": {}}").unwrap();
    refused(&["MANIFEST.json", "does not name config.json"]);
    // All but the weights are listed.
    let text = String::from_utf8(listed.clone()).unwrap();
    let line = |line: &&str| !line.contains("model.safetensors");
    let kept: Vec<&str> = text.lines().filter(line).collect();
    fs::write(&manifest, kept.join("\n")).unwrap();
    refused(&["MANIFEST.json", "does not name model.safetensors"]);
    fs::write(place.path("run").join(weights), own).unwrap();
    fs::write(&manifest, listed).unwrap();

    let stray = place.path("run/checkpoints/step-000001/reference.safetensors");
    fs::copy(place.path("other").join(weights), &stray).unwrap();
    refused(&["reference.safetensors", "move it away"]);
    fs::rename(stray, place.path("away")).unwrap();
    place.ok(&short("run", &["--resume"]));

    // A base of the cache is sealed likewise.
    let base = fs::read_dir(place.path("cache/bases")).unwrap().next().unwrap().unwrap().path();
    fs::write(base.join("generation.json"), "{}").unwrap();
    let error = place.fails(&short("new", &[]));
    assert!(error.contains("generation.json") && error.contains("move it away"), "{error}");
    fs::remove_file(base.join("generation.json")).unwrap();
    fs::write(base.join("MANIFEST.json"), "{\"blake3\": {}}").unwrap();
    let error = place.fails(&short("new", &[]));
    assert!(error.contains("does not name") && error.contains("is pretrained again"), "{error}");
    fs::remove_dir_all(base).unwrap();
    place.ok(&short("new", &[]));
}

/// Where the recipe holds the policy against a reference of its own, that is part of the checkpoint.
#[test]
fn a_reference_that_is_gone_is_missed() {
    let place = Place::new();
    let prorl = ["--set", "algorithm.name=prorl", "--set", "algorithm.reset_interval=1"];
    place.ok(&short("run", &[&prorl[..], &["--max-steps", "1"]].concat()));
    let checkpoint = place.path("run/checkpoints/step-000001");
    fs::remove_file(checkpoint.join("reference.safetensors")).unwrap();
    support::seal(&checkpoint);
    let error = place.fails(&short("run", &[&prorl[..], &["--resume"]].concat()));
    assert!(error.contains("reference.safetensors: is missing"), "{error}");
}

#[test]
fn what_is_missing_of_a_run_is_named_and_the_run_goes_on() {
    let place = Place::new();
    place.ok(&short("whole", &[]));
    place.ok(&short("part", &["--max-steps", "1"]));
    let whole = place.path("whole");
    let damaged = |from: &str, change: &dyn Fn(&Path)| {
        let run = place.path("run");
        let _ = fs::remove_dir_all(&run);
        copy(&place.path(from), &run);
        change(&run);
    };
    let resumed = |parts: &[&str]| {
        let resumed = place.bourn(&short("run", &["--resume"]));
        let said = text(&resumed.stderr);
        assert!(resumed.status.success(), "{said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{parts:?}: {said}");
        assert_eq!(said.contains("warning"), !parts.is_empty(), "{said}");
    };
    let remove = |name: &'static str| move |run: &Path| fs::remove_file(run.join(name)).unwrap();
    let put = |name: &'static str, with: &'static str| {
        move |run: &Path| fs::write(run.join(name), with).unwrap()
    };

    // The recipe is in the checkpoint too.
    for change in [&remove("recipe.toml") as &dyn Fn(&Path), &put("recipe.toml", "seed = 8\n")] {
        damaged("part", change);
        let error = place.fails(&short("run", &[]));
        assert!(error.contains("--resume"), "{error}");
        resumed(&["recipe.toml", "put back"]);
        assert_same_run(&whole, &place.path("run"));
    }
    // With another recipe on the command line and in the directory, the checkpoint still knows.
    damaged("part", &|_| {});
    let older = fs::read_to_string(whole.join("recipe.toml")).unwrap();
    let older = older.replacen("max_steps = 2", "max_steps = 9", 1);
    fs::write(place.path("run/recipe.toml"), &older).unwrap();
    fs::write(place.path("older.toml"), &older).unwrap();
    let error = place.fails(&["train", "older.toml", "--run-dir", "run", "--resume"]);
    assert!(error.contains("train.max_steps") && error.contains("was 2 and is 9"), "{error}");

    // Before the first checkpoint nothing else has it, and the error says what has.
    damaged("part", &|run| {
        fs::remove_file(run.join("recipe.toml")).unwrap();
        fs::remove_dir_all(run.join("checkpoints")).unwrap();
    });
    for more in [&[][..], &["--resume"]] {
        let error = place.fails(&short("run", more));
        assert!(error.contains("bourn recipe show") && error.contains("--resume"), "{error}");
    }
    let shown = [&["recipe", "show"], &SHORT[1..]].concat();
    fs::write(place.path("run/recipe.toml"), place.ok(&shown)).unwrap();
    place.ok(&short("run", &["--resume"]));
    assert_same_run(&whole, &place.path("run"));

    // Records: what is lost stays lost, and is said each time.
    let gone = ["metrics.jsonl", "is missing"];
    damaged("part", &remove("metrics.jsonl"));
    resumed(&gone);
    resumed(&["metrics.jsonl: lines of steps 0 to 1 are missing"]);
    damaged("part", &put("metrics.jsonl", ""));
    resumed(&["metrics.jsonl: lines of steps 0 to 1 are missing"]);
    let weights = "checkpoints/step-000002/model.safetensors";
    let read = |run: &str| fs::read(place.path(run).join(weights)).unwrap();
    assert!(read("whole") == read("run"), "the training has changed");
    damaged("whole", &|run| {
        let path = run.join("metrics.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("\"train/reward\":0.", "\"train/reward\":1.", 1)).unwrap();
    });
    resumed(&["metrics.jsonl: line 2 is not one that the run wrote"]);
    let figures = "boundary/step-000002-heldout.json";
    damaged("whole", &|run| {
        fs::copy(run.join("boundary/step-000000-heldout.json"), run.join(figures)).unwrap();
    });
    resumed(&[figures]);
    // A report says it too, on standard error and on the page.
    let report = place.bourn(&["report", "run"]);
    assert!(text(&report.stderr).contains("step-000002-heldout.json is not the file"));
    let page = fs::read_to_string(place.path("run/report.html")).unwrap();
    assert!(page.contains("Not as it was written"));
    damaged("whole", &|_| {});
    resumed(&[]);
    let report = place.bourn(&["report", "run"]);
    assert!(report.status.success() && report.stderr.is_empty(), "{}", text(&report.stderr));
    // The base's draws are written again by the next probe.
    let base = "boundary/base-heldout.draws.jsonl.zst";
    damaged("part", &put(base, "torn"));
    resumed(&[base]);
    assert_same_run(&whole, &place.path("run"));
}

#[test]
fn a_place_that_holds_something_else_is_left_alone() {
    let place = Place::new();
    fs::create_dir(place.path("mine")).unwrap();
    for name in ["notes.txt", "metrics.jsonl"] {
        fs::write(place.path("mine").join(name), "mine").unwrap();
        for more in [&[][..], &["--resume"]] {
            let error = place.fails(&short("mine", more));
            assert!(error.contains(name) && error.contains("--run-dir"), "{error}");
        }
        assert_eq!(names(&place.path("mine")), [name]);
        fs::remove_file(place.path("mine").join(name)).unwrap();
    }
    // The lock of something else.
    fs::write(place.path("mine/.lock"), "mine").unwrap();
    place.fails(&short("mine", &[]));
    assert_eq!(fs::read(place.path("mine/.lock")).unwrap(), b"mine");
}

/// Names on Linux are bytes.
#[test]
#[cfg(target_os = "linux")]
fn names_that_are_no_text_train_and_resume() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let [odd, cache] = [b"r\xffn", b"c\xffe"].map(|name| OsStr::from_bytes(name));
    let run = |more: &[&str]| {
        let mut command = place.command(&SHORT);
        command.arg("--run-dir").arg(odd).args(more).env("BOURN_CACHE", cache);
        let ended = command.output().unwrap();
        assert!(ended.status.success(), "{}", text(&ended.stderr));
        text(&ended.stderr)
    };
    run(&["--max-steps", "1"]);
    assert!(run(&["--resume"]).contains("resuming at step 1"));
    place.ok(&short("whole", &[]));
    assert_same_run(&place.path("whole"), &place.path("").join(odd));
}

/// A directory that is taken away under a run is not made anew, whoever has it now.
#[test]
fn a_run_whose_directory_vanishes_says_so() {
    let place = Place::new();
    let hours = ["--set", "train.max_steps=1000000", "--set", "probe.interval=2"];
    for (run, replaced) in [("moved", false), ("replaced", true)] {
        let args = [&["train", "small.toml", "--run-dir", run], &hours[..]].concat();
        let mut child =
            place.command(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        while !place.path(run).join("checkpoints/step-000002").exists() {
            assert!(child.try_wait().unwrap().is_none(), "the run ended");
            std::thread::park_timeout(Duration::from_millis(2));
        }
        fs::rename(place.path(run), place.path("elsewhere")).unwrap();
        if replaced {
            fs::create_dir(place.path(run)).unwrap();
        }
        let ended = child.wait_with_output().unwrap();
        let said = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.contains("was moved, replaced or deleted"), "{said}");
        assert_eq!(place.path(run).exists(), replaced, "it was made anew");
        if replaced {
            // It had none of its own.
            fs::remove_dir_all(place.path(run)).unwrap();
        }
        // Put back, it goes on.
        fs::rename(place.path("elsewhere"), place.path(run)).unwrap();
        let resumed = [&args[..], &["--resume", "--max-steps", "3"]].concat();
        let resumed = place.bourn(&resumed);
        assert!(text(&resumed.stderr).contains("resuming at step"), "{}", text(&resumed.stderr));
    }
}

/// What a killed process leaves in the cache is cleared up by the next, unless somebody is writing.
#[test]
fn the_cache_is_cleared_up() {
    let place = Place::new();
    place.ok(&short("first", &[]));
    let bases = place.path("cache/bases");
    let key = names(&bases).remove(0);
    fs::create_dir(bases.join(".writing-ab")).unwrap();
    fs::write(bases.join(".writing-ab/model.safetensors"), "half").unwrap();
    fs::create_dir(bases.join(format!(".removing-{key}.unfinished"))).unwrap();
    let forecasts = place.path("cache/forecasts");
    fs::write(forecasts.join(".writing-cd"), "half").unwrap();
    // Killed while the base took the place of one of its name.
    fs::rename(bases.join(&key), bases.join(format!(".replaced-{key}"))).unwrap();
    let again = place.bourn(&[&short("second", &[])[..], &["-v"]].concat());
    assert!(text(&again.stderr).contains("reusing"), "{}", text(&again.stderr));
    assert_eq!(names(&bases), [key]);
    assert!(names(&forecasts).iter().all(|name| !name.starts_with('.')));
}

/// What is left of a probe that was killed while it wrote is replaced by the same command.
#[test]
fn a_probe_that_was_killed_while_it_wrote_is_made_by_the_same_command() {
    let place = Place::new();
    place.ok(&short("run", &[]));
    let probe = ["probe", "--run", "run", "--output", "out"];
    place.ok(&probe);
    place.ok(&["report", "out"]);
    let whole = files(&place.path("out"));
    fs::remove_file(place.path("out/probe.json")).unwrap();
    fs::write(place.path("out/.writing-ab"), "half").unwrap();
    place.ok(&probe);
    assert!(files(&place.path("out")) == whole, "the probes differ");
    // Its own file knows the others.
    fs::copy(
        place.path("run/boundary/step-000000-heldout.json"),
        place.path("out/boundary/step-000002-heldout.json"),
    )
    .unwrap();
    let report = place.bourn(&["report", "out"]);
    assert!(text(&report.stderr).contains("is not the file that was written"));
}
