use indicatif::{InMemoryTerm, TermLike};

use super::*;

/// A writer that the test can look into.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn plain() -> (Console, Shared) {
    let out = Shared::default();
    (Console::with_writer(Box::new(out.clone())), out)
}

/// A console on a terminal of this many columns, drawn without delay.
fn terminal(columns: u16) -> (Console, InMemoryTerm) {
    let term = InMemoryTerm::new(20, columns);
    let target = ProgressDrawTarget::term_like(Box::new(term.clone()));
    (Console::with_target(target, false), term)
}

#[test]
fn plain_lines() {
    let check = |total, first, done, seconds, message: &str, expect: &str| {
        let (console, _) = plain();
        let mut stage = console.stage("train", total, "steps").start_at(first);
        stage.done = done;
        stage.set_message(message);
        assert_eq!(stage.plain_line(Duration::from_secs(seconds)), expect);
    };
    check(100, 0, 20, 10, "", "train: 20/100 steps, 2.00 steps/s, 40s left");
    check(100, 0, 20, 10, "reward 0.3", "train: 20/100 steps, 2.00 steps/s, 40s left, reward 0.3");
    // After a resume at 10, ten steps took ten seconds.
    check(100, 10, 20, 10, "", "train: 20/100 steps, 1.00 steps/s, 1m20s left");
    check(0, 0, 5000, 10, "", "train: 5000 steps, 500 steps/s");
    check(10, 0, 0, 10, "", "train: 0/10 steps");
    check(10, 0, 10, 0, "", "train: 10/10 steps");
    check(10, 0, 12, 10, "", "train: 12/10 steps, 1.20 steps/s, 0s left");
    check(u64::MAX, 0, 1, 3600, "", "train: 1/18446744073709551615 steps, 0.02 steps/min");
}

#[test]
fn rates_and_durations() {
    let rate = |rate, expect: &str| assert_eq!(rate_text(rate, "draws"), expect);
    rate(1234.5, "1234 draws/s");
    rate(12.34, "12.3 draws/s");
    rate(0.5, "0.50 draws/s");
    rate(0.05, "3.00 draws/min");
    let time = |seconds, expect: &str| assert_eq!(duration(seconds as f64), expect);
    time(0, "0s");
    time(59, "59s");
    time(60, "1m00s");
    time(3599, "59m59s");
    time(7620, "2h07m");
}

#[test]
fn counted_lines_and_the_summary() {
    let (console, out) = plain();
    let console = console.verbose(true);
    let mut stage = console.stage("train", 10, "steps").lines_every(4);
    for _ in 0..10 {
        stage.inc(1);
    }
    stage.finish("done");
    let lines: Vec<String> = out.text().lines().map(str::to_string).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("train: 4/10 steps, "), "{lines:?}");
    assert!(lines[1].starts_with("train: 8/10 steps, "), "{lines:?}");
    assert_eq!(lines[2], "train: done (0s)");
}

#[test]
fn a_quick_stage_says_nothing_where_there_is_no_terminal() {
    let (console, out) = plain();
    let mut stage = console.stage("draw", 100, "draws");
    stage.inc(100);
    drop(stage);
    assert_eq!(out.text(), "");
}

#[test]
fn log_lines_arrive_whole() {
    let (console, out) = plain();
    let make = console.make_writer();
    let (mut a, mut b) = (make(), make());
    a.write_all(b"one ").unwrap();
    b.write_all(b"two\nthree").unwrap();
    a.write_all(b"line\nrest").unwrap();
    assert_eq!(out.text(), "two\none line\n");
    drop(a);
    drop(b);
    assert_eq!(out.text(), "two\none line\nrest\nthree\n");
    console.warn("careful");
    assert!(out.text().ends_with("warning: careful\n"));
}

/// Whatever is said, by whomever, a terminal obeys nothing of it.
#[test]
fn what_a_terminal_would_obey_is_written_out() {
    const HOSTILE: &str = "\u{1b}[2J\u{202e}x";
    let shown = r"\u{1b}[2J\u{202e}x";
    let (console, out) = plain();
    console.line(format!("a\tb\n{HOSTILE}"));
    console.warn(HOSTILE);
    let mut log = console.make_writer()();
    log.write_all(format!("{HOSTILE}\n{HOSTILE}").as_bytes()).unwrap();
    drop(log);
    let mut stage = console.stage(HOSTILE, 2, "steps").lines_every(1);
    stage.set_message(HOSTILE);
    stage.inc(1);
    let expect = format!("a\tb\n{shown}\nwarning: {shown}\n{shown}\n{shown}\n{shown}: 1/2 steps");
    assert!(out.text().starts_with(&expect), "{}", out.text());
    assert!(out.text().ends_with(&format!("{shown}\n")), "{}", out.text());

    let (console, term) = terminal(80);
    let mut stage = console.stage(HOSTILE, 2, "steps");
    stage.set_message(HOSTILE);
    console.line(HOSTILE);
    let screen = term.contents();
    assert!(screen.starts_with(&format!("{shown}\n{shown} ")), "{screen}");
    assert!(screen.ends_with(shown), "{screen}");
}

