//! Witness replay, an experiment: *training* problems that the policy is losing get correct draws
//! of the frozen base, witnesses that they can be solved, in their groups.
//!
//! Some training problems are watched. The base draws each once, into the ledger that probes use;
//! the policy draws them at every look, and the probe's own posterior says how likely each is to be
//! lost. Of those whose risk is high and rises a step takes a few groups: most completions the
//! policy's, the others witnesses, with the base's log-probs as those of the sampler that drew
//! them. What the loss makes of them is in [`crate::loss`], and why in `docs/algorithms.md`.
//!
//! Held-out problems are never watched: what is trained on says nothing of a boundary.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use bourn_probe::{Extent, Ledger, Outcomes, risks};
use bourn_recipe::{Recipe, Replay as Settings, Sampler};
use bourn_rollout::{Completion, Engine, Finish, Progress, ScoreItem};
use bourn_seed::rng;
use bourn_task::{Problem, Problems};
use bourn_verify::DrawId;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::drawing::{self, Draws};
use crate::error::TrainError;
use crate::experience::{Experience, Replayed, Sample};
use crate::judging::judge;
use crate::probe::{Bench, Prober};
use crate::prompts::encode_prompts;
use crate::side::Role;

/// What came of the policy's draws at one look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// Completed steps of the policy.
    pub step: u64,
    /// Draws and correct draws of every watched problem.
    pub outcomes: BTreeMap<String, Outcomes>,
}

/// What is known of the watched problems; a function of recipe, base and the state's looks.
pub struct Replay {
    watched: Vec<Problem>,
    /// What came of the base's draws.
    base: BTreeMap<String, Outcomes>,
    /// The base's correct draws, with its log-probs at the training temperature.
    witnesses: BTreeMap<String, Vec<Sample>>,
    /// Places in `watched` of the problems that are replayed.
    endangered: Vec<usize>,
}

/// The training problems that are watched: a draw by the probe's seed.
pub fn watched(recipe: &Recipe, settings: &Settings, problems: &Problems) -> Vec<Problem> {
    let mut watched = problems.train.clone();
    watched.shuffle(&mut rng(recipe.probe.seed, "replay/watched", &[]));
    watched.truncate(settings.problems);
    watched
}

/// The sampler of training, by which witnesses and looks are drawn: importance weights hold a
/// policy against the distribution that a witness was drawn from.
fn sampler(recipe: &Recipe) -> Sampler {
    Sampler { temperature: recipe.rollout.temperature, top_p: 1.0, top_k: 0, min_p: 0.0 }
}

fn extent(recipe: &Recipe, settings: &Settings) -> Extent {
    Extent::new(settings.n_max as u64, recipe.probe.stop as u64)
}

impl Replay {
    /// Draws of the base, or its ledger, for the problems of `prober`, which are the watched ones.
    ///
    /// # Errors
    /// As the probe's; [`TrainError::Rollout`] where the user asks to stop.
    pub(crate) fn open(
        prober: &Prober<'_>,
        bench: &mut Bench<'_, '_>,
        settings: &Settings,
    ) -> Result<Replay, TrainError> {
        let (recipe, name) = (prober.recipe, Some("replay: base"));
        let extent = extent(recipe, settings);
        let ledger = prober.draws(bench, Role::Base, &sampler(recipe), extent, name)?.ledger;
        let engine = bench.engines.of(Role::Base, &prober.base)?;
        let witnesses = witnesses(prober, engine, &ledger)?;
        bench.engines.of(Role::Policy, bench.policy)?;
        let (watched, base) = (prober.problems.to_vec(), ledger.outcomes());
        Ok(Replay { watched, base, witnesses, endangered: Vec::new() })
    }

    /// The policy's draws of the watched problems.
    ///
    /// # Errors
    /// As [`Replay::open`].
    pub(crate) fn look(
        prober: &Prober<'_>,
        bench: &mut Bench<'_, '_>,
        settings: &Settings,
    ) -> Result<Look, TrainError> {
        let (recipe, step, name) = (prober.recipe, bench.step, Some("replay: policy"));
        let extent = extent(recipe, settings);
        let drawn = prober.draws(bench, Role::Policy, &sampler(recipe), extent, name)?;
        Ok(Look { step, outcomes: drawn.ledger.outcomes() })
    }

    /// Finds the problems that are replayed from now on: their risk is at least the threshold and
    /// rose since the look before, and the base has solved them.
    pub(crate) fn judge(&mut self, looks: &[Look], settings: &Settings) {
        let mut newest = looks.iter().rev().map(|look| &look.outcomes);
        let Some(now) = newest.next() else { return };
        let risks = risks(&self.base, now, newest.next());
        let endangered = |problem: &Problem| {
            let risk = risks.get(problem.id.as_str());
            let rises =
                risk.is_some_and(|risk| risk.lost >= settings.threshold && risk.lost > risk.before);
            rises && self.witnesses.contains_key(problem.id.as_str())
        };
        let places = self.watched.iter().enumerate().filter(|(_, problem)| endangered(problem));
        self.endangered = places.map(|(place, _)| place).collect();
    }

