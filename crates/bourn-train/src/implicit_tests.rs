use std::collections::BTreeMap;

use bourn_seed::rng;
use rand::Rng;

use super::*;
use crate::testing::{self, model, recipe_with};

const PROMPTS: [&[u32]; 2] = [&[1, 2, 3], &[4, 5]];

/// Two groups of three completions; the first of each is correct.
fn experience() -> Experience {
    let mut rng = rng(9, "test/implicit", &[]);
    let sample = |index: usize| {
        let length = 2 + index % 3;
        let correct = index.is_multiple_of(3);
        let tokens: Vec<u32> = (0..length).map(|_| rng.random_range(0..11)).collect();
        testing::sample(index / 3, PROMPTS[index / 3], &tokens, correct)
    };
    let samples = (0..6).map(sample).collect();
    Experience::new(vec!["a".into(), "b".into()], samples)
}

fn settings(more: &str) -> Recipe {
    let more = format!("[implicit_reward]\nbeta = 0.5\n{more}");
    recipe_with("name = \"rloo\"", "micro_batch_size = 4", &more)
}

/// A model of its own weights against another's.
fn implicit(own: u64, reference: u64, recipe: &Recipe) -> Implicit {
    let optimizer = recipe.implicit_reward.as_ref().unwrap().optimizer(&recipe.optimizer);
    Implicit {
        model: model(own, &Device::flex().autodiff()),
        optimizer: AdamWOptimizer::new(&optimizer),
        reference: model(reference, &Device::flex()),
    }
}

