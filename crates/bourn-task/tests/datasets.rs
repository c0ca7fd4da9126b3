//! Data as the field has it: other formats, conventions, conversations, several answers, benchmarks.

use std::fs;
use std::path::Path;

use bourn_recipe::Recipe;
use bourn_task::{Problem, Problems, load, load_held_out};
use bourn_verify::{Submission, Verdict};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Rows of a file, one object a line.
fn write(folder: &TempDir, name: &str, rows: &[Value]) {
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    fs::write(folder.path().join(name), lines.join("\n")).unwrap();
}

/// A recipe over `tasks`; `{dir}` stands for the folder.
fn recipe(folder: &TempDir, tasks: &str) -> Recipe {
    let text = format!(
        "[model]\npath = \"m\"\n{}\n[algorithm]\nname = \"grpo\"\n[rollout]\nprompts_per_step = 1\n\
         max_completion_length = 8\n[optimizer]\nlr = 1e-4\n[train]\nmax_steps = 1\n\
         micro_batch_size = 2\n[probe]\ninterval = 1\nproblems = 4\n",
        tasks.replace("{dir}", &folder.path().display().to_string()),
    );
    bourn_recipe::parse(&text, Path::new("test.toml"), &[])
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn loaded(folder: &TempDir, tasks: &str) -> Problems {
    load(&recipe(folder, tasks)).unwrap_or_else(|error| panic!("{error}"))
}

fn fails(folder: &TempDir, tasks: &str, expect: &str) {
    let error = load(&recipe(folder, tasks)).expect_err("a message").to_string();
    assert!(error.contains(expect), "`{expect}` is not in: {error}");
}

fn verdict(problem: &Problem, text: &str) -> Verdict {
    problem.judge().verdict(&Submission::of(text)).unwrap().verdict
}

/// All problems, training and held out, by their prompts.
fn all(problems: &Problems) -> Vec<&Problem> {
    let mut all: Vec<&Problem> = problems.train.iter().chain(&problems.held_out).collect();
    all.sort_by(|a, b| a.prompt.cmp(&b.prompt));
    all
}

#[test]
fn conventions_of_other_trainers() {
    let folder = tempfile::tempdir().unwrap();
    let user = |text: &str| json!([{"role": "user", "content": text}]);
    for (format, row) in [
        ("verl", json!({"prompt": user("1+1"), "reward_model": {"ground_truth": "2"}})),
        ("trl", json!({"prompt": user("1+1"), "solution": "2"})),
        ("trl", json!({"prompt": "1+1", "solution": "2"})),
        ("nemo-rl", json!({"input": "1+1", "output": 2})),
        ("prime-rl", json!({"question": "1+1", "answer": "2"})),
        ("prime-rl", json!({"prompt": user("1+1"), "question": "no", "answer": "2"})),
    ] {
        let other: Value = serde_json::from_str(&row.to_string().replace("1+1", "0+2")).unwrap();
        write(&folder, "a.jsonl", &[row, other]);
        let task = "[[task]]\nkind = \"dataset\"\npath = \"{dir}/a.jsonl\"\n";
        let problems = loaded(&folder, &format!("{task}format = \"{format}\"\n"));
        let all = all(&problems);
        assert_eq!(all[1].prompt, "1+1", "{format}");
        assert!(all.iter().all(|p| p.messages.is_empty() && verdict(p, "2") == Verdict::Correct));
    }
    let verl = "[[task]]\nkind = \"dataset\"\npath = \"{dir}/a.jsonl\"\nformat = \"verl\"\n";
    fails(&folder, verl, "no column `reward_model.ground_truth`; there are");
    fails(&folder, verl, "`question`, `answer`");
}

#[test]
fn a_verl_file_in_parquet_with_conversations() {
    let folder = tempfile::tempdir().unwrap();
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../bourn-rows/tests/fixtures/zstd.parquet");
    fs::copy(fixture, folder.path().join("train-00000-of-00001.parquet")).unwrap();
    let task = "[[task]]\nkind = \"dataset\"\npath = \"{dir}\"\nformat = \"verl\"\nsplit = \"train\"\n\
                template = \"Q: {prompt}\"\n";
    let problems = loaded(&folder, task);
    let all = all(&problems);
    assert_eq!(all.len(), 3);
    let one = all[0];
    assert_eq!(one.prompt, "system: Be brief.\n\nuser: Q: What is 1 + 1?");
    let said: Vec<(&str, &str)> =
        one.messages.iter().map(|m| (m.role.as_str(), m.content.as_str())).collect();
    assert_eq!(said, [("system", "Be brief."), ("user", "Q: What is 1 + 1?")]);
    assert_eq!(one.origin, "train-00000-of-00001.parquet:1");
    assert_eq!((verdict(one, "2"), verdict(one, "3")), (Verdict::Correct, Verdict::Wrong));
    fails(
        &folder,
        &task.replace("\"train\"", "\"test\""),
        "has no split `test` (there are `train`)",
    );
}

#[test]
fn of_several_answers_any_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        json!({"question": "sqrt 4?", "answer": ["2", "-2"]}),
        json!({"question": "half?", "answer": ["0.5", "1/2"]}),
        json!({"question": "none?", "answer": []}),
        json!({"question": "odd?", "answer": ["1", null]}),
    ];
    write(&folder, "a.jsonl", &rows);
    let problems = loaded(&folder, "[[task]]\nkind = \"dataset\"\npath = \"{dir}/a.jsonl\"\n");
    let [half, root] = all(&problems)[..] else { panic!("two can be read") };
    for (text, expect) in [
        ("2", Verdict::Correct),
        ("-2", Verdict::Correct),
        ("3", Verdict::Wrong),
        ("none", Verdict::Unparsed),
    ] {
        assert_eq!(verdict(root, text), expect, "{text}");
    }
    assert_eq!(verdict(half, "0.50"), Verdict::Correct);
    let warning = &problems.warnings[0];
    assert!(
        warning.contains("2 problems left out") && warning.ends_with("lines 3, 4"),
        "{warning}"
    );
}

