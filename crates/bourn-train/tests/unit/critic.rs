use std::collections::BTreeMap;

use bourn_seed::rng;
use burn::tensor::TensorData;
use rand::Rng;

use bourn_recipe::Recipe;

use super::*;
use crate::checkpoint::State;
use crate::credit;
use crate::learners::POLICY;
use crate::optimizer::NamedGradients;
use crate::settings::Credit;
use crate::testing::{self, model, recipe_with};
use crate::world::Alone;

/// Two groups of three completions; the first of each is correct.
fn experience() -> Experience {
    testing::two_groups("test/critic")
}

/// A model whose value head says something.
fn speaking() -> Transformer {
    let mut model = model(3, &Device::flex().autodiff()).with_value_head();
    let mut head = model.value_head().unwrap();
    let mut rng = rng(4, "test/head", &[]);
    head.values_mut()
        .flat_map(|host| &mut host.data)
        .for_each(|v| *v = rng.random_range(-0.5..0.5));
    model.set_value_head(&head).unwrap();
    model
}

fn ppo(more: &str) -> Recipe {
    recipe_with("name = \"ppo\"", "micro_batch_size = 4", &format!("[critic]\n{more}"))
}

/// Another policy, and beside it this value model.
fn own(model: Transformer, recipe: &Recipe) -> Learners {
    let settings = recipe.critic.as_ref().unwrap();
    let mut learners = testing::learners(testing::model(1, &Device::flex().autodiff()), recipe);
    let descent = Descent::new(
        &settings.optimizer(&recipe.optimizer),
        updates_alone(settings, &recipe.train),
    );
    learners.add(CRITIC, Companion::own(model, descent));
    learners
}

/// One step's updates of the value model.
fn step(
    learners: &mut Learners,
    experience: &Experience,
    recipe: &Recipe,
    step: u64,
) -> CriticReport {
    let (settings, batching) = (recipe.critic.as_ref().unwrap(), Batching::of(recipe));
    update(learners, experience, settings, &batching, step, &Alone).expect("finite")
}

fn evaluated(learners: &Learners, mut experience: Experience, recipe: &Recipe) -> Experience {
    evaluate(learners, &mut experience, Batching::of(recipe).cut).unwrap();
    credit::assign(&mut experience, &Credit::of(recipe), 0, &Alone).unwrap();
    experience
}

fn updates(learners: &Learners) -> u64 {
    learners.get(CRITIC).unwrap().descent().updates()
}

/// Values that were met, and targets.
fn judged(learners: &Learners, recipe: &Recipe) -> Experience {
    evaluated(learners, experience(), recipe)
}

fn total(
    model: &Transformer,
    experience: &Experience,
    recipe: &Recipe,
) -> (f64, BTreeMap<String, Vec<f32>>) {
    let mut gradients = NamedGradients::zeros(model);
    let mut sum = 0.0;
    for batch in value_batches(experience, &[0, 1], Batching::of(recipe).cut, &Alone).unwrap() {
        let settings = recipe.critic.as_ref().unwrap();
        let (values, trace) = model.values(&batch.packed, batch.positions.clone());
        let Ok(part) = value_loss(values, &batch, experience, settings) else {
            panic!("the loss is finite");
        };
        sum += part.value;
        gradients.add(model, trace, part.loss);
    }
    (
        sum,
        gradients
            .tensors()
            .iter()
            .map(|(name, g)| (name.clone(), read_values(g).unwrap()))
            .collect(),
    )
}

#[test]
fn a_new_head_says_zero_and_leaves_the_model_as_it_is() {
    let plain = model(3, &Device::flex().autodiff());
    let with = plain.clone().with_value_head();
    assert_eq!(with.to_weights().unwrap(), plain.to_weights().unwrap());
    let recipe = ppo("");
    let experience = judged(&own(with, &recipe), &recipe);
    let values = experience.values.unwrap().before;
    assert!(values.iter().flatten().all(|&value| value == 0.0));
    let lengths = values.iter().zip(&experience.samples);
    assert!(lengths.into_iter().all(|(values, sample)| values.len() == sample.count()));
}

/// A value is of the prefix before its token, by hand from the hidden states of one sequence.
#[test]
fn a_value_is_read_before_its_token_is_drawn() {
    let (model, recipe) = (speaking(), ppo(""));
    let experience = judged(&own(model.clone(), &recipe), &recipe);
    let (sample, values) = (&experience.samples[4], &experience.values.as_ref().unwrap().before[4]);
    let ids = sample.trajectory.inputs.ids();
    for t in 0..sample.count() {
        let mut batch = bourn_model::transformer::Packed::default();
        batch.push(ids[..sample.trajectory.start() + t].iter().copied());
        let hidden = read_values(&model.hidden(&batch).inner()).unwrap();
        let last = &hidden[hidden.len() - 16..];
        let head = model.value_head().unwrap();
        let weight = &head["value_head.weight"].data;
        let value: f32 = last.iter().zip(weight).map(|(h, w)| h * w).sum();
        // Sixteen products in f32, in another batch.
        let expect = value + head["value_head.bias"].data[0];
        assert!((values[t] - expect).abs() < 1e-5, "{t}");
    }
}

