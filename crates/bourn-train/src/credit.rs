//! What an algorithm makes of a step's verdicts and rewards: which groups are trained on, and the
//! advantage of every token.
//!
//! Everything here reads settings and plain numbers; which algorithm they belong to is not known.

mod filter;

use bourn_algo::{self as algo, Groups, shaping, tokens};
use bourn_episode::Weight;
use bourn_recipe::{Algorithm, Baseline, Covariance, Critic, ScaleRewards};
use bourn_seed::rng;
use rand::seq::SliceRandom;

pub(crate) use self::filter::{filter, teaching_groups};
use crate::error::TrainError;
use crate::experience::{Experience, Sample, groups_of};
use crate::settings::Credit;
use crate::world::{World, whole};

/// Fills in the signals of every token of the groups that are kept; the others have advantages of 0.
/// With a value model, its values must be there, and targets are filled in too.
///
/// # Errors
/// Rewards that no baseline can be taken of; log-probs or entropies that nobody knows.
pub(crate) fn assign(
    experience: &mut Experience,
    settings: &Credit<'_>,
    step: u64,
    world: &dyn World,
) -> Result<(), TrainError> {
    for sample in &mut experience.samples {
        sample.signals.rl.fill(0.0);
        terms(sample, settings.algorithm);
    }
    let rewards = shaped(experience, settings)?;
    if let Some(critic) = settings.critic {
        targets(experience, &rewards, critic, settings)?;
    }
    let kept = experience.kept_groups();
    let members: Vec<usize> = kept
        .iter()
        .flat_map(|&group| experience.members(group))
        .filter(|&index| experience.samples[index].is_credited())
        .collect();
    let mut count = [members.len() as f64];
    world.sum(&mut count)?;
    if count[0] == 0.0 {
        return Ok(());
    }
    match settings.critic {
        Some(critic) => from_values(experience, &rewards, &members, critic, settings, world)?,
        None if by_token(settings) => {
            for &index in &members {
                let paid = token_rewards(experience, index, rewards[index], settings)?;
                experience.samples[index].signals.rl = narrow(algo::returns(&paid));
            }
            whiten(experience, &members, world)?;
        }
        None => {
            let advantages = from_rewards(experience, &rewards, &kept, &members, settings, world)?;
            for (&index, advantage) in members.iter().zip(advantages) {
                experience.samples[index].signals.rl.fill(advantage);
            }
        }
    }
    smooth(experience, &members, settings)?;
    add_implicit(experience, &members, settings)?;
    hold_back(experience, &members, settings, step, world)
}

/// The parts of the loss beside the policy gradient: the KL to the reference, for what the policy
/// drew; and the likelihood of what it got right, where that is asked for. Another's tokens keep the
/// likelihood that whoever put them there gave them.
pub(crate) fn terms(sample: &mut Sample, algorithm: &Algorithm) {
    if !sample.trajectory.is_policys() {
        return;
    }
    let likelihood = if sample.correct() { algorithm.positive_nll } else { 0.0 };
    sample.signals.kl = Weight::Same(algorithm.kl_in_loss());
    sample.signals.ce = Weight::Same(likelihood);
}

/// Rewards after shaping; the verdicts stay what they are.
fn shaped(experience: &Experience, settings: &Credit<'_>) -> Result<Vec<f32>, TrainError> {
    let algorithm = settings.algorithm;
    let samples = &experience.samples;
    let mut rewards: Vec<f32> = samples.iter().map(|sample| sample.judged.reward).collect();
    if algorithm.unlikeliness > 0.0 {
        let drawn: Vec<usize> = (0..samples.len()).filter(|&i| samples[i].is_credited()).collect();
        let all = || drawn.iter().map(|&index| &samples[index]);
        let correct: Vec<bool> = all().map(Sample::correct).collect();
        let logprobs: Vec<f64> = all().map(Sample::logprob).collect::<Result<_, _>>()?;
        let mut shaped: Vec<f32> = drawn.iter().map(|&index| rewards[index]).collect();
        let groups = groups_of(all());
        let beta = algorithm.unlikeliness;
        shaping::unlikeliness(&mut shaped, &correct, &logprobs, &groups, beta)?;
        drawn.into_iter().zip(shaped).for_each(|(index, reward)| rewards[index] = reward);
    }
    for (index, (reward, sample)) in rewards.iter_mut().zip(samples).enumerate() {
        *reward = penalised(*reward, sample, settings);
        // A critic and REINFORCE++ credit each token's pay at its place; elsewhere a completion has
        // one reward.
        if settings.critic.is_some() || by_token(settings) {
            continue;
        }
        if let Some(steps) = &sample.judged.steps {
            *reward += steps.paid.iter().sum::<f32>();
        }
        if let Some(kl) = kl_rewards(experience, index, settings)? {
            *reward = (f64::from(*reward) + kl.iter().sum::<f64>()) as f32;
        }
    }
    Ok(rewards)
}

