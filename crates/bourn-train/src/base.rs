//! The frozen base: a published model, or a small one pretrained here and cached by content.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use bourn_model::transformer::{Packed, Transformer};
use bourn_model::{Bundle, HostTensor, ModelConfig, Part, Tokenizer, Weights};
use bourn_recipe::{BaseStage, ModelSource, Recipe, TaskKind};
use bourn_seed::rng;
use bourn_task::countdown::{Demonstrator, alphabet};
use bourn_task::render;
use bourn_track::Console;
use burn::tensor::Device;
use rand::Rng;
use serde_json::json;

use crate::error::TrainError;
use crate::loss::value_of;
use crate::optimizer::{AdamWOptimizer, NamedGradients};
use crate::sealed;
use crate::update::scheduled_lr;

/// Raised whenever the same recipe would give another base, so that old caches are not used.
const FORMAT: &str = "bourn base 3";

/// The directory for pretrained bases and base ledgers: `$BOURN_CACHE`, else the user's cache
/// directory, else `.bourn-cache` here.
pub fn default_cache_dir() -> PathBuf {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("BOURN_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("bourn")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache").join("bourn")))
        .unwrap_or_else(|| PathBuf::from(".bourn-cache"))
}

/// Loads the model that the recipe names, or pretrains its architecture unless the cache holds
/// the result already.
pub fn obtain(
    recipe: &Recipe,
    device: &Device,
    cache_dir: &Path,
    console: &Console,
    stop: &AtomicBool,
) -> Result<Bundle, TrainError> {
    let (architecture, stage) = match (&recipe.model.source, &recipe.base) {
        (ModelSource::Path(path), _) => return Ok(bourn_model::open(path)?),
        (ModelSource::Architecture(architecture), Some(stage)) => (architecture, stage),
        (ModelSource::Architecture(_), None) => return Err(TrainError::NoDemonstrations),
    };
    let key = blake3::hash(format!("{FORMAT}\n{}", recipe.base_key()).as_bytes()).to_hex();
    let path = cache_dir.join("bases").join(&key.as_str()[..32]);
    if path.exists() {
        let base = open_cached(&path)?;
        console.line(format!("base: reusing the pretrained model in {}", path.display()));
        return Ok(base);
    }
    // Found out now, not after minutes of pretraining.
    sealed::check_writable(&path)?;

    let demonstrations = Demonstrations::new(recipe, stage)?;
    let config = ModelConfig::from_architecture(architecture, demonstrations.vocab_size())?;
    let mut model =
        Transformer::from_weights(&config, &initial_weights(&config, stage.seed), device)?;
    let losses = pretrain(&mut model, stage, &demonstrations, console, stop)?;
    // Another run of the same base may have been faster; what it has kept is in use.
    if !path.exists() {
        let (weights, stop_tokens) = (model.to_weights()?, [demonstrations.end].into());
        sealed::write(&path, |dir| {
            bourn_model::save(
                dir,
                &config,
                &weights,
                &demonstrations.tokenizer,
                &stop_tokens,
                None,
            )?;
            sealed::write_file(&dir.join("pretraining.jsonl"), losses.as_bytes())
        })?;
    }
    console.line(format!("base: kept in {}", path.display()));
    open_cached(&path)
}

/// Opens a base of the cache after a look at its checksums.
fn open_cached(path: &Path) -> Result<Bundle, TrainError> {
    match sealed::verify(path) {
        Err(TrainError::Checkpoint { path: file, problem }) => {
            let directory = path.to_owned();
            Err(TrainError::CachedBase { path: file, problem, directory })
        }
        Err(error) => Err(error),
        Ok(()) => Ok(bourn_model::open(&path.to_string_lossy())?),
    }
}

/// Demonstrations of every countdown task in turn, as tokens.
struct Demonstrations<'a> {
    sources: Vec<(Demonstrator, &'a str)>,
    tokenizer: Tokenizer,
    end: u32,
}

/// A batch of demonstrations: the loss is on the completions alone.
struct Batch {
    packed: Packed,
    positions: Vec<i64>,
    targets: Vec<u32>,
}

