//! Models, data and names that are written to do harm: an error that says what is wrong, and nothing else.

#![cfg(unix)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::{Place, text};

/// A title for the window, a text that is read backwards, the one-byte beginning of a sequence, a line
/// that not everything takes for one.
const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{202e}7\u{9b}31m\u{2028}";

/// A place with a model in `model`, which has this chat template.
fn with_template(template: &str) -> Place {
    let place = Place::new();
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../bourn-model/tests/fixtures/llama-tiny");
    fs::create_dir(place.path("model")).unwrap();
    for entry in fs::read_dir(fixture).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, place.path("model").join(path.file_name().unwrap())).unwrap();
    }
    set_template(&place, template);
    place
}

fn set_template(place: &Place, template: &str) {
    fs::write(place.path("model/chat_template.jinja"), template).unwrap();
}

/// Changes a key of one of the model's JSON files.
fn set(place: &Place, file: &str, key: &str, value: &str) {
    let path = place.path("model").join(file);
    let mut object: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    object[key] = json!(value);
    fs::write(&path, object.to_string()).unwrap();
}

const SAMPLE: [&str; 8] =
    ["sample", "--model", "model", "--chat", "--prompt", "7", "--max-tokens", "1"];

/// What is shown of a text from elsewhere has nothing in it that a terminal would obey.
#[track_caller]
fn check_shown(said: &str) {
    let unseen = said.chars().find(|&c| bourn_foreign::is_unseen(c) && c != '\n');
    assert_eq!(unseen, None, "{said:?}");
    assert!(said.contains("\\u{1b}]0;owned"), "{said}");
}

#[test]
fn a_template_that_does_harm_is_an_error() {
    let place = with_template("");
    let deep = "deeper than a stack of 64 MiB";
    let cycle = "{% set n = namespace() %}{% set n.a = n %}";
    let (minus, filters) = ("-".repeat(250_000), "|string".repeat(36_000));
    let cases = [
        // A value in itself, wherever a value is walked through.
        (format!("{cycle}{{{{ n }}}}"), deep),
        (format!("{cycle}{{{{ [n] ~ '' }}}}"), deep),
        (format!("{cycle}{{{{ n | tojson }}}}"), ""),
        (format!("{cycle}{{{{ n == n.a }}}}{{{{ n.a | pprint }}}}"), deep),
        ("{% set n = namespace(s=1) %}{% for a in range(999) %}{% for b in range(999) %}\
          {% set n.s = [n.s] %}{% endfor %}{% endfor %}{{ n.s }}".to_owned(), deep),
        // Expressions as deep as a template is long.
        (format!("{{{{ {minus}1 }}}}"), deep),
        (format!("{{{{ 1{filters} }}}}"), ""),
        (format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(20_000)), ""),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}".to_owned(), "recursion"),
        // Memory and time within one step.
        ("{{ (['a' * 100000] * 100000) | join | length }}".to_owned(), "memory"),
        ("{% set n = namespace(s=[1]) %}{% for i in range(40) %}{% set n.s = n.s + n.s %}{% endfor %}\
          {{ n.s | length }}".to_owned(), ""),
        ("{% set n = namespace(s=[1]) %}{% for i in range(40) %}{% set n.s = n.s + n.s %}{% endfor %}\
          {{ n.s | list | last }}".to_owned(), ""),
        ("{{ 'a'.rjust(99999999999) }}{{ 'a' | center(99999999999) }}".to_owned(), ""),
        ("{{ '%099999999999d' | format(1) }}".to_owned(), ""),
        ("{{ ('a' * 1000000).replace('', 'b' * 1000000) | length }}".to_owned(), ""),
    ];
    for (template, reason) in cases {
        set_template(&place, &template);
        let shown: String = template.chars().take(90).collect();
        let output = place.within_a_minute(&mut place.command(&SAMPLE));
        let said = text(&output.stderr);
        // A deep expression with a value is none too deep.
        if output.status.success() {
            assert!(reason.is_empty(), "{shown}: {said}");
            continue;
        }
        assert_eq!(output.status.code(), Some(1), "{shown}: {said}");
        assert!(
            said.contains("error: model/chat_template.jinja: chat template: "),
            "{shown}: {said}"
        );
        assert!(said.contains(reason), "{shown}: {said}");
        assert!(said.len() < 2000, "{shown}: {said}");
    }
}

