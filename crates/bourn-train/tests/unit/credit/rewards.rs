//! Rewards of single tokens, smoothing, and what each name is without its device.

use super::*;

/// [`RIGHT`] under the sampler is −1 and −2, [`WRONG`] −½ and −¼; under this reference, by token.
const REFERENCE: [[f32; 2]; 3] = [[-1.5, -1.0], [-1.0, -0.25], [-0.5, -0.75]];

/// RIGHT, WRONG, WRONG with their reference's log-probs: k1 is (½, −1), (½, 0) and (0, ½).
fn referred() -> Experience {
    let reference = Some(REFERENCE.map(Vec::from).to_vec());
    Experience { reference, ..experience(&[RIGHT, WRONG, WRONG]) }
}

fn paid(algorithm: &str, more: &str) -> Experience {
    let mut experience = referred();
    let text = format!("{algorithm}\nkl_coef = 0.5\nkl_in = \"reward\"");
    assign(&mut experience, &Credit::of(&recipe_with(&text, "", more)), 0, &Alone).unwrap();
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
    assert_eq!(rloo.samples[0].judged.reward, 1.0);
    let k2 = paid("name = \"reinforce\"\nkl_estimator = \"k2\"", "");
    // ½ (¼ + 1)/2.
    assert_eq!(advantages(&k2)[0], [0.6875, 0.6875]);
}

/// λ = γ = 1 and values of zero: the returns 1 − ½ (½ − 1) and 1 + ½, …
#[test]
fn kl_in_the_reward_reaches_gae_token_by_token() {
    let ppo = paid("name = \"ppo\"\nscale_rewards = \"none\"", "");
    assert_eq!(advantages(&ppo), [[1.25, 1.5], [-0.25, 0.0], [-0.25, -0.25]]);
    assert_eq!(targets(&ppo)[0], [1.25, 1.5]);
    let step = paid("name = \"ppo\"\nscale_rewards = \"none\"", "[critic]\nlambda_policy = 0.0");
    assert_eq!(advantages(&step)[0], [-0.25, 1.5]);
}

/// REINFORCE++: the same returns, less their mean over all tokens of the step, by their standard
/// deviation.
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
            let of = |(index, sample): (usize, &Sample)| {
                let mut reference = sample.logprobs().unwrap().to_vec();
                // At one token or another: the sum is the completion's.
                reference[index * spread % 2] -= by;
                reference
            };
            experience.reference = Some(experience.samples.iter().enumerate().map(of).collect());
            assign(&mut experience, &Credit::of(&with), 0, &Alone).unwrap();
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
    experience.reference = Some([-1.0, -2.0, -3.0].map(|logp| vec![logp; 2]).to_vec());
    assert_eq!(teaching_groups(&experience, &Alone).unwrap(), 0);
    filter(&mut experience, &Credit::of(&recipe), &Alone).unwrap();
    assign(&mut experience, &Credit::of(&recipe), 0, &Alone).unwrap();
    assert_eq!(experience.kept, [false]);
    assert_eq!(advantages(&experience).concat(), [0.0; 6]);
}

/// What an implicit reward model pays three completions of two tokens.
fn pays(rewards: [[f32; 2]; 3]) -> ImplicitPay {
    ImplicitPay { rewards: rewards.map(Vec::from).to_vec(), report: Default::default() }
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
            experience.greedy = Some(vec![experience.samples[1].clone()]);
            experience.implicit = Some(pays([[0.0; 2]; 3]));
            filter(&mut experience, &Credit::of(recipe), &Alone).unwrap();
            assign(&mut experience, &Credit::of(recipe), 0, &Alone).unwrap();
            (advantages(&experience), targets(&experience).to_vec())
        };
        assert_eq!(run(&with), run(&plain), "{}", name.name());
    }
}

/// RLOO of the outcome, and returns of rewards less the others' mean token reward: of 1 and 0, ½ and
/// ½, 0 and −1 the means are ½, ½ and −½; the baselines 0, 0 and ½.
#[test]
fn implicit_rewards_have_their_own_leave_one_out() {
    let pay = |recipe: &Recipe| {
        let mut experience = experience(&[RIGHT, WRONG, WRONG]);
        experience.implicit = Some(pays([[1.0, 0.0], [0.5, 0.5], [0.0, -1.0]]));
        assign(&mut experience, &Credit::of(recipe), 0, &Alone).unwrap();
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
    assert_eq!(targets(&pay(&ppo))[1], [0.5, 0.25]);
    // A group whose verdicts agree still learns from what its tokens are paid.
    let mut alike = experience(&[WRONG, WRONG, WRONG]);
    alike.implicit = Some(pays([[1.0, 0.0], [0.0; 2], [0.0; 2]]));
    assign(&mut alike, &Credit::of(&rloo), 0, &Alone).unwrap();
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
        let anchored = anchors(&experience).concat().iter().any(|&weight| weight != 0.0);
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
