//! The CPU's engine: a model's packed weights, its cache, and what calls have in common.

use std::collections::BTreeMap;

use bourn_episode::Inputs;
use bourn_model::{ModelConfig, Weights};

use crate::batch::Batch;
use crate::cache::{CachedSequence, Pool, Prefix, blocks_for, own_blocks};
use crate::error::RolloutError;
use crate::network::{Network, NetworkState};
use crate::trunks::Trunks;
use crate::types::EngineOptions;

/// Draws and scores completions on the CPU.
pub(crate) struct CpuEngine {
    pub(crate) network: Network,
    pub(crate) pool: Pool,
    pub(crate) state: NetworkState,
    pub(crate) batch_size: usize,
    /// What the prompts of the call have in common.
    pub(crate) trunks: Trunks,
    rows_run: u64,
}

impl CpuEngine {
    /// Packs the weights.
    ///
    /// # Errors
    /// Names the tensor that is missing or misshapen, or the option that is out of range.
    pub(crate) fn new(
        config: &ModelConfig,
        weights: &Weights,
        options: &EngineOptions,
    ) -> Result<CpuEngine, RolloutError> {
        check_options(options)?;
        Ok(CpuEngine::of(Network::new(config, weights, options.storage)?, options))
    }

    /// [`CpuEngine::new`], giving each tensor's own memory up.
    pub(crate) fn consuming(
        config: &ModelConfig,
        weights: Weights,
        options: &EngineOptions,
    ) -> Result<CpuEngine, RolloutError> {
        check_options(options)?;
        Ok(CpuEngine::of(Network::consuming(config, weights, options.storage)?, options))
    }

    fn of(network: Network, options: &EngineOptions) -> CpuEngine {
        let limit = options.cache_bytes / network.cache.block_bytes().max(1);
        CpuEngine {
            pool: Pool::new(network.cache.block_len(), limit),
            network,
            state: NetworkState::default(),
            batch_size: options.batch_size,
            trunks: Trunks::default(),
            rows_run: 0,
        }
    }

    /// Replaces the weights, after an optimiser update; their memory is reused.
    ///
    /// # Errors
    /// Names the tensor that is missing or misshapen; the engine then has its old weights.
    pub(crate) fn update(&mut self, weights: &Weights) -> Result<(), RolloutError> {
        self.network.load(weights)
    }

    /// [`CpuEngine::update`], giving each tensor's own memory up.
    pub(crate) fn refill(&mut self, weights: Weights) -> Result<(), RolloutError> {
        self.network.refill(weights)
    }

    /// Gives up the memory of weights and cache.
    pub(crate) fn release(&mut self) {
        self.network.release();
        self.trunks = Trunks::default();
        self.pool.clear();
        self.state = NetworkState::default();
    }

    /// Rows of tokens that the model has been run on.
    pub(crate) fn rows_run(&self) -> u64 {
        self.rows_run
    }

    /// Bytes of cache that are kept for the next call.
    pub(crate) fn cached_bytes(&self) -> usize {
        self.pool.free_blocks() * self.network.cache.block_bytes()
    }

    /// Checks a prompt and its longest completion against the model and the cache, and makes the
    /// rotary angles ready. `subject` names them in errors.
    pub(crate) fn admit(
        &mut self,
        prompt: &Inputs,
        completion: usize,
        subject: impl Fn() -> String,
    ) -> Result<(), RolloutError> {
        if self.network.is_released() {
            return Err(RolloutError::Released);
        }
        check_prompt(&self.network.config, prompt, completion, &subject)?;
        let length = prompt.len() + completion;
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

    /// Runs several sequences on from where they are, in batches of bounded size. After each batch,
    /// `consume` is told, for every stretch of rows: which sequence, how many of its tokens came
    /// before, and the rows.
    pub(crate) fn feed(
        &mut self,
        work: &mut [(&mut CachedSequence, &[u32])],
        mut consume: impl FnMut(&Network, &mut NetworkState, &[Fed]) -> Result<(), RolloutError>,
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
            let mut sequences: Vec<&mut CachedSequence> =
                work[first..last].iter_mut().map(|(sequence, _)| &mut **sequence).collect();
            self.network.forward(&batch, &mut sequences, &mut self.state)?;
            self.rows_run += batch.tokens.len() as u64;
            consume(&self.network, &mut self.state, &fed)?;
        }
        Ok(())
    }

