//! Which draw to start next, so that a source's batch stays full and little is drawn in vain.
//!
//! A problem is decided when its draws, *in draw order*, reach the end; what arrives first decides
//! nothing, so that the outcome does not depend on the batch. The schedule only chooses what is
//! drawn, and how much of it is cut in the end.
//!
//! Draws of a problem are started in order of their numbers. The draw to be started next, after s
//! successes among the finished draws and f draws under way, is cut exactly if at least r − s of
//! the f succeed. While s + f < r that cannot happen. Beyond that its probability is the upper tail
//! of a beta-binomial: f draws whose success probability has the posterior that the finished draws
//! leave of a flat-ended prior, Beta(1/2, 1/2).

use crate::Extent;

/// A draw this unlikely to be cut is as good as certain to count.
const SURE: f64 = 1e-3;

/// The share of all draws that may be expected to be cut. Half of what is tolerated (5%): the
/// posterior is right on average over problems, not for each.
const BUDGET: f64 = 0.025;

/// The draws of every problem as far as their order and success go.
#[derive(Clone, Debug)]
pub(crate) struct Scheduler {
    extent: Extent,
    tracks: Vec<Track>,
    /// Draws started, without those that were there before.
    launched: u64,
    /// Of those, how many are expected to be cut.
    expected_cut: f64,
    undecided: usize,
    /// Draws that count so far: of each problem those in order without a gap, up to its end.
    counted: u64,
    held: u64,
    /// Problems from here on have not been begun.
    fresh: usize,
}

#[derive(Clone, Debug, Default)]
struct Track {
    /// Whether each draw that has been started succeeded; `None` while it is under way.
    draws: Vec<Option<bool>>,
    /// Finished draws and successes among them, in whatever order they came.
    finished: u64,
    successes: u64,
    /// Draws that are finished in order without a gap, and successes among them; not beyond the end.
    n: u64,
    c: u64,
    decided: bool,
    /// Probability that the next draw would be cut.
    waste: f64,
}

impl Scheduler {
    /// `held` draws of each problem are there already, in order from the first.
    pub(crate) fn new<I: IntoIterator<Item = bool>>(
        extent: Extent,
        held: impl IntoIterator<Item = I>,
    ) -> Self {
        let mut scheduler = Self {
            extent,
            tracks: Vec::new(),
            launched: 0,
            expected_cut: 0.0,
            undecided: 0,
            counted: 0,
            held: 0,
            fresh: 0,
        };
        for held in held {
            let draws: Vec<Option<bool>> = held.into_iter().map(Some).collect();
            let successes = draws.iter().flatten().filter(|&&success| success).count() as u64;
            let finished = draws.len() as u64;
            scheduler.tracks.push(Track { draws, finished, successes, ..Track::default() });
            scheduler.undecided += 1;
            scheduler.advance(scheduler.tracks.len() - 1);
        }
        scheduler.held = scheduler.counted;
        scheduler
    }

    /// The draw to start now.
    pub(crate) fn next(&mut self) -> Option<(usize, u64)> {
        let begun = self.tracks[..self.fresh].iter().enumerate();
        let mut best: Option<(usize, f64)> = None;
        for (problem, track) in begun.filter(|(_, track)| track.is_open(self.extent)) {
            if track.waste <= SURE {
                return Some(self.launch(problem));
            }
            if best.is_none_or(|(_, least)| track.waste < least) {
                best = Some((problem, track.waste));
            }
        }
        while let Some(track) = self.tracks.get(self.fresh) {
            self.fresh += 1;
            if track.is_open(self.extent) {
                return Some(self.launch(self.fresh - 1));
            }
        }
        let (problem, waste) = best?;
        let affordable = self.expected_cut + waste <= BUDGET * (self.launched + 1) as f64;
        affordable.then(|| self.launch(problem))
    }

    fn launch(&mut self, problem: usize) -> (usize, u64) {
        let track = &mut self.tracks[problem];
        self.launched += 1;
        self.expected_cut += track.waste;
        track.draws.push(None);
        track.update(self.extent);
        (problem, track.draws.len() as u64 - 1)
    }

