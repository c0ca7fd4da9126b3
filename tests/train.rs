//! `bourn train`, driven as a user drives it.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::{Place, RECIPE, assert_same_run, files, text};

fn metrics(run: &Path) -> Vec<BTreeMap<String, Value>> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits until `path` exists; a hang is the test harness's to report.
fn wait_for(path: &Path, child: &mut Child) {
    while !path.exists() {
        if let Some(status) = child.try_wait().unwrap() {
            panic!("the run ended ({status}) before {} was there", path.display());
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

#[test]
fn a_run_ends_with_its_boundary_and_leaves_what_it_says() {
    let place = Place::new();
    let first = place.bourn(&["train", "small.toml", "--full", "-v"]);
    let (table, log) = (text(&first.stdout), text(&first.stderr));
    assert!(first.status.success(), "{log}");
    for part in
        ["k", "base %", "policy %", "kept", "never solved again", "entropy", "Δ_SE", "tensorboard"]
    {
        assert!(table.contains(part), "the table lacks {part}:\n{table}");
    }
    assert!(log.contains("base: pretraining"), "{log}");

    let run = place.path("runs/small");
    every_file_follows_the_umask(&run);
    every_file_follows_the_umask(&place.path("cache"));
    let checkpoint = run.join("checkpoints/step-000004");
    for file in ["model.safetensors", "config.json", "tokenizer.json", "optimizer.safetensors"] {
        assert!(checkpoint.join(file).is_file(), "the checkpoint lacks {file}");
    }
    assert!(fs::read_dir(run.join("tensorboard")).unwrap().next().is_some());

    let lines = metrics(&run);
    let trained: Vec<u64> = lines
        .iter()
        .filter(|line| line.contains_key("train/reward"))
        .map(|line| line["step"].as_u64().unwrap())
        .collect();
    assert_eq!(trained, [1, 2, 3, 4]);
    let probed: Vec<u64> = lines
        .iter()
        .filter(|line| line.contains_key("boundary/heldout/policy/pass@1"))
        .map(|line| line["step"].as_u64().unwrap())
        .collect();
    assert_eq!(probed, [0, 2, 4]);
    for line in lines.iter().filter(|line| line.contains_key("train/reward")) {
        // On the CPU sampler and trainer run the same kernels in the same order; elsewhere their
        // difference is rounding, and k3 of it is of the order of its square.
        assert!(line["train/mismatch_kl"].as_f64().unwrap().abs() < 1e-8, "{line:?}");
        assert!((0.0..=1.0).contains(&line["train/reward"].as_f64().unwrap()));
    }
    // Every boundary figure has its n and its interval; the least difference that can be detected is
    // no figure of the models, but of the intervals.
    let last = lines.iter().rfind(|line| line.contains_key("boundary/heldout/base/n")).unwrap();
    for key in last.keys().filter(|key| {
        key.contains("pass@") && !key.contains("/ci_") && !key.contains("/detectable/")
    }) {
        let at = |key: &str| last[key].as_f64().unwrap();
        assert!(
            at(&format!("{key}/ci_low")) <= at(key) && at(key) <= at(&format!("{key}/ci_high"))
        );
    }

    // A second run finds the base in the cache and draws none of its completions again.
    let second = place.bourn(&["train", "small.toml", "--run-dir", "again", "-v"]);
    let log = text(&second.stderr);
    assert!(second.status.success(), "{log}");
    assert!(log.contains("reusing"), "{log}");
    assert_same_run(&run, &place.path("again"));
}

/// A file that this process makes here shows what the umask leaves; all that a run left has the same.
fn every_file_follows_the_umask(dir: &Path) {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions();
    fs::write(dir.join("probe.tmp"), "").unwrap();
    let expect = mode(&dir.join("probe.tmp"));
    fs::remove_file(dir.join("probe.tmp")).unwrap();
    let mut waiting = vec![dir.to_path_buf()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => waiting.push(path),
                false => assert_eq!(mode(&path), expect, "{}", path.display()),
            }
        }
    }
}

#[test]
fn a_used_run_directory_is_refused_and_a_missing_one_cannot_be_resumed() {
    let place = Place::new();
    let error = place.fails(&["train", "small.toml", "--resume", "--run-dir", "none"]);
    assert!(error.contains("none") && error.contains("without --resume"), "{error}");
    fs::create_dir(place.path("used")).unwrap();
    fs::write(place.path("used/notes.txt"), "mine").unwrap();
    let error = place.fails(&["train", "small.toml", "--run-dir", "used"]);
    assert!(error.contains("used holds notes.txt") && error.contains("--run-dir"), "{error}");
    assert_eq!(fs::read_dir(place.path("used")).unwrap().count(), 1);
}

#[test]
fn stopping_and_resuming_is_exact_to_the_byte() {
    let place = Place::new();
    place.ok(&["train", "small.toml", "--run-dir", "straight"]);
    place.ok(&["train", "small.toml", "--run-dir", "parts", "--max-steps", "2"]);
    let resumed = place.bourn(&["train", "small.toml", "--run-dir", "parts", "--resume"]);
    assert!(text(&resumed.stderr).contains("resuming at step 2"), "{}", text(&resumed.stderr));
    assert_same_run(&place.path("straight"), &place.path("parts"));

    // A stop where no probe is due makes one, for the table; the run that goes on has the metrics
    // of one that did not stop there.
    place.ok(&["train", "small.toml", "--run-dir", "odd", "--max-steps", "1"]);
    let has_probe = |line: &BTreeMap<String, Value>| line.contains_key("boundary/heldout/problems");
    let stopped = metrics(&place.path("odd"));
    assert!(stopped.iter().any(|line| line["step"] == 1 && has_probe(line)));
    place.ok(&["train", "small.toml", "--run-dir", "odd", "--resume"]);
    let last =
        ["model.safetensors", "written.json"].map(|name| format!("checkpoints/step-000004/{name}"));
    for file in ["metrics.jsonl", &last[0], &last[1]] {
        let read = |run: &str| fs::read(place.path(run).join(file)).unwrap();
        assert!(read("straight") == read("odd"), "{file} differs");
    }

    // Resuming a complete run trains nothing and shows its result again.
    let table = place.ok(&["train", "small.toml", "--run-dir", "parts", "--resume"]);
    assert!(table.contains("policy %"), "{table}");
    assert_same_run(&place.path("straight"), &place.path("parts"));
}

/// Training and probes end at the recipe's stop strings, and nothing else about a run changes.
#[test]
fn stop_strings_end_completions_of_training_and_probes() {
    let place = Place::new();
    let stop = ["--set", "rollout.stop_strings=[\"*\", \"+2\"]"];
    place.ok(&["train", "small.toml", "--run-dir", "free"]);
    place.ok(&[&["train", "small.toml", "--run-dir", "straight"][..], &stop].concat());
    let part = ["train", "small.toml", "--run-dir", "parts", "--max-steps", "2"];
    place.ok(&[&part[..], &stop].concat());
    place.ok(&[&["train", "small.toml", "--run-dir", "parts", "--resume"][..], &stop].concat());
    assert_same_run(&place.path("straight"), &place.path("parts"));
    let refused = place.fails(&["train", "small.toml", "--run-dir", "parts", "--resume"]);
    assert!(refused.contains("rollout.stop_strings"), "{refused}");

    let length = |run: &str| {
        let lines = metrics(&place.path(run));
        let lengths = lines.iter().filter_map(|line| line.get("train/completions/mean_length"));
        lengths.map(|length| length.as_f64().unwrap()).next().unwrap()
    };
    assert!(length("straight") < length("free"));
    for line in metrics(&place.path("straight")) {
        // The token that brings a stop string is trained on under the sampler's own log-prob.
        assert!(line.get("train/mismatch_kl").is_none_or(|kl| kl.as_f64().unwrap().abs() < 1e-8));
    }
    for step in ["base", "step-000004"] {
        let draws = place.path(&format!("straight/boundary/{step}-heldout.draws.jsonl.zst"));
        let (_, ledger) = bourn_probe::read_ledger(draws).unwrap();
        let draws = ledger.entries().flat_map(|(_, entry)| entry.draws());
        let texts: Vec<&str> = draws.map(|draw| draw.text.as_str()).collect();
        assert!(texts.iter().any(|text| text.ends_with('*')), "{texts:?}");
        for text in texts {
            let before = text.strip_suffix('*').or(text.strip_suffix("+2")).unwrap_or(text);
            assert!(!before.contains('*') && !before.contains("+2"), "{text}");
        }
    }
    // Probed again, it gives the run's own files.
    place.ok(&["probe", "--run", "straight", "--output", "again"]);
    let figures =
        |dir: &str| fs::read(place.path(dir).join("boundary/step-000004-heldout.json")).unwrap();
    assert!(figures("straight") == figures("again"));
}

/// Drawing with rounded weights: the trainer sees that the draws are of another distribution, the
/// base has draws of its own, and a run stays exact.
#[test]
fn a_run_that_draws_with_rounded_weights() {
    let place = Place::new();
    let rounded = ["--set", "rollout.weight_dtype=bfloat16", "-v"];
    place.ok(&["train", "small.toml", "--run-dir", "exact"]);
    let first =
        place.bourn(&[&["train", "small.toml", "--run-dir", "straight"][..], &rounded].concat());
    let log = text(&first.stderr);
    let probed = log.lines().find(|line| line.contains("probe: base: ")).unwrap();
    assert!(first.status.success() && !probed.contains(" 0 made now"), "{log}");
    let part = ["train", "small.toml", "--run-dir", "parts", "--max-steps", "2"];
    place.ok(&[&part[..], &rounded].concat());
    place.ok(&[&["train", "small.toml", "--run-dir", "parts", "--resume"][..], &rounded].concat());
    assert_same_run(&place.path("straight"), &place.path("parts"));
    let lines = metrics(&place.path("straight"));
    let mismatch = lines.iter().filter_map(|line| line.get("train/mismatch_kl"));
    let mismatch: Vec<f64> = mismatch.map(|kl| kl.as_f64().unwrap()).collect();
    // Weights rounded to 8 bits move log-probs by some 2⁻⁹ of what goes into them, and k3 is half the
    // square of that; another temperature or template would give tenths. It is 0 where no group of a
    // step's first minibatch is trained on.
    assert!(mismatch.iter().all(|kl| (0.0..1e-3).contains(kl)), "{mismatch:?}");
    assert!(mismatch.iter().any(|&kl| kl > 1e-12), "{mismatch:?}");
    place.ok(&["probe", "--run", "straight", "--output", "again"]);
    let figures =
        |dir: &str| fs::read(place.path(dir).join("boundary/step-000004-heldout.json")).unwrap();
    assert!(figures("straight") == figures("again") && figures("straight") != figures("exact"));
}

#[test]
fn a_killed_run_resumes_exactly() {
    let place = Place::new();
    place.ok(&["train", "small.toml", "--run-dir", "straight"]);
    let mut child = place
        .command(&["train", "small.toml", "--run-dir", "killed"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&place.path("killed/checkpoints/step-000002"), &mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    // What a kill in the middle of a write leaves.
    fs::write(place.path("killed/boundary/.ledger-half.tmp"), "half").unwrap();
    place.ok(&["train", "small.toml", "--run-dir", "killed", "--resume"]);
    assert_same_run(&place.path("straight"), &place.path("killed"));
}

#[test]
fn ctrl_c_saves_and_leaves_with_a_message() {
    let place = Place::new();
    place.ok(&["train", "small.toml", "--run-dir", "straight"]);
    let mut child = place
        .command(&["train", "small.toml", "--run-dir", "stopped"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(&place.path("stopped/metrics.jsonl"), &mut child);
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let log = text(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{log}");
    assert!(log.contains("saved at step") && log.contains("--resume"), "{log}");
    place.ok(&["train", "small.toml", "--run-dir", "stopped", "--resume"]);
    let weights = |run: &str| {
        fs::read(place.path(run).join("checkpoints/step-000004/model.safetensors")).unwrap()
    };
    assert!(weights("straight") == weights("stopped"));
    let metrics = |run: &str| fs::read_to_string(place.path(run).join("metrics.jsonl")).unwrap();
    assert_eq!(metrics("straight"), metrics("stopped"));
}

#[test]
fn the_exit_code_says_which_signal_it_was() {
    let place = Place::new();
    for (run, signal, code) in [("terminated", "-TERM", 143), ("hung-up", "-HUP", 129)] {
        // Steps enough for hours, so that the signal comes before their end.
        let hours = ["--set", "train.max_steps=1000000", "--set", "probe.interval=0"];
        let args = [&["train", "small.toml", "--run-dir", run], &hours[..]].concat();
        let (found, said) = place.signalled(&args, "tensorboard --logdir", signal);
        assert_eq!(found, Some(code), "{said}");
        assert!(said.contains("interrupted"), "{said}");
    }
}

/// Pretraining goes on where it was stopped, and ends in the same base to the byte.
#[test]
fn ctrl_c_in_pretraining_is_kept_and_the_same_command_goes_on() {
    let place = Place::new();
    place.ok(&["train", "small.toml", "--run-dir", "straight"]);
    let bases = place.path("cache/bases");
    let base = || {
        let mut all: Vec<_> =
            fs::read_dir(&bases).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    };
    let whole = files(&base());
    fs::remove_dir_all(&bases).unwrap();

    // What is said first is said before the first step.
    let again = ["train", "small.toml", "--run-dir", "stopped"];
    let (code, said) = place.signalled(&again, "tensorboard --logdir", "-INT");
    assert_eq!(code, Some(130), "{said}");
    assert!(
        said.contains("of the base's pretraining") && said.contains("the same command"),
        "{said}"
    );
    assert!(base().to_string_lossy().ends_with(".unfinished"));

    place.ok(&again);
    assert_eq!(files(&base()), whole);
    assert_same_run(&place.path("straight"), &place.path("stopped"));
}

#[test]
fn a_torn_checkpoint_and_a_changed_recipe_are_named_and_not_loaded() {
    let place = Place::new();
    place.ok(&["train", "small.toml", "--run-dir", "run", "--max-steps", "2"]);
    let error = place.fails(&[
        "train",
        "small.toml",
        "--run-dir",
        "run",
        "--resume",
        "--set",
        "optimizer.lr=0.5",
    ]);
    assert!(error.contains("optimizer.lr") && error.contains("0.5"), "{error}");

    let weights = place.path("run/checkpoints/step-000002/model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&weights, bytes).unwrap();
    let error = place.fails(&["train", "small.toml", "--run-dir", "run", "--resume"]);
    assert!(error.contains("model.safetensors") && error.contains("checksum"), "{error}");
}

#[test]
fn batch_size_changes_nothing_and_micro_batch_size_nothing_but_rounding() {
    let place = Place::new();
    let steps = ["--max-steps", "2"];
    place.ok(&[&["train", "small.toml", "--run-dir", "a"], &steps[..]].concat());
    let batch = ["train", "small.toml", "--run-dir", "b", "--set", "rollout.batch_size=5"];
    place.ok(&[&batch[..], &steps[..]].concat());
    let micro = ["train", "small.toml", "--run-dir", "c", "--set", "train.micro_batch_size=3"];
    place.ok(&[&micro[..], &steps[..]].concat());
    let of = |run: &str| metrics(&place.path(run));
    assert_eq!(of("a"), of("b"));
    // How many draws were in flight at a stop depends on the batch; what is kept of them does not.
    let draws = |run: &str| {
        let boundary = place.path(run).join("boundary");
        let ledgers = files(&boundary).into_iter().filter(|(name, _)| name.ends_with(".zst"));
        ledgers.collect::<Vec<_>>()
    };
    assert_eq!(draws("a").len(), 3);
    assert!(draws("a") == draws("b"));
    let first = |run: &str, key: &str| {
        let lines = of(run);
        let line = lines.iter().find(|line| line.contains_key("train/reward")).unwrap().clone();
        line[key].as_f64().unwrap()
    };
    // The first step's rollout does not know the micro batch; its gradient differs by the order
    // of f32 sums.
    assert_eq!(first("a", "train/reward"), first("c", "train/reward"));
    let (a, c) = (first("a", "actor/grad_norm"), first("c", "actor/grad_norm"));
    assert!(a > 0.0 && (a - c).abs() < 1e-4 * a, "{a} against {c}");
}

#[test]
fn a_run_that_diverges_stops_names_the_step_and_saves() {
    let place = Place::new();
    // The first update throws the weights far away; the k3 penalty of the second overflows.
    let error = place.fails(&[
        "train",
        "small.toml",
        "--run-dir",
        "run",
        "--set",
        "optimizer.lr=10",
        "--set",
        "algorithm.kl_coef=1",
    ]);
    assert!(error.contains("step 1:") && error.contains("the loss is inf"), "{error}");
    assert!(error.contains("in the group of problem"), "{error}");
    let saved = place.path("run/checkpoints/step-000000/model.safetensors");
    assert!(error.contains("checkpoints/step-000000") && saved.is_file(), "{error}");

    // Nothing of the step was kept: the weights are the base's.
    place.ok(&["train", "small.toml", "--run-dir", "base", "--max-steps", "0"]);
    let base = place.path("base/checkpoints/step-000000/model.safetensors");
    assert!(fs::read(saved).unwrap() == fs::read(base).unwrap());
}

/// Every algorithm trains two steps, and stopped after the first it is the run that was not: filters
/// that draw more, value models, references and weights that change are all in the checkpoint.
#[test]
fn every_algorithm_trains_and_resumes_exactly() {
    let place = Place::new();
    // One base for all; the probe has been tested enough.
    let plain = ["train", "small.toml", "--set", "train.max_steps=2", "--set", "probe.interval=0"];
    let small = ["--set", "rollout.prompts_per_step=4", "--set", "checkpoint.interval=1"];
    let common = [&plain[..], &small[..]].concat();
    let check = |label: &str, keys: &[&str]| {
        let set: Vec<&str> = keys.iter().flat_map(|&key| ["--set", key]).collect();
        let run = |dir: &str, more: &[&str]| {
            let all = [&common[..], &set[..], &["--run-dir", dir], more].concat();
            place.ok(&all);
        };
        let (straight, parts) = (format!("{label}-straight"), format!("{label}-parts"));
        run(&straight, &[]);
        run(&parts, &["--max-steps", "1"]);
        run(&parts, &["--resume"]);
        assert_same_run(&place.path(&straight), &place.path(&parts));
        let steps = metrics(&place.path(&straight));
        assert_eq!(steps.len(), 2, "{label}");
        steps
    };
    for &name in bourn_recipe::AlgorithmName::ALL {
        let algorithm = format!("algorithm.name={}", name.name());
        let own: &[&str] = match name.name() {
            "vc_ppo" | "vapo" => &["critic.pretrain_steps=2", "critic.lr=1e-3"],
            "prorl" => &["algorithm.reset_interval=1"],
            _ => &[],
        };
        let steps = check(name.name(), &[&[algorithm.as_str()], own].concat());
        for step in &steps {
            assert!(step["actor/pg_loss"].is_f64(), "{}: {step:?}", name.name());
            assert_eq!(step.contains_key("critic/vf_loss"), name.critic().is_some());
            let dynamic = name.settings().dynamic_sampling > 0;
            assert_eq!(step.contains_key("train/dynamic_sampling/kept"), dynamic);
        }
    }
    let shared = ["algorithm.name=ppo", "critic.trunk=shared"];
    assert!(check("shared", &shared).iter().all(|step| step.contains_key("critic/vf_loss")));
    // A head that is trained alone, before the first step and in it, and then with the policy.
    let waiting = ["algorithm.name=vc_ppo", "critic.trunk=shared", "critic.pretrain_steps=2"];
    let warming = [&waiting[..], &["critic.critic_warmup=1"]].concat();
    let steps = check("shared-warming", &warming);
    assert_eq!(steps[0]["actor/grad_norm"], 0.0);
    assert!(steps[0]["critic/grad_norm"].as_f64().unwrap() > 0.0);
    assert_ne!(steps[0]["critic/values/mean"], 0.0);
    assert!(steps[1]["actor/grad_norm"].as_f64().unwrap() > 0.0);
    assert!(!steps[1].contains_key("critic/grad_norm"));
    let steps = "reward=[{verifier='countdown', step_weight=0.5}]";
    for name in ["algorithm.name=ppo", "algorithm.name=rloo"] {
        for step in check(&name.replace("algorithm.name=", "steps-"), &[name, steps]) {
            let share = step["train/rewards/countdown/steps"].as_f64().unwrap();
            assert!(share > 0.0 && share <= 1.0, "{share}");
        }
    }
    let kl = ["algorithm.kl_coef=0.1", "algorithm.kl_in=reward"];
    for name in ["rloo", "reinforce_pp", "ppo"] {
        let algorithm = format!("algorithm.name={name}");
        let steps = check(&format!("kl-{name}"), &[&[algorithm.as_str()], &kl[..]].concat());
        assert!(steps.iter().all(|step| step["train/kl"].is_f64()), "{name}");
    }
    let learns = ["implicit_reward.lr=1e-3", "train.minibatches=2"];
    for name in ["rloo", "ppo", "dapo"] {
        let algorithm = format!("algorithm.name={name}");
        let steps =
            check(&format!("implicit-{name}"), &[&[algorithm.as_str()], &learns[..]].concat());
        // Where something was learned, something is paid.
        let learned = |step: &BTreeMap<String, Value>| step["train/implicit/grad_norm"] != 0.0;
        assert!(steps.iter().any(learned), "{name}");
        for step in steps.iter().filter(|step| learned(step)) {
            assert_ne!(step["train/implicit/reward"], 0.0, "{name}");
        }
    }
    let warming = ["algorithm.name=ppo", "critic.critic_warmup=1"];
    let steps = check("warming", &warming);
    assert_eq!(steps[0]["actor/grad_norm"], 0.0);
    assert!(steps[0]["critic/grad_norm"].as_f64().unwrap() > 0.0);
    // The base's entropy is below 5 nats, so that the bonus is on from the second step.
    let target = ["algorithm.entropy_target=5.0", "algorithm.entropy_step=0.25"];
    let weights: Vec<f64> = check("entropy", &target)
        .iter()
        .map(|step| step["actor/entropy_coef"].as_f64().unwrap())
        .collect();
    assert_eq!(weights, [0.0, 0.25]);
}

/// Replay knows what it knows from checkpoint and ledger: a run that stops between two looks, and at
/// one, is the run that did not stop. Its figures are of what was replayed, and a run in which no
/// problem is ever lost enough has the weights of one without replay.
#[test]
fn replay_resumes_exactly_and_without_endangered_problems_changes_nothing() {
    let place = Place::new();
    let run = |dir: &str, keys: &[&str], more: &[&str]| {
        let set: Vec<&str> = keys.iter().flat_map(|&key| ["--set", key]).collect();
        let all = [&["train", "small.toml", "-v", "--run-dir", dir], &set[..], more].concat();
        text(&place.bourn(&all).stderr)
    };
    // Steps of a size that loses problems within two of them.
    let common = ["probe.interval=0", "checkpoint.interval=0", "optimizer.lr=1e-2"];
    let four = [&common[..], &["train.max_steps=4"]].concat();
    let on = ["replay.share=0.5", "replay.interval=1", "replay.n_max=16", "replay.problems=12"];
    let low = [&four[..], &on[..], &["replay.threshold=0.02", "replay.groups=2"]].concat();
    let log = run("straight", &low, &[]);
    assert!(log.contains("step 1: replay: ") && !log.contains("step 4: replay: "), "{log}");
    run("parts", &low, &["--max-steps", "1"]);
    for stop in ["2", "3"] {
        run("parts", &low, &["--max-steps", stop, "--resume"]);
    }
    run("parts", &low, &["--resume"]);
    let steps = metrics(&place.path("straight"));
    assert_eq!(steps, metrics(&place.path("parts")));
    let last = "checkpoints/step-000004";
    for file in ["model.safetensors", "optimizer.safetensors", "state.json"] {
        let read = |run: &str| fs::read(place.path(run).join(last).join(file)).unwrap();
        assert!(read("straight") == read("parts"), "{file} differs");
    }
    // Between two looks: what a look found holds until the next.
    let two = ["replay.interval=2", "checkpoint.interval=1"];
    let low_two = [&low[..], &two[..]].concat();
    run("two", &low_two, &[]);
    run("two-parts", &low_two, &["--max-steps", "3"]);
    run("two-parts", &low_two, &["--resume"]);
    assert_same_run(&place.path("two"), &place.path("two-parts"));

    let of = |steps: &[BTreeMap<String, Value>], key: &str| -> Vec<f64> {
        steps.iter().map(|step| step[key].as_f64().unwrap()).collect()
    };
    let replayed = of(&steps, "train/replay/completions");
    assert_eq!(replayed[0], 0.0, "there was no look yet");
    // Half of a group of four, of two groups at most.
    assert!(replayed.iter().all(|&count| count % 2.0 == 0.0 && count <= 4.0), "{replayed:?}");
    assert!(replayed.iter().sum::<f64>() > 0.0, "nothing was replayed: the test tests nothing");
    for (step, &count) in steps.iter().zip(&replayed) {
        assert_eq!(step.contains_key("train/replay/weight_mean"), count > 0.0);
        assert!(step["train/mismatch_kl"].as_f64().unwrap().abs() < 1e-8, "{step:?}");
    }

    let high = [&four[..], &on[..], &["replay.threshold=0.999999"]].concat();
    run("none", &high, &[]);
    run("off", &[&four[..], &["replay.share=0"]].concat(), &[]);
    run("without", &four, &[]);
    let none = metrics(&place.path("none"));
    assert_eq!(of(&none, "train/replay/problems"), [0.0; 4]);
    let weights =
        |run: &str| fs::read(place.path(run).join(last).join("model.safetensors")).unwrap();
    assert!(weights("none") == weights("without") && weights("off") == weights("without"));
    assert!(weights("straight") != weights("without"), "what was replayed was trained on");
    let rest = |steps: Vec<BTreeMap<String, Value>>| -> Vec<BTreeMap<String, Value>> {
        let own = |step: BTreeMap<String, Value>| {
            step.into_iter().filter(|(key, _)| !key.starts_with("train/replay/")).collect()
        };
        steps.into_iter().map(own).collect()
    };
    assert_eq!(rest(none), metrics(&place.path("without")));
}

/// A second opinion pays nothing and changes nothing: what it says is all that there is more.
#[test]
fn a_second_opinion_changes_nothing_but_its_own_metrics() {
    let place = Place::new();
    let first = "\n[[reward]]\nverifier = \"countdown\"\nstep_weight = 0.1\n";
    // Two of the first's own name and kind among them, and a program that finds everything right.
    let right = "import json,sys\\nfor l in sys.stdin: print(json.dumps({'id':json.loads(l)['id'],'correct':True}),flush=True)";
    let second = format!(
        "[[reward]]\nverifier = \"random\"\nsecond_opinion = true\n\
         [[reward]]\nverifier = \"countdown\"\nsecond_opinion = true\n\
         [[reward]]\nverifier = \"command\"\nsecond_opinion = true\n\
         command = [\"python3\", \"-c\", \"{right}\"]\n"
    );
    fs::write(place.path("one.toml"), RECIPE.to_owned() + first).unwrap();
    fs::write(place.path("two.toml"), RECIPE.to_owned() + first + &second).unwrap();
    place.ok(&["train", "one.toml", "--run-dir", "one"]);
    place.ok(&["train", "two.toml", "--run-dir", "two"]);
    let (one, two) = (metrics(&place.path("one")), metrics(&place.path("two")));
    assert_eq!(one.len(), two.len());
    let mut seen = 0;
    for (one, mut two) in one.into_iter().zip(two) {
        let mut take = |verifier: &str, which: &str| {
            two.remove(&format!("train/second_opinion/{verifier}/{which}"))
                .map(|v| v.as_f64().unwrap())
        };
        if let Some(differs) = take("countdown", "differs") {
            seen += 1;
            assert_eq!((differs, take("countdown", "first_alone")), (0.0, Some(0.0)));
            let correct = one["train/verdict/correct"].as_f64().unwrap();
            assert_eq!(take("command", "differs"), Some(1.0 - correct));
            assert_eq!(take("command", "first_alone"), Some(0.0));
            let (differs, alone) = (take("random", "differs"), take("random", "first_alone"));
            assert!(differs > Some(0.0) && alone <= differs && alone <= Some(correct));
        }
        assert_eq!(one, two);
    }
    assert_eq!(seen, 4);
    let weights = |run: &str| {
        fs::read(place.path(run).join("checkpoints/step-000004/model.safetensors")).unwrap()
    };
    assert!(weights("one") == weights("two"));
}

/// A judge outside bourn that ends in the second step costs an error with its words, and no step: what
/// was trained is saved, and the run goes on from there.
#[test]
fn a_judge_that_ends_costs_no_step() {
    let place = Place::new();
    // Says that everything is right, forty times: 32 completions are a step.
    let judge = "n=0; while read -r line; do n=$((n + 1)); [ $n -gt 40 ] && { echo gone >&2; exit 3; }; \
                 id=${line#*\\\"id\\\":}; echo \"{\\\"id\\\":${id%%,*},\\\"correct\\\":true}\"; done";
    let recipe = format!(
        "extends = \"small.toml\"\n[[reward]]\nverifier = \"command\"\ncommand = [\"sh\", \"-c\", '''{judge}''']\n\
         [probe]\ninterval = 0\n[checkpoint]\ninterval = 0\n"
    );
    fs::write(place.path("judged.toml"), recipe).unwrap();
    let first = place.bourn(&["train", "judged.toml"]);
    let log = text(&first.stderr);
    assert!(!first.status.success(), "{log}");
    assert!(log.contains("step 1 is saved in") && log.contains("gone"), "{log}");
    let second = place.bourn(&["train", "judged.toml", "--resume", "--max-steps", "2"]);
    let log = text(&second.stderr);
    assert!(second.status.success() && log.contains("resuming at step 1"), "{log}");
    let rewards: Vec<f64> = metrics(&place.path("runs/judged"))
        .iter()
        .map(|line| line["train/rewards/command/mean"].as_f64().unwrap())
        .collect();
    assert_eq!(rewards, [1.0, 1.0]);
}
