//! Teacher forcing: log-probs and entropies of given completions.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use bourn_episode::Inputs;
use bourn_kernel::PANEL;
use rayon::prelude::*;

use crate::cache::{CachedSequence, blocks_for, own_blocks};
use crate::engine::{CpuEngine, check_tokens, group_by_prompt, positions};
use crate::error::{RolloutError, item};
use crate::generate::{report, with_scratch};
use crate::sampler::{TokenSampler, TokenScore};
use crate::trunks::Trunks;
use crate::types::{Progress, ScoreItem, Scored};

/// Tokens after which a wave is large enough: a few full batches.
const WAVE_TOKENS: usize = 2048;

/// Items that are scored together, with the prompts that they start from.
#[derive(Debug, Default, PartialEq, Eq)]
struct ScoreWave {
    /// Indices of different prompts.
    prompts: Vec<usize>,
    /// (item, index into `prompts`); no item's completion is empty.
    items: Vec<(usize, usize)>,
}

/// A token to score: the row whose logits predict it, and where its scores go.
struct ScoreTarget {
    row: usize,
    item: usize,
    /// Place in the completion.
    place: usize,
}

impl CpuEngine {
    pub(crate) fn score_with(
        &mut self,
        items: &[ScoreItem<'_>],
        sampler: TokenSampler,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<Scored>, RolloutError> {
        let scoring = ScorePass { items, sampler };
        for (index, &ScoreItem { prompt, completion }) in items.iter().enumerate() {
            self.admit(prompt, completion.len(), || item(index))?;
            check_tokens(&self.network.config, completion, || item(index))?;
        }
        let vocab = self.network.config.vocab_size;
        let mut scored = vec![Scored::of_nothing(); items.len()];
        let empty = items.iter().filter(|item| item.completion.is_empty()).count();
        let mut progress = Progress { completions_done: empty as u64, tokens_done: 0 };

        let limits = ScoreLimits { blocks: self.pool.limit(), prompts: self.network.logit_rows() };
        let groups = group_by_prompt(items.iter().map(|item| item.prompt));
        let prompts: Vec<&Inputs> = groups.iter().map(|(prompt, _)| *prompt).collect();
        self.trunks = Trunks::new(&prompts);
        for wave in waves(items, &groups, &self.trunks, limits) {
            // Those of the wave before that this one has no use for are in the way of its own.
            self.drop_trunks(|prompt| wave.prompts.contains(&prompt));
            wave.prompts.iter().for_each(|&prompt| self.trunks.hold(prompt));
            let report_on = || report(on_progress, progress);
            let ready = self.prefill(&prompts, &wave.prompts, report_on)?;
            let first =
                |&(item, prompt): &(usize, usize)| ScoreTarget { row: prompt, item, place: 0 };
            let targets: Vec<ScoreTarget> = wave.items.iter().map(first).collect();
            scoring.apply(&targets, |row| &ready[row].logits, &mut scored)?;
            progress.tokens_done += targets.len() as u64;

            let mut caches: Vec<CachedSequence> = Vec::with_capacity(wave.items.len());
            for &(item, prompt) in &wave.items {
                let writes = items[item].completion.len() > 1;
                caches.push(ready[prompt].prefix.fork(writes, &mut self.pool));
            }
            // The last token of a completion predicts nothing here, so that it is not fed.
            let tokens = wave.items.iter().map(|&(item, _)| {
                let completion = items[item].completion;
                &completion[..positions(completion.len())]
            });
            let mut work: Vec<(&mut CachedSequence, &[u32])> =
                caches.iter_mut().zip(tokens).collect();
            self.feed(&mut work, |network, state, fed| {
                let targets: Vec<ScoreTarget> = fed
                    .iter()
                    .flat_map(|fed| {
                        let (item, _) = wave.items[fed.sequence];
                        (0..fed.rows).map(move |i| ScoreTarget {
                            row: fed.start + i,
                            item,
                            place: fed.before + i + 1,
                        })
                    })
                    .collect();
                for targets in targets.chunks(network.logit_rows()) {
                    let rows: Vec<usize> = targets.iter().map(|target| target.row).collect();
                    let logits = network.logits(&rows, state)?;
                    let of = |row| {
                        let start = (row - targets[0].row) * vocab;
                        &logits[start..start + vocab]
                    };
                    scoring.apply(targets, of, &mut scored)?;
                }
                progress.tokens_done += targets.len() as u64;
                report(on_progress, progress)
            })?;
            progress.completions_done += wave.items.len() as u64;
            report(on_progress, progress)?;

            for cache in caches {
                self.pool.release(cache.into_own(), 0);
            }
            for ready in ready {
                self.pool.release(ready.prefix.into_blocks(), 0);
            }
        }
        self.drop_trunks(|_| false);
        Ok(scored)
    }

    /// Gives back the beginnings that no prompt needs; nothing is set aside where a wave fits.
    fn drop_trunks(&mut self, needs: impl Fn(usize) -> bool) {
        let (blocks, _) = self.trunks.prune(needs);
        self.pool.release(blocks, 0);
    }
}

/// What is scored and how.
struct ScorePass<'a> {
    items: &'a [ScoreItem<'a>],
    sampler: TokenSampler,
}

