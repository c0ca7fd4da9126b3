//! What the verifiers of a recipe say of a completion, and what that is worth.

use bourn_episode::{Inputs, Trajectory};
use bourn_model::prompt::Prompter;
use bourn_recipe::{Recipe, Reward, VerifierKind};
use bourn_rollout::Completion;
use bourn_seed::rng;
use bourn_task::Problem;
use bourn_verify::Verdict;
use rand::Rng;

use crate::error::TrainError;
use crate::experience::{Judged, Sample, Steps};

/// Which draw of a problem a completion is: what a coin may depend on.
#[derive(Clone, Copy)]
pub(crate) struct Draw {
    /// Step of the run.
    pub(crate) step: u64,
    /// Number of the draw among those of its problem and step.
    pub(crate) number: u64,
}

/// The verdict of one `[[reward]]`.
fn verdict(reward: &Reward, problem: &Problem, text: &str, draw: Draw, seed: u64) -> Verdict {
    if reward.verifier != VerifierKind::Random {
        return problem.verify(reward, text);
    }
    // A problem's id is a hash of its content, in hexadecimal.
    let id = u64::from_str_radix(&problem.id, 16).unwrap_or(0);
    match rng(seed, "reward/random", &[id, draw.step, draw.number]).random::<bool>() {
        true => Verdict::Correct,
        false => Verdict::Wrong,
    }
}

/// A completion of `prompt` with its verdicts and its reward.
pub(crate) fn judge(
    group: usize,
    prompt: &Inputs,
    problem: &Problem,
    completion: Completion,
    draw: Draw,
    prompter: &Prompter,
    recipe: &Recipe,
) -> Result<Sample, TrainError> {
    let text = prompter.decode(&completion.tokens)?;
    let verdicts: Vec<Verdict> =
        recipe.rewards.iter().map(|r| verdict(r, problem, &text, draw, recipe.seed)).collect();
    let reward = recipe
        .rewards
        .iter()
        .zip(&verdicts)
        .filter(|(_, verdict)| verdict.is_correct())
        .map(|(reward, _)| reward.weight)
        .sum::<f64>() as f32;
    let steps = pay_steps(problem, &completion.tokens, &text, prompter, recipe)?;
    let Completion { tokens, logprobs, entropies, finish, .. } = completion;
    let (logprobs, entropies) = (Some(logprobs), Some(entropies));
    let trajectory =
        Trajectory::of_completion(prompt, &tokens, logprobs, entropies, finish).in_group(group);
    Ok(Sample::new(trajectory, Judged { verdicts, reward, steps }))
}

/// Pays each step of a completion at the token that ends it; `None` where no reward pays steps.
fn pay_steps(
    problem: &Problem,
    tokens: &[u32],
    text: &str,
    prompter: &Prompter,
    recipe: &Recipe,
) -> Result<Option<Steps>, TrainError> {
    if recipe.rewards.iter().all(|reward| reward.step_weight == 0.0) {
        return Ok(None);
    }
    let (mut paid, mut counts) = (vec![0.0; tokens.len()], Vec::new());
    for reward in &recipe.rewards {
        if reward.step_weight == 0.0 {
            counts.push(None);
            continue;
        }
        let steps = problem.steps(reward, text);
        let each = reward.step_weight / steps.len().max(1) as f64;
        for step in &steps {
            let token = token_at(tokens, step.end, prompter)?;
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

#[cfg(test)]
mod tests {
    use bourn_recipe::Extract;
    use bourn_task::Reference;

    use super::*;

    #[test]
    fn the_random_verifier_is_a_fair_coin_of_seed_step_and_draw_and_of_nothing_else() {
        let (verifier, extract) = (VerifierKind::Random, Extract::Whole);
        let reward = Reward { verifier, extract, weight: 1.0, step_weight: 0.0 };
        let problem = |prompt: &str| {
            Problem::new(prompt.into(), Reference::Exact("right".into()), "here".into())
        };
        let (one, other) = (problem("a"), problem("b"));
        let toss = |problem: &Problem, text: &str, seed: u64, step: u64| -> Vec<bool> {
            let toss =
                |number| verdict(&reward, problem, text, Draw { step, number }, seed).is_correct();
            (0..4096).map(toss).collect()
        };
        let tosses = toss(&one, "right", 1, 0);
        let heads = tosses.iter().filter(|&&head| head).count();
        // Five standard deviations of 4,096 fair coins are 160.
        assert!(heads.abs_diff(2048) < 160, "{heads}");
        // The text does not matter, everything else does.
        assert_eq!(tosses, toss(&one, "wrong", 1, 0));
        for others in [toss(&one, "right", 2, 0), toss(&one, "right", 1, 1), toss(&other, "", 1, 0)]
        {
            let same = tosses.iter().zip(others).filter(|(a, b)| **a == *b).count();
            assert!(same.abs_diff(2048) < 160, "{same}");
        }
    }
}
