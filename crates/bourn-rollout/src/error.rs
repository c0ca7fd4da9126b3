//! What can be wrong with a request, with weights, or with what the model computed.

use bourn_kernel::KernelError;

/// Why completions could not be drawn or scored.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RolloutError {
    /// The weights are not those of the configuration.
    #[error("the weights do not fit the engine: {problem}")]
    Weights {
        /// Which tensor, and what is wrong with it.
        problem: String,
    },
    /// The weights were released.
    #[error("the engine has given its weights up; update it before it draws or scores")]
    Released,
    /// An option is out of range.
    #[error("{key} = {value} is out of range; it must be {expected}")]
    Option {
        /// The option.
        key: &'static str,
        /// Its value.
        value: String,
        /// The values it may have.
        expected: &'static str,
    },
    /// A prompt has no tokens, so that there is nothing to condition on.
    #[error("{subject}: the prompt is empty; start it with at least one token")]
    EmptyPrompt {
        /// The problem or the scored item.
        subject: String,
    },
    /// A token id that the model has no embedding for.
    #[error(
        "{subject}: token id {token} is not below the vocabulary size {vocab_size}; the tokenizer belongs to another model"
    )]
    Token {
        /// The problem or the scored item.
        subject: String,
        /// The id.
        token: u32,
        /// Rows of the model's embedding.
        vocab_size: usize,
    },
    /// Inputs with inserts, for a model that reads tokens alone.
    #[error(
        "{subject}: the prompt has features in place of tokens (inserts: {inserts}), and this engine reads tokens alone; leave them out"
    )]
    Inserts {
        /// The problem or the scored item.
        subject: String,
        /// How many there are.
        inserts: usize,
    },
    /// Tokens to go on with that the row has no room for.
    #[error(
        "{subject}: to go on with {given} tokens and draw one more takes more than the {room} that the row has left; give fewer, end the episode or raise `row_tokens`"
    )]
    Room {
        /// The problem.
        subject: String,
        /// Tokens that were given.
        given: usize,
        /// Tokens that the row may still take.
        room: usize,
    },
    /// An episode that goes on with nothing.
    #[error("{subject}: there are no tokens to go on with; end the episode or give at least one")]
    NothingGiven {
        /// The problem.
        subject: String,
    },
    /// The engine was asked for what it cannot do.
    #[error("this engine {what}")]
    Unsupported {
        /// What it does not do, as in "gives no scores".
        what: &'static str,
    },
    /// The prompt and the longest completion do not fit the context.
    #[error(
        "{subject}: a prompt of {prompt} tokens and a completion of up to {completion} exceed the model's {max_position} positions; shorten one of them"
    )]
    TooLong {
        /// The problem or the scored item.
        subject: String,
        /// Tokens of the prompt.
        prompt: usize,
        /// Most tokens of the completion.
        completion: usize,
        /// Longest sequence of the model.
        max_position: usize,
    },
    /// One completion alone needs more cache than there may be.
    #[error(
        "{subject}: a prompt of {prompt} tokens and a completion of up to {completion} need a KV cache of {needed} bytes and the budget is {budget}; raise it or shorten the completion"
    )]
    CacheBudget {
        /// The problem or the scored item.
        subject: String,
        /// Tokens of the prompt.
        prompt: usize,
        /// Most tokens of the completion.
        completion: usize,
        /// Bytes that this completion alone needs.
        needed: usize,
        /// Bytes that the cache may have.
        budget: usize,
    },
    /// The model computed a logit that is NaN or infinite.
    #[error(
        "{subject}: the logits after position {position} are not finite; the weights have diverged or the file is damaged"
    )]
    NonFinite {
        /// The problem or the scored item.
        subject: String,
        /// Position of the token whose successor was to be predicted, from 0 at the prompt's start.
        /// Scoring on another device than the CPU reads a chunk of tokens at once and names its first.
        position: usize,
    },
    /// More sample indices than 64 bits count.
    #[error("{subject}: {count} samples from index {first} run past the last index")]
    SampleIndex {
        /// The problem.
        subject: String,
        /// First sample index.
        first: u64,
        /// Number of samples.
        count: u64,
    },
    /// Rounded weights on another device than the CPU.
    #[error(
        "rollout.weight_dtype = \"bfloat16\" is for the CPU, where it halves the weights' memory; on another device they stay in float32: set it to \"float32\""
    )]
    Rounded,
    /// The device did not do what was asked of it.
    #[error(
        "the device failed: {message}; its driver's log may say more, and a smaller `batch_size` needs less of its memory"
    )]
    Device {
        /// What Burn reported.
        message: String,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A kernel refused its arguments: the engine's own shapes do not agree.
    #[error("internal shapes do not agree: {0}; please report this")]
    Kernel(#[from] KernelError),
}

/// How errors name a problem.
pub(crate) fn problem(stream: &str) -> String {
    format!("problem `{stream}`")
}

/// How errors name a scored item.
pub(crate) fn item(index: usize) -> String {
    format!("scored item {index}")
}
