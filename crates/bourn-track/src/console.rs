//! What a person watching the run sees, all of it on standard error.
//!
//! On a terminal there are progress bars with the time left, and what is said is broken between words
//! at 80 columns; otherwise there are plain lines at intervals, which a log file can hold, each message
//! on one. What text from elsewhere would do to a terminal is written out (`bourn-foreign`), whoever says
//! it. A terminal that is dumb gets plain lines too; one whose user has set `NO_COLOR` gets bars
//! without colour. What only some want to know is said where it is asked for ([`Console::verbose`]).

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bourn_foreign::visible;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::format::{duration, wrapped};

/// Plain lines of one stage are at least this far apart, unless [`ProgressStage::lines_every`] counts.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);
/// Columns that nothing said on a terminal exceeds.
const COLUMNS: usize = 80;
/// A terminal is redrawn at most this often a second.
const DRAWS_PER_SECOND: u8 = 10;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleMode {
    /// Bars if standard error is a terminal that can move its cursor, plain lines if not.
    Auto,
    /// Plain lines.
    Plain,
}

/// The one place that writes to standard error; clones share it.
#[derive(Clone)]
pub struct Console {
    out: Arc<ConsoleOutput>,
    colour: bool,
    verbose: bool,
}

enum ConsoleOutput {
    Bars(MultiProgress),
    Plain(Mutex<Box<dyn Write + Send>>),
}

impl Console {
    /// Standard error in the given mode.
    pub fn new(mode: ConsoleMode) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if mode == ConsoleMode::Auto && io::stderr().is_terminal() && !dumb {
            let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
            return Self::with_target(target, !no_color());
        }
        Self::with_writer(Box::new(io::stderr()))
    }

    /// Plain lines into any writer.
    pub fn with_writer(writer: Box<dyn Write + Send>) -> Self {
        Self {
            out: Arc::new(ConsoleOutput::Plain(Mutex::new(writer))),
            colour: false,
            verbose: false,
        }
    }

    /// The same console, with the details ([`Console::detail`]) or without.
    pub fn verbose(self, verbose: bool) -> Self {
        Self { verbose, ..self }
    }

    fn with_target(target: ProgressDrawTarget, colour: bool) -> Self {
        let bars = MultiProgress::with_draw_target(target);
        Self { out: Arc::new(ConsoleOutput::Bars(bars)), colour, verbose: false }
    }

    /// Begins a piece of work of `total` `unit`s (0: unknown). Several may be under way.
    pub fn stage(&self, name: &str, total: u64, unit: &str) -> ProgressStage {
        let name = &*visible(name);
        let bar = match &*self.out {
            ConsoleOutput::Bars(bars) => Some(bars.add(bar(name, total, unit, self.colour))),
            ConsoleOutput::Plain(_) => None,
        };
        let now = Instant::now();
        ProgressStage {
            console: self.clone(),
            bar,
            name: name.to_string(),
            unit: unit.to_string(),
            total,
            first: 0,
            done: 0,
            message: String::new(),
            started: now,
            last_line: now,
            lines_every: None,
        }
    }

    /// Prints text (one or more lines) above the bars. A failure to write to the console never
    /// stops a run, so it is not reported.
    pub fn line(&self, text: impl AsRef<str>) {
        self.write(self.shown(text.as_ref()).as_bytes());
    }

    fn shown(&self, text: &str) -> String {
        let text = visible(text);
        let shown = match &*self.out {
            ConsoleOutput::Bars(_) => text.lines().map(fitted).collect::<Vec<_>>().join("\n"),
            ConsoleOutput::Plain(_) => text.into_owned(),
        };
        shown + "\n"
    }

    /// As [`Console::line`], for what a user sees who asked for the details.
    pub fn detail(&self, text: impl AsRef<str>) {
        if self.verbose {
            self.line(text);
        }
    }

    /// Prints a warning above the bars.
    pub fn warn(&self, text: impl AsRef<str>) {
        let shown = self.shown(&format!("warning: {}", text.as_ref()));
        let shown = match self.colour {
            true => shown.replacen("warning:", "\x1b[33mwarning:\x1b[0m", 1),
            false => shown,
        };
        self.write(shown.as_bytes());
    }

    /// Takes the bars away while `print` writes to the terminal by another way (results go to
    /// standard output), and puts them back.
    pub fn suspend<R>(&self, print: impl FnOnce() -> R) -> R {
        match &*self.out {
            ConsoleOutput::Bars(bars) => bars.suspend(print),
            ConsoleOutput::Plain(_) => print(),
        }
    }

    /// Makes writers that print whole lines above the bars, for `tracing_subscriber`'s
    /// `with_writer`. The lines have no colour: in them, a sequence of ours is as good as another.
    pub fn make_writer(&self) -> impl Fn() -> ConsoleWriter + Clone + Send + Sync + 'static {
        let console = self.clone();
        move || ConsoleWriter { console: console.clone(), partial: Vec::new() }
    }

    /// Whether the terminal is one that may be given colour.
    pub fn colour(&self) -> bool {
        self.colour
    }

    fn write(&self, bytes: &[u8]) {
        let _ = match &*self.out {
            ConsoleOutput::Bars(bars) if bars.is_hidden() => io::stderr().write_all(bytes),
            ConsoleOutput::Bars(bars) => {
                let text = String::from_utf8_lossy(bytes);
                bars.println(text.strip_suffix('\n').unwrap_or(&text))
            }
            ConsoleOutput::Plain(writer) => {
                // A panic elsewhere cannot leave a writer half-changed in a way that matters.
                let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                writer.write_all(bytes).and_then(|()| writer.flush())
            }
        };
    }
}