/// The process that renders is one for all prompts, and gives what this one would.
#[test]
fn a_template_in_a_process_of_its_own_writes_what_it_says() {
    let place =
        with_template("{% for m in messages %}{{ m.role }}: {{ m['content'] }}\n{% endfor %}A:");
    let score = |args: &[&str], prompts: [&str; 2]| {
        let line = |prompt: &str| format!("{}\n", json!({"prompt": prompt, "completion": "12"}));
        fs::write(place.path("in"), prompts.map(line).concat()).unwrap();
        let input = fs::File::open(place.path("in")).unwrap();
        let mut command = place.command(&[&["score", "--model", "model"], args].concat());
        let output = place.within_a_minute(command.stdin(input));
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let apart = score(&["--chat", "--system", "Add."], ["1+2", "\"é\"\n"]);
    // The template writes no beginning-of-sequence token, and the tokenizer adds one to raw text.
    let tokens = "tokenizer.json";
    let path = place.path("model").join(tokens);
    let mut object: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    object["post_processor"] = Value::Null;
    fs::write(&path, object.to_string()).unwrap();
    let raw = ["system: Add.\nuser: 1+2\nA:", "system: Add.\nuser: \"é\"\n\nA:"];
    assert_eq!(apart, score(&[], raw));
}

/// It hung until it was killed: SIGTERM was heard, and nobody came to look.
#[test]
fn a_probe_ends_over_a_template_that_never_does() {
    let place = with_template(
        "{% set n = namespace(s=[1]) %}{% for i in range(40) %}{% set n.s = n.s + n.s %}{% endfor %}\
         {{ n.s | list | last }}",
    );
    fs::write(place.path("task.jsonl"), r#"{"question": "1+2", "answer": "3"}"#).unwrap();
    let models = ["--base", "model", "--policy", "model", "--task", "task.jsonl"];
    let chat = ["--set", "model.chat_template=true", "--set", "rollout.max_completion_length=8"];
    let mut command = place.command(&[&["probe"], &models[..], &chat[..]].concat());
    let said = text(&place.within_a_minute(&mut command).stderr);
    assert!(said.contains("error: model/chat_template.jinja: chat template: "), "{said}");
}

#[test]
fn errors_and_warnings_show_texts_from_elsewhere_and_obey_none() {
    let place = with_template(&format!("{{{{ raise_exception('{HOSTILE}') }}}}"));
    check_shown(&place.fails(&SAMPLE));

    // A log line: a token that no vocabulary has.
    set_template(&place, "{{ messages[0].content }}");
    set(&place, "tokenizer_config.json", "pad_token", HOSTILE);
    let output = place.within_a_minute(&mut place.command(&SAMPLE));
    assert!(output.status.success(), "{}", text(&output.stderr));
    check_shown(&text(&output.stderr));

    set(&place, "config.json", "model_type", HOSTILE);
    check_shown(&place.fails(&SAMPLE));

    // Data, and the name of a file.
    let line = json!({"problem": HOSTILE, "n": 4, "c": 1});
    fs::write(place.path("twice.jsonl"), format!("{line}\n{line}\n")).unwrap();
    check_shown(&place.fails(&["compare", "twice.jsonl", "twice.jsonl"]));
    check_shown(&place.fails(&["recipe", "check", &format!("{HOSTILE}.toml")]));
    check_shown(&place.fails(&["recipe", &format!("check{HOSTILE}")]));
    fs::write(place.path("data.jsonl"), json!({HOSTILE: "1", "b": "2"}).to_string()).unwrap();
    check_shown(&place.fails(&["init", "--model", "org/model", "--data", "data.jsonl"]));
}

#[test]
fn results_show_texts_from_elsewhere_and_json_stays_what_it_says() {
    let place = Place::new();
    let ids = [HOSTILE, "2"];
    let outcomes = |c: [u64; 2]| {
        let line = |(id, c)| format!("{}\n", json!({"problem": id, "n": 64, "c": c}));
        ids.into_iter().zip(c).map(line).collect::<String>()
    };
    fs::write(place.path("base.jsonl"), outcomes([60, 1])).unwrap();
    fs::write(place.path("policy.jsonl"), outcomes([0, 1])).unwrap();
    let files = ["compare", "base.jsonl", "policy.jsonl"];
    for args in [&["--full"][..], &[]] {
        let shown = place.ok(&[&files[..], args].concat());
        assert!(!shown.chars().any(|c| bourn_foreign::is_unseen(c) && c != '\n'), "{shown:?}");
    }
    let shown = place.ok(&[&files[..], &["--json"]].concat());
    assert!(!shown.chars().any(|c| bourn_foreign::is_unseen(c) && c != '\n'), "{shown:?}");
    let object: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(object["solvable"]["never_solved_again"], json!([HOSTILE]));
}

#[test]
fn what_cannot_be_written_is_named() {
    let place = Place::new();
    fs::write(place.path("a.jsonl"), r#"{"problem": "1", "n": 4, "c": 1}"#).unwrap();
    for args in [&["compare", "a.jsonl", "a.jsonl"][..], &["recipe", "reference"], &["--help"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = place.command(args).stdout(full).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("error: writing to standard output: No space left"), "{said}");
    }
    // The cache, before anything is pretrained or drawn.
    let refused = |args: &[&str]| {
        let output = place.command(args).env("BOURN_CACHE", "small.toml/cache").output().unwrap();
        assert!(!output.status.success());
        let said = text(&output.stderr);
        assert!(said.contains("error: the cache, where bases"), "{said}");
        assert!(said.contains("small.toml"), "{said}");
        assert!(said.contains("set BOURN_CACHE to a directory that can be written in"), "{said}");
    };
    refused(&["train", "small.toml"]);
    refused(&["train", "small.toml", "--set", "probe.interval=0"]);
    refused(&["probe", "--base", "x/y", "--policy", "x/y", "--task", "countdown"]);
    fs::write(place.path("sweep.toml"), "recipe = \"small.toml\"\nseeds = [1]\n").unwrap();
    refused(&["ablate", "sweep.toml"]);

    std::os::unix::fs::symlink("nowhere", place.path("runs")).unwrap();
    for args in [&["train", "small.toml", "--run-dir", "runs"][..], &["man", "runs"]] {
        let said = place.fails(args);
        assert!(said.contains("runs is a link to nowhere, which is not there: make"), "{said}");
    }
}

/// A pipe is waited for until somebody writes to it.
#[test]
fn a_pipe_is_no_file() {
    let place = with_template("");
    assert!(Command::new("mkfifo").arg(place.path("pipe.toml")).status().unwrap().success());
    let data = "task.0={ kind = \"jsonl\", path = \"pipe.toml\" }";
    let cases: [&[&str]; 7] = [
        &["recipe", "check", "pipe.toml"],
        &["train", "pipe.toml", "--dry-run"],
        &["ablate", "pipe.toml", "--dry-run"],
        &["compare", "pipe.toml", "pipe.toml"],
        &["sample", "--model", "pipe.toml", "--prompt", "7"],
        &["init", "--model", "org/model", "--data", "pipe.toml"],
        &["train", "small.toml", "--set", "base.demonstrations={}", "--set", data],
    ];
    for args in cases {
        let output = place.within_a_minute(place.command(args).stdin(Stdio::null()));
        let said = text(&output.stderr);
        assert!(!output.status.success(), "{args:?}: {said}");
        assert!(said.contains("pipe.toml"), "{args:?}: {said}");
    }
    // Standard input is one that somebody writes to.
    let recipe = fs::File::open(place.path("small.toml")).unwrap();
    let mut feed = Command::new("cat").stdin(recipe).stdout(Stdio::piped()).spawn().unwrap();
    let mut command = place.command(&["recipe", "check", "/dev/stdin"]);
    let output = place.within_a_minute(command.stdin(feed.stdout.take().unwrap()));
    assert_eq!(text(&output.stdout), "/dev/stdin: ok\n", "{}", text(&output.stderr));
    feed.wait().unwrap();
}

#[test]
fn more_completions_than_there_can_be_are_refused() {
    let said = Place::new().fails(&[
        "sample",
        "--model",
        "m",
        "--prompt",
        "7",
        "-n",
        "18446744073709551615",
    ]);
    assert!(said.contains("18446744073709551615 is not in 1..=1000000"), "{said}");
}
