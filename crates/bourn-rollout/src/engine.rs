//! The engine: a model's packed weights, its cache, and what calls have in common.

use std::collections::BTreeMap;

use bourn_model::{ModelConfig, Weights};

use crate::batch::Batch;
use crate::cache::{Pool, Prefix, Sequence, blocks_for, own_blocks};
use crate::error::RolloutError;
use crate::network::{Network, State};
use crate::trunks::Trunks;
use crate::types::EngineOptions;

/// Draws and scores completions on the CPU.
pub struct Engine {
    pub(crate) network: Network,
    pub(crate) pool: Pool,
    pub(crate) state: State,
    pub(crate) batch_size: usize,
    rows_run: u64,
}

impl Engine {
    /// Packs the weights.
    ///
    /// # Errors
    /// Names the tensor that is missing or misshapen, or the option that is out of range.
    pub fn new(
        config: &ModelConfig,
        weights: &Weights,
        options: &EngineOptions,
    ) -> Result<Engine, RolloutError> {
        if options.batch_size == 0 {
            return Err(RolloutError::Option {
                key: "batch_size",
                value: "0".to_owned(),
                expected: "at least 1",
            });
        }
        let network = Network::new(config, weights, options.storage)?;
        let limit = options.cache_bytes / network.cache.block_bytes().max(1);
        Ok(Engine {
            pool: Pool::new(network.cache.block_len(), limit),
            network,
            state: State::default(),
            batch_size: options.batch_size,
            rows_run: 0,
        })
    }

    /// Replaces the weights, after an optimiser update; their memory is reused.
    ///
    /// # Errors
    /// Names the tensor that is missing or misshapen; the engine then has its old weights.
    pub fn update(&mut self, weights: &Weights) -> Result<(), RolloutError> {
        self.network.load(weights)
    }

    /// Rows of tokens that the model has been run on since the engine was made: of prompts and
    /// beginnings that were prefilled, of tokens that were drawn or scored and fed back.
    pub fn rows_run(&self) -> u64 {
        self.rows_run
    }

    /// Bytes of cache that are kept for the next call: after one that ended well, the most that it
    /// used at once.
    pub fn cached_bytes(&self) -> usize {
        self.pool.free_blocks() * self.network.cache.block_bytes()
    }

    /// Checks a prompt and its longest completion against the model and the cache, and makes the
    /// rotary angles ready. `subject` names them in errors.
    pub(crate) fn admit(
        &mut self,
        prompt: &[u32],
        completion: usize,
        subject: impl Fn() -> String,
    ) -> Result<(), RolloutError> {
        let config = &self.network.config;
        if prompt.is_empty() {
            return Err(RolloutError::EmptyPrompt { subject: subject() });
        }
        self.check_tokens(prompt, &subject)?;
        let length = prompt.len().saturating_add(completion);
        if length > config.max_position {
            return Err(RolloutError::TooLong {
                subject: subject(),
                prompt: prompt.len(),
                completion,
                max_position: config.max_position,
            });
        }
        let blocks = blocks_for(prompt.len()) + own_blocks(prompt.len(), positions(completion));
        if blocks > self.pool.limit() {
            let block = self.network.cache.block_bytes();
            return Err(RolloutError::CacheBudget {
                subject: subject(),
                prompt: prompt.len(),
                completion,
                needed: blocks * block,
                budget: self.pool.limit() * block,
            });
        }
        self.network.prepare(length);
        Ok(())
    }

    /// Fails on a token that the model has no embedding for.
    pub(crate) fn check_tokens(
        &self,
        tokens: &[u32],
        subject: impl Fn() -> String,
    ) -> Result<(), RolloutError> {
        let vocab_size = self.network.config.vocab_size;
        match tokens.iter().find(|&&token| token as usize >= vocab_size) {
            None => Ok(()),
            Some(&token) => Err(RolloutError::Token { subject: subject(), token, vocab_size }),
        }
    }

