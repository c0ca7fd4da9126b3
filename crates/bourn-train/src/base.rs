//! The frozen base: a published model, or a small one pretrained here and cached by content.

mod halfway;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use bourn_episode::Inputs;
use bourn_model::transformer::Transformer;
use bourn_model::{Bundle, HostTensor, ModelConfig, Part, Tokenizer, Weights};
use bourn_recipe::{BaseStage, ModelSource, Recipe, TaskKind};
use bourn_rollout::RolloutError;
use bourn_seed::rng;
use bourn_task::countdown::{Demonstrator, alphabet};
use bourn_task::render;
use bourn_track::{Console, tags};
use burn::tensor::Device;
use rand::Rng;
use serde_json::json;

use self::halfway::Halfway;
use crate::clock;
use crate::error::TrainError;
use crate::forecast::Sketch;
use crate::learner::{Descent, Learner, NonFinite, UpdateError};
use crate::likelihood::{LabelledText, Likelihood};
use crate::run::RunOrder;
use crate::sealed::{self, Turn};
use crate::world::{Alone, together};

/// Raised whenever the same recipe would give another base, so that old caches are not used.
const FORMAT: &str = "bourn base 3";
/// Where bases are, in the cache.
pub(crate) const BASES: &str = "bases";
/// Demonstrations of one forward and backward of pretraining: however many a step has, they take no
/// more memory than these. Raising it gives other bases where a step has more.
const MICRO_BATCH: usize = 128;
/// Prompts that a forecast is made of.
const SKETCHED: usize = 16;

/// The directory for pretrained bases and base ledgers: `$BOURN_CACHE`, else the user's cache
/// directory, else `.bourn-cache` here.
pub fn default_cache_dir() -> PathBuf {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("BOURN_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("bourn")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache").join("bourn")))
        .unwrap_or_else(|| PathBuf::from(".bourn-cache"))
}

/// The model that a run of `recipe` begins with, before its first stage: a published one; `None` where a
/// stage makes it.
///
/// # Errors
/// The model cannot be opened.
pub fn open(recipe: &Recipe) -> Result<Option<Bundle>, TrainError> {
    match &recipe.model.source {
        ModelSource::Path(path) => Ok(Some(bourn_model::open(path)?)),
        ModelSource::Architecture(_) => Ok(None),
    }
}

/// Loads the model that the recipe names, or pretrains its architecture unless the cache holds
/// the result already.
///
/// # Errors
/// The model cannot be opened; pretraining that fails or is interrupted.
pub(crate) fn obtain(
    recipe: &Recipe,
    device: &Device,
    cache_dir: &Path,
    console: &Console,
    stop: &AtomicBool,
) -> Result<Bundle, TrainError> {
    match (open(recipe)?, &recipe.base) {
        (Some(model), _) => Ok(model),
        (None, Some(stage)) => {
            Ok(pretrain_or_reuse(recipe, stage, device, cache_dir, console, stop)?.base)
        }
        (None, None) => Err(TrainError::NoDemonstrations),
    }
}

/// What the stage leaves. One process makes it, and the others read what that has kept.
///
/// # Errors
/// As [`obtain`].
pub(crate) fn pretrained(
    order: &RunOrder<'_>,
    stage: &BaseStage,
    device: &Device,
) -> Result<Pretrained, TrainError> {
    let &RunOrder { recipe, options, console, stop, world } = order;
    let make = || pretrain_or_reuse(recipe, stage, device, &options.cache_dir, console, stop);
    let own = world.writes().then(make).transpose();
    together(world, own)?.map_or_else(make, Ok)
}

/// Whether a directory of bases is of one whose pretraining was stopped.
pub(crate) fn is_halfway(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == halfway::EXTENSION)
}

/// Where the base of a recipe is kept once it is made.
fn place(recipe: &Recipe, cache_dir: &Path) -> PathBuf {
    // The gradient of a step in parts is another sum, to the last bits, than that of all at once.
    let parts = match &recipe.base {
        Some(stage) if stage.batch_size > MICRO_BATCH => format!("\nin parts of {MICRO_BATCH}"),
        _ => String::new(),
    };
    let key = blake3::hash(format!("{FORMAT}\n{}{parts}", recipe.base_key()).as_bytes()).to_hex();
    cache_dir.join(BASES).join(&key.as_str()[..32])
}

/// Whether the base of a recipe has to be made first.
pub(crate) fn is_to_be_made(recipe: &Recipe, cache_dir: &Path) -> bool {
    recipe.base.is_some() && !place(recipe, cache_dir).exists()
}

/// The base of a recipe, where it was made before.
///
/// # Errors
/// A base of the cache that is damaged.
pub(crate) fn cached(recipe: &Recipe, cache_dir: &Path) -> Result<Option<Bundle>, TrainError> {
    let path = place(recipe, cache_dir);
    path.exists().then(|| open_cached(&path)).transpose()
}

