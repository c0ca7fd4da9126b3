//! One step's numbers under their metric tags.

use std::collections::{BTreeMap, BTreeSet};

use bourn_recipe::Recipe;
use bourn_track::tags;
use bourn_verify::Verdict;

use crate::error::TrainError;
use crate::experience::{Experience, Sample};
use crate::update::UpdateReport;

/// Metrics of one step, without its timing.
pub fn step_metrics(
    experience: &Experience,
    report: &UpdateReport,
    recipe: &Recipe,
) -> Result<BTreeMap<String, f64>, TrainError> {
    let mut metrics = BTreeMap::new();
    let mut put = |tag: &str, value: f64| {
        metrics.insert(tag.to_owned(), value);
    };
    // Groups with completions that the policy did not draw say nothing of what it draws.
    let samples = experience.own();
    let share = |count: usize| count as f64 / samples.len().max(1) as f64;

    let rewards: Vec<f32> = samples.iter().map(|sample| sample.reward).collect();
    let group = recipe.rollout.num_generations;
    put(tags::REWARD, mean(rewards.iter().map(|&reward| f64::from(reward))));
    put(tags::REWARD_STD, mean(rewards.chunks(group).map(bourn_algo::sample_std)));
    put(tags::FRAC_REWARD_ZERO_STD, bourn_algo::frac_reward_zero_std(&rewards, group)?);
    for name in samples.iter().flat_map(|sample| &sample.verifiers).collect::<BTreeSet<_>>() {
        // Where a task has two of one name, the last of them speaks for it.
        let of = |sample: &Sample| {
            let place = sample.verifiers.iter().rposition(|verifier| verifier == name)?;
            sample.scores.get(place).map(|&score| f64::from(score))
        };
        put(&tags::verifier_mean(name), mean(samples.iter().filter_map(of)));
        let of = |sample: &Sample| {
            let named = sample.verifiers.iter().zip(&sample.steps).rev();
            named.filter(|(verifier, _)| *verifier == name).find_map(|(_, counts)| *counts)
        };
        let counts: Vec<(usize, usize)> = samples.iter().filter_map(of).collect();
        if !counts.is_empty() {
            let (right, all) = counts.iter().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
            put(&tags::verifier_steps(name), right as f64 / all.max(1) as f64);
        }
    }
    for verdict in Verdict::ALL {
        let count = samples.iter().filter(|sample| sample.verdicts[0] == verdict).count();
        put(&tags::verdict(verdict.name()), share(count));
    }

    let entropies = samples.iter().flat_map(|sample| &sample.completion.entropies);
    put(tags::ENTROPY, mean(entropies.map(|&entropy| f64::from(entropy))));
    let lengths = || samples.iter().map(|sample| sample.completion.tokens.len() as f64);
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
    if recipe.algorithm.entropy_target > 0.0 {
        put(tags::ENTROPY_COEF, experience.entropy_coef);
    }
    if recipe.algorithm.dynamic_sampling > 0 {
        let drawn = experience.own_groups();
        let kept = experience.kept[..drawn].iter().filter(|&&kept| kept).count();
        put(tags::DRAWN_GROUPS, drawn as f64);
        put(tags::KEPT_GROUPS, kept as f64 / drawn.max(1) as f64);
    }
    if recipe.replay.is_some() {
        let witnesses = experience.samples.iter().filter(|sample| sample.witness).count();
        put(tags::REPLAY_PROBLEMS, experience.replayed.endangered as f64);
        put(tags::REPLAY_COMPLETIONS, witnesses as f64);
        if let Some(replay) = &report.replay {
            put(tags::REPLAY_WEIGHT_MEAN, replay.weight);
            put(tags::REPLAY_WEIGHT_CLIPPED, replay.clipped);
        }
    }
    if let Some(implicit) = &experience.implicit {
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
pub fn drawn_tokens(experience: &Experience) -> u64 {
    let drawn = experience.samples.iter().filter(|sample| !sample.witness);
    drawn.map(|sample| sample.completion.tokens.len() as u64).sum()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0u64), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / count as f64 }
}
