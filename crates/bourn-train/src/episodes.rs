//! Drawing episodes and judging them: the one way from problems to judged draws, for training and for
//! probes.
//!
//! An engine draws completions; what stands behind them here makes episodes of these, asks the
//! environment whether one goes on, and hands each that is over to a [`Reader`], which judges it. The
//! reader works on other threads while the engine draws, where its verdicts are worth waiting for. What
//! is drawn next is a [`Plan`]'s to say.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread::scope;
use std::time::Duration;

use bourn_env::{Reply, Transcript, Turn};
use bourn_episode::{Finish, Inputs, Source, Trajectory};
use bourn_model::prompt::Prompter;
use bourn_probe::SourceError;
use bourn_rollout::{Completion, Next, Prompt, RolloutError, Rollouts, Sampling, Stopped, Work};
use bourn_task::Problem;

use crate::error::TrainError;
use crate::stopping::go_on;

/// Requests to something outside this process that are under way at once.
const WAITING: usize = 16;
/// How long nothing is heard of a verdict until the user's wish to stop is looked at again.
const POLL: Duration = Duration::from_millis(50);

/// What decides which episodes are drawn, and takes them once they are judged. Problems are given by
/// their place in the list that [`draw`] was handed.
pub(crate) trait Plan {
    /// What a [`Reader`] makes of an episode.
    type Said;

    /// The episode to start now: problem, and number of the draw. `None` if none may start before
    /// another was judged.
    fn next(&mut self) -> Option<(usize, u64)>;

    /// Whether `next` may name the problem again.
    fn is_open(&self, problem: usize) -> bool;

    /// Whether an episode under way is still of use.
    fn is_wanted(&self, problem: usize, number: u64) -> bool;

    /// Takes a judged episode; they come in any order.
    ///
    /// # Errors
    /// Ends the drawing.
    fn judged(&mut self, problem: usize, number: u64, said: Self::Said) -> Result<(), SourceError>;
}

/// What judges an episode that is over.
pub(crate) trait Reader: Sync {
    /// What it makes of it.
    type Said: Send;

    /// Judges draw `number` of a problem.
    ///
    /// # Errors
    /// There is no verdict: what was drawn is no text, or a judge failed.
    fn read(
        &self,
        problem: &Problem,
        number: u64,
        episode: Episode,
    ) -> Result<Self::Said, TrainError>;
}

/// An episode that is over.
#[derive(Clone, Debug)]
pub(crate) struct Episode {
    /// All of its tokens; its group is the place of its problem.
    pub trajectory: Trajectory,
    /// log-probability of each own token under the distribution that it was drawn from, truncated and
    /// renormalised.
    pub sampled_logprobs: Vec<f32>,
    /// The tokens of the last completion.
    pub last: Vec<u32>,
    /// The turns before the last, as people read them; none of an episode of one turn.
    turns: Vec<Turn>,
}

impl Episode {
    /// An episode that nothing was drawn of yet.
    fn new(prompt: &Inputs, group: usize) -> Episode {
        let (inputs, own) = (prompt.clone(), vec![false; prompt.len()]);
        let (logprobs, entropies) = (Some(Vec::new()), Some(Vec::new()));
        let (finish, source) = (Finish::Stop, Source::Policy);
        Episode {
            trajectory: Trajectory { inputs, own, logprobs, entropies, finish, source, group },
            sampled_logprobs: Vec::new(),
            last: Vec::new(),
            turns: Vec::new(),
        }
    }

    /// An episode of one completion.
    pub(crate) fn of(prompt: &Inputs, completion: Completion) -> Episode {
        let mut episode = Episode::new(prompt, 0);
        episode.drew(completion);
        episode
    }

    /// Appends a completion.
    fn drew(&mut self, completion: Completion) {
        let Completion { tokens, logprobs, sampled_logprobs, entropies, finish } = completion;
        let row = &mut self.trajectory;
        row.inputs.extend(&tokens);
        row.own.resize(row.inputs.len(), true);
        row.logprobs.get_or_insert_default().extend(logprobs);
        // Of some turns only, they would not be those of the episode.
        row.entropies = row.entropies.take().zip(entropies).map(|(mut all, new)| {
            all.extend(new);
            all
        });
        row.finish = finish;
        self.sampled_logprobs.extend(sampled_logprobs);
        self.last = tokens;
    }

    /// Appends what the environment answered.
    fn read(&mut self, tokens: &[u32]) {
        self.trajectory.inputs.extend(tokens);
        self.trajectory.own.resize(self.trajectory.inputs.len(), false);
    }
}

/// How episodes are drawn.
pub(crate) struct Drawing<'a> {
    /// What draws.
    pub engine: &'a mut dyn Rollouts,
    /// How, for completions of one turn.
    pub sampling: &'a Sampling,
    /// Reads and writes the model's texts.
    pub prompter: &'a Prompter,
    /// Raised when the user asks to stop.
    pub stop: &'a AtomicBool,
    /// Whether verdicts are given where the completions end, one after the other, so that what is
    /// drawn next depends on nothing but them. Otherwise they are given on other threads.
    pub in_turn: bool,
}

