//! Drawing a step's completions.

use std::ops::ControlFlow;

use bourn_model::prompt::Prompter;
use bourn_recipe::{Baseline, Recipe};
use bourn_rollout::{Completion, Engine, Progress, Request, Sampling};
use bourn_task::Problem;
use bourn_verify::DrawId;

use crate::error::TrainError;
use crate::experience::{Experience, Sample};
use crate::judging::judge;
use crate::prompts::{encode_prompts, stop_text};

/// What the draws of a step are for: part of their seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    /// `train`, or what else is drawn for.
    pub purpose: &'static str,
    /// Step of the run.
    pub step: u64,
    /// How many batches the step has drawn before.
    pub batch: u64,
}

/// Draws a group of completions for each problem and judges them; their advantages are not known
/// yet. `on_progress` hears how many completions are done and may stop the work.
pub fn collect(
    engine: &mut Engine,
    prompter: &Prompter,
    problems: &[&Problem],
    recipe: &Recipe,
    draws: Draws,
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Experience, TrainError> {
    let group = recipe.rollout.num_generations as u64;
    let prompts = encode_prompts(problems, prompter, recipe)?;
    let requests = |first: u64, count: u64| -> Vec<Request<'_>> {
        let pairs = prompts.iter().zip(problems);
        pairs
            .map(|(prompt, problem)| Request { prompt, stream: problem.id.as_str(), first, count })
            .collect()
    };
    let judge = |groups: Vec<Vec<Completion>>| -> Result<Vec<Sample>, TrainError> {
        let pairs = problems.iter().zip(groups).enumerate();
        let each = pairs.flat_map(|(index, (problem, completions))| {
            let numbered = (draws.batch * group..).zip(completions);
            numbered.map(move |(number, completion)| (index, problem, number, completion))
        });
        each.map(|(index, problem, number, completion)| {
            let draw = DrawId { step: draws.step, number };
            judge(index, problem, completion, draw, prompter)
        })
        .collect()
    };
    let sampling = Sampling {
        purpose: draws.purpose.into(),
        ..training_sampling(recipe, prompter, draws.step)
    };
    // A problem that comes again in a later batch of the step is drawn anew.
    let drawn = engine.generate(&requests(draws.batch * group, group), &sampling, on_progress)?;
    let samples = judge(drawn)?;
    let greedy = if recipe.algorithm.baseline == Baseline::Greedy {
        let sampling = Sampling { temperature: 0.0, ..sampling };
        judge(engine.generate(&requests(0, 1), &sampling, on_progress)?)?
    } else {
        Vec::new()
    };
    let problems = problems.iter().map(|problem| problem.id.to_string()).collect();
    let entropy_coef = recipe.algorithm.entropy_coef;
    Ok(Experience { greedy, entropy_coef, ..Experience::new(prompts, problems, samples) })
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
        stop_text: stop_text(prompter),
        seed: recipe.seed,
        purpose: "train".into(),
        step,
    }
}
