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

use bourn_episode::Source;
use bourn_probe::{Extent, Ledger, Outcomes, risks};
use bourn_recipe::{Probe, Replay as Settings, Rollout, Sampler};
use bourn_rollout::{Completion, Finish, Rollouts, Sampling, ScoreItem};
use bourn_seed::rng;
use bourn_task::{Problem, Problems};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::drawing::{self, DrawBatch};
use crate::episodes::{Episode, Reader};
use crate::error::TrainError;
use crate::experience::{Experience, Replayed, Sample};
use crate::judging::Judging;
use crate::probe::{Bench, Prober};
use crate::prompts::encode_until;
use crate::settings::Draws;
use crate::side::Role;
use crate::stopping::go_on;

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
pub(crate) struct WitnessReplay {
    watched: Vec<Problem>,
    /// What came of the base's draws.
    base: BTreeMap<String, Outcomes>,
    /// The base's correct draws, with its log-probs at the training temperature.
    witnesses: BTreeMap<String, Vec<Sample>>,
    /// Places in `watched` of the problems that are replayed.
    endangered: Vec<usize>,
}

/// The training problems that are watched: a draw by the probe's seed.
pub(crate) fn watched(seed: u64, settings: &Settings, problems: &Problems) -> Vec<Problem> {
    let mut watched = problems.train.clone();
    watched.shuffle(&mut rng(seed, "replay/watched", &[]));
    watched.truncate(settings.problems);
    watched
}

/// The sampler of training, by which witnesses and looks are drawn: importance weights hold a
/// policy against the distribution that a witness was drawn from.
fn sampler(rollout: &Rollout) -> Sampler {
    Sampler { temperature: rollout.temperature, top_p: 1.0, top_k: 0, min_p: 0.0 }
}

fn extent(probe: &Probe, settings: &Settings) -> Extent {
    Extent::new(settings.n_max as u64, probe.stop as u64)
}

impl WitnessReplay {
    /// Draws of the base, or its ledger, for the problems of `prober`, which are the watched ones.
    ///
    /// # Errors
    /// As the probe's; [`TrainError::Rollout`] where the user asks to stop.
    pub(crate) fn open(
        prober: &Prober<'_>,
        bench: &mut Bench<'_, '_>,
        settings: &Settings,
    ) -> Result<WitnessReplay, TrainError> {
        let (measured, name) = (prober.measured, Some("replay: base"));
        let (sampler, extent) = (sampler(measured.rollout), extent(measured.probe, settings));
        let ledger = prober.draws(bench, Role::Base, &sampler, extent, name)?.ledger;
        let engine = bench.engines.of(Role::Base, &prober.base)?;
        let witnesses = witnesses(prober, engine, &ledger)?;
        bench.engines.of(Role::Policy, bench.policy)?;
        let (watched, base) = (prober.problems.to_vec(), ledger.outcomes());
        Ok(WitnessReplay { watched, base, witnesses, endangered: Vec::new() })
    }

    /// The policy's draws of the watched problems.
    ///
    /// # Errors
    /// As [`WitnessReplay::open`].
    pub(crate) fn look(
        prober: &Prober<'_>,
        bench: &mut Bench<'_, '_>,
        settings: &Settings,
    ) -> Result<Look, TrainError> {
        let (measured, step, name) = (prober.measured, bench.step, Some("replay: policy"));
        let (sampler, extent) = (sampler(measured.rollout), extent(measured.probe, settings));
        let drawn = prober.draws(bench, Role::Policy, &sampler, extent, name)?;
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
        size: usize,
        seed: u64,
        settings: &Settings,
        step: u64,
    ) -> Vec<(&Problem, Vec<&Sample>)> {
        let mut rng = rng(seed, "replay/groups", &[step]);
        let mut places = self.endangered.clone();
        places.shuffle(&mut rng);
        places.truncate(settings.groups);
        let count = settings.witnesses(size);
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
        engine: &mut dyn Rollouts,
        draws: Draws<'_>,
        settings: &Settings,
        step: u64,
    ) -> Result<Option<Experience>, TrainError> {
        let all = draws.rollout.num_generations;
        let groups = self.groups(all, draws.seed, settings, step);
        if groups.is_empty() {
            return Ok(None);
        }
        let size = all - settings.witnesses(all);
        let problems: Vec<&Problem> = groups.iter().map(|(problem, _)| *problem).collect();
        let batch = DrawBatch { purpose: "replay", step, batch: 0, size };
        let prompter = prober.base.prompter;
        let stop = prober.stop;
        let mut drawn = drawing::collect(engine, prompter, &problems, draws, batch, stop)?;
        let mut own = std::mem::take(&mut drawn.samples).into_iter();
        for (group, (_, witnesses)) in groups.iter().enumerate() {
            drawn.samples.extend(own.by_ref().take(size));
            drawn.samples.extend(witnesses.iter().map(|&witness| {
                let mut witness = witness.clone();
                witness.trajectory.group = group;
                witness
            }));
        }
        drawn.replayed = Replayed { endangered: self.endangered.len(), groups: groups.len() };
        Ok(Some(drawn))
    }
}

/// The base's correct draws, scored and judged as completions of training are.
fn witnesses(
    prober: &Prober<'_>,
    engine: &mut dyn Rollouts,
    ledger: &Ledger,
) -> Result<BTreeMap<String, Vec<Sample>>, TrainError> {
    let (rollout, prompter) = (prober.measured.rollout, prober.base.prompter);
    let problems: Vec<&Problem> = prober.problems.iter().collect();
    let prompts = encode_until(&problems, prompter, rollout.max_prompt_length, prober.stop)?;
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
    let whole = Sampling::whole(rollout.temperature)?;
    let scored = engine.score(&items, &whole, &mut |_| go_on(prober.stop))?;
    let reader = Judging { prompter, step: 0 };
    let mut witnesses: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
    for (number, ((problem, prompt, draw), scored)) in (0..).zip(correct.into_iter().zip(scored)) {
        let completion = Completion {
            tokens: draw.ids.clone(),
            sampled_logprobs: scored.logprobs.clone(),
            logprobs: scored.logprobs,
            entropies: scored.entropies,
            finish: if draw.truncated { Finish::Length } else { Finish::Stop },
        };
        // Witnesses are drawn once for the whole run: a coin knows them by their number.
        let mut sample = reader.read(problem, number, Episode::of(prompt, completion))?;
        sample.trajectory.source = Source::Witness;
        witnesses.entry(problem.id.to_string()).or_default().push(sample);
    }
    Ok(witnesses)
}

#[cfg(test)]
#[path = "../tests/unit/replay.rs"]
mod tests;