    /// Runs several sequences on from where they are, in batches of bounded size. After each batch,
    /// `consume` is told, for every stretch of rows: which sequence, how many of its tokens came
    /// before, and the rows.
    pub(crate) fn feed(
        &mut self,
        work: &mut [(&mut Sequence, &[u32])],
        mut consume: impl FnMut(&Network, &mut State, &[Fed]) -> Result<(), RolloutError>,
    ) -> Result<(), RolloutError> {
        let (mut next, mut done) = (0, 0);
        while next < work.len() {
            let (first, mut batch, mut fed) = (next, Batch::default(), Vec::new());
            while next < work.len() && batch.room() > 0 {
                let (sequence, tokens) = &mut work[next];
                let end = tokens.len().min(done + batch.room());
                let start = batch.tokens.len();
                batch.push(sequence.len, &tokens[done..end]);
                sequence.grow(sequence.len + end - done, &mut self.pool);
                fed.push(Fed { sequence: next, before: done, start, rows: end - done });
                (next, done) = if end == tokens.len() { (next + 1, 0) } else { (next, end) };
                if done > 0 {
                    break;
                }
            }
            let last = first + fed.len();
            let mut sequences: Vec<&mut Sequence> =
                work[first..last].iter_mut().map(|(sequence, _)| &mut **sequence).collect();
            self.network.forward(&batch, &mut sequences, &mut self.state)?;
            self.rows_run += batch.tokens.len() as u64;
            consume(&self.network, &mut self.state, &fed)?;
        }
        Ok(())
    }

    /// Prefills some of the prompts of `trunks`, and first what is still to be computed of what they
    /// share; of each prompt the cache and the logits after its last token, `[vocab]`.
    pub(crate) fn prefill(
        &mut self,
        trunks: &mut Trunks<'_>,
        prompts: &[usize],
        mut after_batch: impl FnMut() -> Result<(), RolloutError>,
    ) -> Result<Vec<Ready>, RolloutError> {
        loop {
            let due = trunks.due(prompts);
            if due.is_empty() {
                break;
            }
            let (mut sequences, tokens): (Vec<Sequence>, Vec<&[u32]>) =
                due.iter().map(|&node| trunks.begin(node)).unzip();
            let mut work: Vec<_> = sequences.iter_mut().zip(tokens).collect();
            self.feed(&mut work, |_, _, _| after_batch())?;
            for (node, sequence) in due.into_iter().zip(sequences) {
                trunks.finish(node, sequence);
            }
        }
        let (mut sequences, prompts): (Vec<Sequence>, Vec<&[u32]>) =
            prompts.iter().map(|&prompt| trunks.rest(prompt)).unzip();
        let mut logits = vec![Vec::new(); prompts.len()];
        let mut work: Vec<_> = sequences.iter_mut().zip(prompts.iter().copied()).collect();
        self.feed(&mut work, |network, state, fed| {
            let ended: Vec<&Fed> =
                fed.iter().filter(|f| f.before + f.rows == prompts[f.sequence].len()).collect();
            for ended in ended.chunks(network.logit_rows()) {
                let rows: Vec<usize> = ended.iter().map(|f| f.start + f.rows - 1).collect();
                let all = network.logits(&rows, state)?;
                for (f, row) in ended.iter().zip(all.chunks_exact(network.config.vocab_size)) {
                    logits[f.sequence] = row.to_vec();
                }
            }
            after_batch()
        })?;
        let ready = sequences.into_iter().zip(logits);
        Ok(ready.map(|(s, logits)| Ready { prefix: Prefix::new(s), logits }).collect())
    }
}

/// A stretch of rows of a batch.
pub(crate) struct Fed {
    /// Which of the sequences that were fed.
    pub(crate) sequence: usize,
    /// Tokens of its work that came before.
    pub(crate) before: usize,
    /// First row of the batch.
    pub(crate) start: usize,
    /// Number of rows.
    pub(crate) rows: usize,
}

/// A prefilled prompt.
pub(crate) struct Ready {
    pub(crate) prefix: Prefix,
    /// After the prompt's last token, `[vocab]`.
    pub(crate) logits: Vec<f32>,
}

/// Positions that a completion of this length writes: its last token is never fed back.
pub(crate) fn positions(completion: usize) -> usize {
    completion.saturating_sub(1)
}

/// Groups indices by equal prompts, in order of first appearance.
pub(crate) fn group_by_prompt<'a>(
    prompts: impl Iterator<Item = &'a [u32]>,
) -> Vec<(&'a [u32], Vec<usize>)> {
    let mut places = BTreeMap::new();
    let mut groups: Vec<(&[u32], Vec<usize>)> = Vec::new();
    for (index, prompt) in prompts.enumerate() {
        let place = *places.entry(prompt).or_insert(groups.len());
        if place == groups.len() {
            groups.push((prompt, Vec::new()));
        }
        groups[place].1.push(index);
    }
    groups
}