/// Whether the pay of single tokens reaches only the tokens before it, without a value model: with
/// the KL in the reward, where advantages are held against the whole step's and not against their
/// group's (REINFORCE++).
fn by_token(settings: &Credit<'_>) -> bool {
    let algorithm = settings.algorithm;
    algorithm.kl_in_reward() > 0.0
        && algorithm.baseline == Baseline::Batch
        && algorithm.scale_rewards == ScaleRewards::Advantages
}

/// What the KL penalty takes off each token's reward; `None` where it is elsewhere.
fn kl_rewards(
    experience: &Experience,
    index: usize,
    settings: &Credit<'_>,
) -> Result<Option<Vec<f64>>, TrainError> {
    let (algorithm, sample) = (settings.algorithm, &experience.samples[index]);
    let Some(reference) = experience.reference.as_ref().filter(|_| sample.is_credited()) else {
        return Ok(None);
    };
    let (own, of) = (sample.logprobs()?, &reference[index]);
    Ok(Some(algo::kl_rewards(own, of, algorithm.kl_in_reward(), algorithm.kl_estimator)?))
}

/// A reward less the penalty for length.
fn penalised(reward: f32, sample: &Sample, settings: &Credit<'_>) -> f32 {
    let longest = settings.longest;
    let buffer = settings.algorithm.overlong_share * longest as f64;
    let penalty = algo::shaping::overlong_penalty(sample.count(), longest, buffer);
    if penalty == 0.0 {
        return reward;
    }
    (f64::from(reward) + settings.algorithm.overlong_penalty * penalty) as f32
}

/// One advantage for each of `members`, the completions of the groups `kept`.
fn from_rewards(
    experience: &Experience,
    rewards: &[f32],
    kept: &[usize],
    members: &[usize],
    settings: &Credit<'_>,
    world: &dyn World,
) -> Result<Vec<f32>, TrainError> {
    let algorithm = settings.algorithm;
    let groups = groups_of(members.iter().map(|&index| &experience.samples[index]));
    let rewards: Vec<f32> = members.iter().map(|&index| rewards[index]).collect();
    let greedy: Vec<f32>;
    let baseline = match algorithm.baseline {
        // A critic's advantages are a token's own; nothing of a completion's is left to be held
        // against anything.
        Baseline::None | Baseline::Critic => algo::RewardBaseline::None,
        Baseline::Batch => algo::RewardBaseline::Batch,
        Baseline::Group => algo::RewardBaseline::Group,
        Baseline::LeaveOneOut => algo::RewardBaseline::LeaveOneOut,
        Baseline::Greedy => {
            let all = experience.greedy.as_deref().unwrap_or_default();
            let of = |sample: &Sample| {
                let steps = sample.judged.steps.iter().flat_map(|steps| &steps.paid).sum::<f32>();
                penalised(sample.judged.reward, sample, settings) + steps
            };
            let own: Vec<f32> = kept.iter().filter_map(|&group| all.get(group)).map(of).collect();
            (greedy, _) = whole(world, &own)?;
            algo::RewardBaseline::Greedy(&greedy)
        }
        Baseline::Verdict => {
            let correct: Vec<bool> =
                members.iter().map(|&index| experience.samples[index].correct()).collect();
            let (positive, negative) = (algorithm.positive_weight, algorithm.negative_weight);
            return Ok(algo::signed_advantages(&correct, positive, negative));
        }
        Baseline::PassAtK => {
            let (k, baseline) = (algorithm.pass_k, algorithm.pass_k_baseline);
            return Ok(algo::pass_at_k_advantages(&rewards, &groups, k, baseline)?);
        }
    };
    // Baselines and scales may be the whole step's, of all processes.
    let sizes: Vec<f32> = groups.ranges().map(|range| range.len() as f32).collect();
    let (sizes, _) = whole(world, &sizes)?;
    let groups = Groups::of(sizes.into_iter().map(|size| size as usize));
    let (rewards, own) = whole(world, &rewards)?;
    let all = algo::advantages(&rewards, &groups, baseline, algorithm.scale_rewards)?;
    Ok(all[own].to_vec())
}