/// The shape of what a stage makes, with what it reads and how long what it says is.
///
/// # Errors
/// A recipe without demonstrations, or of no shape.
pub(crate) fn sketch(recipe: &Recipe, stage: &BaseStage) -> Result<Sketch, TrainError> {
    let ModelSource::Architecture(architecture) = &recipe.model.source else {
        return Err(TrainError::NoDemonstrations);
    };
    let demonstrations = DemonstrationSource::new(recipe, stage)?;
    let config = ModelConfig::from_architecture(architecture, demonstrations.vocab_size())?;
    let texts = demonstrations.batch(stage, 0)?;
    let tokens: usize = texts.iter().map(|text| text.completion.len()).sum();
    let completion = Some(tokens as f64 / texts.len() as f64);
    let prompts = texts.into_iter().take(SKETCHED).map(|text| Inputs::from(text.prompt)).collect();
    Ok(Sketch { config, prompts, completion })
}

/// How many tokens one forward and backward of pretraining reads at most, as far as the first step's
/// demonstrations show, and of how many of them the likelihood is taken.
///
/// # Errors
/// As [`sketch`].
pub(crate) fn micro_batch_tokens(
    recipe: &Recipe,
    stage: &BaseStage,
) -> Result<MicroBatch, TrainError> {
    let some = BaseStage { batch_size: stage.batch_size.min(MICRO_BATCH), ..stage.clone() };
    let texts = DemonstrationSource::new(recipe, &some)?.batch(&some, 0)?;
    let rows = texts.len() as u64;
    let longest = |of: fn(&LabelledText) -> usize| texts.iter().map(of).max().unwrap_or(0) as u64;
    let length = longest(|text| text.prompt.len() + text.completion.len());
    let tokens = rows * length;
    let scored = rows * longest(|text| text.completion.len());
    // A demonstration as it waits for its turn: two lists of ids, and packed (an id for each token, a
    // position and an id for each that is learned); what the allocator rounds up.
    let each = 8 * length + 12 * scored / rows.max(1) + 4 * size_of::<LabelledText>() as u64;
    let waiting = stage.batch_size as u64 * each;
    Ok(MicroBatch { tokens, scored, length, waiting })
}

/// What [`micro_batch_tokens`] says.
pub(crate) struct MicroBatch {
    /// Tokens that are read.
    pub(crate) tokens: u64,
    /// Those of them that are learned.
    pub(crate) scored: u64,
    /// The longest demonstration's.
    pub(crate) length: u64,
    /// Bytes of a whole step's demonstrations.
    pub(crate) waiting: u64,
}

fn pretrain_or_reuse(
    recipe: &Recipe,
    stage: &BaseStage,
    device: &Device,
    cache_dir: &Path,
    console: &Console,
    stop: &AtomicBool,
) -> Result<Pretrained, TrainError> {
    let ModelSource::Architecture(architecture) = &recipe.model.source else {
        return Err(TrainError::NoDemonstrations);
    };
    let path = place(recipe, cache_dir);
    let bases = cache_dir.join(BASES);
    // What a killed process has left there goes, and what it was replacing comes back.
    if let Some(turn) = Turn::take_if_free(cache_dir).filter(|_| bases.exists()) {
        turn.clear_up(&bases);
    }
    if path.exists() {
        let base = open_cached(&path)?;
        console.detail(format!("base: reusing the pretrained model in {}", path.display()));
        return Ok(Pretrained { base, seconds: None });
    }
    // Found out now, not after minutes of pretraining.
    sealed::check_writable(&path)?;

    let demonstrations = DemonstrationSource::new(recipe, stage)?;
    let config = ModelConfig::from_architecture(architecture, demonstrations.vocab_size())?;
    let model = Transformer::from_weights(&config, &initial_weights(&config, stage.seed), device)?;
    let mut learner = Learner::new(model, Descent::new(&stage.optimizer(), stage.steps));
    let mut halfway = Halfway::take_up(&path, &mut learner)?;
    let stopped = pretrain(&mut learner, stage, &demonstrations, &mut halfway, console, stop)?;
    let turn = Turn::take(cache_dir)?;
    fs::create_dir_all(&bases).map_err(TrainError::io(&bases, "creating the directory"))?;
    if stopped {
        let kept = halfway.keep(&path, &learner)?;
        let Halfway { step, .. } = halfway;
        return Err(TrainError::PretrainingInterrupted { step, steps: stage.steps, kept });
    }
    // Another run of the same base may have been faster; what it has kept is in use.
    if !path.exists() {
        let (weights, stop_tokens) = (learner.model.to_weights()?, [demonstrations.end].into());
        sealed::write(&path, |dir| {
            bourn_model::save(
                dir,
                &config,
                &weights,
                &demonstrations.tokenizer,
                &stop_tokens,
                None,
            )?;
            sealed::write_file(&dir.join("pretraining.jsonl"), halfway.losses.as_bytes())
        })?;
    }
    Halfway::forget(&path)?;
    drop(turn);
    console.detail(format!("base: kept in {}", path.display()));
    Ok(Pretrained { base: open_cached(&path)?, seconds: Some(halfway.seconds) })
}

