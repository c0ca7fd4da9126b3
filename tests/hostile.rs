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
    check_harmless(said);
    // The first is ours; the library that makes log lines has its own.
    let written_out = said.contains("\\u{1b}]0;owned") || said.contains("\\x1b]0;owned");
    assert!(written_out, "{said}");
}

#[track_caller]
fn check_harmless(said: &str) {
    let unseen = said.chars().find(|&c| bourn_foreign::is_unseen(c) && c != '\n');
    assert_eq!(unseen, None, "{said:?}");
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
        (format!("{cycle}{{{{ n == n.a }}}}{{{{ n.a | pprint }}}}"), ""),
        ("{% set n = namespace(s=1) %}{% for a in range(999) %}{% for b in range(999) %}\
          {% set n.s = [n.s] %}{% endfor %}{% endfor %}{{ n.s }}".to_owned(), deep),
        // Expressions as deep as a template is long.
        (format!("{{{{ {minus}1 }}}}"), deep),
        (format!("{{{{ 1{filters} }}}}"), ""),
        (format!("{{% if 0 %}}{}{{% endif %}}7", "{% elif 0 %}".repeat(20_000)), ""),
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
    // The parser of the command line leaves sequences out.
    check_harmless(&place.fails(&["recipe", &format!("check{HOSTILE}")]));
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
    assert!(Command::new("mkfifo").arg(place.path("pipe.toml.jsonl")).status().unwrap().success());
    let cases: [&[&str]; 7] = [
        &["recipe", "check", "pipe.toml"],
        &["train", "pipe.toml", "--dry-run"],
        &["ablate", "pipe.toml", "--dry-run"],
        &["compare", "pipe.toml", "pipe.toml"],
        &["sample", "--model", "pipe.toml", "--prompt", "7"],
        &["init", "--model", "org/model", "--data", "pipe.toml"],
        &["probe", "--base", "model", "--policy", "model", "--task", "pipe.toml.jsonl"],
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

/// Files that claim, or hold, far more than anybody needs are read or refused within two gibibytes of
/// addresses, of which the program's own threads reserve the most.
#[test]
fn what_is_not_needed_takes_no_memory() {
    let place = with_template("");
    let within = |args: &[&str]| {
        let mut command = Command::new("sh");
        command
            .args(["-c", "ulimit -v 2097152; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_bourn")])
            .args(args)
            .current_dir(place.path(""))
            .env("BOURN_CACHE", place.path("cache"));
        let output = place.within_a_minute(&mut command);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.len() < 2000, "{args:?}: {said}");
        said
    };
    // Nothing but noughts after the beginning: a number or an empty text each.
    let sparse = |name: &str, beginning: &[u8]| {
        let path = place.path(name);
        fs::write(&path, beginning).unwrap();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(600 << 20).unwrap();
    };
    let array = |key: &str, kind: u32, count: u64| {
        let (length, nine) = ((key.len() as u64).to_le_bytes(), 9u32.to_le_bytes());
        let (none, one) = (0u64.to_le_bytes(), 1u64.to_le_bytes());
        let parts: [&[u8]; 9] = [
            b"GGUF",
            &3u32.to_le_bytes(),
            &none,
            &one,
            &length,
            key.as_bytes(),
            &nine,
            &kind.to_le_bytes(),
            &count.to_le_bytes(),
        ];
        parts.concat()
    };
    let (passed, refused) = ("general.architecture", "has names and metadata of more than 64 MiB");
    for (key, kind, count, expect) in [
        ("x", 0, 599 << 20, passed),
        ("x", 8, 74 << 20, passed),
        ("llama.x", 4, 149 << 20, passed),
        ("tokenizer.ggml.token_type", 0, 599 << 20, refused),
        ("tokenizer.ggml.scores", 6, 149 << 20, refused),
        ("tokenizer.ggml.tokens", 8, 74 << 20, refused),
    ] {
        sparse("large.gguf", &array(key, kind, count));
        let said = within(&["sample", "--model", "large.gguf", "--prompt", "7"]);
        assert!(said.contains("large.gguf") && said.contains(expect), "{key} {kind}: {said}");
    }
    let model = ["sample", "--model", "model", "--prompt", "7"];
    let whole = fs::read(place.path("model/model.safetensors")).unwrap();
    sparse("model/model.safetensors", &(500u64 << 20).to_le_bytes());
    assert!(within(&model).contains("model.safetensors: has a header of 524288000 bytes"));
    fs::write(place.path("model/model.safetensors"), whole).unwrap();
    fs::write(place.path("model/tokenizer.json"), format!("[{}0]", "0,".repeat(60 << 20))).unwrap();
    assert!(within(&model).contains("tokenizer.json: holds more than 8388608 values"));
    sparse("model/tokenizer.json", b"{");
    assert!(within(&model).contains("tokenizer.json: is longer than"));
    sparse("model/config.json", b"{");
    assert!(within(&model).contains("config.json: is longer than"));
    sparse("recipe.toml", b"a = 1");
    assert!(within(&["recipe", "check", "recipe.toml"]).contains("recipe.toml"));
    for args in [
        &["compare", "recipe.toml", "recipe.toml"][..],
        &["init", "new.toml", "--model", "org/model", "--data", "recipe.toml"],
    ] {
        assert!(within(args).contains("recipe.toml"), "{args:?}");
    }
}

