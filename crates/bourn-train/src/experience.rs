//! From problems to judged completions: what one step trains on.

use std::ops::ControlFlow;

use bourn_algo::group_advantages;
use bourn_model::prompt::Prompter;
use bourn_recipe::{Recipe, ScaleRewards};
use bourn_rollout::{Completion, Engine, Finish, Progress, Request, Sampling};
use bourn_task::{Problem, Problems};
use bourn_verify::Verdict;

use crate::error::TrainError;

/// One completion with what its verifiers said and what it is worth.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Index of the group (and of its prompt).
    pub group: usize,
    /// Tokens, log-probs and entropies as the sampler gave them.
    pub completion: Completion,
    /// Verdict of each `[[reward]]`, in recipe order; the first is the raw verdict.
    pub verdicts: Vec<Verdict>,
    /// Weighted sum of the correct verdicts.
    pub reward: f32,
    /// Advantage of each token.
    pub advantages: Vec<f32>,
}

impl Sample {
    /// Whether the completion ran into the length limit.
    pub fn truncated(&self) -> bool {
        self.completion.finish == Finish::Length
    }
}

/// The judged completions of one step.
#[derive(Clone, Debug)]
pub struct Experience {
    /// Prompt token ids of each group.
    pub prompts: Vec<Vec<u32>>,
    /// Problem id of each group.
    pub problems: Vec<String>,
    /// Completions, group after group, `num_generations` of each.
    pub samples: Vec<Sample>,
}

/// Renders the prompts of `problems` to token ids.
///
/// # Errors
/// Names the problem whose prompt is longer than the recipe allows.
pub fn encode_prompts(
    problems: &[&Problem],
    prompter: &Prompter,
    recipe: &Recipe,
) -> Result<Vec<Vec<u32>>, TrainError> {
    let limit = recipe.rollout.max_prompt_length;
    let encode = |problem: &&Problem| {
        let ids = prompter.encode(&problem.prompt)?;
        if ids.len() > limit {
            return Err(TrainError::PromptTooLong {
                problem: problem.id.clone(),
                origin: problem.origin.clone(),
                length: ids.len(),
                limit,
            });
        }
        Ok(ids)
    };
    problems.iter().map(encode).collect()
}

/// Hash of the ids of all problems, which are hashes of their content: what a step trains on and
/// what the probe asks are functions of these and of the recipe.
pub fn problems_hash(problems: &Problems) -> String {
    let mut hasher = blake3::Hasher::new();
    for side in [&problems.train, &problems.held_out] {
        hasher.update(&(side.len() as u64).to_le_bytes());
        for problem in side {
            hasher.update(problem.id.as_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// Draws a group of completions for each problem, judges them and computes their advantages.
/// `on_progress` hears how many completions are done and may stop the work.
pub fn collect(
    engine: &mut Engine,
    prompter: &Prompter,
    problems: &[&Problem],
    recipe: &Recipe,
    step: u64,
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Experience, TrainError> {
    let group = recipe.rollout.num_generations;
    let prompts = encode_prompts(problems, prompter, recipe)?;
    let requests: Vec<Request<'_>> = prompts
        .iter()
        .zip(problems)
        .map(|(prompt, problem)| Request {
            prompt,
            stream: &problem.id,
            first: 0,
            count: group as u64,
        })
        .collect();
    let sampling = training_sampling(recipe, prompter, step);
    let groups = engine.generate(&requests, &sampling, on_progress)?;

    let mut samples = Vec::with_capacity(problems.len() * group);
    for (index, (problem, completions)) in problems.iter().zip(groups).enumerate() {
        for completion in completions {
            samples.push(judge(index, problem, completion, prompter, recipe)?);
        }
    }
    let rewards: Vec<f32> = samples.iter().map(|sample| sample.reward).collect();
    let scale = match recipe.algorithm.scale_rewards {
        ScaleRewards::Group => bourn_algo::Scale::Group,
        ScaleRewards::Batch => bourn_algo::Scale::Batch,
        ScaleRewards::None => bourn_algo::Scale::None,
    };
    let advantages = group_advantages(&rewards, group, scale)?;
    for (sample, advantage) in samples.iter_mut().zip(advantages) {
        sample.advantages = vec![advantage; sample.completion.tokens.len()];
    }
    let problems = problems.iter().map(|problem| problem.id.clone()).collect();
    Ok(Experience { prompts, problems, samples })
}

/// The sampler of training: the full distribution at the recipe's temperature.
pub fn training_sampling(recipe: &Recipe, prompter: &Prompter, step: u64) -> Sampling {
    Sampling {
        temperature: recipe.rollout.temperature,
        top_p: 1.0,
        top_k: 0,
        min_p: 0.0,
        max_tokens: recipe.rollout.max_completion_length,
        stop_tokens: prompter.stop_tokens().clone(),
        seed: recipe.seed,
        purpose: "train".into(),
        step,
    }
}

fn judge(
    group: usize,
    problem: &Problem,
    completion: Completion,
    prompter: &Prompter,
    recipe: &Recipe,
) -> Result<Sample, TrainError> {
    let text = prompter.decode(&completion.tokens)?;
    let verdicts: Vec<Verdict> =
        recipe.rewards.iter().map(|reward| problem.verify(reward, &text)).collect();
    let reward = recipe
        .rewards
        .iter()
        .zip(&verdicts)
        .filter(|(_, verdict)| verdict.is_correct())
        .map(|(reward, _)| reward.weight)
        .sum::<f64>() as f32;
    Ok(Sample { group, completion, verdicts, reward, advantages: Vec::new() })
}
