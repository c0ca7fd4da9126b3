//! Workers that answer questions, and a thread that deals questions out and watches over them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::worker::{Event, Worker};
use super::{Question, failure};
use crate::JudgeError;

/// Most bytes of a line that an error shows.
const SHOWN: usize = 300;

/// What the program said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ProgramReply {
    /// Yes or no.
    Correct(bool),
    /// From 0 to 1.
    Score(f64),
    /// Nothing, until its time was over.
    Late,
}

type JudgeAnswer = Result<ProgramReply, JudgeError>;

/// Everything that the pool's thread hears of.
pub(super) enum PoolMessage {
    /// A question, and who waits for its answer.
    Ask(PendingQuestion),
    /// Something that a worker did.
    Of(u64, Event),
    /// No question will come any more.
    Stop,
}

pub(super) struct PendingQuestion {
    /// The question's fields, without `id`, as the inside of an object.
    fields: String,
    answer: Sender<JudgeAnswer>,
}

/// The processes of a `command` verifier. They are started when the first question is asked, and end
/// with the pool.
#[derive(Debug)]
pub(super) struct JudgeProcessPool {
    command: Vec<String>,
    workers: usize,
    timeout: Duration,
    thread: Mutex<Option<(Sender<PoolMessage>, JoinHandle<()>)>>,
}

impl JudgeProcessPool {
    /// A pool that has not started anything.
    pub(super) fn new(command: Vec<String>, workers: usize, timeout: Duration) -> JudgeProcessPool {
        JudgeProcessPool { command, workers, timeout, thread: Mutex::new(None) }
    }

    /// Waits for the answer to a question.
    pub(super) fn ask(&self, question: &Question<'_>) -> JudgeAnswer {
        let gone = |_| failure("its pool has ended".to_owned());
        let fields = serde_json::to_string(question).map_err(|e| failure(e.to_string()))?;
        let (answer, answered) = channel();
        self.thread()
            .send(PoolMessage::Ask(PendingQuestion { fields, answer }))
            .map_err(|e| gone(e.to_string()))?;
        answered.recv().map_err(|e| gone(e.to_string()))?
    }

    /// The way to the thread, which is started where there is none.
    fn thread(&self) -> Sender<PoolMessage> {
        // Nothing panics while it is held; were it to, the thread would be as good as before.
        let mut thread = self.thread.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (sender, _) = thread.get_or_insert_with(|| {
            let (sender, messages) = channel();
            let state = PoolState {
                command: self.command.clone(),
                most: self.workers,
                timeout: self.timeout,
                sender: sender.clone(),
                workers: BTreeMap::new(),
                started: 0,
                asked: 0,
                failed: None,
            };
            (sender, spawn(move || state.run(&messages)))
        });
        sender.clone()
    }
}

impl Drop for JudgeProcessPool {
    fn drop(&mut self) {
        let thread = self.thread.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some((sender, thread)) = thread.take() {
            let _ = sender.send(PoolMessage::Stop);
            let _ = thread.join();
        }
    }
}

/// What the thread knows.
struct PoolState {
    command: Vec<String>,
    most: usize,
    timeout: Duration,
    sender: Sender<PoolMessage>,
    workers: BTreeMap<u64, Desk>,
    /// Workers that were started, and questions that were asked: their numbers.
    started: u64,
    asked: u64,
    /// Why nothing is asked any more.
    failed: Option<JudgeError>,
}

/// A worker with the questions that it has, in the order in which it got them.
struct Desk {
    worker: Worker,
    questions: BTreeMap<u64, PendingQuestion>,
    /// Since when the oldest of them is the oldest: from then on its time runs. What a program that
    /// answers in order does before it comes to a question is not that question's doing.
    since: Instant,
}

