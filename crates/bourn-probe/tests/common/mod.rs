//! A synthetic population: a model is a success probability per problem.
#![allow(dead_code, missing_docs, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use bourn_probe::{
    Draw, DrawSchedule, DrawSource, LedgerKey, LedgerStore, LockedKey, Outcomes, SourceError,
};
use bourn_task::{Problem, ProblemId, Reference};
use bourn_verify::Verdict;

/// A number in 0..1 that depends on its arguments alone.
pub(crate) fn uniform(seed: u64, id: &str, index: u64) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(&index.to_le_bytes()).update(id.as_bytes());
    let bytes: [u8; 8] = hasher.finalize().as_bytes()[..8].try_into().unwrap();
    (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
}

pub(crate) fn problem(id: &str) -> Problem {
    let reference = Reference::Exact(id.to_owned());
    Problem::unjudged(ProblemId::named(id), format!("{id} = ?"), reference)
}

pub(crate) fn problems(count: usize) -> Vec<Problem> {
    (0..count).map(|i| problem(&format!("p{i:04}"))).collect()
}

pub(crate) fn named(problems: &[Problem]) -> impl Iterator<Item = (&str, &str)> {
    problems.iter().map(|p| (p.id.as_str(), p.prompt.as_str()))
}

pub(crate) fn key(weights: &str) -> LedgerKey {
    LedgerKey {
        weights: weights.to_owned(),
        sampler: "temperature 1".to_owned(),
        prompt: "plain".to_owned(),
        verifier: "exact".to_owned(),
        seed: 1,
    }
}

/// The right to draw for a key that nobody else draws for.
pub(crate) fn lock<'a>(store: &'a LedgerStore, key: &'a LedgerKey) -> LockedKey<'a> {
    store.lock(key, &mut |_| ControlFlow::Break(())).unwrap().expect("nobody else has it")
}

pub(crate) fn outcomes(list: &[(&str, u64, u64)]) -> BTreeMap<String, Outcomes> {
    list.iter().map(|&(id, n, c)| (id.to_owned(), Outcomes::new(n, c).unwrap())).collect()
}

/// A draw of this verdict and text, with plain figures.
pub(crate) fn draw(verdict: Verdict, text: &str) -> Draw {
    Draw {
        verdict,
        answer: (verdict != Verdict::Unparsed).then(|| text.to_owned()),
        text: text.to_owned(),
        tokens: text.len() as u32,
        logprob: -1.5,
        full_logprob: -2.0,
        entropy: 0.5,
        truncated: false,
        ids: text.bytes().map(u32::from).collect(),
        entropies: vec![0.5; text.len()],
    }
}

/// Draws from a synthetic model, `batch` at once, which end out of order; and counts what it drew.
pub(crate) struct Population<F> {
    pub seed: u64,
    pub success: F,
    pub batch: usize,
    /// Draws started.
    pub drawn: u64,
    /// Fails once this many draws have been reported.
    pub fails_after: u64,
}

impl<F: Fn(&Problem) -> f64> Population<F> {
    pub(crate) fn new(seed: u64, success: F) -> Self {
        Self { seed, success, batch: 16, drawn: 0, fails_after: u64::MAX }
    }

    /// Number `number` of a problem's draws, and how many steps it takes.
    fn one(&self, problem: &Problem, number: u64) -> (Draw, u64) {
        let u = uniform(self.seed, problem.id.as_str(), number);
        let verdict = if u < (self.success)(problem) { Verdict::Correct } else { Verdict::Wrong };
        let text = format!("{verdict:?} {u:.1}");
        let steps = 1 + (uniform(self.seed ^ 77, problem.id.as_str(), number) * 20.0) as u64;
        (Draw { logprob: u.ln(), entropy: u, ..draw(verdict, &text) }, steps)
    }
}

impl<F: Fn(&Problem) -> f64> DrawSource for Population<F> {
    fn stream(
        &mut self,
        problems: &[&Problem],
        schedule: &mut dyn DrawSchedule,
    ) -> Result<(), SourceError> {
        let mut rows: Vec<(usize, u64, Draw, u64)> = Vec::new();
        let mut reported = 0;
        loop {
            while rows.len() < self.batch
                && let Some((problem, number)) = schedule.next()
            {
                self.drawn += 1;
                let (draw, steps) = self.one(problems[problem], number);
                rows.push((problem, number, draw, steps));
            }
            if rows.is_empty() {
                return Ok(());
            }
            for (problem, number, draw, steps) in std::mem::take(&mut rows) {
                if steps > 1 {
                    rows.push((problem, number, draw, steps - 1));
                } else if reported == self.fails_after {
                    return Err("stopped".into());
                } else {
                    schedule.finished(problem, number, draw)?;
                    reported += 1;
                }
            }
            rows.retain(|(problem, number, ..)| schedule.is_wanted(*problem, *number));
        }
    }
}
