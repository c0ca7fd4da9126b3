//! The other commands, driven as a user drives them.

mod support;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::Value;
use support::{Place, names, text};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn score(place: &Place, input: &str, args: &[&str]) -> (bool, String, String) {
    let mut child = place
        .command(&[&["score", "--model", "run/checkpoints/step-000000"], args].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// A run of no steps: its checkpoint is the base.
fn model() -> Place {
    let place = Place::new();
    place.ok(&[
        "train",
        "small.toml",
        "--run-dir",
        "run",
        "--max-steps",
        "0",
        "--set",
        "probe.interval=0",
    ]);
    place
}

#[test]
fn score_agrees_with_sample_and_with_itself() {
    let place = model();
    let drawn = place.ok(&[
        "sample",
        "--model",
        "run/checkpoints/step-000000",
        "--prompt",
        "3 5 -> 8:",
        "-n",
        "6",
        "--max-tokens",
        "8",
        "--seed",
        "3",
        "--json",
    ]);
    let drawn = lines(&drawn);
    assert_eq!(drawn.len(), 6);
    let prompt_ids = |completion: &Value| {
        // The character tokenizer's ids of the prompt, by way of a completion-only score.
        serde_json::json!({ "prompt": "3 5 -> 8:", "completion": completion["text"] })
    };
    for completion in drawn.iter().filter(|completion| completion["finish"] == "length") {
        let (ok, out, err) = score(&place, &format!("{}\n", prompt_ids(completion)), &[]);
        assert!(ok, "{err}");
        let scored = &lines(&out)[0];
        // Text that was cut at the length limit has no end token, so that it encodes back to the
        // tokens that were drawn.
        assert_eq!(scored["logprobs"], completion["logprobs"]);
    }
    let input = r#"{"prompt":"3 5 -> 8:","completion":"3+5"}
{"prompt":"2 2 -> 4:","completion":"2*2"}
"#;
    let (ok, out, err) = score(&place, input, &[]);
    assert!(ok, "{err}");
    let scored = lines(&out);
    assert_eq!(scored.len(), 2);
    for line in &scored {
        let logprobs: Vec<f64> =
            line["logprobs"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        assert_eq!(line["tokens"], 3);
        assert_eq!(logprobs.len(), 3);
        assert!((line["sum"].as_f64().unwrap() - logprobs.iter().sum::<f64>()).abs() < 1e-12);
        assert!(logprobs.iter().all(|&logprob| logprob < 0.0));
    }
}

#[test]
fn sampling_is_a_function_of_the_seed() {
    let place = model();
    let draw = |seed: &str, n: &str| {
        place.ok(&[
            "sample",
            "--model",
            "run/checkpoints/step-000000",
            "--prompt",
            "3 5 -> 8:",
            "-n",
            n,
            "--seed",
            seed,
        ])
    };
    assert_eq!(draw("1", "8"), draw("1", "8"));
    assert_ne!(draw("1", "8"), draw("2", "8"));
    assert!(draw("1", "8").starts_with(&draw("1", "3")), "draws depend on how many are asked for");
}

#[test]
fn sampling_stops_at_texts() {
    let place = model();
    let draw = |stops: &[&str]| {
        let fixed = ["sample", "--model", "run/checkpoints/step-000000", "--json", "-n", "32"];
        let mut args = [&fixed[..], &["--prompt", "3 5 -> 8:", "--max-tokens", "12"]].concat();
        stops.iter().for_each(|stop| args.extend(["--stop", stop]));
        lines(&place.ok(&args))
    };
    let (free, cut) = (draw(&[]), draw(&["+", "*3"]));
    let text = |line: &Value| line["text"].as_str().unwrap().to_owned();
    let mut ended = 0;
    for (free, cut) in free.iter().map(text).zip(&cut) {
        let ends = [free.find('+').map(|at| at + 1), free.find("*3").map(|at| at + 2)];
        match ends.into_iter().flatten().min() {
            Some(end) => {
                assert_eq!((text(cut), &cut["finish"]), (free[..end].to_owned(), &"stop".into()));
                ended += 1;
            }
            None => assert_eq!(text(cut), free),
        }
    }
    assert!((1..32).contains(&ended), "{ended}");
    let empty = place.fails(&[
        "sample",
        "--model",
        "run/checkpoints/step-000000",
        "--prompt",
        "3",
        "--stop",
        "",
    ]);
    assert!(empty.contains("stop string \"\": it is empty"), "{empty}");
}

#[test]
fn score_names_the_line_at_fault() {
    let place = model();
    for (input, part) in [
        ("{\"prompt\":\"3 5 -> 8:\",\"completion\":\"3+5\"}\nnonsense\n", "line 2"),
        ("{\"prompt\":\"3 5 -> 8:\"}\n", "completion"),
        ("{\"prompt_ids\":[2],\"completion_ids\":[999]}\n", "999"),
        ("{\"prompt_ids\":[],\"completion_ids\":[3]}\n", "prompt"),
        ("{\"prompt\":\"3 5 -> 8:\",\"completion\":\"x\"}\n", "line 1"),
    ] {
        let (ok, _, err) = score(&place, input, &[]);
        assert!(!ok && err.contains(part) && !err.contains("panicked"), "{input}: {err}");
    }
    // Where checkpoints would be there is something else: not the model's fault.
    fs::create_dir(place.path("odd")).unwrap();
    fs::write(place.path("odd/checkpoints"), "").unwrap();
    let error = place.fails(&["score", "--model", "odd"]);
    assert!(error.contains("odd/checkpoints") && error.contains("listing"), "{error}");
    let error = place.fails(&["score", "--model", "run"]);
    assert!(error.contains("run/checkpoints/step-000000"), "{error}");
    let (ok, _, err) = score(&place, "", &["--chat"]);
    assert!(!ok && err.contains("chat template"), "{err}");
}

#[test]
fn verify_judges_lines_in_order() {
    let place = Place::new();
    let line =
        |n: usize| format!("{{\"id\":{n},\"completion\":\"so it is {}\",\"gold\":{n}}}\n", n % 7);
    let input: String = (0..10_000).map(line).collect();
    fs::write(place.path("lines.jsonl"), &input).unwrap();
    let said = lines(&place.ok(&["verify", "lines.jsonl", "--kind", "math"]));
    assert_eq!(said.len(), 10_000);
    for (n, said) in said.iter().enumerate() {
        assert_eq!(said["id"], n);
        assert_eq!(said["verdict"], if n < 7 { "correct" } else { "wrong" });
        assert_eq!(said["answer"], (n % 7).to_string());
    }
    let table = place.ok(&["verify", "lines.jsonl", "--kind", "math", "--summary"]);
    let rows: Vec<Vec<&str>> = table.lines().map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["correct", "7", "0.1%"], "{table}");
    assert_eq!(rows[5], ["lines", "10000"], "{table}");

    // A recipe's own: small.toml is countdown's.
    fs::write(
        place.path("puzzle.jsonl"),
        "\n{\"completion\":\"3+5\",\"numbers\":[3,5],\"target\":8}\n",
    )
    .unwrap();
    let said = place.ok(&["verify", "puzzle.jsonl", "--recipe", "small.toml"]);
    assert!(said.starts_with("{\"verdict\":\"correct\",\"answer\":\"3+5\""), "{said}");

    // What was judged before a line at fault is written.
    fs::write(place.path("bad.jsonl"), input.lines().next().unwrap().to_owned() + "\n{\n").unwrap();
    let output = place.bourn(&["verify", "bad.jsonl", "--kind", "math"]);
    assert_eq!((output.status.code(), text(&output.stdout).lines().count()), (Some(1), 1));
    let error = text(&output.stderr);
    assert!(error.contains("bad.jsonl:2: column 1"), "{error}");
    for (args, part) in [
        (&["--kind", "choice", "--choices", "1"][..], "--choices: "),
        (&["--kind", "regex"], "--kind: the regex verifier needs `pattern`"),
        (&["--kind", "math", "--recipe", "small.toml"], "cannot be used with"),
        (&["--kind", "random"], "invalid value"),
        (&[], "--kind <NAME>|--recipe <FILE>"),
    ] {
        let error = place.fails(&[&["verify", "lines.jsonl"], args].concat());
        assert!(error.contains(part), "{args:?}: {error}");
    }
    let error = place.fails(&["verify", "none.jsonl", "--kind", "math"]);
    assert!(error.contains("none.jsonl: "), "{error}");
}

#[test]
fn compare_works_by_hand() {
    let place = Place::new();
    // Base: 1 of 2 and 0 of 2; policy: 2 of 2 and 0 of 2.
    fs::write(
        place.path("base.jsonl"),
        "{\"problem\":\"a\",\"draws\":[0,1]}\n{\"problem\":\"b\",\"n\":2,\"c\":0}\n",
    )
    .unwrap();
    fs::write(
        place.path("policy.jsonl"),
        "{\"problem\":\"b\",\"draws\":[0,0]}\n{\"problem\":\"a\",\"n\":2,\"c\":2}\n",
    )
    .unwrap();
    let json = place.ok(&["compare", "base.jsonl", "policy.jsonl", "--json"]);
    let figures: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(figures["k"], serde_json::json!([1, 2]));
    assert_eq!(figures["base"]["pass_at_k"], serde_json::json!([0.25, 0.5]));
    assert_eq!(figures["policy"]["pass_at_k"], serde_json::json!([0.5, 0.5]));
    assert_eq!(figures["delta"]["pass_at_k"], serde_json::json!([0.25, 0.0]));
    assert_eq!(figures["delta_se"], 0.0);
    assert_eq!(figures["crossover_k"], Value::Null);
    assert_eq!(figures["solvable"]["kept"], serde_json::json!(["a"]));
    assert_eq!(figures["solvable"]["neither"], serde_json::json!(["b"]));
    assert_eq!(figures["problems"], 2);
    let table = place.ok(&["compare", "base.jsonl", "policy.jsonl"]);
    assert!(table.contains("25.0"), "{table}");

    fs::write(place.path("other.jsonl"), "{\"problem\":\"a\",\"n\":2,\"c\":3}\n").unwrap();
    let error = place.fails(&["compare", "base.jsonl", "other.jsonl"]);
    assert!(error.contains("other.jsonl:1"), "{error}");
    let error = place.fails(&["compare", "base.jsonl", "nowhere.jsonl"]);
    assert!(error.contains("nowhere.jsonl"), "{error}");
}

#[test]
fn compare_mixes_problems_that_stopped_early() {
    let place = Place::new();
    // pass@1, 2, 4: ¼ ½ 1; 0 0 0; the first success on draw 2, so 0 1 1; 1 1 1.
    let base = r#"{"problem":"a","n":4,"c":1}
{"problem":"b","draws":[0,0,0,0]}
{"problem":"c","draws":[0,1,1],"stop":1,"n_max":4}
{"problem":"d","n":4,"c":4}
"#;
    // The second success on draw 3, so ½ 1 1; one in the 4 draws allowed, ¼ ½ 1; the first success
    // at once, 1 1 1; 0 0 0.
    let policy = r#"{"problem":"a","n":3,"c":2,"stop":2,"n_max":4}
{"problem":"b","draws":[0,0,0,1,1],"stop":2,"n_max":4}
{"problem":"c","n":1,"c":1,"stop":1,"n_max":4}
{"problem":"d","n":4,"c":0}
"#;
    fs::write(place.path("base.jsonl"), base).unwrap();
    fs::write(place.path("policy.jsonl"), policy).unwrap();
    let json = place.ok(&["compare", "base.jsonl", "policy.jsonl", "--json"]);
    let figures: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(figures["k"], serde_json::json!([1, 2, 4]));
    assert_eq!(figures["base"]["pass_at_k"], serde_json::json!([0.3125, 0.625, 0.75]));
    assert_eq!(figures["policy"]["pass_at_k"], serde_json::json!([0.4375, 0.625, 0.75]));
    assert_eq!(figures["delta_se"], 0.3125);
    assert_eq!(figures["n"], serde_json::json!({ "base": [4, 4], "policy": [4, 4] }));
    assert_eq!(
        figures["draws"],
        serde_json::json!({
            "base": { "spent": 14, "full": 16, "saved": 2 },
            "policy": { "spent": 12, "full": 16, "saved": 4 },
        })
    );
    for (set, ids) in [
        ("kept", vec!["a", "c"]),
        ("newly_solved", vec!["b"]),
        ("never_solved_again", vec!["d"]),
        ("neither", vec![]),
    ] {
        assert_eq!(figures["solvable"][set], serde_json::json!(ids), "{set}");
    }
    let table = place.ok(&["compare", "base.jsonl", "policy.jsonl", "--full"]);
    let words = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("policy 12 of 16 (4 saved, 25.0%)"), "{table}");

    fs::write(place.path("early.jsonl"), policy.replace("\"n\":3,\"c\":2", "\"n\":3,\"c\":1"))
        .unwrap();
    let error = place.fails(&["compare", "base.jsonl", "early.jsonl"]);
    assert!(error.contains("early.jsonl:1") && error.contains("neither stop = 2"), "{error}");
}

#[test]
fn recipes_are_checked_shown_and_documented() {
    let place = Place::new();
    assert!(place.ok(&["recipe", "check", "small.toml"]).contains("ok"));
    let shown = place.ok(&["recipe", "show", "small.toml", "--set", "optimizer.lr=0.25"]);
    assert!(shown.contains("lr = 0.25"), "{shown}");
    fs::write(place.path("shown.toml"), &shown).unwrap();
    assert_eq!(place.ok(&["recipe", "show", "shown.toml"]), shown);
    let schema: Value = serde_json::from_str(&place.ok(&["recipe", "schema"])).unwrap();
    assert!(schema["properties"]["rollout"].is_object(), "{schema}");

    fs::write(place.path("bad.toml"), "extends = \"small.toml\"\n[algorithm]\nbeta = 0.1\n")
        .unwrap();
    let error = place.fails(&["train", "bad.toml"]);
    assert!(error.contains("bad.toml:3") && error.contains("kl_coef"), "{error}");
    assert!(!place.path("runs").exists(), "a refused recipe left something behind");
    // One bad recipe does not hide another.
    let error = place.fails(&["recipe", "check", "bad.toml", "small.toml", "nowhere.toml"]);
    assert!(error.contains("bad.toml:3") && error.contains("nowhere.toml"), "{error}");
}

#[test]
fn a_dry_run_says_what_follows_from_the_recipe_and_writes_nothing() {
    let place = Place::new();
    let shown = place.ok(&["train", "small.toml", "--dry-run"]);
    for part in ["[rollout]", "32", "memory", "MiB"] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(shown.contains("time") && shown.contains("about "), "{shown}");
    assert!(!place.path("runs").exists());
    // How fast the machine is, is kept; nothing else, beside the lock of who writes there.
    assert_eq!(names(&place.path("cache")), [".lock", "forecasts"]);
}

#[test]
fn what_is_wrong_with_a_model_or_a_data_set_is_named_before_anything_is_written() {
    let place = model();
    let over = |extra: &'static str| vec!["train", "real.toml", "--run-dir", "new", "--set", extra];
    let recipe = "[model]\npath = \"run/checkpoints/step-000000\"\n[[task]]\nkind = \"dataset\"\n\
        path = \"data.jsonl\"\n[rollout]\nprompts_per_step = 2\nnum_generations = 2\n\
        max_prompt_length = 16\nmax_completion_length = 8\n[algorithm]\nname = \"grpo\"\n\
        [probe]\nproblems = 2\nn_max = 4\n[train]\nmax_steps = 1\n";
    fs::write(place.path("real.toml"), recipe).unwrap();

    let error = place.fails(&["train", "real.toml", "--run-dir", "new"]);
    assert!(error.contains("data.jsonl"), "{error}");
    fs::write(place.path("data.jsonl"), "").unwrap();
    let error = place.fails(&["train", "real.toml", "--run-dir", "new"]);
    assert!(error.contains("data.jsonl"), "{error}");
    fs::write(place.path("data.jsonl"), "{\"question\":\"1 1 -> 2:\",\"answer\":\"2\"}\n{oops\n")
        .unwrap();
    let error = place.fails(&["train", "real.toml", "--run-dir", "new"]);
    assert!(error.contains("data.jsonl:2"), "{error}");

    let rows: String = (1..9)
        .map(|i| format!("{{\"question\":\"{i} {i} -> {}:\",\"answer\":\"{}\"}}\n", 2 * i, 2 * i))
        .collect();
    fs::write(place.path("data.jsonl"), &rows).unwrap();
    let error = place.fails(&over("rollout.max_prompt_length=4"));
    assert!(error.contains("max_prompt_length") && error.contains("data.jsonl:"), "{error}");
    let error = place.fails(&over("rollout.max_completion_length=4000"));
    assert!(error.contains("context"), "{error}");
    let error = place.fails(&over("probe.confidence=0.999"));
    assert!(error.contains("probe.resamples") && error.contains("1999"), "{error}");
    fs::write(place.path("file"), "").unwrap();
    let error = place.fails(&["train", "real.toml", "--run-dir", "file/new"]);
    assert!(error.contains("file"), "{error}");
    let error = place.fails(&over("model.path=\"nowhere\""));
    assert!(error.contains("nowhere"), "{error}");
    assert!(!place.path("new").exists(), "a refused run left something behind");

    let weights = place.path("run/checkpoints/step-000000/model.safetensors");
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    let error = place.fails(&["train", "real.toml", "--run-dir", "new"]);
    assert!(error.contains("model.safetensors"), "{error}");
    fs::remove_file(&weights).unwrap();
    let error = place.fails(&["train", "real.toml", "--run-dir", "new"]);
    assert!(error.contains("model.safetensors"), "{error}");
}

#[test]
fn ledgers_are_listed_checked_and_swept() {
    let place = Place::new();
    let error = place.fails(&["ledger", "ls"]);
    assert!(error.contains("there is no store of ledgers here"), "{error}");
    let run = |name: &str, n: &str| {
        let n = format!("probe.n_max={n}");
        let args = ["train", "small.toml", "--max-steps", "0", "--run-dir", name, "--set", &n];
        place.ok(&args);
    };
    // A second file: the draws of a larger n_max.
    run("a", "8");
    run("b", "40");
    let listed = lines(&place.ok(&["ledger", "ls", "--json"]));
    // The base, and the policy before its first step, whose draws all runs share too.
    assert_eq!(listed.len(), 2, "{listed:?}");
    let is_base = |key: &&Value| !key["weights"].to_string().contains("as the policy");
    let key = listed.iter().find(is_base).expect("the base is listed");
    let sum = |what: &str| -> u64 { listed.iter().filter_map(|key| key[what].as_u64()).sum() };
    assert_eq!((&key["problems"], &key["sampler"]), (&6.into(), &"temperature 1, top_p 1".into()));
    assert!(key["files"].as_u64() > Some(1) && key["last_use"].is_u64(), "{key}");
    let table = place.ok(&["ledger", "ls"]);
    let draws = key["draws"].to_string();
    assert!(table.contains("last use") && table.contains(&draws), "{table}");
    let whole = place.ok(&["ledger", "verify"]);
    let all = format!("{} files of 2 keys, {} draws", sum("files"), sum("draws"));
    assert!(whole.contains(&all), "{all}: {whole}");

    let dry = place.ok(&["ledger", "gc", "--dry-run"]);
    assert!(dry.contains("would remove") && dry.contains("merged into one"), "{dry}");
    let swept = place.ok(&["ledger", "gc"]);
    assert!(swept.contains("written in their place"), "{swept}");
    let merged = lines(&place.ok(&["ledger", "verify", "--json"]));
    let same = merged.iter().find(|other| other["address"] == key["address"]).expect("it is there");
    assert_eq!((&same["files"], &same["draws"]), (&1.into(), &key["draws"]));
    run("c", "40");

    let store = place.path("cache/ledgers").join(key["address"].as_str().unwrap());
    let file = fs::read_dir(&store).unwrap().map(|entry| entry.unwrap().path());
    let file = file.into_iter().find(|path| path.extension() == Some("zst".as_ref())).unwrap();
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let error = place.fails(&["ledger", "verify"]);
    assert!(error.contains("1 ledger file damaged"), "{error}");
    fs::remove_file(&file).unwrap();
    run("d", "40");
    let all = place.ok(&["ledger", "gc", "--older-than", "36500"]);
    assert!(all.contains("removed 0 files"), "{all}");
}

#[test]
fn no_more_threads_than_cores_work_whatever_is_asked_for() {
    let place = Place::new();
    let said = |args: &[&str], name: &str, value: &str| {
        let output = place.command(args).env(name, value).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stderr)
    };
    let check = ["recipe", "check", "small.toml"];
    // Training starts the process over, and says it once all the same.
    let train = ["train", "small.toml", "--max-steps", "0", "--set", "probe.interval=0"];
    for args in [&check[..], &train[..]] {
        let log = said(args, "RAYON_NUM_THREADS", "99999");
        assert_eq!(
            log.matches("RAYON_NUM_THREADS=99999 asks for more threads").count(),
            1,
            "{log}"
        );
    }
    let log = said(&check, "RAYON_RS_NUM_CPUS", "99999");
    assert!(log.contains("RAYON_RS_NUM_CPUS=99999 asks for more threads"), "{log}");
    let log = said(&check, "RAYON_NUM_THREADS", "many");
    assert!(log.contains("RAYON_NUM_THREADS=many is not a number of threads"), "{log}");
    for fine in ["0", "1", ""] {
        assert_eq!(said(&check, "RAYON_NUM_THREADS", fine), "");
    }
}

/// The threads of a run that asks for many, as the system counts them.
#[cfg(target_os = "linux")]
#[test]
fn a_run_that_asks_for_many_threads_has_few() {
    let cores = std::thread::available_parallelism().unwrap().get();
    let place = Place::new();
    let args = ["train", "small.toml", "--max-steps", "0", "--set", "probe.interval=0"];
    // So many that it would show, and so few that they would do no harm.
    let asked = cores + 64;
    let mut child = place
        .command(&args)
        .env("RAYON_NUM_THREADS", asked.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let threads = text.lines().find_map(|line| line.strip_prefix("Threads:"));
        most = most.max(threads.map_or(0, |count| count.trim().parse().unwrap()));
        std::thread::park_timeout(std::time::Duration::from_millis(2));
    }
    assert!(child.wait().unwrap().success());
    assert!(most > 0 && most < asked, "{most} threads");
}
