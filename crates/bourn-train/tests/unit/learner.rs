use std::sync::atomic::AtomicBool;

use bourn_model::transformer::Transformer;
use bourn_rollout::RolloutError;
use burn::tensor::Device;

use super::*;
use crate::likelihood::{LabelledText, Likelihood};
use crate::testing::{model, recipe};
use crate::world::Alone;

fn texts() -> Vec<LabelledText> {
    let text = |prompt: &[u32], completion: &[u32]| LabelledText {
        prompt: prompt.to_vec(),
        completion: completion.to_vec(),
    };
    vec![text(&[1, 2, 3], &[5, 6, 1]), text(&[4], &[7, 1]), text(&[2, 9], &[3])]
}

fn likelihood(demonstrations: &[LabelledText], micro_batch_size: usize) -> Likelihood<'_> {
    Likelihood { demonstrations, micro_batch_size, stop: None }
}

/// Moments after one update are (1 − β₁) times the gradient that was taken: as long as the clip lets it
/// be, whatever it was before.
#[test]
fn the_gradient_is_clipped_to_its_largest_norm() {
    let device = Device::flex().autodiff();
    let texts = texts();
    let fitted = |max_grad_norm: f64| {
        let settings = Optimizer { max_grad_norm, ..recipe("", "").optimizer };
        let mut learner = Learner::new(model(1, &device), Descent::new(&settings, 1));
        let fit = learner.fit(&[vec![0, 1, 2]], &mut likelihood(&texts, 8), &Alone).unwrap();
        let moments = learner.descent.moments().unwrap();
        let first = moments.iter().filter(|(name, _)| name.starts_with("m/"));
        let squares = first.flat_map(|(_, host)| host.data.iter());
        let norm = squares.map(|&m| f64::from(m).powi(2)).sum::<f64>().sqrt();
        (fit.grad_norm, norm / (1.0 - settings.beta1))
    };
    let (before, taken) = fitted(0.0);
    assert!(before > 0.1 && (taken / before - 1.0).abs() < 1e-5, "{before} {taken}");
    for share in [0.5, 2.0] {
        let (told, taken) = fitted(share * before);
        // What is told is the norm before the clip. Rounding of f32 numbers.
        assert_eq!(told, before);
        assert!((taken / (before * share.min(1.0)) - 1.0).abs() < 1e-5, "{share}: {taken}");
    }
}

/// Each update has the learning rate of its place in the whole schedule, over several calls too.
#[test]
fn the_pace_is_that_of_the_schedule() {
    let settings = Optimizer {
        lr: 0.8e-3,
        warmup_steps: 2,
        schedule: bourn_recipe::Schedule::Linear,
        ..recipe("", "").optimizer
    };
    let texts = texts();
    let descent = Descent::new(&settings, 6);
    let mut learner = Learner::new(model(1, &Device::flex().autodiff()), descent);
    let mut rates = Vec::new();
    for plan in [vec![vec![0]], vec![vec![1], vec![2]], vec![vec![0]], vec![vec![1]]] {
        let fit = learner.fit(&plan, &mut likelihood(&texts, 8), &Alone).unwrap();
        assert_eq!(fit.updates, plan.len() as u64);
        rates.extend(fit.lr);
    }
    // Two of warmup, then four that fall to 0 at the seventh; the second call had two updates.
    let expect = [0.4e-3, 0.8e-3, 0.6e-3, 0.4e-3];
    assert!(rates.iter().zip(expect).all(|(a, b)| (a - b).abs() < 1e-12), "{rates:?}");
    let none = learner.fit(&[], &mut likelihood(&texts, 8), &Alone).unwrap();
    assert_eq!((none, learner.descent.updates()), (Fit::default(), 5));
}

/// The mean over all tokens of the minibatch, by hand, however it is cut.
#[test]
fn the_likelihood_is_a_mean_over_tokens() {
    let policy = model(1, &Device::flex().autodiff());
    let texts = texts();
    let mut sum = 0.0;
    for LabelledText { prompt, completion } in &texts {
        for (at, &target) in completion.iter().enumerate() {
            let mut batch = bourn_model::transformer::Packed::default();
            batch.push(prompt.iter().chain(&completion[..at]).copied());
            let last = (prompt.len() + at - 1) as i64;
            let (scores, _) = policy.score(&batch, vec![last], &[target], 1.0, false);
            sum -= f64::from(bourn_model::transformer::read_values(&scores.logprobs).unwrap()[0]);
        }
    }
    let descent = Descent::new(&recipe("", "").optimizer, 1);
    let of = |policy: &Transformer, size: usize| {
        descent.gradient(policy, &[0, 1, 2], &mut likelihood(&texts, size), &Alone).unwrap()
    };
    let (whole, gradient) = of(&policy, 8);
    // Six f32 numbers of about two.
    assert!((whole - sum / 6.0).abs() < 1e-6, "{whole} {sum}");
    let (parts, other) = of(&policy, 1);
    assert!((parts - whole).abs() < 1e-6);
    let (a, b) = (gradient.norm().unwrap(), other.norm().unwrap());
    assert!((a / b - 1.0).abs() < 1e-5, "{a} {b}");
}

/// Between two micro batches, and without a trace of the first.
#[test]
fn a_step_that_is_stopped_teaches_nothing() {
    let texts = texts();
    let settings = recipe("", "").optimizer;
    let model = model(1, &Device::flex().autodiff());
    let before = model.to_weights().unwrap();
    let mut learner = Learner::new(model, Descent::new(&settings, 1));
    let stop = AtomicBool::new(true);
    let mut objective = Likelihood { stop: Some(&stop), ..likelihood(&texts, 1) };
    let stopped = learner.fit(&[vec![0, 1, 2]], &mut objective, &Alone);
    assert!(matches!(
        stopped,
        Err(UpdateError::Train(TrainError::Rollout(RolloutError::Interrupted)))
    ));
    assert_eq!(learner.descent.updates(), 0);
    assert!(learner.model.to_weights().unwrap() == before);
}