/// Loss and gradient of the one minibatch of all groups.
fn total(
    implicit: &Implicit,
    experience: &Experience,
    recipe: &Recipe,
) -> (f64, BTreeMap<String, Vec<f32>>) {
    let reference = score_all(&implicit.reference, experience, recipe).unwrap();
    let mut gradients = NamedGradients::zeros(&implicit.model);
    let mut sum = 0.0;
    for batch in batches(experience, &[0, 1], &reference, recipe).unwrap() {
        let settings = recipe.implicit_reward.as_ref().unwrap();
        let part = verdict_loss(&implicit.model, &batch, experience, settings, recipe);
        let Ok(part) = part else { panic!("the loss is finite") };
        sum += part.value;
        gradients.add(&implicit.model, part.trace, part.loss);
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
fn the_loss_is_that_of_the_plain_twin() {
    let recipe = settings("");
    let (implicit, experience) = (implicit(3, 4, &recipe), experience());
    let own = score_all(&implicit.model, &experience, &recipe).unwrap();
    let of = score_all(&implicit.reference, &experience, &recipe).unwrap();
    let mut expect = 0.0;
    for ((sample, own), of) in experience.samples.iter().zip(own).zip(of) {
        let rewards = bourn_algo::implicit_rewards(&own, &of, 0.5).unwrap();
        expect += bourn_algo::implicit_loss(rewards.iter().sum(), sample.correct()).0 / 6.0;
    }
    let (got, _) = total(&implicit, &experience, &recipe);
    // Sums of up to four f32 numbers of about three, six times.
    assert!((got - expect).abs() < 2e-6, "{got} {expect}");
}

#[test]
fn gradients_agree_with_finite_differences_and_do_not_depend_on_micro_batches() {
    let recipe = settings("");
    let (implicit, experience) = (implicit(3, 4, &recipe), experience());
    let (whole, analytic) = total(&implicit, &experience, &recipe);
    let length = analytic.values().flatten().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
    assert!(length > 1e-2, "{length}");
    // Along the normalised gradient the slope is the gradient's length.
    let step = 2e-3f32;
    let along = |sign: f32| {
        let mut moved = implicit.clone();
        for (name, tensor) in implicit.model.parameters() {
            let d: Vec<f32> = analytic[name].iter().map(|g| g / length as f32).collect();
            let d = Tensor::<2>::from_data(TensorData::new(d, tensor.dims()), &Device::flex());
            moved.model.set_parameter(name, tensor.clone().inner() + d * (sign * step)).unwrap();
        }
        total(&moved, &experience, &recipe).0
    };
    let numeric = (along(1.0) - along(-1.0)) / (2.0 * f64::from(step));
    // As for the policy's: rounding of an f32 loss over the step, and its third derivative.
    assert!((numeric - length).abs() < 1e-3 * length + 5e-4, "{numeric} {length}");

    let mut other = recipe.clone();
    for size in [1, 6] {
        other.train.micro_batch_size = size;
        let (parts, gradient) = total(&implicit, &experience, &other);
        let pairs = gradient.values().flatten().zip(analytic.values().flatten());
        let far = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        // Sums of f32 in another order.
        assert!((parts - whole).abs() < 1e-6 && far < 1e-5, "{size}: {far}");
    }
}

/// A model that is its reference pays nothing, has a loss of ln 2, and says wrong of everything.
#[test]
fn a_model_that_is_its_reference_pays_nothing() {
    // Four of six are wrong. With a pace this small nothing moves.
    let recipe = settings("lr = 1e-30");
    let (mut implicit, mut experience) = (implicit(3, 3, &recipe), experience());
    let Ok(()) = implicit.learn_and_pay(&mut experience, &recipe, 0) else { panic!("finite") };
    let ImplicitPay { report, rewards } = experience.implicit.clone().unwrap();
    assert_eq!(report.reward, 0.0);
    assert!(rewards.iter().flatten().all(|&reward| reward == 0.0));
    // In f32.
    assert!((report.loss - std::f64::consts::LN_2).abs() < 1e-6, "{report:?}");
    assert!((report.accuracy - 4.0 / 6.0).abs() < 1e-12 && report.grad_norm > 0.0, "{report:?}");
}

/// What is paid is of the model after its update, token by token β times the log-ratio; verdicts
/// alone are learned from; and the same completions again and again are told apart.
#[test]
fn the_model_learns_from_verdicts_before_it_pays() {
    let recipe = settings("lr = 1e-2");
    let mut implicit = implicit(3, 3, &recipe);
    let mut reports = Vec::new();
    for step in 0..20 {
        let mut experience = experience();
        // No label is read from rewards.
        experience.samples.iter_mut().for_each(|sample| sample.judged.reward = 7.0);
        let Ok(()) = implicit.learn_and_pay(&mut experience, &recipe, step) else {
            panic!("finite")
        };
        let own = score_all(&implicit.model, &experience, &recipe).unwrap();
        let of = score_all(&implicit.reference, &experience, &recipe).unwrap();
        let mut sums = 0.0;
        let ImplicitPay { report, rewards } = experience.implicit.clone().unwrap();
        for (((sample, paid), own), of) in experience.samples.iter().zip(rewards).zip(own).zip(of) {
            assert_eq!(paid.len(), sample.count());
            let whole = |all: &[f32]| all.iter().map(|&l| f64::from(l)).sum::<f64>();
            let paid = whole(&paid);
            // Each token's reward was rounded to f32 once.
            assert!((paid - 0.5 * (whole(&own) - whole(&of))).abs() < 1e-5);
            sums += paid / 6.0;
        }
        assert!((report.reward - sums).abs() < 1e-5);
        reports.push(report);
    }
    let (first, last) = (&reports[0], &reports[19]);
    assert!(last.loss < 0.5 * first.loss && last.accuracy == 1.0, "{last:?}");
    assert_eq!(implicit.updates(), 20);
}

/// Groups that are not trained on teach it nothing, and are paid all the same.
#[test]
fn groups_that_are_left_out_are_not_learned_from() {
    let recipe = settings("lr = 1e-2");
    let mut all = experience();
    all.kept = vec![true, false];
    let mut first = experience();
    first.samples.truncate(3);
    first.problems.truncate(1);
    first.kept.truncate(1);
    let [mut a, mut b] = [(); 2].map(|()| implicit(3, 4, &recipe));
    let Ok(()) = a.learn_and_pay(&mut all, &recipe, 0) else { panic!("finite") };
    let Ok(()) = b.learn_and_pay(&mut first, &recipe, 0) else { panic!("finite") };
    assert_eq!(a.model.to_weights().unwrap(), b.model.to_weights().unwrap());
    assert!(all.implicit.unwrap().rewards[4].iter().any(|&reward| reward != 0.0));
}

#[test]
fn a_restored_model_goes_on_to_the_bit() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = settings("lr = 1e-2");
    let mut one = implicit(3, 4, &recipe);
    let Ok(()) = one.learn_and_pay(&mut experience(), &recipe, 0) else { panic!("finite") };
    one.save(dir.path()).unwrap();
    let mut restored = implicit(8, 4, &recipe);
    restored.restore(dir.path(), &recipe, one.updates()).unwrap();
    let on = |implicit: &mut Implicit| {
        let mut experience = experience();
        let Ok(()) = implicit.learn_and_pay(&mut experience, &recipe, 1) else { panic!("finite") };
        let paid = experience.implicit.unwrap().rewards;
        (implicit.model.to_weights().unwrap(), implicit.optimizer.to_weights().unwrap(), paid)
    };
    assert_eq!(on(&mut one), on(&mut restored));

    std::fs::remove_file(dir.path().join(WEIGHTS)).unwrap();
    let error = restored.restore(dir.path(), &recipe, 1).unwrap_err();
    assert!(error.to_string().contains(WEIGHTS), "{error}");
}
