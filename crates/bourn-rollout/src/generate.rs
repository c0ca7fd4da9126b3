//! Continuous batching: rows wait, are admitted, decode together, and leave.

use std::cell::Cell;
use std::ops::ControlFlow;

use rand::RngCore;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::cache::{Sequence, blocks_for, own_blocks};
use crate::engine::{Engine, Ready, group_by_prompt, positions};
use crate::error::{RolloutError, problem};
use crate::sampler::{Sampler, Scratch};
use crate::types::{Completion, Finish, Progress, Request, Sampling};

/// A prompt, the requests that start from it, and its cache while some of them are under way.
struct Group<'a> {
    prompt: &'a [u32],
    requests: Vec<usize>,
    ready: Option<Ready>,
    /// Completions that have been admitted and have not finished.
    active: usize,
}

/// The completions still to admit, group by group: only groups under way hold cache.
#[derive(Default)]
struct Queue {
    group: usize,
    /// Index into the group's requests.
    request: usize,
    sample: u64,
}

impl Queue {
    /// Skips what is exhausted; the (group, request) to draw from next.
    fn peek(&mut self, groups: &[Group<'_>], requests: &[Request<'_>]) -> Option<(usize, usize)> {
        loop {
            let group = groups.get(self.group)?;
            match group.requests.get(self.request) {
                None => (self.group, self.request) = (self.group + 1, 0),
                Some(&request) if self.sample < requests[request].count => {
                    return Some((self.group, request));
                }
                Some(_) => (self.request, self.sample) = (self.request + 1, 0),
            }
        }
    }
}

/// A completion under way.
struct Row<'a> {
    group: usize,
    request: usize,
    /// Place among the request's completions.
    place: usize,
    stream: &'a str,
    /// Tokens of the prompt.
    prompt: usize,
    random: ChaCha8Rng,
    sequence: Sequence,
    /// Blocks set aside for its own part of the cache.
    reserved: usize,
    completion: Completion,
    finished: bool,
}

