//! What can be wrong with a model, in the user's words.

use std::path::{Path, PathBuf};

/// Why a model could not be opened, used or saved.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The source is neither a file, nor a directory, nor a hub id.
    #[error(
        "no model at `{0}`: it is not a directory, not a GGUF file, and not a hub id of the form org/name[@revision]"
    )]
    NotFound(String),
    /// A device cannot be used.
    #[error("device {device}: {message}")]
    Device {
        /// Its name in recipes.
        device: String,
        /// Why, and what to do about it.
        message: String,
    },
    /// A file that the model needs is not there.
    #[error("{} is missing: {hint}", path.display())]
    MissingFile {
        /// The file that was looked for.
        path: PathBuf,
        /// What to do about it.
        hint: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// `read`, `write`, …
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A key of a JSON file has a value that bourn cannot use.
    #[error("{}: `{key}`: {message}", path.display())]
    Key {
        /// The JSON file.
        path: PathBuf,
        /// The key, dotted from the root.
        key: String,
        /// What is wrong and what would do.
        message: String,
    },
    /// A file cannot be understood: torn, not of its kind, or hostile.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A tensor that the configuration asks for is absent.
    #[error("tensor `{tensor}` is missing; the configuration does not match the weights")]
    MissingTensor {
        /// The tensor's Hugging Face name.
        tensor: String,
    },
    /// A parameter that is to be replaced does not exist.
    #[error("the model has no parameter `{name}`")]
    UnknownParameter {
        /// The name that was asked for.
        name: String,
    },
    /// A tensor is there that the configuration has no place for.
    #[error(
        "tensor `{tensor}` of shape {found:?} has no place in this architecture; the configuration does not match the weights"
    )]
    UnexpectedTensor {
        /// The tensor's name.
        tensor: String,
        /// Its shape in the file.
        found: Vec<usize>,
    },
    /// A tensor has another shape than the configuration asks for.
    #[error("tensor `{tensor}` has shape {found:?} and the configuration asks for {expected:?}")]
    Shape {
        /// The tensor's Hugging Face name.
        tensor: String,
        /// Its shape in the file.
        found: Vec<usize>,
        /// The shape that the configuration asks for.
        expected: Vec<usize>,
    },
    /// A tensor cannot be read as numbers.
    #[error("tensor `{tensor}` {message}")]
    Tensor {
        /// The tensor's name.
        tensor: String,
        /// What is wrong with it.
        message: String,
    },
    /// What was computed on a device does not come back from it.
    #[error("values of shape {shape:?} cannot be read back from the device: {message}")]
    Read {
        /// Dimensions of what was read.
        shape: Vec<usize>,
        /// What the device said.
        message: String,
    },
    /// An error about tensors, with the file they are in.
    #[error("{}: {error}", path.display())]
    In {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        error: Box<ModelError>,
    },
    /// The tokenizer cannot be built or used.
    #[error("{origin}: tokenizer: {message}")]
    Tokenizer {
        /// The file the tokenizer came from, or what was done with it.
        origin: String,
        /// What is wrong.
        message: String,
    },
    /// A text that is not tokenized: it cannot fit.
    #[error(
        "the text is {bytes} bytes long; of one for this model's context, at most {most} are read"
    )]
    TextTooLong {
        /// The text's.
        bytes: usize,
        /// Most that are read.
        most: usize,
    },
    /// The tokenizer gives ids that the model has no embedding for.
    #[error(
        "{origin}: {what} has id {id} and the model's embedding has {vocab_size} rows; the tokenizer belongs to another model"
    )]
    Vocabulary {
        /// The file the tokenizer came from.
        origin: String,
        /// The token or key at fault.
        what: String,
        /// Its id.
        id: u64,
        /// Rows of the model's embedding.
        vocab_size: usize,
    },
    /// The recipe asks for a chat template and the model has none.
    #[error(
        "{source_name} has no chat template; give the prompts as raw text, or use an instruction-tuned model"
    )]
    NoChatTemplate {
        /// What the model was opened from.
        source_name: String,
    },
    /// Messages that cannot be put to the model.
    #[error("{0}")]
    Messages(&'static str),
    /// A text that cannot end completions.
    #[error("stop string {string:?}: {problem}")]
    StopString {
        /// The string; the beginning of a long one.
        string: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A token that cannot end completions.
    #[error("stop token {token}: {problem}")]
    StopToken {
        /// Its text, quoted, or its id.
        token: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A chat template does not parse, refuses the messages, or takes more than it may.
    #[error("{origin}{}chat template: {reason}", if .origin.is_empty() { "" } else { ": " })]
    Template {
        /// The file that the template came from; empty where there is none.
        origin: String,
        /// What the template or its engine says.
        reason: String,
    },
    /// The hub did not give the model.
    #[error(transparent)]
    Hub(#[from] bourn_hub::HubError),
    /// There is no place for what the hub would give.
    #[error(transparent)]
    Cache(#[from] bourn_hub::NoCache),
}

impl ModelError {
    /// An operating-system error while doing `action` to `path`.
    pub(crate) fn io(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> ModelError {
        move |source| ModelError::Io { action, path: path.to_owned(), source }
    }

    /// A key of the JSON file at `path` that cannot be used.
    pub(crate) fn key(path: &Path, key: &str, message: impl Into<String>) -> ModelError {
        ModelError::Key { path: path.to_owned(), key: key.to_owned(), message: message.into() }
    }

    /// A file that cannot be understood.
    pub(crate) fn file(path: &Path, message: impl Into<String>) -> ModelError {
        ModelError::File { path: path.to_owned(), message: message.into() }
    }

    /// The same error, of the tensor of this name.
    pub fn of_tensor(self, name: &str) -> ModelError {
        match self {
            ModelError::Read { message, .. } => ModelError::Tensor {
                tensor: name.to_owned(),
                message: format!("cannot be read back from the device: {message}"),
            },
            other => other,
        }
    }

    /// The same error with the file it was found in.
    pub(crate) fn inside(self, path: &Path) -> ModelError {
        ModelError::In { path: path.to_owned(), error: Box::new(self) }
    }
}

#[cfg(test)]
#[path = "../tests/unit/error.rs"]
mod tests;
