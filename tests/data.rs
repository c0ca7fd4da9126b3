//! Data as the field has it, driven as a user drives it.

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::Place;

/// Sums that the small recipe's tokenizer can write.
fn rows(count: u32) -> Vec<Value> {
    let row = |i: u32| json!({"question": format!("{i} {i} -> {}:", 2 * i), "answer": 2 * i});
    (1..=count).map(row).collect()
}

fn write(place: &Place, name: &str, rows: &[Value]) {
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    fs::write(place.path(name), lines).unwrap();
}

#[test]
fn what_data_are_is_said_before_anything_is_trained_on_them() {
    let place = Place::new();
    let mut train = rows(6);
    train.push(json!({"question": "1  1 -> 2", "answer": 2}));
    train.push(json!({"question": "2 2 -> 4:", "answer": 5}));
    train.push(json!({"question": "9 9 -> 18:", "answer": null}));
    write(&place, "train.jsonl", &train);
    write(&place, "test.jsonl", &[rows(1), rows(3)[2..].to_vec()].concat());
    let said = place.ok(&["data", "check", "train.jsonl", "--probe", "test.jsonl"]);
    for line in [
        "train.jsonl: 9 rows, 6 problems",
        "  columns      question, answer",
        "  unreadable   1: line 9",
        "               the first: `null` is neither text nor a number",
        "  disagreeing  2: lines 2, 8",
        "test.jsonl: 2 rows, 2 problems, for the probe",
        "in both (left out of training): 2: train.jsonl:3 = test.jsonl:2, train.jsonl:1 = test.jsonl:1",
    ] {
        assert!(said.contains(line), "`{line}` is not in:\n{}", said);
    }
    let json = place.ok(&["data", "check", "train.jsonl", "--json"]);
    let found: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found["disagreeing"], json!({"count": 2, "first": ["2", "8"]}));
    assert_eq!(found["alike"], json!([["train.jsonl:1", "train.jsonl:7"]]));
    // Of a recipe, what one task trains on and another measures.
    let recipe = "[model]\npath = \"m\"\n[[task]]\nkind = \"dataset\"\npath = \"train.jsonl\"\n\
                  [[task]]\nkind = \"benchmark\"\nbenchmark = \"gsm8k\"\npath = \"marked.jsonl\"\n\
                  changed = true\n[algorithm]\nname = \"grpo\"\n";
    fs::write(place.path("leak.toml"), recipe).unwrap();
    let marked = |row: &Value| json!({"question": row["question"], "answer": format!("#### {}", row["answer"])});
    let odd = json!({"question": "3; 3 -> 6:", "answer": 6});
    write(&place, "marked.jsonl", &[marked(&rows(1)[0]), marked(&odd)]);
    let said = place.ok(&["data", "check", "leak.toml"]);
    for line in [
        "train.jsonl in training, gsm8k for the probe:",
        "  in both (left out of training): 1: train.jsonl:1 = marked.jsonl:1",
        "  in both but for marks and spaces (not left out): 1: train.jsonl:3 = marked.jsonl:2",
    ] {
        assert!(said.contains(line), "`{line}` is not in:\n{said}");
    }
    let shown = place.ok(&["data", "show", "test.jsonl", "-n", "1"]);
    assert!(shown.contains("\n--- answer: "), "{}", shown);
}

#[test]
fn what_is_no_data_is_named() {
    let place = Place::new();
    fs::write(place.path("lfs.parquet"), "version https://git-lfs.github.com/spec/v1\n").unwrap();
    let error = place.fails(&["data", "check", "lfs.parquet"]);
    assert!(error.contains("lfs.parquet: it is a Git LFS pointer"), "{error}");
    write(&place, "a.jsonl", &[json!({"prompt": "1 1", "reward_model": {"truth": 2}})]);
    let error = place.fails(&["data", "check", "a.jsonl", "--format", "verl"]);
    assert!(error.contains("there are `prompt`, `reward_model.truth`"), "{error}");
    write(&place, "aime.jsonl", &[json!({"problem": "1 1", "answer": 2})]);
    let args =
        ["--base", "x/y", "--policy", "x/z", "--benchmark", "aime24", "--task", "aime.jsonl"];
    let error = place.fails(&[&["probe"][..], &args].concat());
    assert!(error.contains("it has 1 problems, and aime24 has 30"), "{error}");
}

