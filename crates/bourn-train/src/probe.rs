//! The probe of a run: draws of policy and frozen base on the same held-out problems, with the
//! same prompts and sampler.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use bourn_probe::{
    Boundary, CompareOptions, Examples, Extent, Ledger, LedgerKey, LedgerStore, LockedKey,
    MAX_RESAMPLES, ProbeError, ProbeProgress, Probed, References, SourceError, boundary, examples,
    min_resamples, probe, probe_stored, write_ledger,
};
use bourn_recipe::{Measured, Probe, Sampler, WeightDtype};
use bourn_rollout::RolloutError;
use bourn_seed::canonical;
use bourn_task::Problem;
use bourn_track::{Console, ProgressStage, pass_at_k_picture};

use crate::engine_source::EngineSource;
use crate::error::TrainError;
use crate::origins::{Drawn, references};
use crate::sealed;
use crate::side::{Engines, Role, Side};
use crate::stopping::go_on;

/// Refuses a run's probe whose intervals could not be made, before anything is drawn for them.
///
/// # Errors
/// [`TrainError::Resamples`].
pub fn check_probe(probe: &Probe) -> Result<(), TrainError> {
    if probe.interval == 0 { Ok(()) } else { check_resamples(probe) }
}

/// [`check_probe`] of a probe that is made whatever its interval.
pub(crate) fn check_resamples(probe: &Probe) -> Result<(), TrainError> {
    let (got, confidence) = (probe.resamples, probe.confidence);
    let (least, most) = (min_resamples(confidence), MAX_RESAMPLES);
    match (least..=most).contains(&got) {
        true => Ok(()),
        false => Err(TrainError::Resamples { got, confidence, least, most }),
    }
}

/// Whether a run that is not stopped early probes after `step` steps.
pub(crate) fn is_scheduled(measured: &Measured<'_>, step: u64) -> bool {
    let interval = measured.probe.interval;
    interval > 0 && (step.is_multiple_of(interval) || step >= measured.max_steps)
}

/// Which look at the problems the probe after `step` steps is, for intervals that hold at all of
/// them. Before the first step policy and base are the same, which takes no inference: that probe
/// spends nothing, and the next is the first look too. So is a probe of what was never probed.
fn look(interval: u64, step: u64) -> u64 {
    match interval {
        0 => 1,
        interval => step.div_ceil(interval).max(1),
    }
}

/// One probe of one set with one sampler.
pub struct ProbeResult {
    /// Name of the set and, where there are several samplers, of the sampler.
    pub set: String,
    /// The sampler.
    pub sampler: Sampler,
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
pub(crate) struct Prober<'a> {
    /// What it is made with.
    pub measured: Measured<'a>,
    /// Held-out problems, of a run's probes.
    pub problems: &'a [Problem],
    /// The frozen base.
    pub base: Side<'a>,
    /// Where base ledgers are kept for other runs.
    pub cache_dir: &'a Path,
    /// Where progress is shown.
    pub console: &'a Console,
    /// Raised when the user asks to stop.
    pub stop: &'a AtomicBool,
    /// Whether this probe is all there is, and not one of a run's: then the policy's draws are kept
    /// with the base's, and other temperatures are always looked at.
    pub standalone: bool,
}

/// What the draws of one probe are made with.
pub(crate) struct Bench<'b, 'e> {
    pub(crate) engines: &'b mut Engines<'e>,
    pub(crate) policy: &'b Side<'b>,
    /// Completed steps of the policy.
    pub(crate) step: u64,
    pub(crate) store: LedgerStore,
}