/// Differential smoothing of the advantages of `members`.
fn smooth(
    experience: &mut Experience,
    members: &[usize],
    settings: &Credit<'_>,
) -> Result<(), TrainError> {
    let (positive, negative) =
        (settings.algorithm.smoothing_positive, settings.algorithm.smoothing_negative);
    if positive == 0.0 && negative == 0.0 {
        return Ok(());
    }
    for &index in members {
        let sample = &mut experience.samples[index];
        let count = sample.count();
        let (correct, logprob) = (vec![sample.correct(); count], vec![sample.logprob()?; count]);
        let advantages = &mut sample.signals.rl;
        shaping::differential_smoothing(advantages, &correct, &logprob, positive, negative)?;
    }
    Ok(())
}

/// Adds what the implicit reward model makes of an advantage, where no value model has seen its
/// rewards.
fn add_implicit(
    experience: &mut Experience,
    members: &[usize],
    settings: &Credit<'_>,
) -> Result<(), TrainError> {
    let Some(implicit) = settings.implicit.filter(|_| settings.critic.is_none()) else {
        return Ok(());
    };
    let Some(pay) = &experience.implicit else { return Ok(()) };
    let samples = &mut experience.samples;
    let rewards: Vec<Vec<f64>> = members.iter().map(|&i| wide(&pay.rewards[i])).collect();
    let rewards: Vec<&[f64]> = rewards.iter().map(Vec::as_slice).collect();
    let groups = groups_of(members.iter().map(|&index| &samples[index]));
    for (range, group) in groups.ranges().zip(groups.slices(&rewards)) {
        let added = algo::implicit_advantages(group)?;
        for (&index, added) in members[range].iter().zip(added) {
            for (advantage, added) in samples[index].signals.rl.iter_mut().zip(added) {
                *advantage = (f64::from(*advantage) + implicit.coef * added) as f32;
            }
        }
    }
    Ok(())
}

