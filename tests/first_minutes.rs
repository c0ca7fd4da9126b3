//! What somebody meets who has the binary and nothing else: help, a first recipe, what is wrong with
//! the machine, completions and manual pages.

#[path = "support/mod.rs"]
mod support;

use std::fs;

use serde_json::Value;
use support::{Place, text};

const MODEL: &str = "HuggingFaceTB/SmolLM2-135M-Instruct";
const COMMANDS: [&str; 14] = [
    "init",
    "train",
    "report",
    "probe",
    "compare",
    "ablate",
    "sample",
    "score",
    "verify",
    "recipe",
    "ledger",
    "doctor",
    "completions",
    "man",
];

/// `count` problems in GSM8K's format.
fn gsm8k(count: usize) -> String {
    let line = |i: usize| {
        format!(
            "{{\"question\": \"What is {i} and 1?\", \"answer\": \"{i}+1=<<{i}+1={n}>>{n}\\n#### {n}\"}}\n",
            n = i + 1
        )
    };
    (0..count).map(line).collect()
}

fn wide_lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.chars().count() > 80).collect()
}

#[test]
fn help_begins_with_what_bourn_is_and_where_to_start() {
    let place = Place::new();
    let help = place.ok(&["--help"]);
    let first: Vec<&str> = help.lines().take(7).collect();
    assert!(first[0].starts_with("bourn trains language models"), "{help}");
    let start = "Start here, with nothing to download";
    assert!(first[4].starts_with(start) && first[5].contains("bourn init --quickstart"), "{help}");
    for command in COMMANDS {
        assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
    }
    // Without arguments the same comes as the answer to a wrong command line.
    let bare = place.bourn(&[]);
    assert_eq!(bare.status.code(), Some(2));
    assert!(text(&bare.stderr).contains(start));
}

#[test]
fn no_line_of_help_is_wider_than_a_terminal_and_every_command_has_an_example() {
    let place = Place::new();
    let mut pages = vec![vec!["--help"], vec!["-h"]];
    pages.extend(COMMANDS.map(|command| vec![command, "--help"]));
    for below in ["ls", "verify", "gc"] {
        pages.push(vec!["ledger", below, "--help"]);
    }
    for below in ["check", "show", "schema", "reference"] {
        pages.push(vec!["recipe", below, "--help"]);
    }
    for page in pages {
        let output = place.command(&page).env("COLUMNS", "200").output().unwrap();
        let help = text(&output.stdout);
        assert_eq!(wide_lines(&help), Vec::<&str>::new(), "{page:?}");
        let example = page.len() > 2 || page[0].starts_with('-') || help.contains("\nExample");
        assert!(example, "{page:?}: {help}");
    }
}

#[test]
fn the_quickstart_comes_with_the_binary() {
    let place = Place::new();
    let said = place.ok(&["init", "--quickstart"]);
    assert!(said.contains("bourn train quickstart.toml"), "{said}");
    let written = fs::read_to_string(place.path("quickstart.toml")).unwrap();
    assert_eq!(written, include_str!("../recipes/quickstart.toml"));
    assert!(place.ok(&["train", "quickstart.toml", "--dry-run"]).contains("MiB"));
    let error = place.fails(&["init", "--quickstart"]);
    assert!(error.contains("quickstart.toml is there already") && error.contains("--force"));
    place.ok(&["init", "--quickstart", "--force"]);
    let error = place.fails(&["init", "--quickstart", "--data", "countdown"]);
    assert!(error.contains("cannot be used with"), "{error}");
}