impl ScorePass<'_> {
    /// Appends the scores of the targets, whose places follow one another in each completion.
    fn apply<'l>(
        &self,
        targets: &[ScoreTarget],
        logits: impl Fn(usize) -> &'l [f32] + Sync,
        scored: &mut [Scored],
    ) -> Result<(), RolloutError> {
        let one = |target: &ScoreTarget| {
            let token = self.items[target.item].completion[target.place];
            with_scratch(|scratch| self.sampler.score(logits(target.row), token, scratch))
        };
        let values: Vec<Option<TokenScore>> = targets.par_iter().map(one).collect();
        for (target, value) in targets.iter().zip(values) {
            let Some(value) = value else {
                let position = self.items[target.item].prompt.len() + target.place - 1;
                return Err(RolloutError::NonFinite { subject: item(target.item), position });
            };
            let TokenScore { logprob, sampled_logprob, entropy } = value;
            scored[target.item].push(logprob, sampled_logprob, entropy);
        }
        Ok(())
    }
}

/// What one wave may hold.
#[derive(Clone, Copy)]
struct ScoreLimits {
    /// Blocks of cache.
    blocks: usize,
    /// Prompts, each of which brings a row of logits as large as the vocabulary.
    prompts: usize,
}

/// Divides the items into waves within the limits, items with equal prompts side by side; `groups`
/// are the different prompts, each with its items.
fn waves(
    items: &[ScoreItem<'_>],
    groups: &[(&Inputs, Vec<usize>)],
    trunks: &Trunks,
    limits: ScoreLimits,
) -> Vec<ScoreWave> {
    let mut all: Vec<ScoreWave> = Vec::new();
    let mut wave = ScoreWave::default();
    // Stretches that prompts of the wave share, each counted once.
    let mut stretches = BTreeSet::new();
    let (mut blocks, mut tokens) = (0, 0);
    for (index, (prompt, members)) in groups.iter().enumerate() {
        let prefix = blocks_for(prompt.len());
        let path = trunks.of([index]);
        let mut joined = false;
        for &item in members {
            let length = items[item].completion.len();
            if length == 0 {
                continue;
            }
            // Blocks at the prompt's beginning that are there for others.
            let there = |stretches: &BTreeSet<usize>| -> usize {
                let there = path.iter().filter(|node| stretches.contains(node));
                there.map(|&node| trunks.len(node)).sum()
            };
            let own = own_blocks(prompt.len(), positions(length));
            let needed = own + if joined { 0 } else { prefix - there(&stretches) };
            let full = blocks + needed > limits.blocks
                || tokens >= WAVE_TOKENS
                || (!joined && wave.prompts.len() >= limits.prompts);
            if !wave.items.is_empty() && full {
                all.push(std::mem::take(&mut wave));
                (blocks, tokens, joined) = (0, 0, false);
                stretches.clear();
            }
            if !joined {
                wave.prompts.push(index);
                blocks += prefix - there(&stretches);
                tokens += prompt.len() - there(&stretches) * PANEL;
                stretches.extend(&path);
                joined = true;
            }
            wave.items.push((item, wave.prompts.len() - 1));
            (blocks, tokens) = (blocks + own, tokens + length);
        }
    }
    all.extend((!wave.items.is_empty()).then_some(wave));
    all
}

#[cfg(test)]
#[path = "../tests/unit/score.rs"]
mod tests;