impl Prober<'_> {
    /// Draws from base (or its ledger) and policy and compares them, once for each sampler. A
    /// shared engine is left with the policy's weights.
    pub(crate) fn run(
        &self,
        engines: &mut Engines<'_>,
        policy: &Side<'_>,
        step: u64,
    ) -> Result<Vec<ProbeResult>, TrainError> {
        let mut bench = Bench { engines, policy, step, store: self.store()? };
        let extent = extent(self.measured.probe);
        let scores = self.measured.probe.scores > 0 && self.can_score(bench.engines, policy);
        let references = match scores {
            true => {
                // They have to fit both.
                references(&self.measured, self.problems, policy)?;
                references(&self.measured, self.problems, &self.base)?
            }
            false => References::new(),
        };
        let mut results = Vec::new();
        for sampler in &self.measured.probe.samplers {
            let set = self.set_name(sampler);
            let (of_base, of_policy) = (Some("probe: base"), Some("probe: policy"));
            let base = self.draws(&mut bench, Role::Base, sampler, extent, of_base)?;
            if base.made > 0 {
                // More is known than when it was said first.
                self.tell_detectable(&set, Some(&base.ledger));
            }
            let base = base.ledger;
            let guesses = match scores {
                true => self.guesses(&mut bench, sampler)?,
                false => None,
            };
            let drawn = self.draws(&mut bench, Role::Policy, sampler, extent, of_policy)?.ledger;

            let options = CompareOptions {
                confidence: self.measured.probe.confidence,
                resamples: self.measured.probe.resamples,
                seed: self.measured.probe.seed,
                look: look(self.measured.probe.interval, step),
                epsilon: None,
            };
            let mut figures = boundary(&base, &drawn, &options)?;
            if scores {
                let (guesses, references) = (guesses.as_ref(), &references);
                let by = Drawn { base: &base, policy: &drawn, guesses, references };
                figures.origins = Some(self.origins(&mut bench, sampler, &by, &options)?);
            }
            figures.temperatures =
                self.temperatures(&mut bench, sampler, [&base, &drawn], &options)?;
            figures.set = Some(set.clone());
            figures.policy_is_base =
                self.ledger_key(&self.base, sampler) == self.ledger_key(policy, sampler);
            figures.sampler = Some(sampler_name(sampler));
            let examples = examples(&base, &drawn, EXAMPLES);
            results.push(ProbeResult {
                set,
                sampler: sampler.clone(),
                boundary: figures,
                base,
                policy: drawn,
                examples,
            });
        }
        bench.engines.of(Role::Policy, policy)?;
        Ok(results)
    }

    /// Draws of one model under `sampler`: those that a store holds, and those that it lacks. With
    /// a name the progress is shown, without one nothing is.
    pub(crate) fn draws(
        &self,
        bench: &mut Bench<'_, '_>,
        role: Role,
        sampler: &Sampler,
        extent: Extent,
        name: Option<&str>,
    ) -> Result<Probed, TrainError> {
        let Bench { engines, policy, step, store } = bench;
        let (side, purpose, step) = match role {
            Role::Base => (&self.base, "probe/base", 0),
            Role::Policy => (*policy, "probe/policy", *step),
        };
        let mut key = self.ledger_key(side, sampler);
        if role == Role::Policy {
            // The same weights draw other completions as a policy than as a base.
            key.weights += &format!(" as the policy after step {step}");
        }
        // Before the first step the policy is the base, for every run that starts from it.
        let kept = role == Role::Base || self.standalone || step == 0;
        let locked = if kept { Some(self.lock(store, &key)?) } else { None };
        let engine = engines.of(role, side)?;
        let mut source =
            EngineSource::new(engine, side.prompter, self.measured, sampler, self.stop)
                .drawing(purpose, step);
        self.shown(name, extent, |progress| match &locked {
            Some(key) => probe_stored(key, self.problems, &mut source, extent, progress),
            None => probe(self.problems, &mut source, extent, progress),
        })
    }

    /// Whether each model can score the other's completions: engines have to score at all, token ids to
    /// mean the same, and an episode to be what the model wrote after its prompt and nothing else.
    fn can_score(&self, engines: &Engines<'_>, policy: &Side<'_>) -> bool {
        let turns = self.problems.iter().any(|problem| problem.environment.turns() > 1);
        let why = match (self.base.reads_as(policy), turns) {
            (true, false) if engines.can_score() => return true,
            (true, false) => "the engine scores no completions",
            (false, _) => {
                "the tokenizers differ, so that neither model can score what the other wrote"
            }
            (true, true) => "an environment answers, and episodes of several turns are not scored",
        };
        self.console.line(format!("probe: where answers came from is left out: {why}"));
        false
    }

    pub(crate) fn store(&self) -> Result<LedgerStore, TrainError> {
        Ok(LedgerStore::open(store_dir(self.cache_dir))?)
    }

    /// Writes the figures and the policy's draws of one probe under `run_dir/boundary`, and beside
    /// them, unless the run has them, the base's draws, so that the run can be read without the cache.
    /// Returns the names of the files.
    pub(crate) fn write(
        &self,
        run_dir: &Path,
        step: u64,
        policy: &Side<'_>,
        result: &ProbeResult,
        has_base: bool,
    ) -> Result<Vec<String>, TrainError> {
        let dir = run_dir.join("boundary");
        // A run directory that has vanished is not made anew.
        sealed::make_dir(&dir)?;
        let key = self.ledger_key(policy, &result.sampler);
        let stem = format!("step-{step:06}-{}", result.set);
        let mut names: Vec<String> =
            ["draws.jsonl.zst", "png", "json"].map(|kind| format!("{stem}.{kind}")).into();
        write_ledger(dir.join(&names[0]), &key, &result.policy)?;
        if !has_base {
            let (base, key) =
                (base_file(&result.set), self.ledger_key(&self.base, &result.sampler));
            write_ledger(dir.join(&base), &key, &result.base)?;
            names.push(base);
        }
        let picture = pass_at_k_picture(&result.boundary);
        sealed::replace_file(&dir.join(&names[1]), &picture.png)?;
        let path = figures_path(run_dir, step, &result.set);
        sealed::replace_file(&path, sealed::to_json(&path, &result.boundary)?.as_bytes())?;
        Ok(names)
    }

    /// The name under which figures of `sampler` are filed: the set, and the sampler where there
    /// are several.
    pub(crate) fn set_name(&self, sampler: &Sampler) -> String {
        set_name(self.measured.probe, sampler)
    }

    /// Waits until no other run draws the same base, so that none of its draws are made twice.
    pub(crate) fn lock<'s>(
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
            go_on(self.stop)
        })?;
        locked.ok_or(TrainError::Rollout(RolloutError::Interrupted))
    }

    /// Makes one model's probe with its progress on the console, if it has a name: problems
    /// decided, and the draws made for them, whose number nobody knows beforehand.
    fn shown(
        &self,
        name: Option<&str>,
        extent: Extent,
        make: impl FnOnce(&mut dyn FnMut(ProbeProgress)) -> Result<Probed, ProbeError>,
    ) -> Result<Probed, TrainError> {
        let Some(name) = name else { return make(&mut |_| {}).map_err(own_error) };
        let mut stage: ProgressStage =
            self.console.stage(name, self.problems.len() as u64, "problem");
        let mut decided = 0;
        let probed = make(&mut |progress| {
            stage.set_message(format!("{} draws", progress.draws));
            stage.inc((progress.decided - decided) as u64);
            decided = progress.decided;
        });
        drop(stage);
        let probed = probed.map_err(own_error)?;
        let Probed { ledger, made, cut } = &probed;
        let counted: usize = ledger.entries().map(|(_, entry)| entry.draws().len()).sum();
        let full = extent.n_max() * ledger.len() as u64;
        self.console.detail(format!(
            "{name}: {counted} draws count, of {full} at most; {made} made now, {cut} of them beyond a \
             stop and cut"
        ));
        Ok(probed)
    }

    /// Everything that a draw depends on besides the problem and its number.
    pub(crate) fn ledger_key(&self, side: &Side<'_>, sampler: &Sampler) -> LedgerKey {
        let &Side { config, hash: weights, prompter, .. } = side;
        let mut hasher = blake3::Hasher::new();
        hasher.update(prompter.fingerprint().as_bytes());
        hasher.update(&(self.measured.rollout.max_completion_length as u64).to_le_bytes());
        // The same weights in another shape (rotary base, norm epsilon) are another model.
        let config = blake3::hash(canonical(config).as_bytes()).to_hex();
        // Rounded, they are other weights; as they are, the key is what it was before there was a choice.
        let rounded = match self.measured.rollout.weight_dtype {
            WeightDtype::Float32 => "",
            WeightDtype::Bfloat16 => " in bfloat16",
        };
        // So are those of a device that adds up in another order.
        let device = match self.measured.device.is_cpu() {
            true => String::new(),
            false => format!(" on {}", self.measured.device),
        };
        // What verdicts are worth is no part of it. Of several tasks each judge is named once, in an
        // order that is not that of the tasks: the draws are the same in any.
        let judges: BTreeSet<String> = self.problems.iter().map(decided_by).collect();
        LedgerKey {
            weights: format!("{weights} of shape {config}{rounded}{device}"),
            sampler: sampler_name(sampler),
            prompt: hasher.finalize().to_hex().to_string(),
            verifier: judges.into_iter().collect::<Vec<_>>().join("; "),
            seed: self.measured.probe.seed,
        }
    }
}

