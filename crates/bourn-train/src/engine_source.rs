//! An engine as the probe's source of judged draws and of scores.

use std::sync::atomic::AtomicBool;

use bourn_episode::Finish;
use bourn_model::prompt::Prompter;
use bourn_probe::{
    Draw, DrawSchedule, DrawSource, Score, ScoreRequest, ScoreSource, SourceError,
    rounded_entropies,
};
use bourn_recipe::{Guess, Measured, Sampler};
use bourn_rollout::{Progress, Rollouts, Sampling, ScoreItem, Scored};
use bourn_task::Problem;
use bourn_verify::{DrawId, Submission};

use crate::episodes::{self, Drawing, Episode, Plan, Reader};
use crate::error::TrainError;
use crate::prompts::encode_until;
use crate::stopping::go_on;

/// An engine with the weights it has now, under one sampler.
pub(crate) struct EngineSource<'a> {
    engine: &'a mut dyn Rollouts,
    prompter: &'a Prompter,
    measured: Measured<'a>,
    stop: &'a AtomicBool,
    sampling: Sampling,
    /// What completions begin with, before what is drawn.
    lead: &'a str,
}

impl<'a> EngineSource<'a> {
    /// Draws and scores as a probe does, under `sampler`, each judged by its problem's
    /// first judge. `stop` ends either with [`RolloutError::Interrupted`](bourn_rollout::RolloutError).
    pub(crate) fn new(
        engine: &'a mut dyn Rollouts,
        prompter: &'a Prompter,
        measured: Measured<'a>,
        sampler: &Sampler,
        stop: &'a AtomicBool,
    ) -> EngineSource<'a> {
        let sampling = Sampling {
            temperature: sampler.temperature,
            top_p: sampler.top_p,
            top_k: sampler.top_k,
            min_p: sampler.min_p,
            stop_tokens: prompter.stop_tokens().clone(),
            stop_strings: prompter.stop_strings().cloned(),
            seed: measured.probe.seed,
            ..Sampling::new(measured.rollout.max_completion_length)
        };
        EngineSource { engine, prompter, measured, stop, sampling, lead: "" }
    }

    /// Draws with random numbers of their own: `purpose` and `step` are part of their seed.
    pub(crate) fn drawing(mut self, purpose: &str, step: u64) -> EngineSource<'a> {
        (self.sampling.purpose, self.sampling.step) = (purpose.to_owned(), step);
        self
    }

    /// Draws completions that begin with `guess.suffix` and go on for a few tokens only. The suffix
    /// is judged and kept with what was drawn after it; log-probs and tokens are of the drawn part.
    pub(crate) fn guessing(mut self, guess: &'a Guess) -> EngineSource<'a> {
        self.lead = &guess.suffix;
        self.sampling.max_tokens = guess.max_completion_length;
        self
    }
}

impl DrawSource for EngineSource<'_> {
    fn stream(
        &mut self,
        problems: &[&Problem],
        schedule: &mut dyn DrawSchedule,
    ) -> Result<(), SourceError> {
        let &mut EngineSource { prompter, measured, stop, lead, .. } = self;
        let limit = measured.rollout.max_prompt_length;
        let mut prompts = encode_until(problems, prompter, limit, stop)?;
        if !lead.is_empty() {
            let begun = prompter.encode_completion(lead).map_err(TrainError::from)?;
            prompts.iter_mut().for_each(|prompt| prompt.extend(&begun));
        }
        let reader = Reading { prompter, lead, step: self.sampling.step };
        // What is drawn next depends on verdicts. Where they come at once, it does so on nothing else.
        let in_turn = !problems.iter().any(|problem| problem.judge().waits());
        let (engine, sampling) = (&mut *self.engine, &self.sampling);
        let drawing = Drawing { engine, sampling, prompter, stop, in_turn };
        episodes::draw(drawing, &prompts, problems, &reader, &mut Scheduled(schedule))
    }
}

impl ScoreSource for EngineSource<'_> {
    fn score(
        &mut self,
        requests: &[ScoreRequest<'_>],
        done: &mut dyn FnMut(u64),
    ) -> Result<Vec<Score>, SourceError> {
        let problems: Vec<&Problem> = requests.iter().map(|request| request.problem).collect();
        let limit = self.measured.rollout.max_prompt_length;
        let prompts = encode_until(&problems, self.prompter, limit, self.stop)?;
        let items: Vec<ScoreItem<'_>> = (requests.iter().zip(&prompts))
            .map(|(request, prompt)| ScoreItem { prompt, completion: request.ids })
            .collect();
        let mut told = 0;
        let mut on_progress = |progress: Progress| {
            done(progress.completions_done - told);
            told = progress.completions_done;
            go_on(self.stop)
        };
        let scored = self.engine.score(&items, &self.sampling, &mut on_progress)?;
        Ok(scored.iter().map(score).collect())
    }
}

/// Token scores as those of a completion.
fn score(scored: &Scored) -> Score {
    let sampled: Option<Vec<f32>> = scored.sampled_logprobs.iter().copied().collect();
    let outside = scored.sampled_logprobs.iter().position(Option::is_none);
    Score {
        full_logprob: sum(&scored.logprobs),
        tokens: scored.logprobs.len() as u32,
        sampled_logprob: sampled.map(|values| sum(&values)),
        outside: outside.map(|place| place as u32),
    }
}

/// A sum in f64, in order: the same for a completion's draw and for its score.
fn sum(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum()
}

/// Reads episodes of a probe: each is judged by the first judge of its problem.
struct Reading<'a> {
    prompter: &'a Prompter,
    /// What every completion begins with, before what is drawn.
    lead: &'a str,
    /// Step of the policy.
    step: u64,
}

impl Reader for Reading<'_> {
    type Said = Draw;

    fn read(&self, problem: &Problem, number: u64, episode: Episode) -> Result<Draw, TrainError> {
        let text = self.lead.to_owned() + &self.prompter.decode(&episode.last)?;
        let Episode { trajectory, sampled_logprobs, .. } = episode;
        let truncated = trajectory.finish == Finish::Length;
        let submission =
            Submission { text: &text, truncated, draw: DrawId { step: self.step, number } };
        let judge = problem.judge();
        let judgement = judge.verdict(&submission).map_err(TrainError::judge(problem))?;
        let unknown = |what| TrainError::Unknown { what };
        let entropies = trajectory.entropies.as_deref().ok_or_else(|| unknown("entropies"))?;
        let logprobs = trajectory.logprobs.as_deref().ok_or_else(|| unknown("log-probs"))?;
        let ids = trajectory.tokens();
        let count = ids.len();
        Ok(Draw {
            verdict: judgement.verdict,
            answer: judge.answer(&text),
            text,
            tokens: count as u32,
            logprob: sum(&sampled_logprobs),
            full_logprob: sum(logprobs),
            entropy: if count == 0 { 0.0 } else { sum(entropies) / count as f64 },
            truncated,
            entropies: rounded_entropies(entropies),
            ids,
        })
    }
}

/// A probe's schedule as a plan.
struct Scheduled<'a>(&'a mut dyn DrawSchedule);

impl Plan for Scheduled<'_> {
    type Said = Draw;

    fn next(&mut self) -> Option<(usize, u64)> {
        self.0.next()
    }

    fn is_open(&self, problem: usize) -> bool {
        self.0.is_open(problem)
    }

    fn is_wanted(&self, problem: usize, number: u64) -> bool {
        self.0.is_wanted(problem, number)
    }

    fn judged(&mut self, problem: usize, number: u64, said: Draw) -> Result<(), SourceError> {
        Ok(self.0.finished(problem, number, said)?)
    }
}
