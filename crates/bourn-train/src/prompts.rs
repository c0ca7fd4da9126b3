//! Problems as inputs, and what ends a completion.

use std::sync::atomic::{AtomicBool, Ordering};

use bourn_episode::Inputs;
use bourn_model::prompt::Prompter;
use bourn_model::{Bundle, ModelError};
use bourn_recipe::{Model, Rollout};
use bourn_rollout::RolloutError;
use bourn_task::{Problem, Problems};

use crate::error::TrainError;

/// How a model reads and ends texts: through its chat template or not, with a system prompt, ending at
/// stop strings and stop tokens.
///
/// # Errors
/// The recipe asks for a chat template and the model has none; a stop string or token is refused.
pub(crate) fn prompter(
    asked: &Model,
    rollout: &Rollout,
    model: &Bundle,
) -> Result<Prompter, TrainError> {
    let prompter = Prompter::new(model, asked.chat_template, &asked.system_prompt)?;
    Ok(prompter.stopping_at(&rollout.stop_strings)?.stopping_at_tokens(&rollout.stop_tokens)?)
}

/// Renders the prompts of `problems` to what the model reads.
///
/// # Errors
/// Names the problem whose prompt is longer than `limit` tokens.
pub(crate) fn encode_prompts(
    problems: &[&Problem],
    prompter: &Prompter,
    limit: usize,
) -> Result<Vec<Inputs>, TrainError> {
    encode_until(problems, prompter, limit, &AtomicBool::new(false))
}

/// [`encode_prompts`] of many, until `stop` is raised: a chat template may take its time over each.
///
/// # Errors
/// As [`encode_prompts`]; interrupted.
pub(crate) fn encode_until(
    problems: &[&Problem],
    prompter: &Prompter,
    limit: usize,
    stop: &AtomicBool,
) -> Result<Vec<Inputs>, TrainError> {
    let encode = |problem: &&Problem| {
        if stop.load(Ordering::Relaxed) {
            return Err(RolloutError::Interrupted.into());
        }
        let encoded = prompter.encode_problem(&problem.prompt, &problem.messages);
        let inputs = encoded.map_err(|source| match source {
            // It is the model's, whatever the problem.
            ModelError::Template { .. } => TrainError::from(source),
            source => {
                let source = Box::new(source);
                let (problem, origin) = (problem.id.to_string(), problem.origin.clone());
                TrainError::Prompt { problem, origin, source }
            }
        })?;
        if inputs.len() > limit {
            return Err(TrainError::PromptTooLong {
                problem: problem.id.to_string(),
                origin: problem.origin.clone(),
                length: inputs.len(),
                limit,
            });
        }
        Ok(inputs)
    };
    problems.iter().map(encode).collect()
}

/// Whether every prompt fits, until `stop` is raised: asked before anything is begun.
///
/// # Errors
/// As [`encode_prompts`]; of prompts that are too long it says how many there are, and the longest.
pub(crate) fn check_prompts(
    problems: &[&Problem],
    prompter: &Prompter,
    limit: usize,
    stop: &AtomicBool,
) -> Result<(), TrainError> {
    let (mut first, mut count, mut longest) = (None, 0, 0);
    for problem in problems {
        match encode_until(&[problem], prompter, limit, stop) {
            Err(TrainError::PromptTooLong { problem, origin, length, .. }) => {
                first.get_or_insert((problem, origin, length));
                longest = length.max(longest);
                count += 1;
            }
            other => {
                other?;
            }
        }
    }
    let of = problems.len();
    match first {
        None => Ok(()),
        Some((problem, origin, length)) => {
            let length = (length, longest);
            Err(TrainError::PromptsTooLong { problem, origin, length, limit, count: (count, of) })
        }
    }
}

/// Hash of the ids of all problems, which are hashes of their content: what a step trains on and
/// what the probe asks are functions of these and of the recipe.
pub(crate) fn problems_hash(problems: &Problems) -> String {
    let mut hasher = blake3::Hasher::new();
    for side in [&problems.train, &problems.held_out] {
        hasher.update(&(side.len() as u64).to_le_bytes());
        for problem in side {
            hasher.update(problem.id.as_str().as_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}