#[test]
fn bars_on_a_terminal() {
    let (console, term) = terminal(100);
    let mut stage = console.stage("train", 4, "steps");
    stage.inc(1);
    stage.set_message("reward 0.25");
    let screen = term.contents();
    assert!(screen.starts_with("train "), "{screen}");
    assert!(screen.contains(" 1/4 steps, ") && screen.contains(" left, "), "{screen}");
    assert!(screen.ends_with("reward 0.25"), "{screen}");

    console.line("a line\nand another");
    let screen = term.contents();
    assert!(screen.starts_with("a line\nand another\ntrain "), "{screen}");

    stage.finish("reward 0.50");
    assert_eq!(term.contents(), "a line\nand another");
}

#[test]
fn details_are_for_those_who_ask() {
    let (console, out) = plain();
    console.detail("memory");
    console.stage("train", 1, "steps").finish("1 step");
    assert_eq!(out.text(), "");
    let console = console.verbose(true);
    console.detail("memory");
    console.clone().stage("train", 1, "steps").finish("1 step");
    assert_eq!(out.text(), "memory\ntrain: 1 step (0s)\n");
}

#[test]
fn a_bar_has_whole_words_within_80_columns() {
    let check = |message: &str, expect: &str| {
        let (console, _) = terminal(200);
        let mut stage = console.stage("train", 12_000, "step");
        stage.done = 11_999;
        stage.set_message(message);
        assert_eq!(stage.beside(), expect);
        let line = terminal_line(&console, &stage);
        assert!(line <= COLUMNS, "{line}");
    };
    check("", "");
    check("reward 0.250", ", reward 0.250");
    check("reward 0.250, entropy 0.123", ", reward 0.250");
    check("loss 1.2, lr 0.1, x 3", ", loss 1.2, lr 0.1, x 3");
    check("a message of one part that is far too long for what is left of the line", "");
}

/// The columns that the longest form of a bar takes.
fn terminal_line(_console: &Console, stage: &ProgressStage) -> usize {
    let place = format!("{}/{} {}", stage.done, stage.total, stage.unit);
    format!("{} {} {place}, 59m59s left{}", stage.name, "=".repeat(16), stage.beside()).len()
}

#[test]
fn a_terminal_breaks_lines_between_words() {
    let check = |text: &str, expect: &str| assert_eq!(fitted(text), expect);
    let long = "warning: a message that is longer than a terminal of eighty columns is broken between words";
    check(
        long,
        "warning: a message that is longer than a terminal of eighty columns is broken\n  between words",
    );
    check("short", "short");
    // What is drawn keeps its shape, and a path is one word.
    let drawn = format!("  | {}", "x ".repeat(60));
    check(&drawn, &drawn);
    let path = format!("/{}", "a/".repeat(50));
    check(&path, &path);
    // Where nobody looks at a terminal a message is one line.
    let (console, out) = plain();
    console.line(long);
    assert_eq!(out.text(), format!("{long}\n"));
    let (console, term) = terminal(100);
    console.line(format!("    {long}"));
    assert_eq!(term.contents().lines().count(), 2);
    assert!(term.contents().lines().all(|line| line.starts_with("    ") && line.len() <= 80));
}

#[test]
fn colour_changes_no_text() {
    let check = |total| {
        let screens = [false, true].map(|colour| {
            let term = InMemoryTerm::new(20, 80);
            let target = ProgressDrawTarget::term_like(Box::new(term.clone()));
            let stage = Console::with_target(target, colour).stage("draw", total, "draws");
            // The first frame: no rate yet that could differ.
            stage.bar.as_ref().unwrap().tick();
            term.contents()
        });
        assert!(screens[0].starts_with("draw ") && screens[0].contains(" draws"));
        assert_eq!(screens[0], screens[1]);
    };
    check(0);
    check(10);
}

#[test]
fn a_dropped_bar_leaves_nothing() {
    let (console, term) = terminal(80);
    let mut outer = console.stage("train", 4, "steps");
    outer.inc(1);
    let mut inner = console.stage("draw", 0, "{draws}");
    inner.inc(3);
    assert_eq!(term.contents().lines().count(), 2, "{}", term.contents());
    drop(inner);
    assert_eq!(term.contents().lines().count(), 1, "{}", term.contents());
    drop(outer);
    assert_eq!(term.contents(), "");
    console.line("after");
    assert_eq!(term.contents(), "after");
}

#[test]
fn results_pass_the_bars() {
    let (console, term) = terminal(80);
    let mut stage = console.stage("train", 4, "steps");
    stage.inc(1);
    console.suspend(|| term.write_line("a result").unwrap());
    let screen = term.contents();
    assert!(screen.starts_with("a result\ntrain "), "{screen}");
}
