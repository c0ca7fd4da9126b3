//! What a run leaves on the disk: every state that a kill can leave goes on by the command that is named,
//! and what is not as it was written is named.

#[path = "../support/mod.rs"]
mod support;

mod life;

use std::fs;
use std::path::Path;
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

/// Earlier versions stated neither the sizes of files nor what the run had written.
#[test]
fn a_checkpoint_of_an_earlier_version_goes_on() {
    let place = Place::new();
    place.ok(&short("whole", &[]));
    place.ok(&short("run", &["--max-steps", "1"]));
    let checkpoint = place.path("run/checkpoints/step-000001");
    fs::remove_file(checkpoint.join("written.json")).unwrap();
    support::seal(&checkpoint);
    let manifest = checkpoint.join("MANIFEST.json");
    let mut stated: serde_json::Value =
        serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    // One that states sizes is not of such a version.
    let error = place.fails(&short("run", &["--resume"]));
    assert!(error.contains("written.json: is missing"), "{error}");
    stated.as_object_mut().unwrap().remove("bytes").unwrap();
    fs::write(manifest, stated.to_string()).unwrap();

    copy(&place.path("run"), &place.path("cut"));
    let resumed = place.bourn(&short("run", &["--resume"]));
    let said = text(&resumed.stderr);
    assert!(said.contains("resuming at step 1") && !said.contains("warning"), "{said}");
    assert_same_run(&place.path("whole"), &place.path("run"));

    // That every step has a line is known of it all the same.
    let metrics = place.path("cut/metrics.jsonl");
    let whole = fs::read_to_string(&metrics).unwrap();
    fs::write(&metrics, whole.split_inclusive('\n').next().unwrap()).unwrap();
    let said = text(&place.bourn(&short("cut", &["--resume"])).stderr);
    assert!(said.contains("metrics.jsonl: lines of step 1 are missing"), "{said}");
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
    damaged("whole", &remove("recipe.toml"));
    let report = place.bourn(&["report", "run"]);
    let said = text(&report.stderr);
    assert!(report.status.success() && said.contains("recipe.toml is missing"), "{said}");
    let error = place.fails(&["probe", "--run", "run"]);
    assert!(error.contains("--resume") && error.contains("puts it back"), "{error}");
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
    // A report that was killed has left this; it is for nobody else to delete.
    fs::write(place.path("out/.report-cd.tmp"), "half").unwrap();
    place.ok(&probe);
    fs::remove_file(place.path("out/.report-cd.tmp")).unwrap();
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