    /// Whether more draws of the problem may be started.
    pub(crate) fn is_open(&self, problem: usize) -> bool {
        self.tracks[problem].is_open(self.extent)
    }

    /// Whether the problem's end is known to lie after draw `number`, or not known to lie before.
    pub(crate) fn is_wanted(&self, problem: usize, number: u64) -> bool {
        let track = &self.tracks[problem];
        if track.successes < self.extent.stop() {
            return !track.decided;
        }
        // The end is at the latest at the success that is the last to be needed.
        let successes = track.draws.iter().enumerate().filter(|(_, draw)| **draw == Some(true));
        let needed = usize::try_from(self.extent.stop()).unwrap_or(usize::MAX);
        let last = successes.map(|(at, _)| at as u64).nth(needed - 1);
        !track.decided && last.is_some_and(|last| number < last)
    }

    /// Whether draw `number` has been started and has not finished.
    pub(crate) fn is_under_way(&self, problem: usize, number: u64) -> bool {
        let draw = |track: &Track| track.draws.get(usize::try_from(number).ok()?).copied();
        self.tracks.get(problem).and_then(draw) == Some(None)
    }

    /// Takes the outcome of a draw that is under way.
    pub(crate) fn finished(&mut self, problem: usize, number: u64, success: bool) {
        let track = &mut self.tracks[problem];
        track.draws[number as usize] = Some(success);
        track.finished += 1;
        track.successes += u64::from(success);
        self.advance(problem);
    }

    /// Counts the draws that follow on in order, to the problem's end.
    fn advance(&mut self, problem: usize) {
        let track = &mut self.tracks[problem];
        while !track.decided
            && let Some(Some(success)) = track.draws.get(track.n as usize)
        {
            track.n += 1;
            track.c += u64::from(*success);
            self.counted += 1;
            if self.extent.ends(track.n, track.c) {
                track.decided = true;
                self.undecided -= 1;
            }
        }
        track.update(self.extent);
    }

    /// Number of draws of the problem that count so far.
    pub(crate) fn counted_of(&self, problem: usize) -> u64 {
        self.tracks[problem].n
    }

    /// Problems whose draws have reached their end.
    pub(crate) fn decided(&self) -> usize {
        self.tracks.len() - self.undecided
    }

    /// The first problem whose draws have not.
    pub(crate) fn first_undecided(&self) -> Option<usize> {
        self.tracks.iter().position(|track| !track.decided)
    }

    /// Draws that count so far, those that were there before included.
    pub(crate) fn counted(&self) -> u64 {
        self.counted
    }

    /// Draws started, without those that were there before.
    pub(crate) fn launched(&self) -> u64 {
        self.launched
    }

    /// Once every problem is decided: of the draws started, those that do not count.
    pub(crate) fn cut(&self) -> u64 {
        self.launched - (self.counted - self.held)
    }
}

impl Track {
    fn is_open(&self, extent: Extent) -> bool {
        let started = self.draws.len() as u64;
        !self.decided && self.successes < extent.stop() && started < extent.n_max()
    }

    /// Works out again what the next draw would risk.
    fn update(&mut self, extent: Extent) {
        let under_way = self.draws.len() as u64 - self.finished;
        let (s, failures) = (self.successes, self.finished - self.successes);
        self.waste = match extent.stop().saturating_sub(s) {
            needed if under_way < needed => 0.0,
            needed => beta_binomial_tail(under_way, needed, s as f64 + 0.5, failures as f64 + 0.5),
        };
    }
}

/// P(X ≥ m) for X of `n` draws with success probability from Beta(a, b).
fn beta_binomial_tail(n: u64, m: u64, a: f64, b: f64) -> f64 {
    // P(X = 0), then from each P(X = x) the next.
    let mut mass: f64 = (0..n).map(|i| (b + i as f64) / (a + b + i as f64)).product();
    let mut below = 0.0;
    for x in 0..m {
        below += mass;
        let (x, n) = (x as f64, n as f64);
        mass *= (n - x) / (x + 1.0) * (a + x) / (b + n - x - 1.0);
    }
    (1.0 - below).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests;
