//! The probe of one model: every problem drawn to its end, into a ledger.

use std::collections::BTreeSet;

use bourn_task::Problem;

use crate::draws::schedule::Scheduler;
use crate::ledger::check_finite;
use crate::ledger::file::LedgerSegment;
use crate::{
    Draw, DrawSchedule, DrawSource, Extent, Ledger, LedgerError, LockedKey, MAX_DRAWS, SourceError,
};

/// Draws that a store may be behind while drawing goes on: what a killed process loses at most,
/// beside what was under way.
const SAVE_EVERY: u64 = 4096;

/// A probed model.
#[derive(Clone, Debug, PartialEq)]
pub struct Probed {
    /// The draws of every problem up to its end.
    pub ledger: Ledger,
    /// Completions that were started for it; 0 where all were stored.
    pub made: u64,
    /// Of those, how many turned out to lie beyond their problem's end. This depends on how many
    /// were under way at once, as nothing in the ledger does.
    pub cut: u64,
}

/// How far a probe has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeProgress {
    /// Draws that count, the stored ones included.
    pub draws: u64,
    /// Problems whose drawing has ended.
    pub decided: usize,
    /// All problems.
    pub problems: usize,
}

/// Why a probe could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No problems.
    #[error("there are no problems to probe: check the task's held-out set")]
    NoProblems,
    /// An impossible number of draws.
    #[error("at most {} draws a problem, ended by success {}: ask for 1 to {MAX_DRAWS} draws, and for success 1 or a later one", .0.n_max(), .0.stop())]
    Draws(Extent),
    /// The same problem twice.
    #[error("problem {0} is asked for twice: problem ids must differ")]
    Duplicate(String),
    /// The source failed.
    #[error("drawing failed: {0}")]
    Source(#[source] SourceError),
    /// The source stopped before the end.
    #[error("the source of draws stopped before problem {0} had its draws: a fault of the source")]
    Unfinished(String),
    /// The source reported a draw that was not under way.
    #[error(
        "the source of draws reported draw {number} of problem number {problem}, which was not under way: a fault of the source"
    )]
    NotUnderWay {
        /// Place of the problem in the list that the source was handed.
        problem: usize,
        /// Number of the draw.
        number: u64,
    },
    /// The draws cannot be kept, or the kept ones not be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Draws completions of every problem to the end that `extent` sets; `progress` hears of every draw.
///
/// # Errors
/// No problems, a problem twice, or an impossible number of draws; what the source fails with, a
/// source that ends before every problem is decided, or that reports a draw which was not under way
/// or whose log-prob or entropy is not finite.
pub fn probe(
    problems: &[Problem],
    source: &mut dyn DrawSource,
    extent: Extent,
    progress: &mut dyn FnMut(ProbeProgress),
) -> Result<Probed, ProbeError> {
    check(problems, extent)?;
    let held = vec![Vec::new(); problems.len()];
    ProbeUnderWay::new(problems, extent, held, None, progress).run(source)
}

/// As [`probe`], but draws only what the store does not hold under `key`, and stores it: the second
/// run of the same base draws nothing; a larger n_max, a later stop or more problems draw the
/// difference. What was drawn before a failure is stored too.
///
/// # Errors
/// As [`probe`]; and a store that cannot be read or written, that holds a damaged file under `key`,
/// or two that disagree about a draw.
pub fn probe_stored(
    key: &LockedKey<'_>,
    problems: &[Problem],
    source: &mut dyn DrawSource,
    extent: Extent,
    progress: &mut dyn FnMut(ProbeProgress),
) -> Result<Probed, ProbeError> {
    check(problems, extent)?;
    let wanted = problems.iter().map(|p| (p.id.as_str(), p.prompt.as_str()));
    let mut stored = key.store().held(key.key(), wanted, extent.n_max())?;
    let held = problems.iter().map(|p| stored.remove(p.id.as_str()).unwrap_or_default()).collect();
    ProbeUnderWay::new(problems, extent, held, Some(key), progress).run(source)
}

fn check(problems: &[Problem], extent: Extent) -> Result<(), ProbeError> {
    if problems.is_empty() {
        return Err(ProbeError::NoProblems);
    }
    if !extent.is_possible() {
        return Err(ProbeError::Draws(extent));
    }
    let mut seen = BTreeSet::new();
    match problems.iter().find(|p| !seen.insert(&p.id)) {
        Some(problem) => Err(ProbeError::Duplicate(problem.id.to_string())),
        None => Ok(()),
    }
}