    /// Problems that are replayed.
    pub(crate) fn endangered(&self) -> usize {
        self.endangered.len()
    }

    /// All watched problems.
    pub(crate) fn watched(&self) -> &[Problem] {
        &self.watched
    }

    /// The problems of a step's replayed groups, each with the witnesses of its group: a draw of
    /// problems, and for each one of its witnesses, in turn where there are too few.
    fn groups(
        &self,
        recipe: &Recipe,
        settings: &Settings,
        step: u64,
    ) -> Vec<(&Problem, Vec<&Sample>)> {
        let mut rng = rng(recipe.seed, "replay/groups", &[step]);
        let mut places = self.endangered.clone();
        places.shuffle(&mut rng);
        places.truncate(settings.groups);
        let count = settings.witnesses(recipe.rollout.num_generations);
        let group = |place: usize| {
            let problem = &self.watched[place];
            let mut all: Vec<&Sample> =
                self.witnesses.get(problem.id.as_str()).into_iter().flatten().collect();
            all.shuffle(&mut rng);
            (problem, all.into_iter().cycle().take(count).collect())
        };
        places.into_iter().map(group).collect()
    }

    /// Draws the step's replayed groups, each with its witnesses behind the policy's own; `None`
    /// where no problem is being lost.
    ///
    /// # Errors
    /// As [`drawing::collect`].
    pub(crate) fn draw(
        &self,
        prober: &Prober<'_>,
        engine: &mut Engine,
        settings: &Settings,
        step: u64,
    ) -> Result<Option<Experience>, TrainError> {
        let groups = self.groups(prober.recipe, settings, step);
        if groups.is_empty() {
            return Ok(None);
        }
        let mut recipe = prober.recipe.clone();
        recipe.rollout.num_generations -= settings.witnesses(recipe.rollout.num_generations);
        let size = recipe.rollout.num_generations;
        let problems: Vec<&Problem> = groups.iter().map(|(problem, _)| *problem).collect();
        let draws = Draws { purpose: "replay", step, batch: 0 };
        let prompter = prober.base.prompter;
        let on_progress = &mut |_: Progress| go_on(prober);
        let mut drawn = drawing::collect(engine, prompter, &problems, &recipe, draws, on_progress)?;
        let mut own = std::mem::take(&mut drawn.samples).into_iter();
        for (group, (_, witnesses)) in groups.iter().enumerate() {
            drawn.samples.extend(own.by_ref().take(size));
            let placed = witnesses.iter().map(|&witness| Sample { group, ..witness.clone() });
            drawn.samples.extend(placed);
        }
        drawn.replayed = Replayed { endangered: self.endangered.len(), groups: groups.len() };
        Ok(Some(drawn))
    }
}

/// The base's correct draws, scored and judged as completions of training are.
fn witnesses(
    prober: &Prober<'_>,
    engine: &mut Engine,
    ledger: &Ledger,
) -> Result<BTreeMap<String, Vec<Sample>>, TrainError> {
    let (recipe, prompter) = (prober.recipe, prober.base.prompter);
    let problems: Vec<&Problem> = prober.problems.iter().collect();
    let prompts = encode_prompts(&problems, prompter, recipe)?;
    let correct: Vec<_> = problems
        .iter()
        .zip(&prompts)
        .flat_map(|(problem, prompt)| {
            let draws =
                ledger.get(problem.id.as_str()).map(|entry| entry.draws()).unwrap_or_default();
            let correct = draws.iter().filter(|draw| draw.verdict.is_correct());
            correct.map(move |draw| (*problem, prompt, draw))
        })
        .collect();
    let items: Vec<ScoreItem<'_>> = correct
        .iter()
        .map(|(_, prompt, draw)| ScoreItem { prompt, completion: &draw.ids })
        .collect();
    let on_progress = &mut |_: Progress| go_on(prober);
    let scored = engine.score(&items, recipe.rollout.temperature, on_progress)?;
    let mut witnesses: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
    for (number, ((problem, _, draw), scored)) in (0..).zip(correct.into_iter().zip(scored)) {
        let completion = Completion {
            tokens: draw.ids.clone(),
            sampled_logprobs: scored.logprobs.clone(),
            logprobs: scored.logprobs,
            entropies: scored.entropies,
            finish: if draw.truncated { Finish::Length } else { Finish::Stop },
        };
        // Witnesses are drawn once for the whole run: a coin knows them by their number.
        let tossed = DrawId { step: 0, number };
        let sample = judge(0, problem, completion, tossed, prompter)?;
        witnesses
            .entry(problem.id.to_string())
            .or_default()
            .push(Sample { witness: true, ..sample });
    }
    Ok(witnesses)
}

fn go_on(prober: &Prober<'_>) -> ControlFlow<()> {
    match prober.stop.load(Ordering::Relaxed) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    }
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
