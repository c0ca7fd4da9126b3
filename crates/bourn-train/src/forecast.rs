//! About how long a run will take, said before it is made.
//!
//! Two things are kept in the cache for each machine and shape of recipe: how fast it draws and fits,
//! measured in some seconds before the first run, and what each part of an earlier run took. The second
//! is believed where it is there. **No result depends on either.**

mod kept;
mod measure;
mod preview;
mod sketch;

use bourn_recipe::{Recipe, Trunk};

pub(crate) use self::kept::{Kept, RunTimes};
pub(crate) use self::measure::{Speeds, Subject, Trial, measure};
pub use self::preview::{Preview, preview};
pub(crate) use self::sketch::{Sketch, groups, rows};

/// Shares of the draws allowed that a rule which ends a problem's drawing early leaves: of a base that
/// solves most problems seldom, and of policies on the way from it. From the quickstart; an earlier run
/// of the same shape says better.
const BASE_SHARE: f64 = 0.2;
const POLICY_SHARE: f64 = 0.4;
/// Rate of a problem up to whose stop is drawn at least, about: where n_max is small, few stop early.
const SOLVED: f64 = 0.1;
/// How much quicker a forward alone is than a forward and backward.
const FORWARD: f64 = 3.0;

/// What a run is expected to take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Seconds.
    pub seconds: f64,
    /// Whether that is an upper bound, because it is not known how long completions are.
    pub at_most: bool,
}

/// What a run finds done.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Done {
    /// The base is there: published, or in the cache.
    pub base: bool,
    /// Its draws are in the store.
    pub base_draws: bool,
    /// Completed steps.
    pub steps: u64,
}

/// What is left of the run of `recipe`; `None` where nothing is known of the machine.
pub(crate) fn forecast(recipe: &Recipe, kept: &Kept, done: Done) -> Option<Forecast> {
    let Kept { speeds, observed } = kept;
    let parts = speeds.as_ref().map(|speeds| Parts::of(recipe, speeds));
    let seconds = |observed: Option<f64>, part: fn(&Parts) -> f64| {
        observed.or_else(|| Some(part(parts.as_ref()?)))
    };
    let steps = recipe.train.max_steps.saturating_sub(done.steps) as f64;
    let mut total = steps * seconds(observed.step, |parts| parts.step)?;
    if !done.base {
        total += seconds(observed.base, |parts| parts.base)?;
    }
    if recipe.probe.interval > 0 {
        let first = done.steps == 0;
        let passed = done.steps.div_ceil(recipe.probe.interval);
        let left = recipe.probes().saturating_sub(if first { 1 } else { passed });
        total += left as f64 * seconds(observed.probe, |parts| parts.probe)?;
        // The first is of the base alone: the policy is not another yet, and its draws are kept as
        // the base's are.
        if first && !done.base_draws {
            total += seconds(observed.first_probe, |parts| parts.first_probe)?;
        }
    }
    let known = speeds.as_ref().is_some_and(|speeds| speeds.completion.is_some());
    Some(Forecast { seconds: total, at_most: observed.step.is_none() && !known })
}

/// Seconds that each part of a run takes.
struct Parts {
    base: f64,
    step: f64,
    first_probe: f64,
    probe: f64,
}

impl Parts {
    fn of(recipe: &Recipe, speeds: &Speeds) -> Parts {
        let &Speeds { draw, fit, prompt, completion, trained } = speeds;
        let completion = completion.unwrap_or(recipe.rollout.max_completion_length as f64);
        // A group's prompt goes through once.
        let share_trained = trained.unwrap_or(1.0);
        let trained = completion + prompt / recipe.rollout.num_generations as f64;
        let completions = (recipe.rollout.prompts_per_step * recipe.rollout.num_generations) as f64;
        // A policy, and what learns beside it.
        let mut models = recipe.train.num_iterations as f64;
        if recipe.critic.as_ref().is_some_and(|critic| critic.trunk == Trunk::Own) {
            models *= 2.0;
        }
        models += if recipe.implicit_reward.is_some() { 1.0 + 2.0 / FORWARD } else { 0.0 };
        models += if recipe.algorithm.kl_coef > 0.0 { 1.0 / FORWARD } else { 0.0 };
        let step = completions * (completion / draw + share_trained * models * trained / fit);

        let probe = &recipe.probe;
        let sets = (probe.problems * probe.samplers.len()) as f64;
        let (n_max, stop) = (probe.n_max as f64, probe.stop as f64);
        // Draws of a problem, and those of them that are scored under the other model: so many wrong
        // ones, and every correct one.
        let draws = |share: f64| match probe.stop {
            0 => n_max,
            _ => (share * n_max).max(stop / SOLVED).min(n_max),
        };
        let drawn = |share: f64| sets * draws(share) * completion / draw;
        let scored = |share: f64| match probe.scores {
            0 => 0.0,
            most => {
                let scored = draws(share).min(most as f64 + stop);
                2.0 * sets * scored * completion / (FORWARD * fit)
            }
        };
        let pretrained = recipe.base.as_ref().map_or(0.0, |stage| {
            stage.steps as f64 * stage.batch_size as f64 * (prompt + completion) / fit
        });
        Parts {
            base: pretrained,
            step,
            first_probe: 2.0 * drawn(BASE_SHARE) + scored(BASE_SHARE),
            probe: drawn(POLICY_SHARE) + scored(POLICY_SHARE),
        }
    }
}

/// Of runs one after the other.
impl std::iter::Sum for Forecast {
    fn sum<I: Iterator<Item = Forecast>>(runs: I) -> Forecast {
        runs.fold(Forecast { seconds: 0.0, at_most: false }, |sum, run| Forecast {
            seconds: sum.seconds + run.seconds,
            at_most: sum.at_most || run.at_most,
        })
    }
}

/// `about 4 min`, `at most about 3 h`: no more digits than a forecast has.
impl std::fmt::Display for Forecast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Forecast { seconds, at_most } = *self;
        let most = if at_most { "at most " } else { "" };
        let rounded = |value: f64, unit: &str| match value {
            value if value < 10.0 => format!("{} {unit}", (10.0 * value).round() / 10.0),
            value => format!("{:.0} {unit}", value),
        };
        let time = match seconds {
            s if s < 90.0 => format!("{:.0} s", (s / 5.0).ceil() * 5.0),
            s if s < 5400.0 => rounded(s / 60.0, "min"),
            s if s < 172_800.0 => rounded(s / 3600.0, "h"),
            s => rounded(s / 86_400.0, "days"),
        };
        write!(f, "{most}about {time}")
    }
}

#[cfg(test)]
#[path = "../tests/unit/forecast.rs"]
mod tests;
