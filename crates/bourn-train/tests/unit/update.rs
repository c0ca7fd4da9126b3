use std::collections::BTreeMap;

use bourn_episode::{Finish, Source, Weight};
use bourn_model::transformer::Packed;
use bourn_recipe::{LossType, Recipe};
use bourn_rollout::{
    Engine, EngineOptions, Inputs, Request, Rollouts, Sampling, ScoreItem, Storage, generate,
};
use bourn_seed::rng;
use bourn_verify::Verdict;
use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;

use super::batches::{minibatches, pack, weighted_rows};
use super::*;
use crate::credit::terms;
use crate::experience::{Sample, ValueEstimates};
use crate::learner::Learner;
use crate::optimizer::NamedGradients;
use crate::settings::Cut;
use crate::testing::{self, TEMPERATURE, model, prompt_of, recipe, recipe_with};
use crate::world::Alone;

/// What `recipe` trains `policy` by.
fn learners(policy: &Transformer, recipe: &Recipe) -> Learners {
    testing::learners(policy.clone(), recipe)
}

/// The updates of step 0.
fn step(
    learners: &mut Learners,
    base: Option<&Transformer>,
    experience: &Experience,
    recipe: &Recipe,
) -> Result<UpdateReport, UpdateError> {
    let (settings, batching) = (PolicyLoss::of(recipe), Batching::of(recipe));
    update(learners, base, experience, settings, &batching, 0, &Alone)
}

fn score_all(
    model: &Transformer,
    experience: &Experience,
    recipe: &Recipe,
) -> Result<Vec<Vec<f32>>, TrainError> {
    super::score_all(model, experience, Scoring::of(recipe))
}

fn micro_batches(
    experience: &Experience,
    groups: &[usize],
    reference: Option<&[Vec<f32>]>,
    recipe: &Recipe,
) -> Result<Vec<MicroBatch>, TrainError> {
    super::micro_batches(experience, groups, reference, &PolicyLoss::of(recipe), &Alone)
}

/// Four groups of three completions of different lengths. The sampler's log-probs are the
/// policy's own plus some noise, so that ratios lie on both sides of the clip; the third group's
/// advantages are all zero; one completion is truncated.
fn experience(policy: &Transformer, noise: f32) -> Experience {
    let mut rng = rng(5, "test/experience", &[]);
    let mut samples = Vec::new();
    let prompts: Vec<Vec<u32>> =
        (0..4).map(|g| (0..3 + g).map(|_| rng.random_range(0..11)).collect()).collect();
    for (group, prompt) in prompts.iter().enumerate() {
        for member in 0..3 {
            let length = 2 + (group + 2 * member) % 4;
            let tokens: Vec<u32> = (0..length).map(|_| rng.random_range(0..11)).collect();
            let advantage = if group == 2 { 0.0 } else { [1.2, -0.7, -0.5][member] };
            let mut sample = testing::sample(group, prompt, &tokens, member == 0);
            if group == 1 && member == 1 {
                sample.trajectory.finish = Finish::Length;
            }
            sample.signals.rl.fill(advantage);
            samples.push(sample);
        }
    }
    let problems = (0..4).map(|group| format!("problem-{group}")).collect();
    let mut experience = Experience::new(problems, samples);
    let scored = score_all(policy, &experience, &recipe("", "micro_batch_size = 4")).unwrap();
    for (sample, own) in experience.samples.iter_mut().zip(scored) {
        let near = own.into_iter().map(|own| own + rng.random_range(-noise..=noise));
        sample.trajectory.logprobs = Some(near.collect());
    }
    experience
}

fn gradient(
    policy: &Transformer,
    base: Option<&Transformer>,
    experience: &Experience,
    recipe: &Recipe,
) -> (f64, BTreeMap<String, Vec<f32>>) {
    let mut experience = experience.clone();
    experience.samples.iter_mut().for_each(|sample| terms(sample, &recipe.algorithm));
    let mut objective = PolicyObjective::new(base, &experience, PolicyLoss::of(recipe)).unwrap();
    let groups: Vec<usize> = (0..experience.problems.len()).collect();
    let descent = &learners(policy, recipe).policy.descent;
    let (loss, gradients) =
        descent.gradient(policy, &groups, &mut objective, &Alone).expect("the loss is finite");
    (
        loss,
        gradients
            .tensors()
            .iter()
            .map(|(name, g)| (name.clone(), read_values(g).unwrap()))
            .collect(),
    )
}

