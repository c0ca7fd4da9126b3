//! From a problem's text to the token ids that the model continues, the same for base and policy.

use std::collections::BTreeSet;

use crate::{Bundle, ChatTemplate, Message, ModelError, Tokenizer};

/// Renders prompts and reads completions back.
#[derive(Clone)]
pub struct Prompter {
    tokenizer: Tokenizer,
    stop_tokens: BTreeSet<u32>,
    chat: Option<ChatTemplate>,
    system_prompt: String,
}

impl Prompter {
    /// A prompter for `bundle`. With `chat`, prompts pass through the model's chat template as
    /// one user message, after `system_prompt` if it is not empty.
    ///
    /// # Errors
    /// `chat` was asked for and the model has no template.
    pub fn new(bundle: &Bundle, chat: bool, system_prompt: &str) -> Result<Prompter, ModelError> {
        let chat = match (&bundle.chat_template, chat) {
            (_, false) => None,
            (Some(template), true) => Some(template.clone()),
            (None, true) => {
                return Err(ModelError::NoChatTemplate { source_name: bundle.source.clone() });
            }
        };
        Ok(Prompter {
            tokenizer: bundle.tokenizer.clone(),
            stop_tokens: bundle.stop_tokens.clone(),
            chat,
            system_prompt: system_prompt.to_owned(),
        })
    }

    /// The text of a prompt as the model reads it: as it is, or through the chat template.
    pub fn render(&self, text: &str) -> Result<String, ModelError> {
        let Some(template) = &self.chat else { return Ok(text.to_owned()) };
        let mut messages = Vec::new();
        if !self.system_prompt.is_empty() {
            messages.push(Message::new("system", &self.system_prompt));
        }
        messages.push(Message::new("user", text));
        template.render(&messages, true)
    }

    /// Token ids of a prompt. Raw text gets the special tokens that the tokenizer adds of itself
    /// (such as a beginning-of-sequence token); a chat template writes its own.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        self.tokenizer.encode(&self.render(text)?, self.chat.is_none())
    }

    /// Token ids of text that follows a prompt: no special tokens are added.
    pub fn encode_completion(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        self.tokenizer.encode(text, false)
    }

    /// The text of completion tokens, without special tokens.
    pub fn decode(&self, tokens: &[u32]) -> Result<String, ModelError> {
        self.tokenizer.decode(tokens, true)
    }

    /// Content hash of everything that turns text into prompt ids and ends a completion.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let template = self.chat.as_ref().map_or("", ChatTemplate::source);
        for part in [&self.tokenizer.to_json(), template, &self.system_prompt] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.update(&[u8::from(self.chat.is_some())]);
        for id in &self.stop_tokens {
            hasher.update(&id.to_le_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Tokens that end a completion.
    pub fn stop_tokens(&self) -> &BTreeSet<u32> {
        &self.stop_tokens
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }
}
