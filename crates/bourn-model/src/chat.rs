//! Chat templates, rendered as `transformers` renders them.

use std::collections::BTreeMap;
use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value};
use minijinja::{Environment, Error, ErrorKind, context};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use crate::ModelError;

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

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `system`, `user`, `assistant`, or what else the template knows.
    pub role: String,
    /// The text.
    pub content: String,
}

impl Message {
    /// A message of this role and text.
    pub fn new(role: &str, content: &str) -> Message {
        Message { role: role.to_owned(), content: content.to_owned() }
    }
}

/// A model's chat template: a Jinja program from messages to a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatTemplate {
    source: String,
    /// `bos_token`, `eos_token`, … as the template may name them.
    special: BTreeMap<String, String>,
}

impl ChatTemplate {
    /// A template and the special tokens (`bos_token`, `eos_token`, …) that it may name.
    pub fn new(source: &str, special: &BTreeMap<String, String>) -> ChatTemplate {
        ChatTemplate { source: source.to_owned(), special: special.clone() }
    }

    /// The template's text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The prompt for a conversation; `add_generation_prompt` ends it where the assistant begins
    /// to speak. An error carries what the template or its engine says.
    ///
    /// # Errors
    /// The template refuses the conversation, or its engine fails.
    pub fn render(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<String, ModelError> {
        let environment = environment()?;
        let source = without_generation_tags(&self.source);
        let values = context! {
            messages => Value::from(Serde(messages)),
            add_generation_prompt => add_generation_prompt,
            // transformers passes these always, as None where the caller has none.
            tools => Value::from(()),
            documents => Value::from(()),
            ..Value::from(Serde(&self.special))
        };
        environment.render_str(&source, values).map_err(|e| ModelError::Template(explain(&e)))
    }
}

/// The environment of `transformers`' `apply_chat_template`.
fn environment() -> Result<Environment<'static>, ModelError> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(|e| ModelError::Template(explain(&e)))?);
    environment.set_fuel(Some(FUEL));
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_filter("tojson", to_json);
    environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    environment.add_function("strftime_now", |format: String| today(&format));
    Ok(environment)
}

/// The template engine's message with its line and causes.
fn explain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
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

#[cfg(test)]
#[path = "../tests/unit/chat.rs"]
mod tests;