impl Engine {
    /// Draws the completions of each request, in the order of their sample indices.
    ///
    /// The t-th token of a completion is drawn with the t-th number of a ChaCha8 stream keyed by
    /// (seed, purpose, step, stream, sample index). `on_progress` is called after every pass of the
    /// model; where it breaks, the call ends with [`RolloutError::Interrupted`].
    ///
    /// # Errors
    /// Names the problem at fault: an empty or overlong prompt, a token outside the vocabulary, a
    /// cache too small for one completion, logits that are not finite.
    pub fn generate(
        &mut self,
        requests: &[Request<'_>],
        sampling: &Sampling,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<Vec<Completion>>, RolloutError> {
        let sampler = Sampler::new(sampling)?;
        self.check_requests(requests, sampling)?;
        self.pool.reset();
        let draw = Drawing { sampler, sampling };
        let mut groups: Vec<Group<'_>> = group_by_prompt(requests.iter().map(|r| r.prompt))
            .into_iter()
            .map(|(prompt, requests)| Group { prompt, requests, ready: None, active: 0 })
            .collect();
        let mut results: Vec<Vec<Option<Completion>>> = vec![Vec::new(); requests.len()];
        let mut queue = Queue::default();
        let mut rows: Vec<Row<'_>> = Vec::new();
        let mut progress = Progress { completions_done: 0, tokens_done: 0 };

        loop {
            let first_new = rows.len();
            let fresh = self.enter(&mut queue, &mut groups, requests, draw, &mut rows);
            if rows.is_empty() {
                break;
            }
            let prompts: Vec<&[u32]> = fresh.iter().map(|&group| groups[group].prompt).collect();
            let ready = self.prefill(&prompts, || report(on_progress, progress))?;
            for (&group, ready) in fresh.iter().zip(ready) {
                groups[group].ready = Some(ready);
            }
            let (old, new) = rows.split_at_mut(first_new);
            self.decode(old, draw)?;
            draw.first_tokens(&groups, new)?;
            for row in new.iter_mut().filter(|row| !row.finished) {
                if let Some(ready) = &groups[row.group].ready {
                    row.sequence = ready.prefix.fork(row.reserved > 0, &mut self.pool);
                }
            }

            progress.tokens_done += rows.len() as u64;
            // Groups before the next one that waits will not be drawn from again.
            let open_from = queue.peek(&groups, requests).map_or(groups.len(), |(group, _)| group);
            for group in rows[first_new..].iter().map(|row| row.group).filter(|&g| g < open_from) {
                if let Some(ready) = &mut groups[group].ready {
                    ready.logits = Vec::new();
                }
            }
            for row in rows.extract_if(.., |row| row.finished) {
                progress.completions_done += 1;
                self.leave(row, &mut groups, open_from, &mut results);
            }
            report(on_progress, progress)?;
        }
        // Every place has been filled: the loop ends when nothing waits and nothing is under way.
        Ok(results.into_iter().map(|all| all.into_iter().flatten().collect()).collect())
    }

    fn check_requests(
        &mut self,
        requests: &[Request<'_>],
        sampling: &Sampling,
    ) -> Result<(), RolloutError> {
        if sampling.max_tokens == 0 {
            return Err(RolloutError::Option {
                key: "max_tokens",
                value: "0".to_owned(),
                expected: "at least 1",
            });
        }
        for &Request { prompt, stream, first, count } in requests {
            if first.checked_add(count).is_none() {
                return Err(RolloutError::SampleIndex { subject: problem(stream), first, count });
            }
            self.admit(prompt, sampling.max_tokens, || problem(stream))?;
        }
        Ok(())
    }

    /// Admits waiting completions while there is room in the batch and in the cache, and returns
    /// the groups whose prompts have to be prefilled for them.
    fn enter<'a>(
        &mut self,
        queue: &mut Queue,
        groups: &mut [Group<'_>],
        requests: &[Request<'a>],
        draw: Drawing<'_>,
        rows: &mut Vec<Row<'a>>,
    ) -> Vec<usize> {
        let mut fresh = Vec::new();
        while rows.len() < self.batch_size
            && let Some((index, request)) = queue.peek(groups, requests)
        {
            let group = &mut groups[index];
            let starts = group.ready.is_none() && group.active == 0;
            let prompt = if starts { blocks_for(group.prompt.len()) } else { 0 };
            let own = own_blocks(group.prompt.len(), positions(draw.sampling.max_tokens));
            // Each prompt to prefill brings a row of logits, which are as large as the vocabulary.
            if starts && fresh.len() >= self.network.logit_rows() {
                break;
            }
            // With nothing under way this succeeds: each completion alone fits, as was checked.
            if !self.pool.reserve(prompt + own) {
                break;
            }
            if starts {
                fresh.push(index);
            }
            group.active += 1;
            let Request { stream, first, .. } = requests[request];
            rows.push(Row {
                group: index,
                request,
                place: queue.sample as usize,
                stream,
                prompt: group.prompt.len(),
                random: draw.random(stream, first + queue.sample),
                sequence: Sequence::default(),
                reserved: own,
                completion: Completion {
                    tokens: Vec::new(),
                    logprobs: Vec::new(),
                    sampled_logprobs: Vec::new(),
                    entropies: Vec::new(),
                    finish: Finish::Length,
                },
                finished: false,
            });
            queue.sample += 1;
        }
        fresh
    }

    /// Draws the next token of every row.
    fn decode(&mut self, rows: &mut [Row<'_>], draw: Drawing<'_>) -> Result<(), RolloutError> {
        let last: Vec<Vec<u32>> = rows
            .iter()
            .map(|row| row.completion.tokens.last().copied().into_iter().collect())
            .collect();
        let mut caches: Vec<Sequence> =
            rows.iter_mut().map(|row| std::mem::take(&mut row.sequence)).collect();
        let mut work: Vec<(&mut Sequence, &[u32])> =
            caches.iter_mut().zip(last.iter().map(Vec::as_slice)).collect();
        self.feed(&mut work, |network, state, fed| {
            // One token a sequence, so that a batch is consecutive rows.
            for fed in fed.chunks(network.logit_rows()) {
                let chosen: Vec<usize> = fed.iter().map(|f| f.start).collect();
                let logits = network.logits(&chosen, state)?;
                let logits: Vec<&[f32]> = logits.chunks_exact(network.config.vocab_size).collect();
                let first = fed[0].sequence;
                draw.tokens(&mut rows[first..first + fed.len()], &logits)?;
            }
            Ok(())
        })?;
        for (row, cache) in rows.iter_mut().zip(caches) {
            row.sequence = cache;
        }
        Ok(())
    }

    /// Files a finished completion, and gives back its cache and, with the last of its group, the
    /// prompt's.
    fn leave(
        &mut self,
        row: Row<'_>,
        groups: &mut [Group<'_>],
        open_from: usize,
        results: &mut [Vec<Option<Completion>>],
    ) {
        self.pool.release(row.sequence.into_own(), row.reserved);
        let places = &mut results[row.request];
        if places.len() <= row.place {
            places.resize(row.place + 1, None);
        }
        places[row.place] = Some(row.completion);

        let group = &mut groups[row.group];
        group.active -= 1;
        if group.active == 0
            && row.group < open_from
            && let Some(ready) = group.ready.take()
        {
            self.pool.release(ready.prefix.into_blocks(), blocks_for(group.prompt.len()));
        }
    }
}

/// How tokens are drawn, with what checks and seeds it.
#[derive(Clone, Copy)]
struct Drawing<'a> {
    sampler: Sampler,
    sampling: &'a Sampling,
}

impl Drawing<'_> {
    /// The random numbers of one completion.
    fn random(&self, stream: &str, sample: u64) -> ChaCha8Rng {
        let Sampling { seed, purpose, step, .. } = self.sampling;
        bourn_task::seed::rng(*seed, purpose, &[*step, hash(stream), sample])
    }

    /// Draws the first token of rows whose prompts are ready.
    fn first_tokens(&self, groups: &[Group<'_>], rows: &mut [Row<'_>]) -> Result<(), RolloutError> {
        let logits = |row: &Row<'_>| groups[row.group].ready.as_ref().map(|r| r.logits.as_slice());
        // Every row's group has been prefilled, so that none is left out.
        let logits: Vec<&[f32]> = rows.iter().filter_map(logits).collect();
        self.tokens(rows, &logits)
    }

    /// Draws one token for each row from its logits, and ends the rows that this ends.
    fn tokens(&self, rows: &mut [Row<'_>], logits: &[&[f32]]) -> Result<(), RolloutError> {
        // Collected in order, so that of several errors always the same is reported.
        let all: Vec<Result<(), RolloutError>> =
            rows.par_iter_mut().zip(logits).map(|(row, logits)| self.token(row, logits)).collect();
        all.into_iter().collect()
    }

    fn token(&self, row: &mut Row<'_>, logits: &[f32]) -> Result<(), RolloutError> {
        let random = &mut row.random;
        // The upper 53 bits: every multiple of 2⁻⁵³ in [0, 1).
        let uniform = || (random.next_u64() >> 11) as f64 * (0.5_f64).powi(53);
        let drawn = with_scratch(|scratch| self.sampler.draw(logits, uniform, scratch));
        let completion = &mut row.completion;
        let Some(drawn) = drawn else {
            return Err(RolloutError::NonFinite {
                subject: problem(row.stream),
                position: row.prompt + completion.tokens.len() - 1,
            });
        };
        completion.tokens.push(drawn.token);
        completion.logprobs.push(drawn.logprob);
        completion.sampled_logprobs.push(drawn.sampled_logprob);
        completion.entropies.push(drawn.entropy);
        if self.sampling.stop_tokens.contains(&drawn.token) {
            (row.finished, completion.finish) = (true, Finish::Stop);
        } else if completion.tokens.len() >= self.sampling.max_tokens {
            (row.finished, completion.finish) = (true, Finish::Length);
        }
        Ok(())
    }
}

/// Lends this thread's working memory to `work`; a thread that has none starts afresh.
pub(crate) fn with_scratch<T>(work: impl FnOnce(&mut Scratch) -> T) -> T {
    thread_local!(static SCRATCH: Cell<Scratch> = Cell::new(Scratch::default()));
    let mut scratch = SCRATCH.take();
    let result = work(&mut scratch);
    SCRATCH.set(scratch);
    result
}

/// Tells the caller how far the call has come, and ends it where the caller says so.
pub(crate) fn report(
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    progress: Progress,
) -> Result<(), RolloutError> {
    match on_progress(progress) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(RolloutError::Interrupted),
    }
}

/// A stream's name as a counter of the seed.
fn hash(stream: &str) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&blake3::hash(stream.as_bytes()).as_bytes()[..8]);
    u64::from_le_bytes(first)
}
