//! From the recipe as written to the recipe as checked: defaults that depend on other keys, and
//! the rules that span several keys.

mod algorithm;
mod model;
mod replay;
mod task;

pub(crate) use algorithm::{critic_effect, effect};

use std::path::{Path, PathBuf};

use bourn_foreign::is_unseen;
use serde_json::Value as Json;
use serde_path_to_error::Segment;

use crate::algorithm::Baseline;
use crate::error::RecipeError;
use crate::recipe::*;
use crate::schema::name;
use crate::tree::{KeyStep, Sources, TreeNode, steps};
use crate::written::*;

/// Most completions of one step.
const MAX_COMPLETIONS: usize = 1 << 22;
/// Most draws of one probe and model.
const MAX_DRAWS: usize = 1 << 32;
/// Longest name of a run, which is also a directory's name.
const MAX_NAME_BYTES: usize = 255;

/// Checks a tree that conforms to the schema.
pub(crate) fn check(
    sources: &Sources,
    schema: &Json,
    tree: &TreeNode,
    file: &Path,
) -> Result<Recipe, RecipeError> {
    let site = Site { sources, schema, tree };
    let written = site.read(tree.to_json())?;

    let name = match written.name {
        Some(name) => {
            site.name(&name)?;
            name
        }
        None => stem(file),
    };
    let model = site.model(written.model)?;
    let base = site.base(written.base, &model)?;
    let (mut tasks, own) = site.tasks(written.task)?;
    site.vocabulary(&model, &tasks)?;
    site.rewards(&mut tasks, own, written.reward)?;
    site.rollout(&written.rollout, &model, written.device)?;
    let rollout = written.rollout;
    let algorithm = site.algorithm(&written.algorithm, &rollout)?;
    if algorithm.baseline == Baseline::Verdict {
        site.no_steps(&tasks, algorithm.name.name())?;
    }
    let critic = site.critic(written.critic.as_ref(), &algorithm)?;
    if written.implicit_reward.is_some() && algorithm.baseline == Baseline::Verdict {
        return Err(site.error(
            &["implicit_reward"],
            format!(
                "has no effect: {} takes advantages from raw verdicts; remove it",
                algorithm.name.name()
            ),
        ));
    }
    site.train(&written.train, &rollout, written.device)?;
    let train = written.train;
    let probe = site.probe(written.probe, &rollout)?;
    let implicit = written.implicit_reward.is_some();
    let replay = site.replay(&written.replay, &algorithm, &train, implicit)?;
    Ok(Recipe {
        name,
        seed: written.seed,
        device: written.device,
        model,
        base,
        tasks,
        rollout,
        algorithm,
        critic,
        implicit_reward: written.implicit_reward,
        optimizer: written.optimizer,
        train,
        probe,
        replay,
        checkpoint: written.checkpoint,
        log: written.log,
    })
}

/// The recipe's tree, to name the place of what is wrong.
struct Site<'a> {
    sources: &'a Sources,
    schema: &'a Json,
    tree: &'a TreeNode,
}

