//! The probe of a run: draws of policy and frozen base on the same held-out problems, with the
//! same prompts and sampler.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use bourn_model::prompt::Prompter;
use bourn_model::{ModelConfig, Weights};
use bourn_probe::{
    Boundary, CompareOptions, Examples, Extent, Ledger, LedgerKey, LedgerStore, LockedKey,
    MAX_RESAMPLES, ProbeError, Probed, Progress, boundary, examples, min_resamples, probe,
    probe_stored, write_ledger,
};
use bourn_recipe::{Recipe, Sampler};
use bourn_rollout::{Engine, RolloutError};
use bourn_task::Problem;
use bourn_track::{Console, Stage, pass_at_k_picture};

use crate::engine_source::EngineSource;
use crate::error::TrainError;
use crate::sealed;

/// Raised whenever the same key would give other draws, so that old ledgers are not used.
const DRAWS_VERSION: u32 = 2;

/// Refuses a probe whose intervals could not be made, before anything is drawn for them.
///
/// # Errors
/// [`TrainError::Resamples`].
pub fn check_probe(recipe: &Recipe) -> Result<(), TrainError> {
    let (got, confidence) = (recipe.probe.resamples, recipe.probe.confidence);
    let (least, most) = (min_resamples(confidence), MAX_RESAMPLES);
    match recipe.probe.interval == 0 || (least..=most).contains(&got) {
        true => Ok(()),
        false => Err(TrainError::Resamples { got, confidence, least, most }),
    }
}

/// Whether a run that is not stopped early probes after `step` steps.
pub fn is_scheduled(recipe: &Recipe, step: u64) -> bool {
    let interval = recipe.probe.interval;
    interval > 0 && (step.is_multiple_of(interval) || step >= recipe.train.max_steps)
}

/// Which look at the problems the probe after `step` steps is, for intervals that hold at all of
/// them. Before the first step policy and base are the same, which takes no inference: that probe
/// spends nothing, and the next is the first look too.
fn look(interval: u64, step: u64) -> u64 {
    step.div_ceil(interval.max(1)).max(1)
}

/// One probe of one set with one sampler.
pub struct ProbeResult {
    /// Name of the set and, where there are several samplers, of the sampler.
    pub set: String,
    /// The figures.
    pub boundary: Boundary,
    /// Draws of the frozen base.
    pub base: Ledger,
    /// Draws of the policy.
    pub policy: Ledger,
    /// What was lost and gained, with texts.
    pub examples: Examples,
}

/// What stays the same over a run's probes.
pub struct Prober<'a> {
    /// The run's recipe.
    pub recipe: &'a Recipe,
    /// Renders prompts, the same for base and policy.
    pub prompter: &'a Prompter,
    /// Held-out problems.
    pub problems: &'a [Problem],
    /// The shape of base and policy.
    pub config: &'a ModelConfig,
    /// Weights of the frozen base.
    pub base: &'a Weights,
    /// Their content hash.
    pub base_hash: &'a str,
    /// Where base ledgers are kept for other runs.
    pub cache_dir: &'a Path,
    /// Where progress is shown.
    pub console: &'a Console,
    /// Raised when the user asks to stop.
    pub stop: &'a AtomicBool,
}

