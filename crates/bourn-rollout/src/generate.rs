//! Continuous batching: completions are pulled from a source of work, decode together, and leave.

use std::cell::Cell;
use std::ops::ControlFlow;

use rand::RngCore;
use rand_chacha::ChaCha8Rng;

use crate::engine::group_by_prompt;
use crate::error::{RolloutError, problem};
use crate::listed::Listed;
use crate::path::{Call, Path};
use crate::sampler::{Draw, Sampler, Scratch};
use crate::types::{Completion, Finish, Progress, Prompt, Request, Sampling, StopText, Work};

/// Equal prompts, and their cache while completions are under way or may still come.
pub(crate) struct Group<'a, R> {
    pub(crate) prompt: &'a [u32],
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

/// A completion under way.
pub(crate) struct Row<'a, C> {
    pub(crate) group: usize,
    /// Index of the prompt, and the sample index.
    place: (usize, u64),
    stream: &'a str,
    /// Tokens of the prompt.
    pub(crate) prompt: usize,
    random: ChaCha8Rng,
    pub(crate) cache: C,
    /// Cache set aside for its own part of it.
    pub(crate) reserved: usize,
    pub(crate) completion: Completion,
    pub(crate) finished: bool,
}

impl<C> Row<'_, C> {
    /// The next number of its stream.
    pub(crate) fn random(&mut self) -> u64 {
        self.random.next_u64()
    }
}

/// What a call of [`stream`] has under way.
struct Stream<'a, 'w, P: Path> {
    prompts: &'a [Prompt<'a>],
    work: &'w mut dyn Work,
    draw: Drawing<'a>,
    groups: Vec<Group<'a, P::Prompt>>,
    /// The group of each prompt.
    group_of: Vec<usize>,
    /// What was asked for and did not fit yet.
    waiting: Option<(usize, u64)>,
    rows: Vec<Row<'a, P::Cache>>,
}

impl<P: Path> Stream<'_, '_, P> {
    /// The completion to admit next: the one that waits for room, if it is still of use.
    fn pull(&mut self) -> Option<(usize, u64)> {
        let waiting = self.waiting.take();
        let wanted = waiting.filter(|&(prompt, sample)| self.work.is_wanted(prompt, sample));
        wanted.or_else(|| self.work.next())
    }
}

/// Draws the completions of each request, in the order of their sample indices; see
/// [`Engine::generate`](crate::Engine::generate).
pub(crate) fn generate<P: Path>(
    path: &mut P,
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
    stream(path, &prompts, sampling, &mut work, on_progress)?;
    Ok(work.into_results())
}

/// Draws the completions that `work` asks for; see [`Engine::stream`](crate::Engine::stream).
pub(crate) fn stream<P: Path>(
    path: &mut P,
    prompts: &[Prompt<'_>],
    sampling: &Sampling,
    work: &mut dyn Work,
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(), RolloutError> {
    let draw = Drawing { sampler: Sampler::new(sampling)?, sampling };
    check_prompts(path, prompts, sampling)?;
    let mut group_of = vec![0; prompts.len()];
    let mut groups = Vec::new();
    for (prompt, members) in group_by_prompt(prompts.iter().map(|p| p.prompt)) {
        members.iter().for_each(|&member| group_of[member] = groups.len());
        groups.push(Group { prompt, members, ready: None, active: 0 });
    }
    let different: Vec<&[u32]> = groups.iter().map(|group| group.prompt).collect();
    path.begin(Call { prompts: &different, max_tokens: sampling.max_tokens });
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
        path.step(groups, rows, first_new, draw)?;
        progress.tokens_done += stream.rows.len() as u64;
        progress.completions_done += leave(path, &mut stream, first_new)?;
        report(on_progress, progress)?;
    }
}

fn check_prompts<P: Path>(
    path: &mut P,
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
        path.admit(prompt, sampling.max_tokens, &|| problem(stream))?;
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
        let own = path.row_cost(length, stream.draw.sampling.max_tokens);
        // With nothing under way this succeeds: each completion alone fits, as was checked.
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
        stream.rows.push(Row {
            group: index,
            place: (prompt, sample),
            stream: name,
            prompt: length,
            random: stream.draw.random(name, sample),
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

/// Hands over the completions that have ended, lets those go that are not wanted any more, and gives
/// back their cache and that of prompts which are done with. Returns how many ended.
fn leave<P: Path>(
    path: &mut P,
    stream: &mut Stream<'_, '_, P>,
    first_new: usize,
) -> Result<u64, RolloutError> {
    let waiting = stream.waiting.map(|(prompt, _)| stream.group_of[prompt]);
    let Stream { work, groups, rows, .. } = stream;
    let begun: Vec<usize> = rows[first_new..].iter().map(|row| row.group).collect();
    let mut gone = Vec::new();
    let mut ended = 0;
    let mut drop_row = |row: Row<'_, P::Cache>, groups: &mut [Group<'_, P::Prompt>]| {
        path.leave(row.cache, row.reserved);
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

/// How tokens are drawn, with what checks and seeds it.
#[derive(Clone, Copy)]
pub(crate) struct Drawing<'a> {
    pub(crate) sampler: Sampler,
    sampling: &'a Sampling,
}

impl Drawing<'_> {
    /// The random numbers of one completion.
    fn random(&self, stream: &str, sample: u64) -> ChaCha8Rng {
        let Sampling { seed, purpose, step, .. } = self.sampling;
        bourn_seed::rng(*seed, purpose, &[*step, hash(stream), sample])
    }

    /// Appends a drawn token to its completion, and ends the row if this ends it; without one, a
    /// logit was not finite.
    pub(crate) fn take<C>(
        &self,
        row: &mut Row<'_, C>,
        drawn: Option<Draw>,
    ) -> Result<(), RolloutError> {
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
