//! One step's numbers under their metric tags.

use std::collections::{BTreeMap, BTreeSet};

use bourn_recipe::Algorithm;
use bourn_track::tags;
use bourn_verify::Verdict;

use crate::error::TrainError;
use crate::experience::{Experience, Said, Sample, groups_of};
use crate::update::UpdateReport;

/// Metrics of one step, without its timing; `replays` where witnesses are replayed at all.
pub(crate) fn step_metrics(
    experience: &Experience,
    report: &UpdateReport,
    algorithm: &Algorithm,
    replays: bool,
) -> Result<BTreeMap<String, f64>, TrainError> {
    let mut metrics = BTreeMap::new();
    let mut put = |tag: &str, value: f64| {
        metrics.insert(tag.to_owned(), value);
    };
    let samples = experience.own();
    let share = |count: usize| count as f64 / samples.len().max(1) as f64;

    let rewards: Vec<f32> = samples.iter().map(|sample| sample.judged.reward).collect();
    let groups = groups_of(samples.iter().copied());
    put(tags::REWARD, mean(rewards.iter().map(|&reward| f64::from(reward))));
    put(tags::REWARD_STD, mean(groups.slices(&rewards).map(bourn_algo::sample_std)));
    put(tags::FRAC_REWARD_ZERO_STD, bourn_algo::frac_reward_zero_std(&rewards, &groups)?);
    let all = || samples.iter().flat_map(|sample| &sample.judged.said);
    let names = all().filter(|said| !said.second_opinion).map(|said| said.verifier);
    for name in names.collect::<BTreeSet<_>>() {
        let named = |said: &Said| said.verifier == name && !said.second_opinion;
        // Where a task has two of one name, the last of them speaks for it.
        let score = |sample: &&Sample| {
            let said = sample.judged.said.iter().rfind(|said| named(said))?;
            Some(f64::from(said.judgement.score))
        };
        put(&tags::verifier_mean(name), mean(samples.iter().filter_map(score)));
        let counts = |sample: &&Sample| {
            let counts = &sample.judged.steps.as_ref()?.counts;
            let said = sample.judged.said.iter().zip(counts).rev();
            said.filter(|(said, _)| named(said)).find_map(|(_, counts)| *counts)
        };
        let counts: Vec<(usize, usize)> = samples.iter().filter_map(counts).collect();
        if !counts.is_empty() {
            let (right, all) = counts.iter().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
            put(&tags::verifier_steps(name), right as f64 / all.max(1) as f64);
        }
    }
    let watching = all().filter(|said| said.second_opinion).map(|said| said.verifier);
    for name in watching.collect::<BTreeSet<_>>() {
        let both = |sample: &&Sample| {
            let mut said = sample.judged.said.iter();
            let second = said.rfind(|said| said.second_opinion && said.verifier == name)?;
            Some((sample.correct(), second.judgement.verdict.is_correct()))
        };
        let both: Vec<(bool, bool)> = samples.iter().filter_map(both).collect();
        let share =
            |which: fn(&(bool, bool)) -> bool| mean(both.iter().map(|p| f64::from(which(p))));
        put(&tags::second_opinion(name, "differs"), share(|(first, second)| first != second));
        put(&tags::second_opinion(name, "first_alone"), share(|(first, second)| *first && !second));
    }
    for verdict in Verdict::ALL {
        let count = samples.iter().filter(|s| s.judged.verdict() == Some(verdict)).count();
        put(&tags::verdict(verdict.name()), share(count));
    }

    // Not every engine says.
    let entropies: Option<Vec<&Vec<f32>>> =
        samples.iter().map(|sample| sample.trajectory.entropies.as_ref()).collect();
    if let Some(entropies) = entropies {
        let all = entropies.into_iter().flatten();
        put(tags::ENTROPY, mean(all.map(|&entropy| f64::from(entropy))));
    }
    let lengths = || samples.iter().map(|sample| sample.count() as f64);
    put(tags::COMPLETIONS_MEAN_LENGTH, mean(lengths()));
    put(tags::COMPLETIONS_MIN_LENGTH, lengths().fold(f64::INFINITY, f64::min));
    put(tags::COMPLETIONS_MAX_LENGTH, lengths().fold(0.0, f64::max));
    let truncated = samples.iter().filter(|sample| sample.truncated()).count();
    put(tags::COMPLETIONS_CLIPPED_RATIO, share(truncated));

    if let Some(kl) = report.kl {
        put(tags::KL, kl);
    }
    put(tags::CLIP_RATIO_LOW, report.clip_low);
    put(tags::CLIP_RATIO_HIGH, report.clip_high);
    put(tags::CLIP_RATIO_REGION, report.clip_low + report.clip_high);
    put(tags::MISMATCH_KL, report.mismatch_kl);
    put(tags::PG_LOSS, report.pg_loss);
    put(tags::PPO_KL, report.ppo_kl);
    put(tags::GRAD_NORM, report.grad_norm);
    put(tags::LR, report.lr);
    if algorithm.entropy_target > 0.0 {
        put(tags::ENTROPY_COEF, experience.entropy_coef);
    }
    if algorithm.dynamic_sampling > 0 {
        let drawn = experience.own_groups();
        let kept = experience.kept[..drawn].iter().filter(|&&kept| kept).count();
        put(tags::DRAWN_GROUPS, drawn as f64);
        put(tags::KEPT_GROUPS, kept as f64 / drawn.max(1) as f64);
    }
    if replays {
        let witnesses = experience.samples.iter().filter(|s| !s.trajectory.is_policys()).count();
        put(tags::REPLAY_PROBLEMS, experience.replayed.endangered as f64);
        put(tags::REPLAY_COMPLETIONS, witnesses as f64);
        if let Some(replay) = &report.replay {
            put(tags::REPLAY_WEIGHT_MEAN, replay.weight);
            put(tags::REPLAY_WEIGHT_CLIPPED, replay.clipped);
        }
    }
    if let Some(implicit) = experience.implicit.as_ref().map(|pay| &pay.report) {
        put(tags::IMPLICIT_LOSS, implicit.loss);
        put(tags::IMPLICIT_ACCURACY, implicit.accuracy);
        put(tags::IMPLICIT_REWARD, implicit.reward);
        put(tags::IMPLICIT_GRAD_NORM, implicit.grad_norm);
        put(tags::IMPLICIT_LR, implicit.lr);
    }
    if let Some(critic) = &report.critic {
        put(tags::VF_LOSS, critic.loss);
        put(tags::VF_CLIPFRAC, critic.clipped);
        put(tags::VF_CALIBRATION, critic.calibration);
        put(tags::VALUES_MEAN, critic.value);
        put(tags::RETURNS_MEAN, critic.target);
        let optional = [
            (tags::VF_EXPLAINED_VAR, critic.explained),
            (tags::CRITIC_GRAD_NORM, critic.grad_norm),
            (tags::CRITIC_LR, critic.lr),
        ];
        optional.into_iter().for_each(|(tag, value)| value.into_iter().for_each(|v| put(tag, v)));
    }
    Ok(metrics)
}

/// Completion tokens that the step drew.
pub(crate) fn drawn_tokens(experience: &Experience) -> u64 {
    let drawn = experience.samples.iter().filter(|sample| sample.trajectory.is_policys());
    drawn.map(|sample| sample.count() as u64).sum()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0u64), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / count as f64 }
}
