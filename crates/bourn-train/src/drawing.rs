//! Drawing a step's groups.

use std::sync::atomic::AtomicBool;

use bourn_model::prompt::Prompter;
use bourn_probe::{ProbeError, SourceError};
use bourn_recipe::Rollout;
use bourn_rollout::{Rollouts, Sampling};
use bourn_task::Problem;

use crate::episodes::{self, Drawing, Plan};
use crate::error::TrainError;
use crate::experience::{Experience, Sample};
use crate::judging::Judging;
use crate::probe::own_error;
use crate::prompts::encode_until;
use crate::settings::Draws;

/// What the draws of a step are for: part of their seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DrawBatch {
    /// `train`, or what else is drawn for.
    pub purpose: &'static str,
    /// Step of the run.
    pub step: u64,
    /// How many batches the step has drawn before.
    pub batch: u64,
    /// Episodes of each problem.
    pub size: usize,
}

/// Draws a group of episodes for each problem and judges them; their advantages are not known yet.
/// `stop` ends the work with [`RolloutError::Interrupted`](bourn_rollout::RolloutError).
///
/// # Errors
/// As [`Rollouts::draw`]; a judge or an environment that failed; an algorithm that reads entropies,
/// from an engine that gives none.
pub(crate) fn collect(
    engine: &mut dyn Rollouts,
    prompter: &Prompter,
    problems: &[&Problem],
    draws: Draws<'_>,
    batch: DrawBatch,
    stop: &AtomicBool,
) -> Result<Experience, TrainError> {
    if draws.entropies && !engine.capabilities().entropies {
        return Err(TrainError::Unknown { what: "entropies" });
    }
    let prompts = encode_until(problems, prompter, draws.rollout.max_prompt_length, stop)?;
    let sampling = Sampling {
        purpose: batch.purpose.into(),
        ..training_sampling(draws.rollout, draws.seed, prompter, batch.step)
    };
    let mut groups_of = |sampling: &Sampling, first: u64, size: usize| {
        let mut groups = DrawnGroups::new(problems.len(), first, size);
        let reader = Judging { prompter, step: batch.step };
        let engine = &mut *engine;
        let drawing = Drawing { engine, sampling, prompter, stop, in_turn: false };
        episodes::draw(drawing, &prompts, problems, &reader, &mut groups)
            .map_err(|error| own_error(ProbeError::Source(error)))?;
        Ok::<_, TrainError>(groups.into_samples())
    };
    // A problem that comes again in a later batch of the step is drawn anew.
    let samples = groups_of(&sampling, batch.batch * batch.size as u64, batch.size)?;
    let greedy = match draws.greedy {
        true => Some(groups_of(&Sampling { temperature: 0.0, ..sampling }, 0, 1)?),
        false => None,
    };
    let problems = problems.iter().map(|problem| problem.id.to_string()).collect();
    Ok(Experience {
        greedy,
        entropy_coef: draws.entropy_coef,
        ..Experience::new(problems, samples)
    })
}

/// The sampler of training: the full distribution at the recipe's temperature.
pub(crate) fn training_sampling(
    rollout: &Rollout,
    seed: u64,
    prompter: &Prompter,
    step: u64,
) -> Sampling {
    Sampling {
        temperature: rollout.temperature,
        stop_tokens: prompter.stop_tokens().clone(),
        stop_strings: prompter.stop_strings().cloned(),
        seed,
        purpose: "train".into(),
        step,
        ..Sampling::new(rollout.max_completion_length)
    }
}

/// Groups of equally many episodes, one after the other.
struct DrawnGroups {
    /// Number of the first draw of each problem.
    first: u64,
    size: usize,
    /// Episodes that were started.
    started: usize,
    /// Group after group; each has its place once it is judged.
    samples: Vec<Option<Sample>>,
}

impl DrawnGroups {
    fn new(problems: usize, first: u64, size: usize) -> DrawnGroups {
        let mut samples = Vec::new();
        samples.resize_with(problems * size, || None);
        DrawnGroups { first, size, started: 0, samples }
    }

    /// All of them: a draw ends when nothing more was to start, and everything is judged.
    fn into_samples(self) -> Vec<Sample> {
        self.samples.into_iter().flatten().collect()
    }
}

impl Plan for DrawnGroups {
    type Said = Sample;

    fn next(&mut self) -> Option<(usize, u64)> {
        let place = self.started;
        if place >= self.samples.len() {
            return None;
        }
        self.started += 1;
        Some((place / self.size, self.first + (place % self.size) as u64))
    }

    fn is_open(&self, problem: usize) -> bool {
        self.started < (problem + 1) * self.size
    }

    fn is_wanted(&self, _: usize, _: u64) -> bool {
        true
    }

    fn judged(&mut self, problem: usize, number: u64, said: Sample) -> Result<(), SourceError> {
        self.samples[problem * self.size + (number - self.first) as usize] = Some(said);
        Ok(())
    }
}
