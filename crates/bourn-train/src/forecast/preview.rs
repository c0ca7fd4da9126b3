//! What a dry run says of a run's data and time: problems are loaded, of the model only what is needed.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use bourn_model::Bundle;
use bourn_recipe::{ModelSource, Recipe};
use bourn_task::{Problem, Problems};
use bourn_track::Console;

use super::{Done, Forecast, Kept, Sketch, forecast, groups};
use crate::error::TrainError;
use crate::probe::Prober;
use crate::prompts::{check_prompts, encode_prompts, prompter};
use crate::side::Side;
use crate::{base, check_context};

/// What a dry run found.
pub struct Preview {
    /// Problems to train on, and held out.
    pub problems: [usize; 2],
    /// What loading them had to say.
    pub warnings: Vec<String>,
    /// About how long the run will take; `None` where the model is not on this machine.
    pub forecast: Option<Forecast>,
    /// The same of a further run, which finds this one's base and the base's draws.
    pub further: Option<Forecast>,
}

/// Loads the problems of `recipe`, opens its model as far as it is there, and measures this machine with a
/// model of its shape where that was not done before.
///
/// # Errors
/// Problems or a model that cannot be opened, prompts that do not fit.
pub fn preview(recipe: &Recipe, cache_dir: &Path) -> Result<Preview, TrainError> {
    let problems = bourn_task::load(recipe)?;
    let mut done = Done::default();
    let sketch = match (&recipe.model.source, &recipe.base) {
        (ModelSource::Architecture(_), Some(stage)) => {
            if let Some(base) = base::cached(recipe, cache_dir)? {
                done = Done {
                    base: true,
                    base_draws: drawn(recipe, &base, &problems, cache_dir)?,
                    steps: 0,
                };
            }
            Some(base::sketch(recipe, stage)?)
        }
        (ModelSource::Path(path), _) if Path::new(path).exists() => {
            let base = bourn_model::open(path)?;
            check_context(&recipe.rollout, &base.config)?;
            done = Done {
                base: true,
                base_draws: drawn(recipe, &base, &problems, cache_dir)?,
                steps: 0,
            };
            Some(published(recipe, &base, &problems)?)
        }
        _ => None,
    };
    let path = Kept::path(cache_dir, recipe);
    let mut kept = Kept::read(&path);
    if let (None, Some(sketch)) = (forecast(recipe, &kept, done), sketch) {
        let device = bourn_model::open_device(recipe.device)?.autodiff();
        kept.speeds = sketch.speeds(recipe, &device, &AtomicBool::new(false))?;
        kept.write(&path);
    }
    Ok(Preview {
        problems: [problems.train.len(), problems.held_out.len()],
        forecast: forecast(recipe, &kept, done),
        further: forecast(recipe, &kept, Done { base: true, base_draws: true, steps: 0 }),
        warnings: problems.warnings,
    })
}

/// The shape of a published model, with problems as it reads them.
fn published(recipe: &Recipe, base: &Bundle, problems: &Problems) -> Result<Sketch, TrainError> {
    let prompter = prompter(&recipe.model, &recipe.rollout, base)?;
    // All that a run would look at before it begins.
    let limit = recipe.rollout.max_prompt_length;
    let all: Vec<&Problem> = problems.train.iter().chain(&problems.held_out).collect();
    check_prompts(&all, &prompter, limit, &AtomicBool::new(false))?;
    let some: Vec<&Problem> = problems.train.iter().take(groups(recipe)).collect();
    let prompts = encode_prompts(&some, &prompter, limit)?;
    Ok(Sketch { config: base.config.clone(), prompts, completion: None })
}

/// Whether the store has the base's draws.
fn drawn(
    recipe: &Recipe,
    base: &Bundle,
    problems: &Problems,
    cache_dir: &Path,
) -> Result<bool, TrainError> {
    let prompter = prompter(&recipe.model, &recipe.rollout, base)?;
    let (console, stop) = (Console::with_writer(Box::new(std::io::sink())), AtomicBool::new(false));
    let prober = Prober {
        measured: recipe.measured(),
        problems: &problems.held_out,
        base: Side::new(base, &prompter),
        cache_dir,
        console: &console,
        stop: &stop,
        standalone: false,
    };
    prober.has_base_draws()
}
