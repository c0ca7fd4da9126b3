//! The command verifier, with judges that are a few lines of `sh`.
#![cfg(unix)]

mod common;

use std::fs;
use std::sync::Arc;
use std::thread::scope;

use bourn_recipe::{Reward, VerifierKind};
use bourn_verify::{Judge, JudgeError, Judgement, Reference, Submission, Verdict};
use common::{judge, text};

/// Finds the number of a request, and answers one by its text.
const HEAD: &str = r#"
id() { id=${1#*\"id\":}; id=${id%%,*}; }
say() {
    id "$1"
    case $1 in
        *'"completion":"yes'*) echo "{\"id\": $id, \"correct\": true}" ;;
        *) echo "{\"id\": $id, \"correct\": false}" ;;
    esac
}
"#;

fn reward(script: &str) -> Reward {
    let command = ["sh", "-c", &format!("{HEAD}{script}")].map(str::to_owned).to_vec();
    Reward { command, ..Reward::new(VerifierKind::Command) }
}

fn ask(judge: &Arc<dyn Judge>, text: &str) -> Result<Judgement, JudgeError> {
    judge.verdict(&Submission::of(text))
}

/// Asks all at once.
fn ask_all(judge: &Arc<dyn Judge>, texts: &[&str]) -> Vec<Result<Verdict, JudgeError>> {
    scope(|scope| {
        let asked: Vec<_> = texts
            .iter()
            .map(|text| scope.spawn(|| ask(judge, text).map(|judgement| judgement.verdict)))
            .collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn error(script: &str, text: &str) -> String {
    let judge = judge(&reward(script), common::text("gold"));
    let error = ask(&judge, text).unwrap_err().to_string();
    // Whoever asks next hears the same; nothing is paid for.
    assert_eq!(ask(&judge, "yes").unwrap_err().to_string(), error);
    error.replace(&format!("sh -c {HEAD}{script}"), "JUDGE")
}

const LOOP: &str = "while IFS= read -r line; do say \"$line\"; done";

#[test]
fn a_request_holds_what_a_judge_needs() {
    // What it got comes back as what it said last.
    let tell = "IFS= read -r line; printf '%s' \"$line\" >&2; exit 3";
    let puzzle = bourn_verify::countdown::Puzzle {
        numbers: vec![3, 5],
        target: 8,
        operators: vec![bourn_recipe::Operator::Add],
    };
    let told = |reference: Reference, truncated: bool| {
        let judge = judge(&reward(tell), reference);
        let submission = Submission { truncated, ..Submission::of("a \"b\"\n\u{1F600}") };
        let error = judge.verdict(&submission).unwrap_err().problem;
        error.rsplit_once('\n').unwrap().1.to_owned()
    };
    insta::assert_snapshot!(told(text("C"), false), @r#"{"id":1,"prompt":"1 + 1?","completion":"a \"b\"\n😀","reference":"C","truncated":false}"#);
    insta::assert_snapshot!(told(Reference::Countdown(puzzle), true), @r#"{"id":1,"prompt":"1 + 1?","completion":"a \"b\"\n😀","reference":"{\"numbers\":[3,5],\"operators\":[\"+\"],\"target\":8}","truncated":true}"#);
}

#[test]
fn answers_come_in_any_order() {
    // It answers nothing before it has three, and then the last first.
    let script = format!(
        "IFS= read -r a; IFS= read -r b; IFS= read -r c; say \"$c\"; say \"$b\"; say \"$a\"; {LOOP}"
    );
    let judge = judge(&reward(&script), text("gold"));
    let found = ask_all(&judge, &["no", "yes", "no"]);
    assert_eq!(found, [Ok(Verdict::Wrong), Ok(Verdict::Correct), Ok(Verdict::Wrong)]);
    assert_eq!(ask(&judge, "yes").unwrap().verdict, Verdict::Correct);
    assert!(judge.waits());
}

#[test]
fn many_requests_of_several_threads_each_get_their_own_answer() {
    for workers in [1, 3] {
        let reward = Reward { workers, ..reward(LOOP) };
        let judge = judge(&reward, text("gold"));
        let texts: Vec<&str> = (0..200).map(|i| if i % 3 == 0 { "yes" } else { "no" }).collect();
        let expect = |text: &&str| match *text {
            "yes" => Ok(Verdict::Correct),
            _ => Ok(Verdict::Wrong),
        };
        let expect: Vec<_> = texts.iter().map(expect).collect();
        assert_eq!(ask_all(&judge, &texts), expect);
    }
}

#[test]
fn scores_are_paid_and_compared_with_the_threshold() {
    const SCORE: &str = r#"while IFS= read -r line; do
        id "$line"; x=${line#*\"completion\":\"}; x=${x%%\"*}
        echo "{\"id\": $id, \"score\": $x}"
    done"#;
    let check = |threshold: f64, text: &str, verdict: Verdict, score: f32| {
        let judge = judge(&Reward { threshold, ..reward(SCORE) }, common::text("gold"));
        assert_eq!(ask(&judge, text).unwrap(), Judgement { verdict, score }, "{threshold} {text}");
    };
    check(1.0, "1", Verdict::Correct, 1.0);
    check(1.0, "0.75", Verdict::Wrong, 0.75);
    check(0.75, "0.75", Verdict::Correct, 0.75);
    check(0.75, "0", Verdict::Wrong, 0.0);
}

/// The hanging request alone is late: what was behind it is asked again, of a new process.
#[test]
fn what_takes_too_long_is_a_timeout_and_the_others_are_asked_again() {
    let script = r#"while IFS= read -r line; do
        case $line in *slow*) sleep 600 ;; esac
        say "$line"
    done"#;
    let reward = Reward { timeout: 3.0, ..reward(script) };
    let judge = judge(&reward, text("gold"));
    let found = ask_all(&judge, &["yes", "slow", "no", "yes"]);
    let expect = [Verdict::Correct, Verdict::Timeout, Verdict::Wrong, Verdict::Correct];
    assert_eq!(found, expect.map(Ok));
    assert_eq!(ask(&judge, "slow").unwrap(), Judgement { verdict: Verdict::Timeout, score: 0.0 });
    assert_eq!(ask(&judge, "yes").unwrap().verdict, Verdict::Correct);
}

#[test]
fn a_crash_is_an_error_and_never_a_verdict() {
    let crash = "echo 'Traceback (most recent call last)' >&2; echo 'no such module' >&2; exit 3";
    insta::assert_snapshot!(error(crash, "yes"), @"the command verifier: `JUDGE` ended (exit status: 3) before the run did; the end of its standard error:
Traceback (most recent call last)
no such module");
    insta::assert_snapshot!(error("read -r line; exit 0", "yes"), @"the command verifier: `JUDGE` ended (exit status: 0) before the run did; it said nothing on standard error");
    insta::assert_snapshot!(error("read -r line; kill -9 $$", "yes"), @"the command verifier: `JUDGE` ended (signal: 9 (SIGKILL)) before the run did; it said nothing on standard error");
    // Of several that wait, none is told anything else.
    let judge = judge(&reward("read -r a; read -r b; say \"$a\"; exit 1"), text("gold"));
    let found = ask_all(&judge, &["yes", "yes", "yes"]);
    assert!(found.iter().filter(|answer| answer.is_err()).count() >= 2, "{found:?}");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let command = vec!["/no/such/judge".to_owned()];
    let reward = Reward { command, ..Reward::new(VerifierKind::Command) };
    let error = ask(&judge(&reward, text("gold")), "yes").unwrap_err().to_string();
    insta::assert_snapshot!(error, @"the command verifier: `/no/such/judge` cannot be started: No such file or directory (os error 2); check the reward's `command`");
}

#[test]
fn nonsense_is_an_error_that_shows_the_line() {
    let answer =
        |line: &str| error(&format!("read -r line; id \"$line\"; echo {line}; sleep 600"), "yes");
    insta::assert_snapshot!(answer("hello"), @r#"the command verifier: `JUDGE` answered `hello`: not `{"id": …, "correct": true or false}` or `{"id": …, "score": …}` (expected value at line 1 column 1)"#);
    insta::assert_snapshot!(answer(r#""{\"id\": $id}""#), @r#"the command verifier: `JUDGE` answered `{"id": 1}`: one of `correct` and `score` is needed"#);
    insta::assert_snapshot!(answer(r#""{\"id\": $id, \"correct\": true, \"score\": 1}""#), @r#"the command verifier: `JUDGE` answered `{"id": 1, "correct": true, "score": 1}`: one of `correct` and `score`, not both"#);
    insta::assert_snapshot!(answer(r#""{\"id\": $id, \"score\": 1.5}""#), @r#"the command verifier: `JUDGE` answered `{"id": 1, "score": 1.5}`: a score lies between 0 and 1, and 1.5 does not"#);
    insta::assert_snapshot!(answer(r#""{\"id\": $id, \"score\": NaN}""#), @r#"the command verifier: `JUDGE` answered `{"id": 1, "score": NaN}`: not `{"id": …, "correct": true or false}` or `{"id": …, "score": …}` (expected value at line 1 column 20)"#);
    insta::assert_snapshot!(answer(r#""{\"id\": 7, \"correct\": true}""#), @r#"the command verifier: `JUDGE` answered `{"id": 7, "correct": true}`: 7 is no question that it has, or one that it has answered before"#);
    insta::assert_snapshot!(answer(r#""{\"id\": $id, \"correct\": true, \"why\": 1}""#), @r#"the command verifier: `JUDGE` answered `{"id": 1, "correct": true, "why": 1}`: not `{"id": …, "correct": true or false}` or `{"id": …, "score": …}` (unknown field `why`, expected one of `id`, `correct`, `score` at line 1 column 32)"#);
    insta::assert_snapshot!(answer(r#""{\"id\": $id, \"correct\": \"yes\"}""#), @r#"the command verifier: `JUDGE` answered `{"id": 1, "correct": "yes"}`: not `{"id": …, "correct": true or false}` or `{"id": …, "score": …}` (invalid type: string "yes", expected a boolean at line 1 column 26)"#);
    // An answer that comes twice is found when the second comes.
    let twice =
        judge(&reward("read -r a; say \"$a\"; say \"$a\"; read -r b; sleep 600"), text("gold"));
    let _ = ask(&twice, "yes");
    let error = ask(&twice, "yes").unwrap_err().to_string();
    assert!(error.contains("or one that it has answered before"), "{error}");
    // A line without an end is not read for ever.
    let endless = "read -r line; while :; do printf '%8192s' x | tr ' ' x; done";
    let error = self::error(endless, "yes");
    assert!(error.contains("`: not `{") && error.len() < 700, "{error}");
}

/// Pipes hold 64 KiB: each side writes more than that before it reads.
#[test]
fn who_writes_before_reading_blocks_nobody() {
    let script = format!(
        "i=0; while [ $i -lt 40 ]; do printf '%8192s\\n' x >&2; i=$((i + 1)); done; {LOOP}"
    );
    let judge = judge(&reward(&script), text("gold"));
    let long = "yes ".repeat(25_000);
    let found = ask_all(&judge, &[&long[..]; 8]);
    assert_eq!(found, vec![Ok(Verdict::Correct); 8]);
}

#[test]
fn processes_end_with_the_pool() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pid");
    let script = format!("echo $$ > {}; {LOOP}", path.display());
    let judge = judge(&reward(&script), text("gold"));
    assert_eq!(ask(&judge, "yes").unwrap().verdict, Verdict::Correct);
    let pid = fs::read_to_string(&path).unwrap();
    let alive = || std::process::Command::new("kill").args(["-0", pid.trim()]).output().unwrap();
    assert!(alive().status.success());
    drop(judge);
    assert!(!alive().status.success());
}

/// A judge whose file has changed may judge otherwise: its verdicts are stored under another key.
#[test]
fn the_content_of_files_is_part_of_the_settings() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("judge.sh");
    let identity = |content: &str, timeout: f64| {
        fs::write(&path, content).unwrap();
        let command = vec!["sh".to_owned(), path.display().to_string()];
        let reward = Reward { command, timeout, ..Reward::new(VerifierKind::Command) };
        judge(&reward, text("gold")).identity()
    };
    let one = identity("exit 0", 1.0);
    assert_eq!(identity("exit 0", 1.0), one);
    assert_ne!(identity("exit 1", 1.0), one);
    assert_ne!(identity("exit 0", 2.0), one);
}