/// Who judges a problem's draws and, where not a single turn is all there is, who answers them.
fn decided_by(problem: &Problem) -> String {
    let judge = problem.judge().identity();
    match problem.environment.turns() {
        1 => judge,
        _ => format!("{judge} in {}", problem.environment.identity()),
    }
}

/// What the source of draws failed with, out of the wrapping that the probe gave it: so that an
/// interruption is known as one, and nothing else is taken for it.
pub(crate) fn own_error(error: ProbeError) -> TrainError {
    let ProbeError::Source(error) = error else { return error.into() };
    source_error(error).unwrap_or_else(|error| ProbeError::Source(error).into())
}

/// The error of a source of draws or scores as one of ours; itself, if it is none.
pub(crate) fn source_error(error: SourceError) -> Result<TrainError, SourceError> {
    let error = match error.downcast::<RolloutError>() {
        Ok(error) => return Ok(TrainError::Rollout(*error)),
        Err(error) => error,
    };
    error.downcast::<TrainError>().map(|error| *error)
}

/// How long a run that waits for another's draws leaves the lock until its next try.
const LOCK_POLL: std::time::Duration = std::time::Duration::from_millis(200);

/// How many draws a probe makes of each problem.
pub fn extent(probe: &Probe) -> Extent {
    Extent::new(probe.n_max as u64, probe.stop as u64)
}

