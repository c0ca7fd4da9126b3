//! What the judges of a problem say of a completion, and what that is worth.

use bourn_model::prompt::Prompter;
use bourn_rollout::{Completion, Finish};
use bourn_task::{Paid, Problem};
use bourn_verify::{DrawId, Submission};

use crate::error::TrainError;
use crate::experience::Sample;

/// A completion with its verdicts and its reward.
pub(crate) fn judge(
    group: usize,
    problem: &Problem,
    completion: Completion,
    draw: DrawId,
    prompter: &Prompter,
) -> Result<Sample, TrainError> {
    let text = prompter.decode(&completion.tokens)?;
    let truncated = completion.finish == Finish::Length;
    let submission = Submission { text: &text, truncated, draw };
    let ask = |paid: &Paid| paid.judge.verdict(&submission).map_err(TrainError::judge(problem));
    let judged = problem.rewards.iter().map(ask).collect::<Result<Vec<_>, _>>()?;
    let reward = (problem.rewards.iter().zip(&judged))
        .filter(|(_, judgement)| judgement.score != 0.0)
        .map(|(paid, judgement)| paid.weight * f64::from(judgement.score))
        .sum::<f64>();
    let verdicts = judged.iter().map(|judgement| judgement.verdict).collect();
    let scores = judged.iter().map(|judgement| judgement.score).collect();
    let verifiers = problem.rewards.iter().map(|paid| paid.judge.name()).collect();
    let (step_rewards, steps) = pay_steps(problem, &completion, &text, prompter)?;
    let sample = Sample::new(group, completion, verdicts, reward as f32);
    Ok(Sample { step_rewards, steps, verifiers, scores, ..sample })
}

/// How many steps of a completion are right, of how many, for each reward that pays steps.
type StepCounts = Vec<Option<(usize, usize)>>;

/// Pays each step of a completion at the token that ends it.
fn pay_steps(
    problem: &Problem,
    completion: &Completion,
    text: &str,
    prompter: &Prompter,
) -> Result<(Vec<f32>, StepCounts), TrainError> {
    if problem.rewards.iter().all(|reward| reward.step_weight == 0.0) {
        return Ok((Vec::new(), vec![None; problem.rewards.len()]));
    }
    let tokens = &completion.tokens;
    let (mut paid, mut counts) = (vec![0.0; tokens.len()], Vec::new());
    for reward in &problem.rewards {
        if reward.step_weight == 0.0 {
            counts.push(None);
            continue;
        }
        let steps = reward.judge.steps(text);
        let each = reward.step_weight / steps.len().max(1) as f64;
        for step in &steps {
            let token = token_at(tokens, step.end, prompter)?;
            paid[token] += if step.correct { each as f32 } else { -each as f32 };
        }
        let right = steps.iter().filter(|step| step.correct).count();
        counts.push(Some((right, steps.len())));
    }
    Ok((paid, counts))
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