impl Site<'_> {
    /// An error about the first of these keys that was written; if none was, about the first, at
    /// the section that it would stand in.
    fn error(&self, keys: &[&str], problem: impl Into<String>) -> RecipeError {
        let found = |key: &&&str| self.tree.find(&steps(key)).1;
        let key = keys.iter().find(found).or_else(|| keys.first()).copied().unwrap_or_default();
        let path = steps(key);
        self.sources.error(self.tree.find(&path).0, &name(self.schema, &path), problem)
    }

    /// The written types. The schema was derived from them, so that a failure here means that the
    /// two disagree; it is still an error at a place, not a panic.
    fn read(&self, json: Json) -> Result<Written, RecipeError> {
        serde_path_to_error::deserialize(json).map_err(|error| {
            let path: Vec<KeyStep> = error
                .path()
                .iter()
                .filter_map(|segment| match segment {
                    Segment::Map { key } => Some(KeyStep::Key(key.clone())),
                    Segment::Seq { index } => Some(KeyStep::Index(*index)),
                    Segment::Enum { .. } | Segment::Unknown => None,
                })
                .collect();
            let problem = error.inner().to_string();
            self.sources.error(self.tree.find(&path).0, &name(self.schema, &path), problem)
        })
    }

    fn name(&self, name: &str) -> Result<(), RecipeError> {
        let problem = if name.is_empty() {
            "must not be empty"
        } else if name.len() > MAX_NAME_BYTES {
            "longer than 255 bytes, which no directory's name can be"
        } else if name == "." || name == ".." || name.contains(['/', '\\']) {
            "names a directory inside the runs directory; write it without `/` and `\\`"
        } else if name.chars().any(is_unseen) {
            "holds a character that is not seen, such as a control character; write a name that can be \
             read"
        } else {
            return Ok(());
        };
        Err(self.error(&["name"], problem))
    }

    fn rollout(&self, written: &Rollout, model: &Model, device: Device) -> Result<(), RecipeError> {
        let completions = written.prompts_per_step * written.num_generations;
        if completions > MAX_COMPLETIONS {
            return Err(self.error(
                &["rollout.num_generations", "rollout.prompts_per_step"],
                format!(
                    "{} prompts of {} completions make {completions} a step, more than 2^22",
                    written.prompts_per_step, written.num_generations
                ),
            ));
        }
        if let ModelSource::Architecture(shape) = &model.source {
            let longest = written.max_prompt_length + written.max_completion_length;
            if longest > shape.max_position {
                return Err(self.error(
                    &[
                        "rollout.max_completion_length",
                        "rollout.max_prompt_length",
                        "model.architecture.max_position",
                        "model.architecture",
                    ],
                    format!(
                        "a prompt of {} and a completion of {} tokens make {longest}, more than \
                         `max_position` {} of the architecture; lower one or raise that",
                        written.max_prompt_length,
                        written.max_completion_length,
                        shape.max_position
                    ),
                ));
            }
        }
        let no_text = |string: &String| string.contains(char::REPLACEMENT_CHARACTER);
        if let Some(index) = written.stop_strings.iter().position(no_text) {
            return Err(self.error(
                &[&format!("rollout.stop_strings.{index}")],
                "holds U+FFFD, which stands for bytes that are no text; leave it out",
            ));
        }
        if written.weight_dtype == WeightDtype::Bfloat16 && !device.is_cpu() {
            return Err(self.error(
                &["rollout.weight_dtype"],
                format!(
                    "\"bfloat16\" is for `device` \"cpu\": on \"{device}\" weights stay in \"float32\"; set \
                     it to that"
                ),
            ));
        }
        Ok(())
    }

    fn train(&self, written: &Train, rollout: &Rollout, device: Device) -> Result<(), RecipeError> {
        if written.gradient_checkpointing && !device.is_cpu() {
            return Err(self.error(
                &["train.gradient_checkpointing"],
                format!(
                    "is for `device` \"cpu\": on \"{device}\" every activation is kept; leave it out, and \
                     lower train.micro_batch_size for less memory"
                ),
            ));
        }
        let (prompts, minibatches) = (rollout.prompts_per_step, written.minibatches);
        if !prompts.is_multiple_of(minibatches) {
            return Err(self.error(
                &["train.minibatches", "rollout.prompts_per_step"],
                format!(
                    "{prompts} prompts cannot be split evenly into {minibatches} minibatches; {}",
                    nearby(prompts, minibatches)
                ),
            ));
        }
        Ok(())
    }

    fn probe(&self, written: ProbeWritten, rollout: &Rollout) -> Result<Probe, RecipeError> {
        let samplers = written.sampler.unwrap_or_else(|| default_samplers(rollout.temperature));
        let twice = (1..samplers.len()).find(|&index| samplers[..index].contains(&samplers[index]));
        if let Some(index) = twice {
            return Err(self.error(
                &[&format!("probe.sampler.{index}")],
                "the same as an earlier sampler, which gives the same draws; remove one",
            ));
        }
        let draws = written.problems * written.n_max * samplers.len();
        if draws > MAX_DRAWS {
            return Err(self.error(
                &["probe.n_max", "probe.problems"],
                format!(
                    "{} problems, {} draws and {} samplers make {draws} draws a probe, more than \
                     2^32; lower one",
                    written.problems,
                    written.n_max,
                    samplers.len()
                ),
            ));
        }
        let needless = [
            ("probe.references", written.references.is_some()),
            ("probe.guess", written.guess.is_some()),
        ];
        if let Some((key, _)) = needless.iter().find(|(_, is)| *is && written.scores == 0) {
            return Err(self.error(
                &[key],
                "has no effect where `scores` is 0, which leaves out all figures of where answers \
                 came from; raise `scores` or remove this",
            ));
        }
        let (n_max, stop) = (written.n_max, written.stop);
        let temperature = written.temperature.map(|written| self.temperature(written, n_max, stop));
        let temperature = temperature.transpose()?;
        Ok(Probe {
            interval: written.interval,
            problems: written.problems,
            n_max: written.n_max,
            stop: written.stop,
            samplers,
            confidence: written.confidence,
            resamples: written.resamples,
            seed: written.seed,
            scores: written.scores,
            references: written.references.map(PathBuf::from),
            guess: written.guess,
            temperature,
        })
    }

    fn temperature(
        &self,
        written: TemperatureWritten,
        n_max: usize,
        stop: usize,
    ) -> Result<Temperature, RecipeError> {
        if !written.matched && written.grid.is_empty() {
            return Err(self.error(
                &["probe.temperature.match", "probe.temperature"],
                "nothing to do: `match` is false and `grid` is empty; change one, or remove the \
                 table",
            ));
        }
        let most = written.n_max.unwrap_or(n_max);
        if most > n_max {
            return Err(self.error(
                &["probe.temperature.n_max"],
                format!(
                    "{most} draws, more than the {n_max} of `probe.n_max` that they are held \
                     against; lower this or raise that"
                ),
            ));
        }
        Ok(Temperature {
            matched: written.matched,
            grid: written.grid,
            n_max: most,
            stop: written.stop.unwrap_or(stop),
            match_draws: written.match_draws,
            every: written.every,
        })
    }
}

/// The file's stem as a run's name; what cannot be shown is replaced.
pub(crate) fn stem(file: &Path) -> String {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let name: String =
        stem.chars().map(|c| if is_unseen(c) || c == '\\' { '-' } else { c }).collect();
    if name.is_empty() { "recipe".to_string() } else { name }
}

/// The divisors of `whole` around `part`, which is none.
fn nearby(whole: usize, part: usize) -> String {
    let divides = |candidate: &usize| whole.is_multiple_of(*candidate);
    let below = (1..part.min(whole)).rev().find(divides);
    let above = (part..=whole).find(divides);
    match (below, above) {
        (Some(below), Some(above)) => format!("{below} and {above} do"),
        (Some(one), None) | (None, Some(one)) => format!("{one} does"),
        (None, None) => "1 does".to_string(),
    }
}

/// The sampler of the paper (Yue et al. 2025, arXiv 2504.13837) and the one of training; its top_p
/// of 0.95 keeps the first from ever being the second.
fn default_samplers(training_temperature: f64) -> Vec<Sampler> {
    vec![
        Sampler { temperature: 0.6, top_p: 0.95, top_k: 0, min_p: 0.0 },
        Sampler { temperature: training_temperature, top_p: 1.0, top_k: 0, min_p: 0.0 },
    ]
}
