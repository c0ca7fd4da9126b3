//! Chat templates, rendered as `transformers` renders them.
//!
//! A template is a program that came with a model, and may be written to do harm. The engine bounds the
//! steps that it takes, and neither the memory, nor the depth, nor the time of one step: those a process
//! has bounds for. A program that opens models of strangers says so ([`render_templates_apart`]), and has
//! every template rendered in a process of its own.

mod engine;
mod process;

use std::borrow::Cow;
use std::collections::BTreeMap;

use bourn_episode::Message;
use serde::{Deserialize, Serialize};

use crate::ModelError;

pub use process::render_templates_apart;

/// A model's chat template: a Jinja program from messages to a prompt.
#[derive(Clone, Debug)]
pub struct ChatTemplate {
    source: String,
    /// `bos_token`, `eos_token`, … as the template may name them.
    special: BTreeMap<String, String>,
    /// The file that it was read from; empty where there is none.
    origin: String,
}

impl ChatTemplate {
    /// A template and the special tokens (`bos_token`, `eos_token`, …) that it may name.
    pub fn new(source: &str, special: &BTreeMap<String, String>) -> ChatTemplate {
        let origin = String::new();
        ChatTemplate { source: source.to_owned(), special: special.clone(), origin }
    }

    /// The same template, whose errors name the file that it was read from.
    pub fn read_from(self, origin: impl Into<String>) -> ChatTemplate {
        ChatTemplate { origin: origin.into(), ..self }
    }

    /// The template's text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The prompt for a conversation; `add_generation_prompt` ends it where the assistant begins
    /// to speak. An error carries what the template or its engine says.
    ///
    /// # Errors
    /// The template refuses the conversation, takes more than it may of time, memory or depth, or its
    /// engine fails.
    pub fn render(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<String, ModelError> {
        let job = RenderJob {
            source: Cow::Borrowed(&self.source),
            special: Cow::Borrowed(&self.special),
            messages: Cow::Borrowed(messages),
            add_generation_prompt,
        };
        let rendered = process::render(&job).unwrap_or_else(|| engine::render(&job));
        rendered.map_err(|reason| ModelError::Template { origin: self.origin.clone(), reason })
    }
}

/// Everything that a prompt is made of.
#[derive(Serialize, Deserialize)]
struct RenderJob<'a> {
    source: Cow<'a, str>,
    special: Cow<'a, BTreeMap<String, String>>,
    messages: Cow<'a, [Message]>,
    add_generation_prompt: bool,
}

#[cfg(test)]
#[path = "../tests/unit/chat.rs"]
mod tests;
