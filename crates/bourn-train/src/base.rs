//! The frozen base: a published model, or a small one pretrained here and cached by content.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use bourn_model::transformer::{Packed, Transformer, to_vec};
use bourn_model::{Bundle, HostTensor, ModelConfig, Tokenizer, Weights};
use bourn_recipe::{BaseStage, CountdownTask, ModelSource, Recipe, TaskKind};
use bourn_task::countdown::{Demonstrator, alphabet};
use bourn_task::render;
use bourn_task::seed::rng;
use bourn_track::Console;
use burn::tensor::Device;
use rand::Rng;

use crate::error::TrainError;
use crate::optimizer::{AdamWOptimizer, NamedGradients};
use crate::sealed;
use crate::update::scheduled_lr;

/// Raised whenever the same recipe would give another base, so that old caches are not used.
const FORMAT: &str = "bourn base 1";

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

    let countdown = recipe.tasks.iter().find_map(|task| match &task.kind {
        TaskKind::Countdown(spec) => Some((spec, task.template.as_str())),
        TaskKind::Jsonl(_) => None,
    });
    let (spec, template) = countdown.ok_or(TrainError::NoDemonstrations)?;
    let (tokenizer, end) = tokenizer(template)?;
    let config = ModelConfig::from_architecture(architecture, tokenizer.vocab_size())?;
    let mut model =
        Transformer::from_weights(&config, &initial_weights(&config, stage.seed), device)?;
    pretrain(&mut model, stage, spec, template, &tokenizer, end, console, stop)?;
    // Another run of the same base may have been faster; what it has kept is in use.
    if !path.exists() {
        let (weights, stop_tokens) = (model.to_weights(), [end].into());
        sealed::write(&path, |dir| {
            Ok(bourn_model::save(dir, &config, &weights, &tokenizer, &stop_tokens, None)?)
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

/// One token per character that a prompt or a demonstration can hold, and the id that ends one.
fn tokenizer(template: &str) -> Result<(Tokenizer, u32), TrainError> {
    let mut characters: Vec<char> =
        alphabet().chars().chain(render(template, "").chars()).collect();
    characters.sort_unstable();
    characters.dedup();
    let tokenizer = Tokenizer::char_level(&characters.into_iter().collect::<String>());
    let end =
        tokenizer.id("<eos>").ok_or_else(|| TrainError::Untokenizable { text: "<eos>".into() })?;
    Ok((tokenizer, end))
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
            let into_residual =
                name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight");
            let std = 0.02 * if into_residual { residual } else { 1.0 };
            let mut rng = rng(seed, "base/init", &[index as u64]);
            (0..count).map(|_| (std * standard_normal(&mut rng)) as f32).collect()
        };
        weights.insert(name, HostTensor { shape, data });
    }
    weights
}

/// Box–Muller; the logarithm's argument is never zero.
fn standard_normal(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

#[allow(clippy::too_many_arguments)]
fn pretrain(
    model: &mut Transformer,
    stage: &BaseStage,
    spec: &CountdownTask,
    template: &str,
    tokenizer: &Tokenizer,
    end: u32,
    console: &Console,
    stop: &AtomicBool,
) -> Result<(), TrainError> {
    let demonstrator = Demonstrator::new(spec, &stage.demonstrations)?;
    let mut optimizer = AdamWOptimizer::new(&stage.optimizer);
    let mut progress = console.stage("base: pretraining", stage.steps, "step");
    let mut smoothed = f64::NAN;
    for step in 0..stage.steps {
        if stop.load(Ordering::Relaxed) {
            return Err(TrainError::InterruptedEarly);
        }
        let mut packed = Packed::default();
        let (mut positions, mut targets) = (Vec::new(), Vec::new());
        for row in 0..stage.batch_size as u64 {
            let index = step * stage.batch_size as u64 + row;
            let demonstration = demonstrator.draw(stage.seed, index)?;
            let prompt = render(template, &demonstration.prompt);
            let prompt = tokenizer.encode(&prompt, true)?;
            let mut completion = tokenizer.encode(&demonstration.completion, false)?;
            completion.push(end);
            let read = prompt.iter().chain(&completion[..completion.len() - 1]).copied();
            let first = packed.push(read).start + prompt.len() - 1;
            positions.extend((first..first + completion.len()).map(|position| position as i64));
            targets.extend(completion);
        }
        let count = targets.len() as f64;
        let loss =
            model.score(&packed, positions, &targets, 1.0, false).logprobs.sum() * (-1.0 / count);
        let value = f64::from(to_vec(&loss.clone().inner())[0]);
        if !value.is_finite() {
            return Err(TrainError::BaseDiverged { step: step + 1, what: "the loss", value });
        }
        let mut gradients = NamedGradients::zeros(model);
        gradients.add(model, loss.backward());
        let norm = gradients.norm();
        if !norm.is_finite() {
            let (step, what) = (step + 1, "the gradient norm");
            return Err(TrainError::BaseDiverged { step, what, value: norm });
        }
        gradients.scale(bourn_algo::clip_scale(norm, stage.optimizer.max_grad_norm));
        let lr = scheduled_lr(&stage.optimizer, step, stage.steps);
        optimizer.step(model, gradients, lr);

        smoothed = if smoothed.is_nan() { value } else { 0.95 * smoothed + 0.05 * value };
        progress.set_message(format!("loss {smoothed:.3}"));
        progress.inc(1);
    }
    progress.finish(format!("loss {smoothed:.3} nats a token after {} steps", stage.steps));
    Ok(())
}
