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
//! leave of the prior Beta(2, 1). Draws are risked in order of that probability, as long as few are
//! lost. The prior leans to success, because the least risk is looked for: it is found where a problem
//! has only been unlucky so far, and losing draws costs more than leaving a slot empty.

use crate::Extent;

/// A draw this unlikely to be cut is as good as certain to count.
const SURE: f64 = 1e-3;

/// The share of all draws that may be cut, as far as is known and expected. Less than half of what
/// is tolerated (5%), for populations that are over after a few hundred draws, whose luck does not
/// even out.
const BUDGET: f64 = 0.02;

/// The draws of every problem as far as their order and success go.
#[derive(Clone, Debug)]
pub(crate) struct Scheduler {
    extent: Extent,
    tracks: Vec<Track>,
    /// Draws started, without those that were there before.
    launched: u64,
    /// Of those, how many have been cut in problems that are decided, and are expected to be in the
    /// others.
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
    /// How many of the draws started are expected to be cut, as far as is known now.
    expected_cut: f64,
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
        let draws = &mut self.tracks[problem].draws;
        let number = draws.len() as u64;
        draws.push(None);
        self.launched += 1;
        self.update(problem);
        (problem, number)
    }

    /// Works out again what the problem's draws under way and its next one risk.
    fn update(&mut self, problem: usize) {
        let track = &mut self.tracks[problem];
        self.expected_cut -= track.expected_cut;
        track.update(self.extent);
        self.expected_cut += track.expected_cut;
    }

    /// Whether more draws of the problem may be started.
    pub(crate) fn is_open(&self, problem: usize) -> bool {
        self.tracks[problem].is_open(self.extent)
    }

    /// Whether the problem's end is known to lie after draw `number`, or not known to lie before.
    pub(crate) fn is_wanted(&self, problem: usize, number: u64) -> bool {
        let track = &self.tracks[problem];
        !track.decided && number < track.end(self.extent)
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
        self.update(problem);
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

    /// Number of draws at which the problem ends at the latest, as far as is known: that of the
    /// success which is the last to be needed among those that are finished.
    fn end(&self, extent: Extent) -> u64 {
        if self.decided {
            return self.n;
        }
        if self.successes < extent.stop() {
            return extent.n_max();
        }
        let successes = self.draws.iter().zip(1..).filter(|(draw, _)| **draw == Some(true));
        let needed = usize::try_from(extent.stop()).unwrap_or(usize::MAX);
        successes.map(|(_, count)| count).nth(needed - 1).unwrap_or(extent.n_max())
    }

    /// Works out again what the draws under way and the next one risk.
    fn update(&mut self, extent: Extent) {
        let started = self.draws.len() as u64;
        let under_way = started - self.finished;
        let (s, failures) = (self.successes, self.finished - self.successes);
        let needed = extent.stop().saturating_sub(s);
        if self.decided || needed == 0 {
            (self.waste, self.expected_cut) =
                (1.0, (started - self.end(extent).min(started)) as f64);
        } else if under_way < needed {
            (self.waste, self.expected_cut) = (0.0, 0.0);
        } else {
            // Each draw under way is cut if enough of those before it succeed.
            let (a, b) = (s as f64 + 2.0, failures as f64 + 1.0);
            (self.waste, self.expected_cut) = beta_binomial_tails(under_way, needed, a, b);
        }
    }
}

/// P(X_n ≥ m), and the sum of P(X_i ≥ m) over i < n, for X_i the successes among i draws whose
/// success probability is from Beta(a, b), and m ≥ 1.
fn beta_binomial_tails(n: u64, m: u64, a: f64, b: f64) -> (f64, f64) {
    // At i = m − 1 the tail is 0 and the mass at m − 1 is that of successes alone. Each further draw
    // moves to the tail what was at m − 1 and succeeds.
    let (mut tail, mut sum) = (0.0, 0.0);
    let at = (m - 1) as f64;
    let mut mass: f64 = (0..m - 1).map(|i| (a + i as f64) / (a + b + i as f64)).product();
    for i in m - 1..n {
        let i = i as f64;
        sum += tail;
        tail += mass * (a + at) / (a + b + i);
        mass *= (i + 1.0) / (i + 1.0 - at) * (b + i - at) / (a + b + i);
    }
    (tail, sum)
}

#[cfg(test)]
#[path = "../../tests/unit/draws/schedule.rs"]
mod tests;
