//! What the scheduler asks of a path: of the CPU's kernels or of Burn on another device.

use bourn_episode::Inputs;
use bourn_model::ModelConfig;

use crate::error::RolloutError;
use crate::generate::{DrawingRows, Group, RolloutRow};

/// What a call of the scheduler will ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    /// The prompts of its groups, all different; a group's index is that of its prompt.
    pub(crate) prompts: &'a [&'a Inputs],
    /// Most tokens of a row beyond its prompt.
    pub(crate) room: usize,
}

/// A way to prefill prompts and to decode rows. Costs are shares of the cache, in a unit of the
/// path's own; whoever takes cache has reserved it before, for the longest that a row can become.
///
/// A path may keep what several prompts begin with once for all of them: it is held from the first of
/// these that is, until [`Path::prune`] finds that none needs it.
pub(crate) trait Path {
    /// A prefilled prompt.
    type Prompt;
    /// A row's own part of the cache; its default is that of a row which has not been decoded yet.
    type Cache: Default;

    /// The model's shape.
    fn config(&self) -> &ModelConfig;

    /// Checks a prompt and what a row may have beyond it against the model and the cache. `subject`
    /// names them in errors.
    fn admit(
        &mut self,
        prompt: &Inputs,
        room: usize,
        subject: &dyn Fn() -> String,
    ) -> Result<(), RolloutError>;

    /// Starts a call: whatever a call that ended early had reserved is free again.
    fn begin(&mut self, call: Call<'_>);

    /// Most rows at once.
    fn most_rows(&self) -> usize;

    /// Most prompts that are prefilled together.
    fn most_prompts(&self) -> usize;

    /// Cache that has to be set aside before a group can start for which none is: of its prompt, and
    /// of what that shares with others as far as it is not held.
    fn prompt_cost(&self, group: usize) -> usize;

    /// Cache of a row beside that of its prompt.
    fn row_cost(&self, prompt: usize, room: usize) -> usize;

    /// Sets cache aside, if that much is left.
    fn reserve(&mut self, cost: usize) -> bool;

    /// Notes that a group's [`Path::prompt_cost`] is set aside. A path without shared beginnings has
    /// nothing to note.
    fn hold(&mut self, _group: usize) {}

    /// Prefills the prompts of the groups `fresh`, all held. `after_pass` is called after every pass of
    /// the model.
    fn prefill(
        &mut self,
        groups: &[Group<'_, Self::Prompt>],
        fresh: &[usize],
        after_pass: &mut dyn FnMut() -> Result<(), RolloutError>,
    ) -> Result<Vec<Self::Prompt>, RolloutError>;

    /// Draws one token for each row, as far as it has read what it is to read before; returns how
    /// many. The rows from `first_new` on are new, and their groups ready.
    ///
    /// A row that goes on has the tokens of its [`RolloutRow::pending`] to read.
    fn step(
        &mut self,
        groups: &[Group<'_, Self::Prompt>],
        rows: &mut [RolloutRow<'_, Self::Cache>],
        first_new: usize,
        draw: DrawingRows<'_>,
    ) -> Result<u64, RolloutError>;

    /// Takes back the cache of a row that had `cost` of it set aside.
    fn leave(&mut self, row: Self::Cache, cost: usize);

    /// Takes back the prompt of a group that nothing is under way from; what it shares stays held.
    fn forget(&mut self, prompt: Self::Prompt, group: usize);

    /// Takes back what groups share of which none needs it. A path without shared beginnings has
    /// nothing to take back.
    fn prune(&mut self, _needs: &dyn Fn(usize) -> bool) {}

    /// Gives up what only starts rows: none is expected to start from this prompt any more.
    fn close(&self, prompt: &mut Self::Prompt);

    /// Whether rows can start from the prompt, which they cannot once it was closed.
    fn starts(&self, prompt: &Self::Prompt) -> bool;
}