/// A piece of work under way; dropping it unfinished takes its bar away.
pub struct ProgressStage {
    console: Console,
    bar: Option<ProgressBar>,
    name: String,
    unit: String,
    total: u64,
    /// Where this process began, after a resume.
    first: u64,
    done: u64,
    message: String,
    started: Instant,
    last_line: Instant,
    lines_every: Option<u64>,
}

impl ProgressStage {
    /// Where there are no bars, prints a line every `n` units instead of every ten seconds.
    pub fn lines_every(mut self, n: u64) -> Self {
        self.lines_every = Some(n.max(1));
        self
    }

    /// `n` more units are done.
    pub fn inc(&mut self, n: u64) {
        let before = self.done;
        self.done = self.done.saturating_add(n);
        if let Some(bar) = &self.bar {
            bar.inc(n);
            return;
        }
        let due = match self.lines_every {
            Some(every) => before / every != self.done / every,
            None => self.last_line.elapsed() >= PLAIN_INTERVAL,
        };
        if due {
            self.last_line = Instant::now();
            self.console.line(self.plain_line(self.started.elapsed()));
        }
    }

    /// Begins at `done` units, as a resumed run does: they count as done and not in the rate.
    pub fn start_at(mut self, done: u64) -> Self {
        (self.first, self.done) = (done, done);
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.reset_eta();
        }
        self
    }

    /// What is said beside the numbers, for example the latest reward. Set it before
    /// [`ProgressStage::inc`], which prints it where there are no bars.
    pub fn set_message(&mut self, message: impl Into<String>) {
        self.message = visible(&message.into()).into_owned();
        if let Some(bar) = &self.bar {
            bar.set_message(self.beside());
        }
    }

    /// Takes the bar away and leaves a line with the summary among the details. (Dropping the stage
    /// leaves none: right for work that ends a hundred times an hour.)
    pub fn finish(mut self, summary: impl AsRef<str>) {
        self.clear();
        let took = duration(self.started.elapsed().as_secs_f64());
        self.console.detail(format!("{}: {} ({took})", self.name, summary.as_ref()));
    }

    /// As many parts of the message as the line has room for: none is cut.
    fn beside(&self) -> String {
        let digits = self.total.max(self.done).to_string().len();
        // Name, bar, place, unit and a time such as `59m59s left`, with what stands between them.
        let taken = self.name.chars().count() + 2 * digits + self.unit.chars().count() + 34;
        let mut room = COLUMNS.saturating_sub(taken);
        let mut text = String::new();
        for part in self.message.split(", ").filter(|part| !part.is_empty()) {
            let Some(left) = room.checked_sub(part.chars().count() + 2) else { break };
            room = left;
            text += ", ";
            text += part;
        }
        text
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            if let ConsoleOutput::Bars(bars) = &*self.console.out {
                bars.remove(&bar);
            }
        }
    }

    fn plain_line(&self, elapsed: Duration) -> String {
        let Self { name, unit, total, done, message, .. } = self;
        let mut line = match total {
            0 => format!("{name}: {done} {unit}"),
            _ => format!("{name}: {done}/{total} {unit}"),
        };
        let rate = (done - self.first) as f64 / elapsed.as_secs_f64();
        if rate.is_finite() && rate > 0.0 {
            line.push_str(&format!(", {}", rate_text(rate, unit)));
            let seconds = total.saturating_sub(*done) as f64 / rate;
            // A time left that no `Duration` can hold is no information either.
            if let Some(left) = Duration::try_from_secs_f64(seconds).ok().filter(|_| *total > 0) {
                line.push_str(&format!(", {} left", duration(left.as_secs_f64())));
            }
        }
        if !message.is_empty() {
            line.push_str(&format!(", {message}"));
        }
        line
    }
}

