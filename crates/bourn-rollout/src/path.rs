//! What the scheduler asks of a path: of the CPU's kernels or of Burn on another device.

use crate::error::RolloutError;
use crate::generate::{Drawing, Group, Row};

/// What a call of the scheduler will ask for at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// Tokens of the longest prompt.
    pub(crate) longest_prompt: usize,
    /// Tokens of the longest completion.
    pub(crate) max_tokens: usize,
}

/// A way to prefill prompts and to decode rows. Costs are shares of the cache, in a unit of the
/// path's own; whoever takes cache has reserved it before, for the longest that a row can become.
pub(crate) trait Path {
    /// A prefilled prompt.
    type Prompt;
    /// A row's own part of the cache; its default is that of a row which has not been decoded yet.
    type Cache: Default;

    /// Checks a prompt and its longest completion against the model and the cache. `subject` names
    /// them in errors.
    fn admit(
        &mut self,
        prompt: &[u32],
        completion: usize,
        subject: &dyn Fn() -> String,
    ) -> Result<(), RolloutError>;

    /// Starts a call: whatever a call that ended early had reserved is free again.
    fn begin(&mut self, call: Call);

    /// Most rows at once.
    fn most_rows(&self) -> usize;

    /// Most prompts that are prefilled together.
    fn most_prompts(&self) -> usize;

    /// Cache of a prefilled prompt of this many tokens.
    fn prompt_cost(&self, prompt: usize) -> usize;

    /// Cache of a row beside that of its prompt.
    fn row_cost(&self, prompt: usize, max_tokens: usize) -> usize;

    /// Sets cache aside, if that much is left.
    fn reserve(&mut self, cost: usize) -> bool;

    /// Prefills prompts. `after_pass` is called after every pass of the model.
    fn prefill(
        &mut self,
        prompts: &[&[u32]],
        after_pass: &mut dyn FnMut() -> Result<(), RolloutError>,
    ) -> Result<Vec<Self::Prompt>, RolloutError>;

    /// Draws one token for each row. The rows from `first_new` on are new, and their groups ready.
    fn step(
        &mut self,
        groups: &[Group<'_, Self::Prompt>],
        rows: &mut [Row<'_, Self::Cache>],
        first_new: usize,
        draw: Drawing<'_>,
    ) -> Result<(), RolloutError>;

    /// Takes back the cache of a row that had `cost` of it set aside.
    fn leave(&mut self, row: Self::Cache, cost: usize);

    /// Takes back a prompt that had `cost` set aside, and that nothing is under way from.
    fn forget(&mut self, prompt: Self::Prompt, cost: usize);

    /// Gives up what only starts rows: none is expected to start from this prompt any more.
    fn close(&self, prompt: &mut Self::Prompt);

    /// Whether rows can start from the prompt, which they cannot once it was closed.
    fn starts(&self, prompt: &Self::Prompt) -> bool;
}