impl PoolState {
    fn run(mut self, messages: &Receiver<PoolMessage>) {
        loop {
            let due = self.workers.values().filter(|desk| !desk.questions.is_empty());
            let message = match due.map(|desk| desk.since + self.timeout).min() {
                None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => messages.recv_timeout(due.saturating_duration_since(now())),
            };
            match message {
                Ok(PoolMessage::Ask(asked)) => self.deal(asked),
                Ok(PoolMessage::Of(number, event)) => self.hear(number, event),
                Ok(PoolMessage::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => self.late(),
            }
        }
        self.workers.into_values().for_each(|desk| desk.worker.kill());
    }

    /// Gives a question to a worker that has none, one that is started for it, or the one that has the
    /// fewest.
    fn deal(&mut self, asked: PendingQuestion) {
        if let Some(error) = &self.failed {
            let _ = asked.answer.send(Err(error.clone()));
            return;
        }
        let least = self.workers.iter().min_by_key(|(_, desk)| desk.questions.len());
        let free =
            least.filter(|(_, desk)| desk.questions.is_empty() || self.workers.len() >= self.most);
        let number = match free {
            Some((number, _)) => *number,
            None => match self.start() {
                Ok(number) => number,
                Err(error) => {
                    let _ = asked.answer.send(Err(error.clone()));
                    return self.fail(error);
                }
            },
        };
        self.asked += 1;
        if let Some(desk) = self.workers.get_mut(&number) {
            if desk.questions.is_empty() {
                desk.since = now();
            }
            // The fields are those of an object that is not empty.
            desk.worker.tell(format!("{{\"id\":{},{}\n", self.asked, &asked.fields[1..]));
            desk.questions.insert(self.asked, asked);
        }
    }

    fn start(&mut self) -> Result<u64, JudgeError> {
        self.started += 1;
        let worker = Worker::start(&self.command, self.started, &self.sender)?;
        let desk = Desk { worker, questions: BTreeMap::new(), since: now() };
        self.workers.insert(self.started, desk);
        Ok(self.started)
    }

    fn hear(&mut self, number: u64, event: Event) {
        // One that was stopped may have said something before.
        let Some(desk) = self.workers.get_mut(&number) else { return };
        match event {
            Event::Line(line) => match read(&line, desk.questions.keys().copied().collect()) {
                Ok((id, reply)) => {
                    let oldest = desk.questions.first_key_value().map(|(&id, _)| id);
                    if oldest == Some(id) {
                        desk.since = now();
                    }
                    if let Some(asked) = desk.questions.remove(&id) {
                        let _ = asked.answer.send(Ok(reply));
                    }
                }
                Err(problem) => {
                    let line = String::from_utf8_lossy(&line);
                    let line: String = line.trim_end().chars().take(SHOWN).collect();
                    let command = self.command.join(" ");
                    self.fail(failure(format!("`{command}` answered `{line}`: {problem}")));
                }
            },
            Event::Closed => {
                let Some(desk) = self.workers.remove(&number) else { return };
                let (how, said) = desk.worker.ended();
                let command = self.command.join(" ");
                let said = match said.is_empty() {
                    true => "; it said nothing on standard error".to_owned(),
                    false => format!("; the end of its standard error:\n{said}"),
                };
                let error = failure(format!("`{command}` ended ({how}) before the run did{said}"));
                let waiting = desk.questions.into_values();
                waiting.for_each(|asked| drop(asked.answer.send(Err(error.clone()))));
                self.fail(error);
            }
        }
    }

    /// Ends what took too long over its oldest question; the others that it had are asked again.
    fn late(&mut self) {
        let now = now();
        let is_late = |desk: &Desk| !desk.questions.is_empty() && now >= desk.since + self.timeout;
        let late: Vec<u64> = self
            .workers
            .iter()
            .filter(|(_, desk)| is_late(desk))
            .map(|(&number, _)| number)
            .collect();
        for number in late {
            let Some(mut desk) = self.workers.remove(&number) else { continue };
            desk.worker.kill();
            if let Some((_, oldest)) = desk.questions.pop_first() {
                let _ = oldest.answer.send(Ok(ProgramReply::Late));
            }
            desk.questions.into_values().for_each(|asked| self.deal(asked));
        }
    }

    /// Answers every question with an error, and those that still come.
    fn fail(&mut self, error: JudgeError) {
        for desk in std::mem::take(&mut self.workers).into_values() {
            desk.worker.kill();
            let waiting = desk.questions.into_values();
            waiting.for_each(|asked| drop(asked.answer.send(Err(error.clone()))));
        }
        self.failed.get_or_insert(error);
    }
}

/// A line of the program's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct ReplyLine {
    id: u64,
    #[serde(default)]
    correct: Option<bool>,
    #[serde(default)]
    score: Option<f64>,
}

/// What a line says, of one of the questions `open`.
fn read(line: &[u8], open: BTreeSet<u64>) -> Result<(u64, ProgramReply), String> {
    let ReplyLine { id, correct, score } = serde_json::from_slice(line).map_err(|e| {
        format!(
            "not `{{\"id\": …, \"correct\": true or false}}` or `{{\"id\": …, \"score\": …}}` ({e})"
        )
    })?;
    if !open.contains(&id) {
        return Err(format!("{id} is no question that it has, or one that it has answered before"));
    }
    match (correct, score) {
        (Some(correct), None) => Ok((id, ProgramReply::Correct(correct))),
        (None, Some(score)) if (0.0..=1.0).contains(&score) => Ok((id, ProgramReply::Score(score))),
        (None, Some(score)) => Err(format!("a score lies between 0 and 1, and {score} does not")),
        (Some(_), Some(_)) => Err("one of `correct` and `score`, not both".to_owned()),
        (None, None) => Err("one of `correct` and `score` is needed".to_owned()),
    }
}

/// A time limit needs a clock; nothing else of a verdict depends on it.
#[expect(clippy::disallowed_methods, reason = "a time limit is by the clock")]
fn now() -> Instant {
    Instant::now()
}