/// Where the ledgers of a cache are.
pub fn store_dir(cache_dir: &Path) -> PathBuf {
    cache_dir.join("ledgers")
}

/// Distinct answers of each model that a lost or gained problem keeps for the final table.
const EXAMPLES: usize = 3;

/// The sampler as figures show it.
pub(crate) fn sampler_name(sampler: &Sampler) -> String {
    let mut name = format!("temperature {}, top_p {}", sampler.temperature, sampler.top_p);
    if sampler.top_k > 0 {
        name += &format!(", top_k {}", sampler.top_k);
    }
    if sampler.min_p > 0.0 {
        name += &format!(", min_p {}", sampler.min_p);
    }
    name
}

fn set_name(probe: &Probe, sampler: &Sampler) -> String {
    match probe.samplers.len() {
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

/// The names under which the probes of a recipe are filed, one for each sampler.
pub(crate) fn set_names(probe: &Probe) -> Vec<String> {
    probe.samplers.iter().map(|sampler| set_name(probe, sampler)).collect()
}

/// Reads back the figures of the probe at `step`, one for each sampler.
///
/// # Errors
/// A file that is missing or that is no such figures.
pub fn read_figures(run_dir: &Path, step: u64, probe: &Probe) -> Result<Vec<Boundary>, TrainError> {
    let read = |sampler| {
        let path = figures_path(run_dir, step, &set_name(probe, sampler));
        let text = sealed::read_text(&path)?;
        serde_json::from_str(&text)
            .map_err(|error| TrainError::Figures { path, problem: error.to_string() })
    };
    probe.samplers.iter().map(read).collect()
}

/// Name of the file of the base's draws.
pub(crate) fn base_file(set: &str) -> String {
    format!("base-{set}.draws.jsonl.zst")
}

/// Where the figures of one probe are kept.
pub(crate) fn figures_path(run_dir: &Path, step: u64, set: &str) -> PathBuf {
    run_dir.join("boundary").join(format!("step-{step:06}-{set}.json"))
}
