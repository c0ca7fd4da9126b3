//! Problems as token ids, and what ends a completion.

use std::sync::Arc;

use bourn_model::Bundle;
use bourn_model::prompt::Prompter;
use bourn_recipe::Recipe;
use bourn_rollout::StopText;
use bourn_task::{Problem, Problems};

use crate::error::TrainError;

/// How a model reads and ends texts, as `recipe` asks.
///
/// # Errors
/// The recipe asks for a chat template and the model has none; a stop string is refused.
pub fn prompter(recipe: &Recipe, model: &Bundle) -> Result<Prompter, TrainError> {
    let Recipe { model: asked, rollout, .. } = recipe;
    let prompter = Prompter::new(model, asked.chat_template, &asked.system_prompt)?;
    Ok(prompter.stopping_at(&rollout.stop_strings)?)
}

/// The prompter's stop strings as the engine asks for them.
pub(crate) fn stop_text(prompter: &Prompter) -> Option<StopText> {
    let stops = prompter.stop_strings()?.clone();
    Some(StopText(Arc::new(move |tokens| stops.ends(tokens))))
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
                problem: problem.id.to_string(),
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
            hasher.update(problem.id.as_str().as_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}