impl Drop for ProgressStage {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Prints what is written to it above the bars, line by line.
pub struct ConsoleWriter {
    console: Console,
    partial: Vec<u8>,
}

impl Write for ConsoleWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.partial.extend_from_slice(bytes);
        if let Some(end) = self.partial.iter().rposition(|byte| *byte == b'\n') {
            let rest = self.partial.split_off(end + 1);
            self.console.write(visible(&String::from_utf8_lossy(&self.partial)).as_bytes());
            self.partial = rest;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for ConsoleWriter {
    fn drop(&mut self) {
        if !self.partial.is_empty() {
            self.partial.push(b'\n');
            self.console.write(visible(&String::from_utf8_lossy(&self.partial)).as_bytes());
        }
    }
}

fn bar(name: &str, total: u64, unit: &str, colour: bool) -> ProgressBar {
    let (blue, dim) = if colour { (".cyan/blue", ":.dim") } else { ("", "") };
    // The unit goes in as text: braces in it would be read as a template.
    let unit = unit.replace(['{', '}'], "");
    let template = match total {
        0 => format!("{{prefix}} {{spinner}} {{pos}} {unit} {{rate{dim}}}{{msg}}"),
        _ => {
            format!("{{prefix}} {{bar:16{blue}}} {{pos}}/{{len}} {unit}, {{left{dim}}} left{{msg}}")
        }
    };
    let per = unit.clone();
    let style = ProgressStyle::with_template(&template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", move |state: &ProgressState, out: &mut dyn fmt::Write| {
            // The trait gives no way to report a failed write to a string.
            let _ = out.write_str(&rate_text(state.per_sec(), &per));
        })
        .with_key("left", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = out.write_str(&duration(state.eta().as_secs_f64()));
        })
        .progress_chars("=> ");
    let bar = if total == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(total) };
    bar.with_style(style).with_prefix(name.to_string())
}

/// A rate with two or three significant digits, slow ones by the minute.
fn rate_text(rate: f64, unit: &str) -> String {
    match rate {
        r if r >= 100.0 => format!("{r:.0} {unit}/s"),
        r if r >= 10.0 => format!("{r:.1} {unit}/s"),
        r if r >= 0.1 => format!("{r:.2} {unit}/s"),
        r => format!("{:.2} {unit}/min", r * 60.0),
    }
}

/// A line of at most 80 columns, broken between words and indented as it was and a little more. What
/// is drawn rather than said (a table, a marked place in a recipe) is left as it is.
fn fitted(line: &str) -> String {
    if line.chars().count() <= COLUMNS || line.contains(['│', '─', '|', '^']) {
        return line.to_owned();
    }
    let text = line.trim_start_matches(' ');
    let indent = line.len() - text.len();
    let blank = " ".repeat(indent);
    let room = COLUMNS - indent.min(COLUMNS / 2);
    wrapped(text, room, 2)
        .lines()
        .map(|line| format!("{blank}{line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Set and not empty: the convention of no-color.org.
fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
#[path = "../tests/unit/console.rs"]
mod tests;