/// Draws what `plan` asks for of `problems`, whose prompts these are, and judges it.
///
/// # Errors
/// As [`Rollouts::draw`]; what an environment, a judge or the plan fails with;
/// [`RolloutError::Interrupted`] where the user asks to stop.
pub(crate) fn draw<R: Reader>(
    drawing: Drawing<'_>,
    prompts: &[Inputs],
    problems: &[&Problem],
    reader: &R,
    plan: &mut dyn Plan<Said = R::Said>,
) -> Result<(), SourceError> {
    let Drawing { engine, sampling, prompter, stop, in_turn } = drawing;
    let asked: Vec<Prompt<'_>> = (prompts.iter().zip(problems))
        .map(|(prompt, problem)| Prompt { prompt, stream: problem.id.as_str() })
        .collect();
    // Cache is set aside for the longest episode that any of the environments allows.
    let row_tokens = problems.iter().filter_map(|problem| problem.environment.tokens()).max();
    let row_tokens = row_tokens.map(|tokens| tokens.max(sampling.max_tokens));
    let sampling = &Sampling { row_tokens, ..sampling.clone() };
    let (to_us, verdicts) = mpsc::channel();
    let wait = problems.iter().any(|problem| problem.rewards.iter().any(|p| p.judge.waits()));
    let rows = |hand_in: Option<HandIn<'_>>| {
        let docket = hand_in.map(|hand_in| Docket { hand_in, verdicts, pending: 0 });
        let (under_way, peeked, failed) = (BTreeMap::new(), None, None);
        let mut work = EpisodeRows {
            prompts,
            problems,
            prompter,
            reader,
            plan,
            under_way,
            docket,
            peeked,
            failed,
        };
        loop {
            let drawn = engine.draw(&asked, sampling, &mut work, &mut |_| go_on(stop));
            if let Some(error) = work.failed.take() {
                return Err(error);
            }
            drawn?;
            // Where a plan waits for verdicts, they may let it go on.
            work.await_verdicts(stop)?;
            work.peeked = work.plan.next();
            if work.peeked.is_none() {
                return Ok(());
            }
        }
    };
    match (in_turn, wait) {
        (true, _) => rows(None),
        // What computes shares the threads that draw, of which there is one a core.
        (false, false) => rayon::in_place_scope(|pool| {
            rows(Some(Box::new(move |job| {
                let to_us = to_us.clone();
                // Nobody is there to hear it where the drawing has failed.
                pool.spawn(move |_| drop(to_us.send(judge(job, problems, reader))));
                Ok(())
            })))
        }),
        // What waits for something else would hold them up.
        (false, true) => scope(|scope| {
            let (jobs, waiting) = mpsc::channel::<JudgeJob>();
            let waiting = Arc::new(Mutex::new(waiting));
            for _ in 0..WAITING {
                let (waiting, to_us) = (Arc::clone(&waiting), to_us.clone());
                scope.spawn(move || judge_all(&waiting, &to_us, problems, reader));
            }
            drop(to_us);
            rows(Some(Box::new(move |job| jobs.send(job).map_err(|_| TrainError::NoVerdict))))
        }),
    }
}

/// An episode to judge.
struct JudgeJob {
    problem: usize,
    number: u64,
    episode: Episode,
}

/// A verdict, and whose it is.
type JudgedEpisode<S> = (usize, u64, Result<S, TrainError>);

/// Judges an episode. A judge that panics has given no verdict, and nobody waits for it.
fn judge<R: Reader>(job: JudgeJob, problems: &[&Problem], reader: &R) -> JudgedEpisode<R::Said> {
    let JudgeJob { problem, number, episode } = job;
    let read = AssertUnwindSafe(|| reader.read(problems[problem], number, episode));
    (problem, number, catch_unwind(read).unwrap_or(Err(TrainError::NoVerdict)))
}

/// Judges what is handed in, until nothing more can be.
fn judge_all<R: Reader>(
    jobs: &Mutex<Receiver<JudgeJob>>,
    to_us: &Sender<JudgedEpisode<R::Said>>,
    problems: &[&Problem],
    reader: &R,
) {
    loop {
        // Whoever held the lock did nothing but receive.
        let job = jobs.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).recv();
        let Ok(job) = job else { return };
        if to_us.send(judge(job, problems, reader)).is_err() {
            return;
        }
    }
}

/// Hands an episode to those who judge on other threads.
type HandIn<'a> = Box<dyn FnMut(JudgeJob) -> Result<(), TrainError> + 'a>;

/// Episodes that are being judged on other threads.
struct Docket<'a, S> {
    hand_in: HandIn<'a>,
    verdicts: Receiver<JudgedEpisode<S>>,
    pending: usize,
}

/// A plan as the engine's work.
struct EpisodeRows<'a, R: Reader> {
    prompts: &'a [Inputs],
    problems: &'a [&'a Problem],
    prompter: &'a Prompter,
    reader: &'a R,
    plan: &'a mut dyn Plan<Said = R::Said>,
    /// Episodes that go on after their last completion.
    under_way: BTreeMap<(usize, u64), Episode>,
    /// None where verdicts are given in turn.
    docket: Option<Docket<'a, R::Said>>,
    /// What the plan asked for when nothing was under way.
    peeked: Option<(usize, u64)>,
    /// Why the work was broken off.
    failed: Option<SourceError>,
}