impl Prober<'_> {
    /// Draws from base (or its ledger) and policy and compares them, once for each sampler. The
    /// engine is left with the policy's weights.
    pub fn run(
        &self,
        engine: &mut Engine,
        policy: &Weights,
        step: u64,
    ) -> Result<Vec<ProbeResult>, TrainError> {
        let store = LedgerStore::open(self.cache_dir.join("ledgers"))?;
        let mut results = Vec::new();
        for sampler in &self.recipe.probe.samplers {
            let extent = extent(self.recipe);
            let key = self.ledger_key(self.base_hash, sampler);

            engine.update(self.base)?;
            let locked = self.lock(&store, &key)?;
            let base = self.shown("probe: base", |progress| {
                let mut source = self.source(engine, sampler, "probe/base", 0);
                probe_stored(&locked, self.problems, &mut source, extent, progress)
            })?;
            drop(locked);

            engine.update(policy)?;
            let drawn = self.shown("probe: policy", |progress| {
                let mut source = self.source(engine, sampler, "probe/policy", step);
                probe(self.problems, &mut source, extent, progress)
            })?;

            let options = CompareOptions {
                confidence: self.recipe.probe.confidence,
                resamples: self.recipe.probe.resamples,
                seed: self.recipe.probe.seed,
                look: look(self.recipe.probe.interval, step),
                epsilon: None,
            };
            let mut figures = boundary(&base, &drawn, &options)?;
            let set = self.set_name(sampler);
            figures.set = Some(set.clone());
            figures.sampler = Some(sampler_name(sampler));
            let examples = examples(&base, &drawn, EXAMPLES);
            results.push(ProbeResult { set, boundary: figures, base, policy: drawn, examples });
        }
        Ok(results)
    }

    /// Writes the figures and the policy's draws of one probe under `run_dir/boundary`, and beside
    /// them, once for each set, the base's draws, so that the run can be read without the cache.
    pub fn write(
        &self,
        run_dir: &Path,
        step: u64,
        policy_hash: &str,
        result: &ProbeResult,
    ) -> Result<(), TrainError> {
        let dir = run_dir.join("boundary");
        std::fs::create_dir_all(&dir).map_err(TrainError::io(&dir, "creating the directory"))?;
        let index = self.recipe.probe.samplers.iter().position(|s| self.set_name(s) == result.set);
        let sampler = &self.recipe.probe.samplers[index.unwrap_or(0)];
        let key = self.ledger_key(policy_hash, sampler);
        let stem = format!("step-{step:06}-{}", result.set);
        write_ledger(dir.join(format!("{stem}.draws.jsonl.zst")), &key, &result.policy)?;
        let base = dir.join(format!("base-{}.draws.jsonl.zst", result.set));
        if !base.exists() {
            write_ledger(base, &self.ledger_key(self.base_hash, sampler), &result.base)?;
        }
        let picture = pass_at_k_picture(&result.boundary);
        sealed::replace_file(&dir.join(format!("{stem}.png")), &picture.png)?;
        let path = figures_path(run_dir, step, &result.set);
        sealed::replace_file(&path, sealed::to_json(&result.boundary).as_bytes())
    }

    /// The name under which figures of `sampler` are filed: the set, and the sampler where there
    /// are several.
    pub fn set_name(&self, sampler: &Sampler) -> String {
        set_name(self.recipe, sampler)
    }

    /// Waits until no other run draws the same base, so that none of its draws are made twice.
    fn lock<'s>(
        &self,
        store: &'s LedgerStore,
        key: &'s LedgerKey,
    ) -> Result<LockedKey<'s>, TrainError> {
        let mut told = false;
        let locked = store.lock(key, &mut |path| {
            if !told {
                let path = path.display();
                self.console.line(format!(
                    "probe: base: another run is drawing it, and its draws will do here too: \
                     waiting for it to let go of {path}"
                ));
            }
            told = true;
            std::thread::sleep(LOCK_POLL);
            match self.stop.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        locked.ok_or(TrainError::Rollout(RolloutError::Interrupted))
    }

    /// Makes one model's probe with its progress on the console: problems decided, and the draws
    /// made for them, whose number nobody knows beforehand.
    fn shown(
        &self,
        name: &str,
        make: impl FnOnce(&mut dyn FnMut(Progress)) -> Result<Probed, ProbeError>,
    ) -> Result<Ledger, TrainError> {
        let mut stage: Stage = self.console.stage(name, self.problems.len() as u64, "problem");
        let mut decided = 0;
        let probed = make(&mut |progress| {
            stage.set_message(format!("{} draws", progress.draws));
            stage.inc((progress.decided - decided) as u64);
            decided = progress.decided;
        });
        drop(stage);
        let Probed { ledger, made, cut } = probed.map_err(own_error)?;
        let counted: usize = ledger.entries().map(|(_, entry)| entry.draws().len()).sum();
        let full = extent(self.recipe).n_max() * ledger.len() as u64;
        self.console.line(format!(
            "{name}: {counted} draws count, of {full} at most; {made} made now, {cut} of them beyond a \
             stop and cut"
        ));
        Ok(ledger)
    }

    fn source<'b>(
        &'b self,
        engine: &'b mut Engine,
        sampler: &Sampler,
        purpose: &str,
        step: u64,
    ) -> EngineSource<'b> {
        let (recipe, prompter) = (self.recipe, self.prompter);
        EngineSource::new(engine, prompter, recipe, sampler, self.stop).drawing(purpose, step)
    }

    /// Everything that a draw depends on besides the problem and its number.
    fn ledger_key(&self, weights: &str, sampler: &Sampler) -> LedgerKey {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.prompter.fingerprint().as_bytes());
        hasher.update(&(self.recipe.rollout.max_completion_length as u64).to_le_bytes());
        // The same weights in another shape (rotary base, norm epsilon) are another model.
        let config = blake3::hash(format!("{:?}", self.config).as_bytes()).to_hex();
        let reward = &self.recipe.rewards[0];
        LedgerKey {
            weights: format!("{weights} of shape {config}"),
            sampler: sampler_name(sampler),
            prompt: hasher.finalize().to_hex().to_string(),
            // Not its weight: that changes what a verdict is worth, and no verdict.
            verifier: format!("{:?} {:?} version {DRAWS_VERSION}", reward.verifier, reward.extract),
            seed: self.recipe.probe.seed,
        }
    }
}