    /// Prefills those prompts of the call that are `fresh`, and first what is still to be computed of
    /// what they share; of each the cache and the logits after its last token, `[vocab]`. `prompts` are
    /// all that the trunks were made of.
    pub(crate) fn prefill(
        &mut self,
        prompts: &[&Inputs],
        fresh: &[usize],
        mut after_batch: impl FnMut() -> Result<(), RolloutError>,
    ) -> Result<Vec<Ready>, RolloutError> {
        loop {
            let due = self.trunks.due(fresh);
            if due.is_empty() {
                break;
            }
            let (mut sequences, tokens): (Vec<CachedSequence>, Vec<&[u32]>) =
                due.iter().map(|&node| self.trunks.begin(node, prompts)).unzip();
            let mut work: Vec<_> = sequences.iter_mut().zip(tokens).collect();
            self.feed(&mut work, |_, _, _| after_batch())?;
            for (node, sequence) in due.into_iter().zip(sequences) {
                self.trunks.finish(node, sequence);
            }
        }
        let (mut sequences, prompts): (Vec<CachedSequence>, Vec<&[u32]>) =
            fresh.iter().map(|&prompt| self.trunks.rest(prompt, prompts)).unzip();
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

/// Checks a prompt and its longest completion against the model. `subject` names them in errors.
pub(crate) fn check_prompt(
    config: &ModelConfig,
    prompt: &Inputs,
    completion: usize,
    subject: impl Fn() -> String,
) -> Result<(), RolloutError> {
    if prompt.is_empty() {
        return Err(RolloutError::EmptyPrompt { subject: subject() });
    }
    if !prompt.inserts().is_empty() {
        let inserts = prompt.inserts().len();
        return Err(RolloutError::Inserts { subject: subject(), inserts });
    }
    check_tokens(config, prompt.ids(), &subject)?;
    if prompt.len().saturating_add(completion) > config.max_position {
        return Err(RolloutError::TooLong {
            subject: subject(),
            prompt: prompt.len(),
            completion,
            max_position: config.max_position,
        });
    }
    Ok(())
}

/// Fails on a token that the model has no embedding for.
pub(crate) fn check_tokens(
    config: &ModelConfig,
    tokens: &[u32],
    subject: impl Fn() -> String,
) -> Result<(), RolloutError> {
    let vocab_size = config.vocab_size;
    match tokens.iter().find(|&&token| token as usize >= vocab_size) {
        None => Ok(()),
        Some(&token) => Err(RolloutError::Token { subject: subject(), token, vocab_size }),
    }
}

/// Checks what every path asks of its options.
pub(crate) fn check_options(options: &EngineOptions) -> Result<(), RolloutError> {
    if options.batch_size > 0 {
        return Ok(());
    }
    Err(RolloutError::Option { key: "batch_size", value: "0".to_owned(), expected: "at least 1" })
}

/// Positions that a completion of this length writes: its last token is never fed back.
pub(crate) fn positions(completion: usize) -> usize {
    completion.saturating_sub(1)
}

/// Groups indices by equal prompts, in order of first appearance: equal in tokens and in inserts.
pub(crate) fn group_by_prompt<'a>(
    prompts: impl Iterator<Item = &'a Inputs>,
) -> Vec<(&'a Inputs, Vec<usize>)> {
    let mut places = BTreeMap::new();
    let mut groups: Vec<(&Inputs, Vec<usize>)> = Vec::new();
    for (index, prompt) in prompts.enumerate() {
        let place = *places.entry(prompt).or_insert(groups.len());
        if place == groups.len() {
            groups.push((prompt, Vec::new()));
        }
        groups[place].1.push(index);
    }
    groups
}
