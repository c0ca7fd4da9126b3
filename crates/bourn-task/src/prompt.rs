//! A problem's prompt out of its column: a text, or messages.

use bourn_episode::Message;
use serde_json::{Map, Value};

use crate::problem::render;

/// What a problem is put as, before any model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// As people and judges read it.
    pub text: String,
    /// What is put instead, where it is more than one message of a user.
    pub messages: Vec<Message>,
    /// The text before the template, by which problems are told apart.
    pub content: String,
}

impl From<String> for Prompt {
    fn from(text: String) -> Prompt {
        Prompt { content: text.clone(), text, messages: Vec::new() }
    }
}

/// The prompt that a column's value makes under a template.
///
/// # Errors
/// What is wrong with the value, to follow "the column `…`".
pub(crate) fn prompt(value: &Value, template: &str) -> Result<Prompt, String> {
    let filled = |text: &str| match text.trim().is_empty() {
        true => Err("is empty: a problem needs its text".to_owned()),
        false => Ok(()),
    };
    let values = match value {
        Value::String(text) => {
            filled(text)?;
            let (text, content) = (render(template, text), text.clone());
            return Ok(Prompt { text, messages: Vec::new(), content });
        }
        Value::Array(values) if !values.is_empty() => values,
        _ => return Err("is no text: a problem needs its text, or a list of messages".to_owned()),
    };
    let mut messages = values.iter().map(message).collect::<Result<Vec<_>, _>>()?;
    let roles: Vec<&str> = messages.iter().map(|message| message.role.as_str()).collect();
    if roles.last() != Some(&"user") {
        let last = roles.last().copied().unwrap_or_default();
        return Err(format!("ends with a message of `{last}`: the last must be the user's"));
    }
    if roles.iter().skip(1).any(|role| *role == "system") {
        return Err("has a system message that is not the first".to_owned());
    }
    let content = shown(&messages);
    let last = messages.len() - 1;
    filled(&messages[last].content)?;
    messages[last].content = render(template, &messages[last].content);
    // A conversation of one message is that message.
    if let [only] = messages.as_slice() {
        return Ok(Prompt { text: only.content.clone(), messages: Vec::new(), content });
    }
    Ok(Prompt { text: shown(&messages), messages, content })
}

/// Messages as people read them.
fn shown(messages: &[Message]) -> String {
    if let [only] = messages {
        return only.content.clone();
    }
    let lines = messages.iter().map(|Message { role, content }| format!("{role}: {content}"));
    lines.collect::<Vec<_>>().join("\n\n")
}

fn message(value: &Value) -> Result<Message, String> {
    const ROLES: [&str; 3] = ["system", "user", "assistant"];
    let Value::Object(keys) = value else {
        return Err("is a list of something else than messages (`role`, `content`)".to_owned());
    };
    let role = match keys.get("role") {
        Some(Value::String(role)) if ROLES.contains(&role.as_str()) => role,
        Some(other) => {
            let known = ROLES.join(", ");
            return Err(format!("has a message whose role is {other}; there are {known}"));
        }
        None => return Err("has a message without a `role`".to_owned()),
    };
    Ok(Message::new(role, &content(keys)?))
}

/// A message's text, also in parts: `[{"type": "text", "text": "…"}]`.
fn content(keys: &Map<String, Value>) -> Result<String, String> {
    match keys.get("content") {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(parts)) => parts
            .iter()
            .map(|part| match (part["type"].as_str(), part["text"].as_str()) {
                (Some("text"), Some(text)) => Ok(text),
                (Some(kind), _) => {
                    Err(format!("has a message with a part of type `{kind}`; only text is read"))
                }
                _ => Err("has a message with a part that has no `type`".to_owned()),
            })
            .collect(),
        _ => Err("has a message without a text in `content`".to_owned()),
    }
}

#[cfg(test)]
#[path = "../tests/unit/prompt.rs"]
mod tests;
