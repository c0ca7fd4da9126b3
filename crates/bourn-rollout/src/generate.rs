//! Continuous batching: completions are pulled from a source of work, decode together, and leave.

use std::cell::Cell;
use std::ops::ControlFlow;

use rand::RngCore;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::cache::{Sequence, blocks_for, own_blocks};
use crate::engine::{Engine, Ready, group_by_prompt, positions};
use crate::error::{RolloutError, problem};
use crate::listed::Listed;
use crate::sampler::{Sampler, Scratch};
use crate::trunks::Trunks;
use crate::types::{Completion, Finish, Progress, Prompt, Request, Sampling, StopText, Work};

/// Equal prompts, and their cache while completions are under way or may still come.
struct Group<'a> {
    prompt: &'a [u32],
    /// Blocks of the cache that it shares with no other prompt.
    blocks: usize,
    /// Indices of the prompts that are equal.
    members: Vec<usize>,
    ready: Option<Ready>,
    /// Completions that have been admitted and have not left.
    active: usize,
}

impl Group<'_> {
    /// Whether blocks are set aside for it.
    fn holds(&self) -> bool {
        self.ready.is_some() || self.active > 0
    }

    fn is_open(&self, work: &dyn Work) -> bool {
        self.members.iter().any(|&member| work.is_open(member))
    }
}

/// A completion under way.
struct Row<'a> {
    group: usize,
    /// Index of the prompt, and the sample index.
    place: (usize, u64),
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

/// What a call of [`Engine::stream`] has under way.
struct Stream<'a, 'w> {
    prompts: &'a [Prompt<'a>],
    work: &'w mut dyn Work,
    draw: Drawing<'a>,
    groups: Vec<Group<'a>>,
    /// What the groups' prompts have in common.
    trunks: Trunks<'a>,
    /// The group of each prompt.
    group_of: Vec<usize>,
    /// What was asked for and did not fit yet.
    waiting: Option<(usize, u64)>,
    rows: Vec<Row<'a>>,
}