fn norm(gradient: &BTreeMap<String, Vec<f32>>) -> f64 {
    gradient.values().flatten().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt()
}

fn distance(a: &BTreeMap<String, Vec<f32>>, b: &BTreeMap<String, Vec<f32>>) -> f64 {
    let pairs = a.values().flatten().zip(b.values().flatten());
    pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>().sqrt()
}

/// The experience as a recipe's loss reads it: its entropy bonus, and with KL-Cov an anchor at every
/// other token.
fn as_of(recipe: &Recipe, experience: &Experience) -> Experience {
    let mut experience = experience.clone();
    experience.entropy_coef = recipe.algorithm.entropy_coef;
    experience.samples.iter_mut().for_each(|sample| terms(sample, &recipe.algorithm));
    if recipe.algorithm.covariance == bourn_recipe::Covariance::Kl {
        for sample in &mut experience.samples {
            let weight = recipe.algorithm.covariance_coef as f32;
            let anchor = |t: usize| if t.is_multiple_of(2) { weight } else { 0.0 };
            sample.signals.anchor = Weight::Each((0..sample.count()).map(anchor).collect());
        }
    }
    experience
}

/// Each configuration of the loss that has a gradient of its own.
const LOSSES: [&str; 14] = [
    "loss_type = \"grpo\"",
    "loss_type = \"dr_grpo\"",
    "loss_type = \"dapo\"",
    "loss_type = \"dapo\"\nepsilon = 0.1\nepsilon_high = 0.3",
    "loss_type = \"dapo\"\nkl_coef = 0.3\nkl_estimator = \"k1\"",
    "loss_type = \"grpo\"\nkl_coef = 0.3\nkl_estimator = \"k2\"",
    "loss_type = \"dr_grpo\"\nkl_coef = 0.3\nkl_estimator = \"k3\"\nmask_truncated_completions = true",
    "loss_type = \"grpo\"\nentropy_coef = 0.2\nmask_truncated_completions = true",
    "name = \"reinforce\"",
    "name = \"reinforce\"\nsurrogate = \"ratio\"\nratio_level = \"sequence\"",
    "name = \"gspo\"\nepsilon = 0.05\nepsilon_high = 0.08",
    "name = \"gspo\"\nloss_type = \"sequence\"\nepsilon = 0.2\nmask_truncated_completions = true",
    "name = \"kl_cov\"",
    "name = \"grpo\"\npositive_nll = 0.5\nmask_truncated_completions = true",
];

#[test]
fn gradients_agree_with_finite_differences() {
    let device = Device::flex().autodiff();
    let (policy, base) = (model(1, &device), model(2, &Device::flex()));
    let experience = experience(&policy, 0.25);
    for loss in LOSSES {
        let recipe = recipe(loss, "micro_batch_size = 5");
        let experience = as_of(&recipe, &experience);
        let (_, analytic) = gradient(&policy, Some(&base), &experience, &recipe);
        let length = norm(&analytic);
        // Along the normalised gradient the directional derivative is the gradient's length; a
        // random direction sees the components that the gradient direction weighs little.
        for (kind, seed) in [("gradient", 0), ("random", 1), ("random", 2)] {
            let mut rng = rng(seed, "test/direction", &[]);
            let mut direction: BTreeMap<String, Vec<f32>> = analytic.clone();
            if kind == "random" {
                for value in direction.values_mut().flatten() {
                    *value = rng.random_range(-1.0..1.0);
                }
            }
            let scale = norm(&direction).recip() as f32;
            direction.values_mut().flatten().for_each(|value| *value *= scale);
            let slope: f64 = analytic
                .values()
                .flatten()
                .zip(direction.values().flatten())
                .map(|(&g, &d)| f64::from(g) * f64::from(d))
                .sum();
            let step = 2e-3;
            let along = |sign: f32| {
                let mut moved = policy.clone();
                for (name, tensor) in policy.parameters() {
                    let d = TensorData::new(direction[name].clone(), tensor.dims());
                    let d = Tensor::<2>::from_data(d, &Device::flex());
                    moved.set_parameter(name, tensor.clone().inner() + d * (sign * step)).unwrap();
                }
                gradient(&moved, Some(&base), &experience, &recipe).0
            };
            let numeric = (along(1.0) - along(-1.0)) / (2.0 * f64::from(step));
            // The f32 loss (about 1) is rounded to 1e-7, which the step turns into 5e-5; the
            // curvature's share is of the order of step² times a third derivative of about 100.
            let tolerance = 1e-3 * length + 5e-4;
            assert!(
                (numeric - slope).abs() < tolerance,
                "{loss}: along the {kind} direction: numeric {numeric}, analytic {slope}"
            );
        }
    }
}

