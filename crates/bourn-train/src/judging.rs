//! What the judges of a problem say of an episode, and what that is worth.

use bourn_episode::Finish;
use bourn_model::prompt::Prompter;
use bourn_task::{Paid, Problem};
use bourn_verify::{DrawId, Submission};

use crate::episodes::{Episode, Reader};
use crate::error::TrainError;
use crate::experience::{Judged, Said, Sample, Steps};

/// Reads episodes of training: each is judged by all judges of its problem.
pub(crate) struct Judging<'a> {
    pub prompter: &'a Prompter,
    /// Step of the run.
    pub step: u64,
}

impl Reader for Judging<'_> {
    type Said = Sample;

    fn read(&self, problem: &Problem, number: u64, episode: Episode) -> Result<Sample, TrainError> {
        let text = self.prompter.decode(&episode.last)?;
        let truncated = episode.trajectory.finish == Finish::Length;
        let draw = DrawId { step: self.step, number };
        let submission = Submission { text: &text, truncated, draw };
        let ask = |paid: &Paid| {
            let judgement = paid.judge.verdict(&submission).map_err(TrainError::judge(problem))?;
            let second_opinion = paid.second_opinion;
            Ok(Said { verifier: paid.judge.name(), judgement, second_opinion })
        };
        let said: Vec<Said> = problem.rewards.iter().map(ask).collect::<Result<_, TrainError>>()?;
        let reward = (problem.rewards.iter().zip(&said))
            .filter(|(_, said)| !said.second_opinion && said.judgement.score != 0.0)
            .map(|(paid, said)| paid.weight * f64::from(said.judgement.score))
            .sum::<f64>() as f32;
        let steps = pay_steps(problem, &episode, &text, self.prompter)?;
        Ok(Sample::new(episode.trajectory, Judged { said, reward, steps }))
    }
}

/// Pays each step of the last completion at the token that ends it; `None` where no reward pays steps.
fn pay_steps(
    problem: &Problem,
    episode: &Episode,
    text: &str,
    prompter: &Prompter,
) -> Result<Option<Steps>, TrainError> {
    if problem.rewards.iter().all(|reward| reward.step_weight == 0.0) {
        return Ok(None);
    }
    let tokens = &episode.last;
    // The last completion is the end of what the episode has of its own.
    let before = episode.trajectory.count() - tokens.len();
    let (mut paid, mut counts) = (vec![0.0; before + tokens.len()], Vec::new());
    for reward in &problem.rewards {
        if reward.step_weight == 0.0 {
            counts.push(None);
            continue;
        }
        let steps = reward.judge.steps(text);
        let each = reward.step_weight / steps.len().max(1) as f64;
        for step in &steps {
            let token = before + token_at(tokens, step.end, prompter)?;
            paid[token] += if step.correct { each as f32 } else { -each as f32 };
        }
        let right = steps.iter().filter(|step| step.correct).count();
        counts.push(Some((right, steps.len())));
    }
    Ok(Some(Steps { paid, counts }))
}

/// The first token whose text, with that of all before it, has `end` bytes.
fn token_at(tokens: &[u32], end: usize, prompter: &Prompter) -> Result<usize, TrainError> {
    // Text grows with every token, so that halves can be searched.
    let (mut low, mut high) = (0, tokens.len().saturating_sub(1));
    while low < high {
        let middle = (low + high) / 2;
        match prompter.decode(&tokens[..=middle])?.len() >= end {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    Ok(low)
}