impl<'a> Demonstrations<'a> {
    /// One token per character that a prompt or a demonstration can hold, and one that ends a
    /// completion.
    fn new(recipe: &'a Recipe, stage: &BaseStage) -> Result<Demonstrations<'a>, TrainError> {
        let mut sources = Vec::new();
        let mut characters: BTreeSet<char> = alphabet().chars().collect();
        for task in &recipe.tasks {
            if let TaskKind::Countdown(spec) = &task.kind {
                let demonstrator = Demonstrator::new(spec, &stage.demonstrations)?;
                sources.push((demonstrator, task.template.as_str()));
                characters.extend(render(&task.template, "").chars());
            }
        }
        if sources.is_empty() {
            return Err(TrainError::NoDemonstrations);
        }
        let tokenizer = Tokenizer::char_level(&characters.into_iter().collect::<String>());
        let end = tokenizer
            .id("<eos>")
            .ok_or_else(|| TrainError::Untokenizable { text: "<eos>".into() })?;
        Ok(Demonstrations { sources, tokenizer, end })
    }

    fn vocab_size(&self) -> usize {
        self.tokenizer.vocab_size()
    }

    /// The demonstrations of one step: a function of the stage's seed and the step.
    fn batch(&self, stage: &BaseStage, step: u64) -> Result<Batch, TrainError> {
        let mut batch =
            Batch { packed: Packed::default(), positions: Vec::new(), targets: Vec::new() };
        for row in 0..stage.batch_size as u64 {
            let index = step * stage.batch_size as u64 + row;
            let (demonstrator, template) = &self.sources[index as usize % self.sources.len()];
            let demonstration = demonstrator.draw(stage.seed, index)?;
            let prompt = self.tokenizer.encode(&render(template, &demonstration.prompt), true)?;
            let mut completion = self.tokenizer.encode(&demonstration.completion, false)?;
            completion.push(self.end);
            let read = prompt.iter().chain(&completion[..completion.len() - 1]).copied();
            let first = batch.packed.push(read).start + prompt.len() - 1;
            let positions = first..first + completion.len();
            batch.positions.extend(positions.map(|position| position as i64));
            batch.targets.extend(completion);
        }
        Ok(batch)
    }
}

/// Normal(0, 0.02) matrices, with the projections back into the residual stream scaled by
/// 1/√(2 layers) (Radford et al. 2019, section 2.3); norms are 1.
fn initial_weights(config: &ModelConfig, seed: u64) -> Weights {
    let residual = (2.0 * config.num_layers as f64).sqrt().recip();
    let mut weights = Weights::new();
    for (index, (name, shape)) in config.expected_tensors().into_iter().enumerate() {
        let count: usize = shape.iter().product();
        let data = if shape.len() == 1 {
            vec![1.0; count]
        } else {
            let into_residual = matches!(Part::of(&name), Some((Part::O | Part::Down, _)));
            let std = 0.02 * if into_residual { residual } else { 1.0 };
            let mut rng = rng(seed, "base/init", &[index as u64]);
            (0..count).map(|_| (std * standard_normal(&mut rng)) as f32).collect()
        };
        weights.insert(name, HostTensor { shape, data: data.into() });
    }
    weights
}

/// Box–Muller; the logarithm's argument is never zero.
fn standard_normal(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// Minimises the cross-entropy of the demonstrations; returns one JSON line a step with its loss.
fn pretrain(
    model: &mut Transformer,
    stage: &BaseStage,
    demonstrations: &Demonstrations<'_>,
    console: &Console,
    stop: &AtomicBool,
) -> Result<String, TrainError> {
    let mut optimizer = AdamWOptimizer::new(&stage.optimizer);
    let mut progress = console.stage("base: pretraining", stage.steps, "step");
    let (mut smoothed, mut losses) = (f64::NAN, String::new());
    for step in 0..stage.steps {
        if stop.load(Ordering::Relaxed) {
            return Err(TrainError::InterruptedEarly);
        }
        let Batch { packed, positions, targets } = demonstrations.batch(stage, step)?;
        let (scores, trace) = model.score(&packed, positions, &targets, 1.0, false);
        let loss = scores.logprobs.sum() * (-1.0 / targets.len() as f64);
        let value = value_of(&loss)?;
        if !value.is_finite() {
            return Err(TrainError::BaseDiverged { step: step + 1, what: "the loss", value });
        }
        let mut gradients = NamedGradients::zeros(model);
        gradients.add(model, trace, loss);
        let norm = gradients.norm()?;
        if !norm.is_finite() {
            let (step, what) = (step + 1, "the gradient norm");
            return Err(TrainError::BaseDiverged { step, what, value: norm });
        }
        gradients.scale(bourn_algo::clip_scale(norm, stage.optimizer.max_grad_norm));
        let lr = scheduled_lr(&stage.optimizer, step, stage.steps);
        optimizer.step(model, gradients, lr);

        losses += &format!("{}\n", json!({ "step": step + 1, "base/loss": value, "base/lr": lr }));
        smoothed = if smoothed.is_nan() { value } else { 0.95 * smoothed + 0.05 * value };
        progress.set_message(format!("loss {smoothed:.3}"));
        progress.inc(1);
    }
    progress.finish(format!("loss {smoothed:.3} nats a token after {} steps", stage.steps));
    Ok(losses)
}