#[test]
fn several_files_are_one_data_set() {
    let folder = tempfile::tempdir().unwrap();
    let row = |i: u32| json!({"question": format!("q{i}"), "answer": i});
    write(&folder, "train-0.jsonl", &[row(1), row(2), row(3)]);
    write(&folder, "train-1.jsonl", &[row(4), row(2), json!({"question": "q3", "answer": 0})]);
    write(&folder, "test.jsonl", &[row(1), row(7)]);
    let task = "[[task]]\nkind = \"dataset\"\npath = \"{dir}\"\nsplit = \"train\"\nprobe_split = \"test\"\n";
    let problems = loaded(&folder, task);
    // q3 has two answers, and q1 is for the probe.
    let prompts = |of: &[Problem]| {
        let mut prompts: Vec<String> = of.iter().map(|p| p.prompt.clone()).collect();
        prompts.sort();
        prompts
    };
    assert_eq!(prompts(&problems.train), ["q2", "q4"]);
    assert_eq!(prompts(&problems.held_out), ["q1", "q7"]);
    let warnings = problems.warnings.join("\n");
    assert!(warnings.contains("on an earlier line: train-1.jsonl:2"), "{warnings}");
    assert!(warnings.contains("different answers: train-0.jsonl:3, train-1.jsonl:3"), "{warnings}");
    assert!(warnings.contains("1 problem left out of training"), "{warnings}");
    let pattern = "[[task]]\nkind = \"dataset\"\npath = \"{dir}/train-*.jsonl\"\n";
    assert_eq!(all(&loaded(&folder, pattern)).len(), 3);
}

#[test]
fn a_benchmark_is_measured_and_never_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let row = |i: u32| json!({"question": format!("q{i}"), "answer": i});
    write(&folder, "a.jsonl", &(0..9).map(row).collect::<Vec<_>>());
    let of = |i: u32| json!({"problem": format!("p{i}"), "answer": format!("\\frac{{{i}}}{{7}}")});
    write(&folder, "math.jsonl", &(0..9).map(of).collect::<Vec<_>>());
    let train = "[[task]]\nkind = \"dataset\"\npath = \"{dir}/a.jsonl\"\nweight = 1.0\n";
    let math =
        "[[task]]\nkind = \"benchmark\"\nbenchmark = \"math500\"\npath = \"{dir}/math.jsonl\"\n";
    fails(
        &folder,
        &format!("{train}{math}"),
        "math.jsonl: it has 9 problems, and math500 has 500 (their content is",
    );
    let both = format!("{train}{math}changed = true\n");
    let problems = loaded(&folder, &both);
    assert!(problems.train.iter().all(|p| p.origin.starts_with("a.jsonl")));
    let of_math: Vec<&Problem> =
        problems.held_out.iter().filter(|p| p.origin.starts_with("math.jsonl")).collect();
    // Where there is a benchmark, data without held-out problems of their own are all for training.
    assert_eq!((problems.train.len(), problems.held_out.len(), of_math.len()), (9, 4, 4));
    let asked = "Please reason step by step, and put your final answer within \\boxed{}.";
    for problem in &of_math {
        assert!(problem.prompt.starts_with('p') && problem.prompt.ends_with(asked));
        let i = &problem.prompt[1..2];
        assert_eq!(verdict(problem, &format!("so \\boxed{{{i}/7}}")), Verdict::Correct);
    }
    let (held_out, _) = load_held_out(&recipe(&folder, &both).measured()).unwrap();
    assert_eq!(held_out, problems.held_out);
    // What a data set has of the benchmark's problems is left out of training, and said.
    let mut leaked: Vec<Value> = (0..9).map(row).collect();
    leaked.push(json!({"question": "p3", "answer": "\\frac{3}{7}"}));
    write(&folder, "a.jsonl", &leaked);
    let train = "[[task]]\nkind = \"dataset\"\npath = \"{dir}/a.jsonl\"\n[[reward]]\nverifier = \"math\"\n\
                 extract = \"boxed\"\n";
    let problems = loaded(&folder, &format!("{math}changed = true\n{train}"));
    assert!(problems.train.len() == 9, "{}", problems.train.len());
    let warnings = problems.warnings.join("\n");
    assert!(
        warnings.contains("1 problem left out of training, because the probe has them"),
        "{warnings}"
    );
    // Nothing is left to train on.
    let alone = format!("{math}changed = true\n");
    fails(&folder, &alone, "there is nothing to train on: math500 is a benchmark");
}