impl<R: Reader> EpisodeRows<'_, R> {
    /// Takes the verdicts that are there.
    fn take_verdicts(&mut self) -> Result<(), SourceError> {
        while let Some(docket) = &mut self.docket
            && let Ok(said) = docket.verdicts.try_recv()
        {
            docket.pending -= 1;
            take(self.plan, said)?;
        }
        Ok(())
    }

    /// Waits for the verdicts of everything that was drawn.
    fn await_verdicts(&mut self, stop: &AtomicBool) -> Result<(), SourceError> {
        while let Some(docket) = self.docket.as_mut().filter(|docket| docket.pending > 0) {
            match docket.verdicts.recv_timeout(POLL) {
                Ok(said) => {
                    docket.pending -= 1;
                    take(self.plan, said)?;
                }
                Err(RecvTimeoutError::Timeout) if stop.load(Ordering::Relaxed) => {
                    return Err(RolloutError::Interrupted.into());
                }
                Err(RecvTimeoutError::Timeout) => {}
                // Those who judge hold the other end until they are told that nothing more comes.
                Err(RecvTimeoutError::Disconnected) => return Err(TrainError::NoVerdict.into()),
            }
        }
        Ok(())
    }

    /// What follows a completion, and with nothing the verdict.
    fn follow(
        &mut self,
        (problem, number): (usize, u64),
        completion: Completion,
        room: usize,
    ) -> Result<Next, SourceError> {
        let mut episode = match self.under_way.remove(&(problem, number)) {
            Some(episode) => episode,
            None => Episode::new(&self.prompts[problem], problem),
        };
        episode.drew(completion);
        if let Some(tokens) = self.answer(problem, &mut episode, room)? {
            episode.read(&tokens);
            self.under_way.insert((problem, number), episode);
            return Ok(Next::Continue(tokens));
        }
        match &mut self.docket {
            Some(docket) => {
                docket.pending += 1;
                let job = JudgeJob { problem, number, episode };
                (docket.hand_in)(job)?;
            }
            None => {
                let said = self.reader.read(self.problems[problem], number, episode)?;
                self.plan.judged(problem, number, said)?;
            }
        }
        Ok(Next::Done)
    }

    /// What the environment has the policy read next, as tokens that leave room for an answer; `None`
    /// where the episode is over.
    fn answer(
        &self,
        problem: usize,
        episode: &mut Episode,
        room: usize,
    ) -> Result<Option<Vec<u32>>, TrainError> {
        let Problem { environment, prompt, .. } = self.problems[problem];
        // Before anything is made a text of: most episodes have one turn.
        if episode.turns.len() + 1 >= environment.turns() {
            return Ok(None);
        }
        let completion = self.prompter.decode(&episode.last)?;
        let truncated = episode.trajectory.finish == Finish::Length;
        episode.turns.push(Turn { completion, truncated, observation: None });
        let transcript = Transcript { prompt, turns: &episode.turns };
        let text = match environment.reply(&transcript)? {
            Reply::Done => return Ok(None),
            Reply::Observation(text) => text,
        };
        let tokens = self.prompter.encode_completion(&text)?;
        if let Some(turn) = episode.turns.last_mut() {
            turn.observation = Some(text);
        }
        if tokens.len() >= room {
            episode.trajectory.finish = Finish::Length;
            return Ok(None);
        }
        Ok(Some(tokens).filter(|tokens| !tokens.is_empty()))
    }
}

/// Hands a verdict on.
fn take<S>(plan: &mut dyn Plan<Said = S>, said: JudgedEpisode<S>) -> Result<(), SourceError> {
    let (problem, number, said) = said;
    plan.judged(problem, number, said?)
}

impl<R: Reader> Work for EpisodeRows<'_, R> {
    fn next(&mut self) -> Option<(usize, u64)> {
        if let Some(peeked) = self.peeked.take() {
            return Some(peeked);
        }
        if self.failed.is_none()
            && let Err(error) = self.take_verdicts()
        {
            self.failed = Some(error);
        }
        // Nothing more is started for what has failed; the next completion that ends says so.
        if self.failed.is_some() { None } else { self.plan.next() }
    }

    fn is_open(&self, problem: usize) -> bool {
        self.plan.is_open(problem)
    }

    fn is_wanted(&self, problem: usize, number: u64) -> bool {
        self.plan.is_wanted(problem, number)
    }

    fn finished(
        &mut self,
        problem: usize,
        number: u64,
        completion: Completion,
        room: usize,
    ) -> Result<Next, Stopped> {
        if self.failed.is_some() {
            return Err(Stopped);
        }
        self.follow((problem, number), completion, room).map_err(|error| {
            self.failed = Some(error);
            Stopped
        })
    }
}

#[cfg(test)]
#[path = "../tests/unit/episodes.rs"]
mod tests;
