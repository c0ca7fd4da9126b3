use bourn_recipe::AlgorithmName;
use bourn_rollout::{Completion, Finish};
use bourn_verify::Verdict;

use super::*;
use crate::testing::{recipe, recipe_with};

/// A completion: whether it is correct, its log-probs, its entropies.
type Drawn<'a> = (bool, &'a [f32], &'a [f32]);

/// Completions in groups of three.
fn experience(samples: &[Drawn<'_>]) -> Experience {
    let sample = |(index, &(correct, logprobs, entropies)): (usize, &Drawn<'_>)| {
        let completion = Completion {
            tokens: vec![0; logprobs.len()],
            logprobs: logprobs.to_vec(),
            sampled_logprobs: logprobs.to_vec(),
            entropies: entropies.to_vec(),
            finish: Finish::Stop,
        };
        let (verdict, reward) =
            if correct { (Verdict::Correct, 1.0) } else { (Verdict::Wrong, 0.0) };
        let sample = Sample::new(index / 3, completion, vec![verdict], reward);
        Sample { values: vec![0.0; logprobs.len()], ..sample }
    };
    let groups = samples.len() / 3;
    let problems = (0..groups).map(|group| format!("problem-{group}")).collect();
    let samples = samples.iter().enumerate().map(sample).collect();
    Experience::new(vec![vec![0]; groups], problems, samples)
}

fn advantages(experience: &Experience) -> Vec<Vec<f32>> {
    experience.samples.iter().map(|sample| sample.advantages.clone()).collect()
}

#[track_caller]
fn assigned(samples: &[Drawn<'_>], recipe: &Recipe) -> Experience {
    let mut experience = experience(samples);
    filter(&mut experience, recipe).unwrap();
    assign(&mut experience, recipe, 0).unwrap();
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
        best.reward = if correct[greedy] { 1.0 } else { 0.0 };
        experience.greedy = vec![best];
        if let Some(reference) = reference {
            for (&arm, sample) in arms.iter().zip(&mut experience.samples) {
                sample.reference_logprobs = vec![reference[arm].ln() as f32];
            }
        }
        filter(&mut experience, recipe).unwrap();
        assign(&mut experience, recipe, 0).unwrap();
        for (&arm, sample) in arms.iter().zip(&experience.samples) {
            for (j, update) in update.iter_mut().enumerate() {
                let score = f64::from(u8::from(arm == j)) - policy[j];
                *update += probability * f64::from(sample.advantages[0]) * score / 3.0;
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
    assert_eq!(teaching_groups(&experience, &recipe).unwrap(), 2);
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
    assert_eq!(experience.samples[0].reward, 1.0);
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
    let anchors: Vec<Vec<f32>> =
        experience.samples.iter().map(|sample| sample.anchors.clone()).collect();
    assert_eq!(anchors, [[0.0, 0.0], [2.0, 0.0], [2.0, 0.0]]);
    assert_eq!(advantages(&experience)[0], [1.0, 1.0]);

    let band = "covariance = \"clip\"\ncovariance_low = -1.0\ncovariance_high = -0.5";
    let clip = recipe(&format!("{text}{band}"), "");
    let experience = assigned(&[RIGHT, WRONG, WRONG], &clip);
    assert_eq!(advantages(&experience)[0], [1.0, 0.0]);
    assert!(experience.samples.iter().all(|sample| sample.anchors.is_empty()));
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
    let targets: Vec<Vec<f32>> = got.samples.iter().map(|sample| sample.returns.clone()).collect();
    assert_eq!(targets, [vec![1.0; 2], vec![0.0; 2], vec![1.0; 8]]);
}

/// λ_value = 1 keeps targets Monte Carlo whatever the values and λ_policy are; λ_policy = 0 gives
/// the one-step error.
#[test]
fn policy_and_value_have_their_own_lambda() {
    let text = "name = \"ppo\"\nscale_rewards = \"none\"";
    let recipe = recipe_with(text, "", "[critic]\nlambda_policy = 0.0");
    let mut experience = experience(&[RIGHT, WRONG, WRONG]);
    for sample in &mut experience.samples {
        sample.values = vec![0.25, 0.75];
    }
    assign(&mut experience, &recipe, 0).unwrap();
    assert_eq!(advantages(&experience), [[0.5, 0.25], [0.5, -0.75], [0.5, -0.75]]);
    assert_eq!(experience.samples[0].returns, [1.0, 1.0]);
    assert_eq!(experience.samples[1].returns, [0.0, 0.0]);

    // α = 1 and two tokens: λ = ½.
    let recipe = recipe_with(text, "", "[critic]\nlength_adaptive = 1.0");
    assign(&mut experience, &recipe, 0).unwrap();
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
    experience.samples[0].step_rewards = vec![0.25, 0.0];
    experience.samples[1].step_rewards = vec![-0.25, 0.5];
    assign(&mut experience, &ppo, 0).unwrap();
    assert_eq!(advantages(&experience), [[1.25, 1.0], [0.25, 0.5], [0.0, 0.0]]);
    assert_eq!(experience.samples[1].returns, [0.25, 0.5]);
    assign(&mut experience, &reinforce, 0).unwrap();
    assert_eq!(advantages(&experience), [[1.25, 1.25], [0.25, 0.25], [0.0, 0.0]]);
}

/// A replayed group's baseline is that of all its completions; what is held back by entropy or
/// covariance is held back of the policy's own draws, and filters know nothing of the group.
#[test]
fn witnesses_count_in_the_baseline_and_are_not_held_back() {
    let dr_grpo = "name = \"dr_grpo\"\n";
    let mixed = |text: &str, samples: &[Drawn<'_>]| {
        let mut experience = experience(samples);
        experience.samples.last_mut().unwrap().witness = true;
        assign(&mut experience, &recipe(text, ""), 0).unwrap();
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
    let anchors: Vec<usize> = experience.samples.iter().map(|s| s.anchors.len()).collect();
    assert_eq!(anchors, [2, 2, 0]);
}

/// Groups that are replayed come behind those that filters have seen, and metrics do not count them.
#[test]
fn a_steps_own_groups_are_those_before_the_replayed() {
    let mut own = experience(&[RIGHT, WRONG, WRONG, WRONG, WRONG, WRONG]);
    own.kept[1] = false;
    let mut replayed = experience(&[WRONG, WRONG, RIGHT]);
    replayed.samples[2].witness = true;
    replayed.replayed = crate::experience::Replayed { endangered: 5, groups: 1 };
    own.replay(replayed);
    assert_eq!((own.problems.len(), own.own_groups(), own.own().len()), (3, 2, 6));
    assert_eq!(own.kept, [true, false, true]);
    assert_eq!(own.replayed.endangered, 5);
    assert!(own.own().iter().all(|sample| !sample.witness) && own.samples[8].witness);
    assert_eq!(own.samples[8].group, 2);
}

/// [`RIGHT`] under the sampler is −1 and −2, [`WRONG`] −½ and −¼; under this reference, by token.
const REFERENCE: [[f32; 2]; 3] = [[-1.5, -1.0], [-1.0, -0.25], [-0.5, -0.75]];

/// RIGHT, WRONG, WRONG with their reference's log-probs: k1 is (½, −1), (½, 0) and (0, ½).
fn referred() -> Experience {
    let mut experience = experience(&[RIGHT, WRONG, WRONG]);
    for (sample, reference) in experience.samples.iter_mut().zip(REFERENCE) {
        sample.reference_logprobs = reference.to_vec();
    }
    experience
}

fn paid(algorithm: &str, more: &str) -> Experience {
    let mut experience = referred();
    let text = format!("{algorithm}\nkl_coef = 0.5\nkl_in = \"reward\"");
    assign(&mut experience, &recipe_with(&text, "", more), 0).unwrap();
    experience
}

/// Off the rewards 1, 0, 0: half of −½, ½ and ½.
#[test]
fn kl_in_the_reward_is_the_completions_before_the_baseline() {
    let reinforce = paid("name = \"reinforce\"", "");
    assert_eq!(advantages(&reinforce), [[1.25, 1.25], [-0.25, -0.25], [-0.25, -0.25]]);
    // The others of the first have mean −¼, those of the second ½.
    let rloo = paid("name = \"rloo\"", "");
    for (got, expect) in advantages(&rloo).iter().zip([1.5, -0.75, -0.75]) {
        // 3/2 × (5/4 − 1/4), in f32.
        assert!(got.iter().all(|a| (a - expect).abs() < 1e-6), "{got:?}");
    }
    // Verdicts and rewards as they are logged know nothing of it.
    assert_eq!(rloo.samples[0].reward, 1.0);
    let k2 = paid("name = \"reinforce\"\nkl_estimator = \"k2\"", "");
    // ½ (¼ + 1)/2.
    assert_eq!(advantages(&k2)[0], [0.6875, 0.6875]);
}

/// λ = γ = 1 and values of zero: the returns 1 − ½ (½ − 1) and 1 + ½, …
#[test]
fn kl_in_the_reward_reaches_gae_token_by_token() {
    let ppo = paid("name = \"ppo\"\nscale_rewards = \"none\"", "");
    assert_eq!(advantages(&ppo), [[1.25, 1.5], [-0.25, 0.0], [-0.25, -0.25]]);
    assert_eq!(ppo.samples[0].returns, [1.25, 1.5]);
    let step = paid("name = \"ppo\"\nscale_rewards = \"none\"", "[critic]\nlambda_policy = 0.0");
    assert_eq!(advantages(&step)[0], [-0.25, 1.5]);
}

/// REINFORCE++: the same returns, less their mean over all tokens of the step (5/12 · ½ …), by their
/// standard deviation.
#[test]
fn reinforce_pp_has_returns_of_tokens() {
    let got = advantages(&paid("name = \"reinforce_pp\"", "")).concat();
    let returns = [1.25, 1.5, -0.25, 0.0, -0.25, -0.25f64];
    let mean = returns.iter().sum::<f64>() / 6.0;
    let std = (returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / 5.0).sqrt() + 1e-4;
    for (got, of) in got.iter().zip(returns) {
        // One rounding to f32 before and one after.
        assert!((f64::from(*got) - (of - mean) / std).abs() < 1e-6, "{got}");
    }
    // With the group's baseline a completion has one reward.
    let group = advantages(&paid("name = \"reinforce_pp\"\nbaseline = \"group\"", ""));
    assert!(group.iter().all(|own| own[0] == own[1]));
    assert!(group[0][0] > 0.0 && group[1] == group[2]);
}

/// A KL that is the same for all completions of a group changes nothing where there is a group's
/// baseline; and what the reference knows as the sampler does changes nothing anywhere.
#[test]
fn a_constant_kl_is_no_kl() {
    for name in ["rloo", "grpo", "dr_grpo"] {
        let text = format!("name = \"{name}\"");
        let plain = advantages(&assigned(&[RIGHT, WRONG, WRONG], &recipe(&text, "")));
        let with = recipe(&format!("{text}\nkl_coef = 0.5\nkl_in = \"reward\""), "");
        for (by, spread) in [(0.0, 0), (0.5, 0), (0.5, 1)] {
            let mut experience = experience(&[RIGHT, WRONG, WRONG]);
            for (index, sample) in experience.samples.iter_mut().enumerate() {
                sample.reference_logprobs = sample.completion.logprobs.clone();
                // At one token or another: the sum is the completion's.
                sample.reference_logprobs[index * spread % 2] -= by;
            }
            assign(&mut experience, &with, 0).unwrap();
            for (a, b) in advantages(&experience).concat().iter().zip(plain.concat()) {
                // Rewards less a quarter are exact in f32; their mean in f64 is not.
                assert!((a - b).abs() < 1e-6, "{name}: {a} {b}");
            }
        }
    }
}

/// The expected update of a bandit with the KL in the reward is that of E[r] − β KL(π ‖ base),
/// exactly, for each algorithm that has it so without the KL.
#[test]
fn on_a_bandit_kl_in_the_reward_is_the_gradient_of_the_kl() {
    let (base, beta) = ([0.25f64, 0.25, 0.5], 0.5);
    for (policy, correct) in BANDITS {
        let kl: f64 = (0..3).map(|i| policy[i] * (policy[i] / base[i]).ln()).sum();
        // ∂KL/∂logit_j = π_j (log(π_j/base_j) − KL).
        let penalty: [f64; 3] =
            std::array::from_fn(|j| policy[j] * ((policy[j] / base[j]).ln() - kl));
        for (text, factor) in [
            ("name = \"reinforce\"", 1.0),
            ("name = \"rloo\"", 1.0),
            ("name = \"remax\"", 1.0),
            ("name = \"dr_grpo\"", 2.0 / 3.0),
            ("name = \"ppo\"\nscale_rewards = \"none\"", 1.0),
        ] {
            let text = format!("{text}\nkl_coef = {beta}\nkl_in = \"reward\"");
            let update = expected_update_under(&recipe(&text, ""), policy, correct, Some(base));
            for ((got, gain), penalty) in update.iter().zip(gradient(policy, correct)).zip(penalty)
            {
                let expect = factor * (gain - beta * penalty);
                // Rewards and log-probs of up to 3 are rounded to f32.
                assert!((got - expect).abs() < 2e-6, "{text}: {got} {expect}");
            }
        }
    }
}

/// Raw verdicts alone decide what is drawn again.
#[test]
fn filters_do_not_see_the_kl() {
    let recipe = recipe("name = \"dapo\"\nkl_coef = 0.5\nkl_in = \"reward\"", "");
    let mut experience = experience(&[WRONG, WRONG, WRONG]);
    for (index, sample) in experience.samples.iter_mut().enumerate() {
        sample.reference_logprobs = vec![-1.0 - index as f32; 2];
    }
    assert_eq!(teaching_groups(&experience, &recipe).unwrap(), 0);
    filter(&mut experience, &recipe).unwrap();
    assign(&mut experience, &recipe, 0).unwrap();
    assert_eq!(experience.kept, [false]);
    assert_eq!(advantages(&experience).concat(), [0.0; 6]);
}

/// A model that is its reference pays nothing: every algorithm is what it is without one.
#[test]
fn implicit_rewards_of_nothing_change_no_algorithm() {
    for &name in AlgorithmName::ALL {
        let plain = of(name);
        if plain.algorithm.baseline == Baseline::Verdict {
            continue;
        }
        let settings = recipe_with("name = \"rloo\"", "", "[implicit_reward]").implicit_reward;
        let with = Recipe { implicit_reward: settings, ..plain.clone() };
        let run = |recipe: &Recipe| {
            let mut experience = experience(&[RIGHT, WRONG, WRONG]);
            experience.greedy = vec![experience.samples[1].clone()];
            for sample in &mut experience.samples {
                sample.implicit_rewards = vec![0.0; 2];
            }
            filter(&mut experience, recipe).unwrap();
            assign(&mut experience, recipe, 0).unwrap();
            (
                advantages(&experience),
                experience.samples.iter().map(|s| s.returns.clone()).collect(),
            )
        };
        let (got, expect): ((_, Vec<_>), (_, Vec<_>)) = (run(&with), run(&plain));
        assert_eq!(got, expect, "{}", name.name());
    }
}

/// RLOO of the outcome, and returns of rewards less the others' mean token reward: of 1 and 0, ½ and
/// ½, 0 and −1 the means are ½, ½ and −½; the baselines 0, 0 and ½.
#[test]
fn implicit_rewards_have_their_own_leave_one_out() {
    let pay = |recipe: &Recipe| {
        let mut experience = experience(&[RIGHT, WRONG, WRONG]);
        let paid = [[1.0, 0.0], [0.5, 0.5], [0.0, -1.0]];
        for (sample, paid) in experience.samples.iter_mut().zip(paid) {
            sample.implicit_rewards = paid.to_vec();
        }
        assign(&mut experience, recipe, 0).unwrap();
        experience
    };
    let more = "[implicit_reward]\ncoef = 0.5";
    let rloo = recipe_with("name = \"rloo\"", "", more);
    let expect = [[1.5, 1.0], [0.0, -0.25], [-1.5, -1.25]];
    for (got, expect) in advantages(&pay(&rloo)).concat().iter().zip(expect.concat()) {
        // RLOO's 1 and −½ in f32.
        assert!((got - expect).abs() < 1e-6, "{got} {expect}");
    }
    // A value model's GAE has the rewards themselves: with values of 0, their returns.
    let ppo = recipe_with("name = \"ppo\"\nscale_rewards = \"none\"", "", more);
    assert_eq!(advantages(&pay(&ppo)), [[1.5, 1.0], [0.5, 0.25], [-0.5, -0.5]]);
    assert_eq!(pay(&ppo).samples[1].returns, [0.5, 0.25]);
    // A group whose verdicts agree still learns from what its tokens are paid.
    let mut alike = experience(&[WRONG, WRONG, WRONG]);
    alike.samples[0].implicit_rewards = vec![1.0, 0.0];
    alike.samples[1].implicit_rewards = vec![0.0; 2];
    alike.samples[2].implicit_rewards = vec![0.0; 2];
    assign(&mut alike, &rloo, 0).unwrap();
    // ½ (1 + 0), and ½ (0 − ¼) twice and once.
    assert_eq!(advantages(&alike), [[0.5, 0.0], [-0.25, -0.125], [-0.25, -0.125]]);
}

/// A correct completion less γ log π of its whole, the others plus: after the baseline and the
/// scale, so that a group whose verdicts agree is smoothed too, and without weights it is GRPO.
#[test]
fn smoothing_stands_behind_the_baseline() {
    let text = "name = \"dr_grpo\"\nsmoothing_positive = 0.125\nsmoothing_negative = 0.5";
    // Less a mean of ⅓; log π is −3 and −¾.
    let got = advantages(&assigned(&[RIGHT, WRONG, WRONG], &recipe(text, ""))).concat();
    let (right, wrong) = (2.0 / 3.0 + 0.375, -1.0 / 3.0 - 0.375);
    for (got, expect) in got.iter().zip([right, right, wrong, wrong, wrong, wrong]) {
        // Thirds in f32.
        assert!((got - expect).abs() < 1e-6, "{got} {expect}");
    }
    let alike = assigned(&[RIGHT, RIGHT, RIGHT], &recipe(text, ""));
    assert_eq!(advantages(&alike).concat(), [0.375; 6]);
    let off = "name = \"differential_smoothing\"\nsmoothing_positive = 0";
    assert_eq!(
        advantages(&assigned(&[RIGHT, WRONG, WRONG], &recipe(off, ""))),
        advantages(&assigned(&[RIGHT, WRONG, WRONG], &recipe("name = \"grpo\"", "")))
    );
}

/// What every name is when its own device is switched off: the identity that its file claims.
#[test]
fn without_its_device_every_name_is_another() {
    let samples = [RIGHT, WRONG, WRONG, WRONG, RIGHT, RIGHT, WRONG, WRONG, WRONG];
    let of = |text: &str, more: &str| {
        let experience = assigned(&samples, &recipe_with(text, "", more));
        let anchors: Vec<Vec<f32>> =
            experience.samples.iter().map(|sample| sample.anchors.clone()).collect();
        // An anchor of weight 0 is none.
        let anchored = anchors.concat().iter().any(|&weight| weight != 0.0);
        (advantages(&experience), anchored, experience.kept)
    };
    let dapo = "name = \"dapo\"\noverlong_share = 0";
    for (name, off, other) in [
        ("unlikeliness", "unlikeliness = 0", "name = \"grpo\""),
        ("clip_cov", "covariance = \"none\"", "name = \"grpo\""),
        ("kl_cov", "covariance_coef = 0", "name = \"grpo\""),
        ("top_entropy", "top_entropy_share = 1\noverlong_share = 0", dapo),
        ("dapo", "overlong_share = 0\ndynamic_sampling = 0", "name = \"grpo\""),
        ("prorl", "overlong_share = 0", dapo),
        ("gspo", "", "name = \"grpo\""),
        ("cispo", "", "name = \"grpo\""),
        ("dr_grpo", "scale_rewards = \"group\"", "name = \"grpo\""),
        ("w_reinforce", "positive_weight = 0", "name = \"nsr\""),
        ("w_reinforce", "negative_weight = 0\npositive_weight = 1", "name = \"psr\""),
        ("psr", "", "name = \"reinforce\""),
        ("pkpo", "pass_k = 1", "name = \"rloo\""),
        ("pkpo", "pass_k = 1\npass_k_baseline = \"none\"", "name = \"reinforce\""),
    ] {
        let got = of(&format!("name = \"{name}\"\n{off}"), "");
        let expect = of(other, "");
        // RLOO and PKPO come to thirds by two ways.
        let pairs = got.0.concat().into_iter().zip(expect.0.concat());
        let far = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far < 1e-6, "{name}: {far}");
        assert_eq!((got.1, got.2), (expect.1, expect.2), "{name}");
    }
    // Value models: what is decoupled, coupled again; and a λ that adapts to nothing.
    for (name, critic) in [
        ("vc_ppo", "[critic]\nlambda_policy = 1.0"),
        ("vapo", "[critic]\nlength_adaptive = 0.0\nlambda_policy = 1.0"),
    ] {
        let got = of(&format!("name = \"{name}\""), critic);
        assert_eq!(got.0, of("name = \"ppo\"", "").0, "{name}");
    }
}
