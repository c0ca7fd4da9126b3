//! The template engine as `transformers` sets it up, and the bounds that it works within.

use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value};
use minijinja::{Environment, Error, ErrorKind, context};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::RenderJob;

/// Steps of the template engine for one conversation: far more than any template takes, and few
/// enough that a loop without end stops within a second or so.
const FUEL: u64 = 20_000_000;

/// The day that `strftime_now` knows: Llama 3.2's own default where a template has no clock. A wall
/// clock would change the prompt, and with it every result, from one day to the next.
const TODAY: [(&str, &str); 12] = [
    ("%Y", "2024"),
    ("%y", "24"),
    ("%m", "07"),
    ("%d", "26"),
    ("%B", "July"),
    ("%b", "Jul"),
    ("%A", "Friday"),
    ("%a", "Fri"),
    ("%H", "00"),
    ("%I", "12"),
    ("%M", "00"),
    ("%S", "00"),
];

/// Longest template, in bytes: ten times the longest that is published.
const LONGEST_SOURCE: usize = 256 << 10;
/// Longest prompt, in bytes: this many, and this many times the messages, which a template may repeat.
const LONGEST_PROMPT: usize = 1 << 20;
const REPEATED: usize = 16;
/// Characters of the engine's message that an error shows: a template says what it likes there.
const LONGEST_REASON: usize = 600;

/// Renders in this process: steps, the template's length and the prompt's are bounded; memory, depth and
/// the time that one step takes are not, which is what `process` is for. An error is what the template
/// or its engine says.
pub(super) fn render(job: &RenderJob<'_>) -> Result<String, String> {
    let length = job.source.len();
    if length > LONGEST_SOURCE {
        return Err(format!("it has {length} bytes, and may have {LONGEST_SOURCE} at most"));
    }
    let mut prompt = Bounded { bytes: Vec::new(), most: longest_prompt(job) };
    run(job, &mut prompt).map_err(|error| explain(&error))?;
    String::from_utf8(prompt.bytes).map_err(|error| error.to_string())
}

fn longest_prompt(job: &RenderJob<'_>) -> usize {
    let contents: usize = job.messages.iter().map(|message| message.content.len()).sum();
    contents.saturating_mul(REPEATED).saturating_add(LONGEST_PROMPT)
}

fn run(job: &RenderJob<'_>, prompt: &mut Bounded) -> Result<(), Error> {
    let source = without_generation_tags(&job.source);
    let environment = environment()?;
    let values = context! {
        messages => Value::from(Serde(&job.messages)),
        add_generation_prompt => job.add_generation_prompt,
        // transformers passes these always, as None where the caller has none.
        tools => Value::from(()),
        documents => Value::from(()),
        ..Value::from(Serde(&job.special))
    };
    environment.template_from_str(&source)?.render_captured_to(values, prompt).map(drop)
}

/// A prompt that does not grow beyond its bound.
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.most - self.bytes.len() {
            let problem = format!("the prompt is longer than {} bytes", self.most);
            return Err(io::Error::other(problem));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The environment of `transformers`' `apply_chat_template`.
fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax?);
    environment.set_fuel(Some(FUEL));
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_filter("tojson", to_json);
    environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    environment.add_function("strftime_now", |format: String| today(&format));
    Ok(environment)
}

/// The template engine's message with its line and causes; the beginning of a long one.
fn explain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    match text.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// `{% generation %}` marks the assistant's tokens for training masks and renders as its contents;
/// the engine has no such tag, and an `if true` keeps its white-space control.
fn without_generation_tags(source: &str) -> String {
    let mut out = source.to_owned();
    for (word, plain) in [("generation", "if true"), ("endgeneration", "endif")] {
        for open in ["{%-", "{%+", "{%"] {
            for close in ["-%}", "+%}", "%}"] {
                let tag = format!("{open} {word} {close}");
                out = out.replace(&tag, &format!("{open} {plain} {close}"));
            }
        }
    }
    out
}

fn today(format: &str) -> Result<String, Error> {
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("%%") {
            out.push('%');
            rest = after;
        } else if let Some((code, value)) = TODAY.iter().find(|(code, _)| rest.starts_with(code)) {
            out.push_str(value);
            rest = &rest[code.len()..];
        } else {
            let message = format!("strftime_now does not know the format `{format}`");
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// `json.dumps(value, ensure_ascii=False, indent=…)`: keys in their order, nothing escaped for HTML,
/// Python's spaces. The engine's own filter sorts and escapes.
fn to_json(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let indent: Option<usize> = options.get("indent")?;
    if options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false) {
        let message = "tojson(ensure_ascii=true) is not supported";
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    }
    options.assert_all_used()?;
    let failed =
        |e: serde_json::Error| Error::new(ErrorKind::InvalidOperation, format!("tojson: {e}"));
    let mut out = Vec::new();
    match indent {
        Some(width) if width > 64 => {
            return Err(Error::new(ErrorKind::InvalidOperation, "tojson: indent is over 64"));
        }
        Some(width) => {
            let pad = " ".repeat(width);
            let formatter = PrettyFormatter::with_indent(pad.as_bytes());
            value
                .serialize(&mut Serializer::with_formatter(&mut out, formatter))
                .map_err(failed)?;
        }
        None => {
            value.serialize(&mut Serializer::with_formatter(&mut out, Python)).map_err(failed)?;
        }
    }
    let text = String::from_utf8(out)
        .map_err(|e| Error::new(ErrorKind::InvalidOperation, format!("tojson: {e}")))?;
    Ok(Value::from_safe_string(text))
}

/// Python's `", "` and `": "`.
struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }
    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }
    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}