#[test]
fn micro_batches_change_nothing_but_rounding() {
    let device = Device::flex().autodiff();
    let (policy, base) = (model(1, &device), model(2, &Device::flex()));
    let experience = experience(&policy, 0.25);
    for loss in LOSSES {
        let of = |size: usize| {
            let recipe = recipe(loss, &format!("micro_batch_size = {size}"));
            gradient(&policy, Some(&base), &as_of(&recipe, &experience), &recipe)
        };
        let (whole_loss, whole) = of(12);
        for size in [1, 5, 7] {
            let (loss_value, parts) = of(size);
            // Sums of f32 in another order: a few units in the last place of the largest terms.
            assert!((loss_value - whole_loss).abs() < 1e-5, "{loss}, size {size}");
            assert!(distance(&parts, &whole) < 1e-5 * norm(&whole).max(1.0), "{loss}, size {size}");
        }
    }
}

#[test]
fn a_group_with_zero_advantages_takes_no_forward_and_changes_no_gradient() {
    let policy = model(1, &Device::flex().autodiff());
    let experience = experience(&policy, 0.25);
    let recipe = recipe("loss_type = \"grpo\"", "micro_batch_size = 12");
    let groups = [0, 1, 2, 3];
    let trained = micro_batches(&experience, &groups, None, &recipe).unwrap();
    assert!(trained.iter().all(|batch| batch.rows.iter().all(|&row| !(6..9).contains(&row))));

    let rows = weighted_rows(&experience, &groups, &PolicyLoss::of(&recipe), &Alone).unwrap();
    assert_eq!(rows.len(), 12);
    let everything = pack(&experience, &rows, None, Cut::of(12)).unwrap();
    let mut full = NamedGradients::zeros(&policy);
    let mut objective = PolicyObjective::new(None, &experience, PolicyLoss::of(&recipe)).unwrap();
    for batch in everything {
        let asked = PolicyForward { policy: Some(batch), valued: None };
        let part = objective.loss(&policy, &asked).expect("the loss is finite");
        full.add(&policy, part.trace, part.scalar);
    }
    let full: BTreeMap<_, _> =
        full.tensors().iter().map(|(name, g)| (name.clone(), read_values(g).unwrap())).collect();
    let (_, skipping) = gradient(&policy, None, &experience, &recipe);
    assert!(distance(&full, &skipping) < 1e-6 * norm(&full));
}

/// With the KL in the reward the loss has no term of it, and reads what credit was assigned by.
#[test]
fn kl_in_the_reward_leaves_the_loss_alone() {
    let device = Device::flex().autodiff();
    let (policy, base) = (model(1, &device), model(2, &Device::flex()));
    let mut experience = experience(&policy, 0.25);
    let with = recipe("kl_coef = 0.3\nkl_in = \"reward\"", "micro_batch_size = 5");
    let (loss, of) = gradient(&policy, Some(&base), &experience, &with);
    let (plain_loss, plain) =
        gradient(&policy, None, &experience, &recipe("", "micro_batch_size = 5"));
    assert_eq!((loss, &of), (plain_loss, &plain));
    // Groups without advantages are left out of it as without a KL.
    let trained = micro_batches(&experience, &[0, 1, 2, 3], None, &with).unwrap();
    assert!(trained.iter().all(|batch| batch.rows.iter().all(|&row| !(6..9).contains(&row))));

    // The metric is still there, of the log-probs that are stored: here KL is 1 at each token.
    let own = score_all(&policy, &experience, &with).unwrap();
    let less = |own: Vec<f32>| own.iter().map(|own| own - 1.0).collect();
    experience.reference = Some(own.into_iter().map(less).collect());
    let report = step(&mut learners(&policy, &with), Some(&base), &experience, &with)
        .expect("the loss is finite");
    // Differences of f32 numbers of about three.
    assert!((report.kl.unwrap() - 1.0).abs() < 1e-6, "{report:?}");
}

