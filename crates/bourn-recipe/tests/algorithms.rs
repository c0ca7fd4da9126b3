//! `[algorithm]` and `[critic]`: settings of each name, keys that move them, keys without effect.

use std::path::Path;

use bourn_recipe::{
    AlgorithmName, Baseline, KlEstimator, LossType, Recipe, RecipeError, Surrogate, parse,
};
use insta::assert_snapshot;

fn read(algorithm: &str, more: &str) -> Result<Recipe, RecipeError> {
    let text = format!(
        "[model]\npath = \"m\"\n[[task]]\nkind = \"countdown\"\n[algorithm]\n{algorithm}\n{more}"
    );
    parse(&text, Path::new("x.toml"), &[])
}

#[track_caller]
fn good(algorithm: &str, more: &str) -> Recipe {
    read(algorithm, more).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn bad(algorithm: &str, more: &str) -> String {
    read(algorithm, more).expect_err("an error").to_string()
}

#[test]
fn every_algorithm_resolves_to_its_settings_and_back() {
    for &name in AlgorithmName::ALL {
        let recipe = good(&format!("name = \"{}\"", name.name()), "");
        assert_eq!(recipe.algorithm, name.settings());
        assert_eq!(recipe.algorithm.name, name);
        assert_eq!(recipe.critic, name.critic());
        assert_eq!(recipe.critic.is_some(), recipe.algorithm.baseline == Baseline::Critic);
        let again = parse(&recipe.to_toml(), Path::new("x.toml"), &[]).unwrap();
        assert_eq!(again, recipe, "{}", recipe.to_toml());
    }
}

#[test]
fn names_are_spelt_as_their_files() {
    let names: Vec<&str> = AlgorithmName::ALL.iter().map(|name| name.name()).collect();
    for (&name, text) in AlgorithmName::ALL.iter().zip(names) {
        assert_eq!(serde_json::to_value(name).unwrap(), text);
    }
}

/// What recipes of the time before there were other algorithms resolve to.
#[test]
fn grpo_is_what_it_was() {
    let grpo = good("name = \"grpo\"", "").algorithm;
    assert_eq!((grpo.loss_type, grpo.surrogate), (LossType::Dapo, Surrogate::Clip));
    assert_eq!((grpo.epsilon, grpo.epsilon_high, grpo.kl_coef), (0.2, 0.2, 0.0));
    assert_eq!((grpo.entropy_coef, grpo.overlong_share, grpo.dynamic_sampling), (0.0, 0.0, 0));
    assert_eq!((grpo.unlikeliness, grpo.top_entropy_share, grpo.positive_nll), (0.0, 1.0, 0.0));
    assert_eq!(grpo.reset_interval, 0);
}

#[test]
fn one_bound_of_the_ratio_follows_the_other_only_where_they_are_one() {
    let bounds = |text| {
        let algorithm = good(text, "").algorithm;
        (algorithm.epsilon, algorithm.epsilon_high)
    };
    assert_eq!(bounds("name = \"grpo\"\nepsilon = 0.1"), (0.1, 0.1));
    assert_eq!(bounds("name = \"dapo\"\nepsilon = 0.1"), (0.1, 0.28));
    assert_eq!(bounds("name = \"grpo\"\nepsilon_high = 0.4"), (0.2, 0.4));
}

#[test]
fn a_key_without_effect_is_an_error_that_says_why() {
    assert_snapshot!(bad("name = \"reinforce\"\nepsilon = 0.1", ""), @"x.toml:7:1: [algorithm] epsilon: has no effect: the surrogate of reinforce here clips no ratio (`surrogate` says which do); remove it");
    assert_snapshot!(bad("name = \"reinforce\"\nratio_level = \"sequence\"", ""), @"x.toml:7:1: [algorithm] ratio_level: has no effect: the surrogate of reinforce here has no ratio (`surrogate` says which do); remove it");
    assert_snapshot!(bad("name = \"rloo\"\nbaseline = \"group\"", ""), @"x.toml:7:1: [algorithm] baseline: has no effect: its baseline is what makes rloo what it is; remove it");
    assert_snapshot!(bad("name = \"reinforce_pp\"\nbaseline = \"greedy\"", ""), @r#"x.toml:7:1: [algorithm] baseline: reinforce_pp has "batch" and "group" to choose from"#);
    assert_snapshot!(bad("name = \"nsr\"\nscale_rewards = \"group\"", ""), @"x.toml:7:1: [algorithm] scale_rewards: has no effect: nsr takes advantages from verdicts alone; remove it");
    assert_snapshot!(bad("name = \"nsr\"\nunlikeliness = 0.1", ""), @"x.toml:7:1: [algorithm] unlikeliness: has no effect: nsr takes advantages from raw verdicts, which nothing shapes; remove it");
    let steps = "[[reward]]\nverifier = \"countdown\"\nstep_weight = 0.5\n";
    assert_snapshot!(bad("name = \"nsr\"", steps), @"x.toml:9:1: [[reward]] step_weight: has no effect: nsr takes advantages from raw verdicts; remove it");
    good("name = \"ppo\"", steps);
    assert_snapshot!(bad("name = \"grpo\"\npass_k = 2", ""), @"x.toml:7:1: [algorithm] pass_k: has no effect: grpo does not follow pass@k; remove it");
    assert_snapshot!(bad("name = \"grpo\"\ncovariance_coef = 2.0", ""), @r#"x.toml:7:1: [algorithm] covariance_coef: has no effect: only `covariance = "kl"` has a penalty; remove it"#);
    assert_snapshot!(bad("name = \"grpo\"\nentropy_step = 0.1", ""), @"x.toml:7:1: [algorithm] entropy_step: has no effect: without `entropy_target` the weight is fixed; remove it");
    assert_snapshot!(bad("name = \"grpo\"\noverlong_penalty = 0.1", ""), @"x.toml:7:1: [algorithm] overlong_penalty: has no effect: `overlong_share` is 0; remove it");
    assert_snapshot!(bad("name = \"grpo\"", "[critic]\nlr = 0.1\n"), @"x.toml:7:2: [critic]: `grpo` has no value model; the algorithms that have one are `ppo`, `vc_ppo` and `vapo`");
    assert_snapshot!(bad("name = \"vapo\"", "[critic]\nlambda_policy = 0.1\n"), @"x.toml:8:1: [critic] lambda_policy: has no effect: `length_adaptive` gives every completion its λ; remove it");
    assert_snapshot!(bad("name = \"ppo\"", "[critic]\ntrunk = \"shared\"\nlr = 0.1\n"), @"x.toml:9:1: [critic] lr: has no effect: a shared trunk is trained by `[optimizer]`, and its head alone only where `pretrain_steps` or `critic_warmup` is not 0; remove it");
}

#[test]
fn a_kl_in_the_reward_needs_a_weight_and_a_reward() {
    assert_snapshot!(bad("name = \"rloo\"\nkl_in = \"reward\"", ""), @"x.toml:7:1: [algorithm] kl_in: has no effect: `kl_coef` is 0, and there is no penalty to stand anywhere; remove it");
    assert_snapshot!(bad("name = \"nsr\"\nkl_coef = 0.1\nkl_in = \"reward\"", ""), @"x.toml:8:1: [algorithm] kl_in: has no effect: nsr takes advantages from raw verdicts, which nothing shapes; remove it");
    let rloo = good("name = \"rloo\"\nkl_coef = 0.1\nkl_in = \"reward\"", "").algorithm;
    assert_eq!((rloo.kl_in_loss(), rloo.kl_in_reward()), (0.0, 0.1));
    // What has the KL's gradient as a reward, and what has it in the loss.
    assert_eq!(rloo.kl_estimator, KlEstimator::K1);
    let loss = good("name = \"rloo\"\nkl_coef = 0.1", "").algorithm;
    assert_eq!((loss.kl_in_loss(), loss.kl_in_reward()), (0.1, 0.0));
    assert_eq!(loss.kl_estimator, KlEstimator::K3);
    let k2 = "name = \"rloo\"\nkl_coef = 0.1\nkl_in = \"reward\"\nkl_estimator = \"k2\"";
    assert_eq!(good(k2, "").algorithm.kl_estimator, KlEstimator::K2);
}

#[test]
fn implicit_rewards_are_on_where_their_section_is() {
    assert_eq!(good("name = \"rloo\"", "").implicit_reward, None);
    let with = good("name = \"rloo\"", "[implicit_reward]\n");
    let settings = with.implicit_reward.clone().unwrap();
    assert_eq!((settings.beta, settings.coef, settings.lr), (0.05, 1.0, 1e-6));
    assert_eq!(parse(&with.to_toml(), Path::new("x.toml"), &[]).unwrap(), with);
    assert_snapshot!(bad("name = \"nsr\"", "[implicit_reward]\n"), @"x.toml:7:2: [implicit_reward]: has no effect: nsr takes advantages from raw verdicts; remove it");
    assert_snapshot!(bad("name = \"rloo\"", "[implicit_reward]\ncoef = 0\n"), @"x.toml:8:1: [implicit_reward] coef: must be above 0, found 0: without weight the model would be trained for nothing; remove the section");
}

/// The same keys are taken where another key gives them their effect.
#[test]
fn a_key_may_give_another_its_effect() {
    good("name = \"reinforce\"\nsurrogate = \"clip\"\nepsilon = 0.1", "");
    good("name = \"reinforce\"\nbaseline = \"batch\"", "");
    good("name = \"grpo\"\noverlong_share = 0.5\noverlong_penalty = 0.1", "");
    good("name = \"grpo\"\nentropy_target = 0.3\nentropy_step = 0.1", "");
    good("name = \"grpo\"\ncovariance = \"kl\"\ncovariance_coef = 2.0", "");
    good("name = \"vapo\"", "[critic]\nlength_adaptive = 0\nlambda_policy = 0.9\n");
    good("name = \"ppo\"", "[critic]\ntrunk = \"shared\"\nvalue_coef = 0.1\n");
    // A head that is trained alone has a pace of its own, and another default than a trunk.
    let lr = |name: &str, keys: &str| {
        good(name, &format!("[critic]\n{keys}")).critic.map(|critic| critic.lr)
    };
    assert_eq!(lr("name = \"vc_ppo\"", "trunk = \"shared\"\nlr = 0.1\n"), Some(0.1));
    assert_eq!(lr("name = \"vapo\"", "trunk = \"shared\"\n"), Some(1e-3));
    let warming = "trunk = \"shared\"\ncritic_warmup = 3\nschedule = \"cosine\"\n";
    assert_eq!(lr("name = \"ppo\"", warming), Some(1e-3));
    assert_eq!(lr("name = \"vapo\"", "trunk = \"own\"\n"), Some(1e-5));
}

#[test]
fn values_that_do_not_go_together_are_errors() {
    assert_snapshot!(bad("name = \"pkpo\"\npass_k = 9", "[rollout]\nnum_generations = 8\n"), @"x.toml:7:1: [algorithm] pass_k: pass@9 cannot be estimated from 8 completions with this baseline; write 8 or less, or raise `num_generations`");
    assert_snapshot!(bad("name = \"pkpo\"\npass_k = 8\npass_k_baseline = \"leave_one_out\"", "[rollout]\nnum_generations = 8\n"), @"x.toml:7:1: [algorithm] pass_k: pass@8 cannot be estimated from 8 completions with this baseline; write 7 or less, or raise `num_generations`");
    assert_snapshot!(bad("name = \"clip_cov\"\ncovariance_low = 6", ""), @"x.toml:7:1: [algorithm] covariance_low: no covariance lies between 6 and 5; lower `covariance_low` or raise `covariance_high`");
    assert_snapshot!(bad("name = \"ppo\"\nscale_rewards = \"group\"", ""), @r#"x.toml:7:1: [algorithm] scale_rewards: a critic's advantages are a token's own and have no group to be scaled by; write "advantages" or "none""#);
}

/// Off, it is a table of its own share alone; on, every default is written out and read back.
#[test]
fn replay_is_off_by_default_and_asks_for_groups_it_can_join() {
    let grpo = "name = \"grpo\"";
    assert_eq!(good(grpo, "").replay, None);
    assert_eq!(good(grpo, "[replay]\nshare = 0\n").replay, None);
    let recipe = good(grpo, "[replay]\nshare = 0.25\nthreshold = 0.8\n");
    let replay = recipe.replay.clone().unwrap();
    assert_eq!((replay.share, replay.threshold, replay.max_weight), (0.25, 0.8, 2.0));
    assert_eq!((replay.interval, replay.problems, replay.n_max, replay.groups), (20, 64, 128, 4));
    assert_eq!(parse(&recipe.to_toml(), Path::new("x.toml"), &[]).unwrap(), recipe);
    // At least one and not all, else the nearest number.
    let of = |share, group| bourn_recipe::Replay { share, ..replay.clone() }.witnesses(group);
    assert_eq!(
        [of(0.25, 16), of(0.01, 16), of(0.99, 16), of(0.3, 4), of(0.5, 2)],
        [4, 1, 15, 1, 1]
    );

    let on = "[replay]\nshare = 0.25\n";
    assert_snapshot!(bad(grpo, "[replay]\nthreshold = 0.5\n"), @"x.toml:8:1: [replay] threshold: has no effect: `replay.share` is 0, with which nothing is replayed; raise it or remove this");
    assert_snapshot!(bad(grpo, "[replay]\nshare = 0.25\ninterval = 100\n"), @"x.toml:9:1: [replay] interval: the first look would be after step 100, and the run has 100 steps, so that nothing could be replayed; lower `interval`");
    assert_snapshot!(bad(grpo, "[replay]\nshare = 1.0\n"), @"x.toml:8:1: [replay] share: must be below 1, found 1.0");
    assert_snapshot!(bad("name = \"pkpo\"", on), @"x.toml:8:1: [replay] share: pkpo estimates pass@k of the policy from the group, which has to be the policy's own draws; choose another algorithm or remove `[replay]`");
    assert_snapshot!(bad("name = \"ppo\"", on), @"x.toml:8:1: [replay] share: the value model of ppo says what the policy's own draws are worth, and knows nothing of others; choose another algorithm or remove `[replay]`");
    assert_snapshot!(bad("name = \"nsr\"", on), @"x.toml:8:1: [replay] share: has no effect: nsr gives correct completions no advantage, and witnesses are correct; remove `[replay]`");
    assert_snapshot!(bad("name = \"unlikeliness\"", on), @"x.toml:8:1: [replay] share: unlikeliness shapes rewards by the log-probs of the policy's draws, which witnesses are not; choose another algorithm or remove `[replay]`");
    good("name = \"w_reinforce\"", on);
    good("name = \"gspo\"", on);
}

#[test]
fn replay_has_draws_that_are_not_the_policys() {
    let replay = "[replay]\nshare = 0.2\n";
    assert_snapshot!(bad("name = \"grpo\"", &format!("{replay}[implicit_reward]\n")), @"x.toml:8:1: [replay] share: the implicit reward model learns from the policy's own draws, which witnesses are not; remove one of the two sections");
    assert_snapshot!(bad("name = \"grpo\"\nkl_coef = 0.1\nkl_in = \"reward\"", replay), @"x.toml:10:1: [replay] share: the KL in the reward is of the policy's own draws, which witnesses are not; put it into the loss (`algorithm.kl_in`) or remove `[replay]`");
}
