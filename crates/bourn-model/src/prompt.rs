//! From a problem's text to the inputs that the model continues, the same for base and policy.

use std::collections::BTreeSet;
use std::sync::Arc;

use bourn_episode::Inputs;
use bourn_recipe::StopToken;

use crate::{Bundle, ChatTemplate, Message, ModelError, StopStrings, Tokenizer};

/// How many times as long as the context's tokens can be written a text may be: tokenizers drop a little of
/// some texts, white space above all.
const SLACK: usize = 4;
/// What a text may have in any case, in bytes.
const SHORT: usize = 1 << 16;

/// Renders prompts and reads completions back.
#[derive(Clone)]
pub struct Prompter {
    tokenizer: Arc<Tokenizer>,
    /// Rows of the model's embedding.
    vocab_size: usize,
    stop_tokens: BTreeSet<u32>,
    stop_strings: Option<Arc<StopStrings>>,
    chat: Option<ChatTemplate>,
    system_prompt: String,
    /// Longest text that is tokenized, in bytes.
    longest_text: usize,
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
            tokenizer: Arc::new(bundle.tokenizer.clone()),
            vocab_size: bundle.config.vocab_size,
            stop_tokens: bundle.stop_tokens.clone(),
            stop_strings: None,
            chat,
            system_prompt: system_prompt.to_owned(),
            longest_text: (bundle.config.max_position)
                .saturating_mul(SLACK * bundle.tokenizer.longest_token())
                .max(SHORT),
        })
    }

    /// Completions that end with the first token after which their text has one of `strings`, too. A
    /// special token has no text in a completion: one that a string spells ends it as the model's own
    /// stop tokens do.
    ///
    /// # Errors
    /// [`ModelError::StopString`].
    pub fn stopping_at(mut self, strings: &[String]) -> Result<Prompter, ModelError> {
        let special = |string: &String| self.tokenizer.special_id(string);
        self.stop_tokens.extend(strings.iter().filter_map(special));
        let stops = StopStrings::new(Arc::clone(&self.tokenizer), strings.to_vec())?;
        self.stop_strings = (!strings.is_empty()).then(|| Arc::new(stops));
        Ok(self)
    }

    /// Completions that end with one of these tokens, too.
    ///
    /// # Errors
    /// [`ModelError::StopToken`] for a text that is no single token, and an id that the model does not
    /// have.
    pub fn stopping_at_tokens(mut self, tokens: &[StopToken]) -> Result<Prompter, ModelError> {
        for token in tokens {
            let (token, id) = match token {
                StopToken::Id(id) => {
                    let rows = self.vocab_size;
                    let problem = (*id as usize >= rows)
                        .then(|| format!("the model's vocabulary has {rows} ids, from 0 on"));
                    (id.to_string(), problem.map_or(Ok(*id), Err))
                }
                StopToken::Text(text) => (format!("{text:?}"), self.token_of(text)?),
            };
            let id = id.map_err(|problem| ModelError::StopToken { token, problem })?;
            self.stop_tokens.insert(id);
        }
        Ok(self)
    }

    /// The token of a text, as the vocabulary spells it, else as a text of it alone is read.
    fn token_of(&self, text: &str) -> Result<Result<u32, String>, ModelError> {
        if let Some(id) = self.tokenizer.id(text) {
            return Ok(Ok(id));
        }
        Ok(match self.tokenizer.encode(text, false)?[..] {
            [id] if self.tokenizer.has_text(id) => Ok(id),
            ref ids => Err(format!(
                "is {} tokens of the tokenizer, and must be one; a text that ends a completion goes \
                 into `stop_strings`",
                ids.len()
            )),
        })
    }

    /// The text of a prompt as the model reads it: as it is, or through the chat template.
    ///
    /// # Errors
    /// As [`ChatTemplate::render`](crate::ChatTemplate::render).
    pub fn render(&self, text: &str) -> Result<String, ModelError> {
        match &self.chat {
            None => Ok(text.to_owned()),
            Some(_) => self.render_messages(&[Message::new("user", text)]),
        }
    }

    /// A conversation as the model reads it.
    ///
    /// # Errors
    /// As [`Prompter::render`]; without a chat template nothing says how messages are put together, and
    /// of two system prompts one would be left out.
    pub fn render_messages(&self, messages: &[Message]) -> Result<String, ModelError> {
        let Some(template) = &self.chat else {
            let problem = "it has several messages, and nothing puts them together; set \
                           `model.chat_template = true`, or give the prompt as one text";
            return Err(ModelError::Messages(problem));
        };
        if self.system_prompt.is_empty() {
            return template.render(messages, true);
        }
        if messages.iter().any(|message| message.role == "system") {
            let problem = "it has a system message, and `model.system_prompt` says another; remove \
                           one of them";
            return Err(ModelError::Messages(problem));
        }
        let system = Message::new("system", &self.system_prompt);
        let all: Vec<Message> = [system].into_iter().chain(messages.iter().cloned()).collect();
        template.render(&all, true)
    }

    /// A prompt as the model reads it. Raw text gets the special tokens that the tokenizer adds of itself
    /// (such as a beginning-of-sequence token); a chat template writes its own.
    ///
    /// # Errors
    /// As [`Prompter::render`]; a text that the tokenizer cannot take, or that no context holds.
    pub fn encode(&self, text: &str) -> Result<Inputs, ModelError> {
        self.check_length(text)?;
        self.tokenized(self.render(text)?)
    }

    /// What a problem is put as: its conversation, or where it has none its text.
    ///
    /// # Errors
    /// As [`Prompter::render`] and [`Prompter::render_messages`].
    pub fn render_problem(&self, text: &str, messages: &[Message]) -> Result<String, ModelError> {
        if messages.is_empty() { self.render(text) } else { self.render_messages(messages) }
    }

    /// [`Prompter::render_problem`] as token ids.
    ///
    /// # Errors
    /// As [`Prompter::encode`] and [`Prompter::encode_messages`].
    pub fn encode_problem(&self, text: &str, messages: &[Message]) -> Result<Inputs, ModelError> {
        if messages.is_empty() { self.encode(text) } else { self.encode_messages(messages) }
    }

    /// A conversation as the model reads it.
    ///
    /// # Errors
    /// As [`Prompter::render_messages`] and [`Prompter::encode`].
    pub fn encode_messages(&self, messages: &[Message]) -> Result<Inputs, ModelError> {
        for message in messages {
            self.check_length(&message.content)?;
        }
        self.tokenized(self.render_messages(messages)?)
    }

    fn tokenized(&self, rendered: String) -> Result<Inputs, ModelError> {
        self.check_length(&rendered)?;
        Ok(self.tokenizer.encode(&rendered, self.chat.is_none())?.into())
    }

    /// A text that is far too long for the model is not worth the seconds, and the memory of a hundred
    /// times its bytes, that tokenizing it takes.
    fn check_length(&self, text: &str) -> Result<(), ModelError> {
        match text.len() > self.longest_text {
            true => Err(ModelError::TextTooLong { bytes: text.len(), most: self.longest_text }),
            false => Ok(()),
        }
    }

    /// Token ids of text that follows a prompt: no special tokens are added.
    ///
    /// # Errors
    /// A text that the tokenizer cannot take, or that no context holds.
    pub fn encode_completion(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        self.check_length(text)?;
        self.tokenizer.encode(text, false)
    }

    /// The text of completion tokens, without special tokens.
    ///
    /// # Errors
    /// The tokenizer refuses the ids.
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
        // Without stop strings it is what it was before there were any: caches are named after it.
        for string in self.stop_strings.iter().flat_map(|stops| stops.strings()) {
            hasher.update(b"stop string");
            hasher.update(&(string.len() as u64).to_le_bytes());
            hasher.update(string.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Tokens that end a completion.
    pub fn stop_tokens(&self) -> &BTreeSet<u32> {
        &self.stop_tokens
    }

    /// Texts that end a completion; `None` where there are none.
    pub fn stop_strings(&self) -> Option<&Arc<StopStrings>> {
        self.stop_strings.as_ref()
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }
}

#[cfg(test)]
#[path = "../tests/unit/prompt.rs"]
mod tests;
