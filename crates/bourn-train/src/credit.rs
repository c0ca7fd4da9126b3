//! What an algorithm makes of a step's verdicts and rewards: which groups are trained on, and the
//! advantage of every token.
//!
//! Everything here reads settings and plain numbers; which algorithm they belong to is not known.

use bourn_algo::{self as algo, shaping, tokens};
use bourn_recipe::{
    Baseline, Covariance, Critic, KlEstimator, PassKBaseline, Recipe, ScaleRewards,
};
use bourn_seed::rng;
use rand::seq::SliceRandom;

use crate::error::TrainError;
use crate::experience::{Experience, Sample};

/// How many groups of `experience` have raw verdicts that differ.
pub fn teaching_groups(experience: &Experience, recipe: &Recipe) -> Result<usize, TrainError> {
    let correct: Vec<bool> = experience.samples.iter().map(Sample::correct).collect();
    let mixed = shaping::mixed_groups(&correct, recipe.rollout.num_generations)?;
    Ok(mixed.iter().filter(|&&mixed| mixed).count())
}

/// Keeps the first `prompts_per_step` groups that teach, where sampling is dynamic.
pub fn filter(experience: &mut Experience, recipe: &Recipe) -> Result<(), TrainError> {
    if recipe.algorithm.dynamic_sampling == 0 {
        return Ok(());
    }
    let correct: Vec<bool> = experience.samples.iter().map(Sample::correct).collect();
    let mut wanted = recipe.rollout.prompts_per_step;
    let mixed = shaping::mixed_groups(&correct, recipe.rollout.num_generations)?;
    for (kept, mixed) in experience.kept.iter_mut().zip(mixed) {
        *kept = mixed && wanted > 0;
        wanted -= usize::from(*kept);
    }
    Ok(())
}

/// Fills in advantages and anchors of every token of the groups that are kept; the others have
/// advantages of 0. With a critic, values must be there, and targets are filled in too.
///
/// # Errors
/// Rewards that no baseline can be taken of.
pub fn assign(experience: &mut Experience, recipe: &Recipe, step: u64) -> Result<(), TrainError> {
    for sample in &mut experience.samples {
        sample.advantages = vec![0.0; sample.completion.tokens.len()];
    }
    let rewards = shaped(&experience.samples, recipe)?;
    if let Some(critic) = &recipe.critic {
        targets(experience, &rewards, critic, recipe)?;
    }
    let groups = experience.kept_groups();
    let members: Vec<usize> = groups.iter().flat_map(|&group| experience.members(group)).collect();
    if members.is_empty() {
        return Ok(());
    }
    match &recipe.critic {
        Some(critic) => from_values(experience, &rewards, &members, critic, recipe)?,
        None if by_token(recipe) => {
            for &index in &members {
                let sample = &mut experience.samples[index];
                let paid = token_rewards(sample, rewards[index], recipe)?;
                sample.advantages = narrow(algo::returns(&paid));
            }
            whiten(experience, &members)?;
        }
        None => {
            let advantages = from_rewards(experience, &rewards, &groups, &members, recipe)?;
            for (&index, advantage) in members.iter().zip(advantages) {
                experience.samples[index].advantages.fill(advantage);
            }
        }
    }
    smooth(experience, &members, recipe)?;
    add_implicit(experience, &groups, recipe)?;
    hold_back(experience, &members, recipe, step)
}

/// Rewards after shaping; the verdicts stay what they are.
fn shaped(samples: &[Sample], recipe: &Recipe) -> Result<Vec<f32>, TrainError> {
    let algorithm = &recipe.algorithm;
    let mut rewards: Vec<f32> = samples.iter().map(|sample| sample.reward).collect();
    if algorithm.unlikeliness > 0.0 {
        let correct: Vec<bool> = samples.iter().map(Sample::correct).collect();
        let logprobs: Vec<f64> = samples.iter().map(Sample::logprob).collect();
        let group = recipe.rollout.num_generations;
        shaping::unlikeliness(&mut rewards, &correct, &logprobs, group, algorithm.unlikeliness)?;
    }
    for (reward, sample) in rewards.iter_mut().zip(samples) {
        *reward = penalised(*reward, sample, recipe);
        // A critic and REINFORCE++ credit each token's pay at its place; elsewhere a completion has
        // one reward.
        if recipe.critic.is_some() || by_token(recipe) {
            continue;
        }
        if !sample.step_rewards.is_empty() {
            *reward += sample.step_rewards.iter().sum::<f32>();
        }
        if !sample.reference_logprobs.is_empty() {
            *reward = (f64::from(*reward) + kl_rewards(sample, recipe)?.iter().sum::<f64>()) as f32;
        }
    }
    Ok(rewards)
}

