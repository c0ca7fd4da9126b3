//! A synthetic population: a model is a success probability per problem.
#![allow(dead_code, missing_docs, reason = "each test file uses its part")]

use std::collections::BTreeMap;

use bourn_probe::{Draw, DrawRequest, DrawSource, LedgerKey, Outcomes, SourceError};
use bourn_task::{Problem, Reference};
use bourn_verify::Verdict;

/// A number in 0..1 that depends on its arguments alone.
pub fn uniform(seed: u64, id: &str, index: u64) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(&index.to_le_bytes()).update(id.as_bytes());
    let bytes: [u8; 8] = hasher.finalize().as_bytes()[..8].try_into().unwrap();
    (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
}

pub fn problem(id: &str) -> Problem {
    Problem {
        id: id.to_owned(),
        prompt: format!("{id} = ?"),
        reference: Reference::Exact(id.to_owned()),
        origin: "synthetic".to_owned(),
    }
}

pub fn problems(count: usize) -> Vec<Problem> {
    (0..count).map(|i| problem(&format!("p{i:04}"))).collect()
}

pub fn named(problems: &[Problem]) -> impl Iterator<Item = (&str, &str)> {
    problems.iter().map(|p| (p.id.as_str(), p.prompt.as_str()))
}

pub fn key(weights: &str) -> LedgerKey {
    LedgerKey {
        weights: weights.to_owned(),
        sampler: "temperature 1".to_owned(),
        prompt: "plain".to_owned(),
        verifier: "exact".to_owned(),
        seed: 1,
    }
}

pub fn outcomes(list: &[(&str, u64, u64)]) -> BTreeMap<String, Outcomes> {
    list.iter().map(|&(id, n, c)| (id.to_owned(), Outcomes::new(n, c).unwrap())).collect()
}

/// A draw of this verdict and text, with plain figures.
pub fn draw(verdict: Verdict, text: &str) -> Draw {
    let tokens = text.len() as u32;
    Draw { verdict, text: text.to_owned(), tokens, logprob: -1.5, entropy: 0.5, truncated: false }
}

/// Draws from a synthetic model, and counts what it was asked for.
pub struct Population<F> {
    pub seed: u64,
    pub success: F,
    pub drawn: u64,
}

impl<F: Fn(&Problem) -> f64> Population<F> {
    pub fn new(seed: u64, success: F) -> Self {
        Self { seed, success, drawn: 0 }
    }
}

impl<F: Fn(&Problem) -> f64> DrawSource for Population<F> {
    fn draw(
        &mut self,
        requests: &[DrawRequest<'_>],
        done: &mut dyn FnMut(u64),
    ) -> Result<Vec<Vec<Draw>>, SourceError> {
        let answer = |request: &DrawRequest<'_>| {
            let id = &request.problem.id;
            let one = |index| {
                let u = uniform(self.seed, id, index);
                let correct = u < (self.success)(request.problem);
                let verdict = if correct { Verdict::Correct } else { Verdict::Wrong };
                Draw {
                    logprob: u.ln(),
                    entropy: u,
                    ..draw(verdict, &format!("{verdict:?} {u:.1}"))
                }
            };
            (request.first..request.first + request.count).map(one).collect()
        };
        let drawn: Vec<Vec<Draw>> = requests.iter().map(answer).collect();
        for draws in &drawn {
            done(draws.len() as u64);
            self.drawn += draws.len() as u64;
        }
        Ok(drawn)
    }
}
