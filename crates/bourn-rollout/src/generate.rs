//! Continuous batching: completions are pulled from a source of work, decode together, and leave.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::ControlFlow;

use bourn_episode::{Finish, Inputs, Next};
use rand::RngCore;
use rand_chacha::ChaCha8Rng;

use crate::engine::{check_tokens, group_by_prompt};
use crate::error::{RolloutError, problem};
use crate::path::{Call, Path};
use crate::sampler::{SampledToken, SamplerScratch, TokenSampler};
use crate::types::{Completion, Progress, Prompt, Sampling, Stopped, Work};

/// Equal prompts, and their cache while completions are under way or may still come.
pub(crate) struct Group<'a, R> {
    pub(crate) prompt: &'a Inputs,
    /// Indices of the prompts that are equal.
    members: Vec<usize>,
    pub(crate) ready: Option<R>,
    /// Completions that have been admitted and have not left.
    active: usize,
}

impl<R> Group<'_, R> {
    /// Whether cache is set aside for its prompt.
    fn holds(&self) -> bool {
        self.ready.is_some() || self.active > 0
    }

    fn is_open(&self, work: &dyn Work) -> bool {
        self.members.iter().any(|&member| work.is_open(member))
    }
}

/// An episode under way, and its completion under way.
pub(crate) struct RolloutRow<'a, C> {
    pub(crate) group: usize,
    /// Index of the prompt, and the sample index.
    place: (usize, u64),
    stream: &'a str,
    /// Tokens before the completion: those of the prompt, and of turns that are over.
    pub(crate) before: usize,
    /// Of these, what the row has still to read before it draws; empty for a first turn, which starts
    /// from its prompt.
    pub(crate) pending: VecDeque<u32>,
    turn: u64,
    /// Tokens that the row may take from where the completion begins.
    room: usize,
    random: ChaCha8Rng,
    pub(crate) cache: C,
    /// Cache set aside for its own part of it.
    pub(crate) reserved: usize,
    pub(crate) completion: Completion,
    pub(crate) finished: bool,
}

impl<C> RolloutRow<'_, C> {
    /// The next number of its stream.
    pub(crate) fn random(&mut self) -> u64 {
        self.random.next_u64()
    }
}

/// What a call of [`stream`] has under way.
struct Stream<'a, 'w, P: Path> {
    prompts: &'a [Prompt<'a>],
    work: &'w mut dyn Work,
    draw: DrawingRows<'a>,
    groups: Vec<Group<'a, P::Prompt>>,
    /// The group of each prompt.
    group_of: Vec<usize>,
    /// What was asked for and did not fit yet.
    waiting: Option<(usize, u64)>,
    rows: Vec<RolloutRow<'a, P::Cache>>,
}

impl<P: Path> Stream<'_, '_, P> {
    /// The completion to admit next: the one that waits for room, if it is still of use.
    fn pull(&mut self) -> Option<(usize, u64)> {
        let waiting = self.waiting.take();
        let wanted = waiting.filter(|&(prompt, sample)| self.work.is_wanted(prompt, sample));
        wanted.or_else(|| self.work.next())
    }
}