/// Whether the pay of single tokens reaches only the tokens before it, without a value model: with
/// the KL in the reward, where advantages are held against the whole step's and not against their
/// group's (REINFORCE++).
fn by_token(recipe: &Recipe) -> bool {
    let algorithm = &recipe.algorithm;
    algorithm.kl_in_reward() > 0.0
        && algorithm.baseline == Baseline::Batch
        && algorithm.scale_rewards == ScaleRewards::Advantages
}

/// What the KL penalty takes off each token's reward; nothing where it is elsewhere.
fn kl_rewards(sample: &Sample, recipe: &Recipe) -> Result<Vec<f64>, TrainError> {
    let algorithm = &recipe.algorithm;
    if sample.reference_logprobs.is_empty() {
        return Ok(Vec::new());
    }
    let estimator = match algorithm.kl_estimator {
        KlEstimator::K1 => algo::KlEstimator::K1,
        KlEstimator::K2 => algo::KlEstimator::K2,
        KlEstimator::K3 => algo::KlEstimator::K3,
    };
    let (own, of) = (&sample.completion.logprobs, &sample.reference_logprobs);
    Ok(algo::kl_rewards(own, of, algorithm.kl_in_reward(), estimator)?)
}

/// A reward less the penalty for length.
fn penalised(reward: f32, sample: &Sample, recipe: &Recipe) -> f32 {
    let longest = recipe.rollout.max_completion_length;
    let buffer = recipe.algorithm.overlong_share * longest as f64;
    let penalty = algo::shaping::overlong_penalty(sample.completion.tokens.len(), longest, buffer);
    if penalty == 0.0 {
        return reward;
    }
    (f64::from(reward) + recipe.algorithm.overlong_penalty * penalty) as f32
}

/// One advantage for each of `members`, the completions of `groups`.
fn from_rewards(
    experience: &Experience,
    rewards: &[f32],
    groups: &[usize],
    members: &[usize],
    recipe: &Recipe,
) -> Result<Vec<f32>, TrainError> {
    let algorithm = &recipe.algorithm;
    let group = members.len() / groups.len().max(1);
    let rewards: Vec<f32> = members.iter().map(|&index| rewards[index]).collect();
    let scale = match algorithm.scale_rewards {
        ScaleRewards::Group => algo::Scale::Group,
        ScaleRewards::Batch => algo::Scale::Batch,
        ScaleRewards::Advantages => algo::Scale::Advantages,
        ScaleRewards::None => algo::Scale::None,
    };
    let greedy: Vec<f32>;
    let baseline = match algorithm.baseline {
        // A critic's advantages are a token's own; nothing of a completion's is left to be held
        // against anything.
        Baseline::None | Baseline::Critic => algo::Baseline::None,
        Baseline::Batch => algo::Baseline::Batch,
        Baseline::Group => algo::Baseline::Group,
        Baseline::LeaveOneOut => algo::Baseline::LeaveOneOut,
        Baseline::Greedy => {
            let of = |&group: &usize| {
                let sample = &experience.greedy[group];
                let steps: f32 = sample.step_rewards.iter().sum();
                penalised(sample.reward, sample, recipe) + steps
            };
            greedy = groups.iter().map(of).collect();
            algo::Baseline::Greedy(&greedy)
        }
        Baseline::Verdict => {
            let correct: Vec<bool> =
                members.iter().map(|&index| experience.samples[index].correct()).collect();
            let (positive, negative) = (algorithm.positive_weight, algorithm.negative_weight);
            return Ok(algo::signed_advantages(&correct, positive, negative));
        }
        Baseline::PassAtK => {
            let baseline = match algorithm.pass_k_baseline {
                PassKBaseline::None => algo::PassAtKBaseline::None,
                PassKBaseline::LeaveOneOut => algo::PassAtKBaseline::LeaveOneOut,
                PassKBaseline::LeaveOneOutMinusOne => algo::PassAtKBaseline::LeaveOneOutMinusOne,
            };
            return Ok(algo::pass_at_k_advantages(&rewards, group, algorithm.pass_k, baseline)?);
        }
    };
    Ok(algo::advantages(&rewards, group, baseline, scale)?)
}