#[test]
fn recipes_of_a_first_data_set_and_of_countdown_check_and_resolve() {
    let place = Place::new();
    fs::write(place.path("train.jsonl"), gsm8k(40)).unwrap();
    fs::write(place.path("test.jsonl"), gsm8k(12)).unwrap();
    let said = place.ok(&["init", "--model", MODEL, "--data", "train.jsonl"]);
    assert!(said.contains("30 problems to train on, 10 held out, verifier math"), "{said}");
    place.ok(&["init", "small-one.toml", "--model", "small", "--data", "countdown"]);
    place.ok(&["init", "puzzles.toml", "--model", MODEL, "--data", "countdown"]);
    let own = ["--probe-data", "test.jsonl", "--no-chat"];
    let base = ["init", "own.toml", "--model", MODEL, "--data", "train.jsonl"];
    let output = place.bourn(&[&base[..], &own].concat());
    // Twelve of the forty are in both files.
    assert!(text(&output.stdout).contains("28 problems to train on, 12 held out"), "{output:?}");
    assert!(text(&output.stderr).contains("because the probe has them"), "{output:?}");
    for recipe in ["recipe.toml", "small-one.toml", "puzzles.toml", "own.toml"] {
        place.ok(&["recipe", "check", recipe]);
        let shown = place.ok(&["train", recipe, "--dry-run"]);
        assert!(shown.contains("[rollout]"), "{shown}");
        let written = fs::read_to_string(place.path(recipe)).unwrap();
        let comments: Vec<&str> = written.lines().filter(|line| line.starts_with('#')).collect();
        assert!(comments.iter().all(|line| line.chars().count() <= 80), "{written}");
        assert!(written.contains("Change first:"), "{written}");
    }
    let shown = place.ok(&["recipe", "show", "recipe.toml"]);
    for line in ["answer_format = \"hash\"", "extract = \"last_number\"", "chat_template = true"] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(place.ok(&["recipe", "show", "own.toml"]).contains("probe_path = \"test.jsonl\""));
}

#[test]
fn init_names_what_is_missing_or_wrong_and_writes_nothing() {
    let place = Place::new();
    fs::write(place.path("train.jsonl"), gsm8k(8)).unwrap();
    fs::write(place.path("odd.jsonl"), "{\"a\": \"x\", \"b\": \"y\"}\n".repeat(4)).unwrap();
    fs::write(place.path("one.jsonl"), gsm8k(1)).unwrap();
    for (args, parts) in [
        (&[][..], &["--model and --data are missing"][..]),
        (&["--model", MODEL], &["--data is missing", "countdown"]),
        (&["--data", "train.jsonl"], &["--model is missing"]),
        (&["--model", MODEL, "--data", "nowhere.jsonl"], &["nowhere.jsonl", "No such file"]),
        (&["--model", "nowhere", "--data", "train.jsonl"], &["--model", "no model at `nowhere`"]),
        (&["--model", "small", "--data", "train.jsonl"], &["--data countdown"]),
        (&["--model", MODEL, "--data", "odd.jsonl"], &["--prompt-column is missing", "`a`, `b`"]),
        (
            &[
                "--model",
                MODEL,
                "--data",
                "odd.jsonl",
                "--prompt-column",
                "a",
                "--verifier",
                "math",
            ],
            &["none of 4 references can be read", "nothing is written"],
        ),
        (
            &["--model", MODEL, "--data", "train.jsonl", "--answer-column", "anser"],
            &["--answer-column", "there is no column `anser`", "nearest is `answer`"],
        ),
        (
            &["--model", MODEL, "--data", "train.jsonl", "--probe-data", "nowhere.jsonl"],
            &["--probe-data: nowhere.jsonl"],
        ),
        (&["--model", MODEL, "--data", "one.jsonl"], &["too few problems", "--probe-data"]),
        (&["--model", MODEL, "--data", "train.jsonl", "--verifier", "guess"], &["math, exact"]),
        (&["--model", MODEL, "--data", "countdown", "--verifier", "math"], &["--verifier is for"]),
        (&["--model", MODEL, "--data", "countdown", "train.jsonl"], &["ends in .toml"]),
        (&["--model", MODEL, "--data", "countdown", "no/such.toml"], &["there is no directory no"]),
    ] {
        let error = place.fails(&[&["init"], args].concat());
        for part in parts {
            assert!(error.contains(part), "{args:?}: {error}");
        }
        assert!(!place.path("recipe.toml").exists(), "{args:?} wrote a recipe");
    }
    // Whoever has a file of that name keeps it.
    fs::write(place.path("recipe.toml"), "mine").unwrap();
    let error = place.fails(&["init", "--model", MODEL, "--data", "train.jsonl"]);
    assert!(error.contains("recipe.toml is there already"), "{error}");
    assert_eq!(fs::read_to_string(place.path("recipe.toml")).unwrap(), "mine");
}

