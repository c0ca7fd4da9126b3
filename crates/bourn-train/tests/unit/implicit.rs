use std::collections::BTreeMap;

use bourn_recipe::Recipe;

use super::*;
use crate::checkpoint::State;
use crate::optimizer::NamedGradients;
use crate::testing::{self, model, recipe_with};
use crate::world::Alone;

/// Two groups of three completions; the first of each is correct.
fn experience() -> Experience {
    testing::two_groups("test/implicit")
}

fn settings(more: &str) -> Recipe {
    let more = format!("[implicit_reward]\nbeta = 0.5\n{more}");
    recipe_with("name = \"rloo\"", "micro_batch_size = 4", &more)
}

/// A policy, a model of its own weights beside it, and what that is held against.
struct Fitted {
    learners: Learners,
    implicit: Implicit,
}

impl Fitted {
    fn model(&self) -> &Transformer {
        self.learners.model(IMPLICIT).unwrap()
    }

    fn learn_and_pay(&mut self, experience: &mut Experience, recipe: &Recipe, step: u64) {
        let Fitted { learners, implicit } = self;
        let settings = recipe.implicit_reward.as_ref().unwrap();
        let (scoring, batching) = (Scoring::of(recipe), Batching::of(recipe));
        implicit
            .learn_and_pay(learners, experience, settings, scoring, &batching, step, &Alone)
            .expect("finite");
    }
}

/// A model of its own weights against another's.
fn implicit(own: u64, reference: u64, recipe: &Recipe) -> Fitted {
    let device = Device::flex().autodiff();
    let settings = recipe.implicit_reward.as_ref().unwrap();
    let mut learners = testing::learners(model(1, &device), recipe);
    let own = model(own, &device);
    let (config, base) = (own.config().clone(), own.to_weights().unwrap());
    Implicit::add(&mut learners, settings, &recipe.rl(), &config, &base, &device).unwrap();
    Fitted { learners, implicit: Implicit { reference: model(reference, &Device::flex()) } }
}

fn score_all(
    model: &Transformer,
    experience: &Experience,
    recipe: &Recipe,
) -> Result<Vec<Vec<f32>>, TrainError> {
    super::score_all(model, experience, Scoring::of(recipe))
}

/// Loss and gradient of the one minibatch of all groups.
fn total(
    model: &Transformer,
    reference: &Transformer,
    experience: &Experience,
    recipe: &Recipe,
) -> (f64, BTreeMap<String, Vec<f32>>) {
    let reference = score_all(reference, experience, recipe).unwrap();
    let settings = recipe.implicit_reward.as_ref().unwrap();
    let mut objective =
        VerdictObjective::new(experience, &reference, settings, Scoring::of(recipe));
    let descent = Descent::new(&recipe.optimizer, 1);
    let (loss, gradients): (f64, NamedGradients) =
        descent.gradient(model, &[0, 1], &mut objective, &Alone).expect("the loss is finite");
    let read = |(name, g): (&String, _)| (name.clone(), read_values(g).unwrap());
    (loss, gradients.tensors().iter().map(read).collect())
}

#[test]
fn the_loss_is_that_of_the_plain_twin() {
    let recipe = settings("");
    let (fitted, experience) = (implicit(3, 4, &recipe), experience());
    let reference = &fitted.implicit.reference;
    let own = score_all(fitted.model(), &experience, &recipe).unwrap();
    let of = score_all(reference, &experience, &recipe).unwrap();
    let mut expect = 0.0;
    for ((sample, own), of) in experience.samples.iter().zip(own).zip(of) {
        let rewards = bourn_algo::implicit_rewards(&own, &of, 0.5).unwrap();
        expect += bourn_algo::implicit_loss(rewards.iter().sum(), sample.correct()).0 / 6.0;
    }
    let (got, _) = total(fitted.model(), reference, &experience, &recipe);
    // Sums of up to four f32 numbers of about three, six times.
    assert!((got - expect).abs() < 2e-6, "{got} {expect}");
}

#[test]
fn gradients_agree_with_finite_differences_and_do_not_depend_on_micro_batches() {
    let recipe = settings("");
    let (fitted, experience) = (implicit(3, 4, &recipe), experience());
    let (model, reference) = (fitted.model(), &fitted.implicit.reference);
    let (whole, analytic) = total(model, reference, &experience, &recipe);
    let length = analytic.values().flatten().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
    assert!(length > 1e-2, "{length}");
    // Along the normalised gradient the slope is the gradient's length.
    let step = 2e-3f32;
    let along = |sign: f32| {
        let mut moved = model.clone();
        for (name, tensor) in model.parameters() {
            let d: Vec<f32> = analytic[name].iter().map(|g| g / length as f32).collect();
            let d = Tensor::<2>::from_data(TensorData::new(d, tensor.dims()), &Device::flex());
            moved.set_parameter(name, tensor.clone().inner() + d * (sign * step)).unwrap();
        }
        total(&moved, reference, &experience, &recipe).0
    };
    let numeric = (along(1.0) - along(-1.0)) / (2.0 * f64::from(step));
    // As for the policy's: rounding of an f32 loss over the step, and its third derivative.
    assert!((numeric - length).abs() < 1e-3 * length + 5e-4, "{numeric} {length}");

    let mut other = recipe.clone();
    for size in [1, 6] {
        other.train.micro_batch_size = size;
        let (parts, gradient) = total(model, reference, &experience, &other);
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
    implicit.learn_and_pay(&mut experience, &recipe, 0);
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
        implicit.learn_and_pay(&mut experience, &recipe, step);
        let own = score_all(implicit.model(), &experience, &recipe).unwrap();
        let of = score_all(&implicit.implicit.reference, &experience, &recipe).unwrap();
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
    assert_eq!(implicit.learners.get(IMPLICIT).unwrap().descent().updates(), 20);
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
    a.learn_and_pay(&mut all, &recipe, 0);
    b.learn_and_pay(&mut first, &recipe, 0);
    assert_eq!(a.model().to_weights().unwrap(), b.model().to_weights().unwrap());
    assert!(all.implicit.unwrap().rewards[4].iter().any(|&reward| reward != 0.0));
}

#[test]
fn a_restored_model_goes_on_to_the_bit() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = settings("lr = 1e-2");
    let mut one = implicit(3, 4, &recipe);
    one.learn_and_pay(&mut experience(), &recipe, 0);
    one.learners.save(dir.path()).unwrap();
    let mut state = State::new("", "");
    one.learners.count(&mut state);
    assert_eq!((state.updates, state.implicit_updates), (0, 1));
    let mut restored = implicit(8, 4, &recipe);
    restored.learners.restore(dir.path(), &state).unwrap();
    let on = |fitted: &mut Fitted| {
        let mut experience = experience();
        fitted.learn_and_pay(&mut experience, &recipe, 1);
        let paid = experience.implicit.unwrap().rewards;
        let moments = fitted.learners.get(IMPLICIT).unwrap().descent().moments().unwrap();
        (fitted.model().to_weights().unwrap(), moments, paid)
    };
    assert_eq!(on(&mut one), on(&mut restored));

    std::fs::remove_file(dir.path().join("implicit_reward.safetensors")).unwrap();
    let error = restored.learners.restore(dir.path(), &state).unwrap_err();
    assert!(error.to_string().contains("implicit_reward.safetensors"), "{error}");
}