/// What the source of draws failed with, out of the wrapping that the probe gave it: so that an
/// interruption is known as one, and nothing else is taken for it.
fn own_error(error: ProbeError) -> TrainError {
    let ProbeError::Source(error) = error else { return error.into() };
    let error = match error.downcast::<RolloutError>() {
        Ok(error) => return TrainError::Rollout(*error),
        Err(error) => error,
    };
    match error.downcast::<TrainError>() {
        Ok(error) => *error,
        Err(error) => ProbeError::Source(error).into(),
    }
}

/// How long a run that waits for another's draws leaves the lock until its next try.
const LOCK_POLL: std::time::Duration = std::time::Duration::from_millis(200);

/// How many draws the probe of `recipe` makes of each problem.
pub fn extent(recipe: &Recipe) -> Extent {
    Extent::new(recipe.probe.n_max as u64, recipe.probe.stop as u64)
}

/// Distinct answers of each model that a lost or gained problem keeps for the final table.
const EXAMPLES: usize = 3;

/// The sampler as figures show it.
pub fn sampler_name(sampler: &Sampler) -> String {
    let mut name = format!("temperature {}, top_p {}", sampler.temperature, sampler.top_p);
    if sampler.top_k > 0 {
        name += &format!(", top_k {}", sampler.top_k);
    }
    if sampler.min_p > 0.0 {
        name += &format!(", min_p {}", sampler.min_p);
    }
    name
}

fn set_name(recipe: &Recipe, sampler: &Sampler) -> String {
    match recipe.probe.samplers.len() {
        1 => "heldout".into(),
        // Every setting that two samplers may differ in, or one's files would replace the other's.
        _ => {
            let mut name = format!("heldout-t{}-p{}", sampler.temperature, sampler.top_p);
            if sampler.top_k > 0 {
                name += &format!("-k{}", sampler.top_k);
            }
            if sampler.min_p > 0.0 {
                name += &format!("-m{}", sampler.min_p);
            }
            name
        }
    }
}

/// Reads back the figures of the probe at `step`, one for each sampler.
pub fn read_figures(
    run_dir: &Path,
    step: u64,
    recipe: &Recipe,
) -> Result<Vec<Boundary>, TrainError> {
    let read = |sampler| {
        let path = figures_path(run_dir, step, &set_name(recipe, sampler));
        let text = sealed::read_text(&path)?;
        serde_json::from_str(&text)
            .map_err(|error| TrainError::Figures { path, problem: error.to_string() })
    };
    recipe.probe.samplers.iter().map(read).collect()
}

/// Where the figures of one probe are kept.
pub fn figures_path(run_dir: &Path, step: u64, set: &str) -> PathBuf {
    run_dir.join("boundary").join(format!("step-{step:06}-{set}.json"))
}