/// Differential smoothing of the advantages of `members`.
fn smooth(
    experience: &mut Experience,
    members: &[usize],
    recipe: &Recipe,
) -> Result<(), TrainError> {
    let (positive, negative) =
        (recipe.algorithm.smoothing_positive, recipe.algorithm.smoothing_negative);
    if positive == 0.0 && negative == 0.0 {
        return Ok(());
    }
    for &index in members {
        let sample = &mut experience.samples[index];
        let count = sample.advantages.len();
        let (correct, logprob) = (vec![sample.correct(); count], vec![sample.logprob(); count]);
        let advantages = &mut sample.advantages;
        shaping::differential_smoothing(advantages, &correct, &logprob, positive, negative)?;
    }
    Ok(())
}

/// Adds what the implicit reward model makes of an advantage, where no value model has seen its
/// rewards.
fn add_implicit(
    experience: &mut Experience,
    groups: &[usize],
    recipe: &Recipe,
) -> Result<(), TrainError> {
    let Some(settings) = recipe.implicit_reward.as_ref().filter(|_| recipe.critic.is_none()) else {
        return Ok(());
    };
    for &group in groups {
        let members = experience.members(group);
        let rewards: Vec<Vec<f64>> = experience.samples[members.clone()]
            .iter()
            .map(|sample| wide(&sample.implicit_rewards))
            .collect();
        let rewards: Vec<&[f64]> = rewards.iter().map(Vec::as_slice).collect();
        let added = algo::implicit_advantages(&rewards)?;
        for (sample, added) in experience.samples[members].iter_mut().zip(added) {
            for (advantage, added) in sample.advantages.iter_mut().zip(added) {
                *advantage = (f64::from(*advantage) + settings.coef * added) as f32;
            }
        }
    }
    Ok(())
}

/// Rewards of a completion's tokens: those of steps where they end, the KL's and, with a value
/// model, the implicit ones at each, that of the outcome at the last.
fn token_rewards(sample: &Sample, reward: f32, recipe: &Recipe) -> Result<Vec<f64>, TrainError> {
    let mut rewards = wide(&sample.step_rewards);
    rewards.resize(sample.completion.tokens.len(), 0.0);
    rewards.iter_mut().zip(kl_rewards(sample, recipe)?).for_each(|(sum, kl)| *sum += kl);
    if let Some(settings) = recipe.implicit_reward.as_ref().filter(|_| recipe.critic.is_some()) {
        let implicit = rewards.iter_mut().zip(&sample.implicit_rewards);
        implicit.for_each(|(sum, &paid)| *sum += settings.coef * f64::from(paid));
    }
    if let Some(last) = rewards.last_mut() {
        *last += f64::from(reward);
    }
    Ok(rewards)
}