/// Tokenizing a text takes a microsecond and a hundred bytes for each of its own.
#[test]
fn a_text_that_no_context_holds_is_not_tokenized() {
    let place = with_template("{{ messages[0].content }}");
    let long = "7 ".repeat(7 << 20);
    for line in
        [json!({"prompt": long, "completion": "7"}), json!({"prompt": "7", "completion": long})]
    {
        fs::write(place.path("in"), format!("{line}\n")).unwrap();
        for args in [&["score", "--model", "model"][..], &["score", "--model", "model", "--chat"]] {
            let input = fs::File::open(place.path("in")).unwrap();
            let output = place.within_a_minute(place.command(args).stdin(input));
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains("line 1: the text is 14680064 bytes long"), "{said}");
        }
    }
    // Of a data set, the problem is named.
    let line = json!({"question": "7 ".repeat(1 << 16), "answer": "7"});
    fs::write(place.path("task.jsonl"), line.to_string()).unwrap();
    let probe = ["probe", "--base", "model", "--policy", "model", "--task", "task.jsonl"];
    let said = text(&place.within_a_minute(&mut place.command(&probe)).stderr);
    assert!(said.contains("error: problem ") && said.contains("task.jsonl:1"), "{said}");
    assert!(said.contains("the text is 131072 bytes long"), "{said}");
    // What is quoted of it is short.
    fs::write(place.path("in"), format!("{}\n", json!({long: "7"}))).unwrap();
    let input = fs::File::open(place.path("in")).unwrap();
    let output = place.within_a_minute(place.command(&["score", "--model", "model"]).stdin(input));
    assert!(text(&output.stderr).contains("unknown field"), "{}", output.stderr.len());
    assert!(output.stderr.len() < 40_000, "{}", output.stderr.len());
}

/// It was heard, and nobody came to look: while a template takes its time over each of many prompts, one
/// SIGTERM ends a command, with the code for it.
#[cfg(target_os = "linux")]
#[test]
fn one_signal_ends_what_renders() {
    let slow = "{% for a in range(700) %}{% for b in range(700) %}{% endfor %}{% endfor %}7";
    let place = with_template(slow);
    let line = |n: u64| format!("{}\n", json!({"question": format!("{n}+2"), "answer": "3"}));
    fs::write(place.path("task.jsonl"), (0..5000).map(line).collect::<String>()).unwrap();
    let models = ["probe", "--base", "model", "--policy", "model", "--task", "task.jsonl"];
    let chat = ["--set", "model.chat_template=true", "--set", "rollout.max_completion_length=8"];
    let mut command = place.command(&[&models[..], &chat[..]].concat());
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let id = child.id().to_string();
    // The process that renders is there from the first prompt on.
    let renders = || {
        let tasks = fs::read_dir(format!("/proc/{id}/task")).unwrap().flatten();
        let children = |task: fs::DirEntry| fs::read_to_string(task.path().join("children"));
        tasks.filter_map(|task| children(task).ok()).any(|list| !list.is_empty())
    };
    while child.try_wait().unwrap().is_none() && !renders() {
        std::thread::yield_now();
    }
    let _ = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    let (ended, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || ended.send(child.wait_with_output()));
    let output = end.recv_timeout(std::time::Duration::from_secs(60)).expect("it ends").unwrap();
    assert_eq!(output.status.code(), Some(143), "{}", text(&output.stderr));
}

/// What a model writes is shown on a terminal, and obeyed only by one whose user asks for it; a pipe has the
/// bytes as they are. `script` gives a program a terminal.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_is_shown_what_a_model_writes() {
    let place = with_template("");
    let path = place.path("model/tokenizer.json");
    let mut tokenizer: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let all = json!({"type": "Replace", "pattern": {"Regex": "."}, "content": HOSTILE});
    tokenizer["decoder"] = json!({"type": "Sequence", "decoders": [all, {"type": "Fuse"}]});
    fs::write(&path, tokenizer.to_string()).unwrap();
    let piped = place.ok(&["sample", "--model", "model", "--prompt", "7", "--max-tokens", "2"]);
    assert!(piped.contains(HOSTILE), "{piped:?}");
    if Command::new("script").arg("--version").output().is_err() {
        return;
    }
    let on_a_terminal = |raw: &str| {
        let line = format!(
            "{} sample --model model --prompt 7 --max-tokens 2 {raw} 2>/dev/null",
            env!("CARGO_BIN_EXE_bourn")
        );
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).current_dir(place.path("")).stdin(Stdio::null());
        text(&place.within_a_minute(&mut command).stdout)
    };
    let shown = on_a_terminal("");
    assert!(shown.contains("\\u{1b}]0;owned\\u{7}\\u{202e}7\\u{9b}31m\\u{2028}"), "{shown:?}");
    assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{shown:?}");
    assert!(on_a_terminal("--raw").contains(HOSTILE));
}