impl Stream<'_, '_> {
    /// The completion to admit next: the one that waits for room, if it is still of use.
    fn pull(&mut self) -> Option<(usize, u64)> {
        let waiting = self.waiting.take();
        let wanted = waiting.filter(|&(prompt, sample)| self.work.is_wanted(prompt, sample));
        wanted.or_else(|| self.work.next())
    }
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
        for &Request { stream, first, count, .. } in requests {
            if first.checked_add(count).is_none() {
                return Err(RolloutError::SampleIndex { subject: problem(stream), first, count });
            }
        }
        let prompts: Vec<Prompt<'_>> =
            requests.iter().map(|r| Prompt { prompt: r.prompt, stream: r.stream }).collect();
        let mut work = Listed::new(requests);
        self.stream(&prompts, sampling, &mut work, on_progress)?;
        Ok(work.into_results())
    }

    /// Draws the completions that `work` asks for, for as long as it asks, and hands each back as it
    /// ends. Each is the same as [`Engine::generate`] gives for the same prompt, stream and sample
    /// index, whatever is under way with it.
    ///
    /// What prompts begin with alike is computed once for all of them. A prompt's cache is kept while
    /// completions of it are under way or may still come, and given up (to be computed again) where
    /// it takes the room of a completion that waits.
    ///
    /// # Errors
    /// As [`Engine::generate`].
    pub fn stream(
        &mut self,
        prompts: &[Prompt<'_>],
        sampling: &Sampling,
        work: &mut dyn Work,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), RolloutError> {
        let draw = Drawing { sampler: Sampler::new(sampling)?, sampling };
        self.check_prompts(prompts, sampling)?;
        self.pool.reset();
        let mut group_of = vec![0; prompts.len()];
        let mut groups: Vec<Group<'_>> = Vec::new();
        for (prompt, members) in group_by_prompt(prompts.iter().map(|p| p.prompt)) {
            members.iter().for_each(|&member| group_of[member] = groups.len());
            groups.push(Group { prompt, blocks: 0, members, ready: None, active: 0 });
        }
        let trunks = Trunks::new(groups.iter().map(|group| group.prompt).collect());
        for (index, group) in groups.iter_mut().enumerate() {
            group.blocks = blocks_for(group.prompt.len()) - trunks.shared(index);
        }
        let (waiting, rows) = (None, Vec::new());
        let mut stream = Stream { prompts, work, draw, groups, trunks, group_of, waiting, rows };
        let mut progress = Progress { completions_done: 0, tokens_done: 0 };

        loop {
            let first_new = stream.rows.len();
            let fresh = self.enter(&mut stream);
            if stream.rows.is_empty() {
                return Ok(());
            }
            let report_on = || report(on_progress, progress);
            let ready = self.prefill(&mut stream.trunks, &fresh, report_on)?;
            let Stream { groups, rows, .. } = &mut stream;
            for (&group, ready) in fresh.iter().zip(ready) {
                groups[group].ready = Some(ready);
            }
            let (old, new) = rows.split_at_mut(first_new);
            self.decode(old, draw)?;
            draw.first_tokens(groups, new)?;
            for row in new.iter_mut().filter(|row| !row.finished) {
                if let Some(ready) = &groups[row.group].ready {
                    row.sequence = ready.prefix.fork(row.reserved > 0, &mut self.pool);
                }
            }
            progress.tokens_done += stream.rows.len() as u64;
            progress.completions_done += self.leave(&mut stream, first_new)?;
            report(on_progress, progress)?;
        }
    }

    fn check_prompts(
        &mut self,
        prompts: &[Prompt<'_>],
        sampling: &Sampling,
    ) -> Result<(), RolloutError> {
        if sampling.max_tokens == 0 {
            return Err(RolloutError::Option {
                key: "max_tokens",
                value: "0".to_owned(),
                expected: "at least 1",
            });
        }
        for &Prompt { prompt, stream } in prompts {
            self.admit(prompt, sampling.max_tokens, || problem(stream))?;
        }
        Ok(())
    }

    /// Admits completions while there is work for them and room in the batch and in the cache, and
    /// returns the groups whose prompts have to be prefilled for them.
    fn enter(&mut self, stream: &mut Stream<'_, '_>) -> Vec<usize> {
        let mut fresh: Vec<usize> = Vec::new();
        while stream.rows.len() < self.batch_size
            && let Some((prompt, sample)) = stream.pull()
        {
            let index = stream.group_of[prompt];
            let group = &stream.groups[index];
            let length = group.prompt.len();
            // Logits go once a group is closed; one that is asked for all the same starts again.
            let is_ready = group.ready.as_ref().is_some_and(|ready| !ready.logits.is_empty());
            let starts = !is_ready && !fresh.contains(&index);
            // Each prompt to prefill brings a row of logits, which are as large as the vocabulary.
            if starts && fresh.len() >= self.network.logit_rows() {
                stream.waiting = Some((prompt, sample));
                break;
            }
            let missing = group.blocks + stream.trunks.missing(index);
            let needed = if group.holds() { 0 } else { missing };
            let own = own_blocks(length, positions(stream.draw.sampling.max_tokens));
            // With nothing under way this succeeds: each completion alone fits, as was checked.
            if !self.pool.reserve(needed + own) && !self.make_room(stream, index, needed + own) {
                stream.waiting = Some((prompt, sample));
                break;
            }
            if starts {
                fresh.push(index);
            }
            stream.groups[index].active += 1;
            stream.trunks.hold(index);
            let name = stream.prompts[prompt].stream;
            stream.rows.push(Row {
                group: index,
                place: (prompt, sample),
                stream: name,
                prompt: length,
                random: stream.draw.random(name, sample),
                sequence: Sequence::default(),
                reserved: own,
                completion: Completion::default(),
                finished: false,
            });
        }
        fresh
    }

    /// Gives up the caches of prompts that nothing is under way from, all but that of group `keep`,
    /// with beginnings that no other needs, and reserves `blocks` if they fit then.
    fn make_room(&mut self, stream: &mut Stream<'_, '_>, keep: usize, blocks: usize) -> bool {
        // Beginnings first that are kept only for prompts which may come: they are few and long.
        self.give_up_trunks(stream, keep);
        if self.pool.reserve(blocks) {
            return true;
        }
        let others = stream.groups.iter_mut().enumerate().filter(|&(index, _)| index != keep);
        for (_, group) in others.filter(|(_, group)| group.active == 0) {
            self.give_up(group);
        }
        self.give_up_trunks(stream, keep);
        self.pool.reserve(blocks)
    }

    /// Gives back the beginnings of which no prompt has a cache, all but those of group `keep`.
    fn give_up_trunks(&mut self, stream: &mut Stream<'_, '_>, keep: usize) {
        let (groups, trunks) = (&stream.groups, &mut stream.trunks);
        let needs = |index: usize| index == keep || groups[index].holds();
        let (blocks, count) = trunks.give_up(&trunks.all(), needs);
        self.pool.release(blocks, count);
    }

    /// Gives back the cache of a prompt that nothing is under way from.
    fn give_up(&mut self, group: &mut Group<'_>) {
        if let Some(ready) = group.ready.take() {
            self.pool.release(ready.prefix.into_blocks(), group.blocks);
        }
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

    /// Hands over the completions that have ended, lets those go that are not wanted any more, and
    /// gives back their cache and that of prompts which are done with. Returns how many ended.
    fn leave(
        &mut self,
        stream: &mut Stream<'_, '_>,
        first_new: usize,
    ) -> Result<u64, RolloutError> {
        let waiting = stream.waiting.map(|(prompt, _)| stream.group_of[prompt]);
        let Stream { work, groups, trunks, rows, .. } = stream;
        let begun: Vec<usize> = rows[first_new..].iter().map(|row| row.group).collect();
        let mut gone = Vec::new();
        let mut ended = 0;
        let mut drop_row = |row: Row<'_>, groups: &mut [Group<'_>]| {
            self.pool.release(row.sequence.into_own(), row.reserved);
            groups[row.group].active -= 1;
            gone.push(row.group);
        };
        for mut row in rows.extract_if(.., |row| row.finished) {
            let ControlFlow::Continue(()) =
                work.finished(row.place.0, row.place.1, std::mem::take(&mut row.completion))
            else {
                return Err(RolloutError::Interrupted);
            };
            ended += 1;
            drop_row(row, groups);
        }
        // What is wanted changes only with what has ended.
        if ended > 0 {
            for row in rows.extract_if(.., |row| !work.is_wanted(row.place.0, row.place.1)) {
                drop_row(row, groups);
            }
        }
        let is_open = |index, group: &Group<'_>| waiting == Some(index) || group.is_open(&**work);
        let mut closed = Vec::new();
        for index in gone {
            let group = &mut groups[index];
            if group.active == 0 && !is_open(index, group) {
                self.give_up(group);
                closed.push(index);
            }
        }
        if !closed.is_empty() {
            let needs = |index: usize| groups[index].holds() || is_open(index, &groups[index]);
            let (blocks, count) = trunks.give_up(&trunks.of(closed), needs);
            self.pool.release(blocks, count);
        }
        // Nothing starts from a closed prompt, so that its logits are not needed beside its cache.
        for index in begun {
            let open = is_open(index, &groups[index]);
            if let Some(ready) = groups[index].ready.as_mut().filter(|_| !open) {
                ready.logits = Vec::new();
            }
        }
        Ok(ended)
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
        let by_text = |stop: &StopText| (stop.0)(&completion.tokens);
        if self.sampling.stop_tokens.contains(&drawn.token)
            || self.sampling.stop_text.as_ref().is_some_and(by_text)
        {
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