/// A base, and what it took.
pub(crate) struct Pretrained {
    /// The base.
    pub(crate) base: Bundle,
    /// Seconds of pretraining; `None` where it was in the cache.
    pub(crate) seconds: Option<f64>,
}

/// Opens a base of the cache after a look at its checksums.
fn open_cached(path: &Path) -> Result<Bundle, TrainError> {
    look_at(path)?;
    Ok(bourn_model::open_path(path)?)
}

/// Checks the files of a base, or of one that was stopped on the way.
///
/// # Errors
/// Names the file that is missing, torn, altered or not of the base.
pub(crate) fn look_at(path: &Path) -> Result<(), TrainError> {
    let needed = if is_halfway(path) { &halfway::FILES } else { &bourn_model::FILES };
    match sealed::verify(path, needed) {
        Err(TrainError::Checkpoint { path: file, problem }) => {
            let directory = path.to_owned();
            Err(TrainError::CachedBase { path: file, problem, directory })
        }
        looked => looked.map(drop),
    }
}

/// Demonstrations of every countdown task in turn, as tokens.
struct DemonstrationSource<'a> {
    sources: Vec<(Demonstrator, &'a str)>,
    tokenizer: Tokenizer,
    end: u32,
}

impl<'a> DemonstrationSource<'a> {
    /// One token per character that a prompt or a demonstration can hold, and one that ends a
    /// completion.
    fn new(recipe: &'a Recipe, stage: &BaseStage) -> Result<DemonstrationSource<'a>, TrainError> {
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
        Ok(DemonstrationSource { sources, tokenizer, end })
    }

    fn vocab_size(&self) -> usize {
        self.tokenizer.vocab_size()
    }

    /// The demonstrations of one step: a function of the stage's seed and the step.
    fn batch(&self, stage: &BaseStage, step: u64) -> Result<Vec<LabelledText>, TrainError> {
        let one = |row| {
            let index = step * stage.batch_size as u64 + row;
            let (demonstrator, template) = &self.sources[index as usize % self.sources.len()];
            let demonstration = demonstrator.draw(stage.seed, index)?;
            let prompt = self.tokenizer.encode(&render(template, &demonstration.prompt), true)?;
            let mut completion = self.tokenizer.encode(&demonstration.completion, false)?;
            completion.push(self.end);
            Ok(LabelledText { prompt, completion })
        };
        (0..stage.batch_size as u64).map(one).collect()
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

/// Minimises the cross-entropy of the demonstrations from where `halfway` is; returns whether it was
/// asked to stop before the end.
fn pretrain(
    learner: &mut Learner,
    stage: &BaseStage,
    demonstrations: &DemonstrationSource<'_>,
    halfway: &mut Halfway,
    console: &Console,
    stop: &AtomicBool,
) -> Result<bool, TrainError> {
    let stage_of = console.stage("base: pretraining", stage.steps, "step");
    let mut progress = stage_of.start_at(halfway.step);
    let all: Vec<usize> = (0..stage.batch_size).collect();
    for step in halfway.step..stage.steps {
        if stop.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let started = clock::now();
        let demonstrations = &demonstrations.batch(stage, step)?;
        let stop = Some(stop);
        let mut objective = Likelihood { demonstrations, micro_batch_size: MICRO_BATCH, stop };
        let plan = [all.clone()];
        let fit = match learner.fit(&plan, &mut objective, &Alone) {
            Ok(fit) => fit,
            // In the middle of a step, of which nothing has been learned yet.
            Err(UpdateError::Train(TrainError::Rollout(RolloutError::Interrupted))) => {
                return Ok(true);
            }
            Err(UpdateError::Train(error)) => return Err(error),
            Err(UpdateError::NonFinite(NonFinite { what, value, .. })) => {
                return Err(TrainError::BaseDiverged { step: step + 1, what, value });
            }
        };
        let (value, lr) = (fit.loss, fit.lr);
        halfway.losses +=
            &format!("{}\n", json!({ "step": step + 1, tags::BASE_LOSS: value, "base/lr": lr }));
        let smoothed = halfway.smoothed.map_or(value, |mean| 0.95 * mean + 0.05 * value);
        halfway.smoothed = Some(smoothed);
        halfway.step = step + 1;
        halfway.seconds += started.elapsed().as_secs_f64();
        progress.set_message(format!("loss {smoothed:.3}"));
        progress.inc(1);
    }
    let loss = halfway.smoothed.unwrap_or(f64::NAN);
    progress.finish(format!("loss {loss:.3} nats a token after {} steps", stage.steps));
    Ok(false)
}

#[cfg(test)]
#[path = "../tests/unit/base.rs"]
mod tests;