fn narrow(values: Vec<f64>) -> Vec<f32> {
    values.into_iter().map(|value| value as f32).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// What every completion's values are trained towards: value + λ_value advantage.
fn targets(
    experience: &mut Experience,
    rewards: &[f32],
    critic: &Critic,
    recipe: &Recipe,
) -> Result<(), TrainError> {
    for (sample, &reward) in experience.samples.iter_mut().zip(rewards) {
        let (paid, values) = (token_rewards(sample, reward, recipe)?, wide(&sample.values));
        let advantages = algo::gae(&paid, &values, critic.gamma, critic.lambda_value)?;
        let returns = advantages.iter().zip(values).map(|(a, value)| (a + value) as f32);
        sample.returns = returns.collect();
    }
    Ok(())
}

/// Advantages by GAE, centred and scaled over all tokens of `members` where that is asked for.
fn from_values(
    experience: &mut Experience,
    rewards: &[f32],
    members: &[usize],
    critic: &Critic,
    recipe: &Recipe,
) -> Result<(), TrainError> {
    for &index in members {
        let sample = &mut experience.samples[index];
        let length = sample.completion.tokens.len();
        let lambda = match critic.length_adaptive {
            0.0 => critic.lambda_policy,
            alpha => algo::length_adaptive_lambda(alpha, length),
        };
        let (paid, values) = (token_rewards(sample, rewards[index], recipe)?, wide(&sample.values));
        let advantages = algo::gae(&paid, &values, critic.gamma, lambda)?;
        sample.advantages = narrow(advantages);
    }
    if recipe.algorithm.scale_rewards == ScaleRewards::Advantages {
        whiten(experience, members)?;
    }
    Ok(())
}

/// Centres and scales the advantages of `members` over all their tokens.
fn whiten(experience: &mut Experience, members: &[usize]) -> Result<(), TrainError> {
    let all = each(experience, members, |sample| &sample.advantages);
    let count = all.len();
    let whitened = algo::advantages(&all, count, algo::Baseline::Batch, algo::Scale::Advantages)?;
    let mut whitened = whitened.into_iter();
    for &index in members {
        let own = &mut experience.samples[index].advantages;
        own.iter_mut().zip(&mut whitened).for_each(|(a, white)| *a = white);
    }
    Ok(())
}

/// Takes advantages away, or anchors tokens, by entropy and covariance.
fn hold_back(
    experience: &mut Experience,
    members: &[usize],
    recipe: &Recipe,
    step: u64,
) -> Result<(), TrainError> {
    let algorithm = &recipe.algorithm;
    // What a token's entropy and log-prob say is said of the policy's own draws.
    let members: Vec<usize> =
        members.iter().copied().filter(|&index| !experience.samples[index].witness).collect();
    let members = members.as_slice();
    if algorithm.top_entropy_share < 1.0 {
        let entropies = each(experience, members, Sample::entropies);
        let taken = tokens::top_entropy(&entropies, algorithm.top_entropy_share);
        let mut taken = taken.into_iter();
        for &index in members {
            let own = &mut experience.samples[index].advantages;
            own.iter_mut().zip(&mut taken).filter(|(_, taken)| !taken).for_each(|(a, _)| *a = 0.0);
        }
    }
    if algorithm.covariance == Covariance::None {
        return Ok(());
    }
    let logprobs = each(experience, members, |sample| &sample.completion.logprobs);
    let advantages = each(experience, members, |sample| &sample.advantages);
    let covariances = tokens::covariances(&logprobs, &advantages)?;
    let count = tokens::share_of(covariances.len(), algorithm.covariance_share);
    let held = match algorithm.covariance {
        Covariance::Kl => tokens::top_covariance(&covariances, count),
        _ => {
            let (low, high) = (algorithm.covariance_low, algorithm.covariance_high);
            let mut band = tokens::covariance_band(&covariances, low, high);
            band.shuffle(&mut rng(recipe.seed, "covariance", &[step]));
            band.truncate(count);
            band
        }
    };
    let mut is_held = vec![false; covariances.len()];
    held.iter().for_each(|&token| is_held[token] = true);
    let mut is_held = is_held.into_iter();
    for &index in members {
        let sample = &mut experience.samples[index];
        let own: Vec<bool> = is_held.by_ref().take(sample.advantages.len()).collect();
        if algorithm.covariance == Covariance::Kl {
            let weight = algorithm.covariance_coef as f32;
            sample.anchors = own.iter().map(|&held| if held { weight } else { 0.0 }).collect();
        } else {
            let pairs = sample.advantages.iter_mut().zip(own);
            pairs.filter(|&(_, held)| held).for_each(|(a, _)| *a = 0.0);
        }
    }
    Ok(())
}

/// One list of all tokens of `members`.
fn each(experience: &Experience, members: &[usize], of: impl Fn(&Sample) -> &[f32]) -> Vec<f32> {
    members.iter().flat_map(|&index| of(&experience.samples[index])).copied().collect()
}

#[cfg(test)]
#[path = "credit_tests.rs"]
mod tests;
