//! What is said before a run: what it is, how long it will take, and what its probes will be able to
//! show.

use bourn_model::ModelConfig;
use bourn_probe::{Detectable, Ledger, StopRule, detectable, powers_of_two};
use bourn_recipe::{ModelSource, Probe, Recipe, Reward, Task, TaskKind};
use bourn_task::Problems;
use bourn_track::format::{grouped, plural, together};
use bourn_track::{detectable_line, facts};

use crate::error::TrainError;
use crate::forecast::Forecast;
use crate::memory;
use crate::probe::{Prober, extent};
use crate::run::RunOrder;

/// What a run begins with, as far as it is known before its first step.
pub(crate) struct Beginning<'a> {
    /// The model's shape.
    pub config: &'a ModelConfig,
    /// Whether the base has to be made first.
    pub to_be_made: bool,
    /// What is left of it, where that can be told.
    pub forecast: Option<Forecast>,
}

/// Five lines: where, what model, which problems, how much of it, and how to watch it.
///
/// # Errors
/// As [`memory::estimate`].
pub(crate) fn beginning(
    order: &RunOrder<'_>,
    problems: &Problems,
    b: &Beginning<'_>,
) -> Result<(), TrainError> {
    let &RunOrder { recipe, options, console, .. } = order;
    let run = format!(
        "{}: seed {}, {}, {}",
        options.run_dir.display(),
        recipe.seed,
        recipe.device,
        plural(rayon::current_num_threads() as u64, "thread")
    );
    let mut rows = vec![
        ("run".to_owned(), run),
        ("model".to_owned(), model(recipe, b)),
        ("problems".to_owned(), data(recipe, problems)),
        ("plan".to_owned(), plan(recipe, b)?),
    ];
    if recipe.log.tensorboard {
        let dir = options.run_dir.join("tensorboard");
        rows.push(("watch".to_owned(), format!("tensorboard --logdir {}", dir.display())));
    }
    console.line(facts(&rows, 0));
    Ok(())
}

/// What the model is, and where it is from.
fn model(recipe: &Recipe, b: &Beginning<'_>) -> String {
    let parameters = match b.config.parameters() as f64 {
        count if count < 1e6 => format!("{:.0} thousand", count / 1e3),
        count if count < 1e9 => format!("{:.1} million", count / 1e6),
        count => format!("{:.1} billion", count / 1e9),
    };
    let from = match (&recipe.model.source, b.to_be_made) {
        (ModelSource::Path(path), _) => format!("from {path}"),
        (ModelSource::Architecture(_), true) => "pretrained first".to_owned(),
        (ModelSource::Architecture(_), false) => "pretrained before, in the cache".to_owned(),
    };
    let layers = plural(b.config.num_layers as u64, "layer");
    format!("{layers}, {parameters} parameters, {from}")
}

/// How many problems there are, of what, and who judges them.
fn data(recipe: &Recipe, problems: &Problems) -> String {
    let kind = |task: &Task| match &task.kind {
        TaskKind::Countdown(_) => "countdown".to_owned(),
        TaskKind::Dataset(data) => data.source.path.clone(),
        TaskKind::Benchmark(of) => of.benchmark.facts().name.to_owned(),
    };
    let judge = |task: &Task| {
        let name = |reward: &Reward| match reward.second_opinion {
            true => format!("{} (second opinion)", reward.verifier.name()),
            false => reward.verifier.name().to_owned(),
        };
        task.rewards.iter().map(name).collect::<Vec<_>>().join(" + ")
    };
    let mut judges: Vec<String> = recipe.tasks.iter().map(judge).collect();
    judges.dedup();
    format!(
        "{} to train on, {} held out, of {}; verifier {}",
        grouped(problems.train.len() as f64),
        grouped(problems.held_out.len() as f64),
        recipe.tasks.iter().map(kind).collect::<Vec<_>>().join(", "),
        judges.join(", ")
    )
}

/// How much is done, when it is measured, and what it takes.
fn plan(recipe: &Recipe, b: &Beginning<'_>) -> Result<String, TrainError> {
    let completions = recipe.rollout.prompts_per_step * recipe.rollout.num_generations;
    let probes = match (recipe.probe.interval, recipe.probes()) {
        (0, _) => "no probe".to_owned(),
        (interval, count) => format!("{count} probes, one every {}", plural(interval, "step")),
    };
    let bytes = memory::estimate(recipe, b.config)?.iter().map(|(_, bytes)| bytes).sum();
    let time = b.forecast.map_or("time not known yet".to_owned(), |forecast| together(&forecast));
    Ok(format!(
        "{} of {} completions, {probes}; {time}, at most about {}",
        plural(recipe.train.max_steps, "step"),
        grouped(completions as f64),
        memory::mebibytes(bytes)
    ))
}

impl Prober<'_> {
    /// Whether the store has all draws of the base that a probe needs.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn has_base_draws(&self) -> Result<bool, TrainError> {
        let (store, extent) = (self.store()?, extent(self.measured.probe));
        let problems = || self.problems.iter().map(|p| (p.id.as_str(), p.prompt.as_str()));
        for sampler in &self.measured.probe.samplers {
            if store.get(&self.ledger_key(&self.base, sampler), problems(), extent)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Says, before anything is drawn, what the draws will be able to show: from the base's draws
    /// of earlier runs where the store has them all, else at worst.
    pub(crate) fn announce(&self) -> Result<(), TrainError> {
        let store = self.store()?;
        let problems = || self.problems.iter().map(|p| (p.id.as_str(), p.prompt.as_str()));
        for sampler in &self.measured.probe.samplers {
            let key = self.ledger_key(&self.base, sampler);
            let base = store.get(&key, problems(), extent(self.measured.probe))?;
            self.tell_detectable(&self.set_name(sampler), base.as_ref());
        }
        Ok(())
    }

    /// The same of one set, from the base's draws where they are known.
    pub(crate) fn tell_detectable(&self, set: &str, base: Option<&Ledger>) {
        let detectable = detectable_before(self.measured.probe, self.problems.len(), base);
        self.console.detail(format!("probe: {set}: {}", detectable_line(&detectable)));
    }
}

/// What a probe on so many problems will be able to show, before the policy is drawn:
/// from the base's draws where they are known, else at worst.
pub fn detectable_before(probe: &Probe, problems: usize, base: Option<&Ledger>) -> Detectable {
    let extent = extent(probe);
    let n_max = extent.n_max();
    // A fixed number of draws is a rule whose successes are out of reach.
    let rule = extent.rule().unwrap_or(StopRule { successes: n_max + 1, n_max });
    let base = base.map(Ledger::outcomes);
    let k = powers_of_two(n_max);
    detectable(problems, rule, base.as_ref(), &k, probe.confidence)
}