/// The values of every other trajectory by one number, of the rest by another.
fn moved(values: &mut ValueEstimates, by: [f32; 2]) {
    for (index, own) in values.before.iter_mut().enumerate() {
        own.iter_mut().for_each(|value| *value += by[index % 2]);
    }
}

/// The loss against its plain twin, with values that have moved since they were met.
#[test]
fn the_value_loss_is_that_of_the_plain_twin() {
    for clip in ["value_clip = 0", "value_clip = 0.1"] {
        let recipe = ppo(clip);
        let clip = recipe.critic.as_ref().unwrap().value_clip;
        let mut experience = judged(&own(speaking(), &recipe), &recipe);
        let values = experience.values.as_mut().unwrap();
        let now = values.before.clone();
        moved(values, [0.3, -0.05]);
        let tokens: usize = now.iter().map(Vec::len).sum();
        let mut expect = 0.0;
        let old = values.before.iter().flatten().zip(values.targets.iter().flatten());
        for (&v, (&old, &target)) in now.iter().flatten().zip(old) {
            let [v, old, target] = [v, old, target].map(f64::from);
            expect += bourn_algo::value_loss(v, old, target, clip).0 / tokens as f64;
        }
        let (got, _) = total(&speaking(), &experience, &recipe);
        // Eighteen squares in f32.
        assert!((got - expect).abs() < 1e-6, "{got} {expect}");
    }
}

#[test]
fn value_gradients_agree_with_finite_differences_and_do_not_depend_on_micro_batches() {
    let recipe = ppo("value_clip = 0.2");
    let model = speaking();
    let mut experience = judged(&own(model.clone(), &recipe), &recipe);
    moved(experience.values.as_mut().unwrap(), [0.4, -0.1]);
    let (whole, analytic) = total(&model, &experience, &recipe);
    let length = analytic.values().flatten().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
    assert!(length > 1e-3);
    // Along the normalised gradient the slope is the gradient's length.
    let step = 2e-3f32;
    let along = |sign: f32| {
        let mut moved = model.clone();
        for (name, tensor) in model.parameters() {
            let d: Vec<f32> = analytic[name].iter().map(|g| g / length as f32).collect();
            let d = Tensor::<2>::from_data(TensorData::new(d, tensor.dims()), &Device::flex());
            moved.set_parameter(name, tensor.clone().inner() + d * (sign * step)).unwrap();
        }
        total(&moved, &experience, &recipe).0
    };
    let numeric = (along(1.0) - along(-1.0)) / (2.0 * f64::from(step));
    // As for the policy's: rounding of an f32 loss over the step, and its third derivative.
    assert!((numeric - length).abs() < 1e-3 * length + 5e-4, "{numeric} {length}");

    let mut other = recipe.clone();
    for size in [1, 6] {
        other.train.micro_batch_size = size;
        let (parts, gradient) = total(&model, &experience, &other);
        let pairs = gradient.values().flatten().zip(analytic.values().flatten());
        let far = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        // Sums of f32 in another order.
        assert!((parts - whole).abs() < 1e-6 && far < 1e-5, "{size}: {far}");
    }
}

/// On targets that stay, updates bring the loss down and the explained variance up, and leave the
/// policy alone.
#[test]
fn updates_fit_the_targets() {
    let recipe = ppo("lr = 1e-2\nvalue_clip = 0");
    let mut critic = own(model(3, &Device::flex().autodiff()).with_value_head(), &recipe);
    let before = critic.policy.model.to_weights().unwrap();
    let mut reports = Vec::new();
    for at in 0..30 {
        let experience = judged(&critic, &recipe);
        reports.push(step(&mut critic, &experience, &recipe, at));
    }
    let (first, last) = (&reports[0], &reports[29]);
    assert_eq!(first.explained, Some(0.0));
    assert!(last.explained.unwrap() > 0.5, "{last:?}");
    assert!(last.loss < 0.5 * first.loss && last.calibration < first.calibration, "{last:?}");
    assert_eq!(updates(&critic), 30);
    assert_eq!(critic.policy.model.to_weights().unwrap(), before);
}

#[test]
fn a_restored_critic_goes_on_to_the_bit() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = ppo("lr = 1e-2");
    let mut critic = own(speaking(), &recipe);
    let experience = judged(&critic, &recipe);
    step(&mut critic, &experience, &recipe, 0);
    critic.save(dir.path()).unwrap();
    let mut state = State::new("", "");
    critic.count(&mut state);
    let mut restored = own(model(8, &Device::flex().autodiff()).with_value_head(), &recipe);
    restored.restore(dir.path(), &state).unwrap();
    let weights = |critic: &mut Learners| {
        let experience = judged(critic, &recipe);
        step(critic, &experience, &recipe, 1);
        let Some(Companion::Own(own)) = critic.get(CRITIC) else { panic!("a trunk of its own") };
        let moments = own.descent.moments().unwrap();
        (own.model.to_weights().unwrap(), own.model.value_head().unwrap(), moments)
    };
    assert_eq!(weights(&mut critic), weights(&mut restored));

    std::fs::remove_file(dir.path().join("critic.safetensors")).unwrap();
    let error = restored.restore(dir.path(), &state).unwrap_err();
    assert!(error.to_string().contains("critic.safetensors"), "{error}");
}