/// Packed, in another trainer's layout, of several files, with two answers each, and as messages: the
/// same problems, and the same run.
#[test]
fn a_run_does_not_depend_on_how_its_data_are_packed() {
    let place = Place::new();
    place.ok(&[
        "train",
        "small.toml",
        "--run-dir",
        "base",
        "--max-steps",
        "0",
        "--set",
        "probe.interval=0",
    ]);
    let recipe = |task: &str| {
        format!(
            "[model]\npath = \"base/checkpoints/step-000000\"\n[[task]]\nkind = \"dataset\"\n{task}\n\
             [rollout]\nprompts_per_step = 2\nnum_generations = 2\nmax_prompt_length = 16\n\
             max_completion_length = 8\n[algorithm]\nname = \"grpo\"\n[optimizer]\nlr = 1e-3\n\
             [probe]\nproblems = 2\nn_max = 4\n[train]\nmax_steps = 2\n"
        )
    };
    let rows = rows(12);
    write(&place, "plain.jsonl", &rows);
    let csv: String = rows
        .iter()
        .map(|row| format!("{},{}\n", row["question"].as_str().unwrap(), row["answer"]))
        .collect();
    fs::write(place.path("a.csv"), format!("question,answer\n{csv}")).unwrap();
    let verl: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({"prompt": [{"role": "user", "content": row["question"]}],
                   "reward_model": {"ground_truth": row["answer"]}})
        })
        .collect();
    fs::create_dir_all(place.path("set/data")).unwrap();
    write(&place, "set/data/train-0.jsonl", &verl[..5]);
    write(&place, "set/data/train-1.jsonl", &verl[5..]);
    let mut metrics = Vec::new();
    for (name, task) in [
        ("plain", "path = \"plain.jsonl\""),
        ("csv", "path = \"a.csv\""),
        ("verl", "path = \"set\"\nformat = \"verl\"\nsplit = \"train\""),
        ("pattern", "path = \"set/*/train-*.jsonl\"\nformat = \"verl\""),
    ] {
        fs::write(place.path("r.toml"), recipe(task)).unwrap();
        place.ok(&["train", "r.toml", "--run-dir", name]);
        metrics.push(fs::read_to_string(place.path(name).join("metrics.jsonl")).unwrap());
    }
    assert!(metrics[0].lines().count() >= 2);
    for other in &metrics[1..] {
        assert_eq!(other, &metrics[0]);
    }
    let longest = ["data", "check", "r.toml", "--json", "--set", "rollout.max_prompt_length=8"];
    let found: Value = serde_json::from_str(&place.ok(&longest)).unwrap();
    // `1 1 -> 2:` has nine characters, each a token, and `5 5 -> 10:` ten.
    assert_eq!((&found["too_long"], &found["tokens"]["least"]), (&json!(12), &json!(9)));
    // A dry run looks at all of them, as the run would.
    for more in [&["--dry-run"][..], &["--run-dir", "long"]] {
        let args = ["train", "r.toml", "--set", "rollout.max_prompt_length=9"];
        let error = place.fails(&[&args, more].concat());
        let expect = "of 12 problems 8 are too long, the longest has 12 tokens";
        assert!(error.contains(expect), "{error}");
    }
    assert!(!place.path("long").exists());
    let talk = json!({"question": [{"role": "system", "content": "1"}, {"role": "user", "content": "2"}],
                      "answer": 3});
    write(&place, "talk.jsonl", &vec![talk; 1]);
    fs::write(place.path("r.toml"), recipe("path = \"plain.jsonl\"\nprobe_path = \"talk.jsonl\""))
        .unwrap();
    let error = place.fails(&["train", "r.toml", "--run-dir", "talk"]);
    assert!(error.contains("talk.jsonl:1") && error.contains("model.chat_template"), "{error}");
    assert!(!place.path("talk").exists());
}

/// The paper's recipe, on files laid out as the hub's, with a tiny random model of Qwen's shape: tasks that
/// are trained on, benchmarks that are measured, the model's own chat format.
#[test]
fn the_papers_recipe_runs_on_a_tiny_model_of_its_shape() {
    let place = Place::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let fixture = root.join("crates/bourn-model/tests/fixtures/qwen2-tiny");
    fs::create_dir(place.path("model")).unwrap();
    for file in fs::read_dir(fixture).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), place.path("model").join(file.file_name())).unwrap();
    }
    let template = "{% for m in messages %}{{ m.role }}\n{{ m.content }}\n{% endfor %}assistant\n";
    fs::write(place.path("model/chat_template.jinja"), template).unwrap();
    fs::create_dir_all(place.path("gsm8k/main")).unwrap();
    fs::create_dir_all(place.path("math/data")).unwrap();
    let of =
        |range: std::ops::Range<u32>, row: fn(u32) -> Value| range.map(row).collect::<Vec<_>>();
    let gsm8k = |i| json!({"question": format!("{i}+1?"), "answer": format!("so\n#### {}", i + 1)});
    let math = |i| {
        json!({"problem": format!("{i}/2?"), "solution": format!("\\boxed{{\\frac{{{i}}}2}}"),
               "answer": format!("\\frac{{{i}}}2")})
    };
    write(&place, "gsm8k/main/train-0.jsonl", &of(0..8, gsm8k));
    write(&place, "gsm8k/main/test-0.jsonl", &of(20..24, gsm8k));
    write(&place, "math/data/train-0.jsonl", &of(1..9, math));
    write(&place, "math500.jsonl", &of(20..24, math));
    let recipe = root.join("recipes/math-qwen.toml");
    let set = |key_values: &[&str]| {
        let mut args = vec!["train".to_owned(), recipe.display().to_string()];
        args.extend(["--run-dir".to_owned(), "run".to_owned()]);
        args.extend(key_values.iter().flat_map(|set| ["--set".to_owned(), (*set).to_owned()]));
        args
    };
    let args = set(&[
        "model.path=model",
        "task.0.path=gsm8k",
        "task.1.path=math",
        "task.2.path=math500.jsonl",
        "task.2.changed=true",
        "task.3.path=gsm8k/main/test-0.jsonl",
        "task.3.changed=true",
        "rollout.prompts_per_step=4",
        "rollout.num_generations=2",
        "rollout.max_prompt_length=240",
        "rollout.max_completion_length=8",
        "train.max_steps=2",
        "probe.interval=2",
        "probe.problems=4",
        "probe.n_max=2",
        "checkpoint.interval=2",
    ]);
    place.ok(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let metrics = fs::read_to_string(place.path("run/metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().filter(|line| line.contains("\"train/reward\"")).count(), 2);
    let probe = fs::read_dir(place.path("run/boundary")).unwrap().count();
    assert!(probe > 0, "the benchmarks are measured");
}