/// Two groups by hand: the loss of the micro batches is the plain twin's.
#[test]
fn the_loss_is_that_of_the_plain_twin() {
    let device = Device::flex().autodiff();
    let (policy, base) = (model(1, &device), model(2, &Device::flex()));
    let experience = experience(&policy, 0.4);
    for loss in LOSSES.into_iter().chain([CISPO]) {
        let recipe = recipe(loss, "micro_batch_size = 5");
        let experience = as_of(&recipe, &experience);
        let algorithm = &recipe.algorithm;
        let likelihoods = likelihoods_by_hand(&experience, &recipe);
        let own = score_all(&policy, &experience, &recipe).unwrap();
        let of_base = score_all(&base, &experience, &recipe).unwrap();
        let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|&v| f64::from(v)).collect() };
        let entropies = entropies(&policy, &experience);
        let columns: Vec<_> = experience
            .samples
            .iter()
            .enumerate()
            .map(|(index, sample)| {
                let in_loss = !(algorithm.mask_truncated_completions && sample.truncated());
                (
                    wide(&own[index]),
                    wide(sample.logprobs().unwrap()),
                    wide(&of_base[index]),
                    wide(&sample.signals.rl),
                    entropies[index].clone(),
                    vec![in_loss; own[index].len()],
                    anchors(sample).as_deref().map(wide),
                    likelihoods[index],
                )
            })
            .collect();
        let terms: Vec<bourn_algo::CompletionTerms<'_>> = columns
            .iter()
            .map(|(logp, old_logp, base_logp, advantages, entropy, mask, anchors, likelihood)| {
                bourn_algo::CompletionTerms {
                    logp,
                    old_logp,
                    base_logp: Some(base_logp),
                    advantages,
                    entropy: Some(entropy),
                    anchors: anchors.as_deref(),
                    likelihood: *likelihood,
                    mask,
                }
            })
            .collect();
        let twin = bourn_algo::policy_loss(
            &terms,
            &bourn_algo::LossSettings {
                loss_type: algorithm.loss_type,
                max_completion_length: recipe.rollout.max_completion_length,
                surrogate: algorithm.surrogate,
                ratio_level: algorithm.ratio_level,
                eps_low: algorithm.epsilon,
                eps_high: algorithm.epsilon_high,
                kl_coef: algorithm.kl_coef,
                kl_estimator: algorithm.kl_estimator,
                entropy_coef: algorithm.entropy_coef,
            },
        )
        .unwrap();
        let (value, _) = gradient(&policy, Some(&base), &experience, &recipe);
        // f32 against f64 over some forty terms: of about one divided by a length, or undivided
        // ones of up to ten where tokens are summed.
        let tolerance = if algorithm.loss_type == LossType::Sequence { 2e-5 } else { 2e-6 };
        assert!((value - twin.loss).abs() < tolerance, "{loss}: {value} against {}", twin.loss);
    }
}

/// Weights of the anchor at each token, where there is one.
fn anchors(sample: &Sample) -> Option<Vec<f32>> {
    match &sample.signals.anchor {
        Weight::Same(_) => None,
        Weight::Each(anchors) => Some(anchors.clone()),
    }
}

/// A weight that has no gradient: its loss is not what its gradient is the slope of.
const CISPO: &str = "name = \"cispo\"\nepsilon = 0.1\nepsilon_high = 0.1";

/// Weight of the likelihood of each completion's tokens: μ over all tokens of correct ones.
fn likelihoods_by_hand(experience: &Experience, recipe: &Recipe) -> Vec<f64> {
    let masks = recipe.algorithm.mask_truncated_completions;
    let counts = |sample: &Sample| sample.correct() && !(masks && sample.truncated());
    let samples = || experience.samples.iter();
    let tokens: usize = samples().filter(|s| counts(s)).map(Sample::count).sum();
    let weight = recipe.algorithm.positive_nll / tokens as f64;
    samples().map(|sample| if counts(sample) { weight } else { 0.0 }).collect()
}