#[test]
fn doctor_says_what_there_is_and_what_is_wrong() {
    let place = Place::new();
    let run = |json: bool| {
        let args = if json { &["doctor", "--json"][..] } else { &["doctor"] };
        let mut command = place.command(args);
        command.env("HF_TOKEN", "hf_secret").env("HF_HOME", place.path("hub"));
        command
    };
    let output = run(false).output().unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
    for what in ["version", "processor", "kernels", "threads", "memory", "device", "cache", "hub"] {
        assert!(said.contains(what), "{what}: {said}");
    }
    assert!(said.contains("a token is set") && !said.contains("hf_secret"), "{said}");
    assert!(
        !place.path("cache").exists() && !place.path("runs").exists(),
        "looking left something"
    );
    // A path may be longer than a line, and is not cut.
    let wide = wide_lines(&said);
    assert!(wide.iter().all(|line| line.trim().split(' ').count() == 1), "{wide:?}");

    let parsed: Value = serde_json::from_str(&text(&run(true).output().unwrap().stdout)).unwrap();
    let findings = parsed["findings"].as_array().unwrap();
    assert!(findings.iter().all(|f| ["ok", "note"].contains(&f["state"].as_str().unwrap())));
    assert_eq!(parsed["wrong"], 0);

    fs::write(place.path("file"), "").unwrap();
    let broken = run(true).env("BOURN_CACHE", place.path("file/cache")).output().unwrap();
    let parsed: Value = serde_json::from_str(&text(&broken.stdout)).unwrap();
    assert_eq!((broken.status.code(), &parsed["wrong"]), (Some(1), &1.into()));
    let wrong = parsed["findings"].as_array().unwrap().iter().find(|f| f["state"] == "wrong");
    let wrong = wrong.expect("one is wrong");
    assert_eq!(wrong["what"], "cache");
    assert!(wrong["do"].as_str().unwrap().contains("BOURN_CACHE"), "{wrong}");
}

#[test]
fn shells_complete_commands_and_options() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.ok(&["completions", shell]);
        for part in ["doctor", "quickstart", "run-dir"] {
            assert!(script.contains(part), "{shell}: {part}");
        }
    }
    assert!(place.fails(&["completions", "cmd"]).contains("possible values"));
}

#[test]
fn every_command_has_a_manual_page() {
    let place = Place::new();
    place.ok(&["man", "man/man1"]);
    let page = |name: &str| {
        let path = place.path(&format!("man/man1/{name}.1"));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    assert!(page("bourn").contains("bourn trains language models"));
    for command in COMMANDS {
        assert!(page(&format!("bourn-{command}")).contains(".TH"), "{command}");
    }
    for below in ["recipe-check", "recipe-show", "ledger-ls", "ledger-gc", "ledger-verify"] {
        page(&format!("bourn-{below}"));
    }
    // Again, in place of the old; and nothing half-written is left.
    place.ok(&["man", "man/man1"]);
    let names = fs::read_dir(place.path("man/man1")).unwrap();
    let odd = names.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        !name.to_str().unwrap().starts_with("bourn")
    });
    assert_eq!(odd.count(), 0);
    fs::write(place.path("file"), "mine").unwrap();
    assert!(place.fails(&["man", "file"]).contains("file is a file"));
    assert_eq!(fs::read_to_string(place.path("file")).unwrap(), "mine");
}

#[test]
fn the_page_of_commands_has_them_all() {
    let page = include_str!("../docs/commands.md");
    for command in COMMANDS {
        assert!(page.contains(&format!("\n## `bourn {command}")), "{command}");
        assert!(page.contains(&format!("\n    bourn {command} ")), "{command} has no example");
    }
}
