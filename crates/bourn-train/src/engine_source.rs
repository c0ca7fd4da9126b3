//! The rollout engine as a source of judged draws and of scores.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use bourn_model::prompt::Prompter;
use bourn_probe::{
    Draw, DrawSource, Schedule, Score, ScoreRequest, ScoreSource, SourceError, rounded_entropies,
};
use bourn_recipe::{Guess, Recipe, Sampler};
use bourn_rollout::{
    Completion, Engine, Finish, Progress, Prompt, Sampling, ScoreItem, Scored, Work,
};
use bourn_task::Problem;
use bourn_verify::{DrawId, Submission};

use crate::error::TrainError;
use crate::prompts::{encode_prompts, stop_text};

/// An engine with the weights it has now, under one sampler.
pub struct EngineSource<'a> {
    engine: &'a mut Engine,
    reader: Reader<'a>,
    recipe: &'a Recipe,
    stop: &'a AtomicBool,
    sampling: Sampling,
    /// Token ids of what completions begin with.
    lead: Vec<u32>,
}

impl<'a> EngineSource<'a> {
    /// Draws and scores as the probe of `recipe` does, under `sampler`, each judged by its
    /// problem's first judge.
    /// `stop` ends either with [`RolloutError::Interrupted`](bourn_rollout::RolloutError).
    pub fn new(
        engine: &'a mut Engine,
        prompter: &'a Prompter,
        recipe: &'a Recipe,
        sampler: &Sampler,
        stop: &'a AtomicBool,
    ) -> EngineSource<'a> {
        EngineSource {
            engine,
            reader: Reader { prompter, lead: "" },
            lead: Vec::new(),
            recipe,
            stop,
            sampling: Sampling {
                temperature: sampler.temperature,
                top_p: sampler.top_p,
                top_k: sampler.top_k,
                min_p: sampler.min_p,
                max_tokens: recipe.rollout.max_completion_length,
                stop_tokens: prompter.stop_tokens().clone(),
                stop_text: stop_text(prompter),
                seed: recipe.probe.seed,
                purpose: String::new(),
                step: 0,
            },
        }
    }

    /// Draws with random numbers of their own: `purpose` and `step` are part of their seed.
    pub fn drawing(mut self, purpose: &str, step: u64) -> EngineSource<'a> {
        (self.sampling.purpose, self.sampling.step) = (purpose.to_owned(), step);
        self
    }

    /// Draws completions that begin with `guess.suffix` and go on for a few tokens only. The suffix
    /// is judged and kept with what was drawn after it; log-probs and tokens are of the drawn part.
    ///
    /// # Errors
    /// The tokenizer cannot represent the suffix.
    pub fn guessing(mut self, guess: &'a Guess) -> Result<EngineSource<'a>, TrainError> {
        self.lead = self.reader.prompter.encode_completion(&guess.suffix)?;
        self.reader.lead = &guess.suffix;
        self.sampling.max_tokens = guess.max_completion_length;
        Ok(self)
    }
}

/// Whether the user has asked to stop, as the engine is told.
fn go_on(stop: &AtomicBool) -> ControlFlow<()> {
    match stop.load(Ordering::Relaxed) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    }
}

impl DrawSource for EngineSource<'_> {
    fn stream(
        &mut self,
        problems: &[&Problem],
        schedule: &mut dyn Schedule,
    ) -> Result<(), SourceError> {
        let mut encoded = encode_prompts(problems, self.reader.prompter, self.recipe)?;
        encoded.iter_mut().for_each(|ids| ids.extend(&self.lead));
        let prompts: Vec<Prompt<'_>> = (encoded.iter().zip(problems))
            .map(|(prompt, problem)| Prompt { prompt, stream: problem.id.as_str() })
            .collect();
        let (reader, step) = (self.reader, self.sampling.step);
        let mut work = Judged { reader, step, problems, schedule, failed: None };
        let done =
            self.engine.stream(&prompts, &self.sampling, &mut work, &mut |_| go_on(self.stop));
        match work.failed {
            Some(error) => Err(error),
            None => Ok(done?),
        }
    }
}

impl ScoreSource for EngineSource<'_> {
    fn score(
        &mut self,
        requests: &[ScoreRequest<'_>],
        done: &mut dyn FnMut(u64),
    ) -> Result<Vec<Score>, SourceError> {
        let problems: Vec<&Problem> = requests.iter().map(|request| request.problem).collect();
        let prompts = encode_prompts(&problems, self.reader.prompter, self.recipe)?;
        let items: Vec<ScoreItem<'_>> = (requests.iter().zip(&prompts))
            .map(|(request, prompt)| ScoreItem { prompt, completion: request.ids })
            .collect();
        let mut told = 0;
        let mut on_progress = |progress: Progress| {
            done(progress.completions_done - told);
            told = progress.completions_done;
            go_on(self.stop)
        };
        let scored = self.engine.score_sampled(&items, &self.sampling, &mut on_progress)?;
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

/// What turns a completion into a draw.
#[derive(Clone, Copy)]
struct Reader<'a> {
    prompter: &'a Prompter,
    /// What every completion begins with, before what is drawn.
    lead: &'a str,
}

impl Reader<'_> {
    fn draw(
        &self,
        problem: &Problem,
        draw: DrawId,
        completion: Completion,
    ) -> Result<Draw, TrainError> {
        let text = self.lead.to_owned() + &self.prompter.decode(&completion.tokens)?;
        let count = completion.tokens.len();
        let truncated = completion.finish == Finish::Length;
        let submission = Submission { text: &text, truncated, draw };
        let judge = problem.judge();
        let judgement = judge.verdict(&submission).map_err(TrainError::judge(problem))?;
        Ok(Draw {
            verdict: judgement.verdict,
            answer: judge.answer(&text),
            text,
            tokens: count as u32,
            logprob: sum(&completion.sampled_logprobs),
            full_logprob: sum(&completion.logprobs),
            entropy: if count == 0 { 0.0 } else { sum(&completion.entropies) / count as f64 },
            truncated,
            entropies: rounded_entropies(&completion.entropies),
            ids: completion.tokens,
        })
    }
}

/// The probe's schedule as the engine's work: completions are judged on their way back.
struct Judged<'a> {
    reader: Reader<'a>,
    step: u64,
    problems: &'a [&'a Problem],
    schedule: &'a mut dyn Schedule,
    /// Why the work was broken off.
    failed: Option<SourceError>,
}

impl Work for Judged<'_> {
    fn next(&mut self) -> Option<(usize, u64)> {
        self.schedule.next()
    }

    fn is_open(&self, prompt: usize) -> bool {
        self.schedule.is_open(prompt)
    }

    fn is_wanted(&self, prompt: usize, sample: u64) -> bool {
        self.schedule.is_wanted(prompt, sample)
    }

    fn finished(&mut self, prompt: usize, sample: u64, completion: Completion) -> ControlFlow<()> {
        let draw = DrawId { step: self.step, number: sample };
        let judged = self.reader.draw(self.problems[prompt], draw, completion);
        let taken = judged
            .map_err(SourceError::from)
            .and_then(|draw| Ok(self.schedule.finished(prompt, sample, draw)?));
        match taken {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}