/// CISPO's gradient is that of Σ w sg(clip(r)) A log π: of REINFORCE with advantages that were
/// multiplied by the clipped ratios beforehand.
#[test]
fn the_gradient_of_cispo_is_that_of_reinforce_with_clipped_weights() {
    let policy = model(1, &Device::flex().autodiff());
    let mut experience = experience(&policy, 0.4);
    let cispo = recipe(CISPO, "micro_batch_size = 5");
    let (_, got) = gradient(&policy, None, &experience, &cispo);
    let own = score_all(&policy, &experience, &cispo).unwrap();
    for (sample, own) in experience.samples.iter_mut().zip(own) {
        let drawn = sample.logprobs().unwrap().to_vec();
        for ((a, own), drawn) in sample.signals.rl.iter_mut().zip(own).zip(drawn) {
            *a *= (own - drawn).exp().clamp(0.9, 1.1);
        }
    }
    let reinforce = recipe("name = \"reinforce\"\nloss_type = \"dapo\"", "micro_batch_size = 5");
    let (_, expect) = gradient(&policy, None, &experience, &reinforce);
    // The same products in another order, in f32.
    assert!(distance(&got, &expect) < 1e-6 * norm(&expect), "{}", distance(&got, &expect));
}

/// 1 × 8 = 8 × 1, and the sequence is the token, on completions of one token.
#[test]
fn on_completions_of_one_token_gspo_is_grpo() {
    let policy = model(1, &Device::flex().autodiff());
    let mut experience = experience(&policy, 0.4);
    for sample in &mut experience.samples {
        let (prompt, first) = (prompt_of(sample).to_vec(), sample.trajectory.tokens()[0]);
        let mut one = testing::sample(sample.trajectory.group, &prompt, &[first], false);
        one.signals.rl = vec![sample.signals.rl[0]];
        one.trajectory.logprobs = Some(vec![sample.logprobs().unwrap()[0]]);
        *sample = one;
    }
    let of = |level: &str| {
        let text = format!("loss_type = \"grpo\"\nratio_level = \"{level}\"");
        gradient(&policy, None, &experience, &recipe(&text, "micro_batch_size = 5"))
    };
    let ((token_loss, token), (sequence_loss, sequence)) = (of("token"), of("sequence"));
    // A mean of one in f32, as a product with 1.
    assert!((token_loss - sequence_loss).abs() < 1e-7);
    assert!(distance(&token, &sequence) < 1e-6 * norm(&token));
}

/// Entropies straight from the logits, in f64.
fn entropies(policy: &Transformer, experience: &Experience) -> Vec<Vec<f64>> {
    let of = |sample: &Sample| {
        let mut batch = Packed::default();
        batch.push(sample.trajectory.inputs.ids().iter().copied());
        let logits = read_values(&policy.head(policy.hidden(&batch)).inner()).unwrap();
        let rows = logits.chunks(11).skip(sample.trajectory.start() - 1).take(sample.count());
        rows.map(|row| {
            let scaled: Vec<f64> = row.iter().map(|&l| f64::from(l) / TEMPERATURE).collect();
            let max = scaled.iter().copied().fold(f64::MIN, f64::max);
            let total: f64 = scaled.iter().map(|l| (l - max).exp()).sum();
            scaled.iter().map(|l| (l - max).exp() / total).map(|p| -p * p.ln()).sum()
        })
        .collect()
    };
    experience.samples.iter().map(of).collect()
}

#[test]
fn minibatches_are_an_even_split_that_depends_on_seed_step_and_pass_alone() {
    let policy = model(1, &Device::flex().autodiff());
    let experience = experience(&policy, 0.1);
    let recipe = recipe("", "minibatches = 2\nnum_iterations = 3\nmicro_batch_size = 4");
    let batching = Batching::of(&recipe);
    let split = minibatches(&experience, &batching, 7, 1);
    assert_eq!(split, minibatches(&experience, &batching, 7, 1));
    let passes = plan(&experience, &batching, 7, &Alone).unwrap();
    assert_eq!((passes.len(), &passes[2..4]), (6, &split[..]));
    assert_eq!(split.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    let mut all = split.concat();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);
}

#[test]
fn a_log_prob_that_is_no_number_stops_the_update_and_names_the_group() {
    let mut policy = model(1, &Device::flex().autodiff());
    let experience = experience(&policy, 0.1);
    let name = "model.norm.weight";
    let broken = policy.parameters()[name].clone().inner() * f32::NAN;
    policy.set_parameter(name, broken).unwrap();
    let before = policy.to_weights().unwrap();
    let recipe = recipe("", "micro_batch_size = 3");
    let mut learners = learners(&policy, &recipe);
    match step(&mut learners, None, &experience, &recipe) {
        Err(UpdateError::NonFinite(error)) => {
            assert_eq!(error.problem, "problem-0");
            assert_eq!(error.what, "a log-prob");
        }
        _ => panic!("a NaN was trained on"),
    }
    let Learner { model: policy, descent } = learners.policy;
    assert_eq!(descent.updates(), 0);
    let name = "model.embed_tokens.weight";
    assert_eq!(policy.to_weights().unwrap()[name].data, before[name].data);
}