/// What a step that failed puts back is what it began with, to the bit, and the rest stays.
#[test]
fn a_step_that_failed_leaves_no_trace() {
    let recipe = ppo("lr = 1e-2");
    let mut critic = own(speaking(), &recipe);
    let everything = |critic: &Learners| {
        let model = critic.model(CRITIC).unwrap();
        let moments = critic.get(CRITIC).unwrap().descent().moments().unwrap();
        (model.to_weights().unwrap(), model.value_head().unwrap(), moments, updates(critic))
    };
    let experience = judged(&critic, &recipe);
    step(&mut critic, &experience, &recipe, 0);
    let kept = everything(&critic);
    let mut before = crate::learners::Before::default();
    critic.remember(&mut before, &[POLICY, CRITIC, "nobody"]);
    step(&mut critic, &experience, &recipe, 1);
    assert_ne!(everything(&critic), kept);
    let plan = [vec![0]];
    let mut objective =
        crate::likelihood::Likelihood { demonstrations: &[], micro_batch_size: 1, stop: None };
    let nobody = critic.fit("nobody", &plan, &mut objective, &Alone).unwrap_err();
    assert!(
        matches!(&nobody, UpdateError::Train(TrainError::NoLearner { name }) if name == "nobody")
    );
    // What is remembered is the beginning, whoever asks again.
    critic.remember(&mut before, &[CRITIC]);
    critic.put_back(before);
    assert_eq!(everything(&critic), kept);
}

/// Where the policy waits, a shared trunk's head alone is trained: the loss falls, the trunk stays,
/// and a restored critic goes on to the bit.
#[test]
fn the_head_of_a_trunk_that_waits_is_trained_alone() {
    let recipe = ppo("trunk = \"shared\"\ncritic_warmup = 40\nlr = 3e-2\nvalue_clip = 0");
    let new = || {
        let model = model(3, &Device::flex().autodiff());
        let (config, base) = (model.config().clone(), model.to_weights().unwrap());
        let mut learners = testing::learners(model, &recipe);
        let settings = recipe.critic.as_ref().unwrap();
        add(&mut learners, settings, &recipe.rl(), &config, &base, &Device::flex().autodiff())
            .unwrap();
        learners
    };
    let mut critic = new();
    let trunk = critic.policy.model.to_weights().unwrap();
    let go_on = |critic: &mut Learners, at| {
        let experience = judged(critic, &recipe);
        step(critic, &experience, &recipe, at)
    };
    let reports: Vec<_> = (0..40).map(|at| go_on(&mut critic, at)).collect();
    let (first, last) = (&reports[0], &reports[39]);
    assert!(last.loss < 0.7 * first.loss && last.explained > Some(0.1), "{last:?}");
    assert!(first.grad_norm > Some(0.0) && first.lr == Some(3e-2));
    assert_eq!(updates(&critic), 40);
    assert_eq!(critic.policy.model.to_weights().unwrap(), trunk);

    let dir = tempfile::tempdir().unwrap();
    critic.save(dir.path()).unwrap();
    let mut state = State::new("", "");
    critic.count(&mut state);
    let mut restored = new();
    restored.restore(dir.path(), &state).unwrap();
    go_on(&mut critic, 40);
    go_on(&mut restored, 40);
    let head = |critic: &Learners| critic.policy.model.value_head().unwrap();
    assert_eq!(head(&critic), head(&restored));
}

/// On fresh draws at every step, where the first token decides the reward, values learn to foresee
/// it: of the variance of all tokens' targets they come to explain what can be known, which is all
/// but that of first tokens.
#[test]
fn values_foresee_what_the_prefix_decides() {
    let recipe = ppo("lr = 1e-2\nvalue_clip = 0");
    let mut critic = own(model(3, &Device::flex().autodiff()).with_value_head(), &recipe);
    let mut explained = Vec::new();
    for at in 0..60 {
        let mut rng = rng(at, "test/fresh", &[]);
        let sample = |index: usize| {
            let tokens: Vec<u32> = (0..4).map(|_| rng.random_range(0..11)).collect();
            let correct = tokens[0] < 5;
            testing::sample(index / 16, testing::PROMPTS[index / 16], &tokens, correct)
        };
        let samples = (0..32).map(sample).collect();
        let experience = Experience::new(vec!["a".into(), "b".into()], samples);
        let experience = evaluated(&critic, experience, &recipe);
        explained.push(step(&mut critic, &experience, &recipe, at).explained.unwrap());
    }
    assert_eq!(explained[0], 0.0);
    // Three tokens of four know the reward: 0.75 is the most there is, and half of that is no
    // accident of 128 tokens, of which noise would explain less than nothing.
    let last = explained[50..].iter().sum::<f64>() / 10.0;
    assert!(last > 0.375 && last < 0.8, "{explained:?}");
}
