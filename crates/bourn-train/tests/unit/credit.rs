use bourn_episode::Source;
use bourn_recipe::{AlgorithmName, Recipe};

use super::*;
use crate::experience::{ImplicitPay, Steps, ValueEstimates};
use crate::testing::{self, recipe, recipe_with};
use crate::world::Alone;

#[path = "credit/rewards.rs"]
mod rewards;

/// A completion: whether it is correct, its log-probs, its entropies.
type Drawn<'a> = (bool, &'a [f32], &'a [f32]);

/// Completions in groups of three.
fn experience(samples: &[Drawn<'_>]) -> Experience {
    let sample = |(index, &(correct, logprobs, entropies)): (usize, &Drawn<'_>)| {
        let tokens = vec![0; logprobs.len()];
        let mut sample = testing::sample(index / 3, &[0], &tokens, correct);
        sample.trajectory.logprobs = Some(logprobs.to_vec());
        sample.trajectory.entropies = Some(entropies.to_vec());
        sample
    };
    let groups = samples.len() / 3;
    let problems = (0..groups).map(|group| format!("problem-{group}")).collect();
    let before = samples.iter().map(|(_, logprobs, _)| vec![0.0; logprobs.len()]).collect();
    let samples = samples.iter().enumerate().map(sample).collect();
    let values = Some(ValueEstimates { before, targets: Vec::new() });
    Experience { values, ..Experience::new(problems, samples) }
}

/// What the value model is trained towards.
fn targets(experience: &Experience) -> &[Vec<f32>] {
    &experience.values.as_ref().unwrap().targets
}

/// Weights of the anchor at each token.
fn anchors(experience: &Experience) -> Vec<Vec<f32>> {
    let of = |sample: &Sample| sample.signals.anchor.over(1.0, sample.count()).collect();
    experience.samples.iter().map(of).collect()
}

fn advantages(experience: &Experience) -> Vec<Vec<f32>> {
    experience.samples.iter().map(|sample| sample.signals.rl.clone()).collect()
}

#[track_caller]
fn assigned(samples: &[Drawn<'_>], recipe: &Recipe) -> Experience {
    let mut experience = experience(samples);
    filter(&mut experience, &Credit::of(recipe), &Alone).unwrap();
    assign(&mut experience, &Credit::of(recipe), 0, &Alone).unwrap();
    experience
}

/// A recipe of the algorithm that three completions of a bandit can be given to: no length there,
/// and a k below three.
fn of(name: AlgorithmName) -> Recipe {
    let more = match name {
        AlgorithmName::Pkpo => "pass_k = 2",
        AlgorithmName::Dapo | AlgorithmName::TopEntropy | AlgorithmName::Prorl => {
            "overlong_share = 0"
        }
        _ => "",
    };
    recipe(&format!("name = \"{}\"\n{more}", name.name()), "")
}

/// The expected update of a bandit's logits, exactly: every outcome of a group of three draws from
/// three arms, weighted by its probability; mean over draws of A · ∂log π(arm)/∂logits.
fn expected_update(recipe: &Recipe, policy: [f64; 3], correct: [bool; 3]) -> [f64; 3] {
    expected_update_under(recipe, policy, correct, None)
}

/// The same, with a reference for the KL in the reward.
fn expected_update_under(
    recipe: &Recipe,
    policy: [f64; 3],
    correct: [bool; 3],
    reference: Option<[f64; 3]>,
) -> [f64; 3] {
    let entropy = -policy.iter().map(|p| p * p.ln()).sum::<f64>() as f32;
    let logp = policy.map(|p| p.ln() as f32);
    let greedy = (0..3).max_by(|&a, &b| policy[a].total_cmp(&policy[b])).unwrap();
    let mut update = [0.0; 3];
    for outcome in 0..27 {
        let arms = [outcome % 3, outcome / 3 % 3, outcome / 9];
        let probability: f64 = arms.iter().map(|&arm| policy[arm]).product();
        let logprobs = arms.map(|arm| [logp[arm]]);
        let draws: Vec<Drawn<'_>> = arms
            .iter()
            .zip(&logprobs)
            .map(|(&arm, logp)| (correct[arm], &logp[..], std::slice::from_ref(&entropy)))
            .collect();
        let mut experience = experience(&draws);
        let mut best = experience.samples[0].clone();
        best.judged.reward = if correct[greedy] { 1.0 } else { 0.0 };
        experience.greedy = Some(vec![best]);
        if let Some(reference) = reference {
            let of = |&arm: &usize| vec![reference[arm].ln() as f32];
            experience.reference = Some(arms.iter().map(of).collect());
        }
        filter(&mut experience, &Credit::of(recipe), &Alone).unwrap();
        assign(&mut experience, &Credit::of(recipe), 0, &Alone).unwrap();
        for (&arm, sample) in arms.iter().zip(&experience.samples) {
            for (j, update) in update.iter_mut().enumerate() {
                let score = f64::from(u8::from(arm == j)) - policy[j];
                *update += probability * f64::from(sample.signals.rl[0]) * score / 3.0;
            }
        }
    }
    update
}

/// ∂p/∂logits, where p is the probability of a correct arm.
fn gradient(policy: [f64; 3], correct: [bool; 3]) -> [f64; 3] {
    let p: f64 = (0..3).filter(|&arm| correct[arm]).map(|arm| policy[arm]).sum();
    std::array::from_fn(|j| policy[j] * (f64::from(u8::from(correct[j])) - p))
}

const BANDITS: [([f64; 3], [bool; 3]); 3] = [
    ([0.2, 0.5, 0.3], [true, false, false]),
    ([0.6, 0.3, 0.1], [true, false, true]),
    ([0.9, 0.05, 0.05], [false, false, true]),
];

/// The optimum puts everything on the correct arms. Along the expected update of every algorithm
/// the probability of a correct arm rises.
#[test]
fn on_a_bandit_every_expected_update_points_the_right_way() {
    for &name in AlgorithmName::ALL {
        let recipe = of(name);
        for (policy, correct) in BANDITS {
            let update = expected_update(&recipe, policy, correct);
            let ascent: f64 =
                update.iter().zip(gradient(policy, correct)).map(|(u, g)| u * g).sum();
            assert!(ascent > 1e-6, "{}: {update:?} at {policy:?}", name.name());
        }
    }
}

/// Where a paper gives the expectation, it is met: c ∇p, or k (1 − p)^(k−1) ∇p for pass@k.
#[test]
fn on_a_bandit_unbiased_algorithms_have_the_exact_gradient() {
    let plain = |name: &str| recipe(&format!("name = \"{name}\""), "");
    let scale = "name = \"ppo\"\nscale_rewards = \"none\"";
    for (policy, correct) in BANDITS {
        let p: f64 = (0..3).filter(|&arm| correct[arm]).map(|arm| policy[arm]).sum();
        for (recipe, factor) in [
            (plain("reinforce"), 1.0),
            (plain("rloo"), 1.0),
            (plain("remax"), 1.0),
            // The mean of three holds a third of the completion's own reward.
            (plain("dr_grpo"), 2.0 / 3.0),
            (plain("psr"), 1.0),
            (plain("nsr"), 1.0),
            (plain("w_reinforce"), 1.1),
            (recipe("name = \"pkpo\"\npass_k = 2", ""), 2.0 * (1.0 - p)),
            (recipe("name = \"pkpo\"\npass_k = 3", ""), 3.0 * (1.0 - p).powi(2)),
            (recipe(scale, ""), 1.0),
        ] {
            let update = expected_update(&recipe, policy, correct);
            for (got, exact) in update.iter().zip(gradient(policy, correct)) {
                // Advantages are rounded to f32: 1e-7 of numbers up to 3.
                let name = recipe.algorithm.name.name();
                assert!((got - factor * exact).abs() < 1e-6, "{name}: {got}, {}", factor * exact);
            }
        }
    }
}

const LONG: Drawn = (true, &[-1.0; 8], &[0.5; 8]);
const RIGHT: Drawn = (true, &[-1.0, -2.0], &[0.9, 0.1]);
const WRONG: Drawn = (false, &[-0.5, -0.25], &[0.8, 0.2]);

/// The second group's rewards differ by length alone; its verdicts do not, and it is left out.
#[test]
fn dynamic_sampling_reads_raw_verdicts_and_takes_no_more_than_it_needs() {
    let recipe = recipe("name = \"dapo\"", "");
    let samples = [RIGHT, WRONG, WRONG, LONG, RIGHT, RIGHT, WRONG, WRONG, LONG];
    let experience = assigned(&samples, &recipe);
    assert_eq!(experience.kept, [true, false, true]);
    assert_eq!(teaching_groups(&experience, &Alone).unwrap(), 2);
    assert_eq!(advantages(&experience)[3..6].concat(), [0.0; 12]);
    // In the last group the right answer is of full length: 1 − 1 is worth as much as a wrong one.
    assert_eq!(advantages(&experience)[6..].concat(), [0.0; 12]);

    let mut few = recipe.clone();
    few.rollout.prompts_per_step = 1;
    assert_eq!(assigned(&samples, &few).kept, [true, false, false]);
}

/// max_completion_length is 8 and the buffer half of it: 6 tokens cost half the penalty.
#[test]
fn length_is_penalised_in_the_reward_and_nowhere_else() {
    let recipe = recipe("name = \"reinforce\"\noverlong_share = 0.5\noverlong_penalty = 0.5", "");
    let six: Drawn = (true, &[-1.0; 6], &[0.5; 6]);
    let experience = assigned(&[LONG, six, RIGHT], &recipe);
    let first: Vec<f32> = advantages(&experience).iter().map(|own| own[0]).collect();
    assert_eq!(first, [0.5, 0.75, 1.0]);
    assert_eq!(experience.samples[0].judged.reward, 1.0);
}

#[test]
fn only_the_tokens_of_the_highest_entropy_have_an_advantage() {
    let recipe = recipe("name = \"reinforce\"\ntop_entropy_share = 0.3", "");
    // ⌈0.3 · 6⌉ = 2 tokens: 0.9, and 0.8 of the wrong ones, which are two alike.
    let experience = assigned(&[RIGHT, WRONG, WRONG], &recipe);
    assert_eq!(advantages(&experience), [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]);
    let nsr = assigned(
        &[RIGHT, WRONG, WRONG],
        &self::recipe("name = \"nsr\"\ntop_entropy_share = 0.3", ""),
    );
    assert_eq!(advantages(&nsr), [[0.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]]);
}

/// log π has mean −0.75 and A mean 1/3, so that the covariances are −1/6, −5/6, and twice −1/12 and
/// −1/6.
#[test]
fn covariance_takes_advantages_or_sets_anchors() {
    let text = "name = \"reinforce\"\ncovariance_share = 0.34\n";
    let kl = recipe(&format!("{text}covariance = \"kl\"\ncovariance_coef = 2.0"), "");
    let experience = assigned(&[RIGHT, WRONG, WRONG], &kl);
    assert_eq!(anchors(&experience), [[0.0, 0.0], [2.0, 0.0], [2.0, 0.0]]);
    assert_eq!(advantages(&experience)[0], [1.0, 1.0]);

    let band = "covariance = \"clip\"\ncovariance_low = -1.0\ncovariance_high = -0.5";
    let clip = recipe(&format!("{text}{band}"), "");
    let experience = assigned(&[RIGHT, WRONG, WRONG], &clip);
    assert_eq!(advantages(&experience)[0], [1.0, 0.0]);
    assert!(experience.samples.iter().all(|sample| sample.signals.anchor.is_zero()));
}

/// λ = 1, γ = 1 and values of zero: REINFORCE, and targets that are the reward at every token.
#[test]
fn with_a_critic_that_says_nothing_ppo_is_reinforce() {
    let ppo = recipe("name = \"ppo\"\nscale_rewards = \"none\"", "");
    let samples = [RIGHT, WRONG, LONG];
    let got = assigned(&samples, &ppo);
    assert_eq!(
        advantages(&got),
        advantages(&assigned(&samples, &recipe("name = \"reinforce\"", "")))
    );
    assert_eq!(targets(&got), [vec![1.0; 2], vec![0.0; 2], vec![1.0; 8]]);
}

/// λ_value = 1 keeps targets Monte Carlo whatever the values and λ_policy are; λ_policy = 0 gives
/// the one-step error.
#[test]
fn policy_and_value_have_their_own_lambda() {
    let text = "name = \"ppo\"\nscale_rewards = \"none\"";
    let recipe = recipe_with(text, "", "[critic]\nlambda_policy = 0.0");
    let mut experience = experience(&[RIGHT, WRONG, WRONG]);
    experience.values.as_mut().unwrap().before = vec![vec![0.25, 0.75]; 3];
    assign(&mut experience, &Credit::of(&recipe), 0, &Alone).unwrap();
    assert_eq!(advantages(&experience), [[0.5, 0.25], [0.5, -0.75], [0.5, -0.75]]);
    assert_eq!(targets(&experience)[0], [1.0, 1.0]);
    assert_eq!(targets(&experience)[1], [0.0, 0.0]);

    // α = 1 and two tokens: λ = ½.
    let recipe = recipe_with(text, "", "[critic]\nlength_adaptive = 1.0");
    assign(&mut experience, &Credit::of(&recipe), 0, &Alone).unwrap();
    assert_eq!(advantages(&experience)[0], [0.5 + 0.5 * 0.25, 0.25]);
}

#[test]
fn a_critics_advantages_are_centred_and_scaled_over_the_steps_tokens() {
    let experience = assigned(&[RIGHT, WRONG, LONG], &recipe("name = \"ppo\"", ""));
    let all = advantages(&experience).concat();
    let n = all.len() as f64;
    let mean = all.iter().map(|&a| f64::from(a)).sum::<f64>() / n;
    let squares: f64 = all.iter().map(|&a| (f64::from(a) - mean).powi(2)).sum();
    // Twelve f32 numbers of about one; 1e-4 in the divisor of about 0.4.
    assert!(mean.abs() < 1e-6 && ((squares / (n - 1.0)).sqrt() - 1.0).abs() < 5e-4);
}

/// Steps are paid where they end: with a critic tokens behind a step are not credited for it, and
/// without one the completion's reward has them all.
#[test]
fn steps_are_credited_at_their_place() {
    let ppo = recipe("name = \"ppo\"\nscale_rewards = \"none\"", "");
    let reinforce = recipe("name = \"reinforce\"", "");
    let mut experience = experience(&[RIGHT, WRONG, WRONG]);
    for (index, paid) in [vec![0.25, 0.0], vec![-0.25, 0.5]].into_iter().enumerate() {
        experience.samples[index].judged.steps = Some(Steps { paid, counts: Vec::new() });
    }
    assign(&mut experience, &Credit::of(&ppo), 0, &Alone).unwrap();
    assert_eq!(advantages(&experience), [[1.25, 1.0], [0.25, 0.5], [0.0, 0.0]]);
    assert_eq!(targets(&experience)[1], [0.25, 0.5]);
    assign(&mut experience, &Credit::of(&reinforce), 0, &Alone).unwrap();
    assert_eq!(advantages(&experience), [[1.25, 1.25], [0.25, 0.25], [0.0, 0.0]]);
}

/// A replayed group's baseline is that of all its completions; what is held back by entropy or
/// covariance is held back of the policy's own draws, and filters know nothing of the group.
#[test]
fn witnesses_count_in_the_baseline_and_are_not_held_back() {
    let dr_grpo = "name = \"dr_grpo\"\n";
    let mixed = |text: &str, samples: &[Drawn<'_>]| {
        let mut experience = experience(samples);
        experience.samples.last_mut().unwrap().trajectory.source = Source::Witness;
        assign(&mut experience, &Credit::of(&recipe(text, "")), 0, &Alone).unwrap();
        experience
    };
    // One of three is correct: 0 − ⅓ and 1 − ⅓. Without the witness nothing would be taught.
    let third = 1.0f32 / 3.0;
    let samples = [WRONG, WRONG, RIGHT];
    let got = advantages(&mixed(dr_grpo, &samples));
    for (got, expect) in got.concat().iter().zip([-third, -third, -third, -third, 1.0, 1.0]) {
        let expect = if expect == 1.0 { 2.0 * third } else { expect };
        assert!((got - expect).abs() < 1e-6, "{got} {expect}");
    }
    // Of the four tokens of the policy's own the two of the highest entropy; both of the witness.
    let held = advantages(&mixed(&format!("{dr_grpo}top_entropy_share = 0.5"), &samples));
    let kept: Vec<bool> = held.concat().iter().map(|&a| a != 0.0).collect();
    assert_eq!(kept, [true, false, true, false, true, true]);
    // KL-Cov anchors none of the witness's tokens.
    let text = format!("{dr_grpo}covariance = \"kl\"\ncovariance_share = 1.0");
    let experience = mixed(&text, &samples);
    let held = |own: &Vec<f32>| own.iter().filter(|&&weight| weight != 0.0).count();
    assert_eq!(anchors(&experience).iter().map(held).collect::<Vec<_>>(), [2, 2, 0]);
}

/// Groups that are replayed come behind those that filters have seen, and metrics do not count them.
#[test]
fn a_steps_own_groups_are_those_before_the_replayed() {
    let mut own = experience(&[RIGHT, WRONG, WRONG, WRONG, WRONG, WRONG]);
    own.kept[1] = false;
    let mut replayed = experience(&[WRONG, WRONG, RIGHT]);
    replayed.samples[2].trajectory.source = Source::Witness;
    replayed.replayed = crate::experience::Replayed { endangered: 5, groups: 1 };
    own.replay(replayed);
    assert_eq!((own.problems.len(), own.own_groups(), own.own().len()), (3, 2, 6));
    assert_eq!(own.kept, [true, false, true]);
    assert_eq!(own.replayed.endangered, 5);
    let last = &own.samples[8].trajectory;
    assert_eq!((last.source, last.group), (Source::Witness, 2));
}
