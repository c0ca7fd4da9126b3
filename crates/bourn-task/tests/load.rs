//! Recipes and files in, problems and messages out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bourn_recipe::{Extract, Recipe, Reward, VerifierKind};
use bourn_task::{Problem, Problems, Reference, load, load_held_out};
use bourn_verify::{Case, Submission, Verdict};
use tempfile::TempDir;

/// A folder of data files and recipes that name them.
struct Folder(TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Folder {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Folder(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A recipe over `tasks`; `{dir}` stands for the folder.
    fn recipe(&self, tasks: &str, overrides: &[&str]) -> Recipe {
        let text = format!(
            "[model]\npath = \"m\"\n{}\n[algorithm]\nname = \"grpo\"\n[rollout]\n\
             prompts_per_step = 2\nmax_completion_length = 8\n[optimizer]\nlr = 1e-4\n[train]\n\
             max_steps = 1\nmicro_batch_size = 2\n[probe]\ninterval = 1\nproblems = 3\n",
            tasks.replace("{dir}", &self.0.path().display().to_string()),
        );
        let overrides: Vec<String> = overrides.iter().map(|o| o.to_string()).collect();
        bourn_recipe::parse(&text, Path::new("test.toml"), &overrides)
            .unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn load(&self, tasks: &str, overrides: &[&str]) -> Problems {
        load(&self.recipe(tasks, overrides)).unwrap_or_else(|error| panic!("{error}"))
    }

    fn error(&self, tasks: &str, overrides: &[&str]) -> String {
        let error = load(&self.recipe(tasks, overrides)).expect_err("a message").to_string();
        error.replace(&format!("{}/", self.0.path().display()), "")
    }
}

const ONE: &str =
    "[[task]]\nkind = \"dataset\"\npath = \"{dir}/a.jsonl\"\nanswer_format = \"whole\"";

/// `count` problems whose questions begin with `word`.
fn lines(word: &str, count: usize) -> String {
    let line = |i| format!("{{\"question\": \"{word} {i}?\", \"answer\": \"{i}\"}}\n");
    (0..count).map(line).collect()
}

fn ids(problems: &[Problem]) -> BTreeSet<&str> {
    problems.iter().map(|p| p.id.as_str()).collect()
}

/// What a verifier that reads the whole completion says, whoever judges the problem.
fn verdict(problem: &Problem, verifier: VerifierKind, text: &str) -> Verdict {
    let reward = Reward { extract: Extract::Whole, ..Reward::new(verifier) };
    let Problem { reference, prompt, id, .. } = problem;
    let case = Case { reference, prompt, problem: id.number() };
    let judge = bourn_verify::open(&reward, 1).unwrap().judge(case);
    judge.verdict(&Submission::of(text)).unwrap().verdict
}

#[test]
fn one_file_is_split_by_content() {
    let folder = Folder::new(&[("a.jsonl", &lines("what is", 40))]);
    let all = folder.load(ONE, &["probe.problems=10"]);
    assert_eq!((all.train.len(), all.held_out.len()), (30, 10));
    assert!(ids(&all.train).is_disjoint(&ids(&all.held_out)));
    assert_eq!(all.warnings, Vec::<String>::new());
    // Fewer are the first of more; lines in another order, and another seed, are the same.
    for n in 1..10 {
        let fewer = folder.load(ONE, &[&format!("probe.problems={n}")]);
        assert_eq!(fewer.held_out, all.held_out[..n]);
    }
    let mut reversed: Vec<&str> = Vec::new();
    let text = lines("what is", 40);
    reversed.extend(text.lines().rev());
    fs::write(folder.path("a.jsonl"), reversed.join("\n")).unwrap();
    let again = folder.load(ONE, &["probe.problems=10", "seed=9"]);
    let keep = |problems: &[Problem]| -> Vec<(String, String)> {
        problems.iter().map(|p| (p.id.to_string(), p.prompt.clone())).collect()
    };
    assert_eq!(keep(&again.held_out), keep(&all.held_out));
    assert_eq!(keep(&again.train), keep(&all.train));
    // At most half is held out.
    let half = folder.load(ONE, &["probe.problems=99"]);
    assert_eq!((half.train.len(), half.held_out.len()), (20, 20));
    assert_eq!(
        half.warnings,
        [
            "the probe has 20 problems where probe.problems asks for 99: there are no more to hold out"
        ]
    );
}

#[test]
fn the_split_does_not_follow_the_template() {
    let folder = Folder::new(&[("a.jsonl", &lines("what is", 20))]);
    let plain = folder.load(ONE, &[]);
    let dressed = folder.load(ONE, &["task.0.template=Q: {prompt}\nA:"]);
    let prompts = |p: &Problems| -> Vec<String> {
        p.held_out.iter().map(|p| p.prompt.replace("Q: ", "").replace("\nA:", "")).collect()
    };
    assert_eq!(prompts(&plain), prompts(&dressed));
    assert!(dressed.held_out[0].prompt.starts_with("Q: what is"));
    assert!(ids(&plain.held_out).is_disjoint(&ids(&dressed.held_out)));
}

#[test]
fn a_probe_file_is_kept_out_of_training() {
    let folder = Folder::new(&[
        ("a.jsonl", &(lines("both", 4) + &lines("train", 10))),
        ("b.jsonl", &(lines("both", 4) + &lines("probe", 10))),
    ]);
    let task = format!("{ONE}\nprobe_path = \"{{dir}}/b.jsonl\"");
    let problems = folder.load(&task, &[]);
    assert_eq!((problems.train.len(), problems.held_out.len()), (10, 3));
    assert!(problems.train.iter().all(|p| p.prompt.starts_with("train")));
    let [warning] = &problems.warnings[..] else { panic!("{:?}", problems.warnings) };
    assert!(warning.ends_with("4 problems left out of training, because the probe has them"));
}

#[test]
fn answers_as_text_and_as_numbers() {
    let file = r####"{"id": 1, "input": "a", "target": 43.0}
{"input": "b", "target": 0.6666666667}

{"input": "c", "target": "so 6*7=42\n#### 1,042"}
{"input": "d", "target": -3}
{"input": "e", "target": 1e3}"####;
    let folder = Folder::new(&[("a.jsonl", file)]);
    let task = "[[task]]\nkind = \"dataset\"\npath = \"{dir}/a.jsonl\"\nprompt_column = \"input\"\n\
                answer_column = \"target\"\nanswer_format = \"hash\"";
    let problems = folder.load(task, &["probe.problems=1"]);
    let check = |prompt: &str, origin: &str, right: &str| {
        let mut all = problems.train.iter().chain(&problems.held_out);
        let problem = all.find(|p| p.prompt == prompt).unwrap();
        assert_eq!(problem.origin, origin);
        assert!(matches!(*problem.reference, Reference::Math { .. }));
        assert_eq!(problem.id.as_str().len(), 16);
        let math = |text: &str| verdict(problem, VerifierKind::Math, text);
        assert_eq!(math(right), Verdict::Correct, "{problem:?}");
        assert_eq!(math("77"), Verdict::Wrong);
        assert_eq!(math(""), Verdict::Unparsed);
        assert_eq!(verdict(problem, VerifierKind::Countdown, right), Verdict::BadGold);
    };
    check("a", "a.jsonl:1", "43");
    check("b", "a.jsonl:2", "2/3");
    check("c", "a.jsonl:4", "$1042");
    check("d", "a.jsonl:5", "−3");
    check("e", "a.jsonl:6", "1,000");
    let c = problems.train.iter().chain(&problems.held_out).find(|p| p.prompt == "c").unwrap();
    assert_eq!(verdict(c, VerifierKind::Exact, "1,042"), Verdict::Correct);
    assert_eq!(verdict(c, VerifierKind::Exact, "1042"), Verdict::Wrong);
}

#[test]
fn exact_answers_are_text() {
    let file = "{\"question\": \"a\", \"answer\": \"yes\"}\n{\"question\": \"b\", \"answer\": \"no\"}\
                \n{\"question\": \"c\", \"answer\": \"\"}\n";
    let folder = Folder::new(&[("a.jsonl", file)]);
    let task = format!("{ONE}\n[[reward]]\nverifier = \"exact\"");
    let problems = folder
        .load(&task, &["probe.problems=1", "rollout.prompts_per_step=1", "train.minibatches=1"]);
    assert!(problems.train.iter().all(|p| matches!(*p.reference, Reference::Exact(_))));
    assert_eq!(problems.warnings.len(), 1, "{:?}", problems.warnings);
    assert!(problems.warnings[0].ends_with("line 3"), "{:?}", problems.warnings);
}

#[test]
fn an_array_is_read_like_lines() {
    let array = "\u{feff}[\n  {\"question\": \"a, ]\\\"}\", \"answer\": \"1\"},\n  {\n  \
                 \"question\": \"b\", \"answer\": [],\n  \"x\": {\"y\": [1, 2]}},{\"question\": \
                 \"c\", \"answer\": 3}, {\"question\": \"d\", \"answer\": null}\n]\n";
    let folder = Folder::new(&[("a.jsonl", array)]);
    let one = ["rollout.prompts_per_step=1", "probe.problems=1"];
    let problems = folder.load(ONE, &one);
    let all = || problems.train.iter().chain(&problems.held_out);
    let origins: BTreeSet<_> = all().map(|p| p.origin.as_str()).collect();
    assert_eq!(origins, BTreeSet::from(["a.jsonl:2", "a.jsonl:5"]));
    assert!(all().any(|p| p.prompt == "a, ]\"}"));
    assert!(problems.warnings[0].ends_with("lines 3, 5"), "{:?}", problems.warnings);
    let check = |text: &str, expect: &str| {
        fs::write(folder.path("a.jsonl"), text).unwrap();
        assert_eq!(folder.error(ONE, &one), expect, "{text}");
    };
    let a = "{\"question\": \"a\", \"answer\": 1}";
    let not_closed = "a.jsonl:2: the array is not closed: the file may be cut off";
    check(&format!("[\n{a}"), not_closed);
    check(&format!("[{a},\n"), not_closed);
    let comma = "a.jsonl:2: a comma, or nothing after the array's end, is needed here";
    check(&format!("[{a}\n{a}]"), comma);
    check(&format!("[{a}]\n{a}"), comma);
    check("[]", "a.jsonl: there is no problem in the file");
    check(&format!("[{a},\n]"), "a.jsonl:2: not JSON: EOF while parsing a value");
    check(&format!("[{a},\n[1]]"), "a.jsonl:2: an object `{…}` is needed");
    check("[{\"question\"", "a.jsonl:1: not JSON: EOF while parsing an object");
}

#[test]
fn bad_files_are_messages() {
    let folder = Folder::new(&[]);
    let check = |text: &[u8], expect: &str| {
        fs::write(folder.path("a.jsonl"), text).unwrap();
        assert_eq!(folder.error(ONE, &[]), expect);
    };
    let good = r#"{"question": "a", "answer": 1}"#;
    check(b"", "a.jsonl: there is no problem in the file");
    check(b"\n \n", "a.jsonl: there is no problem in the file");
    check(format!("{good}\n{{\"q").as_bytes(), "a.jsonl:2: not JSON: EOF while parsing a string");
    check(b"3\n", "a.jsonl:1: an object `{…}` is needed");
    check(b"{\"question\": \"\xff\"}\n", "a.jsonl:1: not JSON: invalid unicode code point");
    check(
        b"{\"quesiton\": \"a\", \"answer\": 1}",
        "a.jsonl:1: there is no column `question`; there are `quesiton`, `answer` (the nearest is \
         `quesiton`): set `prompt_column`",
    );
    check(
        b"{\"anchor\": \"a\", \"Question\": \"a\", \"answer\": 1}",
        "a.jsonl:1: there is no column `question`; there are `anchor`, `Question`, `answer` (the \
         nearest is `Question`): set `prompt_column`",
    );
    check(
        b"{\"question\": \"a\"}",
        "a.jsonl:1: there is no column `answer`; there are `question`: set `answer_column`",
    );
    check(
        b"{\"question\": \" \", \"answer\": 1}",
        "a.jsonl:1: the column `question` is empty: a problem needs its text",
    );
    check(
        b"{\"question\": 1, \"answer\": 1}",
        "a.jsonl:1: the column `question` is no text: a problem needs its text, or a \
         list of messages",
    );
    check(
        b"\n{\"question\": \"a\", \"answer\": \"\\\\pi\"}\n{\"question\": \"b\", \"answer\": \"\"}",
        "a.jsonl: none of 2 references can be read (line 2: the reference `\\pi` is not a \
         number); check `answer_column` and `answer_format`",
    );
    // GSM8K's references under the default format.
    check(
        b"{\"question\": \"a\", \"answer\": \"3 + 4 = 7\\n#### 7\"}",
        "a.jsonl: none of 1 references can be read (line 1: the reference `3 + 4 = 7\n#### 7` is \
         not a number); set `answer_format = \"hash\"`, by which it can",
    );
    check(
        good.as_bytes(),
        "a.jsonl: a step takes 2 different problems and there are 1; lower \
         rollout.prompts_per_step or add problems",
    );
    let long = format!("{{\"question\": \"{}\", \"answer\": 1}}", "x".repeat(2 << 20));
    check(long.as_bytes(), "a.jsonl:1: longer than the 1 MiB that are read");
    fs::remove_file(folder.path("a.jsonl")).unwrap();
    let missing = folder.error(ONE, &[]);
    assert!(missing.starts_with("a.jsonl: No such file"), "{missing}");
}

/// Compared as texts, whole solutions are never what a model answers: that is said, and not where the
/// recipe asks for what stands behind the mark, nor of answers without it.
#[test]
fn whole_solutions_as_references_are_warned_of() {
    let line = |i: u32| format!("{{\"question\": \"q{i}\", \"answer\": \"so\\n#### {i}\"}}\n");
    let solutions: String = (0..12).map(line).collect();
    let warned = |file: &str, format: &str| {
        let folder = Folder::new(&[("a.jsonl", file)]);
        let task = ONE.replace("\"whole\"", format) + "\n[[reward]]\nverifier = \"exact\"\n";
        let warnings = folder.load(&task, &[]).warnings;
        warnings.iter().any(|warning| warning.contains("set `answer_format = \"hash\"`"))
    };
    assert!(warned(&solutions, "\"whole\""));
    assert!(!warned(&solutions, "\"hash\""));
    assert!(!warned(&lines("what is", 12), "\"whole\""));
}

#[test]
fn unreadable_and_repeated_lines_are_named() {
    let mut file = lines("what is", 10);
    file += "{\"question\": \"root\", \"answer\": \"\\\\sqrt{2}\"}\n";
    file += "{\"question\": \"what is 3?\", \"answer\": \"3.0\"}\n";
    for i in 0..30 {
        file += &format!("{{\"question\": \"pi {i}\", \"answer\": \"\\\\pi\"}}\n");
    }
    file += "\n{\"question\": \" what is 3?\", \"answer\": 3}\n\
             {\"question\": \"what is 4?\", \"answer\": \"five\"}\n\
             {\"question\": \"what is 4?\", \"answer\": \"5\"}\n";
    let folder = Folder::new(&[("a.jsonl", &file)]);
    let problems = folder.load(ONE, &[]);
    let warnings: Vec<&str> =
        problems.warnings.iter().map(|w| w.split_once("a.jsonl: ").unwrap().1).collect();
    assert_eq!(
        warnings,
        [
            "32 problems left out, because their reference cannot be read (the first: the \
             reference `\\sqrt{2}` is not a number): lines 11, 13, 14, 15, 16, 17, 18, 19, 20, \
             21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 and 12 more",
            "2 problems left out, because the same text stands on an earlier line: lines 12, 44",
            "1 problem left out, because the same text stands there with different answers: lines \
             5, 46",
        ]
    );
    let all = problems.train.iter().chain(&problems.held_out);
    let three = all.clone().find(|p| p.prompt == "what is 3?").unwrap();
    assert_eq!(verdict(three, VerifierKind::Math, "3"), Verdict::Correct);
    // Whose answer is right nobody knows: neither is paid for.
    assert!(all.clone().all(|p| p.prompt != "what is 4?"));
    assert_eq!(all.count(), 9);
    let few = folder.load(ONE, &["task.0.max_problems=6"]);
    assert_eq!((few.train.len(), few.held_out.len()), (3, 3));
}

const COUNTDOWN: &str = "[[task]]\nkind = \"countdown\"\nnumbers = 3\nrange = [1, 20]\n\
                         target = [1, 200]\noperators = [\"+\", \"-\", \"*\"]\ntrain_problems = 50";

#[test]
fn countdown_problems() {
    let folder = Folder::new(&[]);
    let problems = folder.load(COUNTDOWN, &["probe.problems=20"]);
    assert_eq!((problems.train.len(), problems.held_out.len()), (50, 20));
    let other = folder.load(COUNTDOWN, &["probe.problems=12", "seed=5"]);
    assert_eq!(other.held_out, problems.held_out[..12]);
    assert_ne!(ids(&other.train), ids(&problems.train));
    for problem in problems.train.iter().chain(&problems.held_out) {
        assert_eq!(problem.origin, "countdown");
        assert_eq!(verdict(problem, VerifierKind::Countdown, "1+"), Verdict::Unparsed);
        assert_eq!(verdict(problem, VerifierKind::Math, "1"), Verdict::BadGold);
        // Well-formed is enough for the format, whatever the numbers.
        assert_eq!(verdict(problem, VerifierKind::Format, "1+1"), Verdict::Correct);
        assert_eq!(verdict(problem, VerifierKind::Format, "1+"), Verdict::Unparsed);
        assert_eq!(problem.judge().answer("1+"), None);
    }
}

#[test]
fn tasks_are_mixed_by_weight_without_repeats() {
    let folder = Folder::new(&[("a.jsonl", &lines("a", 33)), ("b.jsonl", &lines("b", 57))]);
    let tasks = format!("{ONE}\nweight = 3\n{}\nweight = 1", ONE.replace("a.jsonl", "b.jsonl"));
    let problems = folder.load(&tasks, &["probe.problems=8", "rollout.prompts_per_step=10"]);
    let of = |problems: &[Problem], word: &str| {
        problems.iter().filter(|p| p.prompt.starts_with(word)).count()
    };
    assert_eq!((of(&problems.held_out, "a"), of(&problems.held_out, "b")), (6, 2));
    assert_eq!((of(&problems.train, "a"), of(&problems.train, "b")), (27, 55));
    let steps: Vec<Vec<Problem>> = (0..200)
        .map(|step| problems.step_problems(7, step, 10).into_iter().cloned().collect())
        .collect();
    for step in &steps {
        assert_eq!(ids(step).len(), 10);
    }
    let drawn: usize = steps.iter().map(|step| of(step, "a")).sum();
    assert_eq!(drawn, 1500); // 3/4 of 2,000
    // An epoch of task `a` is three steps of at most 8: within it, nothing comes twice.
    for epoch in steps.chunks_exact(3).take(60) {
        let a: Vec<&Problem> =
            epoch.iter().flatten().filter(|p| p.prompt.starts_with('a')).collect();
        assert_eq!(a.iter().map(|p| &p.id).collect::<BTreeSet<_>>().len(), a.len());
    }
    // Everything is met in time, and another seed meets it in another order.
    let met: BTreeSet<&str> = steps.iter().flatten().map(|p| p.id.as_str()).collect();
    assert_eq!(met, ids(&problems.train));
    let again: Vec<Problem> = problems.step_problems(7, 150, 10).into_iter().cloned().collect();
    assert_eq!(again, steps[150]);
    let other: Vec<Problem> = problems.step_problems(8, 150, 10).into_iter().cloned().collect();
    assert_ne!(other, steps[150]);
    assert_eq!(problems.step_problems(7, u64::MAX, 10).len(), 10);
    assert_eq!(problems.step_problems(7, 0, 0).len(), 0);
    assert!(problems.step_problems(7, 0, 1000).len() <= problems.train.len());
}

#[test]
fn one_file_in_two_tasks_is_held_out_of_both() {
    let folder = Folder::new(&[("a.jsonl", &lines("a", 30))]);
    let problems = folder.load(&format!("{ONE}\n{ONE}\ntemplate = \"{{prompt}} =\""), &[]);
    let bare = |problems: &[Problem]| -> BTreeSet<String> {
        problems.iter().map(|p| p.prompt.trim_end_matches(" =").to_string()).collect()
    };
    assert!(bare(&problems.train).is_disjoint(&bare(&problems.held_out)));
    let same = folder.error(&format!("{ONE}\n{ONE}"), &[]);
    assert!(same.contains("no training problem is left"), "{same}");
}

#[test]
fn each_task_has_its_own_judges_and_references() {
    let words = "{\"question\": \"red?\", \"answer\": \"yes\"}\n{\"question\": \"blue?\", \"answer\": \"no\"}\n\
                 {\"question\": \"late?\", \"answer\": \"3\"}\n";
    let folder = Folder::new(&[("a.jsonl", &lines("a", 9)), ("b.jsonl", words)]);
    let tasks = format!(
        "{ONE}\n{}\n[[task.reward]]\nverifier = \"exact\"\n{COUNTDOWN}",
        ONE.replace("a.jsonl", "b.jsonl")
    );
    let problems = folder.load(&tasks, &["rollout.prompts_per_step=3", "probe.problems=3"]);
    assert_eq!(problems.warnings, Vec::<String>::new());
    let all = || problems.train.iter().chain(&problems.held_out);
    let judges = |from: &str| -> BTreeSet<String> {
        let of = all().filter(|p| p.origin.starts_with(from));
        of.map(|p| p.judge().identity()).collect()
    };
    assert_eq!(
        judges("a.jsonl"),
        [r#"math {"extract":"last_number"} version 3"#.to_owned()].into()
    );
    assert_eq!(judges("b.jsonl"), [r#"exact {"extract":"whole"} version 3"#.to_owned()].into());
    assert_eq!(judges("countdown"), ["countdown {} version 1".to_owned()].into());
    let late = all().find(|p| p.prompt == "late?").unwrap();
    assert_eq!(*late.reference, Reference::Exact("3".into()));
    // The id is that of a run whose only task it is.
    let alone = ["rollout.prompts_per_step=1", "probe.problems=1", "train.minibatches=1"];
    let task = ONE.replace("a.jsonl", "b.jsonl") + "\n[[task.reward]]\nverifier = \"exact\"";
    let alone = folder.load(&task, &alone);
    let ids = |problems: &Problems| -> BTreeSet<String> {
        let all = problems.train.iter().chain(&problems.held_out);
        all.filter(|p| p.origin.starts_with("b.jsonl")).map(|p| p.id.to_string()).collect()
    };
    assert_eq!(ids(&problems), ids(&alone));
}

#[test]
fn a_weight_too_small_to_count_is_an_error() {
    let folder = Folder::new(&[("a.jsonl", &lines("a", 30)), ("b.jsonl", &lines("b", 30))]);
    let tasks = format!("{ONE}\n{}\nweight = 1e-9", ONE.replace("a.jsonl", "b.jsonl"));
    let error = folder.error(&tasks, &[]);
    assert!(error.starts_with("b.jsonl: its weight gives it less than one prompt"), "{error}");
}

#[test]
fn the_held_out_problems_alone_are_those_of_the_run() {
    let folder = Folder::new(&[("a.jsonl", &lines("a", 9)), ("b.jsonl", &lines("b", 2))]);
    let two = format!("{ONE}\nprobe_path = \"{{dir}}/b.jsonl\"");
    let countdown = "[[task]]\nkind = \"countdown\"\ntrain_problems = 8";
    for tasks in [ONE, two.as_str(), countdown] {
        let recipe = folder.recipe(tasks, &[]);
        let (held_out, warnings) = load_held_out(&recipe.measured()).unwrap();
        let whole = load(&recipe).unwrap();
        assert_eq!(held_out, whole.held_out, "{tasks}");
        let fewer =
            |warnings: &[String]| warnings.iter().filter(|w| w.contains("asks for 3")).count();
        assert_eq!(fewer(&warnings), fewer(&whole.warnings), "{tasks}");
    }
    // A file that is all for the probe leaves nothing to train on, which only training minds.
    let alone = format!("{ONE}\nprobe_path = \"{{dir}}/a.jsonl\"");
    let recipe = folder.recipe(&alone, &["probe.problems=20"]);
    assert!(load(&recipe).is_err());
    assert_eq!(load_held_out(&recipe.measured()).unwrap().0.len(), 9);
}