/// Draws the episodes that `work` asks for; see [`Rollouts::draw`](crate::Rollouts::draw).
pub(crate) fn stream<P: Path>(
    path: &mut P,
    prompts: &[Prompt<'_>],
    sampling: &Sampling,
    work: &mut dyn Work,
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(), RolloutError> {
    let draw = DrawingRows { sampler: TokenSampler::new(sampling)?, sampling };
    check_prompts(path, prompts, sampling)?;
    let mut group_of = vec![0; prompts.len()];
    let mut groups = Vec::new();
    for (prompt, members) in group_by_prompt(prompts.iter().map(|p| p.prompt)) {
        members.iter().for_each(|&member| group_of[member] = groups.len());
        groups.push(Group { prompt, members, ready: None, active: 0 });
    }
    let different: Vec<&Inputs> = groups.iter().map(|group| group.prompt).collect();
    path.begin(Call { prompts: &different, room: sampling.room() });
    let (waiting, rows) = (None, Vec::new());
    let mut stream = Stream::<P> { prompts, work, draw, groups, group_of, waiting, rows };
    let mut progress = Progress { completions_done: 0, tokens_done: 0 };

    loop {
        let first_new = stream.rows.len();
        let fresh = enter(path, &mut stream);
        if stream.rows.is_empty() {
            return Ok(());
        }
        let Stream { groups, rows, .. } = &mut stream;
        let ready = path.prefill(groups, &fresh, &mut || report(on_progress, progress))?;
        for (&group, ready) in fresh.iter().zip(ready) {
            groups[group].ready = Some(ready);
        }
        progress.tokens_done += path.step(groups, rows, first_new, draw)?;
        progress.completions_done += leave(path, &mut stream, first_new)?;
        report(on_progress, progress)?;
    }
}

fn check_prompts<P: Path>(
    path: &mut P,
    prompts: &[Prompt<'_>],
    sampling: &Sampling,
) -> Result<(), RolloutError> {
    for (key, value) in [("max_tokens", sampling.max_tokens), ("row_tokens", sampling.room())] {
        if value == 0 {
            let (value, expected) = ("0".to_owned(), "at least 1");
            return Err(RolloutError::Option { key, value, expected });
        }
    }
    for &Prompt { prompt, stream } in prompts {
        path.admit(prompt, sampling.room(), &|| problem(stream))?;
    }
    Ok(())
}

/// Admits completions while there is work for them and room in the batch and in the cache, and
/// returns the groups whose prompts have to be prefilled for them.
fn enter<P: Path>(path: &mut P, stream: &mut Stream<'_, '_, P>) -> Vec<usize> {
    let mut fresh: Vec<usize> = Vec::new();
    while stream.rows.len() < path.most_rows()
        && let Some((prompt, sample)) = stream.pull()
    {
        let index = stream.group_of[prompt];
        let group = &stream.groups[index];
        let length = group.prompt.len();
        let is_ready = group.ready.as_ref().is_some_and(|ready| path.starts(ready));
        let starts = !is_ready && !fresh.contains(&index);
        if starts && fresh.len() >= path.most_prompts() {
            stream.waiting = Some((prompt, sample));
            break;
        }
        let needed = if group.holds() { 0 } else { path.prompt_cost(index) };
        let room = stream.draw.sampling.room();
        let own = path.row_cost(length, room);
        // With nothing under way this succeeds: each row alone fits, as was checked.
        if !path.reserve(needed + own) && !make_room(path, stream, index, needed + own) {
            stream.waiting = Some((prompt, sample));
            break;
        }
        if starts {
            fresh.push(index);
        }
        stream.groups[index].active += 1;
        path.hold(index);
        let name = stream.prompts[prompt].stream;
        stream.rows.push(RolloutRow {
            group: index,
            place: (prompt, sample),
            stream: name,
            before: length,
            pending: VecDeque::new(),
            turn: 0,
            room,
            random: stream.draw.random(name, sample, 0),
            cache: P::Cache::default(),
            reserved: own,
            completion: Completion::default(),
            finished: false,
        });
    }
    fresh
}

/// Gives up the caches of prompts that nothing is under way from, all but that of group `keep`, with
/// beginnings that no other needs, and reserves `cost` if it fits then.
fn make_room<P: Path>(
    path: &mut P,
    stream: &mut Stream<'_, '_, P>,
    keep: usize,
    cost: usize,
) -> bool {
    // Beginnings first that are kept only for prompts which may come: they are few and long.
    prune(path, &stream.groups, keep);
    if path.reserve(cost) {
        return true;
    }
    let others = stream.groups.iter_mut().enumerate().filter(|&(index, _)| index != keep);
    for (index, group) in others.filter(|(_, group)| group.active == 0) {
        give_up(path, index, group);
    }
    prune(path, &stream.groups, keep);
    path.reserve(cost)
}

/// Gives back the beginnings of which no prompt has a cache, all but those of group `keep`.
fn prune<P: Path>(path: &mut P, groups: &[Group<'_, P::Prompt>], keep: usize) {
    path.prune(&|index| index == keep || groups[index].holds());
}

/// Gives back the cache of the prompt of a group that nothing is under way from.
fn give_up<P: Path>(path: &mut P, index: usize, group: &mut Group<'_, P::Prompt>) {
    if let Some(ready) = group.ready.take() {
        path.forget(ready, index);
    }
}

/// Hands over the completions that have ended, starts the next turn of rows that go on, lets those go
/// that are done or not wanted any more, and gives back their cache and that of prompts which are done
/// with. Returns how many episodes ended.
fn leave<P: Path>(
    path: &mut P,
    stream: &mut Stream<'_, '_, P>,
    first_new: usize,
) -> Result<u64, RolloutError> {
    let waiting = stream.waiting.map(|(prompt, _)| stream.group_of[prompt]);
    let Stream { work, groups, rows, draw, .. } = stream;
    let begun: Vec<usize> = rows[first_new..].iter().map(|row| row.group).collect();
    let mut handed_over = false;
    for row in rows.iter_mut().filter(|row| row.finished) {
        handed_over = true;
        hand_over(path, &mut **work, row, *draw)?;
    }
    let mut gone = Vec::new();
    let mut ended = 0;
    let mut drop_row = |row: RolloutRow<'_, P::Cache>, groups: &mut [Group<'_, P::Prompt>]| {
        path.leave(row.cache, row.reserved);
        groups[row.group].active -= 1;
        gone.push(row.group);
    };
    // What is wanted changes only with what has ended.
    if handed_over {
        for row in rows.extract_if(.., |row| row.finished) {
            ended += 1;
            drop_row(row, groups);
        }
        for row in rows.extract_if(.., |row| !work.is_wanted(row.place.0, row.place.1)) {
            drop_row(row, groups);
        }
    }
    let is_open =
        |index, group: &Group<'_, P::Prompt>| waiting == Some(index) || group.is_open(&**work);
    let mut closed = false;
    for index in gone {
        let group = &mut groups[index];
        if group.active == 0 && !is_open(index, group) {
            give_up(path, index, group);
            closed = true;
        }
    }
    if closed {
        path.prune(&|index| groups[index].holds() || is_open(index, &groups[index]));
    }
    for index in begun {
        let open = is_open(index, &groups[index]);
        if let Some(ready) = groups[index].ready.as_mut().filter(|_| !open) {
            path.close(ready);
        }
    }
    Ok(ended)
}

/// Hands over a completion that has ended; the row stays finished, or is at the beginning of its next
/// turn.
fn hand_over<P: Path>(
    path: &P,
    work: &mut dyn Work,
    row: &mut RolloutRow<'_, P::Cache>,
    draw: DrawingRows<'_>,
) -> Result<(), RolloutError> {
    let completion = std::mem::take(&mut row.completion);
    let (drawn, last) = (completion.tokens.len(), completion.tokens.last().copied());
    let room = row.room.saturating_sub(drawn);
    let (prompt, sample) = row.place;
    let given = match work.finished(prompt, sample, completion, room) {
        Ok(Next::Done) => return Ok(()),
        Ok(Next::Continue(given)) => given,
        Err(Stopped) => return Err(RolloutError::Interrupted),
    };
    let subject = || problem(row.stream);
    if given.is_empty() {
        return Err(RolloutError::NothingGiven { subject: subject() });
    }
    if given.len() >= room {
        return Err(RolloutError::Room { subject: subject(), given: given.len(), room });
    }
    check_tokens(path.config(), &given, subject)?;
    row.before += drawn + given.len();
    row.room = room - given.len();
    row.pending = last.into_iter().chain(given).collect();
    row.turn += 1;
    row.random = draw.random(row.stream, sample, row.turn);
    row.finished = false;
    Ok(())
}

/// How tokens are drawn, with what checks and seeds it.
#[derive(Clone, Copy)]
pub(crate) struct DrawingRows<'a> {
    pub(crate) sampler: TokenSampler,
    sampling: &'a Sampling,
}

impl DrawingRows<'_> {
    /// The random numbers of one completion.
    fn random(&self, stream: &str, sample: u64, turn: u64) -> ChaCha8Rng {
        let Sampling { seed, purpose, step, .. } = self.sampling;
        let counters = [*step, hash(stream), sample, turn];
        // A first turn is seeded as a single completion always was.
        let counters = if turn == 0 { &counters[..3] } else { &counters };
        bourn_seed::rng(*seed, purpose, counters)
    }

    /// Appends a drawn token to its completion, and ends the row if this ends it; without one, a
    /// logit was not finite.
    pub(crate) fn take<C>(
        &self,
        row: &mut RolloutRow<'_, C>,
        drawn: Option<SampledToken>,
    ) -> Result<(), RolloutError> {
        let completion = &mut row.completion;
        let Some(drawn) = drawn else {
            return Err(RolloutError::NonFinite {
                subject: problem(row.stream),
                position: row.before + completion.tokens.len() - 1,
            });
        };
        completion.tokens.push(drawn.token);
        completion.logprobs.push(drawn.logprob);
        completion.sampled_logprobs.push(drawn.sampled_logprob);
        completion.entropies.get_or_insert_default().push(drawn.entropy);
        let Sampling { stop_tokens, stop_strings, max_tokens, .. } = self.sampling;
        if stop_tokens.contains(&drawn.token)
            || stop_strings.as_ref().is_some_and(|stops| stops.ends(&completion.tokens))
        {
            (row.finished, completion.finish) = (true, Finish::Stop);
        } else if completion.tokens.len() >= row.room.min(*max_tokens) {
            (row.finished, completion.finish) = (true, Finish::Length);
        }
        Ok(())
    }
}

/// Lends this thread's working memory to `work`; a thread that has none starts afresh.
pub(crate) fn with_scratch<T>(work: impl FnOnce(&mut SamplerScratch) -> T) -> T {
    thread_local!(static SCRATCH: Cell<SamplerScratch> = Cell::new(SamplerScratch::default()));
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