/// A probe under way.
struct ProbeUnderWay<'a> {
    problems: &'a [Problem],
    extent: Extent,
    scheduler: Scheduler,
    /// Of each problem the draws that are there, by number.
    draws: Vec<Vec<Option<Draw>>>,
    /// Of each problem how many draws are stored.
    stored: Vec<usize>,
    /// Draws that finished since the last were stored.
    unsaved: u64,
    key: Option<&'a LockedKey<'a>>,
    progress: &'a mut dyn FnMut(ProbeProgress),
}

impl<'a> ProbeUnderWay<'a> {
    fn new(
        problems: &'a [Problem],
        extent: Extent,
        held: Vec<Vec<Draw>>,
        key: Option<&'a LockedKey<'a>>,
        progress: &'a mut dyn FnMut(ProbeProgress),
    ) -> Self {
        let successes = held.iter().map(|h| h.iter().map(|draw| draw.verdict.is_correct()));
        let scheduler = Scheduler::new(extent, successes);
        let stored = held.iter().map(Vec::len).collect();
        let draws = held.into_iter().map(|h| h.into_iter().map(Some).collect()).collect();
        Self { problems, extent, scheduler, draws, stored, unsaved: 0, key, progress }
    }

    fn run(mut self, source: &mut dyn DrawSource) -> Result<Probed, ProbeError> {
        self.report();
        if self.scheduler.first_undecided().is_some() {
            let problems: Vec<&Problem> = self.problems.iter().collect();
            let done = source.stream(&problems, &mut self);
            // Whatever ended the drawing, what was drawn is kept.
            let saved = self.save();
            done.map_err(own_error)?;
            saved?;
        }
        if let Some(problem) = self.scheduler.first_undecided() {
            return Err(ProbeError::Unfinished(self.problems[problem].id.to_string()));
        }
        let mut ledger = Ledger::of(self.extent.rule());
        for ((place, problem), draws) in self.problems.iter().enumerate().zip(self.draws) {
            let counted = self.scheduler.counted_of(place) as usize;
            let draws = draws.into_iter().take(counted).flatten().collect();
            ledger.insert(problem.id.to_string(), problem.prompt.clone(), draws)?;
        }
        Ok(Probed { ledger, made: self.scheduler.launched(), cut: self.scheduler.cut() })
    }

    fn report(&mut self) {
        (self.progress)(ProbeProgress {
            draws: self.scheduler.counted(),
            decided: self.scheduler.decided(),
            problems: self.problems.len(),
        });
    }

    /// Stores of each problem the draws that follow on those stored, without a gap; those beyond
    /// the end too, for a run that draws further.
    fn save(&mut self) -> Result<(), LedgerError> {
        let Some(key) = self.key else { return Ok(()) };
        self.unsaved = 0;
        let mut segments = Vec::new();
        for ((problem, draws), stored) in self.problems.iter().zip(&self.draws).zip(&self.stored) {
            let more: Vec<Draw> = draws[*stored..].iter().map_while(Clone::clone).collect();
            if !more.is_empty() {
                segments.push(LedgerSegment {
                    id: problem.id.as_str().into(),
                    prompt: (&problem.prompt).into(),
                    first: *stored as u64,
                    draws: more.into(),
                });
            }
        }
        if segments.is_empty() {
            return Ok(());
        }
        key.store().put_segments(key.key(), segments)?;
        for (stored, draws) in self.stored.iter_mut().zip(&self.draws) {
            *stored += draws[*stored..].iter().take_while(|draw| draw.is_some()).count();
        }
        Ok(())
    }
}

impl DrawSchedule for ProbeUnderWay<'_> {
    fn next(&mut self) -> Option<(usize, u64)> {
        let (problem, number) = self.scheduler.next()?;
        self.draws[problem].push(None);
        Some((problem, number))
    }

    fn is_open(&self, problem: usize) -> bool {
        self.scheduler.is_open(problem)
    }

    fn is_wanted(&self, problem: usize, number: u64) -> bool {
        self.scheduler.is_wanted(problem, number)
    }

    fn finished(&mut self, problem: usize, number: u64, draw: Draw) -> Result<(), ProbeError> {
        if !self.scheduler.is_under_way(problem, number) {
            return Err(ProbeError::NotUnderWay { problem, number });
        }
        check_finite(self.problems[problem].id.as_str(), number, std::slice::from_ref(&draw))?;
        self.scheduler.finished(problem, number, draw.verdict.is_correct());
        self.draws[problem][number as usize] = Some(draw);
        self.unsaved += 1;
        if self.unsaved >= SAVE_EVERY {
            self.save()?;
        }
        self.report();
        Ok(())
    }
}

/// An error of the probe's own that the source passed on, out of its wrapping.
fn own_error(error: SourceError) -> ProbeError {
    match error.downcast::<ProbeError>() {
        Ok(error) => *error,
        Err(error) => ProbeError::Source(error),
    }
}