/// Rewards of a completion's tokens: those of steps where they end, the KL's and, with a value
/// model, the implicit ones at each, that of the outcome at the last.
fn token_rewards(
    experience: &Experience,
    index: usize,
    reward: f32,
    settings: &Credit<'_>,
) -> Result<Vec<f64>, TrainError> {
    let sample = &experience.samples[index];
    let mut rewards = match &sample.judged.steps {
        Some(steps) => wide(&steps.paid),
        None => vec![0.0; sample.count()],
    };
    if let Some(kl) = kl_rewards(experience, index, settings)? {
        rewards.iter_mut().zip(kl).for_each(|(sum, kl)| *sum += kl);
    }
    let paid = experience.implicit.as_ref().filter(|_| settings.critic.is_some());
    if let Some((implicit, pay)) = settings.implicit.zip(paid) {
        let pairs = rewards.iter_mut().zip(&pay.rewards[index]);
        pairs.for_each(|(sum, &paid)| *sum += implicit.coef * f64::from(paid));
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
    settings: &Credit<'_>,
) -> Result<(), TrainError> {
    let of = |(index, &reward): (usize, &f32)| {
        let paid = token_rewards(experience, index, reward, settings)?;
        let values = values_of(experience, index)?;
        let advantages = algo::gae(&paid, &values, critic.gamma, settings.lambda_value)?;
        Ok(advantages.iter().zip(values).map(|(a, value)| (a + value) as f32).collect())
    };
    let targets: Vec<Vec<f32>> =
        rewards.iter().enumerate().map(of).collect::<Result<_, TrainError>>()?;
    if let Some(values) = &mut experience.values {
        values.targets = targets;
    }
    Ok(())
}

/// What the value model predicted before each token of a trajectory.
fn values_of(experience: &Experience, index: usize) -> Result<Vec<f64>, TrainError> {
    let values = experience.values.as_ref().and_then(|values| values.before.get(index));
    values.map(|own| wide(own)).ok_or(TrainError::Unknown { what: "values" })
}

/// Advantages by GAE, centred and scaled over all tokens of `members` where that is asked for.
fn from_values(
    experience: &mut Experience,
    rewards: &[f32],
    members: &[usize],
    critic: &Critic,
    settings: &Credit<'_>,
    world: &dyn World,
) -> Result<(), TrainError> {
    for &index in members {
        let lambda = match critic.length_adaptive {
            0.0 => critic.lambda_policy,
            alpha => algo::length_adaptive_lambda(alpha, experience.samples[index].count()),
        };
        let paid = token_rewards(experience, index, rewards[index], settings)?;
        let values = values_of(experience, index)?;
        let advantages = algo::gae(&paid, &values, critic.gamma, lambda)?;
        experience.samples[index].signals.rl = narrow(advantages);
    }
    if settings.algorithm.scale_rewards == ScaleRewards::Advantages {
        whiten(experience, members, world)?;
    }
    Ok(())
}

/// Centres and scales the advantages of `members` over the tokens of all processes' members.
fn whiten(
    experience: &mut Experience,
    members: &[usize],
    world: &dyn World,
) -> Result<(), TrainError> {
    let own = each(experience, members, |sample| Ok(&sample.signals.rl))?;
    let (all, own) = whole(world, &own)?;
    let step = Groups::whole(all.len());
    let (baseline, scale) = (algo::RewardBaseline::Batch, algo::ScaleRewards::Advantages);
    let whitened = algo::advantages(&all, &step, baseline, scale)?;
    let mut whitened = whitened[own].iter();
    for &index in members {
        let own = &mut experience.samples[index].signals.rl;
        own.iter_mut().zip(&mut whitened).for_each(|(a, &white)| *a = white);
    }
    Ok(())
}

/// Takes advantages away, or anchors tokens, by entropy and covariance.
fn hold_back(
    experience: &mut Experience,
    members: &[usize],
    settings: &Credit<'_>,
    step: u64,
    world: &dyn World,
) -> Result<(), TrainError> {
    let algorithm = settings.algorithm;
    // What a token's entropy and log-prob say is said of the policy's own draws.
    let policys = |&index: &usize| experience.samples[index].trajectory.is_policys();
    let members: Vec<usize> = members.iter().copied().filter(policys).collect();
    let members = members.as_slice();
    if algorithm.top_entropy_share < 1.0 {
        let (entropies, own) = whole(world, &each(experience, members, Sample::entropies)?)?;
        let taken = tokens::top_entropy(&entropies, algorithm.top_entropy_share);
        let mut taken = taken[own].iter();
        for &index in members {
            let own = &mut experience.samples[index].signals.rl;
            own.iter_mut()
                .zip(&mut taken)
                .filter(|&(_, &taken)| !taken)
                .for_each(|(a, _)| *a = 0.0);
        }
    }
    if algorithm.covariance == Covariance::None {
        return Ok(());
    }
    let (logprobs, own) = whole(world, &each(experience, members, Sample::logprobs)?)?;
    let (advantages, _) =
        whole(world, &each(experience, members, |sample| Ok(&sample.signals.rl))?)?;
    let covariances = tokens::covariances(&logprobs, &advantages)?;
    let count = tokens::share_of(covariances.len(), algorithm.covariance_share);
    let held = match algorithm.covariance {
        Covariance::Kl => tokens::top_covariance(&covariances, count),
        _ => {
            let (low, high) = (algorithm.covariance_low, algorithm.covariance_high);
            let mut band = tokens::covariance_band(&covariances, low, high);
            band.shuffle(&mut rng(settings.seed, "covariance", &[step]));
            band.truncate(count);
            band
        }
    };
    let mut is_held = vec![false; covariances.len()];
    held.iter().for_each(|&token| is_held[token] = true);
    let mut is_held = is_held[own].iter().copied();
    for &index in members {
        let sample = &mut experience.samples[index];
        let own: Vec<bool> = is_held.by_ref().take(sample.count()).collect();
        if algorithm.covariance == Covariance::Kl {
            let weight = algorithm.covariance_coef as f32;
            let anchors = own.iter().map(|&held| if held { weight } else { 0.0 });
            sample.signals.anchor = Weight::Each(anchors.collect());
        } else {
            let pairs = sample.signals.rl.iter_mut().zip(own);
            pairs.filter(|&(_, held)| held).for_each(|(a, _)| *a = 0.0);
        }
    }
    Ok(())
}

/// One list of all tokens of `members`.
fn each<'e>(
    experience: &'e Experience,
    members: &[usize],
    of: impl Fn(&'e Sample) -> Result<&'e [f32], TrainError>,
) -> Result<Vec<f32>, TrainError> {
    let mut all = Vec::new();
    for &index in members {
        all.extend_from_slice(of(&experience.samples[index])?);
    }
    Ok(all)
}

#[cfg(test)]
#[path = "../tests/unit/credit.rs"]
mod tests;