/// Invariant: generation and loss see the same log-probs. On the CPU both go forward with the same
/// kernels in the same order: the ratio is 1 to the bit.
#[test]
fn the_ratio_is_one_on_the_first_minibatch_at_every_temperature() {
    for temperature in [0.5, 1.0, 1.7] {
        let mut recipe = recipe("", "minibatches = 2\nmicro_batch_size = 5");
        recipe.rollout.temperature = temperature;
        let policy = model(3, &Device::flex().autodiff());
        let experience = drawn(&policy, temperature, Storage::F32);
        let mut learners = learners(&policy, &recipe);
        let report = step(&mut learners, None, &experience, &recipe).expect("the loss is finite");
        assert!(report.trained_tokens > 12, "{report:?}");
        assert_eq!((report.mismatch_ratio, report.mismatch_kl), (0.0, 0.0), "{temperature}");
        assert_eq!(learners.policy.descent.updates(), 2);
    }
}

/// With rounded weights another distribution is drawn from. The ratio is then the importance weight
/// of each token over the log-prob that it was really drawn with, and the mismatch is that weight's
/// distance from 1: both worked out from what an unrounded engine says of the same tokens.
#[test]
fn draws_of_rounded_weights_are_weighted_by_what_drew_them() {
    let mut recipe = recipe("", "micro_batch_size = 5");
    recipe.rollout.temperature = 0.7;
    let policy = model(3, &Device::flex().autodiff());
    let experience = drawn(&policy, 0.7, Storage::Bf16);
    let options = EngineOptions { batch_size: 7, cache_bytes: 1 << 24, storage: Storage::F32 };
    let mut exact = Engine::new(policy.config(), &policy.to_weights().unwrap(), &options).unwrap();
    let (mut k3, mut largest, mut tokens) = (0.0, 0.0_f64, 0);
    for sample in &experience.samples {
        let completion = &sample.trajectory.tokens();
        let prompt = Inputs::from(prompt_of(sample).to_vec());
        let item = ScoreItem { prompt: &prompt, completion };
        let go_on = &mut |_| std::ops::ControlFlow::Continue(());
        let under =
            exact.score(&[item], &Sampling::whole(0.7).unwrap(), go_on).unwrap().remove(0).logprobs;
        for (trainer, sampler) in under.iter().zip(sample.logprobs().unwrap()) {
            let drift = f64::from(*trainer) - f64::from(*sampler);
            k3 += drift.exp() - drift - 1.0;
            largest = largest.max((drift.exp() - 1.0).abs());
            tokens += 1;
        }
    }
    let report = step(&mut learners(&policy, &recipe), None, &experience, &recipe)
        .expect("the loss is finite");
    assert_eq!(report.trained_tokens, tokens);
    assert!(largest > 1e-4, "the weights were not rounded: {largest}");
    // The same numbers in the same precision; only the order of the sum may differ.
    assert!((report.mismatch_ratio - largest).abs() < 1e-12, "{report:?} {largest}");
    assert!((report.mismatch_kl - k3 / f64::from(tokens as u32)).abs() < 1e-12, "{report:?} {k3}");
}

/// Completions of four prompts under weights stored so, three each.
fn drawn(policy: &Transformer, temperature: f64, storage: Storage) -> Experience {
    let options = EngineOptions { batch_size: 7, cache_bytes: 1 << 24, storage };
    let weights = policy.to_weights().unwrap();
    let mut engine = Engine::new(policy.config(), &weights, &options).unwrap();
    let prompts: Vec<Vec<u32>> = vec![vec![1, 2, 3], vec![4], vec![5, 6, 7, 8, 9], vec![10, 0]];
    let inputs: Vec<Inputs> = prompts.iter().cloned().map(Inputs::from).collect();
    let problems: Vec<String> = (0..4).map(|group| format!("problem-{group}")).collect();
    let requests: Vec<Request<'_>> = inputs
        .iter()
        .zip(&problems)
        .map(|(prompt, stream)| Request { prompt, stream, first: 0, count: 3 })
        .collect();
    let sampling = Sampling {
        temperature,
        stop_tokens: [1].into(),
        seed: 1,
        purpose: "test".into(),
        ..Sampling::new(8)
    };
    let go_on = &mut |_| std::ops::ControlFlow::Continue(());
    let drawn = generate(&mut engine, &requests, &sampling, go_on).unwrap();
    let mut samples = Vec::new();
    for (group, completions) in drawn.into_iter().enumerate() {
        for (member, completion) in completions.into_iter().enumerate() {
            let mut sample = testing::sample(group, &prompts[group], &completion.tokens, false);
            sample.signals.rl.fill([1.0, -0.5, -0.5][member]);
            sample.trajectory.logprobs = Some(completion.logprobs);
            samples.push(sample);
        }
    }
    Experience::new(problems, samples)
}

