//! The CPU's kernels as a path of the scheduler.

use bourn_episode::Inputs;
use bourn_model::ModelConfig;
use rayon::prelude::*;

use crate::cache::{CachedSequence, own_blocks};
use crate::engine::{CpuEngine, Fed, Ready, positions};
use crate::error::RolloutError;
use crate::generate::{DrawingRows, Group, RolloutRow, with_scratch};
use crate::path::{Call, Path};
use crate::trunks::Trunks;

impl Path for CpuEngine {
    type Prompt = Ready;
    type Cache = CachedSequence;

    fn config(&self) -> &ModelConfig {
        &self.network.config
    }

    fn admit(
        &mut self,
        prompt: &Inputs,
        room: usize,
        subject: &dyn Fn() -> String,
    ) -> Result<(), RolloutError> {
        CpuEngine::admit(self, prompt, room, subject)
    }

    fn begin(&mut self, call: Call<'_>) {
        self.pool.reset();
        self.trunks = Trunks::new(call.prompts);
    }

    fn most_rows(&self) -> usize {
        self.batch_size
    }

    /// Each prompt to prefill brings a row of logits, which are as large as the vocabulary.
    fn most_prompts(&self) -> usize {
        self.network.logit_rows()
    }

    fn prompt_cost(&self, group: usize) -> usize {
        self.trunks.own(group) + self.trunks.missing(group)
    }

    fn row_cost(&self, prompt: usize, room: usize) -> usize {
        own_blocks(prompt, positions(room))
    }

    fn reserve(&mut self, cost: usize) -> bool {
        self.pool.reserve(cost)
    }

    fn hold(&mut self, group: usize) {
        self.trunks.hold(group);
    }

    fn prefill(
        &mut self,
        groups: &[Group<'_, Ready>],
        fresh: &[usize],
        after_pass: &mut dyn FnMut() -> Result<(), RolloutError>,
    ) -> Result<Vec<Ready>, RolloutError> {
        let prompts: Vec<&Inputs> = groups.iter().map(|group| group.prompt).collect();
        CpuEngine::prefill(self, &prompts, fresh, after_pass)
    }

    fn step(
        &mut self,
        groups: &[Group<'_, Ready>],
        rows: &mut [RolloutRow<'_, CachedSequence>],
        first_new: usize,
        draw: DrawingRows<'_>,
    ) -> Result<u64, RolloutError> {
        let (old, new) = rows.split_at_mut(first_new);
        // A row has no cache before it reads a token of its own: many end with their first.
        for row in old.iter_mut().filter(|row| row.cache.len == 0) {
            if let Some(ready) = &groups[row.group].ready {
                row.cache = ready.prefix.fork(row.reserved > 0, &mut self.pool);
            }
        }
        self.decode(old, draw)?;
        first_tokens(groups, new, draw)?;
        Ok(rows.len() as u64)
    }

    fn leave(&mut self, row: CachedSequence, cost: usize) {
        self.pool.release(row.into_own(), cost);
    }

    fn forget(&mut self, prompt: Ready, group: usize) {
        self.pool.release(prompt.prefix.into_blocks(), self.trunks.own(group));
    }

    fn prune(&mut self, needs: &dyn Fn(usize) -> bool) {
        let (blocks, reserved) = self.trunks.prune(needs);
        self.pool.release(blocks, reserved);
    }

    /// Nothing starts from a closed prompt, so that its logits are not needed beside its cache.
    fn close(&self, prompt: &mut Ready) {
        prompt.logits = Vec::new();
    }

    /// A closed prompt that is asked for all the same is computed again.
    fn starts(&self, prompt: &Ready) -> bool {
        !prompt.logits.is_empty()
    }
}

impl CpuEngine {
    /// Draws the next token of every row, once it has read the one before, and in a new turn what the
    /// work has given.
    fn decode(
        &mut self,
        rows: &mut [RolloutRow<'_, CachedSequence>],
        draw: DrawingRows<'_>,
    ) -> Result<(), RolloutError> {
        let unread = |row: &mut RolloutRow<'_, CachedSequence>| match row.pending.is_empty() {
            true => row.completion.tokens.last().copied().into_iter().collect(),
            false => Vec::from(std::mem::take(&mut row.pending)),
        };
        let unread: Vec<Vec<u32>> = rows.iter_mut().map(unread).collect();
        let mut caches: Vec<CachedSequence> =
            rows.iter_mut().map(|row| std::mem::take(&mut row.cache)).collect();
        let mut work: Vec<(&mut CachedSequence, &[u32])> =
            caches.iter_mut().zip(unread.iter().map(Vec::as_slice)).collect();
        self.feed(&mut work, |network, state, fed| {
            // Those that have read everything: all but, in its first batches, one that reads a lot.
            let ended: Vec<&Fed> =
                fed.iter().filter(|f| f.before + f.rows == unread[f.sequence].len()).collect();
            for ended in ended.chunks(network.logit_rows()) {
                let chosen: Vec<usize> = ended.iter().map(|f| f.start + f.rows - 1).collect();
                let logits = network.logits(&chosen, state)?;
                let logits: Vec<&[f32]> = logits.chunks_exact(network.config.vocab_size).collect();
                // Sequences are fed in order, so that these are consecutive.
                let first = ended[0].sequence;
                tokens(&mut rows[first..first + ended.len()], &logits, draw)?;
            }
            Ok(())
        })?;
        for (row, cache) in rows.iter_mut().zip(caches) {
            row.cache = cache;
        }
        Ok(())
    }
}

/// Draws the first token of rows whose prompts are ready.
fn first_tokens(
    groups: &[Group<'_, Ready>],
    rows: &mut [RolloutRow<'_, CachedSequence>],
    draw: DrawingRows<'_>,
) -> Result<(), RolloutError> {
    let logits = |row: &RolloutRow<'_, CachedSequence>| {
        groups[row.group].ready.as_ref().map(|r| r.logits.as_slice())
    };
    // Every row's group has been prefilled, so that none is left out.
    let logits: Vec<&[f32]> = rows.iter().filter_map(logits).collect();
    tokens(rows, &logits, draw)
}

/// Draws one token for each row from its logits, and ends the rows that this ends.
fn tokens(
    rows: &mut [RolloutRow<'_, CachedSequence>],
    logits: &[&[f32]],
    draw: DrawingRows<'_>,
) -> Result<(), RolloutError> {
    let one = |(row, logits): (&mut RolloutRow<'_, CachedSequence>, &&[f32])| {
        // The upper 53 bits: every multiple of 2⁻⁵³ in [0, 1).
        let uniform = || (row.random() >> 11) as f64 * (0.5_f64).powi(53);
        let drawn = with_scratch(|scratch| draw.sampler.draw(logits, uniform, scratch));
        draw.take(row, drawn)
    };
    // Collected in order, so that of several errors always the same is reported.
    let all: Vec<Result<(), RolloutError>> = rows.par_iter_mut().zip(logits).map(one).collect();
    all.into_iter().collect()
}
