//! Teacher forcing: log-probs and entropies of given completions.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use bourn_kernel::PANEL;
use rayon::prelude::*;

use crate::cache::{Sequence, blocks_for, own_blocks};
use crate::engine::{Engine, group_by_prompt, positions};
use crate::error::{RolloutError, item};
use crate::generate::{report, with_scratch};
use crate::sampler::{Sampler, TokenScore};
use crate::trunks::Trunks;
use crate::types::{Progress, Sampling, ScoreItem, Scored};

/// Tokens after which a wave is large enough: a few full batches.
const WAVE_TOKENS: usize = 2048;

/// Items that are scored together, with the prompts that they start from.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wave {
    /// Prompts of the call's trunks.
    prompts: Vec<usize>,
    /// (item, index into `prompts`); no item's completion is empty.
    items: Vec<(usize, usize)>,
}

/// A token to score: the row whose logits predict it, and where its scores go.
struct Target {
    row: usize,
    item: usize,
    /// Place in the completion.
    place: usize,
}

impl Engine {
    /// log π(token | prompt, tokens before) of each token of each completion, and the entropies
    /// before them, under the full softmax at `temperature` (1e-4 to 1e4).
    ///
    /// Prompts that several items share, and what prompts begin with alike, are computed once. The numbers are those that
    /// [`Engine::generate`] gives for the same tokens, bit for bit. `on_progress` is called after
    /// every pass of the model; where it breaks, the call ends with
    /// [`RolloutError::Interrupted`].
    ///
    /// # Errors
    /// Names the item at fault by its index: an empty or overlong prompt, a token outside the
    /// vocabulary, a cache too small for it alone, logits that are not finite.
    pub fn score(
        &mut self,
        items: &[ScoreItem<'_>],
        temperature: f64,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<Scored>, RolloutError> {
        self.score_with(items, Sampler::whole(temperature)?, on_progress)
    }

    /// As [`Engine::score`], with the truncation of `sampling` too: the sampled log-probs are those
    /// that [`Engine::generate`] gives for the same tokens, bit for bit, and `None` where it could
    /// not have drawn the token. Only what makes a distribution of logits is used of `sampling`.
    ///
    /// # Errors
    /// As [`Engine::score`].
    pub fn score_sampled(
        &mut self,
        items: &[ScoreItem<'_>],
        sampling: &Sampling,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<Scored>, RolloutError> {
        self.score_with(items, Sampler::new(sampling)?, on_progress)
    }

    fn score_with(
        &mut self,
        items: &[ScoreItem<'_>],
        sampler: Sampler,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<Scored>, RolloutError> {
        let scoring = Scoring { items, sampler };
        for (index, &ScoreItem { prompt, completion }) in items.iter().enumerate() {
            self.admit(prompt, completion.len(), || item(index))?;
            self.check_tokens(completion, || item(index))?;
        }
        let vocab = self.network.config.vocab_size;
        let mut scored = vec![Scored::default(); items.len()];
        let empty = items.iter().filter(|item| item.completion.is_empty()).count();
        let mut progress = Progress { completions_done: empty as u64, tokens_done: 0 };

        let limits = Limits { blocks: self.pool.limit(), prompts: self.network.logit_rows() };
        let (prompts, members): (Vec<&[u32]>, Vec<Vec<usize>>) =
            group_by_prompt(items.iter().map(|item| item.prompt)).into_iter().unzip();
        let mut trunks = Trunks::new(prompts);
        for wave in waves(items, &members, &trunks, limits) {
            // Those of the wave before that this one has no use for are in the way of its own.
            self.drop_trunks(&mut trunks, |prompt| wave.prompts.contains(&prompt));
            wave.prompts.iter().for_each(|&prompt| trunks.hold(prompt));
            let report_on = || report(on_progress, progress);
            let ready = self.prefill(&mut trunks, &wave.prompts, report_on)?;
            let first = |&(item, prompt): &(usize, usize)| Target { row: prompt, item, place: 0 };
            let targets: Vec<Target> = wave.items.iter().map(first).collect();
            scoring.apply(&targets, |row| &ready[row].logits, &mut scored)?;
            progress.tokens_done += targets.len() as u64;

            let mut caches: Vec<Sequence> = Vec::with_capacity(wave.items.len());
            for &(item, prompt) in &wave.items {
                let writes = items[item].completion.len() > 1;
                caches.push(ready[prompt].prefix.fork(writes, &mut self.pool));
            }
            // The last token of a completion predicts nothing here, so that it is not fed.
            let tokens = wave.items.iter().map(|&(item, _)| {
                let completion = items[item].completion;
                &completion[..positions(completion.len())]
            });
            let mut work: Vec<(&mut Sequence, &[u32])> = caches.iter_mut().zip(tokens).collect();
            self.feed(&mut work, |network, state, fed| {
                let targets: Vec<Target> = fed
                    .iter()
                    .flat_map(|fed| {
                        let (item, _) = wave.items[fed.sequence];
                        (0..fed.rows).map(move |i| Target {
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
        self.drop_trunks(&mut trunks, |_| false);
        Ok(scored)
    }

    fn drop_trunks(&mut self, trunks: &mut Trunks<'_>, needs: impl Fn(usize) -> bool) {
        let (blocks, _) = trunks.give_up(&trunks.all(), needs);
        self.pool.release(blocks, 0);
    }
}

/// What is scored and how.
struct Scoring<'a> {
    items: &'a [ScoreItem<'a>],
    sampler: Sampler,
}

impl Scoring<'_> {
    /// Appends the scores of the targets, whose places follow one another in each completion.
    fn apply<'l>(
        &self,
        targets: &[Target],
        logits: impl Fn(usize) -> &'l [f32] + Sync,
        scored: &mut [Scored],
    ) -> Result<(), RolloutError> {
        let one = |target: &Target| {
            let token = self.items[target.item].completion[target.place];
            with_scratch(|scratch| self.sampler.score(logits(target.row), token, scratch))
        };
        let values: Vec<Option<TokenScore>> = targets.par_iter().map(one).collect();
        for (target, value) in targets.iter().zip(values) {
            let Some(value) = value else {
                let position = self.items[target.item].prompt.len() + target.place - 1;
                return Err(RolloutError::NonFinite { subject: item(target.item), position });
            };
            scored[target.item].logprobs.push(value.logprob);
            scored[target.item].sampled_logprobs.push(value.sampled_logprob);
            scored[target.item].entropies.push(value.entropy);
        }
        Ok(())
    }
}

/// What one wave may hold.
#[derive(Clone, Copy)]
struct Limits {
    /// Blocks of cache.
    blocks: usize,
    /// Prompts, each of which brings a row of logits as large as the vocabulary.
    prompts: usize,
}

/// Divides the items into waves within the limits, items with equal prompts side by side; `members`
/// are the items of each prompt of `trunks`.
fn waves(
    items: &[ScoreItem<'_>],
    members: &[Vec<usize>],
    trunks: &Trunks<'_>,
    limits: Limits,
) -> Vec<Wave> {
    let mut all: Vec<Wave> = Vec::new();
    let mut wave = Wave::default();
    // Stretches that prompts of the wave share, each counted once.
    let mut stretches = BTreeSet::new();
    let (mut blocks, mut tokens) = (0, 0);
    for (prompt, members) in members.iter().enumerate() {
        let prompt_length = trunks.prompt(prompt).len();
        let mut joined = false;
        for &index in members {
            let length = items[index].completion.len();
            if length == 0 {
                continue;
            }
            let path = trunks.of([prompt]);
            // Blocks at the prompt's beginning that are there for others.
            let there = |stretches: &BTreeSet<usize>| -> usize {
                let there = path.iter().filter(|node| stretches.contains(node));
                there.map(|&node| trunks.len(node)).sum()
            };
            let prefix = blocks_for(prompt_length);
            let own = own_blocks(prompt_length, positions(length));
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
                wave.prompts.push(prompt);
                blocks += prefix - there(&stretches);
                tokens += prompt_length - there(&stretches) * PANEL;
                stretches.extend(path);
                joined = true;
            }
            wave.items.push((index, wave.prompts.len() - 1));
            (blocks, tokens) = (blocks + own, tokens + length);
        }
    }
    all.extend((!wave.items.is_empty()).then_some(wave));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(items: &[(&[u32], usize)], blocks: usize, expect: &[&[(usize, usize)]]) {
        let completion = [0_u32; 4096];
        let items: Vec<ScoreItem<'_>> = items
            .iter()
            .map(|&(prompt, length)| ScoreItem { prompt, completion: &completion[..length] })
            .collect();
        let (prompts, members): (Vec<&[u32]>, Vec<Vec<usize>>) =
            group_by_prompt(items.iter().map(|item| item.prompt)).into_iter().unzip();
        let trunks = Trunks::new(prompts);
        let waves = waves(&items, &members, &trunks, Limits { blocks, prompts: 2 });
        let found: Vec<&[(usize, usize)]> = waves.iter().map(|wave| &*wave.items).collect();
        assert_eq!(found, expect);
        for wave in &waves {
            for &(item, prompt) in &wave.items {
                assert_eq!(trunks.prompt(wave.prompts[prompt]), items[item].prompt);
            }
        }
    }

    #[test]
    fn waves_fit_the_cache_and_keep_equal_prompts_together() {
        let (a, b): (&[u32], &[u32]) = (&[1, 2], &[3]);
        check(&[], 8, &[]);
        check(&[(a, 0)], 8, &[]);
        check(&[(a, 1), (b, 1), (a, 1)], 8, &[&[(0, 0), (2, 0), (1, 1)]]);
        // Two prompts of one block each, and one block more for each completion of two tokens.
        check(&[(a, 2), (b, 2), (a, 2)], 3, &[&[(0, 0), (2, 0)], &[(1, 0)]]);
        check(&[(a, 2), (b, 2), (a, 2)], 2, &[&[(0, 0)], &[(2, 0)], &[(1, 0)]]);
        // Two prompts' logits at most.
        let c: &[u32] = &[4];
        check(&[(a, 1), (b, 1), (c, 1)], 8, &[&[(0, 0), (1, 1)], &[(2, 0)]]);
        // What two prompts share counts once: two blocks of each are one and its own.
        let (d, e) = ([[5; 32], [6; 32]].concat(), [[5; 32], [7; 32]].concat());
        check(&[(&d, 1), (&e, 1)], 3, &[&[(0, 0), (1, 1)]]);
        check(&[(&d, 1), (&e, 1)], 2, &[&[(0, 0)], &[(1, 0)]]);
        // A wave ends once it has its tokens.
        check(&[(a, 3000), (a, 3000), (b, 1)], 1000, &[&[(0, 0)], &[(1, 0)], &[(2, 0)]]);
    }
}