/// On a shared trunk the gradient is that of the policy's loss plus `value_coef` times that of the
/// value's, each by a forward of its own: whether both are asked of the same completions, so that
/// there is one forward, or the policy of fewer.
#[test]
fn on_a_shared_trunk_the_gradient_is_that_of_both_losses() {
    let mut policy = model(1, &Device::flex().autodiff()).with_value_head();
    let mut head = policy.value_head().unwrap();
    let mut rng = rng(6, "test/head", &[]);
    let values = head.values_mut().flat_map(|host| &mut host.data);
    values.for_each(|v| *v = rng.random_range(-0.5..0.5));
    policy.set_value_head(&head).unwrap();
    let mut experience = experience(&policy, 0.4);
    let mut values = ValueEstimates::default();
    for sample in &experience.samples {
        let mut some = || (0..sample.count()).map(|_| rng.random_range(-1.0..1.0)).collect();
        values.before.push(some());
        values.targets.push(some());
    }
    experience.values = Some(values);
    for (lines, alike) in [("mask_truncated_completions = true", false), ("kl_coef = 0.1", true)] {
        let text = format!("name = \"ppo\"\n{lines}");
        let critic = "[critic]\ntrunk = \"shared\"\nvalue_coef = 0.7";
        let shared = recipe_with(&text, "micro_batch_size = 4", critic);
        let base = alike.then(|| model(2, &Device::flex()));
        let of = |kept: &[Vec<usize>]| kept.concat();
        let asked = |batches: Vec<MicroBatch>| {
            of(&batches.into_iter().map(|batch| batch.rows).collect::<Vec<_>>())
        };
        let (groups, cut) = ([0, 1, 2, 3], Cut::of(4));
        experience.samples.iter_mut().for_each(|sample| terms(sample, &shared.algorithm));
        let scored = base.as_ref().map(|base| score_all(base, &experience, &shared).unwrap());
        let batches = micro_batches(&experience, &groups, scored.as_deref(), &shared);
        let Ok(batches) = batches else { panic!("the rows are weighted") };
        let valued = value_batches(&experience, &groups, cut, &Alone).unwrap();
        assert_eq!(asked(batches) == asked(valued), alike);

        let (loss, both) = gradient(&policy, base.as_ref(), &experience, &shared);
        let alone = recipe(&text.replace("ppo", "reinforce_pp"), "micro_batch_size = 4");
        let (policy_loss, mut parts) = gradient(&policy, base.as_ref(), &experience, &alone);
        assert_eq!(loss, policy_loss);
        let settings = shared.critic.as_ref().unwrap();
        let mut values = NamedGradients::zeros(&policy);
        for batch in value_batches(&experience, &groups, cut, &Alone).unwrap() {
            let (read, trace) = policy.values_composed(&batch.packed, batch.positions.clone());
            let Ok(part) = value_loss(read, &batch, &experience, settings) else {
                panic!("the loss is finite");
            };
            values.add(&policy, trace, part.loss);
        }
        let mut value_part = 0.0;
        for (name, sum) in &mut parts {
            for (sum, value) in sum.iter_mut().zip(read_values(&values.tensors()[name]).unwrap()) {
                *sum += 0.7 * value;
                value_part += f64::from(0.7 * value).powi(2);
            }
        }
        // Sums of f32 in another order; the value's part is no rounding.
        assert!(value_part.sqrt() > 0.05 * norm(&both), "{value_part}");
        assert!(distance(&both, &parts) < 1e-4 * norm(&both), "{}", distance(&both, &parts));
    }
}

#[path = "update/witnesses.rs"]
mod witnesses;

#[path = "update/sources.rs"]
mod sources;
