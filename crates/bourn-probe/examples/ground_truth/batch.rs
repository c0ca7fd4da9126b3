//! What the scheduler draws in vain: the probe against a source that holds a batch of completions
//! of different lengths, as a real one does.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bourn_probe::{Draw, DrawSchedule, DrawSource, Extent, ProbeError, SourceError, probe};
use bourn_seed::rng;
use bourn_task::{Problem, ProblemId, Reference};
use bourn_verify::Verdict;
use rand::Rng;

/// Completions under way at once.
pub(crate) const SLOTS: usize = 64;

/// Draws that were made and, of these, cut.
#[derive(Clone, Copy, Default)]
pub(crate) struct Made {
    /// Completions that were started.
    pub made: u64,
    /// Of those, how many lay beyond their problem's end.
    pub cut: u64,
}

/// Probes problems with these success probabilities.
pub(crate) fn drawn(rates: &[f64], replication: u64, extent: Extent) -> Result<Made, ProbeError> {
    let problem = |place: usize| {
        let reference = Reference::Exact(String::new());
        Problem::unjudged(ProblemId::named(&format!("p{place:05}")), String::new(), reference)
    };
    let problems: Vec<Problem> = (0..rates.len()).map(problem).collect();
    let probed = probe(&problems, &mut Source { rates, replication }, extent, &mut |_| {})?;
    Ok(Made { made: probed.made, cut: probed.cut })
}

/// Completions of 20 to 400 tokens, [`SLOTS`] under way at once, each one token a round.
struct Source<'a> {
    rates: &'a [f64],
    replication: u64,
}

impl DrawSource for Source<'_> {
    fn stream(
        &mut self,
        _problems: &[&Problem],
        schedule: &mut dyn DrawSchedule,
    ) -> Result<(), SourceError> {
        let mut under_way: BinaryHeap<Reverse<(u64, usize, u64, bool)>> = BinaryHeap::new();
        let mut now = 0;
        loop {
            while under_way.len() < SLOTS {
                let Some((problem, number)) = schedule.next() else { break };
                let counters = [self.replication, problem as u64, number];
                let mut rng = rng(0, "ground-truth/batch", &counters);
                let correct = rng.random::<f64>() < self.rates[problem];
                let ends = now + rng.random_range(20..=400_u64);
                under_way.push(Reverse((ends, problem, number, correct)));
            }
            let Some(Reverse((ends, problem, number, correct))) = under_way.pop() else {
                return Ok(());
            };
            now = ends;
            // Given up, as an engine may, when its problem was decided without it.
            if schedule.is_wanted(problem, number) {
                schedule.finished(problem, number, draw(correct))?;
            }
        }
    }
}

fn draw(correct: bool) -> Draw {
    Draw {
        verdict: if correct { Verdict::Correct } else { Verdict::Wrong },
        answer: None,
        text: String::new(),
        tokens: 0,
        logprob: 0.0,
        full_logprob: 0.0,
        entropy: 0.0,
        truncated: false,
        ids: Vec::new(),
        entropies: Vec::new(),
    }
}
