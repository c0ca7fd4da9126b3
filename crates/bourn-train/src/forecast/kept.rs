//! What is kept of a machine and a shape of recipe between runs.

use std::path::{Path, PathBuf};

use bourn_recipe::Recipe;
use bourn_track::{read_metrics, tags};
use serde::{Deserialize, Serialize};

use super::Speeds;
use crate::error::TrainError;
use crate::sealed::{self, Turn};

/// Raised whenever what is kept means something else.
const FORMAT: &str = "bourn forecast 2";

/// What is known before a run is made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// How fast this machine is with a model of this shape.
    pub speeds: Option<Speeds>,
    /// What an earlier run took.
    #[serde(default)]
    pub observed: Observed,
}

/// Seconds that parts of the last run of this shape took; each `None` where there was no such part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Observed {
    /// Pretraining the base.
    pub base: Option<f64>,
    /// A step, on average.
    pub step: Option<f64>,
    /// The probe at step 0, where it drew the base.
    pub first_probe: Option<f64>,
    /// A later probe, on average.
    pub probe: Option<f64>,
}

impl Kept {
    /// Where it is kept of runs of this recipe on this machine.
    pub(crate) fn path(cache_dir: &Path, recipe: &Recipe) -> PathBuf {
        let key = format!("{FORMAT}\n{}\n{}", machine(recipe), shape(recipe));
        let name = blake3::hash(key.as_bytes()).to_hex();
        cache_dir.join("forecasts").join(format!("{}.json", &name.as_str()[..32]))
    }

    /// What is kept there; nothing, where nothing is or it cannot be read: it is a guess at a time.
    pub(crate) fn read(path: &Path) -> Kept {
        let text = sealed::read_text(path).ok();
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Keeps it, where that can be done: a run is not to end for a guess at a time.
    pub(crate) fn write(&self, path: &Path) {
        let keep = || -> Result<(), TrainError> {
            let parent = path.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(parent)
                .map_err(TrainError::io(parent, "creating the directory"))?;
            // It clears up, so nobody writes there out of turn.
            let turn = Turn::take(parent.parent().unwrap_or(Path::new(".")))?;
            turn.clear_up(parent);
            sealed::replace_file(path, sealed::to_json(path, self)?.as_bytes())
        };
        let _ = keep();
    }

    /// Takes up what a run has taken; what it did not do stays as it was known.
    pub(crate) fn observe(&mut self, times: &RunTimes, drew_base: bool) {
        let mean = |of: &[f64]| (!of.is_empty()).then(|| of.iter().sum::<f64>() / of.len() as f64);
        let Observed { base, step, first_probe, probe } = &mut self.observed;
        *base = times.base.or(*base);
        *step = mean(&times.steps).or(*step);
        let later: Vec<f64> =
            times.probes.iter().filter(|(step, _)| *step > 0).map(|(_, time)| *time).collect();
        *probe = mean(&later).or(*probe);
        let first = times.probes.iter().find(|(step, _)| *step == 0 && drew_base);
        *first_probe = first.map(|(_, time)| *time).or(*first_probe);
    }
}

/// What the parts of a run took, in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RunTimes {
    /// Pretraining the base, where it was done.
    pub base: Option<f64>,
    /// Every step.
    pub steps: Vec<f64>,
    /// Every probe with its step.
    pub probes: Vec<(u64, f64)>,
}

impl RunTimes {
    /// From a run's file of times; nothing where it cannot be read.
    pub(crate) fn read(path: &Path) -> RunTimes {
        let mut times = RunTimes::default();
        for line in read_metrics(path).unwrap_or_default() {
            let at = |tag: &str| line.values.get(tag).copied().filter(|value| value.is_finite());
            times.base = at(tags::BASE_SECONDS).or(times.base);
            times.steps.extend(at(tags::STEP_TIME));
            times.probes.extend(at(tags::PROBE_SECONDS).map(|seconds| (line.step, seconds)));
        }
        times
    }
}

/// What the speed of a machine depends on, as far as it says.
fn machine(recipe: &Recipe) -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find(|line| line.starts_with("model name")).unwrap_or("unknown");
    format!("{model}, {} threads, {}", rayon::current_num_threads(), recipe.device)
}

/// What the time of a step or a probe depends on: all of the recipe but its name, its seeds, how many
/// steps and probes there are, and what is written.
fn shape(recipe: &Recipe) -> String {
    let mut shape = recipe.clone();
    shape.name = String::new();
    shape.seed = 0;
    shape.train.max_steps = 0;
    shape.probe.interval = 0;
    shape.probe.seed = 0;
    shape.checkpoint = Default::default();
    shape.log = Default::default();
    shape.to_toml()
}
